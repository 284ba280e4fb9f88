"""An agent's own screen: how it is, what it runs and how fast, what it may touch, and what happened to it."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult

from store.queries.overview import AgentOverview, agent_overview
from store.queries.scope import Scope
from store.reader import Reader
from tui.actions import AGENT_PLACE
from tui.lists.events import events_list
from tui.lists.grants import grants_list
from tui.lists.runs import active_runs_list
from tui.presentation.audit_rows import AUDIT_COLUMNS
from tui.presentation.cells import Cell
from tui.presentation.fleet_view import AGENT_LINES, agent_lines
from tui.presentation.grant_rows import GRANT_COLUMNS
from tui.presentation.rows import RUN_COLUMNS
from tui.screens.acts import Creates
from tui.screens.base import bindings_of
from tui.screens.fleet_head import FleetHeadScreen
from tui.subjects import AGENT
from tui.widgets.virtual_table import VirtualTable


class AgentScreen(FleetHeadScreen):
    """One agent, live."""

    PLACE = AGENT_PLACE
    BINDINGS: ClassVar = bindings_of(AGENT_PLACE)
    AUTO_FOCUS = "#running"
    FRONT = "running"
    HEAD = AGENT_LINES

    DEFAULT_CSS = """
    AgentScreen {
        & #head, & #plot, & #tabs { padding: 0 1; }
        & #lists { layout: vertical; height: 1fr; }
    }
    """

    def tables(self) -> ComposeResult:
        glyphs = self.longshore.glyphs
        yield VirtualTable(RUN_COLUMNS, glyphs=glyphs, id="running")
        yield VirtualTable(GRANT_COLUMNS[AGENT], glyphs=glyphs, id="grants")
        yield VirtualTable(AUDIT_COLUMNS, glyphs=glyphs, id="events")

    def begin(self) -> None:
        glyphs, scope = self.longshore.glyphs, Scope("agent", self.own.id)
        self.pane("running", active_runs_list(scope, glyphs, "Runs now"))
        self.pane("grants", grants_list(scope, glyphs))
        self.pane("events", events_list(scope))
        super().begin()

    def head(self, reader: Reader) -> AgentOverview | None:
        return agent_overview(reader, self.own.id)

    def head_lines(self, found: AgentOverview, now: int) -> list[list[Cell]]:
        return agent_lines(found, now, self.longshore.glyphs)

    @property
    def creates(self) -> Creates:
        return Creates(AGENT, self.own.mover)
