"""The audit: what happened to everything, to a resource, and to what lies below it, newest first."""

from __future__ import annotations

from typing import NamedTuple

from store.queries.scope import Scope
from store.queries.window import Branch, Listing, Page, Window, like
from store.reader import Reader, Row

EVENTS_AT_ONCE = 1_000
"""Events that one answer looks through for a text, or for a project: each is read."""

KINDS = {
    "mover": "storage_mover",
    "agent": "agent",
    "endpoint": "endpoint",
    "connection": "connection",
    "project": "project",
    "definition": "job_definition",
    "run": "job_run",
}
"""What each kind of resource is called in events: as its table."""


class AuditRow(NamedTuple):
    """An event. ``resource`` is the path that an admin knows it by; ``mover`` is "" when that mover is gone;
    ``there`` says whether the resource still is."""

    id: int
    at: int
    actor: str
    kind: str
    resource: str
    action: str
    detail: str
    resource_id: int
    mover: str
    there: bool

    @property
    def path(self) -> str:
        """As a command names the resource within its mover."""
        match self.kind:
            case "agent" | "endpoint" | "connection":
                return self.resource.rpartition("/")[2]
            case "project" | "job_definition":
                return self.resource.partition("/")[2]
            case _:
                return self.resource


_THERE = " ".join(
    f"WHEN '{table}' THEN EXISTS (SELECT 1 FROM {table} x WHERE x.id = e.resource_id)" for table in KINDS.values()
)
_COLUMNS = f"""e.id, e.at, e.actor, e.kind, e.resource, e.action, e.detail, e.resource_id,
        coalesce((SELECT m.name FROM storage_mover m WHERE m.id = e.mover_id), '') AS mover,
        CASE e.kind {_THERE} ELSE false END AS there"""
_MATCH = (
    "(" + " OR ".join(f"e.{word} LIKE :text ESCAPE '\\'" for word in ("resource", "action", "actor", "detail")) + ")"
)


def events(reader: Reader, scope: Scope | None, page: Page, *, text: str = "") -> Window[AuditRow]:
    """What happened, newest first; the text is looked for in who, what and to which resource, and in the details.

    Of a mover that is everything in it, of a definition what happened to its runs, too, and of a project to all that
    its path leads to. Of agents, endpoints, connections and runs it is what happened to themselves.

    Args:
        reader: the store's.
        scope: a kind of ``KINDS`` and an id, of what is there or was; None for everything that ever happened.
        page: which of them; the keys are ids.
        text: the filter.
    """
    budget = EVENTS_AT_ONCE if text else 0
    match = _MATCH if text else ""
    values: dict[str, int | str] = {"id": scope.id if scope is not None else 0, "text": like(text)}
    # All of them, said so that it is a range of the table's own key.
    branches = [Branch("event e", (), ("e.id",), "e.id > 0")]
    if scope is not None and scope.kind == "mover":
        branches = [Branch("event e", (("e.mover_id", ":id"),), ("e.id",))]
    elif scope is not None:
        branches = [_own(scope.kind)]
        if scope.kind == "definition":
            branches.append(_of_runs(reader, scope.id, page, max(page.limit, budget) + 2))
        elif scope.kind == "project" and (found := _project(reader, scope.id)) is not None:
            # No index leads from a project to what happened below it: its mover's events are looked through.
            paths = {"definitions": f"{found['mover']}/{found['name']}/", "runs": f"{found['name']}/"}
            values |= {"mover": found["mover_id"], **paths}
            branches = [Branch("event e", (("e.mover_id", ":mover"),), ("e.id",))]
            match = " AND ".join(filter(None, (_below(paths), match)))
            budget = EVENTS_AT_ONCE
    listing = Listing(
        branches,
        (int,),
        "e.id",
        _COLUMNS,
        ("event e", "e.id = page.id"),
        _event,
        descending=True,
        match=match,
        budget=budget,
    )
    return listing.window(reader, page, values)


def event_key(row: AuditRow) -> str:
    """The key of an event in its list."""
    return str(row.id)


def _own(kind: str) -> Branch:
    """What happened to the one resource."""
    return Branch("event e", (("e.kind", f"'{KINDS[kind]}'"), ("e.resource_id", ":id")), ("e.id",))


def _below(paths: dict[str, str]) -> str:
    """That an event is of a project, or of something whose path begins with the project's; LIKE would not heed case."""
    begins = {word: f"substr(e.resource, 1, {len(path)}) = :{word}" for word, path in paths.items()}
    return (
        f"((e.kind = 'project' AND e.resource_id = :id) OR (e.kind = 'job_definition' AND {begins['definitions']}) "
        f"OR (e.kind = 'job_run' AND {begins['runs']}))"
    )


def _project(reader: Reader, project_id: int) -> Row | None:
    return reader.row(
        "SELECT p.mover_id, p.name, m.name AS mover FROM project p JOIN storage_mover m ON m.id = p.mover_id "
        "WHERE p.id = :id",
        {"id": project_id},
    )


def _of_runs(reader: Reader, definition_id: int, page: Page, most: int) -> Branch:
    """What happened to a definition's runs, of which one is active at a time: their events follow each other as they
    do, so that a page needs those of so many runs only, from its anchor's on."""
    anchored = page.anchor is not None and page.direction not in ("start", "end")
    here = _run_at(reader, definition_id, page.anchor or "") if anchored else None
    all_of_it = "SELECT id FROM job_run WHERE definition_id = :id"
    older = f"{all_of_it} AND id <= {here or 0} ORDER BY id DESC LIMIT {most}"
    newer = f"{all_of_it} AND id >= {here or 0} ORDER BY id LIMIT {most}"
    if here is None and page.direction in ("start", "after", "around"):
        runs = f"{all_of_it} ORDER BY id DESC LIMIT {most}"
    elif page.direction == "around":
        newer = newer.replace(">=", ">")
        runs = f"SELECT id FROM ({older}) AS past UNION ALL SELECT id FROM ({newer}) AS coming"
    else:
        runs = older if page.direction == "after" else newer
    return Branch(f"({runs}) AS run CROSS JOIN event e", (), ("e.id",), "e.kind = 'job_run' AND e.resource_id = run.id")


def _run_at(reader: Reader, definition_id: int, key: str) -> int | None:
    """The run that an event is of, or the last one before it; 0 before the first, None when there is no such event."""
    event = None
    if key.isascii() and key.isdecimal():
        event = reader.row("SELECT kind, resource_id, at FROM event WHERE id = :id", {"id": int(key)})
    if event is None:
        return None
    if event["kind"] == KINDS["run"]:
        return int(event["resource_id"])
    found = reader.value(
        "SELECT id FROM job_run WHERE definition_id = :id AND created_at <= :at ORDER BY id DESC LIMIT 1",
        {"id": definition_id, "at": event["at"]},
    )
    return int(found or 0)


def _event(row: Row) -> AuditRow:
    return AuditRow(*row)._replace(there=bool(row["there"]))
