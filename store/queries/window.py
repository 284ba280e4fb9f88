"""Keyset windows: the rows before, after or around a key, without counting the ones in between.

A list is read from one or more ranges of indexes (:class:`Branch`), each in the list's order, each for no more rows
than are wanted; what they find is merged, and only then are the rows filled in. So a window costs the same at any
size, whichever list it is of. A text that no index can find is looked for among so many rows at a time: a window says
from where on it did not look.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, Literal, NamedTuple, TypeVar

from store.errors import InvalidInput
from store.reader import Reader
from store.reader import Row as PlainRow

Row = TypeVar("Row")
Direction = Literal["start", "end", "after", "before", "around"]
Key = tuple[int | str, ...]


class Page(NamedTuple):
    """What is asked of a list: ``limit`` rows in a direction from an anchor key (none for start and end)."""

    direction: Direction = "start"
    anchor: str | None = None
    limit: int = 100


class Window(NamedTuple, Generic[Row]):
    """Rows in the list's order, and whether they touch its start and its end.

    ``more_before`` and ``more_after`` are None, unless a search for text was broken off there, having looked at as
    many rows as one answer may cost: then they are the keys to go on from, as anchors of the pages before and after.
    """

    rows: list[Row]
    at_start: bool
    at_end: bool
    more_before: str | None = None
    more_after: str | None = None


class Branch(NamedTuple):
    """One index range of a list.

    ``source`` is its FROM, and ``fixed`` what columns are equal to, each with its value's expression; ``keys`` are the
    expressions that sort it, the last ones of them unique. An index holds the fixed columns and the keys in this order.
    ``where`` is what else must hold. ``rank`` places the whole branch among the others: it sorts before the keys.
    """

    source: str
    fixed: tuple[tuple[str, str], ...]
    keys: tuple[str, ...]
    where: str = ""
    rank: int | None = None


class _Part(NamedTuple):
    """What one statement found: rows, whether there are more, and where a search was broken off."""

    rows: list[Any]
    more: bool
    stopped: str | None


@dataclass(frozen=True)
class Listing(Generic[Row]):
    """A sorted list. Its statements are one text for SQLite and PostgreSQL.

    Args:
        branches: where its rows are read, none of them in two branches.
        kinds: the types of a key's parts (of the rank too), int or str without a slash.
        identity: the expression of a row's id in the branches.
        columns: what is selected of each row.
        rest: the tables of a row, joined to the id that is named ``page.id``; and the conditions that join them.
        make: makes a row of the list.
        key_of: the key of a row of the list.
        descending: whether the keys fall.
        match: what a row of the branches must fulfil beside, which no index finds; empty for nothing.
        budget: rows that are looked at for it in one answer.
    """

    branches: Sequence[Branch]
    kinds: tuple[type[int] | type[str], ...]
    identity: str
    columns: str
    rest: tuple[str, str]
    make: Callable[[PlainRow], Row]
    descending: bool = False
    match: str = ""
    budget: int = 0

    def window(self, reader: Reader, page: Page, parameters: Mapping[str, Any]) -> Window[Row]:
        """The rows that a page asks for.

        Raises:
            InvalidInput: the anchor is no key of this list.
        """
        direction = page.direction
        if page.anchor is None:
            direction = {"after": "start", "around": "start", "before": "end"}.get(direction, direction)  # type: ignore[assignment]
        key = None if page.anchor is None or direction in ("start", "end") else self.key(page.anchor)
        match direction:
            case "start" | "after":
                part = self._read(reader, key, True, page.limit, parameters)
                return Window(part.rows, direction == "start", not part.more, None, part.stopped)
            case "end" | "before":
                part = self._read(reader, key, False, page.limit, parameters)
                return Window(part.rows[::-1], not part.more, direction == "end", part.stopped, None)
            case "around":
                half = page.limit // 2
                # One answer looks at no more rows for being asked on both sides.
                side = replace(self, budget=self.budget // 2)
                before = side._read(reader, key, False, half, parameters)
                after = side._read(reader, key, True, page.limit - half, parameters, including=True)
                rows = before.rows[::-1] + after.rows
                return Window(rows, not before.more, not after.more, before.stopped, after.stopped)

    def key(self, text: str) -> Key:
        """The parts of a key.

        Raises:
            InvalidInput: it is no key of this list.
        """
        parts = text.split("/")
        if len(parts) == len(self.kinds):
            try:
                return tuple(kind(part) for kind, part in zip(self.kinds, parts, strict=True))
            except ValueError:
                pass
        raise InvalidInput(f"'{text}' is no place in this list: begin at its start.", code="InvalidKey")

    def _read(
        self,
        reader: Reader,
        key: Key | None,
        forward: bool,
        limit: int,
        parameters: Mapping[str, Any],
        *,
        including: bool = False,
    ) -> _Part:
        """The next rows in a direction, nearest first."""
        walk = _Walk(self, forward != self.descending, key, including, reader.dialect == "postgresql")
        stop = walk.bound(reader, parameters) if self.match else None
        rows = walk.rows(reader, parameters, limit + 1, stop)
        stopped = None if stop is None or len(rows) > limit else "/".join(map(str, stop))
        return _Part([self.make(row) for row in rows[:limit]], len(rows) > limit or stopped is not None, stopped)


@dataclass(frozen=True)
class _Walk(Generic[Row]):
    """A list in one direction from a key, as statements."""

    listing: Listing[Row]
    ascending: bool
    key: Key | None
    including: bool
    fenced: bool
    """Whether the planner has to be kept to the index that begins with the fixed columns: PostgreSQL's has."""

    @property
    def _order(self) -> str:
        return ", ".join(f"k{n} {'ASC' if self.ascending else 'DESC'}" for n in range(len(self.listing.kinds)))

    def bound(self, reader: Reader, parameters: Mapping[str, Any]) -> Key | None:
        """The key of the last row that a search may look at; None when it may look at all that is left."""
        budget = self.listing.budget
        merged = self._merged(budget, None, match=False)
        if not merged:
            return None
        names = ", ".join(f"k{n}" for n in range(len(self.listing.kinds)))
        # A constant step ahead, not an offset of a page.
        sql = f"SELECT {names} FROM ({merged}) AS walk ORDER BY {self._order} LIMIT 1 OFFSET {budget - 1}"
        row = reader.row(sql, {**parameters, **self._values(None)})
        return None if row is None else tuple(row)

    def rows(self, reader: Reader, parameters: Mapping[str, Any], limit: int, stop: Key | None) -> list[PlainRow]:
        """The rows up to a key, filled in."""
        tables, joined = self.listing.rest
        merged = self._merged(limit, stop, match=bool(self.listing.match))
        order = ", ".join(f"page.{part}" for part in self._order.split(", "))
        sql = (
            f"SELECT {self.listing.columns} FROM ({merged}) AS page CROSS JOIN {tables} WHERE {joined} ORDER BY {order}"
        )
        return reader.rows(sql, {**parameters, **self._values(stop)}) if merged else []

    def _merged(self, limit: int, stop: Key | None, *, match: bool) -> str:
        """The ids and keys of the next rows of all branches. Limits stand in the text: a plan is made for them."""
        found = [sql for branch in self.listing.branches if (sql := self._of(branch, limit, stop, match))]
        if len(found) == 1:
            return found[0]
        union = " UNION ALL ".join(f"SELECT * FROM ({sql}) AS b{n}" for n, sql in enumerate(found))
        return f"SELECT * FROM ({union}) AS merged ORDER BY {self._order} LIMIT {limit}" if found else ""

    def _of(self, branch: Branch, limit: int, stop: Key | None, match: bool) -> str:
        """The next rows of one branch; empty when it has none."""
        skip = 0 if branch.rank is None else 1
        conditions = [f"{column} = {value}" for column, value in branch.fixed]
        sorted_by = branch.keys
        if branch.fixed and self.fenced:
            # Otherwise it may read another index in the order of the keys alone, believing that what is equal is spread
            # evenly over it, and go through all that is not. An array of one says the same, but fixes no order.
            column, value = branch.fixed[0]
            conditions[0] = f"{column} = ANY(ARRAY[{value}])"
            sorted_by = (column, *branch.keys)
        for name, key, after, including in (("key", self.key, True, self.including), ("stop", stop, False, True)):
            comparison = ">" if self.ascending == after else "<"
            beyond = 0 if key is None or branch.rank is None else branch.rank - int(key[0])
            if beyond and (beyond > 0) != (comparison == ">"):
                return ""
            if key is not None and not beyond:
                places = ", ".join(f":{name}{n + skip}" for n in range(len(branch.keys)))
                conditions.append(f"({', '.join(branch.keys)}) {comparison}{'=' if including else ''} ({places})")
        conditions += [branch.where, self.listing.match if match else ""]
        ranked = branch.keys if branch.rank is None else (str(branch.rank), *branch.keys)
        named = ", ".join(f"{key} AS k{n}" for n, key in enumerate(ranked))
        order = ", ".join(f"{key} {'ASC' if self.ascending else 'DESC'}" for key in sorted_by)
        return (
            f"SELECT {self.listing.identity} AS id, {named} FROM {branch.source} "
            f"WHERE {' AND '.join(filter(None, conditions)) or 'true'} ORDER BY {order} LIMIT {limit}"
        )

    def _values(self, stop: Key | None) -> dict[str, int | str]:
        return {
            **{f"key{n}": part for n, part in enumerate(self.key or ())},
            **{f"stop{n}": part for n, part in enumerate(stop or ())},
        }


def further(window: Window[Row], page: Page) -> Page | None:
    """The page that goes on with a search that was broken off before it had enough rows; None when it need not."""
    missing = page.limit - len(window.rows)
    if missing > 0 and window.more_after is not None:
        return Page("after", window.more_after, missing)
    if missing > 0 and window.more_before is not None:
        return Page("before", window.more_before, missing)
    return None


def joined(window: Window[Row], page: Page, found: Window[Row]) -> Window[Row]:
    """A window and what the page of :func:`further` found, as one."""
    if page.direction == "after":
        return Window(window.rows + found.rows, window.at_start, found.at_end, window.more_before, found.more_after)
    return Window(found.rows + window.rows, found.at_start, window.at_end, found.more_before, window.more_after)


def complete(ask: Callable[[Page], Window[Row]], page: Page) -> Window[Row]:
    """A window of a list with all its rows, however many answers a search takes."""
    window = ask(page)
    while (rest := further(window, page)) is not None:
        window = joined(window, rest, ask(rest))
    return window


def quoted(words: Sequence[str]) -> str:
    """Words of an enum as a list for IN."""
    return ", ".join(f"'{word}'" for word in words)


def like(text: str) -> str:
    """A LIKE pattern (ESCAPE '\\') for "contains this text"."""
    return f"%{escaped(text)}%"


def escaped(text: str) -> str:
    """A text that stands for itself in a LIKE pattern (ESCAPE '\\'); what no name can hold is made harmless."""
    plain = text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")
    return plain.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
