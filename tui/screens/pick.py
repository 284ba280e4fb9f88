"""One of several things is chosen from a list that shows their states."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.widget import Widget

from tui.presentation.cells import Cell
from tui.presentation.glyphs import Glyphs
from tui.presentation.listed import Listed
from tui.screens.asking import AskScreen
from tui.widgets.text_lines import TextLines
from tui.widgets.virtual_table import VirtualTable


class PickScreen(AskScreen[str | None]):
    """Dismisses with the key of the row that was chosen, or with None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", "Leave it as it is", show=False, id="pick.leave")
    ]

    def __init__(self, lines: Sequence[str], listed: Listed, choose: str, glyphs: Glyphs) -> None:
        """Ask; ``lines`` are displayed-safe, ``choose`` says what enter does."""
        super().__init__(lines, glyphs, listed)
        self._choose = choose

    def ending(self) -> Sequence[Widget]:
        return [TextLines(2, glyphs=self._glyphs, id="keys")]

    def on_mount(self) -> None:
        super().on_mount()
        keys = ("enter", self._choose), ("esc", "leave it as it is")
        line = [cell for key, does in keys for cell in (Cell(key, "accent"), Cell(f" {does}   "))]
        self.query_one("#keys", TextLines).set_lines([[], line])
        self.set_focus(self.table)

    @on(VirtualTable.RowChosen)
    def _row_chosen(self, event: VirtualTable.RowChosen) -> None:
        event.stop()
        self.dismiss(event.key)

    def action_leave(self) -> None:
        self.dismiss(None)
