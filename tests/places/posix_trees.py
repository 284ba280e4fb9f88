"""Directories as places, for tests."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from agentsim.engine.errors import Side
from agentsim.engine.lease import Lease, now
from agentsim.places.place import Content, Item, Opening
from agentsim.places.posix import PosixPlace
from store.vocabulary import ItemKind


def opening(side: Side = Side.TARGET, *, writes: bool | None = None, sub_path: bytes = b"") -> Opening:
    """With a lease that lasts; a target may be written to unless it is said otherwise."""
    lease = Lease(now() + 600)
    return Opening(side=side, writes=side is Side.TARGET if writes is None else writes, sub_path=sub_path, lease=lease)


def entered(root: Path, side: Side = Side.TARGET, *, writes: bool | None = None, sub_path: bytes = b"") -> PosixPlace:
    """A place that was reached and entered."""
    place = PosixPlace(opening(side, writes=writes, sub_path=sub_path), os.fsencode(root))
    place.reach()
    place.enter()
    return place


def item(place: PosixPlace, path: bytes) -> Item:
    """What a place has under a path."""
    found = place.find(path)
    assert found is not None
    return found


class Bytes(Content):
    """Content made of bytes, that does something else first when it is read or settled."""

    def __init__(
        self,
        data: bytes,
        *,
        before_read: Callable[[], None] = lambda: None,
        before_settling: Callable[[], None] = lambda: None,
    ) -> None:
        self.item = Item(path=b"f", kind=ItemKind.FILE, size=len(data))
        self._left = data
        self._before_read = before_read
        self._before_settling = before_settling

    def read(self, count: int) -> bytes:
        self._before_read()
        part, self._left = self._left[:count], self._left[count:]
        return part

    def settle(self) -> None:
        self._before_settling()

    def close(self) -> None:
        return
