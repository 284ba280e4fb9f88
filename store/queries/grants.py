"""Who may touch what now: the access grants that are open, of an agent, on an endpoint, or of a run."""

from __future__ import annotations

from typing import NamedTuple

from store.lifecycle import ENDED
from store.queries.scope import Scope
from store.queries.window import Branch, Listing, Page, Window, quoted
from store.reader import Reader, Row
from store.vocabulary import GrantPermission, JobRunStatus


class GrantRow(NamedTuple):
    """A grant with the run that it belongs to. ``endpoint_id`` is None when the endpoint was deleted since, which it
    cannot be while the grant is open; ``ended_at`` is None while it is."""

    id: int
    run_id: int
    mover: str
    project: str
    definition: str
    number: int
    run_status: JobRunStatus
    agent_id: int
    agent: str
    endpoint_id: int | None
    endpoint: str
    place: str
    permission: GrantPermission
    granted_at: int
    granted_by: str
    ended_at: int | None

    @property
    def run_label(self) -> str:
        return f"{self.project}/{self.definition}#{self.number}"


_COLUMNS = """gr.id, gr.run_id, m.name AS mover, p.name AS project, d.name AS definition, r.number, r.status,
        gr.agent_id, a.name AS agent, gr.endpoint_id, gr.endpoint_name, coalesce(e.place, '') AS place, gr.permission,
        gr.granted_at, gr.granted_by, gr.ended_at"""
_TABLES = """access_grant gr CROSS JOIN job_run r CROSS JOIN storage_mover m CROSS JOIN project p
        CROSS JOIN job_definition d CROSS JOIN agent a LEFT JOIN endpoint e ON e.id = gr.endpoint_id"""
_JOINED = (
    "gr.id = page.id AND r.id = gr.run_id AND m.id = r.mover_id AND p.id = r.project_id AND d.id = r.definition_id "
    "AND a.id = gr.agent_id"
)
_OPEN = "gr.ended_at IS NULL"

_BRANCHES = {
    "agent": Branch("access_grant gr", (("gr.agent_id", ":id"),), ("gr.endpoint_id", "gr.id"), _OPEN),
    # By way of the runs that have not ended, which are few: no index tells an endpoint's open grants from all it had.
    "endpoint": Branch(
        "job_run r CROSS JOIN access_grant gr",
        (),
        ("gr.agent_id", "gr.id"),
        f"r.status NOT IN ({quoted(sorted(ENDED))}) AND (+r.source_id = :id OR +r.target_id = :id) "
        f"AND gr.run_id = r.id AND +gr.endpoint_id = :id AND {_OPEN}",
    ),
    "run": Branch("access_grant gr", (("gr.run_id", ":id"),), ("gr.id",)),
}


def grants(reader: Reader, scope: Scope, page: Page) -> Window[GrantRow]:
    """The open grants of an agent by endpoint, or on an endpoint by agent; and all grants of a run, the ended ones too.

    Args:
        reader: the store's.
        scope: its kind is agent, endpoint or run.
        page: which of them; the keys are those of :func:`grant_key`.
    """
    branch = _BRANCHES[scope.kind]
    listing = Listing([branch], (int,) * len(branch.keys), "gr.id", _COLUMNS, (_TABLES, _JOINED), _grant)
    return listing.window(reader, page, {"id": scope.id})


def grant_key(row: GrantRow, scope: Scope) -> str:
    """The key of a grant in the list of a scope."""
    match scope.kind:
        case "agent":
            return f"{row.endpoint_id or 0}/{row.id}"
        case "endpoint":
            return f"{row.agent_id}/{row.id}"
        case _:
            return str(row.id)


def _grant(row: Row) -> GrantRow:
    found = GrantRow(*row)
    return found._replace(run_status=JobRunStatus(found.run_status), permission=GrantPermission(found.permission))
