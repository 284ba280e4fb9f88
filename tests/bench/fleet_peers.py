"""The same heartbeats and progress as somebody would write them who has not met the traps: for a ratio.

On SQLite a transaction that begins as ``sqlite3`` begins it, reads and then writes; on PostgreSQL a
connection for each write.
"""

from __future__ import annotations

import contextlib
import random
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable

import psycopg

SCHEMA = (
    "CREATE TABLE beat (agent_id integer PRIMARY KEY, at bigint)",
    "CREATE TABLE progress (run_id integer PRIMARY KEY, at bigint, bytes bigint)",
)


def naive_sqlite(path: str, agents: int, runs: int, seconds: float, threads: int) -> tuple[list[float], Counter[str]]:
    """Deferred transactions that read first, on a store of two tables."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        _fill(lambda sql, rows: connection.executemany(sql.replace("%s", "?"), rows), connection.execute, agents, runs)
        connection.commit()
    local = threading.local()

    def write(table: str, key: str, number: int) -> None:
        if not hasattr(local, "connection"):
            local.connection = sqlite3.connect(path, isolation_level=None)
        connection: sqlite3.Connection = local.connection
        connection.execute("BEGIN")
        try:
            connection.execute(f"SELECT at FROM {table} WHERE {key} = ?", (number,)).fetchone()
            # What an ORM does between the two.
            time.sleep(0.001)
            connection.execute(f"UPDATE {table} SET at = at + 1 WHERE {key} = ?", (number,))
            connection.execute("COMMIT")
        except sqlite3.Error:
            connection.execute("ROLLBACK")
            raise

    return _load(write, agents, runs, seconds, threads)


def naive_postgres(url: str, agents: int, runs: int, seconds: float, threads: int) -> tuple[list[float], Counter[str]]:
    """A connection for each write, in a schema of its own."""
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        connection.execute("CREATE SCHEMA naive")
        connection.execute("SET search_path TO naive")
        _fill(cursor.executemany, connection.execute, agents, runs)

    def write(table: str, key: str, number: int) -> None:
        with psycopg.connect(url) as connection:
            connection.execute(f"UPDATE naive.{table} SET at = at + 1 WHERE {key} = %s", (number,))

    return _load(write, agents, runs, seconds, threads)


def _fill(
    many: Callable[[str, list[tuple[int, ...]]], object], one: Callable[[str], object], agents: int, runs: int
) -> None:
    for statement in SCHEMA:
        one(statement)
    many("INSERT INTO beat VALUES (%s, 0)", [(number,) for number in range(agents)])
    many("INSERT INTO progress VALUES (%s, 0, 0)", [(number,) for number in range(runs)])


def _load(
    write: Callable[[str, str, int], None], agents: int, runs: int, seconds: float, threads: int
) -> tuple[list[float], Counter[str]]:
    """Heartbeats each 5 to 10 seconds and progress twice a second; the seconds of each write, and what failed."""
    times: list[float] = []
    failed: Counter[str] = Counter()
    end = time.monotonic() + seconds

    def work(number: int) -> None:
        chance = random.Random(number)
        due = [(time.monotonic() + chance.uniform(0, 7.5), "beat", one) for one in range(number, agents, threads)]
        due += [(time.monotonic() + chance.uniform(0, 0.5), "progress", one) for one in range(number, runs, threads)]
        while due:
            due.sort()
            at, table, one = due.pop(0)
            if at >= end:
                break
            time.sleep(max(0.0, at - time.monotonic()))
            begin = time.perf_counter()
            try:
                write(table, "agent_id" if table == "beat" else "run_id", one)
            except (sqlite3.Error, psycopg.Error) as error:
                failed[type(error).__name__] += 1
            times.append(time.perf_counter() - begin)
            due.append((at + (chance.uniform(5, 10) if table == "beat" else 0.5), table, one))

    crew = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for thread in crew:
        thread.start()
    for thread in crew:
        thread.join()
    return times, failed
