"""A worker's side of the conversation with its agent about one run, whichever engine carries it out."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NoReturn

from agentsim.engine import board
from agentsim.engine.board import Board
from agentsim.engine.channel import Channel, Message
from agentsim.engine.lease import Lease
from agentsim.engine.order import UNKNOWN, Order
from agentsim.engine.progress import progress

# Few runs have one, and importing it would slow the start of every one.
if TYPE_CHECKING:
    from agentsim.engine.plan import Plan

PROGRESS_SECONDS = 0.5
"""Least time between two progress messages."""


class AgentLine:
    """Hears leases, cancels and the plan; tells progress and whatever else the run has to say.

    Attributes:
        plan: what alone is to be done; None for a run that has no plan.
    """

    def __init__(
        self,
        channel: Channel,
        order: Order,
        lease: Lease,
        *,
        canceled: Callable[[], None],
        abandoned: Callable[[], NoReturn],
    ) -> None:
        """Take over the agent's channel.

        Args:
            channel: what the order came from.
            order: the run.
            lease: what the agent renews.
            canceled: called for every cancel that comes.
            abandoned: called when the agent is gone, after which nothing may be touched.
        """
        self.plan: Plan | None = None
        self._channel = channel
        self._order = order
        self._lease = lease
        self._canceled = canceled
        self._abandoned = abandoned
        self._plan_awaited = False
        self._last_progress = -math.inf

    def fileno(self) -> int:
        """The descriptor, for ``poll``."""
        return self._channel.fileno()

    def close(self) -> None:
        """Let go of the plan."""
        if self.plan is not None:
            self.plan.remove()

    # What it hears

    def hear(self) -> None:
        """Take in one message, if one is there.

        Raises:
            RunStopped: no space for the plan on the agent's host.
            ValueError: a message that no agent of this version sends.
        """
        try:
            message = self._channel.recv_nowait()
        except BlockingIOError:
            return
        if message is None:
            self._abandoned()
        elif message[0] == "lease":
            self._lease.renew(message[1])
        elif message[0] == "cancel":
            self._canceled()
        elif message[0] == "plan" and self.plan is not None and self._plan_awaited:
            self.plan.add(message[1])
        elif message[0] == "plan_end" and self.plan is not None:
            self.plan.complete()
            self._plan_awaited = False
        else:
            raise ValueError(f"unknown message {message[0]!r} from the agent")

    def receive_plan(self, pump: Callable[[float], None]) -> None:
        """Take in the parts of the plan, which the agent sends after the order.

        Args:
            pump: waits so many seconds at most for something to happen, and has it heard here.
        """
        from agentsim.engine.plan import Plan

        self.plan = Plan()
        self._plan_awaited = True
        while self._plan_awaited:
            pump(PROGRESS_SECONDS)

    # What it says

    def send(self, message: Message) -> None:
        """Send, and wait until it is on its way."""
        try:
            self._channel.send(message)
        except OSError:
            self._abandoned()

    def progress_is_due(self) -> bool:
        return time.monotonic() - self._last_progress >= PROGRESS_SECONDS

    def send_progress(self, whole: Board, survey: tuple[int, int] | None, *, listed: bool, phase: str) -> None:
        """Tell the numbers of now.

        Args:
            whole: the board of the run.
            survey: items and bytes of the source as far as this run has counted them ahead; what an earlier pass
                found, if the order says so, is better.
            listed: every directory has been listed.
            phase: "copy", "links", "delete" or "finish".
        """
        self._last_progress = time.monotonic()
        order = self._order
        expected = survey if order.expected_items == UNKNOWN else (order.expected_items, order.expected_bytes)
        current = [slot.current() for slot in whole.slots]
        self.send(("progress", progress(whole.totals(), expected, listed=listed, phase=phase, current=current)))

    def warn(self, text: str) -> None:
        self.send(("log", "warning", text))

    def say_what_was_lost(self, totals: Sequence[int]) -> None:
        """Metadata that many items could not be given: told once for all of them.

        Args:
            totals: sums of the board.
        """
        if lost := totals[board.OWNERS_LOST]:
            self.warn(f"{lost} items could not be given their owner or group: the agent lacks the right")
        if lost := totals[board.ACLS_LOST]:
            self.warn(f"{lost} items have an access control list of a kind that cannot be carried (NFSv4, SMB)")
