"""One of a few things is chosen: by its number, its first letter, or enter on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from rich.cells import cell_len
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen

from tui.presentation.cells import Cell, Column, Row
from tui.presentation.glyphs import Glyphs
from tui.widgets.cell_widget import inert
from tui.widgets.virtual_table import HEADER_LINES, VirtualTable

LEAST_CELLS, FRAME_CELLS = 60, 9
"""Of the dialog's width; more where the words need it."""
MOST_SHOWN = 15
"""Lines of the list; a longer one scrolls."""

COLUMNS = (Column("", 2, "right", priority=9), Column("", None, min_width=10, priority=8))
NAME_CELLS = 26
NAMED_COLUMNS = (COLUMNS[0], Column("", NAME_CELLS, priority=9), Column("", None, min_width=20, priority=8))
"""The same where the options have names."""


class Choice(NamedTuple):
    """Something to choose."""

    value: str
    """What the answer is."""
    words: str
    """What is read; displayed-safe."""
    name: str = ""
    """What it is called, where the words explain that; displayed-safe."""


class ChoiceScreen(ModalScreen[str | None]):
    """Dismisses with the value that was chosen, or with None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", "Leave it as it is", show=False, id="choice.leave"),
    ]

    DEFAULT_CSS = """
    ChoiceScreen {
        align: center middle;
        & > Vertical {
            max-width: 96%; height: auto; max-height: 96%;
            background: $surface; border: solid $border; padding: 0 1;
        }
        & > Vertical.-ascii { border: ascii $border; }
        & VirtualTable, & VirtualTable:focus { border: none; }
    }
    """

    def __init__(self, title: str, options: Sequence[Choice], glyphs: Glyphs, present: str = "") -> None:
        """Ask; the title is displayed-safe, ``present`` is the value that holds now."""
        super().__init__()
        self._title = title
        self._options = list(options)
        self._present = present
        self._glyphs = glyphs

    def compose(self) -> ComposeResult:
        named = any(option.name for option in self._options)
        box = Vertical(classes="" if self._glyphs.unicode else "-ascii")
        box.border_title = Content(inert(self._title, self._glyphs))
        box.border_subtitle = Content("enter chooses, esc leaves")
        frame = FRAME_CELLS + (NAME_CELLS + 1 if named else 0)
        box.styles.width = max(LEAST_CELLS, *(cell_len(one.words) + frame for one in self._options))
        with box:
            table = VirtualTable(NAMED_COLUMNS if named else COLUMNS, glyphs=self._glyphs)
            table.styles.height = min(len(self._options), MOST_SHOWN) + HEADER_LINES
            yield table

    def on_mount(self) -> None:
        table = self.query_one(VirtualTable)
        self.set_focus(table)
        table.reload(self._present or None)

    @on(VirtualTable.WindowNeeded)
    def _window_needed(self, event: VirtualTable.WindowNeeded) -> None:
        event.stop()
        event.table.load(
            event.direction, event.anchor_key, [self._row(n) for n in range(len(self._options))], True, True
        )

    def _row(self, place: int) -> Row:
        value, words, name = self._options[place]
        number = Cell(str(place + 1) if place < 9 else "", "accent")
        if name:
            return Row(value, (number, Cell(name, "strong"), Cell(words, "dim")))
        return Row(value, (number, Cell(f"{words}  (as now)" if value == self._present else words)))

    @on(VirtualTable.RowHighlighted)
    def _row_highlighted(self, event: VirtualTable.RowHighlighted) -> None:
        event.stop()

    @on(VirtualTable.RowChosen)
    def _row_chosen(self, event: VirtualTable.RowChosen) -> None:
        event.stop()
        self.dismiss(event.key)

    def on_key(self, event: events.Key) -> None:
        """A number chooses; a letter goes to the next option that begins with it."""
        if event.key in self.active_bindings:
            return
        character = event.character or ""
        if character.isdecimal() and 0 < int(character) <= len(self._options):
            event.stop()
            self.dismiss(self._options[int(character) - 1].value)
        elif character.isalpha():
            event.stop()
            self._go_to(character.lower())

    def _go_to(self, letter: str) -> None:
        table = self.query_one(VirtualTable)
        values = [option.value for option in self._options]
        here = values.index(table.cursor_key) if table.cursor_key in values else -1
        later = [*self._options[here + 1 :], *self._options[: here + 1]]
        found = next((option for option in later if (option.name or option.words)[:1].lower() == letter), None)
        if found is not None:
            table.go_to(found.value)

    def action_leave(self) -> None:
        self.dismiss(None)
