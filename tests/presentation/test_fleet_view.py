"""The heads of a mover's and an agent's screens, and what is said of what needs attention."""

from __future__ import annotations

from typing import Any

import pytest

from store.queries.attention import Attention, AttentionRow
from store.queries.overview import AgentOverview, MoverOverview
from store.vocabulary import AgentStatus, JobRunStatus
from tui.presentation.attention_rows import advice_lines, attention_row
from tui.presentation.cells import Cell
from tui.presentation.fleet_view import AGENT_LINES, MOVER_LINES, agent_lines, mover_lines
from tui.presentation.glyphs import ASCII, UNICODE, Glyphs

NOW = 1_795_262_400_000
AGENT = AgentOverview(
    1, 1, "nas", "dock-1", "", AgentStatus.ONLINE, "", "", NOW - 2_000, 5_000, 60, "0.1.0", "jump-1", "10.0.0.5", "UTC",
    16_384, 8, NOW - 86_400_000, "ana", None, {}, 0.0,
)  # fmt: skip


def said(lines: list[list[Cell]]) -> list[str]:
    return ["".join(cell.text for cell in line) for line in lines]


def test_an_agent_that_is_well_has_nothing_to_say_on_its_last_line() -> None:
    lines = said(agent_lines(AGENT, NOW, UNICODE))
    assert len(lines) == AGENT_LINES
    assert lines == [
        "● Online  on jump-1 (10.0.0.5)   version 0.1.0   8 cores   17.2 GB RAM   time zone UTC",
        "Beat   just now   every 5s   up 1m00s   registered 1d ago",
        "Runs   none now   upload limit: none",
        "",
    ]


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        ({"weeklyRecurrences": [{"days": ["Monday"]}]}, "upload limit: in 1 window of the week, not enforced yet"),
        ({"weeklyRecurrences": [{}, {}]}, "upload limit: in 2 windows of the week, not enforced yet"),
        ({"weeklyRecurrences": "all"}, "upload limit: none"),
        ({}, "upload limit: none"),
    ],
)
def test_an_upload_limit_is_said_in_a_few_words(limit: dict[str, object], words: str) -> None:
    assert words in said(agent_lines(AGENT._replace(upload_limit=limit), NOW, UNICODE))[2]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"status": AgentStatus.OFFLINE}, "No heartbeat for 3 intervals: start it with 'longshore-agent run'."),
        (
            {"status": AgentStatus.OFFLINE, "active": {JobRunStatus.QUEUED: 2}},
            "No heartbeat for 3 intervals; 2 runs wait for it: start it",
        ),
        ({"status": AgentStatus.REGISTERING, "last_beat": None}, "Registered, and never started"),
        ({"error_code": "Other", "error_message": "\x1b[2J"}, "Other: \\x1b[2J."),
        ({"description": "the old rack"}, "the old rack"),
    ],
)
def test_what_an_admin_should_know_stands_last(changes: dict[str, Any], words: str) -> None:
    assert words in said(agent_lines(AGENT._replace(**changes), NOW, ASCII))[3]


def test_a_mover_without_anything_says_what_to_do() -> None:
    lines = said(mover_lines(MoverOverview("nas", "", {}, {}, [], 0.0), UNICODE))
    assert len(lines) == MOVER_LINES
    assert lines[1:] == ["Agents none yet: A registers one", "Runs   none now", "Copies none has ended yet"]


def test_the_rate_stands_behind_what_runs() -> None:
    active = {JobRunStatus.QUEUED: 3, JobRunStatus.RUNNING: 1_200}
    lines = said(mover_lines(MoverOverview("nas", "", {}, active, [], 4.12e8), UNICODE))
    assert lines[2] == "Runs   ▶ 1,200 running   ◌ 3 queued   412 MB/s now"


@pytest.mark.parametrize("why", list(Attention))
@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
def test_every_reason_has_words_and_something_to_do(why: Attention, glyphs: Glyphs) -> None:
    row = AttentionRow(why, 7, "nas", "hr/home", "dock-1", None, 3, 2, "LSM1105", "\x1b]0;x\x07 would go", "1/2/3")
    cells = attention_row(row, NOW, glyphs).cells
    assert all(cell.text.isprintable() for cell in cells)
    assert len(cells[0].text) <= 20
    assert cells[3].text
    first, second = said(advice_lines(row, 78, ASCII))
    assert len(first) <= 78
    # Nothing of it is lost between the two lines.
    assert f"{first} {second}".split()[-len(cells[3].text.split()) :] == cells[3].text.split()
