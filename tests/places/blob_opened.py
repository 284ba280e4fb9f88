"""Blob places for tests, with contents and secrets that need no endpoint of their own."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from agentsim.engine.errors import Side
from agentsim.engine.lease import Lease, now
from agentsim.places.blob import BlobPlace
from agentsim.places.place import Content, Dress, Item, Opening
from agentsim.places.secrets import Secrets
from store.vocabulary import ItemKind
from tests.servers.azurite import Azurite


class Known(Secrets):
    """Secrets by their reference."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._secrets = secrets

    def resolve(self, reference: str, side: Side) -> str:
        return self._secrets[reference.removeprefix("env:")]


class Bytes(Content):
    """A content from memory.

    Attributes:
        settled: how often it was said to be read to its end.
    """

    def __init__(self, data: bytes, size: int | None = None) -> None:
        self.item = Item(path=b"source", kind=ItemKind.FILE, size=len(data) if size is None else size)
        self.settled = 0
        self._left = memoryview(data)

    def read(self, count: int) -> bytes:
        data, self._left = bytes(self._left[:count]), self._left[count:]
        return data

    def settle(self) -> None:
        self.settled += 1

    def close(self) -> None:
        self._left = memoryview(b"")


@contextmanager
def opened(
    server: Azurite,
    properties: Mapping[str, Any],
    *,
    side: Side = Side.TARGET,
    writes: bool = True,
    sub_path: bytes = b"",
    lease: Lease | None = None,
    port: int | None = None,
    secrets: Mapping[str, str] | None = None,
) -> Iterator[BlobPlace]:
    """A place that was reached and entered.

    Args:
        server: where it is.
        properties: of the endpoint.
        side: which one it plays.
        writes: whether it may be written.
        sub_path: below the container.
        lease: of the run; a long one by default.
        port: of a proxy in front of the server.
        secrets: by name; the server's own by default.
    """
    if port is not None:
        properties = {**properties, "serviceUrl": str(properties["serviceUrl"]).replace(str(server.port), str(port))}
    opening = Opening(side=side, writes=writes, sub_path=sub_path, lease=lease or Lease(now() + 600))
    place = BlobPlace(opening, properties, Known(secrets or server.environment))
    try:
        place.reach()
        place.enter()
        yield place
    finally:
        place.close()


def everything(place: BlobPlace) -> list[Item]:
    """What a walk finds; an unlisted part would be a failure."""
    found = list(place.walk(lambda _: True))
    assert all(isinstance(item, Item) for item in found)
    return [item for item in found if isinstance(item, Item)]


def put(place: BlobPlace, path: bytes, data: bytes, dress: Dress | None = None) -> Item:
    """Write a file, over what is there, and return it as it is then."""
    place.write(path, Bytes(data), dress or Dress(mtime_ns=1), place.find(path))
    item = place.find(path)
    assert item is not None
    return item


def content_of(place: BlobPlace, item: Item) -> bytes:
    """All bytes of a file, settled."""
    with place.read(item) as content:
        data = b"".join(iter(lambda: content.read(1 << 20), b""))
        content.settle()
    return data


def md5(data: bytes) -> str:
    """The digest in hex."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()
