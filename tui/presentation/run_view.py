"""The run screen's block of figures: progress, counters by outcome, and what the helpers are on."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import NamedTuple

from store.display import display
from store.queries.runs import RunRow, Sample
from store.vocabulary import JobRunStatus, RunKind
from tui.presentation import format as figures
from tui.presentation import progress
from tui.presentation.cells import Cell
from tui.presentation.glyphs import Glyphs
from tui.presentation.kinds import activity, what_it_does
from tui.presentation.plot import plot
from tui.presentation.rows import ago
from tui.presentation.run_panes import listed_items
from tui.presentation.states import scan_state
from tui.presentation.verdict import Verdict, verdict

Line = list[Cell]
WORKER_LINES = 2
"""Helpers that a narrow terminal shows."""

SENTENCE_LINES = 3
"""Lines that a sentence may take."""

_Counter = tuple[str, str, str]
"""Title, the counter's word, and the style of a number that is not 0."""

_COUNTERS: dict[RunKind, tuple[tuple[_Counter, ...], ...]] = {
    RunKind.COPY: (
        (("Transferred", "transferred", "ok"), ("Failed", "failed", "bad")),
        (("No transfer needed", "no_transfer_needed", ""), ("Changed", "changed", "warn")),
        (("Deleted", "deleted", ""), ("Unsupported", "unsupported", "warn")),
        (("Delete withheld", "delete_withheld", "warn"), ("Excluded", "excluded", "")),
    ),
    RunKind.PREVIEW: (
        (("To copy or repair", "transferred", "busy"), ("Failed", "failed", "bad")),
        (("Alike already", "no_transfer_needed", ""), ("Changed", "changed", "warn")),
        (("To delete", "deleted", "warn"), ("Unsupported", "unsupported", "warn")),
        (("To withhold", "delete_withheld", "warn"), ("Excluded", "excluded", "")),
    ),
    RunKind.VERIFY: (
        (("Alike", "no_transfer_needed", "ok"), ("Differ or failed", "failed", "bad")),
        (("Only in the target", "delete_withheld", "warn"), ("Changed", "changed", "warn")),
        (("Excluded", "excluded", ""), ("Unsupported", "unsupported", "warn")),
        (),
    ),
}
"""What a preview and a verify run count under a copy's words is what would be, or how things are."""


class Listed(NamedTuple):
    """The list of items: what is in it, and what to say when it is empty."""

    title: str
    none: str


LISTED = {
    RunKind.COPY: Listed(
        "What did not simply transfer", "Nothing: every item so far was transferred or needed no transfer."
    ),
    RunKind.PREVIEW: Listed(
        "What a copy would delete or could not do", "Nothing: a copy would delete nothing and meet no obstacle so far."
    ),
    RunKind.VERIFY: Listed("What is not alike", "Nothing: every item so far is alike on both sides."),
}
"""The list has what needs a look; what would simply be copied is in the full report."""


def nothing_listed(run: RunRow, removed_at: int | None, now: int) -> str:
    """Why the list of items is empty: there were none, or retention has removed them."""
    if removed_at is None and (number := listed_items(run)):
        return f"None of the {figures.count(number)} items that the counters above tell of was recorded."
    if removed_at is None:
        return LISTED[run.kind].none
    return f"Removed by retention {ago(now, removed_at)}; the counters above stay."


_MOVED = {RunKind.COPY: "copied ", RunKind.PREVIEW: "to copy ", RunKind.VERIFY: "compared "}


def run_lines(
    run: RunRow,
    samples: Sequence[Sample],
    rate: float | None,
    now: int,
    width: int,
    glyphs: Glyphs,
    *,
    remarked: int = 0,
    workers: int = WORKER_LINES,
    spark: bool = True,
) -> list[Line]:
    """The block, in lines of at most ``width`` cells; while nothing happens to a run there are as many each time.

    Args:
        run: the run.
        samples: its throughput so far.
        rate: bytes or items a second now; None while it is not known.
        now: the store's time.
        width: cells.
        glyphs: the set to draw with.
        remarked: items that were copied with a remark.
        workers: lines for what the helpers are on.
        spark: whether the throughput is drawn here, as one row.
    """
    told = verdict(run, remarked, now, glyphs)
    sentences = [
        *wrapped(told.why, width, told.style),
        *wrapped(told.next, width, "dim"),
        *_overridden(run),
    ]
    figures_of = [_figures(run, rate, now, glyphs), _rate(run, samples, now, width, glyphs, spark=spark)]
    counters = [line for pair in _COUNTERS[run.kind] if (line := _counters(run, pair, clean=told.style == ""))]
    if run.active:
        on = [_current(run, helper, glyphs) for helper in range(workers)]
        return [
            _headline(run, told, now, glyphs),
            _bar(run, width, glyphs),
            *figures_of,
            *sentences,
            *counters,
            *on,
        ]
    told_how_far = run.status != JobRunStatus.SUCCEEDED and progress.fraction(run) is not None
    bar = [] if not told_how_far else [_bar(run, width, glyphs)]
    return [_headline(run, told, now, glyphs), *sentences, *bar, *filter(None, figures_of), *counters, *_report(run)]


def gone_lines(glyphs: Glyphs) -> list[Line]:
    """In place of the block, when the run was deleted while it was looked at."""
    words = "This run is gone: its project or its definition was deleted. esc goes back."
    return [[Cell(f"{glyphs.attention} {words}", "warn")]]


def worker_lines(run: RunRow, width: int, lines: int, glyphs: Glyphs) -> list[Line]:
    """What each helper is on, in two columns."""
    cells, half = [_current(run, helper, glyphs) for helper in range(2 * lines)], width // 2
    found = []
    for left, right in zip(cells[:lines], cells[lines:], strict=True):
        used = sum(len(cell.text) for cell in left)
        found.append([*left, Cell(" " * max(2, half - used)), *right] if right else left)
    return found


def wrapped(text: str, width: int, style: str) -> list[Line]:
    """A sentence over as many lines as it needs, up to ``SENTENCE_LINES``; the last one is cut by the widget."""
    lines = textwrap.wrap(text, max(20, width))
    if len(lines) > SENTENCE_LINES:
        lines = [*lines[: SENTENCE_LINES - 1], " ".join(lines[SENTENCE_LINES - 1 :])]
    return [[Cell(line, style)] for line in lines]


def _headline(run: RunRow, told: Verdict, now: int, glyphs: Glyphs) -> Line:
    line = [told.state, Cell(f"  {what_it_does(run)} on {run.agent_name}  ")]
    if run.ended is not None:
        took = figures.duration(progress.elapsed_seconds(run, now))
        line.append(Cell(f"{ago(now, run.ended)}, took {took}", "dim"))
    elif run.started is None:
        line.append(Cell(f"waiting for {figures.duration((now - run.created_at) / 1000)}", "dim"))
    if run.active and run.status != JobRunStatus.QUEUED:
        line.append(Cell(scan_state(run.scan_status, glyphs).text, "dim"))
    if run.fence > 1:
        line.append(Cell(f"  attempt {run.fence}", "warn"))
    return line


def _bar(run: RunRow, width: int, glyphs: Glyphs) -> Line:
    done = progress.fraction(run)
    if done is None and run.active:
        found = figures.count(run.counters["items_scanned"])
        return [Cell(f"{glyphs.busy} scanning{glyphs.ellipsis} {found} items so far", "busy")]
    tail = f" {figures.percentage(done):>4}"
    words = f"  {activity(run)}".rstrip()
    style = "busy" if run.active else "dim"
    bar = figures.bar(done, max(10, min(width - 20 - len(words), 120)), glyphs)
    return [Cell(bar, style), Cell(tail, "strong"), Cell(words, "busy")]


def _figures(run: RunRow, rate: float | None, now: int, glyphs: Glyphs) -> Line:
    """How much is done, of how much, and how fast."""
    counters = run.counters
    about = "~" if progress.estimated(run) and run.active else ""
    items = figures.count(counters["items_scanned"])
    if run.total_items >= 0 and run.active:
        items += f" / {about}{figures.count(run.total_items)}"
    handled = counters["bytes_scanned" if run.kind == RunKind.VERIFY else "bytes_transferred"]
    moved = figures.size(handled + run.bytes_in_flight)
    # A preview's total is what it looks at, not what there will be to copy.
    total = run.total_bytes if run.kind != RunKind.PREVIEW and run.active else -1
    of = f" of {about}{figures.size(total)}" if total >= 0 else ""
    separator = f"  {glyphs.separator}  "
    # An average is never told as what it is now: without a sample of late (it hangs, its agent is lost) there is none.
    is_live = run.active and run.lost_since is None and rate is not None
    return [
        Cell("Items ", "dim"),
        Cell(items, "strong"),
        Cell(separator + _MOVED[run.kind], "dim"),
        Cell(moved, "strong"),
        Cell(of),
        Cell(f"{separator}{'now' if is_live else 'avg'} ", "dim"),
        Cell(_pace(run, rate if is_live else None, now), "strong"),
    ]


def _pace(run: RunRow, rate: float | None, now: int) -> str:
    """How fast it goes or, without a rate, went on average: a copy in bytes, what only looks in items."""
    if run.kind == RunKind.COPY:
        return figures.rate(rate if rate is not None else progress.mean_rate(run, now))
    return _item_rate(rate if rate is not None else progress.mean_item_rate(run, now))


def _item_rate(per_second: float | None) -> str:
    return figures.UNKNOWN if per_second is None else f"{figures.compact(int(per_second))} items/s"


def rates_of(run: RunRow, samples: Sequence[Sample]) -> list[float]:
    """The run's pace over time: of a copy in bytes a second, of what only looks in items."""
    return progress.throughput(samples) if run.kind == RunKind.COPY else progress.item_throughput(samples)


def pace_words(run: RunRow, value: float) -> str:
    """A value of :func:`rates_of`."""
    return figures.rate(value) if run.kind == RunKind.COPY else _item_rate(value)


def _rate(run: RunRow, samples: Sequence[Sample], now: int, width: int, glyphs: Glyphs, *, spark: bool) -> Line:
    """The throughput in one row, its peak, and while it goes on how long it has and will."""
    values = rates_of(run, samples)
    line: Line = []
    if any(values):
        # Too short for two samples to tell a rate: no plot says that better than a flat one.
        cells = min(len(values), max(10, width - 50))
        shown = values[-cells:] if spark else values
        drawn = [Cell(figures.spark(values, cells, glyphs), "accent"), Cell("  ")] if spark else []
        line += [Cell("Rate  ", "dim"), *drawn, Cell(f"peak {pace_words(run, max(shown))}  ", "dim")]
    if run.active and run.started is not None:
        left = progress.eta_seconds(run, now)
        line.append(Cell(f"for {figures.duration(progress.elapsed_seconds(run, now))}", "dim"))
        line.append(Cell(f"  ETA {figures.eta(left)}" if left is not None else "", "strong"))
    return line


def plot_lines(run: RunRow, samples: Sequence[Sample], now: int, width: int, height: int, glyphs: Glyphs) -> list[Line]:
    """The throughput as a plot; blank until two samples tell a rate."""
    values = rates_of(run, samples)
    if not any(values):
        return [[] for _ in range(height)]
    end = samples[-1].at if run.ended is not None else now
    span = f"{figures.duration((end - samples[0].at) / 1000)} {'ago' if run.active else 'before'}"
    until = "now" if run.active else "end"
    return plot(values, width, height, glyphs, unit=lambda value: pace_words(run, value), span=span, until=until)


def _overridden(run: RunRow) -> list[Line]:
    """Which guards this run went without: it must not be forgotten while one looks at what it did."""
    if not run.overrides:
        return []
    return [[Cell(f"Overridden for this run: {display(', '.join(run.overrides))}", "warn")]]


def _counters(run: RunRow, pair: tuple[_Counter, ...], *, clean: bool) -> Line:
    """Two counters; what went well is green only where nothing went otherwise."""
    line: Line = []
    for title, word, meant in pair:
        style = "strong" if meant == "ok" and not clean else meant
        items, content = run.counters[f"items_{word}"], run.counters[f"bytes_{word}"]
        line += [
            Cell(f"{title:<18}", "" if items else "dim"),
            Cell(f"{figures.count(items):>11}", style if items else "dim"),
            Cell(f"{figures.size(content) if items else '':>8}", "dim"),
            Cell("   "),
        ]
    return line[:-1]


def _current(run: RunRow, helper: int, glyphs: Glyphs) -> Line:
    if not run.active or run.lost_since is not None or helper >= len(run.current):
        return []
    return [Cell(f"{glyphs.busy} {run.current[helper]}")]


def _report(run: RunRow) -> list[Line]:
    """Where the lines of all items are, once the run has ended."""
    if not run.report:
        return []
    return [[Cell("Every item:  ", "dim"), Cell("e", "accent"), Cell(f", or longshore run report {run.label}")]]
