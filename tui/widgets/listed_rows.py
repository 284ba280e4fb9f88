"""A list inside a dialog: as high as its rows, or scrolling where the terminal is lower; below it what the row under
the cursor is about, in full."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical

from tui.presentation.cells import Cell
from tui.presentation.glyphs import Glyphs
from tui.presentation.listed import Listed
from tui.presentation.wrapping import wrap
from tui.widgets.text_lines import TextLines
from tui.widgets.virtual_table import HEADER_LINES, VirtualTable

DETAIL_LINES = 3
"""A refusal is one sentence, and names are long."""

LEAST_ROWS = 2


class ListedRows(Vertical):
    """Shows a ``Listed``. The dialog calls ``fit`` when it knows how many lines are left."""

    DEFAULT_CSS = """
    ListedRows {
        height: auto;
        & VirtualTable, & VirtualTable:focus, & VirtualTable.-ascii, & VirtualTable.-ascii:focus {
            height: 3; border: none;
        }
    }
    """

    def __init__(self, listed: Listed, *, glyphs: Glyphs) -> None:
        super().__init__()
        self._listed = listed
        self._glyphs = glyphs

    def compose(self) -> ComposeResult:
        yield VirtualTable(self._listed.columns, glyphs=self._glyphs)
        if any(self._listed.details.values()):
            yield TextLines(DETAIL_LINES, glyphs=self._glyphs)

    @property
    def table(self) -> VirtualTable:
        return self.query_one(VirtualTable)

    def fit(self, lines: int) -> None:
        """Take no more than ``lines`` lines of the terminal."""
        details = DETAIL_LINES if self.query(TextLines) else 0
        room = max(LEAST_ROWS, lines - details - HEADER_LINES)
        self.table.styles.height = HEADER_LINES + min(len(self._listed.rows), room)

    @on(VirtualTable.WindowNeeded)
    def _window_needed(self, event: VirtualTable.WindowNeeded) -> None:
        event.stop()
        event.table.load(event.direction, event.anchor_key, self._listed.rows, True, True)

    @on(VirtualTable.RowHighlighted)
    def _row_highlighted(self, event: VirtualTable.RowHighlighted) -> None:
        event.stop()
        self._tell()

    def on_resize(self) -> None:
        self._tell()

    def _tell(self) -> None:
        for lines in self.query(TextLines):
            told = self._listed.details.get(self.table.cursor_key or "", "")
            lines.set_lines([[Cell(line, "warn")] for line in wrap(told, self.size.width)])
