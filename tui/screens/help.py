"""The keys of this place, searchable."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen

from tui.presentation.glyphs import Glyphs
from tui.presentation.help_view import HELP_COLUMNS, Entry, help_rows, told
from tui.widgets.line_input import LineInput
from tui.widgets.text_lines import TextLines
from tui.widgets.virtual_table import VirtualTable


class HelpScreen(ModalScreen[None]):
    """Type to search; esc leaves, and so do ? at the start of the line and f1."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f1", "leave", "Leave the keys", show=False, id="help.leave", priority=True),
        Binding("up", "move('cursor_up')", show=False, id="help.up", priority=True),
        Binding("down", "move('cursor_down')", show=False, id="help.down", priority=True),
        Binding("pageup", "move('page_up')", show=False, id="help.page_up", priority=True),
        Binding("pagedown", "move('page_down')", show=False, id="help.page_down", priority=True),
    ]

    DEFAULT_CSS = """
    HelpScreen {
        align: center middle;
        & > Vertical {
            width: 100; max-width: 96%; height: 44; max-height: 96%;
            background: $surface; border: solid $border; padding: 0 1;
        }
        & > Vertical.-ascii { border: ascii $border; }
        & Input { height: 1; border: none; padding: 0; background: $boost; }
        & VirtualTable, & VirtualTable:focus { border: none; height: 1fr; }
    }
    """

    def __init__(self, entries: Sequence[Entry], glyphs: Glyphs) -> None:
        super().__init__()
        self._glyphs = glyphs
        self._entries = list(entries)
        self._text = ""

    def compose(self) -> ComposeResult:
        box = Vertical(classes="" if self._glyphs.unicode else "-ascii")
        box.border_title = Content("Keys here")
        box.border_subtitle = Content("type to search, esc leaves")
        with box:
            line = LineInput(placeholder="type to search", compact=True)
            line.cursor_blink = False
            yield line
            table = VirtualTable(HELP_COLUMNS, glyphs=self._glyphs, empty_text="No key does that here.")
            table.can_focus = False
            yield table
            yield TextLines(2, glyphs=self._glyphs)

    def on_mount(self) -> None:
        self.set_focus(self.query_one(LineInput))

    @on(VirtualTable.WindowNeeded)
    def _window_needed(self, event: VirtualTable.WindowNeeded) -> None:
        event.stop()
        rows = help_rows(self._entries, self._text)
        event.table.load(event.direction, event.anchor_key, rows, True, True)

    @on(VirtualTable.RowHighlighted)
    def _row_highlighted(self, event: VirtualTable.RowHighlighted) -> None:
        event.stop()
        rows = help_rows(self._entries, self._text)
        if rows and event.key == rows[0].key:
            # The name of a group: below it stands its first key.
            event.table.action_cursor_down()
        self.query_one(TextLines).set_lines(told(self._entries, event.key))

    def on_input_changed(self, event: LineInput.Changed) -> None:
        if event.value == "?":
            # Typed again, it leaves; no key is searched for by it.
            self.action_leave()
            return
        self._text = event.value
        self.query_one(VirtualTable).reload()

    def action_move(self, action: str) -> None:
        getattr(self.query_one(VirtualTable), f"action_{action}")()

    def action_leave(self) -> None:
        self.dismiss(None)
