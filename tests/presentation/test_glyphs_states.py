"""Glyph sets, states as cells, and the layout of columns."""

from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from store.vocabulary import AgentStatus, JobRunStatus, ScanStatus
from tui.presentation.cells import STYLES, Column, Slot, layout
from tui.presentation.glyphs import ASCII, UNICODE, Glyphs, choose
from tui.presentation.states import agent_dot, agent_state, run_dot, run_state, scan_state


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
def test_each_glyph_is_one_cell(glyphs: Glyphs) -> None:
    for field in fields(glyphs):
        value = getattr(glyphs, field.name)
        if field.name in ("unicode", "border"):
            continue
        assert cell_len(value) == len(value)
        assert field.name in ("bar_parts", "spark") or len(value) == 1
        assert glyphs.unicode or value.isascii()


@pytest.mark.parametrize(
    ("ascii_only", "encoding", "term", "glyphs"),
    [
        (False, "utf-8", "xterm-256color", UNICODE),
        (False, "UTF8", "tmux-256color", UNICODE),
        (True, "utf-8", "xterm-256color", ASCII),
        (False, "iso-8859-1", "xterm", ASCII),
        (False, "ANSI_X3.4-1968", "xterm", ASCII),
        (False, "", "xterm", ASCII),
        (False, "no such codec", "xterm", ASCII),
        (False, "utf-8", "linux", ASCII),
        (False, "utf-8", "vt220", ASCII),
        (False, "utf-8", "", UNICODE),
    ],
)
def test_choose(ascii_only: bool, encoding: str, term: str, glyphs: Glyphs) -> None:
    assert choose(ascii_only, encoding, term) is glyphs


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
def test_every_state_has_a_glyph_and_a_word(glyphs: Glyphs) -> None:
    cells = [agent_state(status, glyphs) for status in AgentStatus]
    cells += [run_state(status, glyphs) for status in JobRunStatus]
    cells += [scan_state(status, glyphs) for status in ScanStatus]
    for cell in cells:
        glyph, _, word = cell.text.partition(" ")
        assert len(glyph) == 1
        assert glyph != glyphs.unknown
        assert word
        assert cell.style in STYLES
    assert len({cell.text for cell in cells}) == len(cells)


def test_states() -> None:
    assert agent_state("Online", UNICODE) == ("● Online", "ok")
    assert run_state(JobRunStatus.FAILED, ASCII) == ("x Failed", "bad")
    assert agent_dot(AgentStatus.OFFLINE, UNICODE).text == "○"
    assert run_dot(JobRunStatus.SUCCEEDED, UNICODE).text == "✓"


def test_a_success_with_something_to_look_at_is_no_plain_one() -> None:
    assert run_state(JobRunStatus.SUCCEEDED, UNICODE, 3) == ("▲ Succeeded", "warn")
    assert run_dot(JobRunStatus.SUCCEEDED, ASCII, 3) == ("!", "warn")
    assert run_state(JobRunStatus.FAILED, ASCII, 3) == ("x Failed", "bad")


def test_a_state_of_a_newer_store_is_shown_and_safe() -> None:
    assert run_state("Hop\x1b[2J", UNICODE) == ("? Hop\\x1b[2J", "warn")


COLUMNS = (
    Column("a", 10, priority=1),
    Column("b", None, min_width=6, priority=5),
    Column("c", None, min_width=4),
    Column("d", 8, "right", priority=2),
)


@pytest.mark.parametrize(
    ("width", "slots"),
    [
        (60, [(0, 10), (1, 21), (2, 18), (3, 8)]),
        (31, [(0, 10), (1, 6), (2, 4), (3, 8)]),
        (30, [(0, 10), (1, 10), (3, 8)]),
        (20, [(1, 11), (3, 8)]),
        (10, [(1, 10)]),
        (3, [(1, 3)]),
        (0, []),
    ],
)
def test_columns_vanish_by_priority(width: int, slots: list[tuple[int, int]]) -> None:
    assert layout(COLUMNS, width) == [Slot(*slot) for slot in slots]


@settings(deadline=None)
@given(
    st.lists(
        st.builds(
            Column,
            title=st.just("t"),
            width=st.none() | st.integers(1, 20),
            min_width=st.integers(1, 9),
            priority=st.integers(0, 3),
        ),
        max_size=8,
    ),
    st.integers(0, 120),
)
def test_a_layout_fits_its_line(columns: list[Column], width: int) -> None:
    slots = layout(columns, width)
    assert [slot.column for slot in slots] == sorted({slot.column for slot in slots})
    assert sum(slot.width for slot in slots) + max(0, len(slots) - 1) <= width
    assert bool(slots) == bool(columns and width)
    if any(columns[slot.column].width is None for slot in slots):
        assert sum(slot.width for slot in slots) + len(slots) - 1 == width
