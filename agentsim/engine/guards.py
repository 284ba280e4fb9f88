"""Whether a Mirror run may delete. No I/O: facts in, reasons to stop out."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from store import codes
from store.settings import CopySettings
from store.vocabulary import Guard

FEW_ITEMS: Final = 20
"""Up to so many items, a share says nothing: no guard judges one (DESIGN §5)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteFacts:
    """What is known when all transfers are done and no delete has begun.

    Attributes:
        source_unchanged: the source root, opened anew, is the directory that the run began with.
        source_same_as_first: the source root is the one of the definition's first run.
        source_items: entries found below the source root in this run.
        last_source_items: the same from the last pass, or -1.
        target_items: entries below the target root before the run, at all levels.
        candidates: target entries that the source does not have, directories counting one.
        doomed: the candidates and everything below them.
    """

    source_unchanged: bool
    source_same_as_first: bool
    source_items: int
    last_source_items: int
    target_items: int
    candidates: int
    doomed: int


@dataclass(frozen=True, slots=True)
class Stop:
    """One reason why nothing may be deleted."""

    guard: Guard
    message: str

    @property
    def code(self) -> str:
        """The run's status code."""
        return codes.GUARD_CODES[self.guard]

    @property
    def target(self) -> str:
        """What the reason is about, as in ARM's error objects."""
        return "target" if self.guard in (Guard.DELETE_PERCENT, Guard.DELETE_COUNT) else "source"


def stops(facts: DeleteFacts, settings: CopySettings, overrides: Collection[Guard]) -> list[Stop]:
    """Every reason against the deletes, the gravest first; empty when they may begin (faults F1, F4).

    Args:
        facts: what the run has found.
        settings: the definition's limits.
        overrides: guards that an admin has overridden for this run.
    """
    if not facts.candidates:
        return []
    return [
        Stop(guard, f"{text}; override with {guard}")
        for guard, text in _findings(facts, settings)
        if guard not in overrides
    ]


def _findings(facts: DeleteFacts, settings: CopySettings) -> Iterator[tuple[Guard, str]]:
    if not facts.source_unchanged:
        yield Guard.SOURCE_REPLACED, "The source root is missing or is another directory than when the run began"
    if not facts.source_same_as_first:
        yield Guard.SOURCE_IDENTITY, "The source root is not the directory of the definition's first run"
    last, now = facts.last_source_items, facts.source_items
    if now == 0:
        before = f" (it held {last} items last time)" if last > 0 else ""
        yield Guard.SOURCE_EMPTY, f"The source is empty{before} and the target is not"
    if last > FEW_ITEMS and now * 100 < settings.min_source_percent * last:
        yield (
            Guard.SOURCE_SHRUNK,
            f"The source holds {now} items and held {last} last time: "
            f"less than the {settings.min_source_percent} % that it must still hold",
        )
    if facts.doomed > FEW_ITEMS and _exceeds(facts.doomed, facts.target_items, settings.max_delete_percent):
        yield (
            Guard.DELETE_PERCENT,
            f"{facts.doomed} of the target's {facts.target_items} items would be deleted: "
            f"more than the {settings.max_delete_percent} % that may be",
        )
    if facts.doomed > settings.max_deletes:
        yield (
            Guard.DELETE_COUNT,
            f"{facts.doomed} items of the target would be deleted: more than the {settings.max_deletes} that may be",
        )


def _exceeds(doomed: int, items: int, percent: int) -> bool:
    """Whether more than so many hundredths would go; a limit of 100 is none, however the counts come out."""
    return percent < 100 and doomed * 100 > percent * items
