"""Kinds of run in words and figures: what a preview would do is never told as done."""

from __future__ import annotations

from typing import Any

import pytest

from store.codes import GUARD_CODES
from store.queries.fleet import COUNTERS
from store.queries.items import ItemRow
from store.queries.runs import RunRow, Sample
from store.vocabulary import Guard, JobRunStatus, Outcome, RunKind, ScanStatus
from tui.presentation.cells import Cell
from tui.presentation.glyphs import ASCII, UNICODE
from tui.presentation.guard_view import GUARD_LINES, guard_lines, overridable, stopped_by, typed_guards, why_none
from tui.presentation.kinds import activity, kind_words, numbered, what_it_does, why_no_plan
from tui.presentation.rows import item_row, run_row
from tui.presentation.run_view import LISTED, run_lines

NOW = 1_000_000


def run_of(**values: Any) -> RunRow:
    """A run of dock-1; counters are given by their names."""
    counters = dict.fromkeys(COUNTERS, 0) | {name: values.pop(name) for name in COUNTERS if name in values}
    plain: dict[str, Any] = dict.fromkeys(RunRow._fields)
    plain |= {
        "id": 1,
        "project": "hr-shares",
        "definition": "hr-home",
        "number": 7,
        "kind": RunKind.COPY,
        "overrides": [],
        "report": False,
        "agent_name": "dock-1",
        "copy_mode": "Mirror",
        "status": JobRunStatus.SUCCEEDED,
        "scan_status": ScanStatus.COMPLETED,
        "created_at": 0,
        "started": 0,
        "ended": NOW,
        "fence": 1,
        "error_code": "",
        "error_message": "",
        "counters": counters,
        "phase": "",
        "total_items": -1,
        "total_bytes": -1,
        "bytes_in_flight": 0,
        "current": [],
    }
    return RunRow(**{**plain, **values})


def running(**values: Any) -> RunRow:
    """A run that is three quarters done."""
    numbers = {"items_scanned": 75, "bytes_scanned": 75_000, "total_items": 100, "total_bytes": 100_000}
    return run_of(**{"status": JobRunStatus.RUNNING, "ended": None, "phase": "copy", **numbers, **values})


def text_of(lines: list[list[Cell]]) -> str:
    return "\n".join("".join(cell.text for cell in line) for line in lines)


@pytest.mark.parametrize(
    ("run", "words", "whole"),
    [
        (run_of(), "", "Mirror"),
        (run_of(kind=RunKind.PREVIEW), "preview", "Preview of Mirror"),
        (run_of(kind=RunKind.VERIFY), "verify", "Verify"),
        (run_of(plan_number=5), "plan of #5", "Mirror, plan of #5"),
    ],
)
def test_a_kind_is_a_word(run: RunRow, words: str, whole: str) -> None:
    assert (kind_words(run), what_it_does(run)) == (words, whole)
    assert numbered(run) == f"#7 {words}".strip()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"phase": "copy"}, ""),
        ({"phase": "links"}, "linking names"),
        ({"phase": "delete"}, "deleting"),
        ({"phase": "finish"}, "finishing"),
        ({"phase": "of a newer agent"}, ""),
        ({"kind": RunKind.PREVIEW, "phase": "delete"}, "comparing"),
        ({"kind": RunKind.VERIFY, "phase": "copy"}, "verifying"),
        ({"kind": RunKind.VERIFY, "status": JobRunStatus.CANCELING}, ""),
    ],
)
def test_what_a_run_is_on_is_said(values: dict[str, Any], words: str) -> None:
    run = running(**values)
    assert activity(run) == words
    assert words in text_of(run_lines(run, [], None, NOW, 78, UNICODE))


@pytest.mark.parametrize("kind", [RunKind.PREVIEW, RunKind.VERIFY])
def test_the_state_of_what_only_looks_is_a_word_that_fits_its_column(kind: RunKind) -> None:
    for done in (1, 75, 99):
        state = run_row(running(kind=kind, items_scanned=done, bytes_scanned=0), NOW, UNICODE, 5.0).cells[2].text
        assert len(state) <= 16
        assert activity(running(kind=kind)) in state
        assert "%" in state


def test_only_a_copy_has_a_rate_in_bytes() -> None:
    samples = [Sample(0, 0, 0), Sample(1000, 50, 10**9), Sample(2000, 100, 2 * 10**9)]
    for kind in (RunKind.PREVIEW, RunKind.VERIFY):
        assert run_row(running(kind=kind), NOW, UNICODE, 10**9).cells[5].text == ""
        assert run_row(run_of(kind=kind, bytes_transferred=10**9), NOW, UNICODE, None).cells[5].text == ""
        lines = text_of(run_lines(running(kind=kind), samples, 50.0, NOW, 78, UNICODE))
        assert "now 50 items/s" in lines
        assert "peak 50 items/s" in lines
        assert "B/s" not in lines
    assert "peak 1.00 GB/s" in text_of(run_lines(running(), samples, 10**9, NOW, 78, UNICODE))


@pytest.mark.parametrize("kind", list(RunKind))
def test_the_block_keeps_its_height_and_the_width_of_a_narrow_terminal(kind: RunKind) -> None:
    """While a run goes on: a block that grew and shrank would move all that is below it with every tick."""
    many = dict.fromkeys(COUNTERS, 99_999_999)
    samples = [Sample(0, 0, 0), Sample(1000, 50, 10**9)]
    first = run_lines(running(kind=kind), [], None, NOW, 78, UNICODE)
    later = run_lines(running(kind=kind, current=["a", "b", "c"], **many), samples, 5.0, NOW, 78, UNICODE)
    assert len(first) == len(later) <= 11
    run = run_of(kind=kind, overrides=["DeletePercent"], report=True, **many)
    lines = run_lines(run, [], None, NOW, 78, UNICODE)
    assert len(lines) <= 13
    # The first line ends in what may be cut: how long ago it ended.
    assert all(len("".join(cell.text for cell in line)) <= 78 for line in lines[1:])
    assert LISTED[kind].title


def test_counters_say_what_they_stand_for() -> None:
    numbers = {"items_transferred": 12, "items_deleted": 3, "items_failed": 2, "items_delete_withheld": 4}
    preview = text_of(run_lines(run_of(kind=RunKind.PREVIEW, **numbers), [], None, NOW, 78, UNICODE))
    assert "To copy or repair          12" in preview
    assert "To delete                   3" in preview
    assert "Transferred" not in preview
    verify = text_of(run_lines(run_of(kind=RunKind.VERIFY, **numbers), [], None, NOW, 78, UNICODE))
    assert "Differ or failed            2" in verify
    assert "Only in the target          4" in verify
    assert "elete" not in verify


def test_a_preview_that_would_only_delete_does_not_look_as_if_it_had_nothing_to_do() -> None:
    row = run_row(run_of(kind=RunKind.PREVIEW, items_deleted=4_000), NOW, UNICODE, None)
    assert row.cells[3].text == "4,000"


def item(outcome: Outcome, code: str) -> ItemRow:
    return ItemRow(1, b"a\x1b[2J", "F", outcome, code, "why", 1, 0, 1)


@pytest.mark.parametrize(
    ("kind", "outcome", "code", "word"),
    [
        (RunKind.COPY, Outcome.DELETED, "AZSM0000", "Deleted"),
        (RunKind.PREVIEW, Outcome.DELETED, "AZSM0000", "Would delete"),
        (RunKind.PREVIEW, Outcome.UNSUPPORTED, "AZSM2021", "Unsupported"),
        (RunKind.VERIFY, Outcome.FAILED, "LSM2203", "Differs"),
        (RunKind.VERIFY, Outcome.FAILED, "AZSM2062", "Failed"),
        (RunKind.VERIFY, Outcome.DELETE_WITHHELD, "LSM2205", "Only in target"),
    ],
)
def test_an_items_outcome_is_what_it_stands_for(kind: RunKind, outcome: Outcome, code: str, word: str) -> None:
    cells = item_row(item(outcome, code), kind).cells
    assert cells[0].text == word
    assert len(word) <= 14
    assert cells[2].text == "a\\x1b[2J"


def test_a_preview_is_a_plan_only_once_it_has_succeeded() -> None:
    preview = run_of(kind=RunKind.PREVIEW)
    assert why_no_plan(preview) == ""
    assert "is Running" in why_no_plan(preview._replace(status=JobRunStatus.RUNNING))
    for status in (JobRunStatus.FAILED, JobRunStatus.CANCELED):
        assert f"is {status}" in why_no_plan(preview._replace(status=status))


# Guards


@pytest.mark.parametrize("guard", list(Guard))
def test_the_code_of_a_run_names_the_guard_that_stopped_it(guard: Guard) -> None:
    assert stopped_by(run_of(error_code=GUARD_CODES[guard])) == (guard,)


def test_the_message_names_the_other_guards_that_stopped_it() -> None:
    run = run_of(error_code="LSM1105", error_message="a; override with DeletePercent; b; override with DeleteCount")
    assert stopped_by(run) == (Guard.DELETE_PERCENT, Guard.DELETE_COUNT)
    assert stopped_by(run._replace(error_code="LSM1010")) == ()


def test_what_was_overridden_for_a_run_that_was_stopped_is_offered_again() -> None:
    stopped = run_of(error_code="LSM1106", overrides=["DeletePercent"])
    assert overridable([stopped]) == (Guard.DELETE_PERCENT, Guard.DELETE_COUNT)
    assert overridable([run_of(overrides=["DeletePercent"])]) == (), "it went through"
    assert overridable([run_of(kind=RunKind.PREVIEW, overrides=["SourceShrunk"])]) == (Guard.SOURCE_SHRUNK,)


@pytest.mark.parametrize(
    ("text", "guards"),
    [
        ("", ()),
        ("  , ", ()),
        ("DeletePercent", (Guard.DELETE_PERCENT,)),
        (" DeleteCount,DeletePercent ", (Guard.DELETE_PERCENT, Guard.DELETE_COUNT)),
    ],
)
def test_typed_names_are_guards(text: str, guards: tuple[Guard, ...]) -> None:
    assert typed_guards(text, (Guard.DELETE_PERCENT, Guard.DELETE_COUNT)) == guards


@pytest.mark.parametrize("text", ["deletepercent", "Delete", "DeletePercent x", "SourceEmpty", "all", "*"])
def test_anything_else_overrides_nothing(text: str) -> None:
    with pytest.raises(ValueError, match="is no guard here: DeletePercent, DeleteCount"):
        typed_guards(text, (Guard.DELETE_PERCENT, Guard.DELETE_COUNT))


def test_what_was_typed_is_shown_inert() -> None:
    with pytest.raises(ValueError, match="is no guard here") as error:
        typed_guards("\u202e", (Guard.DELETE_COUNT,))
    assert "\u202e" not in str(error.value)


def test_the_block_on_guards_says_who_stopped_what_and_how_it_stands() -> None:
    stopped = run_of(error_code="LSM1105", error_message="400 of 900 \x1b[2J items " * 9)
    offered = overridable([stopped])
    lines = guard_lines([stopped], offered, (), RunKind.COPY, ASCII)
    assert len(lines) == GUARD_LINES
    text = text_of(lines)
    assert "! #7 was stopped (LSM1105) by DeletePercent" in text
    assert "On for this run too: DeletePercent" in text
    assert text.replace("\n", "").isprintable()
    assert all(len(line) <= 72 for line in text.splitlines())
    assert "OVERRIDDEN for this run only" in text_of(guard_lines([stopped], offered, offered, RunKind.COPY, ASCII))
    assert "has no guards" in text_of(guard_lines([stopped], offered, (), RunKind.VERIFY, ASCII))
    assert guard_lines([], (), (), RunKind.COPY, ASCII) == []


def test_why_nothing_can_be_overridden() -> None:
    assert why_none(RunKind.COPY, (Guard.DELETE_COUNT,)) == ""
    assert "none to override" in why_none(RunKind.COPY, ())
    assert "verify" in why_none(RunKind.VERIFY, (Guard.DELETE_COUNT,))
