"""Directories of one tree by relative path, each component opened from the one above, no link followed.

A path never goes to the kernel as a whole: there is no PATH_MAX, and a link planted in place of
any component is refused instead of followed (faults F5, F36).
"""

from __future__ import annotations

import errno
import os

from agentsim.engine.errors import RunStopped, Side, describe
from store import codes

DIRECTORY_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC

KEPT_LEVELS = 64
"""Levels below the root whose descriptors stay open; deeper, only the last two do."""


class Walker:
    """Holds the chain of descriptors of the last directory, so that its neighbours cost one open."""

    def __init__(self, root: int) -> None:
        """Walk below the directory ``root`` (a descriptor, which stays the caller's)."""
        # A description of its own: a listing's position must not be shared with another process.
        self.root = os.open(b".", DIRECTORY_FLAGS, dir_fd=root)
        self._names: list[bytes] = []
        self._fds: list[int] = []

    def open(self, path: bytes) -> int:
        """The descriptor of a directory, valid until the next call.

        Args:
            path: components joined by ``/``, relative to the root; empty for the root itself.

        Raises:
            OSError: a component is missing, is not a directory (or is a link), or may not be opened.
        """
        names, fds = self._names, self._fds
        parts = path.split(b"/") if path else []
        common = 0
        for held, wanted in zip(names, parts, strict=False):
            if held != wanted:
                break
            common += 1
        self._cut(common)
        at = fds[-1] if fds else self.root
        for level in range(len(names), len(parts)):
            at = self._enter(at, parts[level])
            names.append(parts[level])
            fds.append(at)
            if level - 2 >= KEPT_LEVELS and fds[level - 2] >= 0:
                os.close(fds[level - 2])
                fds[level - 2] = -1
        return at

    def refresh(self, path: bytes, seen: os.stat_result) -> None:
        """Have the held descriptors lead to what is there by its path now; their numbers stay.

        Entries of a listing look themselves up by the number of the descriptor that was listed, so it
        must neither be closed nor come to stand for another directory while the listing is in use.

        Args:
            path: the directory that was opened last.
            seen: what ``fstat`` said of it then.

        Raises:
            OSError: it cannot be opened by its path, or is another directory by now.
        """
        anew = Walker(self.root)
        try:
            found = os.fstat(anew.open(path))
            if (found.st_dev, found.st_ino) != (seen.st_dev, seen.st_ino):
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
            for held, fresh in zip((self.root, *self._fds), (anew.root, *anew._fds), strict=True):
                if held >= 0 and fresh >= 0:
                    os.dup2(fresh, held, inheritable=False)
        finally:
            anew.forget()
            os.close(anew.root)

    def _enter(self, above: int, name: bytes) -> int:
        """The descriptor of one component below an open one."""
        return os.open(name, DIRECTORY_FLAGS, dir_fd=above)

    def forget(self) -> None:
        """Close everything but the root, so that the next open sees the tree as it is now."""
        self._cut(0)

    def _cut(self, keep: int) -> None:
        """Drop the chain beyond ``keep`` levels, and further up to a level that is still open."""
        names, fds = self._names, self._fds
        while len(fds) > keep or (fds and fds[-1] < 0):
            names.pop()
            fd = fds.pop()
            if fd >= 0:
                os.close(fd)


class NoTree(Walker):
    """Walks a tree that does not exist."""

    def __init__(self) -> None:
        return

    def open(self, path: bytes) -> int:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))

    def forget(self) -> None:
        return


def root_walker(root: int, side: Side) -> Walker:
    """A walker of a whole tree.

    Raises:
        RunStopped: the root does not answer; no single item is to blame.
    """
    try:
        return Walker(root)
    except OSError as error:
        code = codes.SOURCE_PATH_INVALID if side is Side.SOURCE else codes.TARGET_PATH_INVALID
        raise RunStopped(code, describe(error, f"opening the {side.value} anew"), side.value) from error


def join(directory: bytes, name: bytes) -> bytes:
    """The relative path of an entry of a directory given by its relative path."""
    return directory + b"/" + name if directory else name
