"""What may be typed after ``:``: a kind and a part of a name, or one of a few words."""

from __future__ import annotations

from typing import NamedTuple

from store.queries.find import Found
from tui.subjects import AGENT, DEFINITION, ENDPOINT, MOVER, PROJECT, RUN, Subject

EVENTS, QUIT = "events", "quit"

KIND_WORDS = {
    MOVER: ("movers", "mover", "sm"),
    AGENT: ("agents", "agent", "ag"),
    ENDPOINT: ("endpoints", "endpoint", "ep", "eps"),
    PROJECT: ("projects", "project", "proj"),
    DEFINITION: ("definitions", "definition", "def", "defs", "jobs", "job"),
    RUN: ("runs", "run"),
}
"""What each kind may be called, the first word being the one that is completed."""

WORDS = {EVENTS: ("events", "event", "audit"), QUIT: ("quit", "q", "exit")}
"""What leads to no resource, and what it may be called."""

TELLS = {
    MOVER: "every storage mover",
    AGENT: "agents by name",
    ENDPOINT: "endpoints by name",
    PROJECT: "projects by name",
    DEFINITION: "job definitions by name",
    RUN: "newest runs, or those of a definition: runs hr-home#12",
    EVENTS: "what happened, the newest first",
    QUIT: "leave; agents and runs go on",
}
"""What each word leads to."""


class Wanted(NamedTuple):
    """What a text asks for."""

    kinds: tuple[str, ...] = ()
    """The kinds to look among; none for all."""
    text: str = ""
    """A part of a name."""
    words: tuple[str, ...] = ()
    """Kinds, ``events`` and ``quit`` whose words begin with the text: what it may become."""


class Goal(NamedTuple):
    """One line of the completions."""

    kind: str
    """A kind of resource, ``events`` or ``quit``."""
    subject: Subject | None
    """What it leads to; None for a word."""

    @property
    def key(self) -> str:
        """Identifies it among the others."""
        return self.kind if self.subject is None else f"{self.kind}/{self.subject.id}"

    @property
    def completed(self) -> str:
        """What stands on the line when it is completed."""
        word = {**KIND_WORDS, **WORDS}[self.kind][0]
        if self.kind in WORDS:
            return word
        return f"{word} " if self.subject is None else f"{word} {self.subject.path}"


def wanted(text: str) -> Wanted:
    """Read what was typed; nothing at all asks for every word."""
    first, parted, rest = text.lstrip().partition(" ")
    low = first.lower()
    kind = next((kind for kind, words in KIND_WORDS.items() if low in words), None)
    if kind is not None:
        return Wanted((kind,), rest.strip())
    if parted and rest.strip():
        # No name has a blank in it.
        return Wanted(text=text.strip())
    every = {**KIND_WORDS, **WORDS}
    return Wanted((), first, tuple(kind for kind, words in every.items() if any(w.startswith(low) for w in words)))


def goals(asked: Wanted, found: list[Found]) -> list[Goal]:
    """The completions, the likeliest first: a word that is there in full, what was found, words that it may become."""
    whole = {word: kind for kind, words in WORDS.items() for word in words}.get(asked.text.lower())
    words = [Goal(kind, None) for kind in asked.words]
    first = [goal for goal in words if goal.kind == whole]
    resources = [Goal(one.kind, Subject(one.kind, one.id, one.mover, one.path)) for one in found]
    return [*first, *resources, *(goal for goal in words if goal not in first)]
