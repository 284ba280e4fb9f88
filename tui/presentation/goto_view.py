"""The completions of what is typed after ``:``, as rows."""

from __future__ import annotations

from tui.goto import TELLS, Goal
from tui.presentation.cells import Cell, Column, Row
from tui.subjects import WORDS

GOAL_COLUMNS = (
    Column("Kind", 14, priority=8),
    Column("Name", None, min_width=20, priority=9),
    Column("Storage mover", 16, priority=3),
)


def goal_row(goal: Goal) -> Row:
    """A resource by its path, or a word with what it leads to."""
    if goal.subject is None:
        return Row(goal.key, (Cell(goal.completed.strip(), "accent"), Cell(TELLS[goal.kind]), Cell("")))
    mover = "" if goal.subject.path == goal.subject.mover else goal.subject.mover
    return Row(goal.key, (Cell(WORDS[goal.kind], "dim"), Cell(goal.subject.path, "strong"), Cell(mover, "dim")))
