"""What is known before something is deleted, started with others, registered or given away: plain data."""

from __future__ import annotations

from typing import NamedTuple

from tui.commands import Launch
from tui.subjects import Subject


class Doomed(NamedTuple):
    """Something that is to be deleted, as it was when that was asked."""

    subject: Subject
    definitions: int = 0
    """Job definitions that go along; of an agent, those that name it."""
    runs: int = 0
    """Runs whose history goes along."""
    refusal: str = ""
    """Why it cannot be deleted now; empty when it can."""


class Token(NamedTuple):
    """A registration token. Its text is a secret: nothing keeps it but who shows it."""

    id: int
    text: str
    expires_at: int

    def __repr__(self) -> str:
        return f"Token({self.id})"


class RunToGive(NamedTuple):
    """A run that is to be given to another agent."""

    label: str
    agent: str
    """The one that has it."""
    source: str
    target: str
    """Where both sides are: the other agent must find the same there."""


class StartToCheck(NamedTuple):
    """A start of which is to be known whether it would be refused."""

    mover: str
    definition: str
    launch: Launch
