"""Opening a store for writing, and the one way to change anything: a short transaction with an actor.

On SQLite every write is a ``BEGIN IMMEDIATE`` (fault F22). On PostgreSQL admins' writes come one after
the other, and agents' lock the rows that they decide by.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal, Protocol

from sqlalchemy import Engine
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from store.clock import Clock, HostClock
from store.errors import LongshoreError, StoreUnavailable
from store.head import HEAD
from store.models import Event
from store.place import StorePlace, locate
from store.postgres.place import PostgresPlace
from store.schema import schema_version
from store.sqlite.place import SqlitePlace

Dialect = Literal["sqlite", "postgresql"]


class Teller(Protocol):
    """Tells others of a commit, where the database does not do so by itself."""

    def note(self, connection: Connection) -> set[str]:
        """A write begins; the names of the tables that it writes to, as they come."""

    def committed(self, tables: Collection[str], agents: Collection[int]) -> None:
        """These tables were written to; the agents of these ids are to look at their runs."""

    def close(self) -> None:
        """Tell what is still to be told, and end."""


@dataclass
class Write:
    """One write transaction: the session, the store's time of it, and who makes it."""

    session: Session
    now: int
    actor: str
    dialect: Dialect
    told: set[int] = field(default_factory=set)

    def tell_agent(self, agent_id: int | None) -> None:
        """After the commit, wake an agent to look at its runs; None wakes no one."""
        if agent_id is not None:
            self.told.add(agent_id)

    def by(self, actor: str) -> Write:
        """The same transaction, on behalf of somebody else."""
        return Write(self.session, self.now, actor, self.dialect, self.told)

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
    clock: Clock
    teller: Teller | None = None

    @property
    def dialect(self) -> Dialect:
        return self.place.dialect

    @contextmanager
    def write(self, actor: str, *, serial: bool = True) -> Iterator[Write]:
        """A write transaction: committed at the end, rolled back whole on any exception.

        Args:
            actor: who makes it.
            serial: wait for other such writes, as whatever decides by what it reads has to. What agents call
                locks its rows instead. SQLite has one writer at a time anyway.

        Raises:
            StoreUnavailable: when the store cannot be written; nothing was changed.
        """
        try:
            with Session(self.engine, expire_on_commit=False) as session, session.begin():
                connection = session.connection(execution_options={"longshore_write": True})
                now = self.clock.now() if self.place.dialect == "sqlite" else 0
                if self.place.dialect == "postgresql":
                    from store.postgres.clock import ServerClock
                    from store.postgres.engine import begin_write, server_now

                    begin_write(connection, serial=serial)
                    now = server_now(connection) if isinstance(self.clock, ServerClock) else self.clock.now()
                tx = Write(session, now, actor, self.place.dialect)
                tables = set() if self.teller is None else self.teller.note(connection)
                yield tx
        except DBAPIError as error:
            raise self.named(error) from error
        if self.teller is not None:
            self.teller.committed(tables, tx.told)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A short read of single resources through the ORM."""
        try:
            with Session(self.engine) as session:
                yield session
        except DBAPIError as error:
            raise self.named(error) from error

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """A plain connection, for what is neither: its errors are named, too."""
        try:
            with self.engine.connect() as connection:
                yield connection
        except DBAPIError as error:
            raise self.named(error) from error

    def close(self) -> None:
        if self.teller is not None:
            self.teller.close()
        self.engine.dispose()

    def named(self, error: DBAPIError) -> LongshoreError:
        """An error of the driver as one of the named errors."""
        found = error.orig
        if self.place.dialect == "postgresql":
            from store.postgres.errors import named as server_error

            return server_error(found or error, self.place)
        if isinstance(found, sqlite3.Error):
            from store.sqlite.errors import named as file_error

            return file_error(found, self.place.path)
        return StoreUnavailable(f"The store '{self.place.url}' cannot be used: {found}.")


def open_store(url: str | StorePlace | None = None, *, clock: Clock | None = None) -> Store:
    """Open a store, make it when there is none, and bring its schema up to date.

    Args:
        url: what :func:`store.place.locate` takes, or a place.
        clock: another clock than the store's (tests, past history).

    Raises:
        StoreUnavailable: a named error that says what to do; the store is unchanged.
    """
    place = locate(url) if url is None or isinstance(url, str) else url
    place.check()
    store = _sqlite(place, clock) if place.dialect == "sqlite" else _postgres(place, clock)
    try:
        with store.connect() as connection:
            version = schema_version(place, lambda sql: connection.exec_driver_sql(sql).scalar())
        if version != HEAD:
            # Alembic takes a quarter of a second to import: only when there is work for it.
            from store.migrate import upgrade

            upgrade(store.engine, place)
    except DBAPIError as error:
        store.close()
        raise store.named(error) from error
    except LongshoreError:
        store.close()
        raise
    return store


def _sqlite(place: SqlitePlace, clock: Clock | None) -> Store:
    from store.sqlite.engine import make_engine

    return Store(place, make_engine(place), clock or HostClock())


def _postgres(place: PostgresPlace, clock: Clock | None) -> Store:
    from store.postgres.clock import ServerClock
    from store.postgres.engine import make_engine, server_now
    from store.postgres.notify import Notifier

    engine = make_engine(place)

    def ask() -> int:
        with store.connect() as connection:
            return server_now(connection)

    store = Store(place, engine, clock or ServerClock(ask), Notifier(engine))
    return store
