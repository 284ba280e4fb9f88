"""Reading an embedded store through the standard library."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

from store.errors import StoreUnavailable
from store.head import HEAD, outdated
from store.sqlite.errors import named
from store.sqlite.place import SqlitePlace


class SqliteRows:
    """One read-only connection. Every statement is a transaction of its own: no read is ever left open,
    so it never holds the write-ahead log (fault F23)."""

    def __init__(self, place: SqlitePlace) -> None:
        """Open a store that exists and has this program's schema.

        Raises:
            StoreUnavailable: with code StoreMissing, StoreOutdated or one of the named errors.
        """
        self._place = place
        place.check()
        if not place.exists:
            raise StoreUnavailable(
                f"There is no store at '{place.path}' yet: 'longshore apply FILE' makes one.", code="StoreMissing"
            )
        self._identity = place.identity
        try:
            self._connection = sqlite3.connect(place.path, timeout=5, isolation_level=None)
        except sqlite3.Error as error:
            raise named(error, place.path) from error
        self._connection.row_factory = sqlite3.Row
        try:
            self.rows("PRAGMA query_only=ON", {})
            self.rows("PRAGMA cache_size=-16000", {})
            self.check_schema()
        except StoreUnavailable:
            self.close()
            raise

    def rows(self, sql: str, parameters: Mapping[str, Any]) -> list[Any]:
        try:
            return self._connection.execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            raise named(error, self._place.path) from error

    def check_schema(self) -> None:
        """Refuse a schema that is not this program's: a newer one can come while the store is open."""
        version = self._place.check_ours(lambda sql: (self.rows(sql, {}) or ((None,),))[0][0])
        if version != HEAD:
            raise outdated(self._place.url)

    def replaced(self) -> bool:
        """Whether the file at the path is no longer the one that is open (a restore, a removal)."""
        return self._place.identity != self._identity

    def close(self) -> None:
        self._connection.close()
