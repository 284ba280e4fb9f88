"""The coordinator's child processes: starting them, talking to them, ending them."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
import traceback
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from agentsim.engine.board import Board, Slot
from agentsim.engine.channel import Channel, Message, socket_pair
from agentsim.engine.errors import signal_name
from agentsim.engine.helper import UpwardChannel, run_helper
from agentsim.engine.lease import Lease
from agentsim.engine.order import Order
from agentsim.engine.preflight import Roots
from agentsim.engine.survey import survey

if TYPE_CHECKING:
    from agentsim.engine.plan import Plan

END_SECONDS = 5.0
"""How long processes that were told to stop may take before they are killed, and killed ones before they are left."""

POLL_SECONDS = 0.002
"""Pause between two looks at a process that is to end."""


class HelperDied(Exception):
    """A helper ended without being told to: a fault of the engine, or somebody killed it.

    Attributes:
        signal: the number of the one that killed it; None when it ended by itself.
    """

    def __init__(self, pid: int, code: int | None) -> None:
        """Tell what is known.

        Args:
            pid: the helper's.
            code: its exit code, negative for a signal; None when it has not ended yet.
        """
        self.signal = -code if code is not None and code < 0 else None
        how = "ended without being told to" if self.signal is None else f"was killed by {signal_name(self.signal)}"
        super().__init__(f"helper {pid} {how}")


class Member:
    """One helper, as its coordinator sees it.

    Attributes:
        channel: units go out, findings come in.
        in_flight: units sent and not yet answered, in the order of their answers.
        ended: the process has closed its end.
        code: its exit code, negative for a signal; None while it lives. Its pid may be another's afterwards.
    """

    def __init__(self, pid: int, channel: Channel) -> None:
        self.pid = pid
        self.channel = channel
        self.in_flight: deque[Message] = deque()
        self.ended = False
        self.code: int | None = None

    def has_ended(self) -> bool:
        """Look whether the process is gone."""
        if self.code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.code = os.waitstatus_to_exitcode(status) if pid else None
        return self.code is not None

    def wait(self, until: float) -> None:
        """Wait for its end, up to a time of the monotonic clock."""
        while not self.has_ended() and time.monotonic() < until:
            time.sleep(POLL_SECONDS)

    def kill(self) -> None:
        """End it now, in whatever it is doing."""
        if not self.has_ended():
            _kill(self.pid)


class Crew:
    """All children of one run, forked before the coordinator does anything else."""

    def __init__(self, agent: Channel, lease: Lease, board: Board) -> None:
        self._agent = agent
        self._lease = lease
        self._board = board
        self._survey_pid = 0
        self.members: list[Member] = []

    def start(self, roots: Roots, order: Order, plan: Plan | None) -> None:
        """Fork the helpers. Each keeps only its own channel, so that the others' ends are seen."""
        coordinator = os.getpid()
        for slot in self._board.slots[: order.helpers]:
            upper, lower = socket_pair()

            def body(slot: Slot = slot, lower: socket.socket = lower, upper: socket.socket = upper) -> None:
                upper.close()
                self._lease.adopt_parent(coordinator)
                run_helper(roots, order, self._lease, self._board, slot, UpwardChannel(lower), plan)

            pid = self._fork(body)
            lower.close()
            self.members.append(Member(pid, Channel(upper)))

    def start_survey(self, roots: Roots) -> None:
        """Fork the process that counts the source ahead of the copy."""
        coordinator = os.getpid()

        def body() -> None:
            # The survey must never be what keeps the target locked.
            for fd in roots.held:
                os.close(fd)
            survey(roots.source, self._board, coordinator)

        self._survey_pid = self._fork(body)

    def _fork(self, body: Callable[[], None]) -> int:
        sys.stderr.flush()
        pid = os.fork()
        if pid:
            return pid
        code = 1
        try:
            self._agent.close()
            for member in self.members:
                member.channel.close()
            body()
            code = 0
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(code)

    def end_survey(self) -> None:
        """End the survey if it runs; what it has found stays on the board."""
        if self._survey_pid:
            _kill(self._survey_pid)
            # Without waiting: in a mount that hangs it would not even die.
            os.waitpid(self._survey_pid, os.WNOHANG)
            self._survey_pid = 0

    def kill(self) -> None:
        """End every child at once, without a word: the right to go on is gone.

        Returns when no helper can touch the target any more: one that is killed still finishes the call it is in.
        """
        for member in self.members:
            member.kill()
        if self._survey_pid:
            _kill(self._survey_pid)
        until = time.monotonic() + END_SECONDS
        for member in self.members:
            member.wait(until)

    def death_of(self, member: Member) -> HelperDied:
        """Why a helper that closed its channel is gone: the process ends a moment later."""
        member.wait(time.monotonic() + END_SECONDS)
        return HelperDied(member.pid, member.code)

    def reap(self) -> None:
        """Wait for all helpers that were told to stop, and kill those that do not."""
        self.end_survey()
        until = time.monotonic() + END_SECONDS
        for member in self.members:
            while not member.has_ended():
                if time.monotonic() > until:
                    member.kill()
                time.sleep(POLL_SECONDS)
            member.channel.close()
        self.members = []


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
