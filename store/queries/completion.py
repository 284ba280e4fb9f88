"""Names that begin with what was typed, for forms: an index has them, so that each costs what is shown."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from store.queries.window import in_a_name
from store.reader import Reader, Row
from store.rules import NAME
from store.vocabulary import EndpointKind

_LAST = "\x7f"
"""Sorts behind every character that a name may have."""

_TABLES = {
    "mover": ("storage_mover", ""),
    "agent": ("agent", "mover_id = :mover AND "),
    "endpoint": ("endpoint", "mover_id = :mover AND "),
    "project": ("project", "mover_id = :mover AND "),
}


class EndpointPlace(NamedTuple):
    """Where an endpoint is, and what it may be used for."""

    name: str
    endpoint_type: str
    endpoint_kind: EndpointKind | None
    place: str
    location_key: str
    description: str


def names_from(reader: Reader, kind: str, mover_id: int, beginning: str, limit: int) -> list[str]:
    """The names of movers, agents, endpoints or projects that begin so, as they are written, in their order."""
    if not in_a_name(beginning):
        return []
    table, within = _TABLES[kind]
    rows = reader.rows(
        f"SELECT name FROM {table} WHERE {within}name >= :low AND name < :high ORDER BY name LIMIT {limit}",
        {"mover": mover_id, "low": beginning, "high": beginning + _LAST},
    )
    return [row[0] for row in rows]


def endpoint_places(reader: Reader, mover_id: int, names: Collection[str]) -> dict[str, EndpointPlace]:
    """The endpoints of these names, as far as there are such."""
    found = {}
    for name in names:
        if not NAME.fullmatch(name):
            continue
        row = reader.row(
            """SELECT name, endpoint_type, endpoint_kind, place, location_key, description
               FROM endpoint WHERE mover_id = :mover AND name = :name""",
            {"mover": mover_id, "name": name},
        )
        if row is not None:
            found[name] = _place(row)
    return found


class Writer(NamedTuple):
    """A definition that writes to an endpoint."""

    path: str
    """``PROJECT/DEFINITION``."""
    copy_mode: str
    target_subpath: str


def writers(reader: Reader, mover_id: int, endpoint: str, limit: int) -> list[Writer]:
    """The first definitions by name whose target is the endpoint of that name."""
    rows = reader.rows(
        f"""SELECT d.project_name || '/' || d.name, d.copy_mode, d.target_subpath
            FROM endpoint e CROSS JOIN job_definition d
            WHERE e.mover_id = :mover AND e.name = :name AND d.target_id = e.id
            ORDER BY d.project_name, d.name LIMIT {limit}""",
        {"mover": mover_id, "name": endpoint},
    )
    return [Writer(*row) for row in rows]


def mover_id_of(reader: Reader, name: str) -> int | None:
    """The id of the mover of that name."""
    found = reader.value("SELECT id FROM storage_mover WHERE name = :name", {"name": name})
    return None if found is None else int(found)


def definition_count(reader: Reader, project_id: int) -> int:
    """How many definitions a project has."""
    return int(reader.value("SELECT count(*) FROM job_definition WHERE project_id = :id", {"id": project_id}))


def _place(row: Row) -> EndpointPlace:
    kind = row["endpoint_kind"]
    known = EndpointKind(kind) if kind in set(EndpointKind) else None
    return EndpointPlace(*row)._replace(endpoint_kind=known)
