"""What is known of a resource as labelled lines: wrapped to a width, so that long ones scroll instead of being cut."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from tui.presentation.cells import Cell, Column, Row
from tui.presentation.wrapping import wrap
from tui.subjects import Subject

LABEL_CELLS = 14
LEAST_CELLS = 20
"""Cells that are left for the words on the narrowest pane."""

FACT_COLUMNS = (
    Column("What", LABEL_CELLS, priority=9),
    Column("How it is", None, min_width=LEAST_CELLS, priority=9),
)


class Fact(NamedTuple):
    """One thing that is known. Both texts are displayed-safe."""

    label: str
    """Empty on a further line of the fact above."""
    text: str
    style: str = ""
    subject: Subject | None = None
    """The resource that it tells of, which enter opens."""
    whole: str = ""
    """The text of all its lines, once it is broken into some."""


def wrapped(facts: Iterable[Fact], cells: int) -> list[Fact]:
    """The facts as lines of at most so many cells of text; further lines have no label, and the same subject."""
    lines = []
    for fact in facts:
        parts = wrap(fact.text, max(LEAST_CELLS, cells))
        told = fact._replace(whole=fact.text)
        lines += [told._replace(label="" if place else fact.label, text=part) for place, part in enumerate(parts)]
    return lines


def fact_row(fact: Fact, key: str) -> Row:
    return Row(key, (Cell(fact.label, "dim"), Cell(fact.text, fact.style)))


def containing(lines: list[Fact], text: str) -> list[Fact]:
    """Those lines that contain a text, in whatever case; with the label of the fact they belong to."""
    found, label = [], ""
    for line in lines:
        label = line.label or label
        if text.lower() in f"{label} {line.text}".lower():
            found.append(line._replace(label=label))
    return found
