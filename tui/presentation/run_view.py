"""The run screen's block of figures: progress, counters by outcome, and what the helpers are on."""

from __future__ import annotations

from collections.abc import Sequence

from store.codes import CATALOGUE
from store.display import display
from store.lifecycle import CANCEL_DEADLINE_MS
from store.queries.runs import RunRow, Sample
from store.vocabulary import JobRunStatus
from tui.presentation import format as figures
from tui.presentation import progress
from tui.presentation.cells import Cell
from tui.presentation.glyphs import Glyphs
from tui.presentation.rows import ago
from tui.presentation.states import run_state, scan_state

Line = list[Cell]
LINES = 11
"""Height of the block."""

_COUNTERS = (
    (("Transferred", "transferred", "ok"), ("Failed", "failed", "bad")),
    (("No transfer needed", "no_transfer_needed", ""), ("Changed", "changed", "warn")),
    (("Deleted", "deleted", ""), ("Unsupported", "unsupported", "warn")),
    (("Delete withheld", "delete_withheld", "warn"), ("Excluded", "excluded", "")),
)


def run_lines(
    run: RunRow, samples: Sequence[Sample], rate: float | None, now: int, width: int, glyphs: Glyphs
) -> list[Line]:
    """The block, ``LINES`` lines of at most ``width`` cells."""
    return [
        _headline(run, now, glyphs),
        _bar(run, now, width, glyphs),
        _figures(run, rate, now, glyphs),
        _plot(run, samples, now, width, glyphs),
        [],
        *(_counters(run, pair) for pair in _COUNTERS),
        _current(run, 0, glyphs),
        _verdict(run, now, glyphs) or _current(run, 1, glyphs),
    ]


def _headline(run: RunRow, now: int, glyphs: Glyphs) -> Line:
    state = run_state(run.status, glyphs)
    elapsed = progress.elapsed_seconds(run, now)
    line = [state, Cell(f"  {run.copy_mode} on {run.agent_name}  ")]
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
    style = "ok" if run.status == JobRunStatus.SUCCEEDED else "busy" if run.active else "dim"
    return [Cell(figures.bar(done, max(10, min(width - 20, 120)), glyphs), style), Cell(tail, "strong")]


def _figures(run: RunRow, rate: float | None, now: int, glyphs: Glyphs) -> Line:
    counters = run.counters
    about = "~" if progress.estimated(run) and run.active else ""
    items = figures.count(counters["items_scanned"])
    if run.total_items >= 0 and run.active:
        items += f" / {about}{figures.count(run.total_items)}"
    copied = figures.size(counters["bytes_transferred"] + run.bytes_in_flight)
    of = f" of {about}{figures.size(run.total_bytes)}" if run.total_bytes >= 0 and run.active else ""
    shown_rate = rate if run.active and rate is not None else progress.mean_rate(run, now)
    separator = f"  {glyphs.separator}  "
    return [
        Cell("Items ", "dim"),
        Cell(items, "strong"),
        Cell(separator + "copied ", "dim"),
        Cell(copied, "strong"),
        Cell(of),
        Cell(separator + ("now " if run.active else "mean "), "dim"),
        Cell(figures.rate(shown_rate), "strong"),
    ]


def _plot(run: RunRow, samples: Sequence[Sample], now: int, width: int, glyphs: Glyphs) -> Line:
    values = progress.throughput(samples)
    if not any(values):
        # Too short for two samples to tell a rate: no plot says that better than a flat one.
        return []
    cells = min(len(values), max(10, width - 30))
    return [
        Cell("Rate  ", "dim"),
        Cell(figures.spark(values, cells, glyphs), "accent"),
        Cell(f"  peak {figures.rate(max(values[-cells:]))}", "dim"),
    ]


def _counters(run: RunRow, pair: tuple[tuple[str, str, str], ...]) -> Line:
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
        remedy = f" {known.advice}" if known else ""
        return [Cell(f"{glyphs.failed} {run.error_code} ", "bad"), Cell(display(run.error_message) + remedy, "bad")]
    if run.lost_since is not None:
        lost = figures.duration((now - run.lost_since) / 1000)
        text = f"the agent '{run.agent_name}' is lost since {lost}: start it again, and the run goes on"
        return [Cell(f"{glyphs.attention} {text}", "bad")]
    if run.status == JobRunStatus.QUEUED and run.agent_offline:
        text = f"the agent '{run.agent_name}' is Offline: start it with 'longshore-agent run'"
        return [Cell(f"{glyphs.attention} {text}", "warn")]
    if run.cancel_deadline is not None and run.active:
        left = max(0, run.cancel_deadline - now) // 1000
        text = f"stopping; the store ends the run in {left} s if the agent does not ({CANCEL_DEADLINE_MS // 1000} s)"
        return [Cell(f"{glyphs.stopping} {text}", "warn")]
    return []
