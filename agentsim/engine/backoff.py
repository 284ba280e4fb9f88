"""Which errors pass by themselves, and how long to wait for that."""

from __future__ import annotations

import errno
import os
import time

from agentsim.engine.errors import ItemFailed
from agentsim.engine.lease import POLL_SECONDS, Lease

DELAYS = (0.1, 0.4, 1.6)
"""Seconds before each further attempt at one item."""

BUDGET_SECONDS = 60.0
"""All that one process waits in a run: a dead disk must not make it last for ever (faults F40)."""

_TRANSIENT = {
    errno.ESTALE,
    errno.ETIMEDOUT,
    errno.EAGAIN,
    errno.EBUSY,
    errno.ENOBUFS,
    errno.EREMOTEIO,
}


def retry_delay(number: int, attempt: int, spent: float) -> float | None:
    """Seconds to wait before an item is tried again; None when it is not to be.

    Args:
        number: the errno that the attempt ended with. EIO is tried once more: it may have been a cable.
        attempt: how many attempts were retried before, 0 for the first failure.
        spent: seconds that this process has waited so far.
    """
    allowed = len(DELAYS) if number in _TRANSIENT else 1 if number == errno.EIO else 0
    if attempt >= allowed:
        return None
    delay = DELAYS[attempt]
    return delay if spent + delay <= BUDGET_SECONDS else None


class Patience:
    """One process's waiting between attempts."""

    def __init__(self, lease: Lease) -> None:
        self._lease = lease
        self._spent = 0.0

    def wait(self, failure: ItemFailed, attempt: int, *directories: int) -> None:
        """Return when the item is to be tried again.

        Args:
            failure: how the attempt ended; raised from its system error.
            attempt: as in :func:`retry_delay`.
            directories: the held descriptors that the item was reached by.

        Raises:
            ItemFailed: ``failure`` itself: it is final, or ``stale``.
            Canceled: the run is to stop.
        """
        cause = failure.__cause__
        number = (cause.errno or 0) if isinstance(cause, OSError) else 0
        delay = retry_delay(number, attempt, self._spent)
        if number == errno.ESTALE:
            # Some servers forget only the way to the entries: the last attempt is stale in any case.
            failure.stale = delay is None or any(map(_is_stale, directories))
        if delay is None or failure.stale:
            raise failure
        self._spent += delay
        end = time.monotonic() + delay
        while (left := end - time.monotonic()) > 0:
            self._lease.check()
            time.sleep(min(left, POLL_SECONDS))


def _is_stale(directory: int) -> bool:
    try:
        os.fstat(directory)
    except OSError as error:
        return error.errno == errno.ESTALE
    return False
