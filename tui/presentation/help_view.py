"""The keys of a place as the rows of a list that is searched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tui.presentation.cells import Cell, Column, Row

HELP_COLUMNS = (
    Column("Key", 19, priority=9),
    Column("What it does", None, min_width=20, priority=8),
    Column("", 3, priority=7),
)


class Entry(NamedTuple):
    """A key and what it does here."""

    keys: str
    """As an admin reads them."""
    does: str
    group: str
    """What it is listed with."""
    why_not: str = ""
    """Why it does nothing now; displayed-safe."""


def help_rows(entries: Sequence[Entry], text: str) -> list[Row]:
    """The entries that hold a text, below the names of their groups.

    A group's row has its name for its key, an entry's the entry's number.
    """
    wanted = text.strip().lower()
    rows: list[Row] = []
    group = ""
    for number, entry in enumerate(entries):
        if wanted not in f"{entry.keys} {entry.does} {entry.group}".lower():
            continue
        if entry.group != group:
            group = entry.group
            rows.append(Row(group, (Cell(group, "strong"), Cell(""), Cell(""))))
        off = bool(entry.why_not)
        cells = (
            Cell(entry.keys, "dim" if off else "accent"),
            Cell(entry.does, "dim" if off else ""),
            Cell("off" if off else "", "warn"),
        )
        rows.append(Row(str(number), cells))
    return rows


def told(entries: Sequence[Entry], key: str | None) -> list[list[Cell]]:
    """The entry of a row in full, and why it does nothing now; a group's row tells nothing."""
    if key is None or not key.isdecimal():
        return []
    entry = entries[int(key)]
    why = [Cell("off now: ", "warn"), Cell(entry.why_not)] if entry.why_not else []
    return [[Cell(f"{entry.keys}  ", "accent"), Cell(entry.does)], why]
