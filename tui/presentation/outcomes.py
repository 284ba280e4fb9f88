"""What came of several operations, each of which could be refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from store.display import display
from tui.presentation.cells import Cell, Column, Row
from tui.presentation.glyphs import Glyphs
from tui.presentation.listed import Listed

COLUMNS = (
    Column("What", None, min_width=20, priority=9),
    Column("Outcome", 12, priority=8),
    Column("Why", None, min_width=16, priority=5),
)


class Outcome(NamedTuple):
    """One operation, and what the store said."""

    what: str
    """Safe to show."""
    refusal: str = ""
    """The store's sentence as it came; empty when it was done."""


def outcome_words(outcomes: Sequence[Outcome], done: str, asked: int) -> str:
    """``3 started, 1 refused: The job definition ...``.

    Args:
        outcomes: what was tried.
        done: the participle.
        asked: how many were to be done: the rest was not tried.
    """
    refused = [one for one in outcomes if one.refusal]
    words = f"{len(outcomes) - len(refused):,} {done}"
    if refused:
        words += f", {len(refused):,} refused"
    if len(outcomes) < asked:
        words += f", {asked - len(outcomes):,} not tried"
    return f"{words}: {refused[0].refusal}" if len(refused) == 1 else f"{words}."


def outcomes_listed(outcomes: Sequence[Outcome], done: str, glyphs: Glyphs) -> Listed:
    """All of them, those that were refused first."""
    ordered = sorted(enumerate(outcomes), key=lambda pair: not pair[1].refusal)
    return Listed(
        COLUMNS,
        tuple(_row(number, one, done, glyphs) for number, one in ordered),
        {str(number): display(one.refusal) for number, one in ordered},
    )


def _row(number: int, one: Outcome, done: str, glyphs: Glyphs) -> Row:
    if one.refusal:
        return Row(
            str(number),
            (Cell(one.what, "strong"), Cell(f"{glyphs.failed} refused", "bad"), Cell(display(one.refusal))),
        )
    return Row(str(number), (Cell(one.what), Cell(f"{glyphs.done} {done}", "ok"), Cell("")))
