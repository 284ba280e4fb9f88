"""Objects sent in parts: several at once, and not again what a run that died had sent already."""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
from base64 import b64encode
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import IO, Any, Final

from agentsim.engine.errors import ItemChanged, ItemFailed, RunStopped
from agentsim.places.daemons import Daemons
from agentsim.places.in_flight import UPLOADS, awaited
from agentsim.places.place import Content
from agentsim.places.s3_client import Bucket, Refused
from store import codes

SINGLE: Final = 8 << 20
"""Most bytes of an object that is sent in one request, and the size of a part."""

MOST_PARTS: Final = 10_000
LARGEST: Final = 5 << 40
"""Most bytes of an object."""

PARTS_AT_ONCE: Final = 4
"""Of one object."""

_IN_MEMORY: Final = 2 * SINGLE
"""A larger part waits in a file that has no name: only objects above 150 GiB have such."""

_MOST_UPLOADS: Final = 10
_CHUNK: Final = 1 << 20
_LAST_WAIT_SECONDS: Final = 1.0
"""How long parts that are on their way are waited for when the upload has failed."""
_UNKNOWN: Final = frozenset({"NoSuchUpload", "404", "NotImplemented", "501", "AccessDenied", "405", "MethodNotAllowed"})
_GONE: Final = frozenset({codes.SOURCE_UNREACHABLE, codes.TARGET_UNREACHABLE})
"""A server that is gone is asked nothing more; the next run goes on with the upload."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of an upload.

    Attributes:
        size: bytes.
        md5: hex digest of all of it.
        version: the object's ETag.
        resumed: it began in an earlier run, whose metadata it has.
    """

    size: int
    md5: str
    version: str
    resumed: bool


@dataclass(slots=True)
class _Part:
    number: int
    size: int
    md5: bytes
    body: bytes | IO[bytes]
    held: int
    """Bytes of memory that the process's uploads have less because of it."""

    @property
    def etag(self) -> str:
        return f'"{self.md5.hex()}"'

    def close(self) -> None:
        """Let its bytes go; may be called twice."""
        if not isinstance(self.body, bytes):
            self.body.close()
        self.body = b""
        UPLOADS.give_back(self.held)
        self.held = 0


_Pending = deque[tuple[Future[None], _Part]]


def part_size(size: int) -> int:
    """Bytes of each part of an object, so that there are not too many of them; whole MiB."""
    least = -(-size // MOST_PARTS)
    return max(SINGLE, -(-least // _CHUNK) * _CHUNK)


class Upload:
    """One object, from its content to the request that makes it visible.

    Args:
        bucket: where to.
        workers: who sends the parts.
        key: of the object.
        headers: metadata and the like, as ``create_multipart_upload`` takes it.
    """

    def __init__(self, bucket: Bucket, workers: Daemons, key: str, headers: dict[str, Any]) -> None:
        self._bucket = bucket
        self._workers = workers
        self._key = key
        self._headers = headers
        self._id = ""
        self._there: dict[int, tuple[str, int]] = {}
        self._older: list[str] = []
        self._resumed = False
        self._etags: dict[int, str] = {}
        self._digests: list[bytes] = []

    def send(self, content: Content, complete: Callable[[dict[str, Any], str], dict[str, Any]]) -> Sent:
        """Send it all, settle the content, and make the object visible.

        Args:
            content: read to its end.
            complete: sends ``complete_multipart_upload`` with these arguments, under the write's condition, when the
                ETag to be expected is the second.

        Raises:
            ItemChanged, ItemFailed, RunStopped, Canceled: nothing is visible, and the upload is given up. A process
                that is killed leaves it, for the next one to go on with.
        """
        whole = hashlib.md5(usedforsecurity=False)
        pending: _Pending = deque()
        size = 0
        try:
            for part in self._parts(content, whole):
                size += part.size
                if part.number == 1:
                    self._begin(part)
                self._hand_over(part, pending)
            while pending:
                awaited(pending.popleft()[0], self._bucket.lease)
            content.settle()
            if size != content.item.size:
                raise ItemChanged(codes.ITEM_CHANGED, "It has another size than when it was opened", size)
            self._bucket.lease.check()
            answer = complete(self._completion(), self._expected())
        except BaseException as error:
            for future, part in pending:
                if future.cancel():
                    part.close()
                else:
                    with contextlib.suppress(TimeoutError):
                        future.exception(_LAST_WAIT_SECONDS)
            if not (isinstance(error, RunStopped) and error.code in _GONE):
                self._give_up(self._id)
            raise
        for upload in self._older:
            self._give_up(upload)
        return Sent(size, whole.hexdigest(), str(answer.get("ETag", "")), self._resumed)

    def _parts(self, content: Content, whole: Any) -> Iterator[_Part]:
        size, step = content.item.size, part_size(content.item.size)
        for number, start in enumerate(range(0, size, step), start=1):
            part = self._read(content, number, min(step, size - start), whole)
            if part.size:
                yield part
            else:
                part.close()
                return
        if content.read(1):
            raise ItemChanged(codes.ITEM_CHANGED, "It grew while it was read", size)

    def _read(self, content: Content, number: int, size: int, whole: Any) -> _Part:
        """The next part of the content; its digest is made on the way."""
        if size <= _IN_MEMORY:
            UPLOADS.take(size, self._bucket.lease)
            try:
                data = content.read(size)
            except BaseException:
                UPLOADS.give_back(size)
                raise
            whole.update(data)
            return _Part(number, len(data), hashlib.md5(data, usedforsecurity=False).digest(), data, size)
        digest = hashlib.md5(usedforsecurity=False)
        done = 0
        spool = tempfile.TemporaryFile(prefix="longshore-part-")  # noqa: SIM115 - the part closes it
        try:
            while done < size and (data := content.read(min(_CHUNK, size - done))):
                whole.update(data)
                digest.update(data)
                spool.write(data)
                done += len(data)
            spool.seek(0)
        except OSError as error:
            spool.close()
            raise RunStopped(codes.AGENT_FULL, f"A part of {size} bytes cannot be kept: {error.strerror}") from None
        except BaseException:
            spool.close()
            raise
        return _Part(number, done, digest.digest(), spool, 0)

    def _begin(self, first: _Part) -> None:
        """Go on with an upload of an earlier run that has this part already, or start one."""
        try:
            for upload in self._uploads():
                there = self._listed(upload)
                if not self._id and there.get(1) == (first.etag, first.size):
                    self._id, self._there, self._resumed = upload, there, True
                else:
                    self._older.append(upload)
            if not self._id:
                self._id = self._started()
        except BaseException:
            first.close()
            raise

    def _started(self) -> str:
        self._bucket.lease.check()
        answer = self._bucket.call("create_multipart_upload", "starting the upload", Key=self._key, **self._headers)
        return str(answer["UploadId"])

    def _uploads(self) -> list[str]:
        """Uploads of this very key that were never ended, newest first; none where the server does not tell."""
        try:
            answer = self._bucket.call(
                "list_multipart_uploads", "looking for uploads", but=_UNKNOWN, Prefix=self._key, MaxUploads=100
            )
        except (Refused, ItemFailed):
            return []
        found = [upload for upload in answer.get("Uploads", ()) if upload["Key"] == self._key]
        found.sort(key=lambda upload: upload["Initiated"], reverse=True)
        return [upload["UploadId"] for upload in found[:_MOST_UPLOADS]]

    def _listed(self, upload: str) -> dict[int, tuple[str, int]]:
        """ETag and size of the parts that an upload has."""
        there: dict[int, tuple[str, int]] = {}
        marker = 0
        while True:
            try:
                answer = self._bucket.call(
                    "list_parts",
                    "looking for parts",
                    but=_UNKNOWN,
                    Key=self._key,
                    UploadId=upload,
                    PartNumberMarker=marker,
                )
            except (Refused, ItemFailed):
                return there
            for part in answer.get("Parts", ()):
                there[int(part["PartNumber"])] = (str(part["ETag"]), int(part["Size"]))
            following = int(answer.get("NextPartNumberMarker") or 0)
            if not answer.get("IsTruncated") or following <= marker:
                return there
            marker = following

    def _hand_over(self, part: _Part, pending: _Pending) -> None:
        """Have a part sent, unless it is there."""
        self._digests.append(part.md5)
        if self._there.get(part.number) == (part.etag, part.size):
            self._etags[part.number] = part.etag
            part.close()
            return
        try:
            while len(pending) >= PARTS_AT_ONCE:
                awaited(pending.popleft()[0], self._bucket.lease)
        except BaseException:
            part.close()
            raise
        pending.append((self._workers.submit(lambda: self._send_part(part)), part))

    def _send_part(self, part: _Part) -> None:
        try:
            self._bucket.lease.check()
            answer = self._bucket.call(
                "upload_part",
                f"sending part {part.number}",
                Key=self._key,
                UploadId=self._id,
                PartNumber=part.number,
                Body=part.body,
                ContentMD5=base64_of(part.md5),
            )
            self._etags[part.number] = str(answer["ETag"])
        finally:
            part.close()

    def _completion(self) -> dict[str, Any]:
        parts = [{"PartNumber": number, "ETag": self._etags[number]} for number in sorted(self._etags)]
        return {"UploadId": self._id, "MultipartUpload": {"Parts": parts}}

    def _expected(self) -> str:
        joined = hashlib.md5(b"".join(self._digests), usedforsecurity=False).hexdigest()
        return f'"{joined}-{len(self._digests)}"'

    def _give_up(self, upload: str) -> None:
        """Abort an upload, as far as the server can be asked."""
        if upload:
            with contextlib.suppress(Exception):
                self._bucket.call("abort_multipart_upload", "giving up the upload", Key=self._key, UploadId=upload)


def base64_of(digest: bytes) -> str:
    """A digest as the header ``Content-MD5`` has it."""
    return b64encode(digest).decode()
