"""Connecting to a PostgreSQL store: every connection looks into the store's schema and lets go of what it forgot."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from store.errors import StoreUnavailable
from store.head import refuse_newer
from store.postgres.place import SCHEMA, PostgresPlace

if TYPE_CHECKING:
    import psycopg

_SETTINGS = (
    f"SET search_path TO {SCHEMA}; SET idle_in_transaction_session_timeout TO '30s'; SET lock_timeout TO '5s'; "
    "SET client_encoding TO 'UTF8'"
)

NOW = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint"
"""The store's time here: the server's, whatever the hosts of agents and screens believe."""


def connect(place: PostgresPlace, *, autocommit: bool) -> psycopg.Connection[Any]:
    """A connection to the store's database.

    Raises:
        StoreUnavailable: StoreNoDriver, or what :func:`store.postgres.errors.named` says.
    """
    place.check()
    import psycopg

    from store.postgres.errors import named

    try:
        # None is no password: libpq then looks in its own places.
        connection = psycopg.connect(place.conninfo(), autocommit=True, password=place.password)
        connection.execute(_SETTINGS)
        connection.autocommit = autocommit
    except psycopg.Error as error:
        raise named(error, place) from error
    return connection


def schema_version(place: PostgresPlace, execute: Callable[[str], Any]) -> str | None:
    """The schema version of an open database; None when ``store init`` has prepared it and nothing more.

    Args:
        place: the store, for the sentences.
        execute: runs a statement and returns its first value, or None.

    Raises:
        StoreUnavailable: StoreNotPrepared, StoreNotOurs or StoreTooNew.
    """
    if not execute(f"SELECT count(*) FROM pg_namespace WHERE nspname = '{SCHEMA}'"):
        raise StoreUnavailable(
            f"The database '{place.url}' is not prepared for a store: have its owner run 'longshore store init "
            "--apply' on it.",
            code="StoreNotPrepared",
        )
    if not execute(f"SELECT count(*) FROM pg_tables WHERE schemaname = '{SCHEMA}' AND tablename = 'alembic_version'"):
        if execute(f"SELECT count(*) FROM pg_tables WHERE schemaname = '{SCHEMA}'"):
            raise StoreUnavailable(
                f"The schema '{SCHEMA}' of the database '{place.url}' holds tables of another program: name another "
                "database.",
                code="StoreNotOurs",
            )
        return None
    version = execute(f"SELECT version_num FROM {SCHEMA}.alembic_version")
    if version is None:
        return None
    refuse_newer(str(version), place.url)
    return str(version)
