"""Opening a store for writing: the engine, its pragmas, and the one way to change anything.

Every write is a short ``BEGIN IMMEDIATE`` transaction (fault F22): a deferred one that reads first
fails at once under load, whatever the busy timeout (measurements-store §2.4).
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from store.clock import Clock, HostClock
from store.errors import LongshoreError, StoreUnavailable
from store.models import Event
from store.place import APPLICATION_ID, HEAD, StorePlace, locate, named

BUSY_TIMEOUT_MS = 5_000


@dataclass
class Write:
    """One write transaction: the session, the store's time of it, and who makes it."""

    session: Session
    now: int
    actor: str

    def event(
        self,
        kind: str,
        resource_id: int,
        resource: str,
        action: str,
        *,
        mover_id: int | None,
        detail: str = "",
    ) -> None:
        """Record what happened: part of the same transaction, so that no change is without one."""
        self.session.add(
            Event(
                at=self.now,
                actor=self.actor,
                mover_id=mover_id,
                kind=kind,
                resource_id=resource_id,
                resource=resource,
                action=action,
                detail=detail,
            )
        )


@dataclass
class Store:
    """An open store. Use it from one thread at a time; reads of lists go through ``Reader``."""

    place: StorePlace
    engine: Engine
    clock: Clock = field(default_factory=HostClock)

    @contextmanager
    def write(self, actor: str) -> Iterator[Write]:
        """A write transaction: committed at the end, rolled back whole on any exception.

        Raises:
            StoreUnavailable: when the store cannot be written; nothing was changed.
        """
        try:
            with Session(self.engine, expire_on_commit=False) as session, session.begin():
                session.connection(execution_options={"longshore_write": True})
                yield Write(session, self.clock.now(), actor)
        except DBAPIError as error:
            raise self._named(error) from error

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A short read of single resources through the ORM."""
        try:
            with Session(self.engine) as session:
                yield session
        except DBAPIError as error:
            raise self._named(error) from error

    def close(self) -> None:
        self.engine.dispose()

    def _named(self, error: DBAPIError) -> LongshoreError:
        if isinstance(error.orig, sqlite3.Error):
            return named(error.orig, self.place.path)
        return StoreUnavailable(f"The store '{self.place.path}' cannot be used: {error.orig}.")


def open_store(url: str | StorePlace | None = None, *, clock: Clock | None = None) -> Store:
    """Open a store, make it when there is none, and bring its schema up to date.

    Args:
        url: what :func:`store.place.locate` takes, or a place.
        clock: another clock than the host's (tests, past history).

    Raises:
        StoreUnavailable: a named error that says what to do; the file is unchanged.
    """
    place = url if isinstance(url, StorePlace) else locate(url)
    place.check()
    if not place.path.exists():
        _create_private(place)
    store = Store(place, _engine(place), clock or HostClock())
    try:
        with store.engine.connect() as connection:
            version = place.check_ours(lambda sql: connection.exec_driver_sql(sql).scalar())
        if version != HEAD:
            # Alembic takes a quarter of a second to import: only when there is work for it.
            from store.migrate import upgrade

            upgrade(store.engine, place)
    except DBAPIError as error:
        store.close()
        raise store._named(error) from error
    except LongshoreError:
        store.close()
        raise
    return store


def _create_private(place: StorePlace) -> None:
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


def _engine(place: StorePlace) -> Engine:
    engine = create_engine(
        f"sqlite:///{place.path}",
        connect_args={"isolation_level": None, "timeout": BUSY_TIMEOUT_MS / 1000, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def _connected(connection: sqlite3.Connection, _record: Any) -> None:
        try:
            _configure(connection)
        except BaseException:
            connection.close()
            raise

    def _configure(connection: sqlite3.Connection) -> None:
        if connection.execute("PRAGMA page_count").fetchone()[0] == 0:
            # Both are fixed with the first table.
            connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
            connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
        # Before the journal mode, which is written into the file: another program's stays as it was.
        place.check_ours(lambda sql: (connection.execute(sql).fetchone() or (None,))[0])
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA temp_store=MEMORY")
        connection.execute("PRAGMA cache_size=-16000")
        connection.execute("PRAGMA journal_size_limit=67108864")
        # One process at a time checkpoints (store.maintenance): the defence against the
        # WAL-reset bug of SQLite 3.7.0 to 3.51.2 (measurements-store §2.7).
        connection.execute("PRAGMA wal_autocheckpoint=0")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("longshore_write")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine
