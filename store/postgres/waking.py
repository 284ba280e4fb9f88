"""Being told of commits to a store on a server: LISTEN, and a slow look as a safety net.

A notification says "look" and nothing else. Its sender is :mod:`store.postgres.notify`, after its commit; one that
was lost (a writer that died in between) is found by the look. Live numbers of runs are not notified, since each
notification costs a server 20 µs for every agent that listens: while a run is active the look is quick instead.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any

from store.errors import StoreUnavailable
from store.postgres.connecting import connect
from store.postgres.place import PostgresPlace

if TYPE_CHECKING:
    import psycopg

READERS = "longshore"
"""The channel of screens and of commands that wait."""

LOOK_SECONDS = 2.0
"""How often a reader looks although nothing was notified."""

LIVE_SECONDS = 0.5
"""The same while a run is active: its numbers are told by looking only."""

PING_SECONDS = 30.0
"""How often an agent's connection is tried: one that a firewall forgot would never say so."""

GRACE_SECONDS = 0.5
"""How late a notification may come after its commit was found without it."""

SLICE_SECONDS = 1.0
"""How long a wait may last before it is seen that it should end."""

RETRY_SECONDS = (0.1, 5.0)
"""The first and the longest pause before connecting again; each is twice the one before."""

_SNAPSHOT = "SELECT CAST(pg_current_snapshot() AS text)"

_LOOK = """
SELECT CAST(pg_current_snapshot() AS text),
  EXISTS (SELECT FROM change WHERE xid >= pg_snapshot_xmin(CAST(%(seen)s AS pg_snapshot))
    AND NOT pg_visible_in_snapshot(xid, CAST(%(seen)s AS pg_snapshot))),
  (SELECT array[count(*), coalesce(max(p.at), 0)] FROM job_run AS r JOIN run_progress AS p ON p.run_id = r.id
    WHERE r.status NOT IN ('Canceled', 'Failed', 'Succeeded'))
"""

log = logging.getLogger("longshore.watch")


def agent_channel(agent_id: int) -> str:
    """The channel of one agent; nobody else's work wakes it."""
    return f"{READERS}_agent_{agent_id}"


class ServerWaking:
    """Waits for commits of others to one store. For one thread."""

    def __init__(self, place: PostgresPlace, agent_id: int | None = None) -> None:
        self._place = place
        self._agent_id = agent_id
        self._connection: psycopg.Connection[Any] | None = None
        self._pause = 0.0
        self._seen = ""
        self._live: list[int] = []
        self._look_at = 0.0

    def wait(self, stop: threading.Event) -> bool:
        """Wait for a change, a second at the longest; whether there was one. The first call finds one at once.

        Raises:
            StoreUnavailable: the connection is lost or cannot be had; the next call waits and tries again.
        """
        import psycopg

        from store.postgres.errors import named

        try:
            if self._connection is None:
                if stop.wait(self._pause):
                    return False
                self._listen()
                return True
            return self._waited(self._connection)
        except psycopg.Error as error:
            self._lost()
            raise named(error, self._place) from error
        except StoreUnavailable:
            self._lost()
            raise

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _lost(self) -> None:
        self.close()
        shortest, longest = RETRY_SECONDS
        self._pause = min(longest, max(shortest, self._pause * 2))

    def _listen(self) -> None:
        connection = connect(self._place, autocommit=True)
        self._connection = connection
        connection.execute(f"LISTEN {READERS if self._agent_id is None else agent_channel(self._agent_id)}")
        self._pause = 0.0
        if self._agent_id is None:
            self._remember(connection)
            self._look_at = 0.0
        else:
            self._look_at = time.monotonic() + PING_SECONDS

    def _waited(self, connection: psycopg.Connection[Any]) -> bool:
        heard = _heard(connection, min(SLICE_SECONDS, max(0.0, self._look_at - time.monotonic())))
        if self._agent_id is not None:
            if not heard and time.monotonic() >= self._look_at:
                connection.execute("SELECT 1")
                self._look_at = time.monotonic() + PING_SECONDS
            return heard
        if heard:
            self._remember(connection)
            return True
        return time.monotonic() >= self._look_at and self._look(connection)

    def _remember(self, connection: psycopg.Connection[Any]) -> None:
        """What is committed now has been told: whoever is woken reads later."""
        self._seen = _first(connection.execute(_SNAPSHOT))[0]

    def _look(self, connection: psycopg.Connection[Any]) -> bool:
        """Whether there is something that no notification told of."""
        before = self._seen
        self._seen, missed, live = _first(connection.execute(_LOOK, {"seen": before}))
        self._look_at = time.monotonic() + (LIVE_SECONDS if live[0] else LOOK_SECONDS)
        moved, self._live = live != self._live, live
        if missed and _heard(connection, GRACE_SECONDS):
            self._remember(connection)
        elif missed:
            log.info("no notification told of a change in '%s': looking found it", self._place.url)
        return bool(missed) or moved


def _heard(connection: psycopg.Connection[Any], seconds: float) -> bool:
    """Wait for a notification and take all that have come."""
    heard = False
    for _ in connection.notifies(timeout=seconds, stop_after=1):
        heard = True
    return heard


def _first(cursor: psycopg.Cursor[Any]) -> Any:
    row = cursor.fetchone()
    assert row is not None
    return row
