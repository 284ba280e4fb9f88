"""Where a definition's passes lead: what changed per pass, how long each took, and what the next one will take.

Pure functions of runs. The forecast is a figure for people, and says how it was made: no rule asks it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from statistics import median
from typing import NamedTuple

from store.codes import DELETES_WITHHELD, SOME_ITEMS_FAILED, TOO_LARGE_A_SHARE, TOO_MANY_DELETES
from store.queries.runs import RunRow
from store.vocabulary import JobRunStatus, RunKind, ScanStatus
from tui.presentation.progress import ITEM_COST_BYTES, elapsed_seconds

LATEST = 5
"""Passes that a forecast is made of: older ones tell of another time."""

FEW = 3
"""Passes below which a forecast is rough."""

_SAW_ALL = frozenset({SOME_ITEMS_FAILED, DELETES_WITHHELD, TOO_LARGE_A_SHARE, TOO_MANY_DELETES})
"""Codes of copies that Failed and yet went through the whole tree: the rest of it is in place."""

_FAR = 3
"""The time since the last pass, in the longest of the gaps between passes, from which on a forecast is a guess."""

_WIDE = 2
"""The longest time that the passes speak for, in the shortest, from which on a forecast is rough."""


class Change(NamedTuple):
    """What a pass moved."""

    items: float
    """Copied, replaced, repaired and deleted."""
    bytes: float
    """Of what was copied, replaced and deleted."""
    copied_bytes: float
    """Of what was copied and replaced: only this takes the time of copying."""

    def plus(self, other: Change) -> Change:
        return Change(*(a + b for a, b in zip(self, other, strict=True)))

    def times(self, factor: float, most: Change) -> Change:
        """So much more (or less) of it, but no more than ``most``."""
        return Change(*(min(a * factor, limit) for a, limit in zip(self, most, strict=True)))

    @property
    def work(self) -> float:
        """What it costs, in bytes that take the same time to copy."""
        return self.copied_bytes + self.items * ITEM_COST_BYTES


class Pace(NamedTuple):
    """What passes cost."""

    scan: float
    """Seconds for each item that is looked at."""
    copy: float
    """Seconds for each byte of :attr:`Change.work`."""

    def seconds(self, scanned: float, change: Change) -> float:
        return self.scan * scanned + self.copy * change.work


class Forecast(NamedTuple):
    """What a pass that is started now will take, told by the passes before. Times are seconds."""

    items: int
    bytes: int
    seconds: float
    least: float
    most: float
    scan: float
    """How much of it is looking at every item: no pass is faster."""
    passes: int
    """How many passes it is made of."""
    since: int
    """Number of the last whole pass: the next one finds what has changed since it began."""
    gap: float
    """The time since then."""
    doubt: str
    """Why it is no more than a guess or rough; empty when it is neither."""


class TooFew(NamedTuple):
    """Why there is no forecast."""

    sentence: str


def changed(run: RunRow) -> Change:
    """What a run has moved so far, or moved."""
    counters = run.counters
    copied = counters["bytes_transferred"]
    return Change(counters["items_transferred"] + counters["items_deleted"], copied + counters["bytes_deleted"], copied)


def whole(run: RunRow) -> bool:
    """Whether a run is a pass over the whole tree: what it left undone, it left for a reason of its own.

    Previews and verify runs are no passes; a copy that carries out a plan looks only at what the plan lists, and
    one that was broken off has not seen the rest.
    """
    if run.kind != RunKind.COPY or run.plan_number is not None or run.scan_status != ScanStatus.COMPLETED:
        return False
    if run.status == JobRunStatus.FAILED:
        return run.error_code in _SAW_ALL
    return run.status == JobRunStatus.SUCCEEDED


def pace(copies: Sequence[RunRow]) -> Pace:
    """What the whole passes of these cost per item and per byte, the first one included.

    A line through their times, by the median of the slopes between any two of them (Theil and Sen), each as weighty
    as the two differ: one pass that a night's pause made ten times longer does not bend it.
    """
    points = [
        (changed(run).work / run.counters["items_scanned"], seconds / run.counters["items_scanned"])
        for run in copies
        if _measured(run) and (seconds := elapsed_seconds(run, run.ended or 0)) is not None
    ]
    if not points:
        return Pace(0.0, 0.0)
    slopes = [((b[1] - a[1]) / (b[0] - a[0]), abs(b[0] - a[0])) for a, b in combinations(points, 2) if a[0] != b[0]]
    copy = max(0.0, _weighted_median(slopes)) if slopes else 0.0
    return Pace(max(0.0, median(y - copy * x for x, y in points)), copy)


def forecast(copies: Sequence[RunRow], now: int) -> Forecast | TooFew:
    """What the next pass will take if it is started now.

    Each of the latest passes says what changed in the time since the one before it began; that is scaled to the time
    since the last one began, and priced at what passes cost. What passes in between moved before they were broken off
    counts for the next whole one. The first whole pass copies everything: it tells what copying costs, and no change.

    Args:
        copies: the definition's copies, the oldest first, none of them on.
        now: store time.
    """
    done = [run for run in copies if run.ended is not None]
    last = next((run for run in reversed(done) if whole(run)), None)
    samples = _samples(done)[-LATEST:]
    if last is None or not samples:
        return TooFew(_too_few(done, last))
    cost = pace(done)
    scanned = last.counters["items_scanned"]
    everything = Change(scanned, last.counters["bytes_scanned"], last.counters["bytes_scanned"])
    gap = _gap(last, now)
    told: list[tuple[Change, float]] = []
    for run, change, before in samples:
        expected = change.times(gap / before, everything)
        own, took = cost.seconds(run.counters["items_scanned"], changed(run)), elapsed_seconds(run, now) or 0.0
        told.append((expected, cost.seconds(scanned, expected) * (took / own if own > 0 else 1.0)))
    times = [seconds for _, seconds in told]
    seconds = median(times)
    return Forecast(
        round(median(change.items for change, _ in told)),
        round(median(change.bytes for change, _ in told)),
        seconds,
        min(times),
        max(times),
        min(cost.scan * scanned, seconds),
        len(told),
        last.number,
        gap,
        _doubt(times, gap, max(before for _, _, before in samples)),
    )


def planned_seconds(copies: Sequence[RunRow], preview: RunRow) -> float | None:
    """What a copy that does what a preview has listed will take; None where no pass tells what copies cost."""
    return pace(copies).seconds(preview.counters["items_scanned"], changed(preview)) or None


def scan_seconds(copies: Sequence[RunRow]) -> float | None:
    """What looking at every item without copying any will take; None where no pass tells."""
    last = next((run for run in reversed(copies) if whole(run)), None)
    return None if last is None else pace(copies).scan * last.counters["items_scanned"] or None


class _Sample(NamedTuple):
    run: RunRow
    change: Change
    gap: float
    """Seconds between the start of the whole pass before and its own."""


def _samples(done: Sequence[RunRow]) -> list[_Sample]:
    found: list[_Sample] = []
    before: RunRow | None = None
    between = Change(0, 0, 0)
    for run in done:
        if not whole(run):
            between = between.plus(changed(run))
            continue
        if before is not None and _measured(run):
            found.append(_Sample(run, changed(run).plus(between), _gap(before, run.started or run.created_at)))
        before, between = run, Change(0, 0, 0)
    return found


def _measured(run: RunRow) -> bool:
    """Whether a run's figures are those of all its work: an attempt that went before is not in them."""
    return whole(run) and run.fence <= 1 and run.started is not None and run.counters["items_scanned"] > 0


def _gap(earlier: RunRow, then: int) -> float:
    """Seconds since a pass began, at least one."""
    return max(1.0, (then - (earlier.started or earlier.created_at)) / 1000)


def _weighted_median(values: Sequence[tuple[float, float]]) -> float:
    ordered = sorted(values)
    half, reached = sum(weight for _, weight in ordered) / 2, 0.0
    for value, weight in ordered:
        reached += weight
        if reached >= half:
            return value
    raise AssertionError("the weights of some values add up to half of themselves")


def _too_few(done: Sequence[RunRow], last: RunRow | None) -> str:
    if not done:
        return "no copy yet: the first one copies everything"
    if last is None:
        return "not enough passes: none has gone through the whole tree yet"
    return f"not enough passes: one more after #{last.number} tells what changes"


def _doubt(times: Sequence[float], gap: float, longest: float) -> str:
    if len(times) == 1:
        return "a guess: one pass is all there is"
    if gap > _FAR * longest:
        return "a guess: no two passes were so far apart"
    if len(times) < FEW:
        return "rough: passes are few"
    if max(times) > _WIDE * min(times):
        return "rough: passes differ much"
    return ""
