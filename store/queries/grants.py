"""Who may touch what now: the access grants that are open, of an agent, on an endpoint, or of a run."""

from __future__ import annotations

from typing import NamedTuple

from store.lifecycle import ENDED
from store.queries.scope import Scope
from store.queries.window import Branch, Listing, Page, Window, quoted
from store.reader import Reader, Row
from store.vocabulary import GrantPermission, JobRunStatus


class GrantRow(NamedTuple):
    """A grant with the run, or the test of an endpoint, that it belongs to.

    Attributes:
        id: negative for a test's.
        run_id: the run; None for a test.
        test_id: the test; None for a run.
        project: of the run; empty for a test, like the definition and the number.
        run_status: None for a test.
        endpoint_id: None when the endpoint was deleted since, which it cannot be while the grant is open.
        granted_at: from when on.
        ended_at: when it ended; None while it is open.
        until: while it is open, the moment after which nothing is touched unless an agent renews it: the end of the
            lease on the run, or of the time for the test. None for "the run's end": no agent has taken the run yet.
    """

    id: int
    run_id: int | None
    test_id: int | None
    mover: str
    project: str
    definition: str
    number: int
    run_status: JobRunStatus | None
    agent_id: int
    agent: str
    endpoint_id: int | None
    endpoint: str
    place: str
    permission: GrantPermission
    granted_at: int
    granted_by: str
    ended_at: int | None
    until: int | None

    @property
    def run_label(self) -> str:
        """The run's; empty for a test."""
        return "" if self.run_id is None else f"{self.project}/{self.definition}#{self.number}"


_COLUMNS = """page.id, gr.run_id, t.id AS test_id, m.name AS mover, coalesce(p.name, '') AS project,
        coalesce(d.name, '') AS definition, coalesce(r.number, 0) AS number, r.status,
        coalesce(gr.agent_id, t.agent_id) AS agent_id, a.name AS agent,
        coalesce(gr.endpoint_id, t.endpoint_id) AS endpoint_id, coalesce(gr.endpoint_name, e.name) AS endpoint_name,
        coalesce(e.place, '') AS place, coalesce(gr.permission, t.permission) AS permission,
        coalesce(gr.granted_at, t.requested_at) AS granted_at, coalesce(gr.granted_by, t.requested_by) AS granted_by,
        coalesce(gr.ended_at, t.ended_at) AS ended_at,
        CASE WHEN coalesce(gr.ended_at, t.ended_at) IS NULL THEN coalesce(t.until, l.lease_until) END AS until"""
# A test is its own grant: its id is there as a negative one.
_TABLES = """(SELECT 1) AS one
        LEFT JOIN access_grant gr ON gr.id = page.id
        LEFT JOIN endpoint_test t ON t.id = -page.id
        LEFT JOIN job_run r ON r.id = gr.run_id
        LEFT JOIN run_lease l ON l.run_id = gr.run_id
        LEFT JOIN project p ON p.id = r.project_id
        LEFT JOIN job_definition d ON d.id = r.definition_id
        LEFT JOIN storage_mover m ON m.id = coalesce(r.mover_id, t.mover_id)
        LEFT JOIN agent a ON a.id = coalesce(gr.agent_id, t.agent_id)
        LEFT JOIN endpoint e ON e.id = coalesce(gr.endpoint_id, t.endpoint_id)"""
_OPEN = "gr.ended_at IS NULL"
_TESTS = "(SELECT -id AS id, agent_id, endpoint_id, ended_at FROM endpoint_test) gr"

_BRANCHES = {
    "agent": (
        Branch("access_grant gr", (("gr.agent_id", ":id"),), ("gr.endpoint_id", "gr.id"), _OPEN),
        Branch(_TESTS, (("gr.agent_id", ":id"),), ("gr.endpoint_id", "gr.id"), _OPEN),
    ),
    "endpoint": (
        # By way of the runs that have not ended, which are few: no index tells an endpoint's open grants from all it
        # had.
        Branch(
            "job_run r CROSS JOIN access_grant gr",
            (),
            ("gr.agent_id", "gr.id"),
            f"r.status NOT IN ({quoted(sorted(ENDED))}) AND (+r.source_id = :id OR +r.target_id = :id) "
            f"AND gr.run_id = r.id AND +gr.endpoint_id = :id AND {_OPEN}",
        ),
        Branch(_TESTS, (("gr.endpoint_id", ":id"),), ("gr.agent_id", "gr.id"), _OPEN),
    ),
    "run": (Branch("access_grant gr", (("gr.run_id", ":id"),), ("gr.id",)),),
}


def grants(reader: Reader, scope: Scope, page: Page) -> Window[GrantRow]:
    """The open grants of an agent by endpoint, or on an endpoint by agent, those of tests too; and all grants of a run,
    the ended ones too.

    Args:
        reader: the store's.
        scope: its kind is agent, endpoint or run.
        page: which of them; the keys are those of :func:`grant_key`.
    """
    branches = _BRANCHES[scope.kind]
    listing = Listing(branches, (int,) * len(branches[0].keys), "gr.id", _COLUMNS, (_TABLES, "1 = 1"), _grant)
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
    status = None if found.run_status is None else JobRunStatus(found.run_status)
    return found._replace(run_status=status, permission=GrantPermission(found.permission))
