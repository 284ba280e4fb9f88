"""A store on a server as rows in bulk: to read all of it at one moment, or to fill an empty one in one transaction."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Self

import psycopg
from psycopg import sql

from store.errors import InvalidInput, StoreUnavailable
from store.head import HEAD, outdated
from store.postgres.connecting import connect, schema_version
from store.postgres.engine import LOCK_CLASS, WRITE_LOCK
from store.postgres.errors import named
from store.postgres.place import SCHEMA, PostgresPlace
from store.upkeep.carried import RowOf, Table


class _Bulk:
    """A connection in one transaction, for an admin."""

    def __init__(self, place: PostgresPlace, begin: str) -> None:
        self.place = place
        self._connection = connect(place, autocommit=True)
        try:
            # Whoever waits here waits for the other store, and that may take long.
            self._run("SET idle_in_transaction_session_timeout TO 0")
            self._run(begin)
            # What row-level security would hide is an error instead.
            self._run("SET LOCAL row_security TO off")
            if schema_version(place, self.value) != HEAD:
                raise outdated(place.url)
            if not self.value(f"SELECT pg_has_role(nspowner, 'USAGE') FROM pg_namespace WHERE nspname = '{SCHEMA}'"):
                raise StoreUnavailable(
                    f"The store '{place.url}' is not all this login's to see: use the login of an admin.",
                    code="StoreForbidden",
                )
        except BaseException:
            self.close()
            raise

    def value(self, statement: str) -> Any:
        """The first value of a statement."""
        row = self._run(statement).fetchone()
        return None if row is None else row[0]

    def rows(self, table: Table) -> Iterator[RowOf]:
        """All rows of a table in the order of their keys, some at a time."""
        with _errors(self.place), self._connection.cursor(name="carried") as cursor:
            cursor.execute(table.select("postgresql").encode())
            while batch := cursor.fetchmany(table.batch):
                yield from batch

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self, statement: str) -> psycopg.Cursor[Any]:
        with _errors(self.place):
            return self._connection.execute(statement.encode())


class PostgresSource(_Bulk):
    """One moment of a store on a server."""

    def __init__(self, place: PostgresPlace) -> None:
        """Open a store of this program's schema.

        Raises:
            StoreUnavailable: it cannot be used, or this login sees only a part of it.
        """
        super().__init__(place, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")


class PostgresTarget(_Bulk):
    """A store on a server that is to be filled: what was not committed is gone when it is closed."""

    def __init__(self, place: PostgresPlace) -> None:
        """Open a store of this program's schema and begin to write; other admins wait.

        Raises:
            StoreUnavailable: it cannot be written by this login.
        """
        super().__init__(place, "BEGIN")
        self._switched: list[str] = []
        self._run(f"SELECT pg_advisory_xact_lock({LOCK_CLASS}, {WRITE_LOCK})")

    def clear(self, table: Table) -> None:
        """Remove what an empty store holds by itself; the feed is not told of what comes."""
        self._run(f"ALTER TABLE {SCHEMA}.{table.name} DISABLE TRIGGER USER")
        self._switched.append(table.name)
        self._run(f"DELETE FROM {SCHEMA}.{table.name}")

    def load(self, table: Table, rows: Iterable[RowOf]) -> None:
        """Add rows to a table.

        Raises:
            InvalidInput: text that PostgreSQL cannot hold.
        """
        names = sql.SQL(", ").join(map(sql.Identifier, table.columns))
        statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(SCHEMA, table.name), names)
        waiting = iter(rows)
        # A statement for each batch: references are checked at its end, and waiting checks are held in memory.
        while batch := list(islice(waiting, table.batch)):
            row: RowOf = ()
            try:
                with _errors(self.place), self._connection.cursor() as cursor, cursor.copy(statement) as copy:
                    for row in batch:
                        copy.write_row(row)
            except StoreUnavailable as error:
                column = _with_nul(table, row)
                if column is None:
                    raise
                key = ", ".join(str(row[table.columns.index(name)]) for name in table.key)
                raise InvalidInput(
                    f"The {column} of row {key} of '{table.name}' holds a NUL character, which PostgreSQL cannot keep: "
                    "change it first.",
                    code="NotStorable",
                ) from error

    def commit(self, epoch: str) -> None:
        """Make it a store again, under a new epoch of its feed."""
        for name in self._switched:
            self._run(f"ALTER TABLE {SCHEMA}.{name} ENABLE TRIGGER USER")
            sequence = self.value(
                f"""SELECT pg_get_serial_sequence('{SCHEMA}.{name}', attname) FROM pg_attribute
                    WHERE attrelid = '{SCHEMA}.{name}'::regclass AND attname = 'id'"""
            )
            if sequence is not None:
                self._run(f"SELECT setval('{sequence}', coalesce(max(id), 0) + 1, false) FROM {SCHEMA}.{name}")
        with _errors(self.place):
            self._connection.execute("UPDATE feed_state SET epoch = %s WHERE id = 1", (epoch,))
        self._run("COMMIT")


def _with_nul(table: Table, row: RowOf) -> str | None:
    for name, value in zip(table.columns, row, strict=False):
        if isinstance(value, str) and "\0" in value:
            return name
    return None


@contextlib.contextmanager
def _errors(place: PostgresPlace) -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        raise named(error, place) from error
