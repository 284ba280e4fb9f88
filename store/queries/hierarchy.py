"""Movers, agents, endpoints and projects, for the tree and the lists; definitions are in ``definitions``."""

from __future__ import annotations

import json
from collections.abc import Collection
from enum import StrEnum
from typing import Any, NamedTuple

from store.lifecycle import ENDED, OFFLINE_AFTER_INTERVALS, agent_status
from store.queries.scope import Scope
from store.queries.window import Branch, Listing, Page, Window, complete, like, quoted
from store.reader import Reader, Row
from store.vocabulary import AgentStatus, EndpointType

_ENDED = quoted(sorted(ENDED))

NAMES_AT_ONCE = 10_000
"""Names that one answer looks through for a text: an index has them (0.1 µs each on SQLite, 0.3 on PostgreSQL)."""

PLACES_AT_ONCE = 2_000
"""Endpoints that one answer looks through for a text: their places are in no index."""


class AgentSort(StrEnum):
    """Orders of the agents."""

    NAME = "name"
    STATE = "state"
    """What needs an admin first: attention, then silence; each by name."""


class EndpointSort(StrEnum):
    """Orders of the endpoints."""

    NAME = "name"
    TYPE = "type"
    """By type, each by name."""


class MoverRow(NamedTuple):
    id: int
    name: str
    description: str
    agents: int
    endpoints: int
    projects: int


class AgentRow(NamedTuple):
    """``status`` is derived; ``last_beat`` is None before the first heartbeat."""

    id: int
    mover_id: int
    name: str
    status: AgentStatus
    last_beat: int | None
    host: str
    error_message: str
    active_runs: int


class EndpointRow(NamedTuple):
    id: int
    name: str
    endpoint_type: str
    place: str
    description: str
    definitions: int


class ProjectRow(NamedTuple):
    id: int
    mover_id: int
    name: str
    description: str
    definitions: int
    active_runs: int


def movers(reader: Reader) -> list[MoverRow]:
    """Every mover with the counts of its children (one is enough; a handful is many)."""
    rows = reader.rows(
        """SELECT m.id, m.name, m.description,
                  (SELECT count(*) FROM agent a WHERE a.mover_id = m.id) AS agents,
                  (SELECT count(*) FROM endpoint e WHERE e.mover_id = m.id) AS endpoints,
                  (SELECT count(*) FROM project p WHERE p.mover_id = m.id) AS projects
           FROM storage_mover m ORDER BY m.name LIMIT 500"""
    )
    return [MoverRow(*row) for row in rows]


_AGENT_COLUMNS = f"""a.id, a.mover_id, a.name, a.status, b.at AS last_beat, a.host, a.error_message, a.heartbeat_ms,
        (SELECT count(*) FROM job_run r WHERE r.agent_id = a.id AND r.status NOT IN ({_ENDED})) AS active_runs"""
_AGENT_REST = ("agent a LEFT JOIN agent_beat b ON b.agent_id = a.id", "a.id = page.id")
_SILENT = f"(b.at IS NULL OR :now - b.at > {OFFLINE_AFTER_INTERVALS} * a.heartbeat_ms)"
_AGENT_STATE = f"""CASE WHEN a.status IN ('Online', 'Executing') AND {_SILENT} THEN 'Offline' ELSE a.status END"""
_STATES_IN_ORDER = (
    AgentStatus.REQUIRES_ATTENTION,
    AgentStatus.OFFLINE,
    AgentStatus.UNREGISTERING,
    AgentStatus.EXECUTING,
    AgentStatus.ONLINE,
    AgentStatus.REGISTERING,
)
_AGENT_RANK = (
    f"CASE {_AGENT_STATE} " + " ".join(f"WHEN '{s}' THEN {n}" for n, s in enumerate(_STATES_IN_ORDER)) + " END"
)


def agent_window(
    reader: Reader,
    mover_id: int,
    page: Page,
    *,
    text: str = "",
    sort: AgentSort = AgentSort.NAME,
    states: Collection[AgentStatus] = (),
) -> Window[AgentRow]:
    """The agents of a mover, with their derived status; of some states only, if any are named.

    A state depends on the time, so no index holds it: a window by it costs what the fleet is large.
    """
    now = reader.now()
    where = ["a.name LIKE :text ESCAPE '\\'"] if text else []
    if states:
        where.append(f"{_AGENT_STATE} IN ({quoted(sorted(states))})")
    ranked = sort == AgentSort.STATE
    source = "agent a LEFT JOIN agent_beat b ON b.agent_id = a.id" if ranked or states else "agent a"
    listing = Listing(
        [
            Branch(
                source,
                (("a.mover_id", ":id"),),
                (_AGENT_RANK, "a.name") if ranked else ("a.name",),
                " AND ".join(where),
            )
        ],
        (int, str) if ranked else (str,),
        "a.id",
        _AGENT_COLUMNS,
        _AGENT_REST,
        lambda row: _agent(row, now),
    )
    return listing.window(reader, page, {"id": mover_id, "text": like(text), "now": now})


def agent_key(row: AgentRow, sort: AgentSort = AgentSort.NAME) -> str:
    """The key of an agent in its list."""
    return row.name if sort == AgentSort.NAME else f"{_STATES_IN_ORDER.index(row.status)}/{row.name}"


def agents(reader: Reader, mover_id: int, *, text: str = "", after: str = "", limit: int = 500) -> list[AgentRow]:
    """The agents of a mover by name, with their derived status."""
    return agent_window(reader, mover_id, Page("after", after or None, limit), text=text).rows


def agent(reader: Reader, agent_id: int) -> AgentRow | None:
    """One agent."""
    row = reader.row(f"SELECT {_AGENT_COLUMNS} FROM {_AGENT_REST[0]} WHERE a.id = :id", {"id": agent_id})
    return None if row is None else _agent(row, reader.now())


_PROJECT_COLUMNS = f"""p.id, p.mover_id, p.name, p.description,
        (SELECT count(*) FROM job_definition d WHERE d.project_id = p.id) AS definitions,
        (SELECT count(*) FROM job_run r WHERE r.project_id = p.id AND r.status NOT IN ({_ENDED})) AS active_runs"""
_BUSY = f"p.id IN (SELECT r.project_id FROM job_run r WHERE r.status NOT IN ({_ENDED}))"


def project_window(
    reader: Reader, mover_id: int, page: Page, *, text: str = "", active: bool = False
) -> Window[ProjectRow]:
    """The projects of a mover by name; only those with active runs, if so asked."""
    listing = Listing(
        [Branch("project p", (("p.mover_id", ":id"),), ("p.name",), _BUSY if active else "")],
        (str,),
        "p.id",
        _PROJECT_COLUMNS,
        ("project p", "p.id = page.id"),
        lambda row: ProjectRow(*row),
        match="p.name LIKE :text ESCAPE '\\'" if text else "",
        budget=NAMES_AT_ONCE,
    )
    return listing.window(reader, page, {"id": mover_id, "text": like(text)})


def project_key(row: ProjectRow) -> str:
    """The key of a project in its list: its name."""
    return row.name


def projects(reader: Reader, mover_id: int, *, text: str = "", after: str = "", limit: int = 500) -> list[ProjectRow]:
    """The projects of a mover by name."""
    return complete(
        lambda page: project_window(reader, mover_id, page, text=text), Page("after", after or None, limit)
    ).rows


def projects_with(reader: Reader, project_ids: Collection[int], text: str) -> set[int]:
    """Those of these projects that have a definition whose name contains a text."""
    numbers = ", ".join(str(int(number)) for number in project_ids)
    if not numbers:
        return set()
    rows = reader.rows(
        f"SELECT DISTINCT project_id FROM job_definition WHERE project_id IN ({numbers}) "
        "AND name LIKE :text ESCAPE '\\'",
        {"text": like(text)},
    )
    return {row[0] for row in rows}


_USED = "SELECT source_id AS id FROM job_definition WHERE {0} UNION SELECT target_id FROM job_definition WHERE {0}"
_ENDPOINT_SCOPES = {
    "endpoint": ("endpoint e", "e.id = :id"),
    "project": (f"({_USED.format('project_id = :id')}) AS used CROSS JOIN endpoint e", "e.id = used.id"),
    "definition": (f"({_USED.format('id = :id')}) AS used CROSS JOIN endpoint e", "e.id = used.id"),
    "agent": (
        "(SELECT DISTINCT endpoint_id AS id FROM access_grant WHERE agent_id = :id AND ended_at IS NULL) AS granted "
        "CROSS JOIN endpoint e",
        "e.id = granted.id",
    ),
}
"""A scope names few endpoints by their ids, however many there are; only a mover's are read in their order."""


def endpoints(
    reader: Reader,
    scope: Scope,
    page: Page,
    *,
    text: str = "",
    sort: EndpointSort = EndpointSort.NAME,
    types: Collection[EndpointType] = (),
) -> Window[EndpointRow]:
    """The endpoints of a mover, or those that a project's or definition's copies touch, or an agent may; of some types
    only, if any are named. The text is looked for in names and places."""
    source, where = _ENDPOINT_SCOPES.get(scope.kind, ("endpoint e", ""))
    fixed = () if where else (("e.mover_id", ":id"),)
    by_type = sort == EndpointSort.TYPE
    keys = ("e.endpoint_type", "e.name") if by_type else ("e.name",)
    branches = [Branch(source, fixed, keys, where)]
    if types and where:
        branches = [Branch(source, fixed, keys, f"{where} AND e.endpoint_type IN ({quoted(sorted(types))})")]
    elif types:
        of_type = [("e.endpoint_type", f"'{EndpointType(kind)}'") for kind in sorted(types)]
        branches = [
            Branch(source, fixed, keys, " = ".join(one)) if by_type else Branch(source, (*fixed, one), keys)
            for one in of_type
        ]
    listing = Listing(
        branches,
        (str, str) if by_type else (str,),
        "e.id",
        """e.id, e.name, e.endpoint_type, e.place, e.description,
           (SELECT count(*) FROM job_definition d WHERE d.source_id = e.id)
           + (SELECT count(*) FROM job_definition d WHERE d.target_id = e.id) AS definitions""",
        ("endpoint e", "e.id = page.id"),
        lambda row: EndpointRow(*row),
        match="(e.name LIKE :text ESCAPE '\\' OR e.place LIKE :text ESCAPE '\\')" if text else "",
        budget=PLACES_AT_ONCE,
    )
    return listing.window(reader, page, {"id": scope.id, "text": like(text)})


def endpoint_key(row: EndpointRow, sort: EndpointSort = EndpointSort.NAME) -> str:
    """The key of an endpoint in its list."""
    return row.name if sort == EndpointSort.NAME else f"{row.endpoint_type}/{row.name}"


def endpoint_properties(reader: Reader, endpoint_id: int) -> dict[str, Any]:
    """The properties of an endpoint as ARM names them; empty when it is gone."""
    text = reader.value("SELECT properties FROM endpoint WHERE id = :id", {"id": endpoint_id})
    return dict(json.loads(text)) if text else {}


def _agent(row: Row, now: int) -> AgentRow:
    status = agent_status(AgentStatus(row["status"]), row["last_beat"], row["heartbeat_ms"], now)
    return AgentRow(
        row["id"],
        row["mover_id"],
        row["name"],
        status,
        row["last_beat"],
        row["host"],
        row["error_message"],
        row["active_runs"],
    )
