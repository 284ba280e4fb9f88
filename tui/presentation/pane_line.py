"""Which panes there are, where a terminal is too narrow to show more than one of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from tui.presentation.cells import Cell
from tui.presentation.glyphs import Glyphs


def pane_line(titles: Sequence[tuple[str, str]], shown: Collection[str], glyphs: Glyphs) -> list[Cell]:
    """The titles of the panes in the order of tab, by their names; those that are shown stand in brackets."""
    line = [Cell("tab", "accent"), Cell(f" {glyphs.arrow_right} ", "dim")]
    for name, title in titles:
        line.append(Cell(f"[{title}]", "strong") if name in shown else Cell(f" {title} ", "dim"))
    return line
