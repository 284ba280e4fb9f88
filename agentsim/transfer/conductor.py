"""One run between two places, from its order to its end: what talks to the agent while others work.

It touches neither place itself, so a server that hangs never keeps a run from being canceled.
"""

from __future__ import annotations

import os
import select
import threading
import time
from typing import NoReturn

from agentsim.engine.agent_line import PROGRESS_SECONDS, AgentLine
from agentsim.engine.channel import Channel
from agentsim.engine.errors import Canceled, RunStopped
from agentsim.engine.lease import ORPHANED, Lease
from agentsim.engine.order import Order
from agentsim.engine.verdict import Verdict, ended
from agentsim.places.secrets import Secrets
from agentsim.transfer.outbox import Outbox
from agentsim.transfer.passage import Passage
from agentsim.transfer.preflight import Opener, opener_of
from store import codes
from store.vocabulary import JobRunStatus

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
        self._order = order
        self._lease = Lease(order.deadline)
        self._line = AgentLine(agent, order, self._lease, canceled=self._cancel, abandoned=self._abandon)
        self._secrets = Secrets.taken_for(order.source, order.target)
        self._opened = opened or opener_of(order, self._secrets)
        self._outbox = Outbox()
        self._passage: Passage | None = None
        self._done = threading.Event()
        self._verdict: Verdict | None = None
        self._error: BaseException | None = None
        self._stops_at: float | None = None
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
            self._line.close()
        if self._passage is not None and self._passage.board is not None:
            self._line.say_what_was_lost(self._passage.board.totals())
        self._send_progress()
        return result

    def _carry_out(self) -> Verdict:
        if self._order.planned:
            self._line.receive_plan(self._pump)
        self._passage = Passage(self._order, self._lease, self._outbox, self._opened, self._line.plan)
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

    def _pump(self, seconds: float) -> None:
        """Wait for something to happen, for so long at most, and take it in."""
        if self._line.progress_is_due():
            self._send_progress()
        for fd, _ in self._poll.poll(seconds * 1000):
            if fd == self._line.fileno():
                self._line.hear()
            else:
                self._deliver()

    def _deliver(self) -> None:
        for message in self._outbox.taken():
            self._line.send(message)

    def _cancel(self) -> None:
        self._lease.stop()
        if self._stops_at is None:
            self._stops_at = time.monotonic() + CANCEL_SECONDS
        if self._passage is None:
            # Nothing has begun that could be waited for.
            raise Canceled

    def _abandon(self) -> NoReturn:
        os._exit(ORPHANED)

    def _send_progress(self) -> None:
        passage = self._passage
        if passage is not None and passage.board is not None:
            self._line.send_progress(passage.board, None, listed=passage.listed, phase=passage.phase)
