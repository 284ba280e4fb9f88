"""A mover at a glance, and an agent in full: what the heads of their screens say."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from store.lifecycle import ENDED, OFFLINE_AFTER_INTERVALS, agent_status
from store.queries.fleet import RunTotals, rates, run_totals
from store.queries.window import quoted
from store.reader import Reader
from store.vocabulary import AgentStatus, JobRunStatus, RunKind

_IS_ACTIVE = f"status NOT IN ({quoted(sorted(ENDED))})"


class MoverOverview(NamedTuple):
    """A mover: its agents by derived state, what runs, what has ended, and the rate of its copies now in bytes/s."""

    name: str
    description: str
    agents: dict[AgentStatus, int]
    active: dict[JobRunStatus, int]
    ended: list[RunTotals]
    rate: float


class AgentOverview(NamedTuple):
    """An agent: who it is, how it is, and what it does. Times are the store's."""

    id: int
    mover_id: int
    mover: str
    name: str
    description: str
    status: AgentStatus
    error_code: str
    error_message: str
    last_beat: int | None
    heartbeat_ms: int
    uptime_seconds: int
    version: str
    host: str
    address: str
    time_zone: str
    memory_mb: int
    cores: int
    registered_at: int
    registered_by: str
    upload_limit: dict[str, Any] | None
    """ARM's uploadLimitSchedule, None without one."""
    active: dict[JobRunStatus, int]
    rate: float


def mover_overview(reader: Reader, mover_id: int) -> MoverOverview | None:
    """A mover's head; None when it is gone. What it costs depends on the agents and on what is active."""
    row = reader.row("SELECT name, description FROM storage_mover WHERE id = :id", {"id": mover_id})
    if row is None:
        return None
    agents = reader.rows(
        """SELECT CASE WHEN a.status IN ('Online', 'Executing')
                         AND (b.at IS NULL OR :now - b.at > :intervals * a.heartbeat_ms)
                       THEN 'Offline' ELSE a.status END AS state, count(*) AS agents
           FROM agent a LEFT JOIN agent_beat b ON b.agent_id = a.id WHERE a.mover_id = :id GROUP BY 1""",
        {"id": mover_id, "now": reader.now(), "intervals": OFFLINE_AFTER_INTERVALS},
    )
    active, rate = _active(reader, "+mover_id", mover_id)
    return MoverOverview(
        row["name"],
        row["description"],
        {AgentStatus(found["state"]): found["agents"] for found in agents},
        active,
        run_totals(reader, mover_id),
        rate,
    )


def agent_overview(reader: Reader, agent_id: int) -> AgentOverview | None:
    """An agent's head; None when it is gone."""
    row = reader.row(
        """SELECT a.id, a.mover_id, m.name AS mover, a.name, a.description, a.status, a.error_code, a.error_message,
                  b.at AS beat, a.heartbeat_ms, coalesce(b.uptime_in_seconds, 0) AS uptime, a.agent_version, a.host,
                  a.local_ip_address, a.time_zone, a.memory_in_mb, a.number_of_cores, a.created_at, a.created_by,
                  a.upload_limit_schedule
           FROM agent a CROSS JOIN storage_mover m LEFT JOIN agent_beat b ON b.agent_id = a.id
           WHERE a.id = :id AND m.id = a.mover_id""",
        {"id": agent_id},
    )
    if row is None:
        return None
    found = tuple(row)
    limit = json.loads(row["upload_limit_schedule"] or "null")
    status = agent_status(AgentStatus(row["status"]), row["beat"], row["heartbeat_ms"], reader.now())
    active, rate = _active(reader, "agent_id", agent_id)
    return AgentOverview._make((*found[:5], status, *found[6:19], limit, active, rate))


def _active(reader: Reader, column: str, number: int) -> tuple[dict[JobRunStatus, int], float]:
    """What has not ended, by status, and the bytes a second that its copies move."""
    rows = reader.rows(f"SELECT id, status, kind FROM job_run WHERE {column} = :id AND {_IS_ACTIVE}", {"id": number})
    counts: dict[JobRunStatus, int] = {}
    for row in rows:
        status = JobRunStatus(row["status"])
        counts[status] = counts.get(status, 0) + 1
    # The bytes of a preview are those that would move.
    copies = [row["id"] for row in rows if row["kind"] == RunKind.COPY and row["status"] != JobRunStatus.QUEUED]
    return counts, sum(found[0] for found in rates(reader, copies).values())
