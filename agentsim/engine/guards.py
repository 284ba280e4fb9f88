"""Whether a Mirror run may delete. No I/O: facts in, reasons to stop out."""

from __future__ import annotations

from dataclasses import dataclass

from store import codes


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteFacts:
    """What is known when all transfers are done and no delete has begun.

    Attributes:
        source_unchanged: the source root, opened anew, is the directory that the run began with.
        source_items: entries found below the source root in this run.
        last_source_items: the same from the last pass, or -1.
        candidates: target entries that the source does not have, directories counting one.
    """

    source_unchanged: bool
    source_items: int
    last_source_items: int
    candidates: int


@dataclass(frozen=True, slots=True)
class Stop:
    """One reason why nothing may be deleted."""

    code: str
    message: str


def stops(facts: DeleteFacts) -> list[Stop]:
    """Every reason against the deletes, the gravest first; empty when they may begin (faults F1)."""
    if not facts.candidates:
        return []
    found = []
    if not facts.source_unchanged:
        found.append(
            Stop(
                codes.SOURCE_REPLACED,
                "The source root is missing or is another directory than when the run began; "
                f"{facts.candidates} deletes withheld",
            )
        )
    if facts.source_items == 0:
        before = f" (it held {facts.last_source_items} items last time)" if facts.last_source_items > 0 else ""
        found.append(
            Stop(
                codes.SOURCE_EMPTY,
                f"The source is empty{before} and the target is not; {facts.candidates} deletes withheld",
            )
        )
    return found
