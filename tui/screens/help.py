"""The keys of this place, searchable."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen

from tui.actions import MOVEMENT, actions_of, shown_keys
from tui.presentation.cells import Cell, Column, Row
from tui.presentation.glyphs import Glyphs
from tui.widgets.line_input import LineInput
from tui.widgets.virtual_table import VirtualTable

COLUMNS = (Column("Key", 19, priority=9), Column("What it does", None, min_width=20, priority=8))


class HelpScreen(ModalScreen[None]):
    """Type to search; esc or ? leaves."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark", "leave", show=False, id="help.leave", priority=True),
        Binding("down,tab", "list", show=False, id="help.list"),
    ]

    DEFAULT_CSS = """
    HelpScreen {
        align: center middle;
        & > Vertical {
            width: 76; max-width: 96%; height: 22; max-height: 96%;
            background: $surface; border: solid $border; padding: 0 1;
        }
        & > Vertical.-ascii { border: ascii $border; }
        & Input { height: 1; border: none; padding: 0; background: $boost; }
        & VirtualTable, & VirtualTable:focus { border: none; height: 1fr; }
    }
    """

    def __init__(self, place: str, glyphs: Glyphs, *, read_only: bool) -> None:
        super().__init__()
        self._glyphs = glyphs
        keys = [(shown_keys(found), found.description) for found in actions_of(place, read_only=read_only)]
        self._entries = [*keys, *MOVEMENT]
        self._text = ""

    def compose(self) -> ComposeResult:
        box = Vertical(classes="" if self._glyphs.unicode else "-ascii")
        box.border_title = Content("Keys here")
        box.border_subtitle = Content("esc leaves")
        with box:
            line = LineInput(placeholder="type to search", compact=True)
            line.cursor_blink = False
            yield line
            yield VirtualTable(COLUMNS, glyphs=self._glyphs, empty_text="No key does that here.")

    def on_mount(self) -> None:
        self.set_focus(self.query_one(LineInput))

    @on(VirtualTable.WindowNeeded)
    def _window_needed(self, event: VirtualTable.WindowNeeded) -> None:
        event.stop()
        wanted = self._text.lower()
        found = [(key, text) for key, text in self._entries if wanted in key.lower() or wanted in text.lower()]
        rows = [Row(key, (Cell(key, "accent"), Cell(text))) for key, text in found]
        event.table.load(event.direction, event.anchor_key, rows, True, True)

    def on_input_changed(self, event: LineInput.Changed) -> None:
        self._text = event.value
        self.query_one(VirtualTable).reload()

    def action_list(self) -> None:
        self.set_focus(self.query_one(VirtualTable))

    def action_leave(self) -> None:
        self.dismiss(None)
