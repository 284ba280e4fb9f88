"""When Python looks for garbage: while nobody waits for a key.

A look through all objects takes up to a tenth of a second here, most of it for what libraries have made when they were
imported and never let go; left to itself, Python takes it in the middle of a key's work.
"""

from __future__ import annotations

import gc
import time

QUIET_SECONDS = 0.5
"""No key for so long: the next one is not likely to come right now."""

DUE, OVERDUE = 2, 12
"""Looks through the young objects after which there is one through all: when it is quiet, and whatever is going on."""

_NEVER = 1_000_000


class Tidying:
    """The garbage of a process that is a screen and nothing else."""

    def __init__(self) -> None:
        self._key_at = 0.0

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

    def tidy(self) -> None:
        """Look through all objects if that is due: call it every second or so."""
        looked = gc.get_count()[2]
        if looked >= OVERDUE or (looked >= DUE and time.monotonic() - self._key_at >= QUIET_SECONDS):
            gc.collect()
