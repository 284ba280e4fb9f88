"""Writing one blob so that readers see the old one or the new one: a single request, or blocks and a commit.

A block's id holds its index and the MD5 of its bytes: what a run that was killed had sent is found by the next one
among the uncommitted blocks and need not be sent again, and it can never be other bytes.
"""

from __future__ import annotations

import hashlib
import io
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any, Final

from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.storage.blob import BlobBlock, BlobClient, ContentSettings

from agentsim.engine.errors import ItemChanged
from agentsim.engine.lease import Lease
from agentsim.places.blob_errors import answer_of, code_of, is_damage, translated
from agentsim.places.daemons import Daemons
from agentsim.places.in_flight import UPLOADS, awaited
from agentsim.places.place import Content, Item, Opening, Written

SINGLE: Final = 4 << 20
"""Most bytes of content that go in one request."""

BLOCK: Final = 8 << 20
"""Least bytes of a block but the last."""

MOST_BLOCKS: Final = 50_000
"""The service's limit for one blob."""

PARALLEL: Final = 4
"""Blocks of one blob that are on their way at once."""

_TRIES: Final = 3
"""How often bytes are sent that the service says were damaged on the way."""

_SLOWEST: Final = 16 << 10
"""Bytes per second below which a request is given up."""


def block_size(size: int) -> int:
    """Bytes of a block, in whole MiB, so that a blob of ``size`` bytes has no more blocks than it may have."""
    mebibytes = -(-size // MOST_BLOCKS) + (1 << 20) - 1 >> 20
    return max(BLOCK, mebibytes << 20)


class Upload:
    """One write of one blob."""

    def __init__(
        self,
        blob: BlobClient,
        opening: Opening,
        background: Daemons,
        metadata: Mapping[str, str],
        replacing: Item | None,
    ) -> None:
        """Nothing is asked of the server yet.

        Args:
            blob: the client of the blob.
            opening: the side and the lease.
            background: carries out the parallel requests.
            metadata: the blob's whole metadata.
            replacing: the item that is there; None for nothing.
        """
        self._blob = blob
        self._opening = opening
        self._background = background
        self._metadata = dict(metadata)
        self._condition: dict[str, Any] = (
            {"match_condition": MatchConditions.IfMissing}
            if replacing is None
            else {"etag": replacing.version, "match_condition": MatchConditions.IfNotModified}
        )

    def send(self, content: Content) -> Written:
        """Send a file's content and make it visible; errors as ``Place.write``."""
        expected = content.item.size
        if expected <= SINGLE:
            first = content.read(SINGLE + 1)
            if len(first) <= SINGLE:
                content.settle()
                return self.put(first)
            # It grew: what is known of its size does not matter, and settling will tell.
            return self._send_blocks(content, first, len(first))
        return self._send_blocks(content, b"", block_size(expected))

    def put(self, data: bytes) -> Written:
        """One request, which the service refuses if the bytes are damaged on the way."""
        digest = hashlib.md5(data, usedforsecurity=False)
        self._opening.lease.check()

        def put() -> dict[str, Any]:
            return self._blob.upload_blob(
                data,
                length=len(data),
                metadata=self._metadata,
                overwrite="etag" in self._condition,
                validate_content=True,
                content_settings=_settings(digest.digest()),
                connection_timeout=_timeout(len(data)),
                **({} if "etag" not in self._condition else self._condition),
            )

        return self._made_visible(lambda: _resent(put), digest.hexdigest(), len(data))

    def _send_blocks(self, content: Content, first: bytes, step: int) -> Written:
        """Send in blocks of ``step`` bytes; ``first`` is the first of them if it was read already."""
        lease = self._opening.lease
        digest = hashlib.md5(usedforsecurity=False)
        sent: dict[str, int] | None = None
        on_the_way: deque[Future[str]] = deque()
        names: list[str] = []
        size = 0
        try:
            while True:
                if len(on_the_way) == PARALLEL:
                    names.append(awaited(on_the_way.popleft(), lease))
                UPLOADS.take(step, lease)
                is_handed_on = False
                try:
                    data, first = first or content.read(step), b""
                    if sent is None and len(data) < step:
                        content.settle()
                        return self.put(data)
                    sent = self._sent_before() if sent is None else sent
                    if data:
                        staged = self._background.submit(self._staging(data, len(names) + len(on_the_way), sent))
                        staged.add_done_callback(lambda _: UPLOADS.give_back(step))
                        is_handed_on = True
                        on_the_way.append(staged)
                finally:
                    if not is_handed_on:
                        UPLOADS.give_back(step)
                digest.update(data)
                size += len(data)
                if len(data) < step:
                    break
            names += [awaited(staged, lease) for staged in on_the_way]
        finally:
            for staged in on_the_way:
                staged.cancel()
        content.settle()
        lease.check()
        return self._made_visible(lambda: self._commit(names, digest.digest()), digest.hexdigest(), size)

    def _staging(self, data: bytes, index: int, sent: Mapping[str, int]) -> Callable[[], str]:
        def stage() -> str:
            digest = hashlib.md5(data, usedforsecurity=False)
            name = f"{index:05d}-{digest.hexdigest()}"
            if sent.get(name) == len(data):
                return name
            with translated(self._opening.side, "sending a block"):
                _resent(
                    lambda: self._blob.stage_block(
                        name,
                        _Body(data, self._opening.lease),
                        length=len(data),
                        # As ``validate_content``, without making the digest once more.
                        transactional_content_md5=bytearray(digest.digest()),
                        connection_timeout=_timeout(len(data)),
                    )
                )
            return name

        return stage

    def _commit(self, names: list[str], digest: bytes) -> dict[str, Any]:
        return self._blob.commit_block_list(
            [BlobBlock(name) for name in names],
            content_settings=_settings(digest),
            metadata=self._metadata,
            **self._condition,
        )

    def _made_visible(self, request: Callable[[], dict[str, Any]], md5: str, size: int) -> Written:
        """The request that makes the blob what it is to be; one whose answer was lost is known by what is there."""
        try:
            with translated(self._opening.side, "writing the blob"):
                answer = request()
        except ItemChanged:
            found = self._is_there(md5, size)
            if not found:
                raise
            return Written(size=size, md5=md5, version=found)
        return Written(size=size, md5=md5, version=version_of(answer.get("etag")))

    def _is_there(self, md5: str, size: int) -> str:
        """The version of the blob if it is the one that was to be written; empty if it is another."""
        with translated(self._opening.side, "looking at the blob"):
            try:
                found = self._blob.get_blob_properties()
            except ResourceNotFoundError:
                return ""
        same = (
            found.size == size
            and (found.content_settings.content_md5 or b"").hex() == md5
            and dict(found.metadata or {}) == self._metadata
        )
        return version_of(found.etag) if same else ""

    def _sent_before(self) -> dict[str, int]:
        """Blocks that an earlier run left, by their ids, with their sizes."""
        with translated(self._opening.side, "looking for blocks of an earlier run"):
            try:
                _, uncommitted = self._blob.get_block_list("uncommitted")
            except ResourceNotFoundError as error:
                if code_of(error) != "BlobNotFound":
                    raise
                return {}
        return {str(block.id): int(block.size or 0) for block in uncommitted}


class _Body(io.BytesIO):
    """Bytes on their way out, which stop soon after the run is to stop."""

    def __init__(self, data: bytes, lease: Lease) -> None:
        super().__init__(data)
        self._lease = lease

    def read(self, size: int | None = -1, /) -> bytes:
        self._lease.check()
        return super().read(size)


def _resent(request: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    for _ in range(_TRIES - 1):
        try:
            return request()
        except HttpResponseError as error:
            if not is_damage(answer_of(error)):
                raise
    return request()


def _settings(digest: bytes) -> ContentSettings:
    return ContentSettings(content_md5=bytearray(digest))


def _timeout(size: int) -> int:
    """Seconds: of a request's connection, the library also takes it for that in which a piece of it is sent."""
    return 60 + size // _SLOWEST


def version_of(etag: object) -> str:
    """An ETag as conditions want it: answers have it in quotes, listings do not."""
    text = str(etag or "").strip('"')
    return f'"{text}"' if text else ""
