"""What is known of a resource, in words: nothing that matters is left to be guessed from a name in ARM's spelling."""

from __future__ import annotations

from typing import Any

import pytest

from store.queries.window import Page
from tui.lists.facts import window_of
from tui.presentation.facts import Fact, containing, wrapped
from tui.presentation.settings_view import schedule_words, settings_facts

PLAIN: dict[str, Any] = {"copyMode": "Mirror"}


def told(**properties: Any) -> dict[str, str]:
    """The settings by label; a label's further lines joined."""
    found: dict[str, str] = {}
    label = ""
    for fact in settings_facts({**PLAIN, **properties}):
        label = fact.label or label
        found[label] = f"{found[label]}; {fact.text}" if label in found else fact.text
    return found


@pytest.mark.parametrize(
    ("properties", "label", "words"),
    [
        ({}, "Mode", "Mirror: copies what is new or differs, and DELETES from the target what the source has not"),
        ({"copyMode": "Additive"}, "Mode", "Additive: copies what is new or differs; deletes nothing"),
        ({}, "Only in target", "is DELETED, if the guards agree"),
        ({"trash": True}, "Only in target", "is moved to the trash, if the guards agree"),
        ({"copyMode": "Additive"}, "Only in target", "is left alone"),
        ({}, "Differs", "is replaced; the old file is gone"),
        ({"trash": True}, "Differs", "is replaced; the old file goes to the trash"),
        ({}, "Filters", "none: everything is copied"),
        (
            {"filters": {"include": ["*.docx", "*.xl[sx]"], "exclude": ["~$*"]}},
            "Filters",
            "copy only *.docx; copy only *.xl[sx]; leave out ~$*",
        ),
        ({"filters": {"minSize": 1, "maxSize": 5_000_000}}, "Filters", "copy only files of 1 B to 5.00 MB"),
        ({"filters": {"minSize": 10}}, "Filters", "copy only files of at least 10 B"),
        ({"filters": {"maxAge": "52w"}}, "Filters", "copy only files that were changed at most 364d0h ago"),
        ({"compare": "checksum"}, "Compare", "checksum: both files are read, however alike they look"),
        (
            {"dataIntegrityValidation": "SaveVerifyFileMD5"},
            "Validation",
            "each copied file is read back, and must have its source's digest",
        ),
        (
            {"preservePermissions": False},
            "Permissions",
            "NOT copied: mode, owner and access control lists are the agent's own on the target",
        ),
        (
            {"guards": {"maxDeletePercent": 5, "maxDeletes": 12_000, "minSourcePercent": 90}},
            "Guards",
            "stop all deletes when more than 5 % of the target or more than 12,000 items would go, or when the source "
            "holds less than 90 % of what the last pass found, is empty or is another one",
        ),
        ({"copyMode": "Additive"}, "Guards", "none needed: nothing is deleted"),
        ({"connections": ["to-azure"]}, "Connections", "to-azure"),
    ],
)
def test_a_setting_is_told_in_words(properties: dict[str, Any], label: str, words: str) -> None:
    assert told(**properties)[label] == words


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        (None, "none: runs are started by hand"),
        ({"frequency": "None"}, "none: runs are started by hand"),
        (
            {"frequency": "Weekly", "isActive": True, "daysOfWeek": ["Monday"], "executionTime": {"hour": 22}},
            "Weekly on Monday at 22:00 UTC (active); this version starts no run by itself",
        ),
        (
            {"frequency": "Monthly", "daysOfMonth": [1, 15], "startDate": "2026-12-01T00:00:00Z"},
            "Monthly on day 1, 15 of the month from 2026-12-01T00:00:00Z (not active); this version starts no run by "
            "itself",
        ),
    ],
)
def test_a_schedule_does_not_promise_what_nothing_does(schedule: dict[str, Any] | None, words: str) -> None:
    assert schedule_words(schedule) == words


def test_settings_of_another_version_are_not_guessed() -> None:
    assert told(compare="byTheMoon") == {"Settings": "were written by another version of Longshore, which shows them"}


def test_a_hostile_pattern_is_shown_escaped() -> None:
    assert told(filters={"exclude": ["\x1b]0;x\x07[/red]"]})["Filters"] == "leave out \\x1b]0;x\\x07[/red]"


def test_a_long_text_goes_on_in_lines_of_its_own() -> None:
    lines = wrapped([Fact("Description", "one two three four five six seven"), Fact("Made", "now")], 20)
    assert [line.label for line in lines] == ["Description", "", "Made"]
    assert [line.text for line in lines] == ["one two three four", "five six seven", "now"]
    assert lines[1].whole == "one two three four five six seven"
    assert all(len(line.text) <= 20 for line in wrapped([Fact("Path", "/x" * 200)], 20)), (
        "a word that is too long is cut"
    )
    assert [line.text for line in wrapped([Fact("Name", "日本" * 10)], 20)] == ["日本" * 5] * 2


def test_a_filter_finds_lines_by_their_label_too() -> None:
    lines = wrapped([Fact("Filters", "leave out a"), Fact("", "leave out b"), Fact("Trash", "off")], 40)
    assert [line.label for line in containing(lines, "filt")] == ["Filters", "Filters"]
    assert [line.text for line in containing(lines, "OUT B")] == ["leave out b"]


@pytest.mark.parametrize(
    ("page", "places", "at_start", "at_end"),
    [
        (Page("start", None, 3), [0, 1, 2], True, False),
        (Page("end", None, 3), [7, 8, 9], False, True),
        (Page("after", "2", 3), [3, 4, 5], False, False),
        (Page("before", "2", 3), [0, 1], True, False),
        (Page("around", "5", 4), [3, 4, 5, 6], False, False),
        (Page("around", "99", 4), [8, 9], False, True),
        (Page("after", "9", 3), [], False, True),
        (Page("start", None, 50), list(range(10)), True, True),
    ],
)
def test_lines_are_served_in_windows(page: Page, places: list[int], at_start: bool, at_end: bool) -> None:
    lines = [(place, Fact("", str(place))) for place in range(10)]
    window = window_of(lines, page)
    assert ([place for place, _ in window.rows], window.at_start, window.at_end) == (places, at_start, at_end)
