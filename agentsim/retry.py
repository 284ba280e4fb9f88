"""When a worker that died is started again: a pure decision (faults F27 and F40)."""

from __future__ import annotations

import signal

KILLED_MOST = 20
"""Deaths in a row, without progress, before a run is given up: an admin, or the kernel for want of memory."""

CRASHED_MOST = 3
"""Those of them by an error of its own: the next one would die of the same."""

FIRST_DELAY = 0.1
LONGEST_DELAY = 5.0

_CRASHES = {signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGSEGV, signal.SIGSYS, signal.SIGTRAP}


def was_killed(code: int | None) -> bool:
    """Whether a process was ended from outside.

    Args:
        code: its exit code, negative for a signal; None when it would not end.
    """
    return code is not None and code < 0 and -code not in _CRASHES


def next_delay(deaths: int, crashes: int) -> float | None:
    """Seconds to wait before the next attempt, or None to give up.

    Args:
        deaths: how often in a row the worker died without progress, the last time included.
        crashes: how many of these were by an error of its own.
    """
    if crashes > CRASHED_MOST or deaths > KILLED_MOST:
        return None
    return float(min(FIRST_DELAY * 2 ** (deaths - 1), LONGEST_DELAY)) if deaths else FIRST_DELAY
