"""Everything that changes a bucket: each change holds for the version that was compared, and for no other."""

from __future__ import annotations

import contextlib
import functools
import hashlib
from collections.abc import Mapping
from typing import Any, Final

from agentsim.engine.errors import ItemChanged, ItemFailed
from agentsim.places.daemons import Daemons
from agentsim.places.in_flight import UPLOADS, awaited
from agentsim.places.place import Content, Item, Written
from agentsim.places.s3_client import UNREADABLE, Bucket, Refused
from agentsim.places.s3_errors import CONDITION, MISSING, NO_CONDITIONS, Answer
from agentsim.places.s3_objects import LONGEST_LINK, kept_headers, made_of_parts
from agentsim.places.s3_upload import Upload, base64_of
from store import codes
from store.vocabulary import ItemKind

LARGEST_COPY: Final = 5 << 30
"""Most bytes that a server copies in one request."""

_COPIED_PART: Final = 1 << 30
_JUDGED: Final = CONDITION | MISSING | NO_CONDITIONS | {"NoSuchUpload", UNREADABLE}
_ANOTHER: Final = "Another version is there than the one that was compared"


class Writer:
    """Changes to one bucket.

    Args:
        bucket: which one.
        workers: for requests at once.
    """

    def __init__(self, bucket: Bucket, workers: Daemons) -> None:
        self._bucket = bucket
        self._workers = workers
        self._conditions = True
        """Whether the server is not known to refuse conditional writes."""

    def head(self, key: str) -> dict[str, Any] | None:
        """An object's headers, None when there is none."""
        try:
            return self._bucket.call("head_object", "looking at the object", but=MISSING, Key=key)
        except Refused:
            return None

    def small(self, key: str, content: Content, metadata: Mapping[str, str], replacing: Item | None) -> Written:
        """A file in one request, read whole and settled before."""
        size = content.item.size
        UPLOADS.take(size, self._bucket.lease)
        try:
            data = content.read(size)
            longer = bool(content.read(1))
            content.settle()
            if longer or len(data) != size:
                raise ItemChanged(codes.ITEM_CHANGED, "It has another size than when it was opened", len(data))
            return self.put(key, data, metadata, replacing)
        finally:
            UPLOADS.give_back(size)

    def put(self, key: str, data: bytes, metadata: Mapping[str, str], replacing: Item | None) -> Written:
        """An object in one request."""
        digest = hashlib.md5(data, usedforsecurity=False)
        answer = self._conditional(
            "put_object",
            replacing,
            f'"{digest.hexdigest()}"',
            Key=key,
            Body=data,
            ContentMD5=base64_of(digest.digest()),
            Metadata=metadata,
        )
        return Written(size=len(data), md5=digest.hexdigest(), version=str(answer.get("ETag", "")))

    def large(self, key: str, content: Content, metadata: Mapping[str, str], replacing: Item | None) -> Written:
        """A file in parts."""

        def complete(arguments: dict[str, Any], expected: str) -> dict[str, Any]:
            return self._conditional("complete_multipart_upload", replacing, expected, Key=key, **arguments)

        sent = Upload(self._bucket, self._workers, key, {"Metadata": metadata}).send(content, complete)
        version = sent.version
        head = self.head(key) if sent.resumed else None
        if head and head["ETag"] == version and head.get("Metadata", {}) != metadata:
            # An earlier run began it, with the metadata of then.
            version = self.copy(head, key, key, metadata)
        return Written(size=sent.size, md5=sent.md5, version=version)

    def link(self, key: str, text: bytes, metadata: Mapping[str, str], replacing: Item | None) -> Written:
        """A symbolic link: an object of one part.

        Raises:
            ItemFailed: the server's ETags do not tell that it was written in parts, so that listings would not either.
        """
        digest = hashlib.md5(text, usedforsecurity=False)
        upload = self._start(key, {"Metadata": metadata})
        try:
            part = self._bucket.call(
                "upload_part",
                "sending the link",
                Key=key,
                UploadId=upload,
                PartNumber=1,
                Body=text,
                ContentMD5=base64_of(digest.digest()),
            )
            answer = self._complete(key, upload, [str(part["ETag"])], replacing)
        except BaseException:
            self._give_up(key, upload)
            raise
        version = str(answer.get("ETag", ""))
        if not made_of_parts(version):
            self._bucket.call("delete_object", "taking the link back", Key=key)
            raise ItemFailed(codes.ITEM_LINK_UNSUPPORTED, "This server's listings cannot tell a link from a file")
        return Written(size=0, version=version)

    def copy(self, head: Mapping[str, Any], key: str, to: str, metadata: Mapping[str, str]) -> str:
        """Copy an object inside the server, onto itself too, with other metadata; its other headers are kept.

        Args:
            head: its headers: they say which version.
            key: of the object.
            to: key of the copy.
            metadata: all of the copy's.

        Returns:
            The copy's version.

        Raises:
            ItemChanged: another version is there.
        """
        self._bucket.lease.check()
        etag, size = str(head["ETag"]), int(head["ContentLength"])
        if size <= LONGEST_LINK and made_of_parts(etag):
            return self._copy_link(head, key, to, metadata)
        if size > LARGEST_COPY:
            return self._copy_parts(head, key, to, metadata)
        try:
            answer = self._bucket.call(
                "copy_object",
                "copying the object",
                but=CONDITION,
                Key=to,
                CopySource=self._source(key),
                CopySourceIfMatch=etag,
                Metadata=metadata,
                MetadataDirective="REPLACE",
                **kept_headers(head),
            )
        except Refused as refused:
            lost = refused.answer
        else:
            return str(answer["CopyObjectResult"]["ETag"])
        # The answer to a first request may have been lost, and this one have met what that one made.
        made = self.head(to)
        if key != to or made is None or made.get("Metadata", {}) != metadata or made["ContentLength"] != size:
            raise self._bucket.judged(lost, "copying the object")
        return str(made["ETag"])

    def _copy_link(self, head: Mapping[str, Any], key: str, to: str, metadata: Mapping[str, str]) -> str:
        answer = self._bucket.call("get_object", "reading the link", Key=key, IfMatch=str(head["ETag"]))
        with contextlib.closing(answer["Body"]) as body:
            text = body.read()
        there = head if key == to else self.head(to)
        replacing = _versioned(str(there["ETag"])) if there else None
        return self.link(to, text, metadata, replacing).version

    def _copy_parts(self, head: Mapping[str, Any], key: str, to: str, metadata: Mapping[str, str]) -> str:
        etag, size = str(head["ETag"]), int(head["ContentLength"])
        upload = self._start(to, {"Metadata": metadata, **kept_headers(head)})

        def copy_part(start: int) -> str:
            self._bucket.lease.check()
            answer = self._bucket.call(
                "upload_part_copy",
                "copying a part of the object",
                Key=to,
                UploadId=upload,
                PartNumber=start // _COPIED_PART + 1,
                CopySource=self._source(key),
                CopySourceIfMatch=etag,
                CopySourceRange=f"bytes={start}-{min(start + _COPIED_PART, size) - 1}",
            )
            return str(answer["CopyPartResult"]["ETag"])

        there = head if key == to else self.head(to)
        try:
            starts = range(0, size, _COPIED_PART)
            copies = [self._workers.submit(functools.partial(copy_part, start)) for start in starts]
            etags = [awaited(part, self._bucket.lease) for part in copies]
            answer = self._complete(to, upload, etags, _versioned(str(there["ETag"])) if there else None)
        except BaseException:
            self._give_up(to, upload)
            raise
        return str(answer["ETag"])

    def _source(self, key: str) -> dict[str, str]:
        return {"Bucket": self._bucket.address.bucket, "Key": key}

    def _start(self, key: str, headers: dict[str, Any]) -> str:
        self._bucket.lease.check()
        answer = self._bucket.call("create_multipart_upload", "starting the upload", Key=key, **headers)
        return str(answer["UploadId"])

    def _complete(self, key: str, upload: str, etags: list[str], replacing: Item | None) -> dict[str, Any]:
        parts = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, start=1)]
        joined = b"".join(bytes.fromhex(etag.strip('"')) for etag in etags if len(etag.strip('"')) == 32)
        expected = f'"{hashlib.md5(joined, usedforsecurity=False).hexdigest()}-{len(parts)}"'
        return self._conditional(
            "complete_multipart_upload",
            replacing,
            expected,
            Key=key,
            UploadId=upload,
            MultipartUpload={"Parts": parts},
        )

    def _give_up(self, key: str, upload: str) -> None:
        with contextlib.suppress(Exception):
            self._bucket.call("abort_multipart_upload", "giving up the upload", Key=key, UploadId=upload)

    def delete(self, key: str, item: Item) -> bool:
        """Delete an object if it is the version that the item says; whether it was there."""
        if self.confirmed(key, item) is None:
            return False
        self._bucket.lease.check()
        if self._conditions:
            try:
                self._bucket.call("delete_object", "deleting the object", but=_JUDGED, Key=key, IfMatch=item.version)
            except Refused as refused:
                answer = refused.answer
            else:
                return True
            if answer.code in MISSING:
                return True
            if answer.code not in NO_CONDITIONS:
                raise self._bucket.judged(answer, "deleting the object")
        self._bucket.call("delete_object", "deleting the object", Key=key)
        return True

    def confirmed(self, key: str, item: Item) -> dict[str, Any] | None:
        """The headers of an object, None when it is gone.

        Raises:
            ItemChanged: it is not the version that the item says.
        """
        head = self.head(key)
        if head is not None and head["ETag"] != item.version:
            raise ItemChanged(codes.ITEM_CHANGED, _ANOTHER)
        return head

    def _conditional(self, operation: str, replacing: Item | None, expected: str, **arguments: Any) -> dict[str, Any]:
        """A request that makes an object visible, if what is there is what was compared.

        Some servers refuse conditions, and some overlook those they do not know (most often ``If-Match``): where
        something is replaced, or conditions are refused, the server is asked right before, which leaves others
        a moment.

        Args:
            operation: boto3's method.
            replacing: what was compared.
            expected: the ETag that the object will have: where an answer was lost, the request that is sent again
                meets what the first one made.
            arguments: boto3's.
        """
        self._bucket.lease.check()
        key = arguments["Key"]
        if replacing or not self._conditions:
            self._expect(key, replacing)
        condition: dict[str, Any] = {"IfMatch": replacing.version} if replacing else {"IfNoneMatch": "*"}
        answer = None
        if self._conditions:
            try:
                return self._bucket.call(operation, "writing the object", but=_JUDGED, **condition, **arguments)
            except Refused as refused:
                answer = refused.answer
            if answer.code in NO_CONDITIONS:
                self._conditions = False
                self._expect(key, replacing)
        if not self._conditions:
            try:
                return self._bucket.call(operation, "writing the object", but=_JUDGED, **arguments)
            except Refused as refused:
                answer = refused.answer
        assert answer is not None
        if replacing is None and answer.code in MISSING:
            # Nothing was to be there: it is not the item that is missing.
            answer = Answer("NotTaken", answer.status, answer.words)
        return self._made_before(key, expected, arguments.get("Metadata"), answer)

    def _expect(self, key: str, replacing: Item | None) -> None:
        head = self.head(key)
        if (str(head["ETag"]) if head else "") != (replacing.version if replacing else ""):
            raise ItemChanged(codes.ITEM_CHANGED, _ANOTHER)

    def _made_before(self, key: str, expected: str, metadata: object, answer: Answer) -> dict[str, Any]:
        """The object's headers, if it is the one that a request was to make, and whose answer was lost."""
        head = self.head(key)
        if head is None or head["ETag"] != expected or (metadata is not None and head.get("Metadata", {}) != metadata):
            raise self._bucket.judged(answer, "writing the object")
        return head


def _versioned(etag: str) -> Item:
    """Stands for what is there, where only its version counts."""
    return Item(path=b"", kind=ItemKind.FILE, version=etag)
