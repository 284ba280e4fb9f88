"""Being told of commits to an embedded store: ``PRAGMA data_version`` is the truth, watchfiles the wake-up.

watchfiles watches the real directory (a watch on the file misses a log that is made anew,
measurements-store §2.2), and the version is looked at once a second whatever it says, so that a lost event
costs a second and nothing else. Where no watch can be had, a poll takes its place.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from store.errors import StoreUnavailable
from store.reader import Reader
from store.sqlite.place import SqlitePlace

if TYPE_CHECKING:
    from watchfiles._rust_notify import RustNotify

IDLE_STEP_MS = 50
"""watchfiles looks for events once in a step: 0.2 % of a core at this one."""

QUICK_STEP_MS = 10
"""The step while there is something to tell: a commit is told after one to two of them, at 0.6 % of a core."""

QUICK_SECONDS = 5.0
"""How long after a change the steps stay quick."""

SAFETY_MS = 1_000
"""How often the version is looked at although no event came."""

GRACE_MS = 500
"""How late an event may come after its commit was found without it."""

POLL_SECONDS = 0.1
"""The interval where no file watch can be had."""

RETRY_WATCH_SECONDS = 10.0

log = logging.getLogger("longshore.watch")


class FileWaking:
    """Waits for commits of others to one store's file. For one thread."""

    def __init__(self, place: SqlitePlace) -> None:
        self._place = place
        self._reader: Reader | None = None
        self._version = -1
        self._events: RustNotify | None = None
        self._first = True
        self._watch_again_at = 0.0
        self._quick_until = 0.0
        self._expecting = False
        """An event came without a change: look again soon."""
        self._found_alone = False
        """A change was found without an event: one may still come."""

    def wait(self, stop: threading.Event) -> bool:
        """Wait for a change, a second at the longest; whether there was one. The first call finds one at once.

        Raises:
            StoreUnavailable: the store cannot be read now.
        """
        event = self._first or self._event(stop)
        self._first = False
        if stop.is_set():
            return False
        try:
            if self._reader is not None and self._reader.replaced():
                self._close_reader()
            if self._reader is None:
                self._reader, self._version = Reader(self._place), -1
                # The directory may be another one, too.
                self._events, event = None, True
            found = int(self._reader.value("PRAGMA data_version"))
        except StoreUnavailable:
            self._close_reader()
            raise
        changed, self._version = found != self._version, found
        self._weigh(event, changed)
        return changed

    def close(self) -> None:
        self._close_reader()
        self._events = None

    def _close_reader(self) -> None:
        if self._reader is not None:
            self._reader.close()
        self._reader = None

    def _weigh(self, event: bool, changed: bool) -> None:
        """Learn from what was found how to wait next; say so when no event told of it."""
        if self._found_alone and not event:
            log.info("no event told of a change in '%s': looking found it", self._place.path)
        self._found_alone = changed and not (event or self._expecting) and self._events is not None
        # An event comes before its commit can be seen, by as long as the writer is kept waiting.
        self._expecting = event and not changed
        if changed:
            self._quick_until = time.monotonic() + QUICK_SECONDS

    @property
    def _step(self) -> int:
        return QUICK_STEP_MS if time.monotonic() < self._quick_until else IDLE_STEP_MS

    def _event(self, stop: threading.Event) -> bool:
        """Wait for an event in the store's directory; whether there was one. A new watch counts as one."""
        if self._events is None and time.monotonic() >= self._watch_again_at:
            self._events = self._watch()
            if self._events is not None:
                return True
        if self._events is None:
            stop.wait(POLL_SECONDS)
            return False
        step = self._step
        longest = GRACE_MS if self._found_alone else step * 2 if self._expecting else SAFETY_MS
        try:
            return not isinstance(self._events.watch(step, step, longest, stop), str)
        except (OSError, RuntimeError) as error:
            self._no_watch(error)
            return False

    def _watch(self) -> RustNotify | None:
        # Imported here: 50 ms that the first frame need not wait for.
        from watchfiles._rust_notify import RustNotify

        try:
            return RustNotify([str(self._place.path.parent)], False, False, 0, False, False)
        except (OSError, RuntimeError, UnicodeEncodeError) as error:  # its paths are text: not every name is
            self._no_watch(error)
            return None

    def _no_watch(self, error: Exception) -> None:
        """No inotify left, or the directory is gone: look often instead, and try again later."""
        log.info("no file watch on '%s' (%s): polling", self._place.path.parent, error)
        self._events = None
        self._watch_again_at = time.monotonic() + RETRY_WATCH_SECONDS
