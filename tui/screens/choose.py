"""Choosing one of a few things: what to make, of which type, in which storage mover."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen

from tui.presentation.cells import Cell, Column, Row
from tui.presentation.glyphs import Glyphs
from tui.widgets.virtual_table import VirtualTable

COLUMNS = (Column("", 26, priority=9), Column("", None, min_width=20, priority=8))
MOST_LINES = 14


class Option(NamedTuple):
    """One of the things; its words are safe to show."""

    key: str
    name: str
    words: str


class ChooseScreen(ModalScreen[str | None]):
    """Dismisses with the key of what was chosen, or with None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", "Leave without a choice", show=False, id="choose.leave")
    ]

    DEFAULT_CSS = """
    ChooseScreen {
        align: center middle;
        & > Vertical {
            width: 84; max-width: 96%; height: auto; max-height: 96%;
            background: $surface; border: solid $border; padding: 0 1;
            border-title-color: $text-accent;
        }
        & > Vertical.-ascii { border: ascii $border; }
        & VirtualTable, & VirtualTable:focus { border: none; }
    }
    """

    def __init__(self, title: str, options: Sequence[Option], glyphs: Glyphs) -> None:
        """Offer the options; ``title`` is safe to show."""
        super().__init__()
        self._title = title
        self._options = list(options)
        self._glyphs = glyphs

    def compose(self) -> ComposeResult:
        box = Vertical(classes="" if self._glyphs.unicode else "-ascii")
        box.border_title = Content(self._title)
        box.border_subtitle = Content("enter chooses, esc leaves")
        with box:
            table = VirtualTable(COLUMNS, glyphs=self._glyphs)
            table.styles.height = min(len(self._options), MOST_LINES) + 1
            yield table

    def on_mount(self) -> None:
        self.set_focus(self.query_one(VirtualTable))

    @on(VirtualTable.WindowNeeded)
    def _window_needed(self, event: VirtualTable.WindowNeeded) -> None:
        event.stop()
        rows = [Row(one.key, (Cell(one.name, "strong"), Cell(one.words, "dim"))) for one in self._options]
        event.table.load(event.direction, event.anchor_key, rows, True, True)

    @on(VirtualTable.RowChosen)
    def _row_chosen(self, event: VirtualTable.RowChosen) -> None:
        event.stop()
        self.dismiss(event.key)

    def action_leave(self) -> None:
        self.dismiss(None)
