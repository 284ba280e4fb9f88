"""Reading a PostgreSQL store without an ORM: the same statements and the same rows as from SQLite."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import psycopg
from psycopg.rows import RowMaker
from psycopg.types.numeric import Int8Dumper
from psycopg.types.string import TextLoader

from store.head import HEAD, outdated, refuse_newer
from store.postgres.connecting import NOW, connect, schema_version
from store.postgres.errors import named
from store.postgres.place import PostgresPlace

_PARAMETER = re.compile(r"(?<![:\w]):([a-z_][a-z0-9_]*)")
_LIKE = re.compile(r"\bLIKE\b")


@lru_cache(maxsize=1_000)
def translated(sql: str) -> str:
    """A statement of ``store.queries`` as psycopg takes it: named places, and LIKE without regard to case."""
    return _LIKE.sub("ILIKE", _PARAMETER.sub(r"%(\1)s", sql.replace("%", "%%")))


class PostgresRow(tuple[Any, ...]):
    """A row by position and by name, as ``sqlite3.Row`` is."""

    names: Mapping[str, int]

    def __getitem__(self, key: Any) -> Any:
        return super().__getitem__(self.names[key] if isinstance(key, str) else key)

    def keys(self) -> list[str]:
        return list(self.names)


@lru_cache(maxsize=500)
def _row_class(names: tuple[str, ...]) -> type[PostgresRow]:
    return type("PostgresRow", (PostgresRow,), {"names": {name: place for place, name in enumerate(names)}})


def _rows_by_name(cursor: psycopg.Cursor[Any]) -> RowMaker[PostgresRow]:
    return _row_class(tuple(column.name for column in cursor.description or ()))


class PostgresRows:
    """One connection for reading; every statement is a transaction of its own."""

    def __init__(self, place: PostgresPlace) -> None:
        """Connect to a store that has this program's schema.

        Raises:
            StoreUnavailable: with code StoreOutdated or one of the named errors.
        """
        self._place = place
        self._connection = connect(place, autocommit=True)
        self._connection.row_factory = _rows_by_name
        adapters = self._connection.adapters
        # JSON as its text, as SQLite gives it; and one statement for small numbers and great ones.
        for kind in ("json", "jsonb"):
            adapters.register_loader(kind, TextLoader)
        adapters.register_dumper(int, Int8Dumper)
        try:
            self.rows("SET default_transaction_read_only TO on", {})
            # Every statement reads a few rows by indexes, and joins in the order in which that is to be done: to plan
            # anything else takes longer than to carry it out, and so does compiling.
            self.rows("SET join_collapse_limit TO 1", {})
            self.rows("SET jit TO off", {})
            self.rows("SET random_page_cost TO 1.1", {})
            self.rows("SET enable_incremental_sort TO off", {})
            self.rows("SET enable_bitmapscan TO off", {})
            version = schema_version(place, lambda sql: (self.rows(sql, {}) or ((None,),))[0][0])
            if version != HEAD:
                raise outdated(place.url)
        except BaseException:
            self.close()
            raise

    def rows(self, sql: str, parameters: Mapping[str, Any]) -> list[Any]:
        try:
            cursor = self._connection.execute(translated(sql), parameters)
            return cursor.fetchall() if cursor.description is not None else []
        except psycopg.Error as error:
            raise named(error, self._place) from error

    def check_schema(self) -> None:
        """Refuse a schema that is not this program's: a newer one can come while the store is open."""
        version = str((self.rows("SELECT version_num FROM alembic_version", {}) or (("",),))[0][0])
        refuse_newer(version, self._place.url)
        if version != HEAD:
            raise outdated(self._place.url)

    def replaced(self) -> bool:
        """Whether this connection is of no use any more: the server was restarted, or closed it."""
        return self._connection.broken or self._connection.closed

    def server_now(self) -> int:
        return int(self.rows(NOW, {})[0][0])

    def close(self) -> None:
        self._connection.close()
