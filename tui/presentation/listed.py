"""A short list that a dialog shows whole: what will be done to, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from tui.presentation.cells import Column, Row


class Listed(NamedTuple):
    """Rows that are all there, unlike a list of the store."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    details: Mapping[str, str]
    """What is told of a row while the cursor is on it, by its key; displayed-safe, of any length."""


def counted(number: int, one: str, many: str = "") -> str:
    """A number of things: ``1 run``, ``3 runs``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
