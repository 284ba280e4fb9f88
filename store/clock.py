"""The store's clock: every time in the store comes from here, never from an agent or a screen.

Times are integers: milliseconds since 1970-01-01 UTC. SQLite has no clock of its own that is
not the host's, and everybody who opens the file is on that host, so the host's clock is the store's.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    def now(self) -> int:
        """The time in milliseconds since the epoch, UTC."""


class HostClock:
    """The clock of an embedded store."""

    def now(self) -> int:
        return time.time_ns() // 1_000_000


class VirtualClock:
    """A clock that stands still until it is moved: for tests and for writing past history."""

    def __init__(self, start: int) -> None:
        self.time = start

    def now(self) -> int:
        return self.time

    def advance(self, milliseconds: int) -> None:
        self.time += milliseconds


def rfc3339(milliseconds: int | None) -> str | None:
    """ARM's form of a time (``2026-11-22T10:15:00.250Z``), or None for none."""
    if milliseconds is None:
        return None
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
