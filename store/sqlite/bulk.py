"""An embedded store as rows in bulk: to read all of it at one moment, or to fill an empty one in one transaction."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Self

from store.errors import StoreUnavailable
from store.head import HEAD, outdated
from store.sqlite.errors import named
from store.sqlite.place import SqlitePlace
from store.upkeep.carried import RowOf, Table


class SqliteSource:
    """One moment of an embedded store."""

    def __init__(self, place: SqlitePlace) -> None:
        """Open a store of this program's schema.

        Raises:
            StoreUnavailable: it cannot be used.
        """
        self.place = place
        place.check()
        if not place.exists:
            raise StoreUnavailable(f"There is no store at '{place.path}': name one.", code="StoreMissing")
        with _errors(place):
            self._connection = sqlite3.connect(place.path, timeout=5, isolation_level=None)
        try:
            with _errors(place):
                self._connection.execute("PRAGMA query_only=ON")
                self._connection.execute("BEGIN")
                version = place.check_ours(lambda sql: (self._connection.execute(sql).fetchone() or (None,))[0])
            if version != HEAD:
                raise outdated(place.url)
        except BaseException:
            self.close()
            raise

    def value(self, sql: str) -> Any:
        """The first value of a statement."""
        with _errors(self.place):
            return self._connection.execute(sql).fetchone()[0]

    def rows(self, table: Table) -> Iterator[RowOf]:
        """All rows of a table in the order of their keys, some at a time."""
        return _rows(self._connection, self.place, table)

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class SqliteTarget:
    """An embedded store that is to be filled: what was not committed is gone when it is closed."""

    def __init__(self, place: SqlitePlace) -> None:
        """Open a store of this program's schema and begin to write.

        Raises:
            StoreUnavailable: it cannot be written.
        """
        self.place = place
        with _errors(place):
            self._connection = sqlite3.connect(place.path, timeout=5, isolation_level=None)
            self._connection.execute("PRAGMA foreign_keys=OFF")
            self._connection.execute("PRAGMA wal_autocheckpoint=0")
            self._connection.execute("BEGIN IMMEDIATE")
            self._triggers = self._connection.execute(
                "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
            ).fetchall()
            for name, _ in self._triggers:
                self._connection.execute(f"DROP TRIGGER {name}")

    def value(self, sql: str) -> Any:
        """The first value of a statement."""
        with _errors(self.place):
            return self._connection.execute(sql).fetchone()[0]

    def rows(self, table: Table) -> Iterator[RowOf]:
        """The rows as they are now, as of :class:`SqliteSource`."""
        return _rows(self._connection, self.place, table)

    def clear(self, table: Table) -> None:
        """Remove what an empty store holds by itself."""
        with _errors(self.place):
            self._connection.execute(f"DELETE FROM {table.name}")

    def load(self, table: Table, rows: Iterable[RowOf]) -> None:
        """Add rows to a table."""
        places = ", ".join("?" * len(table.columns))
        statement = f"INSERT INTO {table.name} ({table.selected['sqlite']}) VALUES ({places})"
        waiting = iter(rows)
        while batch := list(islice(waiting, table.batch)):
            with _errors(self.place):
                self._connection.executemany(statement, batch)

    def commit(self, epoch: str) -> None:
        """Make it a store again, under a new epoch of its feed."""
        with _errors(self.place):
            for _, sql in self._triggers:
                self._connection.execute(sql)
            self._connection.execute("UPDATE feed_state SET epoch = ? WHERE id = 1", (epoch,))
            nowhere = self._connection.execute("SELECT count(*) FROM pragma_foreign_key_check").fetchone()[0]
        if nowhere:
            raise StoreUnavailable(
                f"{nowhere:,} references of the store that was to be copied lead nowhere: nothing was kept; "
                "'longshore store check' on it says more.",
                code="StoreCorrupt",
            )
        with _errors(self.place):
            self._connection.execute("COMMIT")

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _rows(connection: sqlite3.Connection, place: SqlitePlace, table: Table) -> Iterator[RowOf]:
    with _errors(place):
        cursor = connection.execute(table.select("sqlite"))
        while batch := cursor.fetchmany(table.batch):
            yield from batch


@contextlib.contextmanager
def _errors(place: SqlitePlace) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise named(error, place.path) from error
