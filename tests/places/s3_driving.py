"""How stories open an S3 place, and what they write into it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from agentsim.engine.errors import Side
from agentsim.engine.lease import Lease, now
from agentsim.places import s3, s3_upload
from agentsim.places.place import Content, Item, Opening
from agentsim.places.s3 import S3Place
from agentsim.places.secrets import Secrets
from store.vocabulary import ItemKind


def small_parts(monkeypatch: pytest.MonkeyPatch, size: int = 1 << 20) -> None:
    """Take files for large that are larger than this, and send them in parts of it."""
    monkeypatch.setattr(s3, "SINGLE", size)
    monkeypatch.setattr(s3_upload, "SINGLE", size)


def opened(properties: Mapping[str, Any], side: Side = Side.TARGET, sub_path: bytes = b"") -> S3Place:
    """A place whose lease lasts for an hour, entered."""
    place = unopened(properties, side, sub_path)
    place.reach()
    place.enter()
    return place


def unopened(properties: Mapping[str, Any], side: Side = Side.TARGET, sub_path: bytes = b"") -> S3Place:
    """The same, with nothing asked of the server."""
    opening = Opening(side=side, writes=side is Side.TARGET, sub_path=sub_path, lease=Lease(now() + 3600))
    return S3Place(opening, properties, Secrets())


def key_of(properties: Mapping[str, Any]) -> str:
    """The bucket of a place that has no prefix."""
    return str(properties["sourceUri"]).rpartition("/")[2]


class Bytes(Content):
    """A file's content in memory.

    Attributes:
        settled: whether it was asked to settle.
    """

    def __init__(self, data: bytes, md5: str = "", told: int | None = None, error: Exception | None = None) -> None:
        self.item = Item(path=b"f", kind=ItemKind.FILE, size=len(data) if told is None else told, md5=md5)
        self.settled = False
        self.reads = 0
        self._data = data
        self._at = 0
        self._error = error

    def read(self, count: int) -> bytes:
        self.reads += 1
        piece = self._data[self._at : self._at + count]
        self._at += len(piece)
        return piece

    def settle(self) -> None:
        if self._error:
            raise self._error
        self.settled = True

    def close(self) -> None:
        pass


def content_of(place: S3Place, path: bytes) -> bytes:
    """What a file holds, read in small steps and settled."""
    item = place.find(path)
    assert item is not None
    with place.read(item) as content:
        data = b"".join(iter(lambda: content.read(1 << 19), b""))
        content.settle()
    return data
