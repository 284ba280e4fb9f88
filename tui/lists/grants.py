"""The list of access grants: who may touch what now."""

from __future__ import annotations

from store.queries import grants
from store.queries.grants import GrantRow
from store.queries.scope import Scope
from store.queries.window import Page, Window
from store.reader import Reader
from tui.lists.spec import ListSpec
from tui.presentation.cells import Row
from tui.presentation.glyphs import Glyphs
from tui.presentation.grant_rows import GRANT_COLUMNS, grant_row
from tui.subjects import AGENT, ENDPOINT, RUN, Subject

_NONE = {
    AGENT: "No run lets this agent touch anything now.",
    ENDPOINT: "No run lets an agent touch this endpoint now.",
    RUN: "This run never let an agent touch anything.",
}


def grants_list(scope: Scope, glyphs: Glyphs) -> ListSpec[GrantRow]:
    """The grants of an agent, on an endpoint, or of a run: ``scope.kind`` is one of these.

    Its columns are ``GRANT_COLUMNS`` of that kind. Keys act on the run; in a run's own list, on the endpoint.
    """

    def query(reader: Reader, page: Page, text: str, order: str) -> Window[GrantRow]:
        return grants.grants(reader, scope, page)

    def rows(reader: Reader, found: list[GrantRow]) -> list[Row]:
        now = reader.now()
        return [grant_row(grant, scope.kind, now, glyphs) for grant in found]

    def subject(row: GrantRow) -> Subject | None:
        if scope.kind != RUN and row.run_id is not None:
            return Subject(RUN, row.run_id, row.mover, row.run_label)
        return None if row.endpoint_id is None else Subject(ENDPOINT, row.endpoint_id, row.mover, row.endpoint)

    return ListSpec(
        "May touch" if scope.kind != RUN else "Access grants",
        GRANT_COLUMNS[scope.kind],
        query,
        rows,
        lambda row, order: grants.grant_key(row, scope),
        subject,
        touched_by=("access_grant", "job_run", "endpoint_test"),
        ages=True,
        none=_NONE[scope.kind],
        filters=False,
    )
