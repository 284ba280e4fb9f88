"""A worker that is killed at a step that a test chooses, and says in a file which step that was.

A step is a call that changes a tree or begins a listing; all processes of the run count them
together. So a test reaches every moment of a run, however short, and the same one again.
"""

from __future__ import annotations

import functools
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from agentsim import worker
from agentsim.engine import content, copyfile, durability, helper, preview, verifying

CALLS: Final = (
    *("rename", "unlink", "rmdir", "mkdir", "link", "symlink", "write", "copy_file_range", "truncate", "ftruncate"),
    *("chmod", "fchmod", "chown", "fchown", "utime", "setxattr", "removexattr", "scandir"),
)
RECORD_BYTES: Final = 32
LARGE_BYTES: Final = 256 * 1024
"""In place of 64 MiB, so that a small tree has files that are units of their own."""
CHUNK_BYTES: Final = 64 * 1024

_open, _write = os.open, os.write


class _Steps:
    """Counts by the length of the trace: an append of one process never mixes with another's."""

    def __init__(self, trace: str, moment: int, victim: str) -> None:
        self._trace = trace
        self._moment = moment
        self._victim = victim
        self._coordinator = os.getpid()
        self._owner = 0
        self._fd = -1
        self.unit = "coordinator"

    def take(self, call: str) -> None:
        """Note the step, and kill if it is the one."""
        if self._owner != os.getpid():
            self._owner = os.getpid()
            self._fd = _open(self._trace, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        _write(self._fd, f"{self.unit:<15}{call:<16}\n".encode())
        if os.lseek(self._fd, 0, os.SEEK_CUR) == (self._moment + 1) * RECORD_BYTES:
            if self._victim == "group":
                os.killpg(0, signal.SIGKILL)
            else:
                os.kill(self._coordinator if self._victim == "coordinator" else os.getpid(), signal.SIGKILL)


def main(trace: str, moment: int, victim: str) -> None:
    """Be a worker (its descriptor is the only argument) that dies.

    Args:
        trace: a file that gets a record of ``RECORD_BYTES`` for each step.
        moment: number of the step before which to kill; -1 for none.
        victim: "group" for all processes, "coordinator", or "self" for the one that takes the step.
    """
    steps = _Steps(trace, moment, victim)

    def counted(call: str, original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            steps.take(call)
            return original(*args, **kwargs)

        return wrapper

    def opening(path: Any, flags: int, *args: Any, **kwargs: Any) -> int:
        if flags & os.O_CREAT:
            steps.take("create")
        return _open(path, flags, *args, **kwargs)

    def doing(self: Any, message: Any) -> None:
        steps.unit = message[0]
        original_do(self, message)

    original_do = helper._Helper.do
    changes: list[tuple[Any, str, Any]] = [
        *((os, call, counted(call, getattr(os, call))) for call in CALLS),
        (os, "open", opening),
        (helper, "sync_file_system", counted("syncfs", durability.sync_file_system)),
        (helper._Helper, "do", doing),
        (copyfile.FileCopier.copy, "__defaults__", (LARGE_BYTES, False)),
        (preview, "LARGE_BYTES", LARGE_BYTES),
        (verifying, "LARGE_BYTES", LARGE_BYTES),
        (content, "CHUNK_BYTES", CHUNK_BYTES),
    ]
    for owner, name, value in changes:
        setattr(owner, name, value)
    sys.exit(worker.main(sys.argv[1:]))


def steps_taken(trace: Path) -> list[tuple[str, str]]:
    """Unit and call of every step of a trace; none where there is no trace."""
    records = trace.read_bytes() if trace.exists() else b""
    lines = (records[at : at + RECORD_BYTES].decode() for at in range(0, len(records), RECORD_BYTES))
    return [(line[:15].strip(), line[15:].strip()) for line in lines]
