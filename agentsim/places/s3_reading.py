"""The bytes of one S3 object: one version from the first to the last, taken up again where a connection was lost."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from typing import Any, Final

from agentsim.engine.errors import ItemFailed
from agentsim.places.place import Content, Item
from agentsim.places.s3_client import PATIENCE_SECONDS, Bucket, pause_before
from agentsim.places.s3_errors import Answer
from store import codes

_CHUNK: Final = 1 << 20
_DOING: Final = "reading the object"


class S3Content(Content):
    """A file of a bucket.

    Args:
        bucket: where it is.
        key: of the object.
        item: as the answer says it.
        answer: of ``get_object``; its body is read and closed here.
    """

    def __init__(self, bucket: Bucket, key: str, item: Item, answer: Mapping[str, Any]) -> None:
        self.item = item
        self._bucket = bucket
        self._key = key
        self._body: Any = answer["Body"]
        self._at = 0
        self._lost_at = -1
        self._lost_since = 0.0
        self._attempts = 0
        self._digest = hashlib.md5(usedforsecurity=False) if item.md5 else None

    def read(self, count: int) -> bytes:
        pieces: list[bytes] = []
        wanted = min(count, self.item.size - self._at)
        while wanted:
            self._bucket.lease.check()
            piece = self._piece(min(wanted, _CHUNK))
            pieces.append(piece)
            wanted -= len(piece)
            self._at += len(piece)
            if self._digest:
                self._digest.update(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _piece(self, count: int) -> bytes:
        """At least one byte, from a new connection if need be."""
        from botocore.exceptions import BotoCoreError

        while True:
            try:
                piece: bytes = self._body.read(count)
                words = "the answer ended early"
            except (BotoCoreError, OSError) as error:
                piece, words = b"", str(error) or type(error).__name__
            if piece:
                return piece
            self._resume(words)

    def _resume(self, words: str) -> None:
        """Ask for the rest of the same version.

        Raises:
            RunStopped: nothing has come for longer than retries last.
            ItemChanged: another version is there.
        """
        self._body.close()
        moment = time.monotonic()
        if self._at != self._lost_at:
            self._lost_at, self._lost_since, self._attempts = self._at, moment, 0
        self._attempts += 1
        lost = Answer("ConnectionLost", 0, words)
        delay = pause_before(lost, self._attempts, "")
        if delay is None or moment + delay - self._lost_since > PATIENCE_SECONDS:
            raise self._bucket.judged(lost, _DOING)
        self._bucket.pause(delay)
        answer = self._bucket.call(
            "get_object", _DOING, Key=self._key, IfMatch=self.item.version, Range=f"bytes={self._at}-"
        )
        self._body = answer["Body"]

    def settle(self) -> None:
        """One version was read, as every request was for it; that it came whole is seen by its digest.

        Raises:
            ItemFailed: what came has another digest than the object.
        """
        if self._digest and self._at == self.item.size and self._digest.hexdigest() != self.item.md5:
            raise ItemFailed(
                codes.ITEM_DIGEST_DIFFERS,
                f"What was read has the MD5 {self._digest.hexdigest()}, and the object {self.item.md5}",
            )

    def close(self) -> None:
        self._body.close()
