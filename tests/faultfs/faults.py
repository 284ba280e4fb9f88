"""What a test can order of the file system, and the file in which it is ordered.

The control file is JSON, replaced as a whole while the file system is mounted; the next operation
obeys it. Beside it, ``<control>.hits`` gets a line for every fault that took place.
"""

from __future__ import annotations

import errno
import itertools
import json
import os
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

_POLL_SECONDS = 0.005
_ids = itertools.count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault: where it strikes, when, and how.

    Attributes:
        operation: names of libfuse's operations with commas between them (``getattr,open``), or ``*``.
            Lookups of the kernel are ``getattr`` too.
        path: glob on the path relative to the root, which is ``""``; ``*`` matches slashes too.
        skip: so many matching operations pass first.
        times: the fault strikes so often, and then no more; 0 for always.
        delay: seconds to wait before anything else.
        hang: wait until this fault is no longer ordered. The caller cannot be killed meanwhile, as on a
            hard NFS mount.
        error: name of an errno to fail with; empty for none. The kernel itself tries again once after ESTALE.
        entries: a listing gives so many entries before it fails with ``error``.
        short: a read or write moves so many bytes at most; 0 for no limit.
        endless: a read gives as many bytes as are asked for, whatever the size of the file.
        garble: what is read is not what is stored; a different lie on each read.
        touch: the file's modification time moves on before the operation.
        identity: set by itself; counts belong to it.
    """

    operation: str
    path: str = "*"
    skip: int = 0
    times: int = 0
    delay: float = 0.0
    hang: bool = False
    error: str = ""
    entries: int = 0
    short: int = 0
    endless: bool = False
    garble: bool = False
    touch: bool = False
    identity: int = field(default_factory=lambda: next(_ids))

    def __post_init__(self) -> None:
        if self.error and not hasattr(errno, self.error):
            raise ValueError(f"{self.error} is no errno")

    def matches(self, operation: str, paths: Sequence[str]) -> bool:
        """Whether it is meant for this operation on one of these paths."""
        if self.operation != "*" and operation not in self.operation.split(","):
            return False
        return any(fnmatchcase(path, self.path) for path in paths)


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """What the file system is told to be like.

    Attributes:
        faults: looked through in this order.
        fold: "case", "unicode" or "both": which spellings of a name mean the same file; empty for none.
        time_step: times of files are multiples of so many nanoseconds; 0 as they are.
        max_name: bytes that a name may have; 0 as many as below.
    """

    faults: tuple[Fault, ...] = ()
    fold: str = ""
    time_step: int = 0
    max_name: int = 0

    def write(self, control: Path) -> None:
        """Put the orders in force."""
        draft = control.with_name(control.name + ".new")
        draft.write_text(json.dumps(asdict(self)))
        draft.replace(control)

    @classmethod
    def read(cls, control: Path) -> Orders:
        """The orders in force.

        Raises:
            OSError, ValueError: the control file is missing or not ours.
        """
        values = json.loads(control.read_text())
        return cls(**{**values, "faults": tuple(Fault(**fault) for fault in values["faults"])})


class Gate:
    """Where every operation passes: counts, waits and fails as ordered."""

    def __init__(self, control: Path) -> None:
        self._control = control
        self._hits = os.open(f"{control}.hits", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self._lock = threading.Lock()
        self._seen: tuple[int, int] | None = None
        self._orders = Orders()
        self._counts: Counter[int] = Counter()

    @property
    def orders(self) -> Orders:
        """The orders in force now."""
        with self._lock:
            found = os.stat(self._control)
            if self._seen != (found.st_ino, found.st_mtime_ns):
                self._orders = Orders.read(self._control)
                self._seen = (found.st_ino, found.st_mtime_ns)
            return self._orders

    def enter(self, operation: str, *paths: str) -> list[Fault]:
        """Carry out what is ordered for an operation before it; returns the faults that strike.

        Raises:
            OSError: as ordered.
        """
        struck = [fault for fault in self.orders.faults if fault.matches(operation, paths) and self._strikes(fault)]
        for fault in struck:
            os.write(self._hits, json.dumps([fault.identity, operation, *paths]).encode() + b"\n")
            time.sleep(fault.delay)
            while fault.hang and any(ordered.identity == fault.identity for ordered in self.orders.faults):
                time.sleep(_POLL_SECONDS)
            if fault.error and not fault.entries:
                fail(fault)
        return struck

    def _strikes(self, fault: Fault) -> bool:
        with self._lock:
            self._counts[fault.identity] += 1
            number = self._counts[fault.identity] - fault.skip
        return number > 0 and (not fault.times or number <= fault.times)


def fail(fault: Fault) -> None:
    """Fail as ordered.

    Raises:
        OSError: always.
    """
    number = getattr(errno, fault.error)
    raise OSError(number, os.strerror(number))
