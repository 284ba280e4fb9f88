"""What every question has in common: lines of text, perhaps a list of what it is about, and a block to answer in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widget import Widget

from tui.presentation.cells import Cell
from tui.presentation.glyphs import Glyphs
from tui.presentation.listed import Listed
from tui.presentation.wrapping import wrap
from tui.widgets.listed_rows import ListedRows
from tui.widgets.text_lines import TextLines
from tui.widgets.virtual_table import VirtualTable

Answer = TypeVar("Answer")

FRAME = 2
"""Lines, and cells beside the text, that the border takes; the text keeps another blank on both sides."""


class AskScreen(ModalScreen[Answer], Generic[Answer]):
    """A subclass yields the widgets of its block in ``ending``, ``ENDING`` lines high."""

    ENDING = 2

    DEFAULT_CSS = """
    AskScreen {
        align: center middle;
        & > Vertical {
            width: 70; max-width: 96%; height: auto; padding: 0 1;
            background: $surface; border: solid $border;
        }
        & > Vertical.-listed { width: 90; }
        & > Vertical.-ascii { border: ascii $border; }
    }
    """

    def __init__(self, lines: Sequence[str], glyphs: Glyphs, listed: Listed | None = None) -> None:
        """Ask; ``lines`` are displayed-safe and broken where they are too long, the first one is the question."""
        super().__init__()
        self._lines = list(lines)
        self._glyphs = glyphs
        self._listed = listed

    def compose(self) -> ComposeResult:
        names = ["" if self._glyphs.unicode else "-ascii", "-listed" if self._listed is not None else ""]
        with Vertical(classes=" ".join(names).strip()):
            yield TextLines(len(self._lines), glyphs=self._glyphs, id="question")
            if self._listed is not None:
                yield ListedRows(self._listed, glyphs=self._glyphs)
            yield from self.ending()

    def ending(self) -> Sequence[Widget]:
        """The widgets to answer with."""
        raise NotImplementedError

    def on_mount(self) -> None:
        self.lay_out()

    def on_resize(self) -> None:
        self.lay_out()

    def lay_out(self) -> None:
        """Break the lines, and give the list what is left of the terminal."""
        width, height = self.app.size
        wide = 70 if self._listed is None else 90
        cells = min(wide, width * 96 // 100) - FRAME - 2
        told = [
            [Cell(part, "" if at else "strong")] for at, line in enumerate(self._lines) for part in wrap(line, cells)
        ]
        question = self.query_one("#question", TextLines)
        question.resize_block(len(told))
        question.set_lines(told)
        for listed in self.query(ListedRows):
            listed.fit(height - len(told) - self.ENDING - FRAME)

    @property
    def table(self) -> VirtualTable | None:
        """The table of the list; None without one."""
        return next((listed.table for listed in self.query(ListedRows)), None)
