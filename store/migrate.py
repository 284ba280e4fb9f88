"""Bringing a store's schema up to date: Alembic, inside one transaction, under a lock.

The lock is the migration's own ``BEGIN IMMEDIATE``, an advisory lock on a server; the version is read again
under it, so that of many processes that start together one migrates and the others find it done.
"""

from __future__ import annotations

import secrets
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, text
from sqlalchemy.engine import Connection

from store import derived
from store.errors import InvalidInput, StoreUnavailable
from store.head import HEAD
from store.models import FEED_TABLES
from store.place import StorePlace
from store.postgres.place import SCHEMA, PostgresPlace
from store.schema import schema_version
from store.sqlite.place import SqlitePlace
from store.upkeep.backup import copy_file
from store.upkeep.newfile import new_file

MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(engine: Engine, place: StorePlace) -> None:
    """Apply the missing revisions, then install the feed's triggers anew; an embedded store that held something is
    backed up first.

    Raises:
        StoreUnavailable: StoreTooNew, StoreCorrupt when a reference leads nowhere afterwards, StoreForbidden for a
            login that may not, or what kept the backup from being made; the store is as it was.
    """
    if place.dialect == "sqlite":
        _upgrade_file(engine, place)
    else:
        _upgrade_server(engine, place)


def _upgrade_file(engine: Engine, place: SqlitePlace) -> None:
    with engine.connect().execution_options(longshore_write=True) as connection:
        # No-op inside a transaction, and a table rebuild would cascade with it on.
        connection.connection.dbapi_connection.execute("PRAGMA foreign_keys=OFF")  # type: ignore[union-attr]
        with connection.begin():
            version = place.check_ours(lambda sql: connection.exec_driver_sql(sql).scalar())
            if version is not None and version != HEAD:
                _back_up(place, version)
            if version != HEAD:
                apply_schema(connection)
                if connection.exec_driver_sql("PRAGMA foreign_key_check").first() is not None:
                    raise StoreUnavailable(
                        f"The store '{place.path}' has references that lead nowhere: restore your last backup.",
                        code="StoreCorrupt",
                    )
        connection.connection.dbapi_connection.execute("PRAGMA foreign_keys=ON")  # type: ignore[union-attr]


def _upgrade_server(engine: Engine, place: PostgresPlace) -> None:
    from store.postgres.engine import LOCK_CLASS, MIGRATION_LOCK

    with engine.begin() as connection:
        # An upgrade may wait for another one, and that may take long.
        connection.exec_driver_sql("SET LOCAL lock_timeout TO 0")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK_CLASS}, {MIGRATION_LOCK})")
        if schema_version(place, lambda sql: connection.exec_driver_sql(sql).scalar()) == HEAD:
            return
        # All belongs to the admins' role, whoever of them came first.
        owner = connection.exec_driver_sql(
            f"SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = '{SCHEMA}'"
        ).scalar_one()
        quoted = connection.dialect.identifier_preparer.quote(owner)
        connection.exec_driver_sql(f"SET LOCAL ROLE {quoted}")
        apply_schema(connection)


def apply_schema(connection: Connection) -> None:
    """Bring a database to this program's schema, with the triggers and rights that go with it."""
    command.upgrade(alembic_config(connection), "head")
    install_triggers(connection)
    if connection.dialect.name == "postgresql":
        from store.postgres.policies import install_policies

        install_policies(connection)
    _start_epoch(connection)


def backup_of(place: SqlitePlace, version: str) -> Path:
    """Where a store of an older schema is kept when it is upgraded."""
    return place.path.with_name(f"{place.path.name}.schema-{version}")


def _back_up(place: SqlitePlace, version: str) -> None:
    """Copy the store beside itself, mode 0600 and whole or not at all; the caller holds the write lock."""
    backup = backup_of(place, version)
    try:
        with new_file(backup, replace=True) as part:
            copy_file(place, part)
    except InvalidInput as error:
        raise StoreUnavailable(
            f"The store '{place.path}' cannot be backed up as '{backup.name}' before its upgrade: make its directory "
            "writable, with nothing of that name in it; nothing was changed.",
            code="StoreCannotBackUp",
        ) from error


def alembic_config(connection: Connection) -> Config:
    """Alembic's configuration for the packaged revisions on an open connection."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def install_triggers(connection: Connection) -> None:
    """(Re)make the triggers of the feed and of what is derived: a table that a migration rebuilds loses its own."""
    derived.install(connection)
    server = connection.dialect.name == "postgresql"
    if server:
        # With its owner's rights: who may change a row need not be allowed to write the feed.
        connection.exec_driver_sql(
            f"""CREATE OR REPLACE FUNCTION {SCHEMA}.feed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
                SET search_path = pg_catalog, pg_temp AS $$
                BEGIN
                    IF TG_OP = 'DELETE' THEN
                        INSERT INTO {SCHEMA}.change (kind, row_id, op) VALUES (TG_TABLE_NAME, OLD.id, 'D');
                    ELSE
                        INSERT INTO {SCHEMA}.change (kind, row_id, op)
                            VALUES (TG_TABLE_NAME, NEW.id, left(TG_OP, 1));
                    END IF;
                    RETURN NULL;
                END $$"""
        )
    for table in FEED_TABLES:
        for op, moment in (("I", "INSERT"), ("U", "UPDATE"), ("D", "DELETE")):
            row = "OLD" if op == "D" else "NEW"
            name = f"feed_{table}_{op.lower()}"
            connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name}" + (f" ON {table}" if server else ""))
            connection.exec_driver_sql(
                f"CREATE TRIGGER {name} AFTER {moment} ON {table} FOR EACH ROW EXECUTE FUNCTION {SCHEMA}.feed()"
                if server
                else f"CREATE TRIGGER {name} AFTER {moment} ON {table} BEGIN "
                f"INSERT INTO change (kind, row_id, op) VALUES ('{table}', {row}.id, '{op}'); END"
            )


def _start_epoch(connection: Connection) -> None:
    connection.execute(
        text("INSERT INTO feed_state (id, epoch, floor) VALUES (1, :epoch, 0) ON CONFLICT DO NOTHING"),
        {"epoch": secrets.token_hex(8)},
    )
