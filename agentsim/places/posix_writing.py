"""Writing one file or link under a temporary name and putting it in place."""

from __future__ import annotations

import contextlib
import errno
import os

from agentsim.engine.decide import RESERVED, kind_of
from agentsim.engine.errors import ItemChanged, ItemFailed
from agentsim.engine.lease import Lease
from agentsim.engine.sourcefile import let_go
from agentsim.places.place import Content, Item
from agentsim.places.posix_items import version_of
from store import codes
from store.vocabulary import ItemKind

CHUNK_BYTES = 1 << 20
_ZEROS = bytes(CHUNK_BYTES)

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_ATTEMPTS = 8


class Temporary:
    """A new file under a name of Longshore's own; gone again if it is left with an exception.

    Attributes:
        name: its name in the directory.
        fd: its descriptor, until :meth:`finish`.
    """

    def __init__(self, directory: int, mode: int) -> None:
        """Make it in a directory, given by its descriptor, with this mode as the process's mask allows.

        Raises:
            OSError: it cannot be made.
        """
        self._directory = directory
        self.name, self.fd = _create(directory, mode)

    def finish(self) -> None:
        """Close it.

        Raises:
            OSError: what was written did not get there; network file systems say so only now.
        """
        closing, self.fd = self.fd, -1
        os.close(closing)

    def __enter__(self) -> Temporary:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if self.fd >= 0:
            let_go(self.fd)
        if kind is not None:
            discard(self._directory, self.name)


def _create(directory: int, mode: int) -> tuple[str, int]:
    for _ in range(_ATTEMPTS):
        name = temporary_name()
        with contextlib.suppress(FileExistsError):
            return name, os.open(name, _CREATE, mode, dir_fd=directory)
    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))


def temporary_name() -> str:
    """A name that is Longshore's own."""
    return f"{RESERVED}{os.urandom(8).hex()}.part"


def discard(directory: int, name: str) -> None:
    """Remove what was not put in place."""
    with contextlib.suppress(OSError):
        os.unlink(name, dir_fd=directory)


def fill(fd: int, content: Content, lease: Lease) -> int:
    """Write all of a content, settled, to a new file; long runs of zeros become holes.

    Returns:
        Its size in bytes.

    Raises:
        ItemChanged, ItemFailed, RunStopped, Canceled: the content's, or there is more or less of it than it said.
        OSError: the target's.
    """
    size = 0
    hole = False
    while chunk := content.read(CHUNK_BYTES):
        lease.check()
        hole = chunk == _ZEROS
        if hole:
            os.lseek(fd, len(chunk), os.SEEK_CUR)
        else:
            _write(fd, chunk)
        size += len(chunk)
    if hole:
        os.ftruncate(fd, size)
    content.settle()
    if size != content.item.size:
        raise ItemChanged(codes.ITEM_CHANGED, f"It was {content.item.size} bytes long and {size} were read", size)
    return size


def _write(fd: int, chunk: bytes) -> None:
    left = memoryview(chunk)
    while left:
        done = os.write(fd, left)
        left = left[done:]


def look_at(directory: int, name: bytes) -> os.stat_result | None:
    """``lstat`` of an entry; None for nothing.

    Raises:
        OSError: it is not known what is there.
    """
    try:
        return os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return None


def check_same(item: Item, found: os.stat_result | None) -> None:
    """Refuse to touch what is not the item that was looked at.

    Raises:
        ItemChanged: there is nothing, another kind of item, or another version.
    """
    if found is None:
        raise ItemChanged(codes.ITEM_VANISHED, "Gone since it was looked at")
    if kind_of(found.st_mode) is not item.kind:
        raise ItemChanged(codes.ITEM_CHANGED, "Another kind of item by now")
    if item.version and item.version != version_of(found):
        raise ItemChanged(codes.ITEM_CHANGED, "Changed since it was looked at")


def check_place(found: os.stat_result | None, replacing: Item | None) -> None:
    """Refuse to put a file or link where something else is than what was compared.

    Raises:
        ItemChanged: another was there first, or has changed it.
        ItemFailed: a directory is there.
    """
    if found is not None and kind_of(found.st_mode) is ItemKind.DIRECTORY:
        raise ItemFailed(codes.ITEM_BLOCKED_BY_DIRECTORY, "The target has a directory of this name")
    if replacing is not None:
        check_same(replacing, found)
    elif found is not None:
        raise ItemChanged(codes.ITEM_CHANGED, "The target has an item of this name by now")


def put_in_place(directory: int, temporary: str, name: bytes, replacing: Item | None) -> None:
    """Give a finished file or link its name, if what is there is what was compared.

    Raises:
        ItemChanged, ItemFailed: as :func:`check_place`; nothing was done.
        OSError: the same.
    """
    check_place(look_at(directory, name), replacing)
    os.rename(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
