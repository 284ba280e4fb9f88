"""A fixed block of lines of cells."""

from __future__ import annotations

from collections.abc import Sequence

from textual.geometry import Region
from textual.strip import Strip

from tui.presentation.cells import Cell
from tui.presentation.glyphs import UNICODE, Glyphs
from tui.widgets.cell_widget import CellWidget


class TextLines(CellWidget):
    """Shows n lines of cells; new content repaints only the lines that differ."""

    DEFAULT_CSS = """
    TextLines {
        width: 1fr;
        height: auto;
    }
    """

    def __init__(
        self,
        lines: int,
        *,
        glyphs: Glyphs = UNICODE,
        name: str | None = None,
        id: str | None = None,  # noqa: A002 (Textual's own name)
        classes: str | None = None,
    ) -> None:
        """Create a block of ``lines`` blank lines."""
        super().__init__(glyphs=glyphs, name=name, id=id, classes=classes)
        self._lines: list[tuple[Cell, ...]] = [()] * lines
        self.styles.height = lines

    def set_lines(self, lines: Sequence[Sequence[Cell]]) -> None:
        """Set the whole block. Missing lines become blank, surplus ones are not shown."""
        for y in range(len(self._lines)):
            self.set_line(y, lines[y] if y < len(lines) else ())

    def set_line(self, y: int, cells: Sequence[Cell]) -> None:
        """Set one line, counted from 0 at the top."""
        line = tuple(cells)
        if line != self._lines[y]:
            self._lines[y] = line
            self.refresh(Region(0, y, self.size.width, 1))

    def resize_block(self, lines: int) -> None:
        """Make the block ``lines`` high: a new layout of the screen, so not for a tick."""
        if lines != len(self._lines):
            self._lines = (self._lines + [()] * lines)[:lines]
            self.styles.height = lines

    def render_line(self, y: int) -> Strip:
        cells = self._lines[y] if y < len(self._lines) else ()
        return self.cells_strip(cells, self.size.width)
