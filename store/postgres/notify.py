"""Telling listeners of commits: notifications in transactions of their own, a few at most.

A NOTIFY inside a write would keep all other commits waiting for its own (it takes a lock of the whole server
until it is on disk; measurements-store §3.2: 0.65 of the throughput). So a thread sends it afterwards, at most one
in 20 ms for each process, and what was told in between goes with the next one. None is sent for what only changed
heartbeats, leases and live numbers.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Collection
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError

from store.errors import StoreUnavailable
from store.models import FEED_TABLES
from store.postgres.waking import READERS, agent_channel

INTERVAL_SECONDS = 0.02
"""The shortest time between two notifications of a process."""

CLOSE_SECONDS = 5.0
"""How long a program that ends waits for the last one."""

_NOTIFY = "SELECT pg_notify(channel, '') FROM unnest(%s::text[]) AS channel"
_WRITTEN = re.compile(r'\b(?:INSERT INTO|UPDATE|DELETE FROM)\s+"?(\w+)', re.IGNORECASE)
_NOTED = "longshore_written"
_FED = frozenset(FEED_TABLES)

log = logging.getLogger("longshore.watch")


class Notifier:
    """The notifications of one process, sent over connections of its engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._pending: set[str] = set()
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        event.listen(engine, "before_cursor_execute", _note)

    def note(self, connection: Connection) -> set[str]:
        """A write begins; the names of the tables that it writes to, as they come."""
        tables: set[str] = set()
        connection.info[_NOTED] = tables
        return tables

    def committed(self, tables: Collection[str], agents: Collection[int]) -> None:
        """Wake the readers when a table of the feed was written to, and these agents."""
        channels = {agent_channel(agent) for agent in agents}
        if not _FED.isdisjoint(tables):
            channels.add(READERS)
        if not channels:
            return
        with self._changed:
            self._pending |= channels
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="store-notify", daemon=True)
                self._thread.start()
            self._changed.notify()

    def close(self) -> None:
        """Send what is still to be sent, and end."""
        self._closing.set()
        with self._changed:
            self._changed.notify()
            thread, self._thread = self._thread, None
        if thread is not None:
            thread.join(CLOSE_SECONDS)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._pending or self._closing.is_set())
                channels, self._pending = self._pending, set()
            if not channels:
                return
            self._send(sorted(channels))
            self._closing.wait(INTERVAL_SECONDS)

    def _send(self, channels: list[str]) -> None:
        # A connection of the pool may have died unnoticed: then the second one is new.
        for last in (False, True):
            try:
                with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                    connection.exec_driver_sql(_NOTIFY, (channels,))
                return
            except (SQLAlchemyError, StoreUnavailable) as error:
                if last:
                    # Whoever listens looks by itself, too.
                    log.info("a notification could not be sent: %s", error)


def _note(connection: Connection, _cursor: Any, statement: str, *_: Any) -> None:
    tables = connection.info.get(_NOTED)
    if tables is not None:
        tables.update(_WRITTEN.findall(statement))
