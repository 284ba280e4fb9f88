"""Reading without an ORM: one connection for the screens' windows and ticks.

Lists and ticks need rows, not entities: SQL text through the driver takes a sixth of the time of Core
selects and lets the first frame appear without importing SQLAlchemy (measurements-store §1, §4). The
statements are in ``store.queries``: one text for SQLite and PostgreSQL, with ``:name`` for parameters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Literal, Protocol, Self

from store.clock import Clock, HostClock
from store.place import StorePlace, locate


class Row(Protocol):
    """A plain row, by position and by name."""

    def __getitem__(self, key: int | str | slice, /) -> Any: ...

    def __iter__(self) -> Iterator[Any]: ...

    def __len__(self) -> int: ...


class _Rows(Protocol):
    """What each kind of store has for reading."""

    def rows(self, sql: str, parameters: Mapping[str, Any]) -> list[Any]: ...

    def check_schema(self) -> None: ...

    def replaced(self) -> bool: ...

    def close(self) -> None: ...


class Reader:
    """A reader of one store. It belongs to the thread that made it; every statement is a transaction of its own."""

    def __init__(self, place: StorePlace | str | None = None, clock: Clock | None = None) -> None:
        """Open a store that exists and has this program's schema.

        Args:
            place: the store, or what :func:`store.place.locate` takes.
            clock: another clock than the store's (tests, past history).

        Raises:
            StoreUnavailable: with code StoreMissing, StoreOutdated or one of the named errors.
        """
        self.place: StorePlace = locate(place) if place is None or isinstance(place, str) else place
        self._rows: _Rows
        self.clock: Clock
        # Each imports its driver: the first frame needs only that of its own store.
        if self.place.dialect == "sqlite":
            from store.sqlite.rows import SqliteRows

            self._rows = SqliteRows(self.place)
            self.clock = clock or HostClock()
        else:
            self.place.check()
            from store.postgres.clock import ServerClock
            from store.postgres.rows import PostgresRows

            rows = PostgresRows(self.place)
            self._rows = rows
            self.clock = clock or ServerClock(rows.server_now)

    @property
    def dialect(self) -> Literal["sqlite", "postgresql"]:
        return self.place.dialect

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        """All rows of one statement, as plain rows."""
        return self._rows.rows(sql, parameters or {})

    def row(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Row | None:
        """The first row, or None."""
        found = self.rows(sql, parameters)
        return found[0] if found else None

    def value(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Any:
        """The first column of the first row, or None."""
        found = self.row(sql, parameters)
        return found[0] if found else None

    def check_schema(self) -> None:
        """Refuse to read on when the schema is no longer this program's.

        Raises:
            StoreUnavailable: with code StoreTooNew, StoreOutdated or one of the named errors.
        """
        self._rows.check_schema()

    def replaced(self) -> bool:
        """Whether what is open is no longer the store at its place: another file, or a connection that is lost."""
        return self._rows.replaced()

    def now(self) -> int:
        """The store's time in milliseconds since the epoch, UTC."""
        return self.clock.now()

    def close(self) -> None:
        self._rows.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
