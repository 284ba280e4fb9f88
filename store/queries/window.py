"""Keyset windows: the rows before, after or around a key, without counting the ones in between."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal, NamedTuple, TypeVar

from store.reader import Reader
from store.reader import Row as PlainRow

Row = TypeVar("Row")
Direction = Literal["start", "end", "after", "before", "around"]


class Page(NamedTuple):
    """What is asked of a list: ``limit`` rows in a direction from an anchor key (none for start and end)."""

    direction: Direction = "start"
    anchor: str | None = None
    limit: int = 100


class Window(NamedTuple, Generic[Row]):
    """Rows in the list's order, and whether they touch its start and its end."""

    rows: list[Row]
    at_start: bool
    at_end: bool


@dataclass(frozen=True)
class Keyset(Generic[Row]):
    """A sorted list: its statement, the columns that order it, and how a key names a row.

    ``sql`` holds ``{where}`` and ``{order}``; ``key_of`` turns a key into the values of the columns.
    """

    sql: str
    columns: tuple[str, ...]
    key_of: Callable[[str], tuple[Any, ...]]
    make: Callable[[PlainRow], Row]
    descending: bool = False

    def window(self, reader: Reader, page: Page, parameters: Mapping[str, Any]) -> Window[Row]:
        """The rows that a page asks for."""
        if page.anchor is None and page.direction in ("after", "around"):
            page = page._replace(direction="start")
        if page.anchor is None and page.direction == "before":
            page = page._replace(direction="end")
        match page.direction:
            case "start":
                rows, more = self._run(reader, None, True, page.limit, parameters)
                return Window(rows, True, not more)
            case "end":
                rows, more = self._run(reader, None, False, page.limit, parameters)
                return Window(rows[::-1], not more, True)
            case "after":
                rows, more = self._run(reader, page, True, page.limit, parameters)
                return Window(rows, False, not more)
            case "before":
                rows, more = self._run(reader, page, False, page.limit, parameters)
                return Window(rows[::-1], not more, False)
            case "around":
                half = page.limit // 2
                before, more_before = self._run(reader, page, False, half, parameters)
                after, more_after = self._run(reader, page, True, page.limit - half, parameters, including=True)
                return Window(before[::-1] + after, not more_before, not more_after)

    def _run(
        self,
        reader: Reader,
        page: Page | None,
        forward: bool,
        limit: int,
        parameters: Mapping[str, Any],
        *,
        including: bool = False,
    ) -> tuple[list[Row], bool]:
        ascending = forward != self.descending
        where, values = "", {}
        if page is not None and page.anchor is not None:
            comparison = (">" if ascending else "<") + ("=" if including else "")
            places = ", ".join(f":key{n}" for n in range(len(self.columns)))
            where = f" AND ({', '.join(self.columns)}) {comparison} ({places})"
            values = {f"key{n}": value for n, value in enumerate(self.key_of(page.anchor))}
        order = ", ".join(f"{column} {'ASC' if ascending else 'DESC'}" for column in self.columns)
        sql = self.sql.format(where=where, order=order) + " LIMIT :row_limit"
        found = reader.rows(sql, {**parameters, **values, "row_limit": limit + 1})
        return [self.make(row) for row in found[:limit]], len(found) > limit


def like(text: str) -> str:
    """A LIKE pattern (ESCAPE '\\') for "contains this text"."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
