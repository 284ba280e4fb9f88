"""Threads and memory for what is on its way to or from a server, within bounds for the whole process."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, Final, TypeVar

from agentsim.engine.lease import Lease

_Result = TypeVar("_Result")
_Call = tuple["Future[Any]", Callable[[], Any]]

WAIT_SECONDS: Final = 0.2
"""How long a wait goes on before it asks whether the run still is to."""


class Background:
    """A few threads that carry out calls; they never keep the process from ending, as those of an executor would."""

    def __init__(self, threads: int) -> None:
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._most = threads
        self._started = 0
        self._lock = threading.Lock()

    def submit(self, call: Callable[[], _Result]) -> Future[_Result]:
        """Carry out a call as soon as a thread is free; what it raises is in the future."""
        future: Future[_Result] = Future()
        with self._lock:
            if self._started < self._most:
                self._started += 1
                threading.Thread(target=self._work, daemon=True).start()
        self._calls.put((future, call))
        return future

    def close(self) -> None:
        """Let the threads end when they have done what was submitted."""
        with self._lock:
            for _ in range(self._started):
                self._calls.put(None)
            self._started = 0

    def _work(self) -> None:
        while (entry := self._calls.get()) is not None:
            future, call = entry
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(call())
            except BaseException as error:
                future.set_exception(error)
            # Else this thread would hold the last bytes until the next call.
            del entry, future, call


def awaited(future: Future[_Result], lease: Lease) -> _Result:
    """What a call in the background returned or raised; raises ``Canceled`` soon after the run is to stop."""
    while True:
        try:
            return future.result(WAIT_SECONDS)
        except TimeoutError:
            if future.done():
                return future.result()
            lease.check()


class Budget:
    """Bytes that may be in memory at once. One thing that is larger than all of it is let through alone."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._left = size
        self._changed = threading.Condition()

    def take(self, count: int, lease: Lease) -> None:
        """Wait until so many bytes are free; raises ``Canceled`` soon after the run is to stop."""
        with self._changed:
            while self._left < min(count, self._size):
                self._changed.wait(WAIT_SECONDS)
                lease.check()
            self._left -= count

    def give_back(self, count: int) -> None:
        """Say that so many bytes are free again."""
        with self._changed:
            self._left += count
            self._changed.notify_all()


UPLOADS: Final = Budget(64 << 20)
"""What all uploads of the process may hold in parts of large files."""
