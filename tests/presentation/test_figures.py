"""``format``: figures are short, aligned and never better than the truth."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from tui.presentation import format as fmt
from tui.presentation.glyphs import ASCII, UNICODE, Glyphs

MINUTE, HOUR, DAY = 60, 3600, 86400


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (None, "-"),
        (math.nan, "-"),
        (-5, "0 B"),
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.00 kB"),
        (1204, "1.20 kB"),
        (9_994, "9.99 kB"),
        (9_995, "10.0 kB"),
        (99_949, "99.9 kB"),
        (99_951, "100 kB"),
        (999_499, "999 kB"),
        (999_500, "1.00 MB"),
        (412_000_000, "412 MB"),
        (2**63, "9.22 EB"),
        (1e30, ">999 ZB"),
    ],
)
def test_size(count: float | None, text: str) -> None:
    assert fmt.size(count) == text


@settings(deadline=None)
@given(st.floats(0, 1e30) | st.integers(0, 2**70))
def test_size_and_rate_are_narrow(count: float) -> None:
    assert len(fmt.size(count)) <= 7
    assert len(fmt.rate(count)) <= 9


def test_rate() -> None:
    assert fmt.rate(412e6) == "412 MB/s"
    assert fmt.rate(None) == "-"


@pytest.mark.parametrize(
    ("number", "exact", "short"),
    [
        (None, "-", "-"),
        (0, "0", "0"),
        (1204, "1,204", "1,204"),
        (9999, "9,999", "9,999"),
        (12_345, "12,345", "12.3k"),
        (231_004, "231,004", "231k"),
        (999_500, "999,500", "1.0M"),
        (1_100_000, "1,100,000", "1.1M"),
        (10**15, "1,000,000,000,000,000", ">999T"),
    ],
)
def test_counts(number: int | None, exact: str, short: str) -> None:
    assert fmt.count(number) == exact
    assert fmt.compact(number) == short


@settings(deadline=None)
@given(st.integers(0, 2**63))
def test_compact_is_narrow(number: int) -> None:
    assert len(fmt.compact(number)) <= 5


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-"),
        (math.inf, "-"),
        (-3, "0s"),
        (0.4, "0s"),
        (42, "42s"),
        (190, "3m10s"),
        (59 * MINUTE + 59.9, "59m59s"),
        (2 * HOUR + 5 * MINUTE, "2h05m"),
        (4 * DAY + 3 * HOUR, "4d3h"),
    ],
)
def test_duration(seconds: float | None, text: str) -> None:
    assert fmt.duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-"),
        (0, "just now"),
        (-4, "just now"),
        (42, "42s ago"),
        (12 * MINUTE, "12m ago"),
        (3 * HOUR + 59 * MINUTE, "3h ago"),
        (4 * DAY, "4d ago"),
        (-3 * MINUTE, "in 3m"),
    ],
)
def test_age(seconds: float | None, text: str) -> None:
    assert fmt.age(seconds) == text


def test_eta() -> None:
    assert fmt.eta(190) == "3m10s"
    assert fmt.eta(None) == fmt.eta(math.inf) == "-"
    assert fmt.eta(100 * DAY) == ">99d"


@pytest.mark.parametrize(
    ("fraction", "text"),
    [(None, "-"), (0, "0%"), (-1, "0%"), (0.001, "<1%"), (0.29, "29%"), (0.749, "74%"), (0.99999999999, "99%"),
     (1, "100%"), (1.5, "100%")],
)  # fmt: skip
def test_percentage(fraction: float | None, text: str) -> None:
    assert fmt.percentage(fraction) == text


@settings(deadline=None)
@given(st.floats(), st.integers(0, 60), st.sampled_from([UNICODE, ASCII]))
def test_bar_is_exactly_wide_and_full_only_at_the_end(fraction: float, width: int, glyphs: Glyphs) -> None:
    text = fmt.bar(fraction, width, glyphs)
    assert cell_len(text) == len(text) == width
    if width and math.isfinite(fraction):
        assert (text == glyphs.bar_full * width) == (fraction >= 1)


def test_bar() -> None:
    assert fmt.bar(0.5, 4) == "██░░"
    assert fmt.bar(0.54, 4) == "██▏░"
    assert fmt.bar(0.5, 4, ASCII) == "##--"
    assert fmt.bar(0.0001, 4) == "▏░░░"
    assert fmt.bar(0.99999, 4) == "███▉"
    assert fmt.bar(0.2, 4, ASCII) == "----"
    assert fmt.bar(None, 4) == "░░░░"


def test_spark() -> None:
    assert fmt.spark([0, 1, 2, None, 4], 8) == "   ▁▃▅ █"
    assert fmt.spark([9, 9, 1, 2], 2) == "▅█"
    assert fmt.spark([1, 2], 2, top=4) == "▃▅"
    assert fmt.spark([0.001, 100], 2) == "▂█"
    assert fmt.spark([0, 0], 2) == "▁▁"
    assert fmt.spark([], 3) == "   "
    assert fmt.spark([1, 2], 0) == ""
    assert fmt.spark([0, 3, 6], 3, ASCII) == "_=#"


@settings(deadline=None)
@given(st.lists(st.none() | st.floats()), st.integers(0, 30), st.sampled_from([UNICODE, ASCII]))
def test_spark_is_exactly_wide(values: list[float | None], width: int, glyphs: Glyphs) -> None:
    text = fmt.spark(values, width, glyphs)
    assert cell_len(text) == len(text) == width
