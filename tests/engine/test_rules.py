"""The pure rules of a run: verdict, progress, schedule, order, sub-paths, overlap, errors."""

from __future__ import annotations

import errno
import os
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentsim.engine import board, units
from agentsim.engine.channel import Message
from agentsim.engine.errors import ItemChanged, ItemFailed, RunStopped, Side, classify
from agentsim.engine.guards import Stop
from agentsim.engine.order import Order, OrderRefused
from agentsim.engine.preflight import components, overlaps
from agentsim.engine.progress import progress
from agentsim.engine.schedule import Schedule
from agentsim.engine.verdict import verdict
from store import codes
from store.vocabulary import Guard

from .driver import order


def totals(**counts: int) -> list[int]:
    cells = [0] * (board.OWNERS_LOST + 1)
    for name, count in counts.items():
        cells[board.NAMES.index(name)] = count
    return cells


def test_verdict_says_succeeded_only_when_it_is_true() -> None:
    good = verdict(totals(scanned=5, transferred=2, no_transfer_needed=1, changed=1, unsupported=1), [])
    assert (good["status"], good["code"]) == ("Succeeded", "AZSM0000")
    assert "1 changed" in good["message"]
    assert "1 not supported" in good["message"]
    for cells, code in [
        (totals(scanned=2, transferred=1), codes.COUNTERS_DISAGREE),
        (totals(scanned=2, transferred=1, failed=1), codes.SOME_ITEMS_FAILED),
        (totals(scanned=1, transferred=1, delete_withheld=1), codes.DELETES_WITHHELD),
    ]:
        bad = verdict(cells, [])
        assert (bad["status"], bad["code"]) == ("Failed", code)
    guarded = verdict(totals(scanned=1, transferred=1), [Stop(Guard.SOURCE_EMPTY, "empty")])
    assert (guarded["status"], guarded["code"]) == ("Failed", "LSM1102")


def test_progress_totals_never_fall_below_what_was_scanned() -> None:
    cells = totals(scanned=9)

    def report(expected: tuple[int, int] | None, *, listed: bool) -> dict[str, Any]:
        return progress(cells, expected, listed=listed, phase="copy", current=[])

    assert report(None, listed=False)["total_items"] == -1
    assert report((7, 0), listed=False)["total_items"] == 9
    exact = report((70, 0), listed=True)
    assert (exact["total_items"], exact["scan_status"]) == (9, "Completed")


def directories(unit: Message | None) -> list[tuple[bytes, bool]]:
    assert unit is not None
    assert unit[0] == units.DIRECTORIES
    found: list[tuple[bytes, bool]] = unit[1]
    return found


def test_schedule_goes_deep_first_and_finishes_after_large_files() -> None:
    schedule = Schedule()
    first = schedule.next_unit([])
    assert directories(first) == [(b"", False)]
    assert first is not None
    schedule.found([(b"a", True), (b"b", True)])
    schedule.found_large(b"", b"big", 7)
    schedule.listed(b"", True)
    schedule.done(first)
    large = schedule.next_unit([])
    assert large == (units.LARGE, b"", b"big", 7)
    assert schedule.next_unit([large]) is None
    second = schedule.next_unit([])
    assert directories(second) == [(b"b", True)]
    assert second is not None
    schedule.done(large)
    assert schedule.next_unit([second]) == (units.FINISH, b"", True)
    schedule.done(second)
    assert bool(schedule.everything_listed) is False
    third = schedule.next_unit([])
    assert third is not None
    schedule.done(third)
    assert bool(schedule.everything_listed) is True
    assert schedule.next_unit([]) is None


def test_order_survives_the_way_and_refuses_nonsense() -> None:
    good = order("/a", "/b", source_subpath=b"x\xff")
    assert Order.from_message(good.to_message()) == good
    message = good.to_message()
    for change in (
        {"mode": "Both"},
        {"helpers": 0},
        {"helpers": True},
        {"source_root": "text"},
        {"target_root": b"relative"},
        {"target_root": b"/nul\0"},
        {"expected_items": -2},
        {"unknown": 1},
    ):
        with pytest.raises(OrderRefused):
            Order.from_message({**message, **change})
    with pytest.raises(OrderRefused):
        Order.from_message(None)


@pytest.mark.parametrize("subpath", [b"/a", b"..", b"a/../b", b"a//b", b"a/", b".", b"a\0b", b"a/."])
def test_subpaths_that_lead_elsewhere_are_refused(subpath: bytes) -> None:
    with pytest.raises(ValueError, match="sub-path"):
        components(subpath)


def test_subpaths() -> None:
    assert components(b"") == []
    assert components(b"a/..b/\xff") == [b"a", b"..b", b"\xff"]


@given(st.integers(0, 4), st.integers(0, 4), st.booleans())
def test_overlap_is_equality_or_containment(source: int, target: int, complete: bool) -> None:
    """In one line of directories 0 (the root) to 4, everything overlaps but an ancestor of a new target."""

    def above(depth: int) -> list[tuple[int, int]]:
        return [(0, level) for level in range(depth, -1, -1)]

    assert overlaps(above(source), above(target), complete) == (complete or source <= target)
    elsewhere = [(1, 7), (0, 0)]
    if source:
        assert not overlaps(above(source), elsewhere, complete)


def test_error_classes() -> None:
    def kind(number: int, side: Side) -> tuple[type, str]:
        error = classify(OSError(number, os.strerror(number)), side, "testing")
        assert isinstance(error, ItemChanged | ItemFailed | RunStopped)
        assert errno.errorcode[number] in error.message
        return type(error), error.code

    assert kind(errno.ENOENT, Side.SOURCE) == (ItemChanged, codes.ITEM_VANISHED)
    assert kind(errno.ELOOP, Side.SOURCE) == (ItemChanged, codes.ITEM_VANISHED)
    assert kind(errno.EACCES, Side.SOURCE) == (ItemFailed, "AZSM2062")
    assert kind(errno.ESTALE, Side.SOURCE) == (ItemFailed, "AZSM2063")
    assert kind(errno.EIO, Side.TARGET) == (ItemFailed, "AZSM2080")
    assert kind(errno.EACCES, Side.TARGET) == (ItemFailed, "AZSM2069")
    assert kind(errno.ENAMETOOLONG, Side.TARGET) == (ItemFailed, "AZSM2024")
    assert kind(errno.EFBIG, Side.TARGET) == (ItemFailed, "AZSM2026")
    for number in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
        assert kind(number, Side.TARGET)[0] is RunStopped


def test_every_code_has_words() -> None:
    for code, status in codes.CATALOGUE.items():
        assert status.code == code
        assert status.title
        assert status.advice or code == codes.SUCCESS
