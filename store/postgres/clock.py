"""The clock of a store on a server: the server's, carried on by this host's steady clock for a while."""

from __future__ import annotations

import time
from collections.abc import Callable

ASK_AGAIN_SECONDS = 30.0


class ServerClock:
    """Asks the server now and then; in between adds what the boot clock, which no one sets, has counted.

    Good for showing ages. Whatever a write decides by the time asks the server in its own transaction.
    """

    def __init__(self, ask: Callable[[], int]) -> None:
        self._ask = ask
        self._asked_at: float | None = None
        self._answer = 0

    def ask_again(self) -> None:
        """What was answered is not to be gone by any longer."""
        self._asked_at = None

    def now(self) -> int:
        """Store time in milliseconds since the epoch, UTC."""
        # BOOTTIME goes on while the host sleeps, MONOTONIC does not.
        moment = time.clock_gettime(time.CLOCK_BOOTTIME)
        if self._asked_at is None or moment - self._asked_at > ASK_AGAIN_SECONDS:
            self._answer, self._asked_at = self._ask(), moment
        return self._answer + int((moment - self._asked_at) * 1000)
