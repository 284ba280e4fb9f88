"""One run's worker as its agent sees it: a process, a channel, and what it said when it died."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO

from agentsim.child_environment import worker_environment
from agentsim.engine.channel import Channel, Message

TAIL_BYTES = 4_000


class WorkerProcess:
    """Starts ``python -m agentsim.worker`` with one end of a socket pair and tells it what it is for.

    The worker runs in a session of its own, so that a Ctrl-C at the agent's terminal reaches the
    agent alone. It ends by itself when its channel does.
    """

    def __init__(self, errand: Message, log_directory: Path) -> None:
        """Start it.

        Args:
            errand: ``("order", ...)`` of a run, or ``("test", ...)`` of an endpoint.
            log_directory: the agent's state: what it says on stderr is kept there as long as it lives, and shares
                that it mounts for itself are below it, where the next run finds what a killed one left.
        """
        self.channel, theirs = Channel.pair()
        self._errors: IO[bytes] = tempfile.TemporaryFile(dir=log_directory)  # noqa: SIM115 - lives as long as the worker
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "agentsim.worker", str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
                start_new_session=True,
                env={**worker_environment(errand), "LONGSHORE_STATE": str(log_directory)},
            )
        finally:
            theirs.close()
        self.channel.post(errand)

    @property
    def pid(self) -> int:
        return self.process.pid

    def renew(self, deadline: float) -> None:
        """Tell the end of the lease, in seconds on CLOCK_BOOTTIME."""
        self._post(("lease", deadline))

    def cancel(self) -> None:
        self._post(("cancel",))

    def send_plan(self, data: bytes) -> None:
        """Give it a part of the plan that it is to carry out: a chunk of a preview's report."""
        self._post(("plan", data))

    def end_plan(self) -> None:
        """It has the whole plan now."""
        self._post(("plan_end",))

    def flush(self) -> None:
        """Send on what did not fit into its channel before."""
        with contextlib.suppress(OSError):
            self.channel.flush()

    def _post(self, message: tuple[object, ...]) -> None:
        # A worker that is gone shows as the end of its channel.
        with contextlib.suppress(OSError):
            self.channel.post(message)

    def kill(self) -> None:
        """End the worker and its helpers now, in whatever they are doing."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def reap(self, timeout: float = 0.5) -> int | None:
        """Wait for the end; the exit code (negative: a signal), or None when it hangs in the kernel."""
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None

    def last_words(self) -> str:
        """The last line that it wrote on stderr."""
        try:
            size = self._errors.seek(0, os.SEEK_END)
            self._errors.seek(max(0, size - TAIL_BYTES))
            lines = self._errors.read().decode(errors="replace").strip().splitlines()
        except OSError:
            return ""
        return lines[-1].strip() if lines else ""

    def close(self) -> None:
        self.channel.close()
        self._errors.close()
