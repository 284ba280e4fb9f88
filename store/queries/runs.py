"""Runs, their progress, their items, samples and events."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import NamedTuple

from store.lifecycle import ENDED, OFFLINE_AFTER_INTERVALS
from store.queries.hierarchy import Scope
from store.queries.window import Keyset, Page, Window, like
from store.reader import Reader, Row
from store.vocabulary import JobRunStatus, RunKind, ScanStatus

_ENDED = ", ".join(f"'{status}'" for status in sorted(ENDED))
_ACTIVE = f"job_run INDEXED BY ix_job_run_active WHERE status NOT IN ({_ENDED})"
"""Left to itself SQLite walks the whole history, or an agent's, to save a sort of a few rows."""

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


class RunRow(NamedTuple):
    """A run with the numbers of now: live ones while it is active, its final ones after.

    ``plan_number`` is the number of the preview that it carries out, or None; ``overrides`` are the
    names of guards; ``report`` says whether a line is kept for every item. ``total_items`` and
    ``total_bytes`` are -1 while unknown. ``lost_since`` is the time of the agent's last heartbeat when
    its lease has run out, else None.
    """

    id: int
    mover_id: int
    project_id: int
    definition_id: int
    mover: str
    project: str
    definition: str
    number: int
    kind: RunKind
    plan_number: int | None
    overrides: list[str]
    report: bool
    agent_name: str
    copy_mode: str
    status: JobRunStatus
    scan_status: ScanStatus
    created_at: int
    started: int | None
    ended: int | None
    cancel_deadline: int | None
    fence: int
    error_code: str
    error_message: str
    counters: dict[str, int]
    phase: str
    total_items: int
    total_bytes: int
    bytes_in_flight: int
    current: list[str]
    progress_at: int | None
    agent_beat: int | None
    agent_offline: bool
    lost_since: int | None

    @property
    def active(self) -> bool:
        return self.status not in ENDED

    @property
    def label(self) -> str:
        return f"{self.project}/{self.definition}#{self.number}"


class ItemRow(NamedTuple):
    """An item that needs attention; ``fence`` is the attempt of the run that recorded it."""

    id: int
    path: bytes
    kind: str
    outcome: str
    code: str
    message: str
    size: int
    at: int
    fence: int


class EventRow(NamedTuple):
    id: int
    at: int
    actor: str
    kind: str
    resource: str
    action: str
    detail: str


class Sample(NamedTuple):
    at: int
    items: int
    bytes: int


class Fleet(NamedTuple):
    """The header's facts: agents by what can be said of them, active runs, and their rate in bytes/s."""

    agents: int
    offline: int
    attention: int
    active_runs: int
    queued_runs: int
    rate: float


_COUNTER_COLUMNS = ", ".join(
    f"CASE WHEN r.status IN ({_ENDED}) OR g.run_id IS NULL THEN r.{name} ELSE g.{name} END AS {name}"
    for name in COUNTERS
)
_RUN = f"""SELECT r.id, r.mover_id, r.project_id, r.definition_id, m.name AS mover, p.name AS project,
        d.name AS definition, r.number, r.kind, r.plan_number, r.overrides, r.report,
        r.agent_name, r.copy_mode, r.status, r.scan_status, r.created_at,
        r.execution_start_time, r.execution_end_time, r.cancel_deadline, r.fence, r.error_code, r.error_message,
        {_COUNTER_COLUMNS}, g.phase, g.total_items, g.total_bytes, g.bytes_in_flight, g.current, g.at AS progress_at,
        b.at AS beat, a.heartbeat_ms, l.lease_until
    FROM job_run r JOIN storage_mover m ON m.id = r.mover_id JOIN project p ON p.id = r.project_id
    JOIN job_definition d ON d.id = r.definition_id LEFT JOIN run_progress g ON g.run_id = r.id
    LEFT JOIN agent a ON a.id = r.agent_id LEFT JOIN agent_beat b ON b.agent_id = r.agent_id
    LEFT JOIN run_lease l ON l.run_id = r.id """


def run(reader: Reader, run_id: int) -> RunRow | None:
    """One run."""
    row = reader.row(_RUN + "WHERE r.id = :id", {"id": run_id})
    return None if row is None else _run(row, reader.now())


def last_copy(reader: Reader, definition_id: int) -> RunRow | None:
    """The latest run of a definition that copies or copied, whatever became of it: previews and verifies are none."""
    row = reader.row(
        _RUN + "WHERE r.id = (SELECT id FROM job_run INDEXED BY ix_job_run_definition "
        "WHERE definition_id = :id AND kind = 'Copy' ORDER BY id DESC LIMIT 1)",
        {"id": definition_id},
    )
    return None if row is None else _run(row, reader.now())


def runs_by_id(reader: Reader, run_ids: Iterable[int]) -> list[RunRow]:
    """These runs, for a tick of what is visible."""
    numbers = ", ".join(str(int(number)) for number in run_ids)
    now = reader.now()
    return [_run(row, now) for row in reader.rows(f"{_RUN}WHERE r.id IN ({numbers})")] if numbers else []


def active_run_ids(reader: Reader) -> list[int]:
    """The runs that have not ended, from the partial index."""
    return [row[0] for row in reader.rows(f"SELECT id FROM {_ACTIVE} ORDER BY id")]


def cancel_overdue(reader: Reader) -> bool:
    """Whether a run is past its cancel deadline: then the store is to end it (``store.resources.runs.sweep``)."""
    row = reader.row(
        f"SELECT 1 FROM {_ACTIVE} AND cancel_deadline < :now LIMIT 1",
        {"now": reader.now()},
    )
    return row is not None


def work_of(reader: Reader, agent_id: int) -> dict[int, JobRunStatus]:
    """The runs of one agent that have not ended: what it looks at when it is told that something changed."""
    rows = reader.rows(f"SELECT id, status FROM {_ACTIVE} AND agent_id = :id", {"id": agent_id})
    return {row["id"]: JobRunStatus(row["status"]) for row in rows}


_RUNS: Keyset[RunRow] = Keyset(
    _RUN.replace("{", "{{").replace("}", "}}")
    + "WHERE {{scope}} AND d.name LIKE :text ESCAPE '\\'{where} ORDER BY {order}",
    ("r.id",),
    lambda key: (int(key),),
    lambda row: _run(row, 0),
    descending=True,
)

_SCOPES = {
    "mover": "r.mover_id = :id",
    "project": "r.project_id = :id",
    "definition": "r.definition_id = :id",
    "agent": "r.agent_id = :id",
    "endpoint": "r.definition_id IN (SELECT id FROM job_definition WHERE source_id = :id OR target_id = :id)",
}


def runs(reader: Reader, scope: Scope, page: Page, *, text: str = "") -> Window[RunRow]:
    """The runs in a scope, newest first; the text filters by the definition's name."""
    now = reader.now()
    sql = _RUNS.sql.replace("{{scope}}", _SCOPES.get(scope.kind, "r.mover_id = :id"))
    keyset = Keyset(sql, _RUNS.columns, _RUNS.key_of, lambda row: _run(row, now), descending=True)
    return keyset.window(reader, page, {"id": scope.id, "text": like(text)})


_ITEMS: Keyset[ItemRow] = Keyset(
    """SELECT i.id, i.path, i.kind, i.outcome, i.code, i.message, i.size, i.at, i.fence
       FROM run_item i
       JOIN job_run r ON r.id = i.run_id
       WHERE i.run_id = :run AND (i.fence = r.fence OR r.cancel_deadline IS NOT NULL
            OR (i.outcome = 'Deleted' AND r.kind = 'Copy'))
         AND (:outcome = '' OR i.outcome = :outcome)
         AND (length(:text) = 0 OR instr(i.path, :text) > 0 OR i.code LIKE :like ESCAPE '\\' OR i.outcome LIKE :like
              ESCAPE '\\' OR i.message LIKE :like ESCAPE '\\'){where} ORDER BY {order}""",
    ("i.id",),
    lambda key: (int(key),),
    lambda row: ItemRow(*row),
)


def items(reader: Reader, run_id: int, page: Page, *, outcome: str = "", text: str = "") -> Window[ItemRow]:
    """The items of a run that did not simply transfer, in the order of their recording.

    Those of an earlier attempt of the same run were found anew by the present one and are left
    out, except deletes of a copy: what is deleted is not found again.
    """
    raw = text.encode("utf-8", "surrogateescape")
    found = {"run": run_id, "outcome": outcome, "text": raw, "like": like(raw.decode("utf-8", "replace"))}
    return _ITEMS.window(reader, page, found)


_EVENTS: Keyset[EventRow] = Keyset(
    """SELECT e.id, e.at, e.actor, e.kind, e.resource, e.action, e.detail FROM event e
       WHERE {{scope}}{where} ORDER BY {order}""",
    ("e.id",),
    lambda key: (int(key),),
    lambda row: EventRow(*row),
    descending=True,
)


def run_events(reader: Reader, run_id: int, page: Page) -> Window[EventRow]:
    """What happened to a run, newest first."""
    sql = _EVENTS.sql.replace("{{scope}}", "e.kind = 'job_run' AND e.resource_id = :id")
    keyset = Keyset(sql, _EVENTS.columns, _EVENTS.key_of, _EVENTS.make, descending=True)
    return keyset.window(reader, page, {"id": run_id})


def samples(reader: Reader, run_id: int, since: int = 0, limit: int = 600) -> list[Sample]:
    """The newest throughput samples of a run, oldest first."""
    rows = reader.rows(
        """SELECT at, items, bytes FROM progress_sample WHERE run_id = :run AND at > :since
           ORDER BY at DESC LIMIT :limit""",
        {"run": run_id, "since": since, "limit": limit},
    )
    return [Sample(*row) for row in reversed(rows)]


def rates(reader: Reader, run_ids: Iterable[int]) -> dict[int, tuple[float, float]]:
    """Bytes and items a second of these runs over the last ten seconds; a run without samples has none.

    A resumed run counts from zero again: only what was added from one sample to the next is summed.
    """
    numbers = ", ".join(str(int(number)) for number in run_ids)
    if not numbers:
        return {}
    rows = reader.rows(
        f"""SELECT run_id, max(at) - min(at) AS span, sum(max(more_bytes, 0)) AS bytes, sum(max(more_items, 0)) AS items
            FROM (SELECT run_id, at, coalesce(bytes - lag(bytes) OVER earlier, 0) AS more_bytes,
                         coalesce(items - lag(items) OVER earlier, 0) AS more_items
                  FROM progress_sample WHERE run_id IN ({numbers}) AND at > :since
                  WINDOW earlier AS (PARTITION BY run_id ORDER BY at)) GROUP BY run_id""",
        {"since": reader.now() - RATE_WINDOW_MS},
    )
    return {
        row["run_id"]: (row["bytes"] * 1000 / row["span"], row["items"] * 1000 / row["span"])
        for row in rows
        if row["span"] > 0
    }


def fleet(reader: Reader) -> Fleet:
    """The totals of the header."""
    now = reader.now()
    agents = reader.row(
        """SELECT count(*) AS all_agents,
                  coalesce(sum(a.status IN ('Online', 'Executing') AND (b.at IS NULL
                    OR :now - b.at > :intervals * a.heartbeat_ms)), 0) AS offline,
                  coalesce(sum(a.status = 'RequiresAttention'), 0) AS attention
           FROM agent a LEFT JOIN agent_beat b ON b.agent_id = a.id""",
        {"now": now, "intervals": OFFLINE_AFTER_INTERVALS},
    )
    active = reader.rows(f"SELECT id, status, kind FROM {_ACTIVE}")
    running = [row["id"] for row in active if row["status"] != JobRunStatus.QUEUED]
    # The bytes of a preview are those that would move.
    copies = [row["id"] for row in active if row["kind"] == RunKind.COPY]
    rate = sum(found[0] for found in rates(reader, copies).values())
    assert agents is not None
    return Fleet(
        agents["all_agents"], agents["offline"], agents["attention"], len(running), len(active) - len(running), rate
    )


def _run(row: Row, now: int) -> RunRow:
    status = JobRunStatus(row["status"])
    beat, interval, lease = row["beat"], row["heartbeat_ms"], row["lease_until"]
    offline = status not in ENDED and (beat is None or now - beat > OFFLINE_AFTER_INTERVALS * (interval or 0))
    lost = offline and status != JobRunStatus.QUEUED and (lease is None or lease < now)
    return RunRow._make(
        (
            *tuple(row)[:8],
            RunKind(row["kind"]),
            row["plan_number"],
            json.loads(row["overrides"]),
            bool(row["report"]),
            row["agent_name"],
            row["copy_mode"],
            status,
            ScanStatus(row["scan_status"]),
            *tuple(row)[16:23],
            {name: row[name] for name in COUNTERS},
            row["phase"] or "",
            -1 if row["total_items"] is None else row["total_items"],
            -1 if row["total_bytes"] is None else row["total_bytes"],
            row["bytes_in_flight"] or 0,
            [] if status in ENDED else json.loads(row["current"] or "[]"),
            row["progress_at"],
            beat,
            offline,
            (beat or row["created_at"]) if lost else None,
        )
    )
