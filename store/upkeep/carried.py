"""What a store is carried over by: its tables as plain rows, and the digest by which two of them are compared.

A row is a tuple of None, integers, text and bytes, the same from either kind of store: JSON is its text, a
boolean 0 or 1. Rows come in the order of their keys.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, NamedTuple

from sqlalchemy import JSON, Boolean, LargeBinary, String
from sqlmodel import SQLModel

import store.models  # noqa: F401  (fills the metadata)
from store.types import EnumText

Value = int | str | bytes | None
RowOf = tuple[Value, ...]

BATCH: Final = 5_000
"""Rows that are held at a time."""

_BATCHES: Final = {"run_report": 50}
"""Chunks of a report are a hundred kilobytes or so each."""

_LEFT: Final = frozenset({"change", "feed_state"})
"""The feed is of one store: readers of another start anew."""

_OF_ONE_SERVER: Final = frozenset({("agent", "db_role"), ("registration_token", "db_role")})
"""Logins do not travel."""


@dataclass(frozen=True)
class Table:
    """A table that travels.

    Attributes:
        name: its name.
        columns: their names.
        key: the names of those that tell its rows apart.
        batch: rows to hold at a time.
        selected: what to select on each kind of store, in the order of ``columns``.
        order: what orders its rows on each kind of store, to the same order.
        raw: places of the columns that hold bytes.
        cleared: places of the columns that travel empty.
    """

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    batch: int
    selected: dict[str, str]
    order: dict[str, str]
    raw: tuple[int, ...]
    cleared: tuple[int, ...]

    def select(self, dialect: str) -> str:
        """The statement that reads all rows in the order of their keys."""
        return f"SELECT {self.selected[dialect]} FROM {self.name} ORDER BY {', '.join(self.key)}"

    def travelling(self, rows: Iterable[RowOf]) -> Iterator[RowOf]:
        """The rows as they arrive: without what is of one server."""
        if not self.cleared:
            yield from rows
            return
        for row in rows:
            yield tuple("" if place in self.cleared else value for place, value in enumerate(row))


@cache
def tables() -> tuple[Table, ...]:
    """The tables that travel, each after those that it refers to."""
    return tuple(_table(each) for each in SQLModel.metadata.sorted_tables if each.name not in _LEFT)


def _table(table: Any) -> Table:
    columns = tuple(table.columns)
    server = [_on_server(column) for column in columns]
    return Table(
        name=table.name,
        columns=tuple(column.name for column in columns),
        key=tuple(column.name for column in table.primary_key.columns),
        batch=_BATCHES.get(table.name, BATCH),
        selected={
            "sqlite": ", ".join(f'"{column.name}"' for column in columns),
            "postgresql": ", ".join(server),
        },
        order={
            "sqlite": ", ".join(f'"{column.name}"' for column in table.primary_key.columns),
            "postgresql": ", ".join(_ordered_on_server(column) for column in table.primary_key.columns),
        },
        raw=tuple(place for place, column in enumerate(columns) if isinstance(column.type, LargeBinary)),
        cleared=tuple(place for place, column in enumerate(columns) if (table.name, column.name) in _OF_ONE_SERVER),
    )


def _on_server(column: Any) -> str:
    if isinstance(column.type, JSON):
        return f'"{column.name}"::text'
    return f'"{column.name}"::int' if isinstance(column.type, Boolean) else f'"{column.name}"'


def _ordered_on_server(column: Any) -> str:
    # Text as bytes, as SQLite does, whatever the server's language.
    return f'"{column.name}"' + (' COLLATE "C"' if isinstance(column.type, String | EnumText) else "")


class Counted(NamedTuple):
    """How many rows went by, and their digest: SHA-256 in hexadecimal."""

    rows: int
    digest: str


class Digest:
    """Counts rows and makes one digest of them: a line for each, a JSON array in ASCII with bytes in hexadecimal."""

    def __init__(self, table: Table) -> None:
        self._raw = table.raw
        self._hash = hashlib.sha256()
        self._rows = 0
        self._encode = json.JSONEncoder(separators=(",", ":")).encode

    def over(self, rows: Iterable[RowOf]) -> Iterator[RowOf]:
        """The same rows, each counted as it goes by."""
        for row in rows:
            self._hash.update(f"{self._encode(self._plain(row))}\n".encode("ascii"))
            self._rows += 1
            yield row

    def _plain(self, row: RowOf) -> list[Any]:
        plain: list[Any] = list(row)
        for place in self._raw:
            value = plain[place]
            plain[place] = None if value is None else bytes(value).hex()
        return plain

    @property
    def result(self) -> Counted:
        return Counted(self._rows, self._hash.hexdigest())
