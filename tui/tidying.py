"""When Python looks for garbage: while nobody waits for a key.

A look through all objects takes up to a tenth of a second here, most of it for what libraries have made when they were
imported and never let go; left to itself, Python takes it in the middle of a key's work.
"""

from __future__ import annotations

import gc
import time

QUIET_SECONDS = 2.0
"""No key for so long: the next one is not likely to come right now."""

PAUSE_SECONDS = 0.2
"""No key for so long: enough to look when a screen was left, whose ten thousand objects the next one can use."""

DUE, OVERDUE = 2, 12
"""Looks through the young objects after which there is one through all: when it is quiet, and whatever is going on."""

_NEVER = 1_000_000


class Tidying:
    """The garbage of a process that is a screen and nothing else."""

    def __init__(self) -> None:
        self._key_at = 0.0
        self._left = False
        """Whether a screen was left since the last look."""

    def begin(self) -> None:
        """From now on the objects that are there stay, and all others are looked through by :meth:`tidy` alone."""
        gc.set_threshold(*gc.get_threshold()[:2], _NEVER)
        gc.freeze()

    def keep(self) -> None:
        """What was imported since stays, too."""
        gc.collect(1)
        gc.freeze()

    def key(self) -> None:
        """A key has come."""
        self._key_at = time.monotonic()

    def left(self) -> None:
        """A screen was left."""
        self._left = True

    def tidy(self) -> None:
        """Look through all objects if that is due: call it every second or so, and a moment after a screen was left."""
        looked, quiet = gc.get_count()[2], time.monotonic() - self._key_at
        if looked >= OVERDUE or (looked >= DUE and quiet >= QUIET_SECONDS) or (self._left and quiet >= PAUSE_SECONDS):
            self._left = False
            gc.collect()
