"""What needs an admin in a mover, the most urgent first: agents and runs that do not go on by themselves, and what
failed last."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from store.lifecycle import ENDED, OFFLINE_AFTER_INTERVALS
from store.queries.window import Branch, Listing, Page, Window, quoted
from store.reader import Reader, Row

_IS_ACTIVE = f"r.status NOT IN ({quoted(sorted(ENDED))})"
"""In the very words of the partial indexes: a list of the active statuses would read the whole history."""

_SILENT = f"(b.at IS NULL OR :now - b.at > {OFFLINE_AFTER_INTERVALS} * a.heartbeat_ms)"


class Attention(IntEnum):
    """Why something needs an admin; the higher, the more urgent."""

    LATEST_FAILED = 1
    """A definition whose latest run failed, or was stopped by a guard."""
    RUN_WAITS = 3
    """A run that waits for an agent that is offline."""
    AGENT_OFFLINE = 4
    """An agent that is silent and has runs to do."""
    CANCEL_OVERDUE = 5
    """A run that should have been canceled by now."""
    RUN_LOST = 6
    """A run whose agent is lost."""
    AGENT_ATTENTION = 7
    """An agent that says so itself."""


AGENTS = (Attention.AGENT_ATTENTION, Attention.AGENT_OFFLINE)
RUNS = (Attention.RUN_LOST, Attention.CANCEL_OVERDUE, Attention.RUN_WAITS)


class AttentionRow(NamedTuple):
    """What needs an admin. ``path`` is an agent's name, a run's label or a definition's path; ``runs`` are those that
    an agent has to do. ``since`` is None for an agent that never was there."""

    why: Attention
    id: int
    mover: str
    path: str
    agent: str
    since: int | None
    number: int
    """Of the run that it is about; 0 for an agent."""
    runs: int
    code: str
    message: str
    key: str
    """Its key in the list."""


def _run_branch(why: Attention, at: str, where: str) -> Branch:
    """Runs that have not ended: what is active is looked through, and that is not much."""
    source = (
        f"SELECT r.id, {at} AS at FROM job_run r LEFT JOIN agent a ON a.id = r.agent_id "
        "LEFT JOIN agent_beat b ON b.agent_id = r.agent_id LEFT JOIN run_lease l ON l.run_id = r.id "
        f"WHERE {_IS_ACTIVE} AND +r.mover_id = :id AND {where}"
    )
    return Branch(f"({source}) AS n", (), ("n.at", "n.id"), "", why)


_AGENT = "FROM agent a LEFT JOIN agent_beat b ON b.agent_id = a.id WHERE a.mover_id = :id"
_HAS_WORK = f"EXISTS (SELECT 1 FROM job_run r WHERE r.agent_id = a.id AND {_IS_ACTIVE})"
_WAITING = (
    "SELECT r.id, r.created_at AS at FROM agent a LEFT JOIN agent_beat b ON b.agent_id = a.id CROSS JOIN job_run r "
    f"WHERE a.mover_id = :id AND {_SILENT} AND r.agent_id = a.id AND r.status = 'Queued' AND {_IS_ACTIVE}"
)

_BRANCHES = (
    Branch(
        f"(SELECT a.id, a.id AS at {_AGENT} AND a.status = 'RequiresAttention') AS n",
        (),
        ("n.at", "n.id"),
        "",
        Attention.AGENT_ATTENTION,
    ),
    Branch(
        f"(SELECT a.id, a.id AS at {_AGENT} AND a.status IN ('Online', 'Executing') AND {_SILENT} AND {_HAS_WORK}) "
        "AS n",
        (),
        ("n.at", "n.id"),
        "",
        Attention.AGENT_OFFLINE,
    ),
    _run_branch(
        Attention.RUN_LOST,
        "r.created_at",
        f"r.status <> 'Queued' AND {_SILENT} AND (l.lease_until IS NULL OR l.lease_until < :now) "
        "AND (r.cancel_deadline IS NULL OR r.cancel_deadline >= :now)",
    ),
    _run_branch(Attention.CANCEL_OVERDUE, "r.created_at", "r.cancel_deadline < :now"),
    Branch(f"({_WAITING}) AS n", (), ("n.at", "n.id"), "", Attention.RUN_WAITS),
    Branch(
        "(SELECT d.id, d.latest_ended AS at, d.mover_id, d.latest_state FROM job_definition d) AS n",
        (("n.mover_id", ":id"), ("n.latest_state", "'Failed'")),
        ("n.at", "n.id"),
        "",
        Attention.LATEST_FAILED,
    ),
)

_OF_AGENT = f"page.k0 IN ({', '.join(str(int(why)) for why in AGENTS)})"
_OF_RUN = f"page.k0 IN ({', '.join(str(int(why)) for why in RUNS)})"
_TABLES = f"""storage_mover m LEFT JOIN job_definition l ON l.id = CASE WHEN page.k0 = {int(Attention.LATEST_FAILED)}
            THEN page.id END
        LEFT JOIN job_run r ON r.id = CASE WHEN {_OF_RUN} THEN page.id ELSE l.latest_run_id END
        LEFT JOIN job_definition d ON d.id = r.definition_id
        LEFT JOIN agent a ON a.id = CASE WHEN {_OF_AGENT} THEN page.id ELSE r.agent_id END
        LEFT JOIN agent_beat b ON b.agent_id = a.id"""
_COLUMNS = f"""page.k0 AS why, page.id, m.name AS mover, d.project_name AS project, d.name AS definition, r.number,
        coalesce(a.name, r.agent_name) AS agent, b.at AS beat, r.created_at, r.cancel_deadline, r.execution_end_time,
        CASE WHEN {_OF_AGENT} THEN a.error_code ELSE r.error_code END AS code,
        CASE WHEN {_OF_AGENT} THEN a.error_message ELSE r.error_message END AS message, page.k1 AS at,
        CASE WHEN {_OF_AGENT} THEN (SELECT count(*) FROM job_run r WHERE r.agent_id = a.id AND {_IS_ACTIVE}) ELSE 0 END
            AS runs"""


def attention(reader: Reader, mover_id: int, page: Page) -> Window[AttentionRow]:
    """What needs an admin in a mover. What it costs depends on the agents and on what is active: what failed is read
    from an index."""
    listing = Listing(
        _BRANCHES, (int, int, int), "n.id", _COLUMNS, (_TABLES, "m.id = :id"), _attention, descending=True
    )
    return listing.window(reader, page, {"id": mover_id, "now": reader.now()})


def _attention(row: Row) -> AttentionRow:
    why = Attention(row["why"])
    path = f"{row['project']}/{row['definition']}"
    since = {
        Attention.LATEST_FAILED: row["execution_end_time"],
        Attention.RUN_WAITS: row["created_at"],
        Attention.CANCEL_OVERDUE: row["cancel_deadline"],
    }.get(why, row["beat"])
    return AttentionRow(
        why,
        row["id"],
        row["mover"],
        row["agent"] if why in AGENTS else f"{path}#{row['number']}" if why in RUNS else path,
        row["agent"] or "",
        since,
        row["number"] or 0,
        row["runs"],
        row["code"] or "",
        row["message"] or "",
        f"{int(why)}/{row['at']}/{row['id']}",
    )
