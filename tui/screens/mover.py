"""A storage mover's own screen: the fleet at a glance, what needs attention, and what runs."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult

from store.lifecycle import ENDED
from store.queries.overview import MoverOverview, mover_overview
from store.queries.scope import Scope
from store.reader import Reader
from tui.actions import MOVER_PLACE
from tui.following import StoreChanges
from tui.lists.agents import agents_list
from tui.lists.attention import attention_list
from tui.lists.runs import active_runs_list, runs_list
from tui.presentation.attention_rows import ADVICE_LINES, ATTENTION_COLUMNS, advice_lines
from tui.presentation.cells import Cell
from tui.presentation.fleet_view import MOVER_LINES, mover_lines
from tui.presentation.rows import AGENT_COLUMNS, RUN_COLUMNS
from tui.screens.acts import Creates
from tui.screens.base import bindings_of
from tui.screens.fleet_head import FleetHeadScreen
from tui.subjects import AGENT, DEFINITION
from tui.widgets.key_bar import KeyBar
from tui.widgets.text_lines import TextLines
from tui.widgets.virtual_table import VirtualTable


class MoverScreen(FleetHeadScreen):
    """The fleet of one mover, live."""

    PLACE = MOVER_PLACE
    BINDINGS: ClassVar = bindings_of(MOVER_PLACE)
    AUTO_FOCUS = "#attention"
    FRONT = "attention"
    HEAD = MOVER_LINES

    DEFAULT_CSS = """
    MoverScreen {
        & #head, & #plot, & #tabs, & #advice { padding: 0 1; }
        & #lists { layout: grid; grid-size: 2; grid-columns: 3fr 2fr; height: 1fr; }
        &.-narrow #lists { layout: vertical; }
    }
    """

    def compose(self) -> ComposeResult:
        for part in super().compose():
            if isinstance(part, KeyBar):
                yield TextLines(ADVICE_LINES, glyphs=self.longshore.glyphs, id="advice")
            yield part

    def tables(self) -> ComposeResult:
        glyphs = self.longshore.glyphs
        yield VirtualTable(ATTENTION_COLUMNS, glyphs=glyphs, id="attention")
        yield VirtualTable(AGENT_COLUMNS, glyphs=glyphs, id="agents")
        yield VirtualTable(RUN_COLUMNS, glyphs=glyphs, id="running")
        yield VirtualTable(RUN_COLUMNS, glyphs=glyphs, id="recent")

    def begin(self) -> None:
        glyphs, mover = self.longshore.glyphs, self.own
        scope = Scope("mover", mover.id)
        self.pane("attention", attention_list(mover.id, glyphs))
        self.pane("agents", agents_list(mover.id, mover.path, glyphs))
        self.pane("running", active_runs_list(scope, glyphs, "Running and queued"))
        self.pane("recent", runs_list(scope, glyphs, sorted(ENDED), "Recent runs"))
        super().begin()

    async def follow(self, changes: StoreChanges) -> None:
        await super().follow(changes)
        self._advise()

    @on(VirtualTable.RowHighlighted)
    def _highlighted(self) -> None:
        self._advise()

    def show_front(self) -> None:
        super().show_front()
        for advice in self.query("#advice"):
            advice.display = not self.narrow or self.front == "attention"
        self._advise()

    def _advise(self) -> None:
        """Say in full what the list has no room for."""
        if self.ready and "attention" in self.__dict__.get("panes", ()):
            found = self.panes["attention"].selected
            lines = [] if found is None else advice_lines(found, max(20, self.size.width - 2), self.longshore.glyphs)
            self.query_one("#advice", TextLines).set_lines(lines)

    def head(self, reader: Reader) -> MoverOverview | None:
        return mover_overview(reader, self.own.id)

    def head_lines(self, found: MoverOverview, now: int) -> list[list[Cell]]:
        return mover_lines(found, self.longshore.glyphs)

    @property
    def creates(self) -> Creates:
        focused = self.focused.id if self.focused is not None else ""
        return Creates(AGENT if focused == "agents" else DEFINITION, self.own.mover)
