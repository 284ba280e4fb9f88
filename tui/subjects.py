"""What a key acts on: a resource by its kind, its id and the names that commands know it by."""

from __future__ import annotations

from typing import Any, NamedTuple

MOVER, AGENT, ENDPOINT, PROJECT, DEFINITION, RUN = "mover", "agent", "endpoint", "project", "definition", "run"

WORDS = {
    MOVER: "storage mover",
    AGENT: "agent",
    ENDPOINT: "endpoint",
    PROJECT: "project",
    DEFINITION: "job definition",
    RUN: "run",
}
"""What an admin calls each kind."""


class Subject(NamedTuple):
    """A resource that was selected or marked. Its names obey the store's rule for names: they are safe to show."""

    kind: str
    """One of the constants above."""
    id: int
    mover: str
    path: str
    """As a command names it within its mover: ``hr-shares/hr-home``, ``hr-shares/hr-home#3``; a mover's own name."""
    item: Any = None
    """The store's row that it was selected as; None where only the tree knows it."""

    @property
    def key(self) -> tuple[str, int]:
        """What identifies it, whatever row it was selected as."""
        return self.kind, self.id

    @property
    def words(self) -> str:
        """What it is and which: ``job definition 'hr-shares/hr-home'``."""
        return f"{WORDS[self.kind]} '{self.path}'"


def any_of(kinds: tuple[str, ...]) -> str:
    """``a run or a job definition``: what may be selected."""
    named = [f"{'an' if WORDS[kind][0] in 'aeiou' else 'a'} {WORDS[kind]}" for kind in kinds]
    return named[0] if len(named) == 1 else f"{', '.join(named[:-1])} or {named[-1]}"
