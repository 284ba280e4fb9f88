"""Being told that something changed: ``PRAGMA data_version`` is the truth, watchfiles the wake-up.

watchfiles watches the real directory (a watch on the file misses a log that is made anew,
measurements-store §2.2) and yields at least once a second, so that a lost event costs a second
and nothing else. Where no watch can be had, a slow poll takes its place.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator

from store.errors import StoreUnavailable
from store.place import StorePlace
from store.reader import Reader
from store.sqlite.place import SqlitePlace

STEP_MS = 50
"""watchfiles' step: a change is told after one to two of them, at 0.2 % of a core when idle."""

SAFETY_MS = 1_000
"""How often the version is looked at although no event came."""

POLL_SECONDS = 0.1
"""The interval where no file watch can be had."""

log = logging.getLogger("longshore.watch")


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
    ) -> None:
        self._place = place
        self._on_change = on_change
        self._on_trouble = on_trouble or (lambda error: None)
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
        reader: Reader | None = None
        version = -1
        troubled = False
        for _ in self._wake_ups():
            try:
                if reader is not None and reader.replaced():
                    reader.close()
                    reader = None
                if reader is None:
                    reader, version = Reader(self._place), -1
                found = reader.data_version()
            except StoreUnavailable as error:
                if reader is not None:
                    reader.close()
                reader = None
                if not troubled:
                    self._on_trouble(error)
                troubled = True
                continue
            troubled = False
            if found != version:
                version = found
                self._on_change()
        if reader is not None:
            reader.close()

    def _wake_ups(self) -> Iterator[None]:
        if not isinstance(self._place, SqlitePlace):
            yield None
            while not self._stop.wait(POLL_SECONDS):
                yield None
            return
        # Imported here: 50 ms that the first frame need not wait for.
        from watchfiles import watch

        name = self._place.path.name
        yield None
        while not self._stop.is_set():
            try:
                for _ in watch(
                    self._place.path.parent,
                    watch_filter=lambda _change, path: path.rpartition("/")[2].startswith(name),
                    step=STEP_MS,
                    debounce=STEP_MS,
                    rust_timeout=SAFETY_MS,
                    yield_on_timeout=True,
                    stop_event=self._stop,
                    raise_interrupt=False,
                    recursive=False,
                ):
                    yield None
            except (OSError, RuntimeError) as error:
                # No inotify left, or the directory is gone: look often instead.
                log.info("no file watch on %s (%s): polling", self._place.path.parent, error)
                for _ in range(100):
                    if self._stop.wait(POLL_SECONDS):
                        return
                    yield None
