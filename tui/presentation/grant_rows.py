"""Access grants as rows: who may read or write where, for which run, since when."""

from __future__ import annotations

from store.display import display
from store.queries.grants import GrantRow
from store.vocabulary import GrantPermission
from tui.presentation.cells import Cell, Column, Row
from tui.presentation.glyphs import Glyphs
from tui.presentation.rows import ago
from tui.presentation.states import run_state

_MAY = Column("May", 6, priority=8)
_AGENT = Column("Agent", 12, priority=6)
_ENDPOINT = Column("Endpoint", None, min_width=10, priority=9)
_PLACE = Column("Place", None, min_width=14, priority=3)
_RUN = Column("For the run", None, min_width=16, priority=7, keep="#")
_STATE = Column("State", 16, priority=4)
_SINCE = Column("Granted", 8, "right", priority=5)
_UNTIL = Column("Until", 9, "right", priority=4)
_BY = Column("By", 12, priority=2)
_ENDED = Column("Ended", 8, "right", priority=4)

GRANT_COLUMNS = {
    "agent": (_MAY, _ENDPOINT, _PLACE, _RUN, _STATE, _SINCE, _UNTIL, _BY),
    "endpoint": (_AGENT._replace(priority=9), _MAY, _RUN, _STATE, _SINCE, _UNTIL, _BY),
    "run": (_AGENT, _MAY, _ENDPOINT, _PLACE, _SINCE, _BY, _ENDED),
}
"""What is known from where one looks is left out."""

_STYLES = {GrantPermission.READ: "", GrantPermission.WRITE: "warn"}


def grant_row(grant: GrantRow, kind: str, now: int, glyphs: Glyphs) -> Row:
    """A grant's line, with the columns that are shown of an agent, an endpoint or a run."""
    state = Cell("", "dim") if grant.run_status is None else run_state(grant.run_status, glyphs)
    cells = {
        _MAY.title: Cell(grant.permission.lower(), _STYLES[grant.permission]),
        _AGENT.title: Cell(grant.agent, "strong"),
        _ENDPOINT.title: Cell(grant.endpoint, "strong"),
        _PLACE.title: Cell(display(grant.place)),
        _RUN.title: Cell(grant.run_label) if grant.run_label else Cell("a test of it", "dim"),
        _STATE.title: state,
        _SINCE.title: Cell(ago(now, grant.granted_at), "dim"),
        _UNTIL.title: Cell(_until(grant, now), "dim"),
        _BY.title: Cell(display(grant.granted_by), "dim"),
        _ENDED.title: Cell("open" if grant.ended_at is None else ago(now, grant.ended_at), "dim"),
    }
    return Row(str(grant.id), tuple(cells[column.title] for column in GRANT_COLUMNS[kind]))


def _until(grant: GrantRow, now: int) -> str:
    """When an open grant ends: a run's with the run, whose lease the agent renews; a test's by the clock."""
    return "run's end" if grant.test_id is None or grant.until is None else ago(now, grant.until)
