"""Trying a place step by step: what an admin is told before the first run."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from agentsim.engine.decide import RESERVED
from agentsim.engine.errors import ItemChanged, ItemFailed, RunStopped
from agentsim.places.place import Content, Dress, Item, Place, Unlisted
from store import codes
from store.vocabulary import ItemKind

LISTED: Final = 10
"""Items of the root that are listed; each further one would tell nothing."""

_BYTES: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What came of one step.

    Attributes:
        name: "reach", "authenticate", "list", "write", "read" or "delete".
        ok: whether it worked.
        code: a status code of ``store.codes``.
        message: what was found, or what went wrong, for an admin; outside text is in it.
        milliseconds: how long it took.
    """

    name: str
    ok: bool
    code: str
    message: str
    milliseconds: int


def try_place(place: Place, writes: bool) -> Iterator[Step]:
    """Go through the steps as they come, up to the first that fails; the place is the caller's to close.

    Args:
        place: just opened, and not entered yet.
        writes: also write a file of Longshore's own, read and delete it; it is removed whatever happens.

    Raises:
        Canceled: it was called off.
    """
    yield (step := _try("reach", place.reach))
    if not step.ok:
        return
    yield (step := _try("authenticate", place.enter))
    if not step.ok:
        return
    yield (step := _try("list", lambda: _list(place)))
    if step.ok and writes:
        yield from _changes(place)


def _changes(place: Place) -> Iterator[Step]:
    path = f"{RESERVED}{os.urandom(8).hex()}.part".encode()
    data = os.urandom(_BYTES)
    there = True
    try:
        yield (step := _try("write", lambda: _write(place, path, data)))
        if step.ok:
            yield (step := _try("read", lambda: _read(place, path, data)))
        if step.ok:
            yield (step := _try("delete", lambda: _delete(place, path)))
            there = not step.ok
    finally:
        if there:
            # What went wrong before is what the admin is told.
            _try("delete", lambda: _delete(place, path))


def _try(name: str, act: Callable[[], str | None]) -> Step:
    began = time.monotonic()
    code = codes.SUCCESS
    try:
        message = act() or ""
    except (ItemFailed, ItemChanged, RunStopped) as error:
        code, message = error.code, error.message
    took = round((time.monotonic() - began) * 1000)
    return Step(name=name, ok=code == codes.SUCCESS, code=code, message=message, milliseconds=took)


def _list(place: Place) -> str:
    """List the root and nothing below it.

    Raises:
        ItemFailed, RunStopped: it cannot be listed.
    """
    found = 0
    for item in islice(place.walk(lambda path: False), LISTED):
        if isinstance(item, Unlisted) and not item.path:
            raise item.error
        found += 1
    if found == LISTED:
        return f"{LISTED} items or more"
    return {0: "It is empty", 1: "1 item"}.get(found, f"{found} items")


def _write(place: Place, path: bytes, data: bytes) -> str:
    written = place.write(path, _Bytes(path, data), Dress(), None)
    return written.remark or f"{written.size} bytes written"


def _read(place: Place, path: bytes, data: bytes) -> str:
    item = place.find(path)
    if item is None:
        raise ItemFailed(codes.ITEM_FAILED, "The file that was just written is not there")
    with place.read(item) as content:
        found = b"".join(iter(lambda: content.read(_BYTES), b""))
        content.settle()
    if found != data:
        raise ItemFailed(codes.ITEM_DIGEST_DIFFERS, "The file that was just written reads back differently")
    return f"{len(found)} bytes read back, the same"


def _delete(place: Place, path: bytes) -> str:
    item = place.find(path)
    if item is None or not place.delete(item):
        return "It was gone already"
    return "Nothing is left of it"


class _Bytes(Content):
    """A file of the test's own."""

    def __init__(self, path: bytes, data: bytes) -> None:
        digest = hashlib.md5(data, usedforsecurity=False).hexdigest()
        self.item = Item(path=path, kind=ItemKind.FILE, size=len(data), md5=digest)
        self._left = data

    def read(self, count: int) -> bytes:
        part, self._left = self._left[:count], self._left[count:]
        return part

    def settle(self) -> None:
        return

    def close(self) -> None:
        return
