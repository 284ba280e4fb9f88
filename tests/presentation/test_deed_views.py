"""The words of deletions, several runs and registrations: pure functions."""

from __future__ import annotations

import subprocess

import pytest

from store.queries.definitions import DefinitionRow
from store.queries.hierarchy import EndpointRow, ProjectRow
from tui.deeds import Doomed
from tui.presentation.cells import Cell
from tui.presentation.deletion_view import gone_words, name_of, question, question_of_several, takes_much
from tui.presentation.outcomes import Outcome, outcome_words
from tui.presentation.reasons import why_never, why_not
from tui.presentation.registration_view import Paste, broken, next_name, pasted, pieces
from tui.presentation.wrapping import wrap
from tui.subjects import AGENT, DEFINITION, ENDPOINT, MOVER, PROJECT, RUN, Subject


def doomed(kind: str, path: str, definitions: int = 0, runs: int = 0) -> Doomed:
    return Doomed(Subject(kind, 1, "nas", path), definitions, runs)


@pytest.mark.parametrize(
    ("one", "typed"),
    [
        (doomed(AGENT, "dock-1"), "dock-1"),
        (doomed(PROJECT, "hr", 1), "hr"),
        (doomed(DEFINITION, "hr/home", 0, 1), "home"),
        (doomed(PROJECT, "hr"), ""),
        (doomed(DEFINITION, "hr/home"), ""),
        (doomed(ENDPOINT, "nas1"), ""),
        (doomed(MOVER, "nas"), ""),
    ],
)
def test_the_worst_are_typed_and_every_question_names_its_object(one: Doomed, typed: str) -> None:
    assert (name_of(one) if takes_much(one) else "") == typed
    first = question(one)[0]
    assert f"'{one.subject.path}'" in first
    assert first.endswith("?")
    assert f"'{one.subject.path}'" in gone_words(one)


def test_counts_are_told() -> None:
    assert "with 12 job definitions and the history of 1,204 runs?" in question(doomed(PROJECT, "hr", 12, 1_204))[0]
    assert "with the history of 1 run?" in question(doomed(DEFINITION, "hr/home", 0, 1))[0]
    assert "1 job definition names it" in question(doomed(AGENT, "dock-1", 1))[-1]
    assert question_of_several([doomed(ENDPOINT, "a"), doomed(ENDPOINT, "b")], 5) == [
        "Delete 2 endpoints for good?",
        "3 of those marked cannot be deleted and stay: the list says why.",
    ]
    assert question_of_several([doomed(AGENT, "a")], 2)[:2] == [
        "Unregister 1 agent for good?",
        "1 of those marked cannot be deleted and stays: the list says why.",
    ]


def test_outcomes_in_one_sentence() -> None:
    fine, refused = Outcome("a"), Outcome("b", "The agent is gone.")
    assert outcome_words([fine, fine, fine], "started", 3) == "3 started."
    assert outcome_words([fine, fine, fine, refused], "started", 4) == "3 started, 1 refused: The agent is gone."
    assert outcome_words([refused, refused], "started", 2) == "0 started, 2 refused."
    assert outcome_words([fine], "deleted", 40) == "1 deleted, 39 not tried."


def test_why_a_key_is_disabled_without_asking_the_store() -> None:
    used = EndpointRow(1, "nas1", "LocalPath", "/a", "", 3)
    assert "used by 3 job definitions" in why_not("resource.delete", Subject(ENDPOINT, 1, "nas", "nas1", used))
    free = used._replace(definitions=0)
    assert why_not("resource.delete", Subject(ENDPOINT, 1, "nas", "nas1", free)) == ""
    busy = ProjectRow(1, 1, "hr", "", 2, 1)
    assert "1 run has not ended" in why_not("resource.delete", Subject(PROJECT, 1, "nas", "hr", busy))
    never = DefinitionRow(1, 1, 1, "nas", "hr", "home", "", "Mirror", "a", "", "b", "", "", None, 0, "", "", None)
    subject = Subject(DEFINITION, 1, "nas", "hr/home", never)
    assert "has not run yet" in why_not("run.stop", subject)
    assert why_not("resource.delete", subject) == ""
    assert why_not("resource.delete", Subject(ENDPOINT, 1, "nas", "nas1")) == "", "nothing is known of it here"
    assert "never deleted by hand" in why_never("resource.delete", Subject(RUN, 1, "nas", "hr/home#1"))
    assert why_never("run.start", None) == ""


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([], "agent-1"),
        (["dock-1", "dock-2"], "dock-3"),
        (["dock-9", "dock-10"], "dock-11"),
        (["north", "south"], "agent-1"),
        (["agent-1"], "agent-2"),
        (["7"], "8"),
    ],
)
def test_a_new_agent_is_called_like_the_others(names: list[str], expected: str) -> None:
    assert next_name(names) == expected


@pytest.mark.parametrize("width", [40, 78, 80, 160, 300])
@pytest.mark.parametrize("store", ["/srv/longshore.db", "/a/very/long/" + "directory/" * 12 + "longshore.db"])
def test_a_shell_reads_the_broken_line_as_the_whole_one(width: int, store: str) -> None:
    """Each line fits, and a real shell gets the same words from both."""
    paste = Paste(store, "nas-exit", "dock-3", "lsr_" + "x" * 43)
    lines = broken(pieces(paste), width)
    assert all(len(line) <= width for line in lines)
    script = "\n".join(lines).replace("longshore-agent", "printf '%s,' \"$LONGSHORE_TOKEN\"")
    whole = pasted(paste).replace("longshore-agent", "printf '%s,' \"$LONGSHORE_TOKEN\"")

    def said(text: str) -> str:
        return subprocess.run(["sh", "-c", text], capture_output=True, text=True, check=True).stdout

    assert said(script) == said(whole)
    assert store in said(script)


def test_a_line_to_paste_is_quoted_for_a_shell_and_its_token_is_no_argument() -> None:
    line = pasted(Paste("/srv/my store/$(reboot).db", "nas", "a", "lsr_secret"))
    assert line.startswith(" LONGSHORE_TOKEN=lsr_secret longshore-agent register ")
    assert "--store '/srv/my store/$(reboot).db'" in line
    assert "secret" not in repr(Paste("u", "nas", "a", "lsr_secret"))


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("", 5, [""]),
        ("a bc def", 5, ["a bc", "def"]),
        ("abcdefgh", 3, ["abc", "def", "gh"]),
        ("ab cdefgh i", 4, ["ab", "cdef", "gh i"]),
        ("日本語 です", 4, ["日本", "語", "です"]),
    ],
)
def test_wrapping_by_cells(text: str, width: int, lines: list[str]) -> None:
    assert wrap(text, width) == lines
    assert all(isinstance(Cell(line).text, str) for line in lines)
