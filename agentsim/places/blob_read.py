"""Reading one blob from its first to its last byte, in ranges that all are of one version."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from typing import Final

from azure.core import MatchConditions
from azure.storage.blob import BlobClient, BlobProperties

from agentsim.engine.errors import ItemChanged, ItemFailed
from agentsim.places.blob_errors import translated
from agentsim.places.daemons import Daemons
from agentsim.places.in_flight import awaited
from agentsim.places.place import Content, Item, Opening
from store import codes

RANGE: Final = 4 << 20
"""Bytes that one request asks for."""

AHEAD: Final = 2
"""Ranges asked for before they are needed: with the one that is read they bound the memory of a stream."""


class BlobContent(Content):
    """A blob's content. The first range comes with the metadata, the others while the one before is used."""

    def __init__(
        self,
        blob: BlobClient,
        item: Item,
        opening: Opening,
        background: Daemons,
        as_item: Callable[[bytes, BlobProperties], Item],
    ) -> None:
        """Open it; errors as ``Place.read``."""
        self._blob = blob
        self._opening = opening
        self._background = background
        self._etag = item.version
        self._size = item.size
        self._digest = hashlib.md5(usedforsecurity=False)
        self._waiting: deque[Future[bytes]] = deque()
        first, properties = self._first()
        found = as_item(item.path, properties)
        # Of a range, the library says the range's size.
        self.item = replace(found, size=item.size)
        self._chunk = memoryview(first)
        self._asked = len(first)
        self._given = 0
        self._ask_ahead()

    def read(self, count: int) -> bytes:
        self._opening.lease.check()
        parts: list[memoryview] = []
        while count > 0 and (self._chunk or self._waiting):
            if not self._chunk:
                self._chunk = memoryview(awaited(self._waiting.popleft(), self._opening.lease))
                self._ask_ahead()
            parts.append(self._chunk[:count])
            self._chunk = self._chunk[len(parts[-1]) :]
            count -= len(parts[-1])
        data = bytes(parts[0]) if len(parts) == 1 else b"".join(parts)
        self._digest.update(data)
        self._given += len(data)
        return data

    def settle(self) -> None:
        if self._given != self._size:
            raise ItemChanged(codes.ITEM_CHANGED, "The blob was not read to its end", self._size)
        md5 = self.item.md5
        if md5 and md5 != self._digest.hexdigest():
            raise ItemFailed(
                codes.ITEM_DIGEST_DIFFERS,
                f"What the {self._opening.side.value} sent is not what its Content-MD5 says: {md5} is recorded",
            )

    def close(self) -> None:
        for future in self._waiting:
            future.cancel()
        self._waiting.clear()
        self._chunk = memoryview(b"")

    def _first(self) -> tuple[bytes, BlobProperties]:
        with translated(self._opening.side, "opening the blob"):
            if self._size == 0:
                # A range of nothing would be refused.
                return b"", self._blob.get_blob_properties(
                    etag=self._etag, match_condition=MatchConditions.IfNotModified
                )
            length = min(RANGE, self._size)
            stream = self._blob.download_blob(
                0, length, etag=self._etag, match_condition=MatchConditions.IfNotModified, max_concurrency=1
            )
            return self._whole(stream.readall(), length), stream.properties

    def _ask_ahead(self) -> None:
        while len(self._waiting) < AHEAD and self._asked < self._size:
            start, length = self._asked, min(RANGE, self._size - self._asked)
            self._asked += length
            self._waiting.append(self._background.submit(partial(self._range, start, length)))

    def _range(self, start: int, length: int) -> bytes:
        self._opening.lease.check()
        with translated(self._opening.side, "reading the blob"):
            stream = self._blob.download_blob(
                start, length, etag=self._etag, match_condition=MatchConditions.IfNotModified, max_concurrency=1
            )
            return self._whole(stream.readall(), length)

    def _whole(self, data: bytes, length: int) -> bytes:
        if len(data) != length:
            raise ItemFailed(codes.ITEM_FAILED, f"The server sent {len(data)} bytes where {length} were asked for")
        return data
