"""Going to anything by its name: what ``:`` completes."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

from store.queries.window import in_a_name, like
from store.reader import Reader, Row

_LAST = "\x7f"
"""Sorts behind every character that a name may have."""

_KINDS = {
    "mover": ("storage_mover", "n.name", "n.id"),
    "agent": ("agent", "n.name", "n.mover_id"),
    "endpoint": ("endpoint", "n.name", "n.mover_id"),
    "project": ("project", "n.name", "n.mover_id"),
    "definition": ("job_definition", "n.project_name || '/' || n.name", "n.mover_id"),
}
"""Each kind in the order in which they are shown: its table, its path, and its mover."""

KINDS = (*_KINDS, "run")
"""What can be gone to."""

PROJECTS_AT_ONCE = 100
"""Projects that a path's first part may mean."""

RUNS_AT_ONCE = 20
"""Definitions whose runs are looked up by a number."""


class Found(NamedTuple):
    """Something by its name: ``path`` is as an admin writes it, ``PROJECT/DEFINITION#NUMBER`` for a run."""

    kind: str
    id: int
    path: str
    mover: str


def find(reader: Reader, text: str, limit: int = 20, kinds: Collection[str] = ()) -> list[Found]:
    """What a text may name: what begins with it as it is written, kind by kind, then what contains it in any case.

    ``PROJECT/DEFINITION`` finds definitions, by parts of both names; ``DEFINITION#NUMBER`` runs, without a number the
    latest ones. Beginnings are found by an index; for parts all names are read, unless there are enough before.

    Where ``kinds`` are given, only those are found, a text that names a definition finds its runs if only they are
    wanted, and no text at all finds the first of each kind, by name, and the newest runs.
    """
    text = text.strip()
    name, marked, number = text.partition("#")
    if marked or (set(kinds) == {"run"} and text):
        return _runs(reader, name, number, limit) if not kinds or "run" in kinds else []
    if "/" in text:
        return _definitions(reader, text, limit) if not kinds or "definition" in kinds else []
    if not in_a_name(text) or not (text or kinds):
        return []
    found: dict[tuple[str, int], Found] = {}
    for condition, values in _conditions(text):
        for kind, (table, path, mover) in _KINDS.items():
            if len(found) < limit and (not kinds or kind in kinds):
                rows = reader.rows(
                    f"""SELECT n.id, {path} AS path, m.name AS mover
                        FROM (SELECT id FROM {table} WHERE {condition} ORDER BY name, id LIMIT {limit}) AS near
                        CROSS JOIN {table} n CROSS JOIN storage_mover m
                        WHERE n.id = near.id AND m.id = {mover} ORDER BY n.name, n.id""",
                    values,
                )
                for one in _made(kind, rows):
                    found.setdefault((kind, one.id), one)
    newest = _newest_runs(reader, limit) if "run" in kinds and not text else []
    return [*found.values(), *newest][:limit]


def _conditions(text: str) -> list[tuple[str, dict[str, str]]]:
    """What the names must fulfil, one after the other, with its values; anything goes where there is no text."""
    if not text:
        return [("true", {})]
    return [
        ("name >= :low AND name < :high", {"low": text, "high": text + _LAST}),
        ("name LIKE :text ESCAPE '\\'", {"text": like(text)}),
    ]


def _newest_runs(reader: Reader, limit: int) -> list[Found]:
    rows = reader.rows(
        f"""SELECT r.id, d.project_name || '/' || d.name || '#' || r.number AS path, m.name AS mover
            FROM (SELECT id FROM job_run WHERE id > 0 ORDER BY id DESC LIMIT {limit}) AS near
            CROSS JOIN job_run r CROSS JOIN job_definition d CROSS JOIN storage_mover m
            WHERE r.id = near.id AND d.id = r.definition_id AND m.id = d.mover_id ORDER BY r.id DESC"""
    )
    return _made("run", rows)


def _definitions(reader: Reader, path: str, limit: int) -> list[Found]:
    """The definitions at a path of which each part may be a part of a name; exact ones first."""
    project, _, name = path.partition("/")
    rows = reader.rows(
        f"""SELECT d.id, d.project_name || '/' || d.name AS path, m.name AS mover
            FROM (SELECT p.id FROM project p WHERE p.name LIKE :project ESCAPE '\\' LIMIT {PROJECTS_AT_ONCE}) AS near
            CROSS JOIN job_definition d CROSS JOIN storage_mover m
            WHERE d.project_id = near.id AND d.name LIKE :name ESCAPE '\\' AND m.id = d.mover_id LIMIT {limit * 5}""",
        {"project": like(project), "name": like(name)},
    )
    wanted = path.lower()

    def nearness(one: Found) -> tuple[bool, bool, str]:
        low = one.path.lower()
        return low != wanted, not low.startswith(wanted), one.path

    return sorted(_made("definition", rows), key=nearness)[:limit]


def _runs(reader: Reader, name: str, number: str, limit: int) -> list[Found]:
    """The runs of a number of the definitions that a name may mean; without a number, their latest ones."""
    if number and not (number.isascii() and number.isdecimal() and len(number) < 19):
        return []
    named = [one for one in find(reader, name, RUNS_AT_ONCE * 5) if one.kind == "definition"][:RUNS_AT_ONCE]
    if not named:
        return []
    ids = ", ".join(str(one.id) for one in named)
    which = "r.number = :number" if number else "r.id = d.latest_run_id"
    rows = reader.rows(
        f"""SELECT r.id, d.project_name || '/' || d.name || '#' || r.number AS path, m.name AS mover
            FROM job_definition d CROSS JOIN job_run r CROSS JOIN storage_mover m
            WHERE d.id IN ({ids}) AND r.definition_id = d.id AND {which} AND m.id = d.mover_id""",
        {"number": int(number)} if number else {},
    )
    order = {one.path: place for place, one in enumerate(named)}
    return sorted(_made("run", rows), key=lambda one: order.get(one.path.partition("#")[0], 0))[:limit]


def _made(kind: str, rows: Iterable[Row]) -> list[Found]:
    return [Found(kind, row[0], row[1], row[2]) for row in rows]
