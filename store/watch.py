"""Being told that something changed in a store, from a thread of one's own.

What wakes it is particular to each kind of store: events of the file system, or the server's notifications.
Neither is trusted: a slow look finds what they missed, and says so in the log.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from store.errors import StoreUnavailable
from store.place import StorePlace


class Waking(Protocol):
    """What each kind of store has for waiting; used from one thread."""

    def wait(self, stop: threading.Event) -> bool:
        """Wait for a change, about a second at the longest; whether there was one.

        The first call finds one at once, and so does the first after a trouble.

        Raises:
            StoreUnavailable: the store cannot be read now; the next call tries again, in its own time.
        """

    def close(self) -> None: ...


class Watch:
    """Calls back, from a thread of its own, whenever another process or connection has committed.

    ``on_change()`` is called after commits, ``on_trouble(error)`` once when the store cannot be
    read, and ``on_change()`` again when it can. A store that was replaced counts as changed.
    """

    def __init__(
        self,
        place: StorePlace,
        on_change: Callable[[], None],
        on_trouble: Callable[[StoreUnavailable], None] | None = None,
        *,
        agent_id: int | None = None,
    ) -> None:
        """Prepare; :meth:`start` begins.

        Args:
            place: the store.
            on_change: called after commits, and once at the beginning.
            on_trouble: called with the error when the store cannot be read.
            agent_id: wait for what concerns this agent alone. A server tells it nothing else, and nobody looks
                in between: its heartbeat does. An embedded store tells everybody everything.
        """
        self._place = place
        self._on_change = on_change
        self._on_trouble = on_trouble or (lambda error: None)
        self._agent_id = agent_id
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="store-watch", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, wait: bool = False) -> None:
        """End the watch; ``wait`` blocks until its thread is gone (at most about a second)."""
        self._stop.set()
        if wait:
            self._thread.join()

    def _run(self) -> None:
        waking = self._waking()
        troubled = False
        while not self._stop.is_set():
            try:
                changed = waking.wait(self._stop)
            except StoreUnavailable as error:
                if not troubled:
                    self._on_trouble(error)
                troubled = True
                continue
            troubled = False
            if changed and not self._stop.is_set():
                self._on_change()
        waking.close()

    def _waking(self) -> Waking:
        # Each imports its driver: nobody waits for the other's.
        if self._place.dialect == "sqlite":
            from store.sqlite.waking import FileWaking

            return FileWaking(self._place)
        from store.postgres.waking import ServerWaking

        return ServerWaking(self._place, self._agent_id)
