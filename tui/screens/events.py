"""The audit: who did what, when, to everything or to one resource and what is below it."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult

from store.queries.events import AuditRow
from store.queries.scope import Scope
from tui.actions import EVENTS_PLACE
from tui.following import StoreChanges
from tui.lists.events import events_list
from tui.presentation.audit_rows import AUDIT_COLUMNS, DETAIL_LINES, audit_lines
from tui.presentation.cells import Cell
from tui.screens.base import bindings_of
from tui.screens.panes import PanesScreen
from tui.subjects import MOVER, WORDS, Subject
from tui.widgets.key_bar import KeyBar
from tui.widgets.text_lines import TextLines
from tui.widgets.top_bar import TopBar
from tui.widgets.virtual_table import VirtualTable


class EventsScreen(PanesScreen):
    """Events, newest first; the one under the cursor is shown in full above."""

    PLACE = EVENTS_PLACE
    BINDINGS: ClassVar = bindings_of(EVENTS_PLACE)
    AUTO_FOCUS = "#events"
    FRONT = "events"

    DEFAULT_CSS = """
    EventsScreen {
        & #detail { padding: 0 1; }
    }
    """

    def __init__(self, about: Subject | None) -> None:
        """Show what happened to a resource and below it, or everything that ever happened."""
        super().__init__()
        # Keys act on what an event is of, never on what the screen is about.
        self._about = about

    def compose(self) -> ComposeResult:
        glyphs = self.longshore.glyphs
        yield TopBar(glyphs=glyphs)
        yield TextLines(DETAIL_LINES, glyphs=glyphs, id="detail")
        yield VirtualTable(AUDIT_COLUMNS, glyphs=glyphs, id="events")
        yield KeyBar(glyphs=glyphs)

    def begin(self) -> None:
        about = self._about
        pane = self.pane("events", events_list(None if about is None else Scope(about.kind, about.id)))
        names = ("everything",) if about is None else (about.mover, about.path)
        crumbs = names[-1:] if about is not None and about.kind == MOVER else names
        self.top_bar.set_left([Cell("Longshore", "strong"), *(Cell(name) for name in crumbs), Cell("events")])
        pane.set_scope("anywhere" if about is None else f"to {WORDS[about.kind]} {about.path}")
        self.show_front()

    def on_resize(self) -> None:
        super().on_resize()
        self._show_detail()

    async def follow(self, changes: StoreChanges) -> None:
        await super().follow(changes)
        self._show_detail()

    @on(VirtualTable.RowHighlighted)
    def _highlighted(self) -> None:
        self._show_detail()

    @property
    def _event(self) -> AuditRow | None:
        pane = self.panes.get("events") if self.ready else None
        return None if pane is None else pane.selected

    def _show_detail(self) -> None:
        if self.ready:
            self.query_one("#detail", TextLines).set_lines(audit_lines(self._event, max(20, self.size.width - 2)))

    def reason(self, identity: str) -> str:
        event = self._event
        if identity in ("open", "resource.edit") and event is not None and self.subject is None:
            return f"'{event.resource}' has no screen, or is not there any more."
        return super().reason(identity)
