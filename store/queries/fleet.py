"""Totals: the header's facts about the fleet, and what all ended runs came to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from store.lifecycle import ENDED, OFFLINE_AFTER_INTERVALS
from store.queries.window import quoted
from store.reader import Reader
from store.vocabulary import JobRunStatus, RunKind

_IS_ACTIVE = f"status NOT IN ({quoted(sorted(ENDED))})"
"""In the very words of the partial indexes: a list of the active statuses would read the whole history."""

RATE_WINDOW_MS = 10_000
"""A live rate is the mean over this much time."""

COUNTERS = tuple(
    f"{unit}_{word}"
    for unit in ("items", "bytes")
    for word in (
        "scanned",
        "transferred",
        "no_transfer_needed",
        "excluded",
        "unsupported",
        "failed",
        "changed",
        "deleted",
        "delete_withheld",
    )
)
"""Items and bytes of a run by outcome, as the columns are named."""

LOOK_COUNTERS = ("items_failed", "items_changed", "items_unsupported", "items_delete_withheld")
"""Of these an admin wants to know whatever the run's status is: a run with any has not done all that it was to do."""


class Fleet(NamedTuple):
    """The header's facts: agents by what can be said of them, active runs, and their rate in bytes/s."""

    agents: int
    offline: int
    attention: int
    active_runs: int
    queued_runs: int
    rate: float


class RunTotals(NamedTuple):
    """The runs of a mover that have ended with a status, and the sums of their counters by name."""

    mover_id: int
    kind: RunKind
    status: JobRunStatus
    runs: int
    counters: dict[str, int]


def rates(reader: Reader, run_ids: Iterable[int]) -> dict[int, tuple[float, float]]:
    """Bytes and items a second of these runs over the last ten seconds; a run without samples has none.

    A resumed run counts from zero again: only what was added from one sample to the next is summed.
    """
    numbers = ", ".join(str(int(number)) for number in run_ids)
    if not numbers:
        return {}
    rows = reader.rows(
        f"""SELECT run_id, max(at) - min(at) AS span,
                   sum(CASE WHEN more_bytes > 0 THEN more_bytes * 1.0 ELSE 0 END) AS bytes,
                   sum(CASE WHEN more_items > 0 THEN more_items * 1.0 ELSE 0 END) AS items
            FROM (SELECT run_id, at, coalesce(bytes - lag(bytes) OVER earlier, 0) AS more_bytes,
                         coalesce(items - lag(items) OVER earlier, 0) AS more_items
                  FROM progress_sample WHERE run_id IN ({numbers}) AND at > :since
                  WINDOW earlier AS (PARTITION BY run_id ORDER BY at)) AS steps GROUP BY run_id""",
        {"since": reader.now() - RATE_WINDOW_MS},
    )
    # Sums of a server's great integers are decimals; those of an embedded store must not be integers, which overflow.
    return {
        row["run_id"]: (int(row["bytes"]) * 1000 / row["span"], int(row["items"]) * 1000 / row["span"])
        for row in rows
        if row["span"] > 0
    }


def fleet(reader: Reader) -> Fleet:
    """The totals of the header. What it costs depends on the agents and on what runs, not on what has run."""
    agents = reader.row(
        """SELECT count(*) AS all_agents,
                  count(*) FILTER (WHERE a.status IN ('Online', 'Executing')
                    AND (b.at IS NULL OR :now - b.at > :intervals * a.heartbeat_ms)) AS offline,
                  count(*) FILTER (WHERE a.status = 'RequiresAttention') AS attention
           FROM agent a LEFT JOIN agent_beat b ON b.agent_id = a.id""",
        {"now": reader.now(), "intervals": OFFLINE_AFTER_INTERVALS},
    )
    active = reader.rows(f"SELECT id, status, kind FROM job_run WHERE {_IS_ACTIVE}")
    running = [row["id"] for row in active if row["status"] != JobRunStatus.QUEUED]
    # The bytes of a preview are those that would move.
    copies = [row["id"] for row in active if row["kind"] == RunKind.COPY and row["status"] != JobRunStatus.QUEUED]
    rate = sum(found[0] for found in rates(reader, copies).values())
    assert agents is not None
    return Fleet(
        agents["all_agents"], agents["offline"], agents["attention"], len(running), len(active) - len(running), rate
    )


def run_totals(reader: Reader, mover_id: int | None = None) -> list[RunTotals]:
    """What the ended runs of a mover, or of all movers, came to: a row for each kind and status. No run is read."""
    rows = reader.rows(
        f"SELECT mover_id, kind, status, runs, {', '.join(COUNTERS)} FROM run_totals "
        f"WHERE runs > 0{'' if mover_id is None else ' AND mover_id = :id'} ORDER BY mover_id, kind, status",
        {} if mover_id is None else {"id": mover_id},
    )
    return [
        RunTotals(
            row["mover_id"],
            RunKind(row["kind"]),
            JobRunStatus(row["status"]),
            row["runs"],
            {name: row[name] for name in COUNTERS},
        )
        for row in rows
    ]
