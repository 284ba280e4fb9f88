"""One run between two places, from its order to its end: what talks to the agent while others work.

It touches neither place itself, so a server that hangs never keeps a run from being canceled.
"""

from __future__ import annotations

import os
import select
import threading
import time

from agentsim.engine import board
from agentsim.engine.channel import Channel, Message
from agentsim.engine.errors import Canceled, RunStopped
from agentsim.engine.lease import ORPHANED, Lease
from agentsim.engine.order import UNKNOWN, Order
from agentsim.engine.plan import Plan
from agentsim.engine.progress import progress
from agentsim.engine.verdict import Verdict, ended
from agentsim.places.secrets import Secrets
from agentsim.transfer.outbox import Outbox
from agentsim.transfer.passage import Passage
from agentsim.transfer.preflight import Opener, opener_of
from store import codes
from store.vocabulary import JobRunStatus

PROGRESS_SECONDS = 0.5
"""Least time between two progress messages."""

CANCEL_SECONDS = 2.0
"""How long a canceled run waits for its threads."""


class Conductor:
    """As :class:`agentsim.engine.coordinator.Coordinator`, for places that are not both directories of this machine."""

    def __init__(self, agent: Channel, order: Order, opened: Opener | None = None) -> None:
        """Prepare a run.

        Args:
            agent: what the order came from.
            order: what is to be done.
            opened: opens the places; None for those that the order names.
        """
        self._agent = agent
        self._order = order
        self._lease = Lease(order.deadline)
        self._secrets = Secrets.taken_for(order.source, order.target)
        self._opened = opened or opener_of(order, self._secrets)
        self._outbox = Outbox()
        self._passage: Passage | None = None
        self._plan: Plan | None = None
        self._plan_awaited = False
        self._done = threading.Event()
        self._verdict: Verdict | None = None
        self._error: BaseException | None = None
        self._stops_at: float | None = None
        self._last_progress = 0.0
        self._poll = select.poll()
        self._poll.register(agent, select.POLLIN)
        self._poll.register(self._outbox, select.POLLIN)

    def run(self) -> Verdict:
        """Carry out the order.

        Returns:
            How the run ended, for the ``done`` message. A thread that hangs in a server's call may still be there.
        """
        try:
            try:
                result = self._carry_out()
            except Canceled:
                result = ended(JobRunStatus.CANCELED, codes.SUCCESS, "Canceled")
            except RunStopped as stop:
                result = ended(JobRunStatus.FAILED, stop.code, stop.message, stop.target)
        finally:
            self._lease.stop()
            self._outbox.close()
            self._secrets.forget()
            if self._plan is not None:
                self._plan.remove()
        self._say_what_was_lost()
        self._send_progress(time.monotonic())
        return result

    def _carry_out(self) -> Verdict:
        if self._order.planned:
            self._receive_plan()
        self._passage = Passage(self._order, self._lease, self._outbox, self._opened, self._plan)
        threading.Thread(target=self._pass, name="passage", daemon=True).start()
        while not self._done.is_set():
            self._pump(PROGRESS_SECONDS)
            if self._stops_at is not None and time.monotonic() >= self._stops_at:
                raise Canceled
        self._deliver()
        if self._error is not None:
            raise self._error
        assert self._verdict is not None
        return self._verdict

    def _pass(self) -> None:
        assert self._passage is not None
        try:
            self._verdict = self._passage.run()
        except BaseException as error:
            self._error = error
        self._done.set()
        self._outbox.ring()

    def _receive_plan(self) -> None:
        """Take in the parts of the plan, which the agent sends after the order."""
        self._plan = Plan()
        self._plan_awaited = True
        while self._plan_awaited:
            self._pump(PROGRESS_SECONDS)
            if self._stops_at is not None:
                raise Canceled

    def _pump(self, seconds: float) -> None:
        """Wait for something to happen, for so long at most, and take it in."""
        moment = time.monotonic()
        if moment - self._last_progress >= PROGRESS_SECONDS:
            self._send_progress(moment)
        for fd, _ in self._poll.poll(seconds * 1000):
            if fd == self._agent.fileno():
                self._hear_agent()
            else:
                self._deliver()

    def _deliver(self) -> None:
        for message in self._outbox.taken():
            self._send(message)

    def _hear_agent(self) -> None:
        try:
            message = self._agent.recv_nowait()
        except BlockingIOError:
            return
        if message is None:
            os._exit(ORPHANED)
        elif message[0] == "lease":
            self._lease.renew(message[1])
        elif message[0] == "cancel":
            self._lease.stop()
            if self._stops_at is None:
                self._stops_at = time.monotonic() + CANCEL_SECONDS
        elif message[0] == "plan" and self._plan is not None and self._plan_awaited:
            self._plan.add(message[1])
        elif message[0] == "plan_end" and self._plan is not None:
            self._plan.complete()
            self._plan_awaited = False
        else:
            raise ValueError(f"unknown message {message[0]!r} from the agent")

    def _send(self, message: Message) -> None:
        try:
            self._agent.send(message)
        except OSError:
            os._exit(ORPHANED)

    def _send_progress(self, moment: float) -> None:
        self._last_progress = moment
        passage, order = self._passage, self._order
        if passage is None or passage.board is None:
            return
        known = order.expected_items != UNKNOWN
        self._send(
            (
                "progress",
                progress(
                    passage.board.totals(),
                    (order.expected_items, order.expected_bytes) if known else None,
                    listed=passage.listed,
                    phase=passage.phase,
                    current=[slot.current() for slot in passage.board.slots],
                ),
            )
        )

    def _say_what_was_lost(self) -> None:
        counters = self._passage.board if self._passage is not None else None
        if counters is not None and (lost := counters.totals()[board.OWNERS_LOST]):
            text = f"{lost} items could not be given their owner or group: the agent lacks the right"
            self._send(("log", "warning", text))
