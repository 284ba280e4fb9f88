"""The right to touch the target, shared by all processes of a run and asked before every mutation.

A process that was stopped or frozen past its lease and then wakes finds, at its next question,
that the time is over and touches nothing until a renewal arrives (faults F9). The deadline lives
in shared memory because a helper in the middle of a file reads no messages.
"""

from __future__ import annotations

import mmap
import os
import time

from agentsim.engine.errors import Canceled

ORPHANED = 75
"""Exit code of a process whose agent or coordinator is gone (EX_TEMPFAIL: the run can be taken up again)."""

POLL_SECONDS = 0.02
"""Pause between two looks at an expired lease."""


def now() -> float:
    """Seconds on the clock that leases use: it keeps running while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Lease:
    """Deadline and stop flag in anonymous shared memory, inherited over ``fork``."""

    def __init__(self, deadline: float) -> None:
        memory = memoryview(mmap.mmap(-1, mmap.PAGESIZE))
        self._deadline = memory[:8].cast("d")
        self._stop = memory[8:16].cast("q")
        self._deadline[0] = deadline
        self._parent = os.getppid()

    def adopt_parent(self, pid: int) -> None:
        """Say whose death ends this process; called once in a forked helper.

        Args:
            pid: the coordinator, as it knows itself: asking ``getppid`` here could already be too late.
        """
        self._parent = pid

    def renew(self, deadline: float) -> None:
        """Set the moment (:func:`now`) from which nothing may be touched any more."""
        self._deadline[0] = deadline

    def expired(self) -> bool:
        """Whether the target may not be touched now. For the coordinator, who has to go on listening."""
        return now() >= self._deadline[0]

    def stop(self) -> None:
        """Make every process of the run raise ``Canceled`` at its next question."""
        self._stop[0] = 1

    def check(self) -> None:
        """Return when the target may be touched now; wait while the lease is over.

        Exits the process at once, touching nothing, when its parent is gone.

        Raises:
            Canceled: the run is to stop.
        """
        if self._stop[0]:
            raise Canceled
        if os.getppid() != self._parent:
            os._exit(ORPHANED)
        if time.clock_gettime(time.CLOCK_BOOTTIME) >= self._deadline[0]:
            self._wait()

    def _wait(self) -> None:
        while now() >= self._deadline[0]:
            if self._stop[0]:
                raise Canceled
            if os.getppid() != self._parent:
                os._exit(ORPHANED)
            time.sleep(POLL_SECONDS)
        # The parent may have died while this process slept: ask everything again.
        self.check()
