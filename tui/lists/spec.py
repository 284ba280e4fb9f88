"""How a list is described, so that any screen can show it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from store.queries.window import Page, Window
from store.reader import Reader
from tui.presentation.cells import Column, Row
from tui.subjects import Subject

Item = TypeVar("Item")


class Order(NamedTuple):
    """An order that a list can be shown in."""

    value: str
    """As the query takes it."""
    words: str
    """What the admin chooses: ``newest first``."""


@dataclass(frozen=True)
class ListSpec(Generic[Item]):
    """One list: everything in it runs on the reader thread, but for ``subject``."""

    title: str
    columns: tuple[Column, ...]
    query: Callable[[Reader, Page, str, str], Window[Item]]
    """A window of it, given the filter's text and the order's value."""
    rows: Callable[[Reader, list[Item]], list[Row]]
    """Its rows; their keys are replaced by ``key``."""
    key: Callable[[Item, str], str]
    """The key of an item in the list, given the order's value."""
    subject: Callable[[Item], Subject | None] | None = None
    """What keys act on when the cursor is on an item, None if that is no resource (any more); None where none is."""
    orders: tuple[Order, ...] = ()
    """Offered by ``s``; the first one is shown at first."""
    touched_by: tuple[str, ...] = ()
    """The tables whose changes may change it."""
    ages: bool = False
    """Whether time alone changes what it shows."""
    live: Callable[[Item], bool] | None = None
    """Whether the numbers of an item may change with every tick; None where none do."""
    reread: Callable[[Reader, list[Item]], list[Item]] | None = None
    """The present state of items that were live."""
    copies: Callable[[Item], str | bytes] | None = None
    """What ``y`` copies of an item that is no resource, raw; None: its row as it is shown."""
    none: str = "None here."
    """What is said where it is empty without a filter."""
    filters: bool = True
    """Whether its query heeds a filter."""
