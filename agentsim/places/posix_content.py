"""Reading one file of a directory tree, and knowing whether it stayed the same meanwhile."""

from __future__ import annotations

import os

from agentsim.engine.decide import moved
from agentsim.engine.errors import ItemChanged, Side, classify
from agentsim.engine.lease import Lease
from agentsim.engine.sourcefile import let_go, look
from agentsim.places.place import Content, Item
from store import codes


class PosixContent(Content):
    """A file that was opened without following a link."""

    def __init__(self, fd: int, item: Item, before: os.stat_result, side: Side, lease: Lease) -> None:
        """Read an open file; the descriptor is closed with this.

        Args:
            fd: its descriptor.
            item: what it is.
            before: what ``fstat`` said when it was opened.
            side: words the errors.
            lease: asked between two chunks.
        """
        self.item = item
        self._fd = fd
        self._before = before
        self._side = side
        self._lease = lease
        self._done = 0

    def read(self, count: int) -> bytes:
        self._lease.check()
        parts = []
        try:
            # FUSE may answer with less than there is.
            while count > 0 and (part := os.read(self._fd, count)):
                parts.append(part)
                count -= len(part)
                self._done += len(part)
        except OSError as error:
            raise classify(error, self._side, f"reading the {self._side.value}") from error
        if self._done > self._before.st_size:
            # A file that grows as fast as it is read would never end.
            raise self._changed()
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def settle(self) -> None:
        if self._done != self._before.st_size or moved(self._before, look(self._fd, self._side)):
            raise self._changed()

    def _changed(self) -> ItemChanged:
        return ItemChanged(codes.ITEM_CHANGED, "Changed while it was read", self._before.st_size)

    def close(self) -> None:
        if self._fd >= 0:
            let_go(self._fd)
            self._fd = -1
