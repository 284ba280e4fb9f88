"""Movers, agents, endpoints, projects and definitions, for the tree and the lists."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from store.lifecycle import ENDED, agent_status
from store.queries.window import Keyset, Page, Window, like
from store.reader import Reader, Row
from store.vocabulary import AgentStatus

_ENDED = ", ".join(f"'{status}'" for status in sorted(ENDED))


class Scope(NamedTuple):
    """What a list is about: a node of the tree. ``kind`` is mover, agent, endpoint, project, definition."""

    kind: str
    id: int


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


class DefinitionRow(NamedTuple):
    """A definition with its latest run's state; ``run_kind`` and ``run_status`` are "" before the first."""

    id: int
    project_id: int
    mover_id: int
    mover: str
    project: str
    name: str
    description: str
    copy_mode: str
    source: str
    source_subpath: str
    target: str
    target_subpath: str
    agent_name: str
    run_id: int | None
    run_number: int
    run_kind: str
    run_status: str
    run_ended: int | None


class Crumbs(NamedTuple):
    """The names above and of a node, for the breadcrumb and for finding the node again."""

    mover: str
    group: str
    name: str
    child: str


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


_AGENT = f"""SELECT a.id, a.mover_id, a.name, a.status, b.at AS last_beat, a.host, a.error_message, a.heartbeat_ms,
        (SELECT count(*) FROM job_run r INDEXED BY ix_job_run_active
         WHERE r.agent_id = a.id AND r.status NOT IN ({_ENDED})) AS active_runs
    FROM agent a LEFT JOIN agent_beat b ON b.agent_id = a.id WHERE """


def agents(reader: Reader, mover_id: int, *, text: str = "", after: str = "", limit: int = 500) -> list[AgentRow]:
    """The agents of a mover by name, with their derived status."""
    rows = reader.rows(
        _AGENT
        + "a.mover_id = :mover AND a.name > :after AND a.name LIKE :text ESCAPE '\\' ORDER BY a.name LIMIT :limit",
        {"mover": mover_id, "after": after, "text": like(text), "limit": limit},
    )
    return [_agent(row, reader.now()) for row in rows]


def agent(reader: Reader, agent_id: int) -> AgentRow | None:
    """One agent."""
    row = reader.row(_AGENT + "a.id = :id", {"id": agent_id})
    return None if row is None else _agent(row, reader.now())


def projects(reader: Reader, mover_id: int, *, text: str = "", after: str = "", limit: int = 500) -> list[ProjectRow]:
    """The projects of a mover by name."""
    rows = reader.rows(
        f"""SELECT p.id, p.mover_id, p.name, p.description,
                  (SELECT count(*) FROM job_definition d WHERE d.project_id = p.id) AS definitions,
                  (SELECT count(*) FROM job_run r INDEXED BY ix_job_run_active
                   WHERE r.project_id = p.id AND r.status NOT IN ({_ENDED})) AS active_runs
           FROM project p WHERE p.mover_id = :mover AND p.name > :after AND p.name LIKE :text ESCAPE '\\'
           ORDER BY p.name LIMIT :limit""",
        {"mover": mover_id, "after": after, "text": like(text), "limit": limit},
    )
    return [ProjectRow(*row) for row in rows]


_ENDPOINTS: Keyset[EndpointRow] = Keyset(
    """SELECT e.id, e.name, e.endpoint_type, e.place, e.description,
              (SELECT count(*) FROM job_definition d WHERE d.source_id = e.id)
            + (SELECT count(*) FROM job_definition d WHERE d.target_id = e.id) AS definitions
       FROM endpoint e WHERE {{scope}} AND (e.name LIKE :text ESCAPE '\\' OR e.place LIKE :text ESCAPE '\\'){where}
       ORDER BY {order}""",
    ("e.name",),
    lambda key: (key,),
    lambda row: EndpointRow(*row),
)


def endpoints(reader: Reader, scope: Scope, page: Page, *, text: str = "") -> Window[EndpointRow]:
    """The endpoints of a mover, or those that a project's or definition's copies touch, by name."""
    match scope.kind:
        case "endpoint":
            condition = "e.id = :id"
        case "project":
            condition = (
                "e.id IN (SELECT source_id FROM job_definition WHERE project_id = :id "
                "UNION SELECT target_id FROM job_definition WHERE project_id = :id)"
            )
        case "definition":
            condition = (
                "e.id IN (SELECT source_id FROM job_definition WHERE id = :id "
                "UNION SELECT target_id FROM job_definition WHERE id = :id)"
            )
        case "agent":
            condition = (
                "e.mover_id = (SELECT mover_id FROM agent WHERE id = :id) AND "
                "e.id IN (SELECT endpoint_id FROM access_grant WHERE agent_id = :id AND ended_at IS NULL)"
            )
        case _:
            condition = "e.mover_id = :id"
    return _scoped(_ENDPOINTS, condition).window(reader, page, {"id": scope.id, "text": like(text)})


_DEFINITION_COLUMNS = """SELECT d.id, d.project_id, d.mover_id, m.name AS mover, p.name AS project, d.name,
        d.description, d.copy_mode, s.name AS source, d.source_subpath, t.name AS target, d.target_subpath,
        d.agent_name, r.id AS run_id, coalesce(r.number, 0), coalesce(r.kind, ''),
        coalesce(r.status, ''), r.execution_end_time
    FROM job_definition d
    JOIN project p ON p.id = d.project_id JOIN storage_mover m ON m.id = d.mover_id
    JOIN endpoint s ON s.id = d.source_id JOIN endpoint t ON t.id = d.target_id
    LEFT JOIN job_run r ON r.id = d.latest_run_id """

_DEFINITIONS: Keyset[DefinitionRow] = Keyset(
    _DEFINITION_COLUMNS + "WHERE {{scope}} AND d.name LIKE :text ESCAPE '\\'{where} ORDER BY {order}",
    ("p.name", "d.name"),
    lambda key: tuple(key.partition("/")[::2]),
    lambda row: DefinitionRow(*row),
)


def definition_key(row: DefinitionRow) -> str:
    """The key of a definition in its list: ``PROJECT/DEFINITION``."""
    return f"{row.project}/{row.name}"


def definitions(reader: Reader, scope: Scope, page: Page, *, text: str = "") -> Window[DefinitionRow]:
    """The definitions in a scope by project and name, each with its latest run's state."""
    match scope.kind:
        case "project":
            condition = "d.project_id = :id"
        case "definition":
            condition = "d.id = :id"
        case "endpoint":
            condition = "(d.source_id = :id OR d.target_id = :id)"
        case "agent":
            condition = (
                "d.mover_id = (SELECT mover_id FROM agent WHERE id = :id) "
                "AND d.agent_name = (SELECT name FROM agent WHERE id = :id)"
            )
        case _:
            condition = "d.mover_id = :id"
    return _scoped(_DEFINITIONS, condition).window(reader, page, {"id": scope.id, "text": like(text)})


def definition(reader: Reader, definition_id: int) -> DefinitionRow | None:
    """One definition."""
    row = reader.row(_DEFINITION_COLUMNS + "WHERE d.id = :id", {"id": definition_id})
    return None if row is None else DefinitionRow(*row)


def last_run_definition(reader: Reader) -> DefinitionRow | None:
    """The definition whose run was started last; without any run, the first by name."""
    row = reader.row(
        _DEFINITION_COLUMNS + "WHERE d.id = coalesce((SELECT definition_id FROM job_run ORDER BY id DESC LIMIT 1), "
        "(SELECT id FROM job_definition ORDER BY name, id LIMIT 1))"
    )
    return None if row is None else DefinitionRow(*row)


def endpoint_properties(reader: Reader, endpoint_id: int) -> dict[str, Any]:
    """The properties of an endpoint as ARM names them; empty when it is gone."""
    text = reader.value("SELECT properties FROM endpoint WHERE id = :id", {"id": endpoint_id})
    return dict(json.loads(text)) if text else {}


def _scoped(keyset: Keyset[Any], condition: str) -> Keyset[Any]:
    return Keyset(
        keyset.sql.replace("{{scope}}", condition), keyset.columns, keyset.key_of, keyset.make, keyset.descending
    )


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
