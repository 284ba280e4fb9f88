"""Bringing a store's schema up to date when an admin says so, and saying before what that would do."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import NamedTuple

from store.errors import StoreUnavailable
from store.head import HEAD
from store.place import StorePlace
from store.postgres.place import PostgresPlace
from store.sqlite.place import SqlitePlace


class Upgrade(NamedTuple):
    """What an upgrade does: from one schema version to another, with a backup of an embedded store."""

    before: str
    after: str
    backup: str | None

    @property
    def needed(self) -> bool:
        return self.before != self.after


def planned(place: StorePlace) -> Upgrade:
    """What upgrading a store would do; it is only looked at.

    Raises:
        StoreUnavailable: as of :func:`schema_of`.
    """
    version = schema_of(place)
    backup = None
    if place.dialect == "sqlite" and version != HEAD:
        from store.migrate import backup_of

        backup = str(backup_of(place, version))
    return Upgrade(version, HEAD, backup)


def schema_of(place: StorePlace) -> str:
    """The schema version of a store, which is only looked at.

    Raises:
        StoreUnavailable: StoreMissing when there is none, StoreTooNew, or why it cannot be used.
    """
    place.check()
    version = None
    if place.exists:
        version = _of_file(place) if place.dialect == "sqlite" else _of_server(place)
    if version is None:
        raise StoreUnavailable(
            f"There is no store at '{place.url}' yet: 'longshore apply FILE' makes one.", code="StoreMissing"
        )
    return version


def upgrade_now(place: StorePlace) -> Upgrade:
    """Upgrade a store that is there.

    Raises:
        StoreUnavailable: as of :func:`planned` and :func:`store.migrate.upgrade`; the store is as it was.
    """
    found = planned(place)
    if found.needed:
        from store.db import open_store

        open_store(place).close()
    return found


def _of_file(place: SqlitePlace) -> str | None:
    from store.sqlite.errors import named

    try:
        with contextlib.closing(sqlite3.connect(place.path, timeout=5, isolation_level=None)) as connection:
            return place.check_ours(lambda sql: (connection.execute(sql).fetchone() or (None,))[0])
    except sqlite3.Error as error:
        raise named(error, place.path) from error


def _of_server(place: PostgresPlace) -> str | None:
    from store.postgres.connecting import connect, schema_version

    with connect(place, autocommit=True) as connection:
        import psycopg

        from store.postgres.errors import named

        try:
            return schema_version(place, lambda sql: (connection.execute(sql.encode()).fetchone() or (None,))[0])
        except psycopg.Error as error:
            raise named(error, place) from error
