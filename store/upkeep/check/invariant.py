"""An invariant: what must hold of a store, how to look, and what is told when it does not."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from store.reader import Reader

SHOWN: Final = 10
"""Findings told of one invariant; where there are more, that is said."""


class Finding(NamedTuple):
    """One sentence that says what is wrong and what to do; a note is only worth knowing."""

    sentence: str
    note: bool = False


class Invariant(NamedTuple):
    """What must hold: a name for scripts, a sentence for people, and how to find what breaks it."""

    name: str
    sentence: str
    find: Callable[[Reader], Iterable[Finding]]


class Checked(NamedTuple):
    """An invariant that was looked at."""

    name: str
    sentence: str
    findings: list[Finding]

    @property
    def holds(self) -> bool:
        return all(finding.note for finding in self.findings)
