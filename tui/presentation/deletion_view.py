"""The words of a deletion: what goes, what stays, and what is to be typed."""

from __future__ import annotations

from collections.abc import Sequence

from store.display import display
from tui.deeds import Doomed
from tui.presentation.cells import Cell, Column, Row
from tui.presentation.glyphs import Glyphs
from tui.presentation.listed import Listed, counted
from tui.subjects import AGENT, DEFINITION, PROJECT, WORDS

COLUMNS = (
    Column("What", None, min_width=20, priority=9),
    Column("Takes along", None, min_width=20, priority=8),
)
DATA_STAYS = "The files at its source and target stay as they are."


def takes_much(doomed: Doomed) -> bool:
    """Whether it is one of the worst: then its name must be typed."""
    kind = doomed.subject.kind
    return kind == AGENT or (kind in (PROJECT, DEFINITION) and bool(doomed.definitions or doomed.runs))


def enter_words(doomed: Doomed) -> str:
    """What enter does once the name is typed."""
    return "unregister it" if doomed.subject.kind == AGENT else "delete it"


def name_of(doomed: Doomed) -> str:
    """What is typed: its own name, without what it is in."""
    return doomed.subject.path.rpartition("/")[2]


def question(doomed: Doomed) -> list[str]:
    """What is asked before one thing is deleted."""
    subject = doomed.subject
    match subject.kind:
        case "agent":
            lines = [
                f"Unregister the {subject.words} of '{subject.mover}' for good?",
                "Its credential is worthless from now on: to come back it must be registered again.",
            ]
            if doomed.definitions:
                named = "names" if doomed.definitions == 1 else "name"
                lines.append(f"{counted(doomed.definitions, 'job definition')} {named} it as the agent to run on.")
            return lines
        case "endpoint":
            return [f"Delete the {subject.words}?", "No job definition uses it. The files there stay as they are."]
        case "mover":
            return [f"Delete the {subject.words}?", "It holds nothing. What happened to it stays in the events."]
        case "definition" if not doomed.runs:
            return [f"Delete the {subject.words}?", f"It has not run yet. {DATA_STAYS}"]
        case "project" if not doomed.definitions:
            return [f"Delete the {subject.words}?", "It holds no job definition."]
        case _:
            return [f"Delete the {subject.words} for good, with {_along(doomed)}?", DATA_STAYS]


def question_of_several(doomed: Sequence[Doomed], asked: int) -> list[str]:
    """What is asked before several are deleted: ``doomed`` are those that can be, of all that were marked."""
    lines = [f"{_verb(doomed)} {_things(doomed)} for good?"]
    if len(doomed) < asked:
        stay = "stays" if asked - len(doomed) == 1 else "stay"
        lines.append(f"{asked - len(doomed):,} of those marked cannot be deleted and {stay}: the list says why.")
    if any(one.subject.kind in (PROJECT, DEFINITION) for one in doomed):
        lines.append("The files at their sources and targets stay as they are.")
    return lines


def none_can_go(asked: int) -> list[str]:
    """What is said when nothing of all that was marked can be deleted."""
    return [f"None of the {asked:,} can be deleted: the list says why."]


def doomed_listed(doomed: Sequence[Doomed], glyphs: Glyphs) -> Listed:
    """All that was marked, with what each takes along or why it stays."""
    return Listed(
        COLUMNS,
        tuple(_row(number, one, glyphs) for number, one in enumerate(doomed)),
        {str(number): display(one.refusal) for number, one in enumerate(doomed)},
    )


def word_for(number: int) -> str:
    """What is typed to delete several."""
    return f"delete {number}"


def gone_words(doomed: Doomed) -> str:
    """What is said after one was deleted."""
    along = _along(doomed) if doomed.subject.kind in (PROJECT, DEFINITION) else ""
    if doomed.subject.kind == AGENT:
        return f"Unregistered the {doomed.subject.words}: its credential is worthless from now on."
    return f"Deleted the {doomed.subject.words}{' with ' + along if along else ''}."


def why_not_deleted(doomed_kind: str, name: str, item: object) -> str:
    """Why ctrl+d would be refused, as far as the row on the screen tells; the store is asked again."""
    uses = getattr(item, "definitions", 0)
    active = getattr(item, "active_runs", 0)
    match doomed_kind:
        case "endpoint" if uses:
            return f"The endpoint '{name}' is used by {counted(uses, 'job definition')}: delete those first."
        case "agent" | "project" if active:
            have = "1 run has" if active == 1 else f"{active:,} runs have"
            return f"The {WORDS[doomed_kind]} '{name}' cannot go while {have} not ended: stop them first."
        case _:
            return ""


def _along(doomed: Doomed) -> str:
    runs = f"the history of {counted(doomed.runs, 'run')}" if doomed.runs else ""
    definitions = counted(doomed.definitions, "job definition") if doomed.definitions else ""
    return " and ".join(filter(None, (definitions, runs)))


def _verb(doomed: Sequence[Doomed]) -> str:
    return "Unregister" if all(one.subject.kind == AGENT for one in doomed) else "Delete"


def _things(doomed: Sequence[Doomed]) -> str:
    kinds = {one.subject.kind for one in doomed}
    if len(kinds) > 1:
        return f"{len(doomed):,} things"
    return counted(len(doomed), WORDS[kinds.pop()])


def _row(number: int, doomed: Doomed, glyphs: Glyphs) -> Row:
    name = Cell(doomed.subject.path, "dim" if doomed.refusal else "strong")
    if doomed.refusal:
        told = Cell(f"{glyphs.attention} stays: {display(doomed.refusal)}", "warn")
    else:
        told = Cell(_told(doomed))
    return Row(str(number), (name, told))


def _told(doomed: Doomed) -> str:
    match doomed.subject.kind:
        case "agent":
            return f"the agent of {counted(doomed.definitions, 'job definition')}" if doomed.definitions else "nothing"
        case "endpoint" | "mover":
            return "nothing"
        case _:
            return _along(doomed) or "nothing"
