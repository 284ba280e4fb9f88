"""What the next pass will take: told by the passes before, and honest about how well they can tell."""

from __future__ import annotations

from typing import Any

import pytest

from store.codes import SOME_ITEMS_FAILED, SOURCE_EMPTY, TARGET_FULL, TOO_MANY_DELETES
from store.queries.runs import RunRow
from store.vocabulary import JobRunStatus, RunKind, ScanStatus
from tests.presentation.test_kinds_of_run import run_of
from tui.presentation.convergence import Forecast, TooFew, changed, forecast, pace, planned_seconds, whole

TREE_ITEMS, TREE_BYTES = 100_000, 50_000_000_000
SCAN, COPY = 0.001, 1e-8
"""Seconds for an item and for a byte of work, in the world of these passes."""
HOUR = 3_600_000
DAY = 24 * HOUR


def copy_of(
    number: int, start: int, items: int, size: int, *, deleted: int = 0, slow: float = 1.0, **more: Any
) -> RunRow:
    """A copy that found so much to do, began at a time, and took what it takes here (times ``slow``)."""
    work = size + (items + deleted) * 65_536
    seconds = (TREE_ITEMS * SCAN + work * COPY) * slow
    return run_of(
        **{
            "number": number,
            "id": number,
            "started": start,
            "created_at": start,
            "ended": start + int(seconds * 1000),
            "items_scanned": TREE_ITEMS,
            "bytes_scanned": TREE_BYTES,
            "items_transferred": items,
            "bytes_transferred": size,
            "items_deleted": deleted,
            **more,
        }
    )


def first(**more: Any) -> RunRow:
    return copy_of(1, 0, TREE_ITEMS, TREE_BYTES, **more)


def daily(count: int, items: int = 1_000, size: int = 2_000_000_000) -> list[RunRow]:
    """The first copy, and one a day with the same changes."""
    return [first(), *(copy_of(day + 1, day * DAY, items, size) for day in range(1, count + 1))]


def told(runs: list[RunRow], now: int) -> Forecast:
    found = forecast(runs, now)
    assert isinstance(found, Forecast), found
    return found


def test_steady_passes_forecast_the_next_one() -> None:
    found = told(daily(4), 5 * DAY)
    assert (found.items, found.bytes, found.passes, found.since, found.doubt) == (1_000, 2_000_000_000, 4, 5, "")
    expected = TREE_ITEMS * SCAN + (2_000_000_000 + 1_000 * 65_536) * COPY
    assert found.seconds == pytest.approx(expected, rel=0.01)
    assert (found.least, found.most) == pytest.approx((expected, expected), rel=0.01)
    assert found.scan == pytest.approx(TREE_ITEMS * SCAN, rel=0.01), "the floor that no pass gets under"


def test_it_is_scaled_to_the_time_since_the_last_pass() -> None:
    """An hour after the last of daily passes, an hour's changes are there; after two days, those of two days."""
    runs = daily(4)
    soon, later = told(runs, 4 * DAY + HOUR), told(runs, 6 * DAY)
    assert (soon.items, later.items) == (42, 2_000)
    assert soon.seconds == pytest.approx(100 + (2e9 + 1_000 * 65_536) / 24 * COPY, rel=0.01)
    assert later.seconds > soon.seconds


def test_it_never_exceeds_the_tree() -> None:
    found = told(daily(4), 4_000 * DAY)
    assert (found.items, found.bytes) == (TREE_ITEMS, TREE_BYTES)
    assert found.doubt == "a guess: no two passes were so far apart"


@pytest.mark.parametrize(
    ("runs", "sentence"),
    [
        ([], "no copy yet: the first one copies everything"),
        ([first()], "not enough passes: one more after #1 tells what changes"),
        (
            [first(status=JobRunStatus.CANCELED), copy_of(2, DAY, 500, 1_000, status=JobRunStatus.FAILED)],
            "not enough passes: none has gone through the whole tree yet",
        ),
        (
            [first(), *(copy_of(n, n * DAY, 5, 5, kind=RunKind.PREVIEW) for n in (2, 3, 4))],
            "not enough passes: one more after #1 tells what changes",
        ),
        (
            [first(), copy_of(2, DAY, 5, 5, fence=2)],
            "not enough passes: one more after #2 tells what changes",
        ),
    ],
)
def test_too_few_passes_tell_nothing_and_say_so(runs: list[RunRow], sentence: str) -> None:
    assert forecast(runs, 9 * DAY) == TooFew(sentence)


@pytest.mark.parametrize(
    ("count", "doubt"),
    [
        (1, "a guess: one pass is all there is"),
        (2, "rough: passes are few"),
        (3, ""),
        (9, ""),
    ],
)
def test_how_sure_it_is_depends_on_how_many_passes_tell(count: int, doubt: str) -> None:
    found = told(daily(count), (count + 1) * DAY)
    assert (found.doubt, found.passes) == (doubt, min(count, 5))


def test_passes_that_differ_much_give_a_range_and_say_so() -> None:
    runs = [
        first(),
        *(copy_of(n + 1, n * DAY, items, items * 2_000_000) for n, items in enumerate((1, 50, 9_000, 2), 1)),
    ]
    found = told(runs, 5 * DAY)
    assert found.doubt == "rough: passes differ much"
    assert found.least < found.seconds < found.most
    assert found.least >= TREE_ITEMS * SCAN * 0.9


def test_what_a_broken_off_pass_moved_counts_for_the_next_whole_one() -> None:
    """Canceled half-way, it left the rest to #4: together they moved what two days changed."""
    runs = [
        *daily(1),
        copy_of(3, 2 * DAY, 900, 1_800_000_000, status=JobRunStatus.CANCELED),
        copy_of(4, 3 * DAY, 1_100, 2_200_000_000),
    ]
    found = told(runs, 4 * DAY)
    assert (found.items, found.bytes, found.passes) == (1_000, 2_000_000_000, 2)


def test_a_pass_after_a_broken_off_last_one_still_finds_all_since_the_whole_one() -> None:
    runs = [*daily(3), copy_of(5, 4 * DAY, 10, 10, status=JobRunStatus.FAILED, error_code=TARGET_FULL)]
    found = told(runs, 5 * DAY)
    assert (found.items, found.since) == (2_000, 4)


def test_a_copy_that_waited_for_a_night_does_not_bend_the_others() -> None:
    runs = daily(5)
    runs[3] = copy_of(4, 3 * DAY, 1_000, 2_000_000_000, slow=40.0)
    found = told(runs, 6 * DAY)
    usual = TREE_ITEMS * SCAN + (2e9 + 1_000 * 65_536) * COPY
    assert found.seconds == pytest.approx(usual, rel=0.05)
    assert found.most > 10 * usual, "and yet it is told that it can happen"


def test_the_first_copy_is_no_sample_of_change_but_tells_what_copying_costs() -> None:
    cost = pace(daily(4))
    assert (cost.scan, cost.copy) == pytest.approx((SCAN, COPY), rel=0.01)
    assert told(daily(4), 5 * DAY).items == 1_000


def test_deletes_are_changes_without_bytes_to_copy() -> None:
    run = copy_of(2, DAY, 10, 500, deleted=30, bytes_deleted=7_000)
    assert changed(run) == (40, 7_500, 500)


def test_a_tree_in_which_nothing_changes_takes_the_scan() -> None:
    found = told([first(), *(copy_of(n + 1, n * DAY, 0, 0) for n in (1, 2, 3))], 4 * DAY)
    assert (found.items, found.bytes) == (0, 0)
    assert found.seconds == pytest.approx(TREE_ITEMS * SCAN, rel=0.01)
    assert found.scan == pytest.approx(found.seconds, rel=0.01)


def test_an_empty_tree_divides_by_nothing() -> None:
    empty = {"items_scanned": 0, "bytes_scanned": 0}
    runs = [copy_of(n, n * DAY, 0, 0, **empty) for n in (1, 2, 3)]
    assert isinstance(forecast(runs, 4 * DAY), TooFew)
    assert pace(runs) == (0, 0)


@pytest.mark.parametrize(
    ("values", "is_whole"),
    [
        ({}, True),
        ({"status": JobRunStatus.FAILED, "error_code": SOME_ITEMS_FAILED}, True),
        ({"status": JobRunStatus.FAILED, "error_code": TOO_MANY_DELETES}, True),
        ({"status": JobRunStatus.FAILED, "error_code": SOURCE_EMPTY}, False),
        ({"status": JobRunStatus.FAILED, "error_code": TARGET_FULL}, False),
        ({"status": JobRunStatus.CANCELED}, False),
        ({"status": JobRunStatus.RUNNING, "ended": None}, False),
        ({"scan_status": ScanStatus.SCANNING}, False),
        ({"kind": RunKind.VERIFY}, False),
        ({"kind": RunKind.PREVIEW}, False),
        ({"plan_number": 3}, False),
    ],
)
def test_which_runs_have_gone_through_the_whole_tree(values: dict[str, Any], is_whole: bool) -> None:
    assert whole(copy_of(2, 0, 1, 1, **values)) is is_whole


def test_a_preview_is_priced_like_a_pass() -> None:
    preview = copy_of(9, 9 * DAY, 3_000, 6_000_000_000, kind=RunKind.PREVIEW)
    expected = TREE_ITEMS * SCAN + (6e9 + 3_000 * 65_536) * COPY
    assert planned_seconds(daily(3), preview) == pytest.approx(expected, rel=0.01)
    assert planned_seconds([], preview) is None
