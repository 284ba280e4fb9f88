"""The SQLAlchemy engine of an embedded store: its pragmas, and transactions that begin as they mean to go on."""

from __future__ import annotations

import os
import random
import sqlite3
import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import Connection

from store.errors import StoreUnavailable
from store.sqlite.errors import named
from store.sqlite.place import APPLICATION_ID, SqlitePlace

BUSY_TIMEOUT_MS = 5_000


def make_engine(place: SqlitePlace) -> Engine:
    """An engine for a place; the file is made, private, when there is none.

    Raises:
        StoreUnavailable: StoreCannotOpen.
    """
    if not place.path.exists():
        _create_private(place)
    engine = create_engine(
        f"sqlite:///{place.path}",
        connect_args={"isolation_level": None, "timeout": BUSY_TIMEOUT_MS / 1000, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def _connected(connection: sqlite3.Connection, _record: Any) -> None:
        try:
            _configure(place, connection)
        except BaseException:
            connection.close()
            raise

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A deferred transaction that reads first fails at once under load, whatever the busy timeout
        # (measurements-store §2.4).
        writes = connection.get_execution_options().get("longshore_write")
        if writes:
            _begin_write(place, connection)
        else:
            connection.exec_driver_sql("BEGIN")

    return engine


def _begin_write(place: SqlitePlace, connection: Connection) -> None:
    """Take the write lock, asking for it about once a millisecond until the busy timeout.

    SQLite's own waiting sleeps longer each time, up to 100 ms: whoever has waited long is asked seldom, and loses
    to those who come later. A thousand agents would wait a second at times that way (tests/bench/fleet.py).
    """
    plain = connection.connection.driver_connection
    assert isinstance(plain, sqlite3.Connection)
    # Past SQLAlchemy, whose 100 us a statement would be spent while others wait, and again for each asking.
    plain.execute("PRAGMA busy_timeout=0")
    try:
        _when_free(lambda: plain.execute("BEGIN IMMEDIATE"))
    except sqlite3.Error as error:
        raise named(error, place.path) from error
    finally:
        plain.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")


def _when_free(attempt: Callable[[], object]) -> None:
    """Try again for as long as the file is busy, until the busy timeout.

    Raises:
        sqlite3.Error: it failed otherwise, or was busy all the time.
    """
    deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            attempt()
        except sqlite3.Error as error:
            busy = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() > deadline:
                raise
            time.sleep(random.uniform(0.5, 1.5) / 1000)
        else:
            return


def _configure(place: SqlitePlace, connection: sqlite3.Connection) -> None:
    # Where another process makes the store at this moment, SQLite refuses these without waiting.
    _when_free(lambda: _settle_file(place, connection))
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA temp_store=MEMORY")
    connection.execute("PRAGMA cache_size=-16000")
    connection.execute("PRAGMA journal_size_limit=67108864")
    # One process at a time checkpoints (store.maintenance): the defence against the
    # WAL-reset bug of SQLite 3.7.0 to 3.51.2 (measurements-store §2.7).
    connection.execute("PRAGMA wal_autocheckpoint=0")


def _settle_file(place: SqlitePlace, connection: sqlite3.Connection) -> None:
    """What is written into the file itself, by whoever is first."""
    if connection.execute("PRAGMA page_count").fetchone()[0] == 0:
        # Both are fixed with the first table.
        connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
        connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
    # Before the journal mode: another program's file stays as it was.
    place.check_ours(lambda sql: (connection.execute(sql).fetchone() or (None,))[0])
    connection.execute("PRAGMA journal_mode=WAL")


def _create_private(place: SqlitePlace) -> None:
    """Make the file with mode 0600 before SQLite would make it with the umask's."""
    try:
        os.close(os.open(place.path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        return
    except OSError as error:
        raise StoreUnavailable(
            f"The store '{place.path}' cannot be made ({error.strerror}): name a place that you can write to.",
            code="StoreCannotOpen",
        ) from error
