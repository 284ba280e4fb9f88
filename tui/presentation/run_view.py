"""The run screen's block of figures: progress, counters by outcome, and what the helpers are on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from store.codes import CATALOGUE
from store.display import display
from store.lifecycle import CANCEL_DEADLINE_MS
from store.queries.runs import RunRow, Sample
from store.vocabulary import JobRunStatus, RunKind
from tui.presentation import format as figures
from tui.presentation import progress
from tui.presentation.cells import Cell
from tui.presentation.glyphs import Glyphs
from tui.presentation.kinds import activity, what_it_does, why_no_plan
from tui.presentation.rows import ago
from tui.presentation.states import run_state, scan_state

Line = list[Cell]
LINES = 11
"""Height of the block."""

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
    if removed_at is None:
        return LISTED[run.kind].none
    return f"Removed by retention {ago(now, removed_at)}; the counters above stay."


_MOVED = {RunKind.COPY: "copied ", RunKind.PREVIEW: "to copy ", RunKind.VERIFY: "compared "}


def run_lines(
    run: RunRow, samples: Sequence[Sample], rate: float | None, now: int, width: int, glyphs: Glyphs
) -> list[Line]:
    """The block, ``LINES`` lines of at most ``width`` cells."""
    return [
        _headline(run, now, glyphs),
        _bar(run, now, width, glyphs),
        _figures(run, rate, now, glyphs),
        _plot(run, samples, now, width, glyphs),
        _overridden(run),
        *(_counters(run, pair) for pair in _COUNTERS[run.kind]),
        _current(run, 0, glyphs) or _report(run),
        _verdict(run, now, glyphs) or _current(run, 1, glyphs) or _plan(run),
    ]


def _headline(run: RunRow, now: int, glyphs: Glyphs) -> Line:
    state = run_state(run.status, glyphs)
    elapsed = progress.elapsed_seconds(run, now)
    line = [state, Cell(f"  {what_it_does(run)} on {run.agent_name}  ")]
    if run.ended is not None:
        line.append(Cell(f"{ago(now, run.ended)}, took {figures.duration(elapsed)}", "dim"))
    elif run.started is not None:
        line.append(Cell(f"for {figures.duration(elapsed)}", "dim"))
    else:
        line.append(Cell(f"waiting for {figures.duration((now - run.created_at) / 1000)}", "dim"))
    if run.active and run.status != JobRunStatus.QUEUED:
        scan = scan_state(run.scan_status, glyphs)
        line.append(Cell(f"  {scan.text}", scan.style))
    if run.fence > 1:
        line.append(Cell(f"  attempt {run.fence}", "warn"))
    return line


def _bar(run: RunRow, now: int, width: int, glyphs: Glyphs) -> Line:
    done = progress.fraction(run)
    if done is None and run.active:
        found = figures.count(run.counters["items_scanned"])
        return [Cell(f"{glyphs.busy} scanning{glyphs.ellipsis} {found} items so far", "busy")]
    left = progress.eta_seconds(run, now)
    tail = f" {figures.percentage(done):>4}" + (f"  ETA {figures.eta(left)}" if left is not None else "")
    words = f"  {activity(run)}".rstrip()
    style = "ok" if run.status == JobRunStatus.SUCCEEDED else "busy" if run.active else "dim"
    bar = figures.bar(done, max(10, min(width - 20 - len(words), 120)), glyphs)
    return [Cell(bar, style), Cell(tail, "strong"), Cell(words, "busy")]


def _figures(run: RunRow, rate: float | None, now: int, glyphs: Glyphs) -> Line:
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
    return [
        Cell("Items ", "dim"),
        Cell(items, "strong"),
        Cell(separator + _MOVED[run.kind], "dim"),
        Cell(moved, "strong"),
        Cell(of),
        Cell(separator + ("now " if run.active else "mean "), "dim"),
        Cell(_pace(run, rate, now), "strong"),
    ]


def _pace(run: RunRow, rate: float | None, now: int) -> str:
    """How fast it goes or went: a copy in bytes, what only looks in items."""
    if run.kind == RunKind.COPY:
        return figures.rate(rate if run.active and rate is not None else progress.mean_rate(run, now))
    return _item_rate(rate if run.active and rate is not None else progress.mean_item_rate(run, now))


def _item_rate(per_second: float | None) -> str:
    return figures.UNKNOWN if per_second is None else f"{figures.compact(int(per_second))} items/s"


def _plot(run: RunRow, samples: Sequence[Sample], now: int, width: int, glyphs: Glyphs) -> Line:
    copies = run.kind == RunKind.COPY
    values = progress.throughput(samples) if copies else progress.item_throughput(samples)
    if not any(values):
        # Too short for two samples to tell a rate: no plot says that better than a flat one.
        return []
    cells = min(len(values), max(10, width - 30))
    peak = max(values[-cells:])
    return [
        Cell("Rate  ", "dim"),
        Cell(figures.spark(values, cells, glyphs), "accent"),
        Cell(f"  peak {figures.rate(peak) if copies else _item_rate(peak)}", "dim"),
    ]


def _overridden(run: RunRow) -> Line:
    """Which guards this run went without: it must not be forgotten while one looks at what it did."""
    return [Cell(f"Overridden for this run: {display(', '.join(run.overrides))}", "warn")] if run.overrides else []


def _counters(run: RunRow, pair: tuple[_Counter, ...]) -> Line:
    line: Line = []
    for title, word, style in pair:
        items, content = run.counters[f"items_{word}"], run.counters[f"bytes_{word}"]
        line += [
            Cell(f"{title:<18}", "dim"),
            Cell(f"{figures.count(items):>10}", style if items else "dim"),
            Cell(f"{figures.size(content) if items else '':>9}", "dim"),
            Cell("   "),
        ]
    return line[:-1]


def _current(run: RunRow, helper: int, glyphs: Glyphs) -> Line:
    if not run.active or helper >= len(run.current):
        return []
    return [Cell(f"{glyphs.busy} ", "busy"), Cell(run.current[helper], "dim")]


def _verdict(run: RunRow, now: int, glyphs: Glyphs) -> Line:
    """What an admin should know above all: why it failed, that its agent is lost, when a cancel ends."""
    if run.error_code:
        known = CATALOGUE.get(run.error_code)
        text = display(run.error_message) + (f". {known.advice}" if known and known.advice else "")
        if run.status == JobRunStatus.SUCCEEDED:
            # A preview that has seen everything, a guard's objection included.
            return [Cell(f"{glyphs.attention} a copy would be stopped: {run.error_code} {text}", "warn")]
        return [Cell(f"{glyphs.failed} {run.error_code} {text}", "bad")]
    if run.lost_since is not None:
        lost = figures.duration((now - run.lost_since) / 1000)
        text = f"the agent '{run.agent_name}' is lost since {lost}: start it again, or see 'longshore run hand-over'"
        return [Cell(f"{glyphs.attention} {text}", "bad")]
    if run.status == JobRunStatus.QUEUED and run.agent_offline:
        text = f"the agent '{run.agent_name}' is Offline: start it with 'longshore-agent run'"
        return [Cell(f"{glyphs.attention} {text}", "warn")]
    if run.cancel_deadline is not None and run.active:
        left = max(0, run.cancel_deadline - now) // 1000
        text = f"stopping; the store ends the run in {left} s if the agent does not ({CANCEL_DEADLINE_MS // 1000} s)"
        return [Cell(f"{glyphs.stopping} {text}", "warn")]
    return []


def _report(run: RunRow) -> Line:
    """Where the lines of all items are, once the run has ended."""
    if run.active or not run.report:
        return []
    return [Cell("Every item:  ", "dim"), Cell(f"longshore run report {run.label}")]


def _plan(run: RunRow) -> Line:
    """What to do with a preview that has seen everything."""
    if run.kind != RunKind.PREVIEW or why_no_plan(run):
        return []
    return [Cell("r", "accent"), Cell("  starts a copy that does exactly this", "dim")]
