"""What presentation hands to widgets: cells of safe text with a meaning, rows of them, and columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

STYLES = ("", "dim", "ok", "busy", "warn", "bad", "strong", "accent")
"""Every style a cell may name; widgets give each its look from the theme."""

GAP = 1
"""Blank cells between two columns."""


class Cell(NamedTuple):
    """A piece of text on one line."""

    text: str
    """Single-line and displayed-safe: outside text has been through ``store.display.display``."""
    style: str = ""
    """What the text means, one of ``STYLES``; never the only sign of it."""


class Row(NamedTuple):
    """One line of a table."""

    key: str
    """Identifies the row for as long as it exists, whatever its position; never shown."""
    cells: tuple[Cell, ...]
    """One cell per column of the table, in its order."""


class Column(NamedTuple):
    """How one column of a table is laid out."""

    title: str
    width: int | None = None
    """Cells, or None for a share of what the other columns leave."""
    align: Literal["left", "right"] = "left"
    min_width: int = 4
    """The least cells a sharing column may get before a column has to vanish."""
    priority: int = 0
    """When the line is too narrow, the column with the lowest priority vanishes first."""
    keep: str = ""
    """Where a text begins what must stay when it is cut: the end from here on, if the text has it."""


class Slot(NamedTuple):
    """The place a column got on the line."""

    column: int
    """Position of the column, and of its cell in each row."""
    width: int


def layout(columns: Sequence[Column], width: int, gap: int = GAP) -> list[Slot]:
    """Return the columns that fit a line of ``width`` cells with their widths, in their order.

    Columns vanish by lowest priority, among equals the rightmost first, until the rest fits; the
    last one is never dropped but cut. Sharing columns divide what remains, the left ones getting
    the odd cells.
    """
    if width <= 0 or not columns:
        return []
    shown = list(range(len(columns)))

    def needed() -> int:
        return sum(_least(columns[index]) for index in shown) + gap * (len(shown) - 1)

    while len(shown) > 1 and needed() > width:
        shown.remove(min(shown, key=lambda index: (columns[index].priority, -index)))
    spare = max(0, width - needed())
    sharing = [index for index in shown if columns[index].width is None]
    slots = []
    for index in shown:
        cells = _least(columns[index])
        if index in sharing:
            share = -(-spare // (len(sharing) - sharing.index(index)))
            cells += share
            spare -= share
        slots.append(Slot(index, min(cells, width)))
    return slots


def _least(column: Column) -> int:
    return column.min_width if column.width is None else column.width
