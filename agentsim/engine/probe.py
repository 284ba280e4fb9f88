"""Whether a target takes different spellings of a name for the same (faults F20)."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os

from agentsim.engine.decide import RESERVED
from agentsim.engine.listing import same_entry

ASKED_ENTRIES = 64
"""Entries that are asked where nothing may be written."""

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_FULL = {errno.ENOSPC, errno.EDQUOT}
_NO_SUCH_NAME = {errno.EILSEQ, errno.EINVAL}


def folds_names(directory: int) -> bool:
    """Find out by two files that exist for a moment; a target without space is asked by what it holds.

    Args:
        directory: descriptor of the target's root. The caller holds the target's lock and a lease.

    Raises:
        OSError: no file can be made there, or not removed again.
    """
    before = os.fstat(directory)
    try:
        return any(_folds(directory, name, other) for name, other in (_letters(), _accent()))
    except OSError as error:
        if error.errno not in _FULL:
            raise
        return seems_to_fold_names(directory)
    finally:
        with contextlib.suppress(OSError):
            os.utime(directory, ns=(before.st_atime_ns, before.st_mtime_ns))


def seems_to_fold_names(directory: int) -> bool:
    """Find out by what the target holds, changing nothing; False where there is nothing to tell by.

    Raises:
        OSError: the directory could not be listed.
    """
    # Few runs ask so; importing it would slow the start of every one.
    from agentsim.engine.aliases import spellings

    with os.scandir(directory) as entries:
        names = [entry.name for entry in itertools.islice(entries, ASKED_ENTRIES)]
    return any(other not in names and same_entry(directory, name, other) for name in names for other in spellings(name))


def _letters() -> tuple[str, str]:
    name = f"{RESERVED}a{os.urandom(8).hex()[1:]}.part"
    return name, name.upper()


def _accent() -> tuple[str, str]:
    name = f"{RESERVED}{os.urandom(8).hex()}-"
    return name + "\u00e9.part", name + "e\u0301.part"


def _folds(directory: int, name: str, other: str) -> bool:
    try:
        os.close(os.open(name, _CREATE, 0o600, dir_fd=directory))
    except OSError as error:
        if error.errno in _NO_SUCH_NAME:
            return False  # Such a name cannot be there in any spelling.
        raise
    try:
        return same_entry(directory, name, other)
    finally:
        os.unlink(name, dir_fd=directory)
