"""A run that this agent holds: its claim, its worker, and what has come from it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agentsim.engine.channel import Message
from agentsim.engine.order import Order
from agentsim.worker_process import WorkerProcess
from store.display import display
from store.execution.claims import Claim
from store.lifecycle import lease_ms
from store.settings import CopySettings
from store.vocabulary import RunKind

NAME_CELLS = 200
"""What a helper is on is kept up to this width: it is for a screen's line."""


@dataclass
class HeldRun:
    """One run in the hands of this agent."""

    claim: Claim
    lease_deadline: float
    """End of the lease as the worker may count on it, seconds on CLOCK_BOOTTIME."""
    worker: WorkerProcess | None = None
    backlog: deque[Message] = field(default_factory=deque)
    deaths: int = 0
    progressed: bool = False
    canceling: bool = False
    restart_at: float | None = None
    """When to start the next worker (monotonic seconds), after one has died."""

    def order(self, helpers: int) -> Order:
        """What the worker is told."""
        claim = self.claim
        return Order(
            run=claim.label,
            mode=claim.copy_mode,
            source_root=str(claim.source["path"]).encode(),
            source_subpath=claim.source_subpath.encode(),
            target_root=str(claim.target["path"]).encode(),
            target_subpath=claim.target_subpath.encode(),
            helpers=helpers,
            deadline=self.lease_deadline,
            expected_items=claim.last_items,
            expected_bytes=claim.last_bytes,
            last_source_items=claim.last_items,
            kind=RunKind.COPY,
            source_identity="",
            settings=CopySettings(),
            overrides=frozenset(),
            report=False,
            planned=False,
            attempt=claim.fence,
            moment=time.time_ns() // 1_000_000,
        )


def safe_deadline(before: float, heartbeat_ms: int) -> float:
    """The end of a lease as the worker may count on it.

    Args:
        before: CLOCK_BOOTTIME just before the store was asked: the store's lease began later.
        heartbeat_ms: the agent's interval; one of them is kept as a margin.
    """
    return before + (lease_ms(heartbeat_ms) - heartbeat_ms) / 1000


def boot_time() -> float:
    """Seconds on a clock that goes on while the machine sleeps (fault F9)."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def shown_progress(numbers: Mapping[str, Any]) -> dict[str, Any]:
    """A worker's progress as the store keeps it: the paths in their displayed form."""
    current = [display(path, NAME_CELLS) for path in numbers.get("current", ()) if path]
    return {**numbers, "current": current}
