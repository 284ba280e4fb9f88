"""What a target makes of names and times: spellings it takes for one (faults F20), times it cuts short (F17)."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
from collections.abc import Sequence
from dataclasses import dataclass

from agentsim.engine.decide import RESERVED
from agentsim.engine.listing import same_entry

ASKED_ENTRIES = 64
"""Entries that are asked where nothing may be written."""

_STEPS = (1, 100, 1_000, 1_000_000, 1_000_000_000, 2_000_000_000)
"""Steps of times, in nanoseconds: NTFS keeps 100, some servers microseconds, ext3 seconds, FAT two."""

_ODD_TIME = 1_000_000_001_123_456_789
"""A time of which every step cuts something off."""

_TELLING_TIMES = 3
"""Fewer round times than this are chance."""

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_FULL = {errno.ENOSPC, errno.EDQUOT}
_NO_SUCH_NAME = {errno.EILSEQ, errno.EINVAL}


@dataclass(frozen=True, slots=True)
class Traits:
    """What a target makes of names and times.

    Attributes:
        folds: it takes other spellings of a name for the same.
        time_step: nanoseconds between two modification times that it can tell apart.
    """

    folds: bool
    time_step: int


EXACT = Traits(folds=False, time_step=1)
"""A target that keeps everything as it is."""


def probed(directory: int) -> Traits:
    """Find out by two files that exist for a moment; a target without space is asked by what it holds.

    Args:
        directory: descriptor of the target's root. The caller holds the target's lock and a lease.

    Raises:
        OSError: no file can be made there, or not removed again.
    """
    before = os.fstat(directory)
    try:
        letters, time_step = _try(directory, *_letters())
        return Traits(letters or _try(directory, *_accent())[0], time_step)
    except OSError as error:
        if error.errno not in _FULL:
            raise
        return guessed(directory)
    finally:
        with contextlib.suppress(OSError):
            os.utime(directory, ns=(before.st_atime_ns, before.st_mtime_ns))


def guessed(directory: int) -> Traits:
    """Find out by what the target holds, changing nothing; exact where there is nothing to tell by.

    Raises:
        OSError: the directory could not be listed.
    """
    # Few runs ask so; importing it would slow the start of every one.
    from agentsim.engine.aliases import spellings

    names, times = [], []
    with os.scandir(directory) as entries:
        for entry in itertools.islice(entries, ASKED_ENTRIES):
            names.append(entry.name)
            with contextlib.suppress(FileNotFoundError):
                times.append(entry.stat(follow_symlinks=False).st_mtime_ns)
    folds = any(
        other not in names and same_entry(directory, name, other) for name in names for other in spellings(name)
    )
    return Traits(folds, coarsest(times))


def coarsest(times: Sequence[int]) -> int:
    """The step of a file system that holds these times, if they are enough to tell; else 1. No I/O."""
    if len(times) < _TELLING_TIMES:
        return 1
    return next((step for step in reversed(_STEPS) if all(time % step == 0 for time in times)), 1)


def step_of(asked: int, kept: int) -> int:
    """The step of a file system that made one time of another. No I/O."""
    return next((step for step in _STEPS if abs(asked - kept) < step), _STEPS[-1])


def _letters() -> tuple[str, str]:
    name = f"{RESERVED}a{os.urandom(8).hex()[1:]}.part"
    return name, name.upper()


def _accent() -> tuple[str, str]:
    name = f"{RESERVED}{os.urandom(8).hex()}-"
    return name + "\u00e9.part", name + "e\u0301.part"


def _try(directory: int, name: str, other: str) -> tuple[bool, int]:
    """Make a file for a moment: whether another spelling leads to it too, and the step of its time."""
    try:
        os.close(os.open(name, _CREATE, 0o600, dir_fd=directory))
    except OSError as error:
        if error.errno in _NO_SUCH_NAME:
            return False, 1  # Such a name cannot be there in any spelling.
        raise
    try:
        os.utime(name, ns=(_ODD_TIME, _ODD_TIME), dir_fd=directory, follow_symlinks=False)
        kept = os.stat(name, dir_fd=directory, follow_symlinks=False).st_mtime_ns
        return same_entry(directory, name, other), step_of(_ODD_TIME, kept)
    finally:
        os.unlink(name, dir_fd=directory)
