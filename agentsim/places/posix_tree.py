"""The way to an item of a directory tree, component by component from its held root, over no link."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator

from agentsim.engine.errors import ItemChanged, ItemFailed
from agentsim.engine.lease import Lease
from agentsim.engine.preflight import components
from agentsim.engine.sourcefile import let_go
from agentsim.engine.walker import DIRECTORY_FLAGS
from agentsim.places.place import Item
from agentsim.places.posix_writing import check_same
from store import codes

NOT_THERE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG)
"""How the kernel says that nothing can be under a path."""

_LOOK = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC


class Tree:
    """Opens what lies below one root; keeps nothing open, so that each way leads where the path leads now."""

    def __init__(self, root: int) -> None:
        """Use the directory ``root``, a descriptor; -1 for a tree that does not exist."""
        self._root = root

    @contextlib.contextmanager
    def entered(self, path: bytes) -> Iterator[tuple[int, bytes]]:
        """The directory of an item, as a descriptor, and its name there.

        Raises:
            ItemFailed: it can be no item's path.
            OSError: the way cannot be gone.
        """
        *above, name = parts_of(path)
        fd = self._descend(above)
        try:
            yield fd, name
        finally:
            let_go(fd)

    def _descend(self, parts: list[bytes], lease: Lease | None = None) -> int:
        """A descriptor of a directory below the root, which the caller closes; made where there is a lease for it."""
        if self._root < 0:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        fd = os.open(b".", DIRECTORY_FLAGS, dir_fd=self._root)
        for part in parts:
            above = fd
            try:
                fd = _enter_part(above, part, lease)
            finally:
                os.close(above)
        return fd

    @contextlib.contextmanager
    def made_way(self, path: bytes, lease: Lease) -> Iterator[tuple[int, bytes]]:
        """As :meth:`entered`, making the directories that are missing."""
        *above, name = parts_of(path)
        fd = self._descend(above, lease)
        try:
            yield fd, name
        finally:
            let_go(fd)

    @contextlib.contextmanager
    def held(self, item: Item) -> Iterator[int]:
        """An item itself, open for nothing but looking, and still the one that was meant.

        Raises:
            ItemChanged: it is not.
            OSError: it cannot be reached.
        """
        with contextlib.ExitStack() as stack:
            try:
                if item.path:
                    directory, name = stack.enter_context(self.entered(item.path))
                else:
                    directory, name = self._root, b"."
                fd = stack.enter_context(opened(directory, name))
            except OSError as error:
                if error.errno not in NOT_THERE:
                    raise
                raise ItemChanged(codes.ITEM_VANISHED, "Gone since it was looked at") from error
            check_same(item, os.fstat(fd))
            yield fd

    def check_way(self, path: bytes, directory: int) -> None:
        """See that a path still leads to the directory that was opened by it, which may be long ago.

        Raises:
            ItemChanged: it leads elsewhere, or nowhere.
        """
        try:
            with self.entered(path) as (again, _):
                if os.path.samestat(os.fstat(again), os.fstat(directory)):
                    return
        except OSError as error:
            if error.errno not in NOT_THERE:
                raise
        raise ItemChanged(codes.ITEM_CHANGED, "Its directory in the target was moved while it was written")


def parts_of(path: bytes) -> list[bytes]:
    """The names on the way to an item.

    Raises:
        ItemFailed: it can be no item's path.
    """
    try:
        parts = components(path)
    except ValueError as error:
        raise ItemFailed(codes.ITEM_NAME_UNSUPPORTED, f"No path of an item: {error}") from None
    if not parts:
        raise ItemFailed(codes.ITEM_NAME_UNSUPPORTED, "No path of an item: it is empty")
    return parts


def _enter_part(above: int, part: bytes, lease: Lease | None) -> int:
    try:
        return os.open(part, DIRECTORY_FLAGS, dir_fd=above)
    except FileNotFoundError:
        if lease is None:
            raise
    lease.check()
    with contextlib.suppress(FileExistsError):
        os.mkdir(part, 0o700, dir_fd=above)
    return os.open(part, DIRECTORY_FLAGS, dir_fd=above)


@contextlib.contextmanager
def opened(directory: int, name: bytes, flags: int = _LOOK) -> Iterator[int]:
    """An entry, whatever it is; a link itself."""
    fd = os.open(name, flags, dir_fd=directory)
    try:
        yield fd
    finally:
        let_go(fd)
