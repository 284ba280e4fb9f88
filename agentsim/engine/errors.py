"""What can end an item, a run or a process, and the code and words that go with it."""

from __future__ import annotations

import errno
import os
import signal
from enum import Enum

from store import codes


class Canceled(Exception):
    """The run was asked to stop; raised at the next point where stopping is clean."""


class RunStopped(Exception):
    """Going on would fail every further item in the same way: the whole run ends here.

    Attributes:
        code: a status code of ``store.codes``.
        message: the words for the admin.
        target: what the error is about, as in ARM's error objects ("source", "target" or "").
    """

    def __init__(self, code: str, message: str, target: str = "") -> None:
        super().__init__(code, message, target)
        self.code = code
        self.message = message
        self.target = target


class ItemFailed(Exception):
    """One item could not be copied; the run goes on with the next.

    Attributes:
        code: a status code of ``store.codes``.
        message: the words for the admin.
        stale: a held directory no longer leads to anything: open it again by its path and try once more.
    """

    stale = False

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message


class ItemChanged(Exception):
    """The source item moved under our hands: neither copied nor failed (DESIGN §5.3)."""

    def __init__(self, code: str, message: str, size: int = 0) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.size = size


class Side(Enum):
    """Which tree a system call was about."""

    SOURCE = "source"
    TARGET = "target"


_STOPS = {
    errno.ENOSPC: (codes.TARGET_FULL, "The target has no space left"),
    errno.EDQUOT: (codes.TARGET_QUOTA, "A quota on the target is used up"),
    errno.EROFS: (codes.TARGET_READ_ONLY, "The target is read-only"),
}
"""Target errors that every further write would meet too."""

_SOURCE_IO = {errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EREMOTEIO, errno.ENXIO, errno.EBADMSG}
_PERMISSION = {errno.EACCES, errno.EPERM}
_GONE = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}
"""A source item that was listed a moment ago and answers this is no longer what was listed."""


def describe(error: OSError, doing: str) -> str:
    """The system's own words and errno name: ``Permission denied (EACCES) while opening the source``."""
    number = error.errno or 0
    return f"{os.strerror(number)} ({errno.errorcode.get(number, number)}) while {doing}"


def signal_name(number: int) -> str:
    """A signal in words; some have no name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def classify(error: OSError, side: Side, doing: str) -> Exception:
    """The exception that an item's system error means; raise it ``from`` the original.

    Args:
        error: what the kernel said.
        side: the tree the call was about.
        doing: the call in words, to follow "while".
    """
    number = error.errno or 0
    message = describe(error, doing)
    if side is Side.SOURCE:
        if number in _GONE:
            return ItemChanged(codes.ITEM_VANISHED, f"Gone since it was listed: {message}")
        if number in _PERMISSION:
            return ItemFailed(codes.ITEM_SOURCE_PERMISSION, message)
        return ItemFailed(codes.ITEM_SOURCE_IO if number in _SOURCE_IO else codes.ITEM_FAILED, message)
    if number in _STOPS:
        code, words = _STOPS[number]
        return RunStopped(code, f"{words}: {message}", "target")
    if number in _PERMISSION:
        return ItemFailed(codes.ITEM_TARGET_PERMISSION, message)
    if number == errno.ENAMETOOLONG:
        return ItemFailed(codes.ITEM_NAME_TOO_LONG, message)
    if number == errno.EFBIG:
        return ItemFailed(codes.ITEM_TOO_LARGE, message)
    return ItemFailed(codes.ITEM_FAILED, message)
