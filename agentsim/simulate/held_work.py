"""A run in the hands of a simulated agent: how far it is, and when it has something to tell. No I/O."""

from __future__ import annotations

from typing import Final

from agentsim.simulate.parts import RunPart, Totals
from agentsim.simulate.work import Attempt, done_share
from store.execution.claims import Claim

NEVER: Final = 1 << 60


class HeldWork:
    """One attempt of a run.

    Args:
        part: the run's part in the story.
        claim: the agent's hold on it.
        done: what earlier attempts did.
        now: the story's time.
    """

    def __init__(self, part: RunPart, claim: Claim, done: Totals, now: int) -> None:
        self.part = part
        self.claim = claim
        self.attempt = Attempt(part, done, (claim.last_items, claim.last_bytes))
        self.due = now + part.preflight_ms
        """When it has something to tell next."""
        self.started = False
        self.canceling = False
        self.reported = False
        self.has_died = False
        self._begun = 0
        self._told = 0.0
        # What is there already is only compared.
        self._duration = max(1, round(part.duration_ms * (1 - 0.8 * done_share(part.totals, done))))

    @property
    def done(self) -> Totals:
        """What the next attempt finds done, by what was told last."""
        return self.attempt.done(self._told)

    def share(self, now: int) -> float:
        """The share of its way that is behind it."""
        return min(1.0, (now - self._begun) / self._duration) if self.started else 0.0

    def start(self, now: int) -> None:
        """Preflight has passed."""
        self.started = True
        self._begun = self.due = now

    def told(self, now: int, share: float, interval: int) -> None:
        """A report of this share has reached the store; the next comes after an interval, or at the end."""
        self._told = share
        self.due = now if share >= 1 else min(now + interval, self._begun + self._duration)

    def cancel(self, now: int) -> None:
        """Its worker is told to stop, and takes a moment."""
        self.canceling = True
        self.due = now + 200 + self.part.seed % 2_000

    def hang(self) -> None:
        """Its worker neither works nor stops."""
        self.due = NEVER

    def worker_dies(self, share: float) -> bool:
        """Whether the story has its worker die here."""
        at = self.part.worker_dies_at
        return at is not None and not self.has_died and share >= at
