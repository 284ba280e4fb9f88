"""Following the store from the screen: one reader thread, one watch, and changes a few times a second.

Reads never run on the event loop. What is new (a run that began, a state that changed) is told soon; numbers that
only tick are told twice a second, and between two tellings all gather.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import ParamSpec, TypeVar

from store import feed
from store.clock import Clock
from store.errors import StoreUnavailable
from store.place import StorePlace
from store.reader import Reader
from store.watch import Watch

P = ParamSpec("P")
Result = TypeVar("Result")

TICK_SECONDS = 0.5
"""The shortest time between two tellings of live numbers: enough for people, and little for a slow link."""

SOON_SECONDS = 0.12
"""The shortest time between two looks at what is new; an admin sees it a quarter of a second after its commit."""


@dataclass(frozen=True)
class StoreChanges:
    """What changed since the last telling. ``resync`` means: anything may have.

    Progress, heartbeats and leases are not in the feed: they may have changed with every telling that is ``live``,
    and are not to be read again with the others.
    """

    rows: frozenset[tuple[str, int]] = field(default_factory=frozenset)
    resync: bool = False
    live: bool = True

    def merged(self, later: StoreChanges) -> StoreChanges:
        """Both together, for a telling that had to be put off."""
        return StoreChanges(self.rows | later.rows, self.resync or later.resync, self.live or later.live)

    def touches(self, *kinds: str) -> bool:
        """Whether a row of one of these tables changed."""
        return self.resync or any(kind in kinds for kind, _ in self.rows)


NOTHING = StoreChanges(live=False)
EVERYTHING = StoreChanges(resync=True)


class StoreFollower:
    """Reads for the screen, and tells it what changed.

    ``on_changes`` is awaited before the next telling, so that a screen that is slow to paint is told
    less often and never twice at once; that it is told means that the store can be read.
    ``on_trouble`` gets the error while it cannot.
    """

    def __init__(
        self,
        place: StorePlace,
        on_changes: Callable[[StoreChanges], Awaitable[None]],
        on_trouble: Callable[[StoreUnavailable], None],
        clock: Clock | None = None,
        tick_seconds: float = TICK_SECONDS,
    ) -> None:
        self._place = place
        self._on_changes = on_changes
        self._on_trouble = on_trouble
        self._clock = clock
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="store-reader")
        self._reader: Reader | None = None
        self._cursor = ""
        self._told = asyncio.Event()
        self._watch: Watch | None = None
        self._stopped = False
        self.tick_seconds = tick_seconds
        self._read_at: float | None = None
        self._asked_at: dict[int, float] = {}
        self._asked = 0

    @property
    def age(self) -> float | None:
        """Seconds since the store was last read well: so old is what is shown. None before the first reading.

        A healthy store is read every few seconds, whether or not anything changes.
        """
        return None if self._read_at is None else time.monotonic() - self._read_at

    @property
    def unanswered(self) -> float:
        """Seconds that the oldest question to the store has waited; 0 when none does."""
        return time.monotonic() - min(self._asked_at.values()) if self._asked_at else 0.0

    @property
    def revision(self) -> int:
        """How far the feed was followed; for showing only."""
        return feed.revision(self._cursor)

    async def read(self, query: Callable[..., Result], *arguments: object, **options: object) -> Result:
        """Run a query on the reader thread.

        Raises:
            StoreUnavailable: the store is out of reach; the screen keeps what it shows.
        """
        self._asked += 1
        number = self._asked
        self._asked_at[number] = time.monotonic()
        try:
            return await asyncio.wrap_future(self.ahead(query, *arguments, **options))
        finally:
            del self._asked_at[number]

    def ahead(self, query: Callable[..., Result], *arguments: object, **options: object) -> Future[Result]:
        """Begin a query; for what is read while the screen is being made."""
        if self._stopped:
            raise StoreUnavailable("This screen is closing.", code="Closing")
        return self._threads.submit(lambda: query(self._open(), *arguments, **options))

    async def run(self) -> None:
        """Follow until cancelled; the first telling is for everything that came before.

        Whoever runs this must not lose its exception: a screen that is told nothing any more looks
        live and is not.
        """
        loop = asyncio.get_running_loop()
        self._watch = Watch(
            self._place,
            # Commits come by the hundred; the loop is woken by the first after each look.
            lambda: None if self._told.is_set() else _safely(loop, self._told.set),
            lambda error: _safely(loop, self._on_trouble, error),
        )
        self._watch.start()
        tick_due, owed = loop.time(), False
        while True:
            # Numbers that were held back are due with the next tick, whether anything comes or not.
            await self._woken(tick_due if owed else None)
            asked_at = time.monotonic()
            try:
                changes = await self.read(self._changes)
            except StoreUnavailable as error:
                self._on_trouble(error)
                # A connection that died unnoticed: the watch may have told of its own new one already.
                if self._reader is not None and self._reader.replaced():
                    self._told.set()
                await asyncio.sleep(TICK_SECONDS)
                continue
            self._read_at = asked_at
            live = changes.resync or loop.time() >= tick_due
            owed = not live
            if live:
                tick_due = loop.time() + self.tick_seconds
            if live or changes.rows:
                await self._on_changes(replace(changes, live=live))
            await asyncio.sleep(SOON_SECONDS)

    async def _woken(self, at: float | None) -> None:
        """Wait to be told of something, until a time of the loop's at the longest."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(at):
                await self._told.wait()
        self._told.clear()

    def wake(self) -> None:
        """Tell now, although nothing came: time itself changes what is shown (ages, Offline)."""
        self._told.set()

    def stop(self) -> None:
        """End: nothing is told any more, and the reader is closed."""
        self._stopped = True
        if self._watch is not None:
            self._watch.stop()
        self._threads.submit(self._close)
        self._threads.shutdown(wait=False)

    def _changes(self, reader: Reader) -> StoreChanges:
        # Another program may have upgraded the store under this one.
        reader.check_schema()
        rows: set[tuple[str, int]] = set()
        resync = not self._cursor
        if resync:
            self._cursor = feed.head(reader)
        more = not resync
        while more:
            page = feed.since(reader, self._cursor)
            rows.update((change.kind, change.row_id) for change in page.rows)
            self._cursor, resync, more = page.cursor, resync or page.resync, page.more
        return StoreChanges(frozenset(rows), resync)

    def _open(self) -> Reader:
        if self._reader is not None and self._reader.replaced():
            self._close()
        if self._reader is None:
            self._reader = Reader(self._place, self._clock)
            self._cursor = ""
        return self._reader

    def _close(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None


def _safely(loop: asyncio.AbstractEventLoop, call: Callable[..., object], *arguments: object) -> None:
    """Call on the loop from a thread; a loop that is closed needs no telling."""
    try:
        loop.call_soon_threadsafe(call, *arguments)
    except RuntimeError:
        return
