"""A worker that is killed at a step that a test chooses.

A step is a call that changes a tree or begins a listing. All processes of a run count them together,
by the kind of unit that they are at. So a test reaches every moment of a run, however short.
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
COORDINATOR: Final = "coordinator"
"""Stands for a unit: all that the coordinator does itself, the preflight above all."""
LARGE_BYTES: Final = 256 * 1024
"""In place of 64 MiB, so that a small tree has files that are units of their own."""
CHUNK_BYTES: Final = 64 * 1024

_open, _write = os.open, os.write


class _Steps:
    """Counts by the length of a file for each kind of unit: an append of one process never mixes with another's."""

    def __init__(self, trace: str, unit: str, number: int, victim: str) -> None:
        self._trace = trace
        self._moment = (unit, number)
        self._victim = victim
        self._coordinator = self._owner = os.getpid()
        self._files: dict[str, int] = {}
        self.unit = COORDINATOR

    def take(self) -> None:
        """Note a step, and kill if it is the one."""
        if self._owner != os.getpid():
            # A position is shared over a fork; each process needs its own.
            self._owner = os.getpid()
            self._files.clear()
        if self.unit not in self._files:
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
            self._files[self.unit] = _open(f"{self._trace}/{self.unit}", flags, 0o600)
        file = self._files[self.unit]
        _write(file, b"x")
        if (self.unit, os.lseek(file, 0, os.SEEK_CUR)) == self._moment:
            if self._victim == "group":
                os.killpg(0, signal.SIGKILL)
            else:
                os.kill(self._coordinator if self._victim == COORDINATOR else os.getpid(), signal.SIGKILL)


def main(trace: str, unit: str, number: int, victim: str) -> None:
    """Be a worker (its descriptor is the only argument) that dies.

    Args:
        trace: a directory in which a file for each kind of unit gets a byte for each step.
        unit: at which kind of unit to kill; empty for none.
        number: before which of its steps, from 1.
        victim: "group" for all processes, "coordinator", or "self" for the one that takes the step.
    """
    steps = _Steps(trace, unit, number, victim)

    def counted(original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            steps.take()
            return original(*args, **kwargs)

        return wrapper

    def opening(path: Any, flags: int, *args: Any, **kwargs: Any) -> int:
        if flags & os.O_CREAT:
            steps.take()
        return _open(path, flags, *args, **kwargs)

    def doing(self: Any, message: Any) -> None:
        steps.unit = message[0]
        original_do(self, message)

    original_do = helper._Helper.do
    changes: list[tuple[Any, str, Any]] = [
        *((os, call, counted(getattr(os, call))) for call in CALLS),
        (os, "open", opening),
        (helper, "sync_file_system", counted(durability.sync_file_system)),
        (helper._Helper, "do", doing),
        (copyfile.FileCopier.copy, "__defaults__", (LARGE_BYTES, False)),
        (preview, "LARGE_BYTES", LARGE_BYTES),
        (verifying, "LARGE_BYTES", LARGE_BYTES),
        (content, "CHUNK_BYTES", CHUNK_BYTES),
    ]
    for owner, name, value in changes:
        setattr(owner, name, value)
    sys.exit(worker.main(sys.argv[1:]))


def steps_taken(trace: Path) -> dict[str, int]:
    """How many steps were taken at each kind of unit."""
    return {file.name: file.stat().st_size for file in sorted(trace.iterdir())}
