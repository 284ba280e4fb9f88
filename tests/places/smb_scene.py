"""What stories about SMB places share: places on a real Samba, and content out of memory."""

from __future__ import annotations

import os
from typing import Any

from agentsim.engine.errors import ItemChanged, Side
from agentsim.engine.lease import Lease, now
from agentsim.places.place import Content, Dress, Item, Opening, Unlisted
from agentsim.places.secrets import Secrets
from agentsim.places.smb import SmbPlace
from store import codes
from store.vocabulary import ItemKind
from tests.servers.samba import Samba


class FromEnvironment(Secrets):
    """Resolves ``env:`` references out of a dict."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment

    def resolve(self, reference: str, side: Side) -> str:
        return self._environment[reference.removeprefix("env:")]


class Bytes(Content):
    """Content out of memory; something may be done when so much of it was read."""

    def __init__(self, data: bytes, *, at: int = -1, act: Any = None, changes: bool = False) -> None:
        self.item = Item(path=b"x", kind=ItemKind.FILE, size=len(data))
        self._data = data
        self._position = 0
        self._at = at
        self._act = act
        self._changes = changes

    def read(self, count: int) -> bytes:
        if self._act is not None and self._position >= self._at:
            act, self._act = self._act, None
            act()
        data = self._data[self._position : self._position + count]
        self._position += len(data)
        return data

    def settle(self) -> None:
        if self._changes:
            raise ItemChanged(codes.ITEM_CHANGED, "It changed.")

    def close(self) -> None:
        pass


def a_lease() -> Lease:
    """One that holds for longer than any test."""
    return Lease(now() + 3600)


def made(
    server: Samba,
    properties: dict[str, Any],
    *,
    side: Side = Side.TARGET,
    writes: bool | None = None,
    sub_path: bytes = b"",
    lease: Lease | None = None,
    environment: dict[str, str] | None = None,
) -> SmbPlace:
    """A place that nobody has connected yet."""
    opening = Opening(
        side=side,
        writes=side is Side.TARGET if writes is None else writes,
        sub_path=sub_path,
        lease=lease or a_lease(),
    )
    return SmbPlace(opening, properties, FromEnvironment(environment or server.environment))


def entered(server: Samba, properties: dict[str, Any], **how: Any) -> SmbPlace:
    """A place to work on."""
    place = made(server, properties, **how)
    place.reach()
    place.enter()
    return place


def put(place: SmbPlace, path: str, data: bytes = b"content", **dress: Any) -> Item:
    """Write a file, and its item as it is then."""
    place.write(path.encode(), Bytes(data), Dress(**dress), None)
    return there(place, path)


def there(place: SmbPlace, path: str) -> Item:
    """An item that has to be there."""
    item = place.find(path.encode())
    assert item is not None
    return item


def content_of(place: SmbPlace, path: str) -> bytes:
    """All of a file, read through the place."""
    with place.read(there(place, path)) as content:
        parts = []
        while part := content.read(1 << 20):
            parts.append(part)
        content.settle()
    return b"".join(parts)


def walked(place: SmbPlace) -> list[str]:
    """What a walk of everything gives: paths, with a slash after a directory and a ``!`` before what was not listed."""
    found = []
    for item in place.walk(lambda path: True):
        if isinstance(item, Unlisted):
            found.append("!" + os.fsdecode(item.path))
        else:
            found.append(os.fsdecode(item.path) + ("/" if item.kind is ItemKind.DIRECTORY else ""))
    return found


def leftovers(server: Samba, share: str) -> list[str]:
    """Temporary files in a share."""
    return [str(path) for path in server.path(share).rglob(".longshore-*.part")]
