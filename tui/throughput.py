"""The last ten minutes of what is copied, kept up step by step. Runs on the reader thread."""

from __future__ import annotations

from store.queries.scope import Scope
from store.queries.throughput import copied, copying
from store.reader import Reader

STEP_MS = 5_000
"""What one value stands for. Steps begin at whole multiples of it: what is over never changes any more."""

STEPS = 120
"""Values kept: ten minutes."""

SPAN_WORDS = "10m ago"

SAMPLES_AT_ONCE = 60_000
"""Samples that one reading may cost (a run has one a second): with very many runs the past begins later."""


class Throughput:
    """Bytes a second of a mover's or an agent's copies: the store's samples are read once, and then only new ones."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._values: list[float | None] = []
        self._until: int | None = None

    @property
    def values(self) -> list[float | None]:
        """Bytes a second, oldest first, always ``STEPS`` of them; None for what was not read."""
        return [None] * (STEPS - len(self._values)) + self._values

    def read(self, reader: Reader) -> bool:
        """Read the steps that are over since the last time; whether there were any."""
        until = reader.now() // STEP_MS * STEP_MS
        if self._until is not None and self._until == until:
            return False
        first = until - STEPS * STEP_MS
        if self._until is None or not first <= self._until < until:
            # The first time, too long ago, or a clock that was set back.
            self._values, self._until = [], first
        since = self._until
        runs = copying(reader, self._scope, since)
        allowed = SAMPLES_AT_ONCE * 1000 // max(1, len(runs)) // STEP_MS * STEP_MS
        begin = max(since, until - max(allowed, STEP_MS))
        skipped: list[float | None] = [None] * ((begin - since) // STEP_MS)
        moved = copied(reader, runs, begin, until, STEP_MS)
        self._values = [*self._values, *skipped, *(size * 1000 / STEP_MS for size in moved)][-STEPS:]
        self._until = until
        return True
