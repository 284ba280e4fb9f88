"""How far a run is: fractions, rates and time to go, as pure functions of its numbers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from store.queries.runs import RunRow, Sample
from store.vocabulary import JobRunStatus, ScanStatus

ITEM_COST_BYTES = 65_536
"""What an item costs beside its bytes: handling a small file takes the time of copying this much."""

ALMOST = 0.999


def fraction(run: RunRow) -> float | None:
    """The share of a run's work that is done, 0 to 1; None while its size is unknown.

    Only a run that has succeeded is 1: before that there are deletes, directory times and syncing.
    """
    if run.status == JobRunStatus.SUCCEEDED:
        return 1.0
    if run.total_items < 0 or run.total_bytes < 0:
        return None
    total = run.total_bytes + run.total_items * ITEM_COST_BYTES
    handled = run.counters["bytes_scanned"] + run.bytes_in_flight + run.counters["items_scanned"] * ITEM_COST_BYTES
    if total <= 0:
        return 0.0
    return min(handled / total, ALMOST)


def estimated(run: RunRow) -> bool:
    """Whether the total is the last pass's, or still being counted, rather than the tree's own."""
    return run.scan_status != ScanStatus.COMPLETED


def eta_seconds(run: RunRow, now: int) -> float | None:
    """Seconds to go at the run's mean pace so far; None when it cannot be told."""
    done = fraction(run)
    if done is None or done < 0.01 or run.started is None or not run.active or run.lost_since is not None:
        return None
    return (now - run.started) / 1000 * (1 - done) / done


def elapsed_seconds(run: RunRow, now: int) -> float | None:
    """How long a run has taken, or took."""
    if run.started is None:
        return None
    return max(0.0, ((run.ended or now) - run.started) / 1000)


def mean_rate(run: RunRow, now: int) -> float | None:
    """Bytes a second over the whole run."""
    seconds = elapsed_seconds(run, now)
    return (run.counters["bytes_transferred"] + run.bytes_in_flight) / seconds if seconds else None


def mean_item_rate(run: RunRow, now: int) -> float | None:
    """Scanned items a second over the whole run."""
    seconds = elapsed_seconds(run, now)
    return run.counters["items_scanned"] / seconds if seconds else None


def throughput(samples: Sequence[Sample]) -> list[float]:
    """Bytes a second between each sample and the next; a step back (a new attempt) counts as none."""
    return _per_second([(sample.at, sample.bytes) for sample in samples])


def item_throughput(samples: Sequence[Sample]) -> list[float]:
    """Scanned items a second between each sample and the next; a step back counts as none."""
    return _per_second([(sample.at, sample.items) for sample in samples])


def _per_second(steps: Sequence[tuple[int, int]]) -> list[float]:
    return [
        max(0, after - before) * 1000 / (later - earlier)
        for (earlier, before), (later, after) in pairwise(steps)
        if later > earlier
    ]
