"""Reading without an ORM: one read-only connection for the screens' windows and ticks.

Lists and ticks need rows, not entities: SQL text through the standard library takes a sixth of
the time of Core selects and lets the first frame appear without importing SQLAlchemy
(measurements-store §1, §4). The statements are in ``store.queries``.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from store.clock import Clock, HostClock
from store.errors import StoreUnavailable
from store.place import HEAD, StorePlace, locate, named


class Reader:
    """A reader of one store. It belongs to the thread that made it.

    Every statement is a transaction of its own: no read is ever left open, so a reader never
    holds the write-ahead log (fault F23).
    """

    def __init__(self, place: StorePlace | str | None = None, clock: Clock | None = None) -> None:
        """Open a store that exists and has this program's schema.

        Raises:
            StoreUnavailable: with code StoreMissing, StoreOutdated or one of the named errors.
        """
        self.place = place if isinstance(place, StorePlace) else locate(place)
        self.clock = clock or HostClock()
        self.place.check()
        if not self.place.exists:
            raise StoreUnavailable(
                f"There is no store at '{self.place.path}' yet: 'longshore apply FILE' makes one.",
                code="StoreMissing",
            )
        self.identity = self.place.identity
        try:
            self._connection = sqlite3.connect(self.place.path, timeout=5, isolation_level=None)
        except sqlite3.Error as error:
            raise named(error, self.place.path) from error
        self._connection.row_factory = sqlite3.Row
        try:
            self.rows("PRAGMA query_only=ON")
            self.rows("PRAGMA cache_size=-16000")
            version = self.place.check_ours(self.value)
        except StoreUnavailable:
            self.close()
            raise
        if version != HEAD:
            self.close()
            raise StoreUnavailable(
                f"The store '{self.place.path}' has an older schema: any command that writes upgrades it, such as "
                "'longshore apply'.",
                code="StoreOutdated",
            )

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[sqlite3.Row]:
        """All rows of one statement, as plain rows."""
        try:
            return self._connection.execute(sql, parameters or {}).fetchall()
        except sqlite3.Error as error:
            raise named(error, self.place.path) from error

    def row(self, sql: str, parameters: Mapping[str, Any] | None = None) -> sqlite3.Row | None:
        """The first row, or None."""
        found = self.rows(sql, parameters)
        return found[0] if found else None

    def value(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Any:
        """The first column of the first row, or None."""
        found = self.row(sql, parameters)
        return found[0] if found else None

    def data_version(self) -> int:
        """A number that changes when another connection has committed (7 µs)."""
        return int(self.value("PRAGMA data_version"))

    def replaced(self) -> bool:
        """Whether the file at the path is no longer the one that is open (a restore, a removal)."""
        return self.place.identity != self.identity

    def now(self) -> int:
        return self.clock.now()

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
