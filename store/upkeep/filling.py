"""Filling a store with rows in bulk, past the operations: for a simulated past, and for nothing that is real.

A batch is one transaction. The feed's triggers are off within it, since nobody can have followed the past: a new
epoch tells readers to look afresh. Indexes of the great tables are made at the end.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.engine import Connection

from store import derived
from store.models import COUNTER_FIELDS, FEED_TABLES

ROWS: Final = 50_000
"""Rows of items that are held at a time."""

WITH_IDS: Final = ("storage_mover", "agent", "endpoint", "project", "job_definition", "job_run")

_GREAT: Final = ("job_run", "run_item", "event", "access_grant")

UPKEEP_INDEX: Final = "ix_job_run_thin"
"""By which whoever keeps up the store finds that there is nothing to thin out."""

Row = tuple[Any, ...]


def next_ids(connection: Connection) -> dict[str, int]:
    """The first free id of each table whose rows others refer to."""
    return {table: (connection.exec_driver_sql(f"SELECT max(id) FROM {table}").scalar() or 0) + 1 for table in WITH_IDS}


def prepare(connection: Connection) -> None:
    """Settings of this connection alone: what it writes refers to what it has written."""
    if connection.dialect.name == "sqlite":
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.execute("PRAGMA foreign_keys=OFF")
        # Indexes of years do not fit into what suffices for an agent.
        driver.execute("PRAGMA cache_size=-262144")
        driver.execute("PRAGMA threads=2")


@contextmanager
def without_indexes(connection: Connection) -> Iterator[None]:
    """The great tables are without their indexes: made at the end, each of them costs a tenth."""
    if connection.dialect.name == "sqlite":
        found = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name = '{}'"
    else:
        found = (
            "SELECT i.indexname, i.indexdef FROM pg_indexes i WHERE i.schemaname = current_schema() "
            "AND i.tablename = '{}' AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conname = i.indexname)"
        )
    with connection.begin():
        indexes = [
            (name, statement)
            for table in _GREAT
            for name, statement in connection.exec_driver_sql(found.format(table))
            if name != UPKEEP_INDEX
        ]
        for name, _ in indexes:
            connection.exec_driver_sql(f"DROP INDEX {name}")
    try:
        yield
    finally:
        for _, statement in indexes:
            with connection.begin():
                connection.exec_driver_sql(statement)


@contextmanager
def without_feed(connection: Connection) -> Iterator[None]:
    """One transaction in which the feed's triggers are off, and after which readers look afresh."""
    server = connection.dialect.name == "postgresql"
    names = [(table, f"feed_{table}_{op}") for table in FEED_TABLES for op in "iud"]
    with connection.begin():
        for table, name in names:
            connection.exec_driver_sql(
                f"ALTER TABLE {table} DISABLE TRIGGER {name}" if server else f"DROP TRIGGER IF EXISTS {name}"
            )
        if not server:
            # It counts run by run; a batch is counted at once. A server's counts so already.
            connection.exec_driver_sql("DROP TRIGGER IF EXISTS totals_job_run_i")
        yield
        if server:
            for table, name in names:
                connection.exec_driver_sql(f"ALTER TABLE {table} ENABLE TRIGGER {name}")
            for table in WITH_IDS:
                sequence = f"pg_get_serial_sequence('{table}', 'id')"
                connection.exec_driver_sql(
                    f"SELECT setval({sequence}, (SELECT coalesce(max(id), 0) + 1 FROM {table}), false)"
                )
        else:
            # Imports Alembic: a quarter of a second that only a past has to wait for.
            from store.migrate import install_triggers

            install_triggers(connection)
            derived.install(connection)
        connection.execute(text("UPDATE feed_state SET epoch = :epoch"), {"epoch": secrets.token_hex(8)})


def put(connection: Connection, table: str, columns: Sequence[str], rows: Iterable[Row]) -> int:
    """Insert rows as fast as the database takes them; how many."""
    count = 0
    rows = iter(rows)
    if connection.dialect.name == "postgresql":
        cursor = connection.connection.cursor()
        with cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
                count += 1
        cursor.close()
        return count
    statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
    driver = connection.connection.driver_connection
    assert driver is not None
    while some := list(islice(rows, ROWS)):
        driver.executemany(statement, some)
        count += len(some)
    return count


def derive_from_runs(connection: Connection, first: int, last: int) -> None:
    """Write what follows from a batch of ended runs: totals where no trigger counts them, and their last progress.

    Args:
        connection: in a transaction of :func:`without_feed`.
        first: id of the first run, ``last`` that of the last one.
    """
    span = {"first": first, "last": last}
    counters = ", ".join(COUNTER_FIELDS)
    if connection.dialect.name == "sqlite":
        sums = ", ".join(f"sum({name})" for name in COUNTER_FIELDS)
        added = ", ".join(f"{name} = run_totals.{name} + excluded.{name}" for name in ("runs", *COUNTER_FIELDS))
        connection.execute(
            text(
                f"INSERT INTO run_totals (mover_id, kind, status, runs, {counters}) "
                f"SELECT mover_id, kind, status, count(*), {sums} FROM job_run WHERE id BETWEEN :first AND :last "
                f"GROUP BY mover_id, kind, status ON CONFLICT (mover_id, kind, status) DO UPDATE SET {added}"
            ),
            span,
        )
    connection.execute(
        text(
            f"INSERT INTO run_progress (run_id, at, phase, total_items, total_bytes, bytes_in_flight, "
            f"items_deleted_before, bytes_deleted_before, current, {counters}) "
            f"SELECT id, execution_end_time, 'finish', items_scanned, bytes_scanned, 0, 0, 0, '[]', {counters} "
            "FROM job_run WHERE id BETWEEN :first AND :last AND fence > 0"
        ),
        span,
    )


def tell_definitions(connection: Connection, first: int) -> None:
    """Each definition's count and latest run: once, since each costs what a list of definitions is sorted by."""
    connection.execute(
        text(
            "UPDATE job_definition SET run_count = latest.number, latest_run_id = latest.id FROM "
            "(SELECT definition_id, max(id) AS id, max(number) AS number FROM job_run WHERE id >= :first "
            "GROUP BY definition_id) AS latest WHERE job_definition.id = latest.definition_id"
        ),
        {"first": first},
    )
