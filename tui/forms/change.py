"""What a form or a command asks of the store, and what came of it: plain values between the screen and a thread."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from tui.subjects import WORDS

CONNECTION = "connection"
"""A private connection: it has no screen and no key of its own."""


class Change(NamedTuple):
    """A resource that is to be made or changed."""

    kind: str
    """One of ``tui.subjects``' kinds, or ``CONNECTION``."""
    mover: str
    """The mover that it belongs to, or its own name where it is one; empty: the only one there is."""
    name: str
    properties: Mapping[str, Any]
    """ARM's body."""
    project: str = ""
    """Of a definition."""
    new: bool = True
    """Whether it is to be made; else it must be there."""
    version: int | None = None
    """The version that was edited, if it was read before."""
    location: str | None = None
    """Of a mover."""
    tags: Mapping[str, str] | None = None
    """Of a mover; None leaves them."""
    like: str = ""
    """Of a project: the one whose definitions it gets, too."""

    @property
    def path(self) -> str:
        """As a command names it within its mover."""
        return f"{self.project}/{self.name}" if self.project else self.name

    @property
    def words(self) -> str:
        """What it is and which: ``endpoint 'nas1-hr'``."""
        return f"{WORDS.get(self.kind, self.kind)} '{self.path}'"


class Changed(NamedTuple):
    """What the store did."""

    put: str
    """``created``, ``changed`` or ``unchanged``."""
    id: int
    mover: str
    path: str
    words: str
    """One sentence, safe to show: names obey the store's rule."""


class Loaded(NamedTuple):
    """A resource as it is now, for editing."""

    id: int
    mover_id: int
    mover: str
    name: str
    properties: dict[str, Any]
    """ARM's body."""
    version: int
    changed_by: str
    """Who changed it last."""
    project: str = ""
    location: str = ""
    tags: Mapping[str, str] = {}
    inside: int = 0
    """Of a project: how many definitions it has."""
