"""All that is known of one definition or one endpoint, for its own screen."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from store.queries.definitions import DefinitionRow, definition
from store.queries.hierarchy import EndpointRow
from store.reader import Reader, Row


class Made(NamedTuple):
    """Who made a resource and who changed it last, and when, in store time."""

    created_at: int
    created_by: str
    changed_at: int
    changed_by: str


class Place(NamedTuple):
    """One end of a definition."""

    id: int
    name: str
    type: str
    place: str
    subpath: str


class DefinitionDetail(NamedTuple):
    """A definition with both ends; ``properties`` are its own as ARM names them, without those of the ends."""

    row: DefinitionRow
    source: Place
    target: Place
    properties: dict[str, Any]
    source_identity: str
    """What told the source root from others when a copy first read it; empty before."""
    run_count: int
    made: Made


class EndpointDetail(NamedTuple):
    """An endpoint; ``properties`` are those of its type as ARM names them: references, never secrets."""

    row: EndpointRow
    mover: str
    kind: str
    """``Source`` or ``Target``; empty when it may be either."""
    properties: dict[str, Any]
    as_source: int
    """Definitions that read from it."""
    as_target: int
    """Definitions that write to it."""
    made: Made


_MADE = "{0}.created_at, {0}.created_by, {0}.last_modified_at, {0}.last_modified_by"


def definition_detail(reader: Reader, definition_id: int) -> DefinitionDetail | None:
    """One definition; None when it is gone."""
    row = definition(reader, definition_id)
    found = reader.row(
        f"""SELECT d.job_type, d.connections, d.schedule, d.data_integrity_validation, d.preserve_permissions,
                   d.settings, d.source_identity, d.run_count, {_MADE.format("d")},
                   s.id AS source_id, s.endpoint_type AS source_type, s.place AS source_place,
                   t.id AS target_id, t.endpoint_type AS target_type, t.place AS target_place
            FROM job_definition d CROSS JOIN endpoint s CROSS JOIN endpoint t
            WHERE d.id = :id AND s.id = d.source_id AND t.id = d.target_id""",
        {"id": definition_id},
    )
    if row is None or found is None:
        return None
    properties = {
        "description": row.description,
        "jobType": found["job_type"],
        "copyMode": row.copy_mode,
        "agentName": row.agent_name,
        "connections": json.loads(found["connections"]),
        "schedule": json.loads(found["schedule"] or "null"),
        "dataIntegrityValidation": found["data_integrity_validation"],
        "preservePermissions": bool(found["preserve_permissions"]),
        **json.loads(found["settings"]),
    }
    return DefinitionDetail(
        row,
        Place(found["source_id"], row.source, found["source_type"], found["source_place"], row.source_subpath),
        Place(found["target_id"], row.target, found["target_type"], found["target_place"], row.target_subpath),
        properties,
        found["source_identity"],
        found["run_count"],
        _made(found),
    )


def endpoint_detail(reader: Reader, endpoint_id: int) -> EndpointDetail | None:
    """One endpoint; None when it is gone."""
    found = reader.row(
        f"""SELECT e.id, e.name, e.endpoint_type, e.place, e.description, m.name AS mover, e.endpoint_kind,
                   e.properties, {_MADE.format("e")},
                   (SELECT count(*) FROM job_definition d WHERE d.source_id = e.id) AS as_source,
                   (SELECT count(*) FROM job_definition d WHERE d.target_id = e.id) AS as_target
            FROM endpoint e CROSS JOIN storage_mover m WHERE e.id = :id AND m.id = e.mover_id""",
        {"id": endpoint_id},
    )
    if found is None:
        return None
    users = found["as_source"] + found["as_target"]
    return EndpointDetail(
        EndpointRow(found["id"], found["name"], found["endpoint_type"], found["place"], found["description"], users),
        found["mover"],
        found["endpoint_kind"] or "",
        json.loads(found["properties"]),
        found["as_source"],
        found["as_target"],
        _made(found),
    )


def _made(row: Row) -> Made:
    return Made(row["created_at"], row["created_by"], row["last_modified_at"], row["last_modified_by"])
