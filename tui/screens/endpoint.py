"""An endpoint's own screen: what it is, who uses it, and who may touch it now."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.containers import Container

from store.lifecycle import ACTIVE
from store.queries.details import EndpointDetail, endpoint_detail
from store.queries.endpoint_tests import endpoint_tests
from store.queries.grants import GrantRow, grants
from store.queries.scope import Scope
from store.queries.window import Page
from store.reader import Reader
from tui.actions import ENDPOINT_PLACE
from tui.following import StoreChanges
from tui.lists.grants import grants_list
from tui.lists.runs import runs_list
from tui.lists.spec import ListSpec
from tui.lists.users import users_list
from tui.presentation.endpoint_test_view import MOST_TOLD, test_facts
from tui.presentation.endpoint_view import HEAD_LINES, MOST_GRANTS, USER_COLUMNS, endpoint_facts, head_lines
from tui.presentation.facts import FACT_COLUMNS, Fact
from tui.presentation.grant_rows import GRANT_COLUMNS
from tui.presentation.rows import RUN_COLUMNS
from tui.screens.acts import Creates
from tui.screens.base import bindings_of
from tui.screens.fact_panes import Facts
from tui.screens.resource import ResourceScreen
from tui.subjects import ENDPOINT, Subject
from tui.widgets.key_bar import KeyBar
from tui.widgets.text_lines import TextLines
from tui.widgets.top_bar import TopBar
from tui.widgets.virtual_table import VirtualTable


class _Known(NamedTuple):
    """What the head is drawn of."""

    detail: EndpointDetail
    grants: list[GrantRow]


class EndpointScreen(ResourceScreen):
    """One endpoint, with the definitions that use it and the runs that touch it."""

    PLACE = ENDPOINT_PLACE
    BINDINGS: ClassVar = bindings_of(ENDPOINT_PLACE)
    AUTO_FOCUS = "#users"
    FRONT = "users"
    WIDE = 120

    DEFAULT_CSS = """
    EndpointScreen {
        & #head, & #tabs { margin: 0 1; width: 1fr; }
        & #lists { width: 100%; height: 1fr; }
        & #lists Container { layout: horizontal; height: 1fr; }
        & #users, & #grants { width: 3fr; }
        & #facts, & #running { width: 2fr; }
        &.-narrow #lists Container { height: auto; max-height: 1fr; }
    }
    """

    _known: _Known | None = None

    def compose(self) -> ComposeResult:
        glyphs = self.longshore.glyphs
        yield TopBar(glyphs=glyphs)
        yield TextLines(HEAD_LINES, glyphs=glyphs, id="head")
        yield TextLines(1, glyphs=glyphs, id="tabs")
        with Container(id="lists"):
            with Container():
                yield VirtualTable(USER_COLUMNS, glyphs=glyphs, id="users")
                yield VirtualTable(FACT_COLUMNS, glyphs=glyphs, id="facts")
            with Container():
                yield VirtualTable(GRANT_COLUMNS["endpoint"], glyphs=glyphs, id="grants")
                yield VirtualTable(RUN_COLUMNS, glyphs=glyphs, id="running")
            with Container():
                yield VirtualTable(RUN_COLUMNS, glyphs=glyphs, id="runs")
        yield KeyBar(glyphs=glyphs)

    def begin(self) -> None:
        glyphs = self.longshore.glyphs
        scope = Scope("endpoint", self.own.id)
        lists: dict[str, ListSpec[Any]] = {
            "users": users_list(self.own.id, self.own.path, glyphs),
            "grants": grants_list(scope, glyphs),
            "running": runs_list(scope, glyphs, sorted(ACTIVE), "Running now"),
            "runs": runs_list(scope, glyphs, title="Runs"),
        }
        for name, spec in lists.items():
            self.pane(name, spec)
        self.panes["running"].none = "No run touches this endpoint now."
        self.panes["running"].set_title()
        self.wrap_facts()
        self.show_front()

    def facts(self) -> dict[str, Facts]:
        endpoint_id = self.own.id

        def read(reader: Reader) -> list[Fact]:
            detail = endpoint_detail(reader, endpoint_id)
            if detail is None:
                return []
            now = reader.now()
            return [*test_facts(endpoint_tests(reader, endpoint_id, MOST_TOLD), now), *endpoint_facts(detail, now)]

        return {"facts": Facts("Properties", read, ("endpoint", "endpoint_test"))}

    def show_front(self) -> None:
        super().show_front()
        for row in self.query("#lists > Container"):
            row.display = any(child.display for child in row.children)

    # Following the store

    async def follow(self, changes: StoreChanges) -> None:
        if self._known is None or changes.touches("endpoint", "job_definition", "access_grant", "job_run"):
            found = await self.longshore.follower.read(_read, self.own.id)
            if found is None:
                self.tell_gone()
            else:
                self._take(found)
        await super().follow(changes)

    def _take(self, found: _Known) -> None:
        self._known = found
        row = found.detail.row
        self.own = Subject(ENDPOINT, row.id, found.detail.mover, row.name, row)
        self.set_crumbs(found.detail.mover, "Endpoints", row.name)
        self.set_head(head_lines(found.detail, found.grants, self.longshore.glyphs))

    # What keys act on

    @property
    def creates(self) -> Creates:
        return Creates(ENDPOINT, self.own.mover)


def _read(reader: Reader, endpoint_id: int) -> _Known | None:
    detail = endpoint_detail(reader, endpoint_id)
    if detail is None:
        return None
    return _Known(detail, grants(reader, Scope("endpoint", endpoint_id), Page(limit=MOST_GRANTS)).rows)
