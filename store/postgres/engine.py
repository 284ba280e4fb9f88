"""The SQLAlchemy engine of a store on a server: few connections, kept, and one order for admins' writes."""

from __future__ import annotations

from sqlalchemy import Engine, create_engine
from sqlalchemy.engine import Connection

from store.postgres.connecting import NOW, connect
from store.postgres.place import PostgresPlace

LOCK_CLASS = 0x4C53
"""First key of this program's advisory locks."""

WRITE_LOCK, MIGRATION_LOCK, UPKEEP_LOCK = 1, 2, 3


def make_engine(place: PostgresPlace) -> Engine:
    """An engine whose connections log in as the place says.

    A process keeps a connection or two: connecting for every heartbeat costs a server a whole core
    (measurements-store §5).
    """
    return create_engine(
        "postgresql+psycopg://", creator=lambda: connect(place, autocommit=False), pool_size=2, max_overflow=8
    )


def begin_write(connection: Connection, *, serial: bool) -> None:
    """The first statement of a write. Admins' operations come one after the other, as on SQLite: they decide by
    what they read. Agents' calls do not wait for one another; each locks the rows that it decides by."""
    if serial:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK_CLASS}, {WRITE_LOCK})")


def server_now(connection: Connection) -> int:
    """The server's time in milliseconds since the epoch, UTC."""
    return int(connection.exec_driver_sql(NOW).scalar_one())
