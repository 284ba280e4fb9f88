"""Lists of runs with the numbers of now, and what is asked of them on every tick.

Their items are in ``items``, the fleet's totals in ``fleet``.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from enum import StrEnum
from typing import NamedTuple

from store.lifecycle import ENDED, OFFLINE_AFTER_INTERVALS
from store.queries.fleet import COUNTERS
from store.queries.scope import Scope
from store.queries.window import Branch, Listing, Page, Window, in_a_name, like, quoted
from store.reader import Reader, Row
from store.vocabulary import JobRunStatus, RunKind, ScanStatus

_ENDED = quoted(sorted(ENDED))
_IS_ACTIVE = f"status NOT IN ({_ENDED})"
"""In the very words of the partial indexes: a list of the active statuses would read the whole history."""

RUNS_AT_ONCE = 250
"""Runs that one answer looks through for a text: each is read, and its definition."""

DEFINITIONS_AT_ONCE = 24
"""Definitions up to which their runs are merged, instead of looking for them among all runs."""

_MOST = 2 * DEFINITIONS_AT_ONCE + 1
"""So many that they are more than that, even if each is found as a source and as a target."""


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


class RunSort(StrEnum):
    """Orders of the runs. Those by a number list the runs that have ended: the numbers of the others still move."""

    NEWEST = "newest"
    OLDEST = "oldest"
    BYTES = "bytes"
    """By the bytes that were moved, the most first."""
    FAILED = "failed"
    """Those with failed items, the most first."""


_COUNTER_COLUMNS = ", ".join(
    f"CASE WHEN r.status IN ({_ENDED}) OR g.run_id IS NULL THEN r.{name} ELSE g.{name} END AS {name}"
    for name in COUNTERS
)
_COLUMNS = f"""r.id, r.mover_id, r.project_id, r.definition_id, m.name AS mover, p.name AS project,
        d.name AS definition, r.number, r.kind, r.plan_number, r.overrides, r.report,
        r.agent_name, r.copy_mode, r.status, r.scan_status, r.created_at,
        r.execution_start_time, r.execution_end_time, r.cancel_deadline, r.fence, r.error_code, r.error_message,
        {_COUNTER_COLUMNS}, g.phase, g.total_items, g.total_bytes, g.bytes_in_flight, g.current, g.at AS progress_at,
        b.at AS beat, a.heartbeat_ms, l.lease_until"""
_TABLES = """job_run r CROSS JOIN storage_mover m CROSS JOIN project p CROSS JOIN job_definition d
        LEFT JOIN run_progress g ON g.run_id = r.id LEFT JOIN agent a ON a.id = r.agent_id
        LEFT JOIN agent_beat b ON b.agent_id = r.agent_id LEFT JOIN run_lease l ON l.run_id = r.id"""
_JOINED = "m.id = r.mover_id AND p.id = r.project_id AND d.id = r.definition_id"


def run(reader: Reader, run_id: int) -> RunRow | None:
    """One run."""
    row = reader.row(f"SELECT {_COLUMNS} FROM {_TABLES} WHERE r.id = :id AND {_JOINED}", {"id": run_id})
    return None if row is None else _run(row, reader.now())


def last_copy(reader: Reader, definition_id: int) -> RunRow | None:
    """The latest run of a definition that copies or copied, whatever became of it: previews and verifies are none."""
    found = reader.value(
        "SELECT id FROM job_run WHERE definition_id = :id AND kind = 'Copy' ORDER BY id DESC LIMIT 1",
        {"id": definition_id},
    )
    return None if found is None else run(reader, found)


def runs_by_id(reader: Reader, run_ids: Iterable[int]) -> list[RunRow]:
    """These runs, for a tick of what is visible."""
    numbers = ", ".join(str(int(number)) for number in run_ids)
    if not numbers:
        return []
    now = reader.now()
    rows = reader.rows(f"SELECT {_COLUMNS} FROM {_TABLES} WHERE r.id IN ({numbers}) AND {_JOINED}")
    return [_run(row, now) for row in rows]


def active_run_ids(reader: Reader) -> list[int]:
    """The runs that have not ended, from the partial index."""
    return sorted(row[0] for row in reader.rows(f"SELECT id FROM job_run WHERE {_IS_ACTIVE}"))


def cancel_overdue(reader: Reader) -> bool:
    """Whether a run is past its cancel deadline: then the store is to end it (``store.resources.runs.sweep``)."""
    row = reader.row(
        f"SELECT 1 FROM job_run WHERE {_IS_ACTIVE} AND cancel_deadline < :now LIMIT 1", {"now": reader.now()}
    )
    return row is not None


def work_of(reader: Reader, agent_id: int) -> dict[int, JobRunStatus]:
    """The runs of one agent that have not ended: what it looks at when it is told that something changed."""
    rows = reader.rows(f"SELECT id, status FROM job_run WHERE agent_id = :id AND {_IS_ACTIVE}", {"id": agent_id})
    return {row["id"]: JobRunStatus(row["status"]) for row in rows}


_SCOPES = {
    "mover": (("r.mover_id", ""),),
    "project": (("r.project_id", ""),),
    "definition": (("r.definition_id", ""),),
    "agent": (("r.agent_id", ""),),
    # Both ends may be sub-paths of one endpoint.
    "endpoint": (("r.source_id", ""), ("r.target_id", "r.source_id <> r.target_id")),
}
_KEYS = {
    RunSort.NEWEST: ("r.id",),
    RunSort.OLDEST: ("r.id",),
    RunSort.BYTES: ("r.bytes_transferred", "r.id"),
    RunSort.FAILED: ("r.items_failed", "r.id"),
}


def runs(
    reader: Reader,
    scope: Scope,
    page: Page,
    *,
    text: str = "",
    sort: RunSort = RunSort.NEWEST,
    statuses: Collection[JobRunStatus] = (),
) -> Window[RunRow]:
    """The runs in a scope; only those of some statuses, if any are named. The text is looked for in the names of their
    definitions."""
    if not in_a_name(text):
        return Window([], True, True)
    now = reader.now()
    scopes = [(column, ":id", where) for column, where in _SCOPES.get(scope.kind, _SCOPES["mover"])]
    searched = bool(text)
    if text and scope.kind != "agent":
        named = _definitions_named(reader, scope, text)
        if len(named) <= DEFINITIONS_AT_ONCE // max(1, len(statuses)):
            # Each definition's runs are a list of their own, in every order: they are merged.
            scopes, searched = [("r.definition_id", str(number), "") for number in named], False
    listing = Listing(
        [branch for one in scopes for branch in _branches(*one, sort, statuses)],
        (int,) * len(_KEYS[sort]),
        "r.id",
        _COLUMNS,
        (_TABLES, f"r.id = page.id AND {_JOINED}"),
        lambda row: _run(row, now),
        descending=sort != RunSort.OLDEST,
        match="(SELECT d.name FROM job_definition d WHERE d.id = r.definition_id) LIKE :text ESCAPE '\\'"
        if searched
        else "",
        budget=RUNS_AT_ONCE,
    )
    return listing.window(reader, page, {"id": scope.id, "text": like(text)})


def run_key(row: RunRow, sort: RunSort = RunSort.NEWEST) -> str:
    """The key of a run in its list: by age it is its id."""
    match sort:
        case RunSort.NEWEST | RunSort.OLDEST:
            return str(row.id)
        case RunSort.BYTES:
            return f"{row.counters['bytes_transferred']}/{row.id}"
        case RunSort.FAILED:
            return f"{row.counters['items_failed']}/{row.id}"


def _branches(
    column: str, value: str, where: str, sort: RunSort, statuses: Collection[JobRunStatus]
) -> Iterator[Branch]:
    """A scope as the ranges of indexes that hold it in an order: one for each status where the index begins with it."""
    fixed, keys = (column, value), _KEYS[sort]
    by_age = sort in (RunSort.NEWEST, RunSort.OLDEST)
    if by_age and not statuses:
        yield Branch("job_run r", (fixed,), keys, where)
        return
    ended = f"r.status IN ({_ENDED})" + (" AND r.items_failed <> 0" if sort == RunSort.FAILED else "")
    for status in sorted(statuses or ENDED):
        if status in ENDED:
            yield Branch("job_run r", (fixed, ("r.status", f"'{status}'")), keys, _all(where, ended))
        elif by_age and column in ("r.agent_id", "r.project_id"):
            yield Branch("job_run r", (fixed, ("r.status", f"'{status}'")), keys, _all(where, f"r.{_IS_ACTIVE}"))
        elif by_age:
            # Hidden from the indexes of the history: what runs is in that of active runs, and is not much.
            here = f"+{column} = {value}"
            yield Branch("job_run r", (("r.status", f"'{status}'"),), keys, _all(where, here, f"r.{_IS_ACTIVE}"))


def _all(*conditions: str) -> str:
    return " AND ".join(filter(None, conditions))


def _definitions_named(reader: Reader, scope: Scope, text: str) -> list[int]:
    """The definitions in a scope whose names contain a text; one more than may be merged stands for many."""
    columns = {"project": ("project_id",), "definition": ("id",), "endpoint": ("source_id", "target_id")}
    named = "SELECT id, mover_id FROM job_definition WHERE name LIKE :text ESCAPE '\\'"
    if scope.kind in columns:
        found = " UNION ALL ".join(f"{named} AND {column} = :id" for column in columns[scope.kind])
    else:
        # All names are read, in the smallest index that holds them; only of those that are found the movers.
        ids = named.replace(", mover_id", "")
        found = (
            f"SELECT d.id, d.mover_id FROM ({ids} ORDER BY name, id LIMIT {_MOST}) AS near CROSS JOIN job_definition d "
            "WHERE d.id = near.id"
        )
    rows = reader.rows(f"{found} LIMIT {_MOST}", {"id": scope.id, "text": like(text)})
    if len(rows) == _MOST or scope.kind in columns:
        return sorted({row[0] for row in rows})
    return sorted({row[0] for row in rows if row[1] == scope.id})


def run_events(reader: Reader, run_id: int, page: Page) -> Window[EventRow]:
    """What happened to a run, newest first."""
    listing = Listing(
        [Branch("event e", (("e.kind", "'job_run'"), ("e.resource_id", ":id")), ("e.id",))],
        (int,),
        "e.id",
        "e.id, e.at, e.actor, e.kind, e.resource, e.action, e.detail",
        ("event e", "e.id = page.id"),
        lambda row: EventRow(*row),
        descending=True,
    )
    return listing.window(reader, page, {"id": run_id})


def samples(reader: Reader, run_id: int, since: int = 0, limit: int = 600) -> list[Sample]:
    """The newest throughput samples of a run, oldest first."""
    rows = reader.rows(
        """SELECT at, items, bytes FROM progress_sample WHERE run_id = :run AND at > :since
           ORDER BY at DESC LIMIT :limit""",
        {"run": run_id, "since": since, "limit": limit},
    )
    return [Sample(*row) for row in reversed(rows)]


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
