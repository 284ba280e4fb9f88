"""A table's columns laid out on a line, and its lines as strips."""

from __future__ import annotations

from collections.abc import Sequence

from rich.style import Style
from textual.cache import LRUCache
from textual.strip import Strip

from tui.presentation.cells import GAP, STYLES, Cell, Column, Slot, layout
from tui.widgets.cell_widget import CellWidget, fit, inert, join_pieces

CACHED_STRIPS = 512
"""Drawn rows kept for when they come into view again."""


class TableLines:
    """Draws the lines of one table in that table's styles, whose names begin with ``virtual-table--``."""

    def __init__(self, table: CellWidget, columns: Sequence[Column]) -> None:
        self._table = table
        self._columns = tuple(columns)
        self._slots: list[Slot] = []
        self._width = 0
        self._drawn: LRUCache[tuple[tuple[Cell, ...], str, Style | None], Strip] = LRUCache(CACHED_STRIPS)
        self._looks: tuple[Style, ...] = ()

    def set_columns(self, columns: Sequence[Column]) -> None:
        """Take other columns, to be laid out next."""
        self._columns = tuple(columns)
        self._drawn.clear()

    def lay_out(self, width: int) -> None:
        """Lay the columns out on so many cells."""
        if width != self._width:
            self._width = width
            self._drawn.clear()
        self._slots = layout(self._columns, width)

    def check_looks(self) -> None:
        """Draw anew when the theme has changed; notifications come with each change of the focus, too, and then only
        the cursor's look is another."""
        looks = tuple(self._table.cell_style(style) for style in STYLES)
        if looks != self._looks:
            self._looks = looks
            self._drawn.clear()

    def header(self) -> Strip:
        """The titles of the columns."""
        style = self._table.get_component_rich_style("virtual-table--header")
        return self._strip([(column.title, style) for column in self._columns], style)

    def note(self, text: str) -> Strip:
        """A line in place of rows; below the last row, each is one without a text."""
        cells = (Cell(text),)
        key = (cells, "note", None)
        strip = self._drawn.get(key)
        if strip is None:
            strip = self._drawn[key] = self._table.cells_strip(cells, self._width, "virtual-table--note")
        return strip

    def row(self, cells: tuple[Cell, ...], state: str) -> Strip:
        """A row.

        Args:
            cells: one for each column.
            state: "focus" under the cursor of a table with the focus, "cursor" of one without; "" for all others.
        """
        cursor = self._table.cell_style("", "virtual-table--cursor") if state else None
        key = (cells, state, cursor)
        strip = self._drawn.get(key)
        if strip is None:
            strip = self._drawn[key] = self._row(cells, state, cursor)
        return strip

    def _row(self, cells: tuple[Cell, ...], state: str, cursor: Style | None) -> Strip:
        if cursor is None:
            plain = self._table.cell_style("")
            return self._strip([(text, self._table.cell_style(style)) for text, style in cells], plain)
        if state == "focus":
            # State colours are chosen for the table's background, not for the cursor's.
            return self._strip([(cell.text, cursor) for cell in cells], cursor)
        styled = [(text, self._table.cell_style(style, "virtual-table--cursor")) for text, style in cells]
        return self._strip(styled, cursor)

    def _strip(self, texts: Sequence[tuple[str, Style]], base: Style) -> Strip:
        """Return texts, one per column, laid out on one line over a base style."""
        pieces: list[tuple[str, Style]] = []
        used = 0
        for slot in self._slots:
            text, style = texts[slot.column] if slot.column < len(texts) else ("", base)
            if pieces:
                # The blank between columns continues the cell before it: no change of style.
                pieces.append((" " * GAP, pieces[-1][1]))
                used += GAP
            column, glyphs = self._columns[slot.column], self._table.glyphs
            cut = fit(inert(text, glyphs), slot.width, column.align, glyphs.ellipsis, column.keep)
            pieces.append((cut, style))
            used += slot.width
        pieces.append((" " * (self._width - used), base))
        return Strip(join_pieces(pieces), max(self._width, used))
