"""Waiting for what is on its way to or from a server, and the memory that it may take in the whole process."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import Final, TypeVar

from agentsim.engine.lease import Lease

_Result = TypeVar("_Result")

WAIT_SECONDS: Final = 0.2
"""How long a wait goes on before it asks whether the run still is to."""


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
