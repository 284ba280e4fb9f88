"""Opening files to read them: no link followed, no device waited for, no trace left in the source."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import time
from collections.abc import Iterable

from agentsim.engine.errors import ItemChanged, ItemFailed, Side, classify
from store import codes

CLOCK_TICK_NS = 20_000_000
"""Two writes within one tick of a file system's clock can leave the same times behind. A file
younger than this is given time to get older first, so that a later write shows."""

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Reader:
    """Opens files of either tree for one process."""

    def __init__(self, privileged: bool) -> None:
        """Remember how to open; only the owner of a file and root may leave its access time alone."""
        self._flags = _READ | (os.O_NOATIME if privileged else 0)
        self._ahead: dict[str, int] = {}

    def open_ahead(self, directory: int, names: Iterable[str]) -> None:
        """Open entries of a source directory and have the kernel read them, all at once.

        Until :meth:`close_ahead` only entries of this directory may be opened. What cannot be
        opened now says so when its turn comes.
        """
        for name in names:
            with contextlib.suppress(ItemChanged, ItemFailed, OSError):
                self._ahead[name] = fd = self.open(directory, name)
                os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_WILLNEED)

    def close_ahead(self) -> None:
        """Close what was opened ahead and not used."""
        while self._ahead:
            let_go(self._ahead.popitem()[1])

    def open(self, directory: int, name: str, side: Side = Side.SOURCE) -> int:
        """A descriptor of an entry, whatever it is.

        Raises:
            ItemChanged, ItemFailed, RunStopped: by the side whose entry it is.
        """
        if self._ahead and side is Side.SOURCE and (fd := self._ahead.pop(name, -1)) >= 0:
            return fd
        try:
            return os.open(name, self._flags, dir_fd=directory)
        except OSError as error:
            if error.errno == errno.EPERM and self._flags & os.O_NOATIME:
                # A server that squashes root, or a container: do without, for good.
                self._flags &= ~os.O_NOATIME
                return self.open(directory, name, side)
            raise classify(error, side, f"opening the {side.value}") from error


def let_go(fd: int) -> None:
    """Close a descriptor through which nothing was written: a network file system's complaint has no subject then."""
    with contextlib.suppress(OSError):
        os.close(fd)


def look(fd: int, side: Side = Side.SOURCE) -> os.stat_result:
    """``fstat`` of an open regular file.

    Raises:
        ItemChanged, ItemFailed, RunStopped: by the side whose file it is.
    """
    try:
        found = os.fstat(fd)
    except OSError as error:
        raise classify(error, side, f"reading the {side.value}'s metadata") from error
    if stat.S_ISREG(found.st_mode):
        return found
    if side is Side.SOURCE:
        raise ItemChanged(codes.ITEM_CHANGED, "No longer a regular file")
    raise ItemFailed(codes.ITEM_FAILED, "The target is no longer a regular file")


def settled(fd: int, found: os.stat_result) -> os.stat_result:
    """What :func:`look` says of a source file that is old enough for a write from now on to show in its times.

    Args:
        fd: the file.
        found: what it said a moment ago.
    """
    if abs(time.time_ns() - found.st_ctime_ns) >= CLOCK_TICK_NS:
        return found
    time.sleep(CLOCK_TICK_NS / 1e9)
    return look(fd)
