"""Bringing a store's schema up to date: Alembic, inside one transaction, under the write lock.

The lock is the migration's own ``BEGIN IMMEDIATE``; the version is read again under it, so that
of many processes that start together one migrates and the others find it done.
"""

from __future__ import annotations

import secrets
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine
from sqlalchemy.engine import Connection

from store.errors import StoreUnavailable
from store.models import FEED_TABLES
from store.place import HEAD, StorePlace

MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(engine: Engine, place: StorePlace) -> None:
    """Apply the missing revisions, then install the feed's triggers anew.

    Raises:
        StoreUnavailable: StoreTooNew, or StoreCorrupt when a reference leads nowhere afterwards.
    """
    with engine.connect().execution_options(longshore_write=True) as connection:
        # No-op inside a transaction, and a table rebuild would cascade with it on.
        connection.connection.dbapi_connection.execute("PRAGMA foreign_keys=OFF")  # type: ignore[union-attr]
        with connection.begin():
            if place.check_ours(lambda sql: connection.exec_driver_sql(sql).scalar()) != HEAD:
                command.upgrade(alembic_config(connection), "head")
                install_triggers(connection)
                _start_epoch(connection)
                if connection.exec_driver_sql("PRAGMA foreign_key_check").first() is not None:
                    raise StoreUnavailable(
                        f"The store '{place.path}' has references that lead nowhere: restore your last backup.",
                        code="StoreCorrupt",
                    )
        connection.connection.dbapi_connection.execute("PRAGMA foreign_keys=ON")  # type: ignore[union-attr]


def alembic_config(connection: Connection) -> Config:
    """Alembic's configuration for the packaged revisions on an open connection."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def install_triggers(connection: Connection) -> None:
    """(Re)make the feed's triggers: a table that a migration rebuilds loses its own."""
    for table in FEED_TABLES:
        for op, moment in (("I", "INSERT"), ("U", "UPDATE"), ("D", "DELETE")):
            row = "OLD" if op == "D" else "NEW"
            name = f"feed_{table}_{op.lower()}"
            connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name}")
            connection.exec_driver_sql(
                f"CREATE TRIGGER {name} AFTER {moment} ON {table} BEGIN "
                f"INSERT INTO change (kind, row_id, op) VALUES ('{table}', {row}.id, '{op}'); END"
            )


def _start_epoch(connection: Connection) -> None:
    connection.exec_driver_sql(
        "INSERT OR IGNORE INTO feed_state (id, epoch, floor) VALUES (1, ?, 0)", (secrets.token_hex(8),)
    )
