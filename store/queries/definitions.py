"""Lists of definitions, each with what its latest run came to."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum
from typing import NamedTuple

from store.queries.fleet import LOOK_COUNTERS
from store.queries.scope import Scope
from store.queries.window import Branch, Listing, Page, Window, in_a_name, like
from store.reader import Reader, Row
from store.vocabulary import DefinitionState

NAMES_AT_ONCE = 8_000
"""Definitions that one answer looks through for a text in the order of their names: an index has those."""

ROWS_AT_ONCE = 2_000
"""The same in another order, which reads each definition."""


class DefinitionSort(StrEnum):
    """Orders of the definitions."""

    NAME = "name"
    """By project and name."""
    STATE = "state"
    """By what their latest runs came to, in the order of :class:`DefinitionState`; each by project and name."""
    RECENT = "recent"
    """By when their latest run ended, the last one first; those that have none, or one that has not ended, last."""
    STALE = "stale"
    """The other way round: what was never run, and what has not run for longest, first."""


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
    state: DefinitionState = DefinitionState.NEVER
    ended: int = 0
    """When the latest run ended, 0 before."""
    to_look_at: int = 0
    """Items of the latest run that are not as they should be, so far."""


_COLUMNS = """d.id, d.project_id, d.mover_id, m.name AS mover, d.project_name AS project, d.name,
        d.description, d.copy_mode, s.name AS source, d.source_subpath, t.name AS target, d.target_subpath,
        d.agent_name, r.id AS run_id, coalesce(r.number, 0), coalesce(r.kind, ''),
        coalesce(r.status, ''), r.execution_end_time, d.latest_state, d.latest_ended, """
_COLUMNS += f"coalesce({' + '.join(f'r.{name}' for name in LOOK_COUNTERS)}, 0)"
_TABLES = """job_definition d CROSS JOIN storage_mover m CROSS JOIN endpoint s CROSS JOIN endpoint t
        LEFT JOIN job_run r ON r.id = d.latest_run_id"""
_JOINED = "m.id = d.mover_id AND s.id = d.source_id AND t.id = d.target_id"

_SCOPES: dict[str, tuple[tuple[tuple[tuple[str, str], ...], str], ...]] = {
    "mover": (((("d.mover_id", ":id"),), ""),),
    "project": (((("d.project_id", ":id"),), ""),),
    "definition": (((("d.id", ":id"),), ""),),
    # Both ends may be sub-paths of one endpoint.
    "endpoint": (((("d.source_id", ":id"),), ""), ((("d.target_id", ":id"),), "d.source_id <> d.target_id")),
    "agent": (
        (
            (
                ("d.mover_id", ":mover"),
                ("d.agent_name", ":agent"),
            ),
            "",
        ),
    ),
}
"""The ranges of a scope: what columns are equal to, and what else must hold."""

_RANKS = {state: rank for rank, state in enumerate(DefinitionState)}


def definitions(
    reader: Reader,
    scope: Scope,
    page: Page,
    *,
    text: str = "",
    sort: DefinitionSort = DefinitionSort.NAME,
    states: Collection[DefinitionState] = (),
) -> Window[DefinitionRow]:
    """The definitions in a scope; only those of some states, if any are named. The text is looked for in names."""
    if not in_a_name(text):
        return Window([], True, True)
    by_time = sort in (DefinitionSort.RECENT, DefinitionSort.STALE)
    by_name = sort == DefinitionSort.NAME
    keys = ("d.latest_ended", "d.id") if by_time else ("d.project_name", "d.name")
    kinds: tuple[type[int] | type[str], ...] = (int, int) if by_time else (str, str)
    scopes = _SCOPES.get(scope.kind, _SCOPES["mover"])
    if by_name and not states and scope.kind in ("mover", "definition"):
        branches = [Branch("job_definition d", fixed, keys, where) for fixed, where in scopes]
    else:
        # The indexes hold the state before the names and times.
        branches = [
            Branch(
                "job_definition d",
                (*fixed, ("d.latest_state", f"'{state}'")),
                keys,
                where,
                _RANKS[state] if sort == DefinitionSort.STATE else None,
            )
            for fixed, where in scopes
            for state in DefinitionState
            if state in states or not states
        ]
    listing = Listing(
        branches,
        (int, *kinds) if sort == DefinitionSort.STATE else kinds,
        "d.id",
        _COLUMNS,
        (_TABLES, f"d.id = page.id AND {_JOINED}"),
        _row,
        descending=sort == DefinitionSort.RECENT,
        match="d.name LIKE :text ESCAPE '\\'" if text else "",
        budget=(ROWS_AT_ONCE if by_time else NAMES_AT_ONCE) // len(branches),
    )
    found = {"id": scope.id, "text": like(text)}
    if scope.kind == "agent":
        agent = reader.row("SELECT mover_id, name FROM agent WHERE id = :id", found)
        if agent is None:
            return Window([], True, True)
        found |= {"mover": agent["mover_id"], "agent": agent["name"]}
    return listing.window(reader, page, found)


def definition_key(row: DefinitionRow, sort: DefinitionSort = DefinitionSort.NAME) -> str:
    """The key of a definition in its list: by name it is ``PROJECT/DEFINITION``."""
    match sort:
        case DefinitionSort.NAME:
            return f"{row.project}/{row.name}"
        case DefinitionSort.STATE:
            return f"{_RANKS[row.state]}/{row.project}/{row.name}"
        case DefinitionSort.RECENT | DefinitionSort.STALE:
            return f"{row.ended}/{row.id}"


def definition(reader: Reader, definition_id: int) -> DefinitionRow | None:
    """One definition."""
    row = reader.row(f"SELECT {_COLUMNS} FROM {_TABLES} WHERE d.id = :id AND {_JOINED}", {"id": definition_id})
    return None if row is None else _row(row)


def last_run_definition(reader: Reader) -> DefinitionRow | None:
    """The definition whose run was started last; without any run, the first by name."""
    found = reader.value(
        "SELECT coalesce((SELECT definition_id FROM job_run ORDER BY id DESC LIMIT 1), "
        "(SELECT id FROM job_definition ORDER BY name, id LIMIT 1))"
    )
    return None if found is None else definition(reader, found)


def _row(row: Row) -> DefinitionRow:
    return DefinitionRow(*row)._replace(state=DefinitionState(row["latest_state"]))
