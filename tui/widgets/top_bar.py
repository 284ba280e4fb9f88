"""The first line of the screen: where one is, and how things stand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.cells import cell_len, set_cell_size
from textual.geometry import Region
from textual.strip import Strip

from tui.presentation.cells import Cell
from tui.presentation.glyphs import UNICODE, Glyphs
from tui.widgets.cell_widget import CellWidget, inert

FACT_GAP = 2
"""Blank cells between two facts, and between the product's name and the breadcrumb."""


class TopBar(CellWidget):
    """One line: product and breadcrumb on the left, facts and the stale badge on the right.

    When the line is narrow, facts vanish from the last (the first one stays) and the breadcrumb is
    shortened in its middle. The stale badge never vanishes: old data must not look live.
    """

    DEFAULT_CSS = """
    TopBar {
        dock: top;
        width: 1fr;
        height: 1;
        background: $panel;
        color: $foreground;
    }
    """

    def __init__(
        self,
        *,
        glyphs: Glyphs = UNICODE,
        name: str | None = None,
        id: str | None = None,  # noqa: A002 (Textual's own name)
        classes: str | None = None,
    ) -> None:
        super().__init__(glyphs=glyphs, name=name, id=id, classes=classes)
        self._left: tuple[Cell, ...] = ()
        self._right: tuple[Cell, ...] = ()
        self._stale = ""
        self._painted: list[Cell] = []

    def set_left(self, cells: Sequence[Cell]) -> None:
        """Set the product's name (first cell) and the breadcrumb, outermost part first."""
        self._left = tuple(Cell(inert(text, self.glyphs), style) for text, style in cells)
        self._refresh_if_changed()

    def set_right(self, cells: Sequence[Cell]) -> None:
        """Set the facts, one per cell, the most important first."""
        self._right = tuple(Cell(inert(text, self.glyphs), style) for text, style in cells)
        self._refresh_if_changed()

    def set_stale(self, text: str) -> None:
        """Show a badge such as ``data 12 s old``; an empty text removes it."""
        self._stale = inert(text, self.glyphs)
        self._refresh_if_changed()

    def render_line(self, y: int) -> Strip:
        self._painted = self._line_cells(self.size.width)
        return self.cells_strip(self._painted, self.size.width)

    def _refresh_if_changed(self) -> None:
        if self._line_cells(self.size.width) != self._painted:
            self.refresh(Region(0, 0, self.size.width, 1))

    def _line_cells(self, width: int) -> list[Cell]:
        """Return the whole line: a blank cell at either edge, left part, filler, right part."""
        room = width - 2
        wanted = min(_width(self._crumbs(self._left)), room // 2)
        facts = len(self._right)
        while facts > 1 and _width(self._facts(facts)) + FACT_GAP > room - wanted:
            facts -= 1
        right = self._facts(facts)
        if self._right and _width(right) > room:
            right = self._facts(0)
        left = self._shorten(room - _width(right) - (FACT_GAP if right else 0))
        filler = " " * (room - _width(left) - _width(right))
        return [Cell(" "), *left, Cell(filler), *right, Cell(" ")]

    def _facts(self, number: int) -> list[Cell]:
        shown = list(self._right[:number])
        if self._stale:
            shown.append(Cell(f"{self.glyphs.attention} {self._stale}", "bad"))
        return _join(shown, " " * FACT_GAP)

    def _crumbs(self, left: Sequence[Cell]) -> list[Cell]:
        if len(left) < 2:
            return list(left)
        crumbs = _join(left[1:], f" {self.glyphs.crumb} ")
        return [left[0], Cell(" " * FACT_GAP), *crumbs] if left[0].text else crumbs

    def _shorten(self, room: int) -> list[Cell]:
        """Return the left part in at most ``room`` cells, giving up the middle crumbs first, then
        the outermost, then the product's name, and last the middle of the innermost crumb."""
        if room <= 0 or not self._left:
            return []
        product, *crumbs = self._left
        gap = Cell(self.glyphs.ellipsis, "dim")
        candidates = [[product, *crumbs]]
        candidates += [[product, crumbs[0], gap, *crumbs[kept:]] for kept in range(2, len(crumbs))]
        if len(crumbs) > 1:
            candidates.append([product, gap, crumbs[-1]])
        nameless = Cell("")
        if crumbs:
            candidates.append([nameless, *([gap] if len(crumbs) > 1 else []), crumbs[-1]])
        for candidate in candidates:
            cells = self._crumbs(candidate)
            if _width(cells) <= room:
                return cells
        last = self._left[-1]
        return [Cell(_cut_middle(last.text, room, self.glyphs.ellipsis), last.style)]


def _width(cells: Iterable[Cell]) -> int:
    return sum(cell_len(cell.text) for cell in cells)


def _join(cells: Sequence[Cell], separator: str) -> list[Cell]:
    joined: list[Cell] = []
    for cell in cells:
        if joined:
            joined.append(Cell(separator, "dim" if separator.strip() else ""))
        joined.append(cell)
    return joined


def _cut_middle(text: str, width: int, ellipsis: str) -> str:
    """Return ``text`` in at most ``width`` cells, keeping its two ends."""
    if cell_len(text) <= width:
        return text
    if width <= 2:
        return set_cell_size(text, width)
    head = set_cell_size(text, (width - 1) // 2)
    tail = set_cell_size(text[::-1], width - 1 - cell_len(head))[::-1]
    return head + ellipsis + tail
