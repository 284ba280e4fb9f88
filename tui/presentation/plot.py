"""A plot of several rows: columns of blocks over a time axis, each line in one style.

Ours, because a library's plots are made for printing once: plotext draws its frame outside ASCII, takes 3 to 16 ms a
plot, and puts its scale where the largest value is, so that every line changes with every value.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from tui.presentation.cells import Cell
from tui.presentation.glyphs import Glyphs

GUTTER = 10
"""Cells left of the columns: the scale's labels and the axis."""

_NICE = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
_LABELLED_ROWS = 4
"""Rows of columns from which on the scale is labelled in the middle, too."""

_AXIS_ROWS = 3
"""Height from which on there is a line for the time axis."""


def plot(
    series: Sequence[float | None],
    width: int,
    height: int,
    glyphs: Glyphs,
    *,
    unit: Callable[[float], str],
    span: str,
    until: str = "now",
) -> list[list[Cell]]:
    """Return the values as exactly ``height`` lines of exactly ``width`` cells.

    The scale begins at 0 and ends at a round number, so that it stands still while the values move. 0 is drawn as the
    lowest block, more than nothing at least as the next one.

    Args:
        series: Values from zero up, oldest first; they share the width evenly, and a column that stands for several
            shows their mean. None is a gap and stays blank.
        width: Cells of a line; below 16 nothing is drawn.
        height: Lines, from 3 on with a time axis as the last one.
        glyphs: The set to draw with.
        unit: A value as a label of at most 9 cells.
        span: What the left end of the axis is: ``10m ago``.
        until: What its right end is.
    """
    columns = width - GUTTER
    if height < 1 or columns < 6:
        return [[] for _ in range(max(0, height))]
    rows = height - 1 if height >= _AXIS_ROWS else height
    values = _columns(series, columns)
    top = _round_up(max((value for value in values if value is not None), default=0.0))
    labels = {0: top} if top > 0 else {}
    if top > 0 and rows >= _LABELLED_ROWS:
        labels[rows // 2] = top * (rows - rows // 2) / rows
    heights = [_eighths(value, top, rows, len(glyphs.spark)) for value in values]
    lines = []
    for row in range(rows):
        label = unit(labels[row]) if row in labels else ""
        below = (rows - 1 - row) * len(glyphs.spark)
        drawn = "".join(_block(high, below, glyphs) for high in heights)
        lines.append([Cell(f"{label[: GUTTER - 1]:>{GUTTER - 1}}{glyphs.tree_vertical}{drawn}", "busy")])
    if rows < height:
        lines.append([Cell(_axis(columns, glyphs, unit(0.0), span, until), "dim")])
    return lines


def _columns(series: Sequence[float | None], columns: int) -> list[float | None]:
    """The series as one value for each column."""
    if not series:
        return [None] * columns
    found: list[float | None] = []
    for column in range(columns):
        first = column * len(series) // columns
        part = series[first : max(first + 1, (column + 1) * len(series) // columns)]
        known = [max(0.0, value) for value in part if value is not None and math.isfinite(value)]
        found.append(sum(known) / len(known) if known else None)
    return found


def _round_up(value: float) -> float:
    """The next round number: 1, 1.5, 2, 3, 4, 5, 6 or 8 of a power of ten."""
    if value <= 0:
        return 0.0
    power = 10.0 ** math.floor(math.log10(value))
    return next((nice * power for nice in _NICE if nice * power >= value * (1 - 1e-9)), 10 * power)


def _eighths(value: float | None, top: float, rows: int, levels: int) -> int | None:
    """How high a column is, in parts of a row; None for a gap."""
    if value is None:
        return None
    if top <= 0 or value <= 0:
        return 1
    return max(2, round(min(value / top, 1.0) * rows * levels))


def _block(high: int | None, below: int, glyphs: Glyphs) -> str:
    """The part of a column that is in a row with so many parts below it."""
    if high is None or high <= below:
        return " "
    return glyphs.spark[min(high - below, len(glyphs.spark)) - 1]


def _axis(columns: int, glyphs: Glyphs, zero: str, span: str, until: str) -> str:
    begins, ends = span[: columns // 2], until[: columns - columns // 2 - 1]
    line = glyphs.tree_horizontal * (columns - len(begins) - len(ends))
    return f"{zero[: GUTTER - 1]:>{GUTTER - 1}}{glyphs.tree_last}{begins}{line}{ends}"
