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
from store.queries.reports import plan_chunks
from store.reader import Reader

PLAN_CHUNKS = 4
"""Chunks of a plan that are read and sent at a time: few, so that a heartbeat is never late for them."""

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
    uncertain: bool = False
    """Whether the store may have taken the first message of the backlog, although it did not answer."""
    deaths: int = 0
    """How often in a row its worker died without progress."""
    crashes: int = 0
    """How many of these were by an error of its own."""
    progressed: bool = False
    canceling: bool = False
    restart_at: float | None = None
    """When to start the next worker (monotonic seconds), after one has died."""
    plan_after: int | None = None
    """Id of the plan's last chunk that the worker was sent; None when it has all of it, or needs none."""

    @property
    def wants_plan(self) -> bool:
        """Whether the worker is to be sent more of its plan, and has taken what was sent before."""
        return self.plan_after is not None and self.worker is not None and not self.worker.channel.has_outgoing

    def send_plan(self, reader: Reader) -> None:
        """Send the worker the next chunks of its plan, or that there are no more.

        Raises:
            StoreUnavailable: the store cannot be read now; nothing was sent.
        """
        assert self.worker is not None
        assert self.plan_after is not None
        assert self.claim.plan_run_id is not None
        chunks = plan_chunks(reader, self.claim.plan_run_id, self.plan_after, PLAN_CHUNKS)
        for number, data in chunks:
            self.worker.send_plan(data)
            self.plan_after = number
        if not chunks:
            self.worker.end_plan()
            self.plan_after = None

    def order(self, helpers: int) -> Order:
        """What the worker is told."""
        claim = self.claim
        return Order(
            run=claim.label,
            mode=claim.copy_mode,
            source=dict(claim.source),
            source_root=b"",
            source_subpath=claim.source_subpath.encode(),
            target=dict(claim.target),
            target_root=b"",
            target_subpath=claim.target_subpath.encode(),
            helpers=helpers,
            deadline=self.lease_deadline,
            expected_items=claim.last_items,
            expected_bytes=claim.last_bytes,
            last_source_items=claim.last_items,
            kind=claim.kind,
            source_identity=claim.source_identity,
            settings=claim.settings,
            overrides=claim.overrides,
            report=claim.report,
            planned=claim.planned,
            attempt=claim.fence,
            moment=claim.started_at,
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
