"""Plots of several rows: what stands where, in exactly the cells that there are."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.presentation import format as figures
from tui.presentation.glyphs import ASCII, UNICODE, Glyphs
from tui.presentation.plot import GUTTER, plot


def drawn(
    series: list[float | None], width: int = 18, height: int = 4, glyphs: Glyphs = UNICODE, span: str = "1m"
) -> list[str]:
    lines = plot(series, width, height, glyphs, unit=figures.size, span=span, until="now")
    return ["".join(cell.text for cell in line) for line in lines]


def test_values_rise_from_the_axis_to_a_round_number() -> None:
    assert drawn([0, 10, 20, 40, 80, 160, 240, 300]) == [
        "    300 B│      ▃█",
        "         │     ▅██",
        "         │▁▂▂▃▆███",
        "      0 B└1m───now",
    ]


def test_in_ascii_nothing_else_is_drawn() -> None:
    assert drawn([0, 10, 20, 40, 80, 160, 240, 300], glyphs=ASCII) == [
        "    300 B|      -#",
        "         |     =##",
        "         |_..-*###",
        "      0 B`1m---now",
    ]


def test_a_gap_is_blank_and_nothing_is_a_low_line() -> None:
    assert drawn([None, None, 0, 0, 1, 1000, None, 0])[:3] == [
        "  1.00 kB│     █  ",
        "         │     █  ",
        "         │  ▁▁▂█ ▁",
    ]


def test_many_values_share_a_column_by_their_mean_and_few_are_made_wide() -> None:
    assert drawn([10.0, 30.0] * 8, height=2)[1][GUTTER:] == "█" * 8
    assert drawn([1.0, 2.0], height=2)[1][GUTTER:] == "████████"
    assert drawn([1.0, 2.0], height=2)[0][GUTTER:] == "    ████"


def test_a_tall_plot_is_labelled_in_the_middle() -> None:
    labels = [line[: GUTTER - 1].strip() for line in drawn([1e9], height=7)]
    assert labels == ["1.00 GB", "", "", "500 MB", "", "", "0 B"]


def test_nothing_known_has_no_scale() -> None:
    assert drawn([None] * 3)[:2] == [" " * 9 + "│" + " " * 8] * 2
    assert drawn([0.0] * 3)[2] == " " * 9 + "│▁▁▁▁▁▁▁▁"
    assert drawn([])[3] == "      0 B└1m───now"


def test_every_line_has_one_style() -> None:
    """Each change of style costs bytes on the wire."""
    assert all(len(line) == 1 for line in plot([1, 2, 3], 40, 5, UNICODE, unit=figures.rate, span="1m"))


@pytest.mark.parametrize("width", [0, 5, 15])
def test_too_narrow_for_a_plot_is_blank(width: int) -> None:
    assert plot([1.0], width, 3, UNICODE, unit=figures.rate, span="1m") == [[], [], []]


NUMBERS = st.one_of(st.none(), st.floats(0, 1e18), st.just(math.nan), st.just(math.inf), st.just(-1.0))


@given(
    st.lists(NUMBERS, max_size=300),
    st.integers(16, 120),
    st.integers(1, 20),
    st.sampled_from([UNICODE, ASCII]),
    st.text("1m ago", max_size=80),
)
def test_it_fills_exactly_its_cells(
    series: list[float | None], width: int, height: int, glyphs: Glyphs, span: str
) -> None:
    lines = drawn(series, width, height, glyphs, span)
    assert [len(line) for line in lines] == [width] * height
    if not glyphs.unicode:
        assert all(re.fullmatch(r"[ -~]*", line) for line in lines)


@given(st.lists(st.floats(0.001, 1e15), min_size=1, max_size=40))
def test_the_scale_fits_the_values(values: list[float]) -> None:
    """The highest column is at least two thirds high, and more than nothing never looks like nothing."""
    lines = drawn(list(values), GUTTER + len(values) + 10, 6)
    assert lines[1][GUTTER:].strip()
    assert UNICODE.spark[0] not in lines[4][GUTTER:]
    assert " " not in lines[4][GUTTER:]
