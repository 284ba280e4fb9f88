"""When a worker that died is started again: a pure decision (faults F27 and F40)."""

from __future__ import annotations

BY_SIGNAL = 20
"""Deaths by signal in a row, without progress, before a run is given up: an admin or the OOM killer."""

BY_ERROR = 3
"""Deaths by an error of its own in a row, without progress: the next one would die of the same."""

FIRST_DELAY = 0.1
LONGEST_DELAY = 5.0


def next_delay(deaths: int, by_signal: bool) -> float | None:
    """Seconds to wait before the next attempt, or None to give up.

    Args:
        deaths: how often in a row the worker died without progress, this one included.
        by_signal: whether the last one was killed from outside.
    """
    if deaths > (BY_SIGNAL if by_signal else BY_ERROR):
        return None
    return float(min(FIRST_DELAY * 2 ** (deaths - 1), LONGEST_DELAY)) if deaths else FIRST_DELAY
