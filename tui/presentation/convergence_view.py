"""The words and columns of a definition's passes: what changed, how long each took, and the forecast of the next."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from store.queries.passes import PASSES, Passes
from store.queries.runs import RunRow
from tui.presentation import format as figures
from tui.presentation.cells import Cell
from tui.presentation.convergence import Forecast, TooFew, changed, forecast, whole
from tui.presentation.glyphs import Glyphs
from tui.presentation.kinds import needs_look
from tui.presentation.plot import plot
from tui.presentation.progress import elapsed_seconds, eta_seconds, fraction
from tui.presentation.states import run_dot

Line = list[Cell]
LABEL = 13
SPARK_LINES = 4
PLOT_LINES = 9
PLOTTED = 3
"""Copies from which on they are plotted."""

PLOT_CELLS = 34
"""Width of a plot from which on it tells more than a line of levels."""

GAP = 2

Measure = Callable[[RunRow, int], float]
"""A figure of a copy at a time: bars are drawn of it."""


def rounded(seconds: float) -> str:
    """A time that nobody knows to the second: ``42s``, ``3m10s``, ``22m``, ``2h05m``, ``4d3h``."""
    if seconds < 60:
        return figures.duration(seconds)
    step = 10 if seconds < 600 else 60
    whole = figures.duration(round(seconds / step) * step)
    return whole.removesuffix("00s") if whole.endswith("m00s") else whole


MEASURES: tuple[tuple[str, Measure, Callable[[float], str]], ...] = (
    ("Items changed", lambda run, now: changed(run).items, lambda value: figures.compact(round(value))),
    ("Bytes changed", lambda run, now: changed(run).bytes, figures.size),
    ("Time taken", lambda run, now: elapsed_seconds(run, now) or 0.0, rounded),
)


def spark_lines(copies: Sequence[RunRow], now: int, glyphs: Glyphs) -> list[Line]:
    """A column for each copy, oldest first, in ``SPARK_LINES`` lines: how it ended, items, bytes and time."""
    if not copies:
        return [[Cell(f"{'Passes':<{LABEL}} ", "dim"), Cell("none to compare yet")]]
    return [
        passes_line(copies, now, glyphs),
        *(
            [
                Cell(f"{title:<{LABEL}} ", "dim"),
                Cell(figures.spark(values := series(copies, now, measure), len(copies), glyphs, top(copies, values))),
                Cell(f"  {_told(values, shown)}", "dim"),
            ]
            for title, measure, shown in MEASURES
        ),
    ]


def plot_lines(copies: Sequence[RunRow], now: int, width: int, glyphs: Glyphs) -> list[Line]:
    """The same as three plots side by side, in ``PLOT_LINES`` lines of ``width`` cells.

    Args:
        copies: at least ``PLOTTED``, the oldest first.
        now: store time.
        width: at least three plots of ``PLOT_CELLS``.
        glyphs: the set to draw with.
    """
    cells = (width - GAP * (len(MEASURES) - 1)) // len(MEASURES)
    titles: Line = []
    plots = []
    for title, measure, shown in MEASURES:
        values = series(copies, now, measure)
        most = top(copies, values)
        told = f"{title}  {_told(values, shown)}"
        if len(told) > cells:
            told = f"{title}  {_told(values[-1:], shown)}"
        titles.append(Cell(f"{told[:cells]:<{cells}}{' ' * GAP if len(titles) + 1 < len(MEASURES) else ''}"))
        ends = {"span": f"#{copies[0].number}", "until": f"#{copies[-1].number}"}
        lowered = [min(value, most) for value in values]
        plots.append(plot(lowered, cells, PLOT_LINES - 2, glyphs, unit=shown, **ends))
    lines = [[cell for one in row for cell in (*one, Cell(" " * GAP))][:-1] for row in zip(*plots, strict=True)]
    return [passes_line(copies, now, glyphs), titles, *lines]


def passes_line(copies: Sequence[RunRow], now: int, glyphs: Glyphs) -> Line:
    """How each copy ended, one glyph each, and which they are."""
    first, last = copies[0], copies[-1]
    span = f"#{first.number}" if first is last else f"#{first.number} to #{last.number}"
    line = [Cell(f"{'Passes':<{LABEL}} ", "dim"), *(run_dot(run.status, glyphs, needs_look(run)) for run in copies)]
    line.append(Cell(f"  {span}", "dim"))
    if initial(copies) and len(copies) > 1:
        line.append(Cell("; the first whole copy is off the scale", "dim"))
    return line


def series(copies: Sequence[RunRow], now: int, measure: Measure) -> list[float]:
    """The figure of each copy; of one that is on, as far as it is."""
    return [measure(run, now) for run in copies]


def initial(copies: Sequence[RunRow]) -> int:
    """How many of these, from the first, only filled the target: up to the first that was whole.

    None where older copies are not among these: then the first one is like the others.
    """
    if len(copies) >= PASSES:
        return 0
    return next((place + 1 for place, run in enumerate(copies) if whole(run)), 0)


def top(copies: Sequence[RunRow], values: Sequence[float]) -> float:
    """The value of the highest level: that of the passes after the target was filled, which would be flat else."""
    return max(values[initial(copies) :], default=0.0) or max(values, default=0.0)


def _told(values: Sequence[float], shown: Callable[[float], str]) -> str:
    """The last figure, and how it stands to the one before."""
    words = f"last {shown(values[-1])}"
    return f"{words}, before {shown(values[-2])}" if len(values) > 1 else words


def forecast_lines(found: Passes, now: int) -> list[Line]:
    """Two lines: what the next pass will take, and how that was told and how sure it is."""
    label = Cell(f"{'Next pass':<{LABEL}} ", "dim")
    told = next_pass(found, now)
    if isinstance(told, RunRow):
        words = [Cell(f"told again when #{told.number} has ended"), Cell(f"  {_progress(told, now)}", "busy")]
        return [[label, *words], []]
    if isinstance(told, TooFew):
        return [[label, Cell(told.sentence)], []]
    doubt = f"{told.doubt}; " if told.doubt else ""
    return [
        [label, Cell(duration_words(told), "strong"), Cell(f" if started now: {changes_words(told)}")],
        [Cell(" " * (LABEL + 1)), Cell(doubt, "warn"), Cell(basis_words(told), "dim")],
    ]


def forecast_line(found: Passes, now: int) -> Line:
    """The same in a few words, for where it is started."""
    told = next_pass(found, now)
    if isinstance(told, RunRow):
        return [Cell(f"#{told.number} is on: {_progress(told, now)}", "busy")]
    if isinstance(told, TooFew):
        return [Cell(told.sentence, "dim")]
    doubt = f", {told.doubt.partition(':')[0]}" if told.doubt else ""
    return [Cell(duration_words(told), "strong"), Cell(doubt, "warn"), Cell(f": {changes_words(told)}")]


def next_pass(found: Passes, now: int) -> Forecast | TooFew | RunRow:
    """The forecast, why there is none, or the copy that is on: what it leaves is not known yet."""
    if found.copies and found.copies[-1].active:
        return found.copies[-1]
    return forecast(found.copies, now)


def duration_words(told: Forecast) -> str:
    """``about 3m10s (2m00s to 4m00s)``; without the range where there is none."""
    about, least, most = (rounded(seconds) for seconds in (told.seconds, told.least, told.most))
    return f"about {about}" if told.passes < 2 or least == most else f"about {about} ({least} to {most})"


def changes_words(told: Forecast) -> str:
    """``~1,204 items, 3.20 GB``."""
    return f"~{figures.compact(told.items)} items, {figures.size(told.bytes)}"


def basis_words(told: Forecast) -> str:
    """How it was made: of what, for how long since the last pass, and how much of it no pass can save."""
    one = "the last pass" if told.passes == 1 else f"the last {told.passes} passes"
    words = f"from {one} ({rounded(told.gap)} since #{told.since} began)"
    return f"{words}; {rounded(told.scan)} is the scan" if told.scan >= 1 else words


def _progress(run: RunRow, now: int) -> str:
    left = eta_seconds(run, now)
    words = figures.percentage(fraction(run))
    return f"{words}, ETA {figures.eta(left)}" if left is not None else words
