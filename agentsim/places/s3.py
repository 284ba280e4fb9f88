"""A bucket of an S3 server as a place.

A directory is an object of no bytes whose key has a slash at its end, or only what lies in it. A symbolic link is an
object with ``is_symlink`` and the link's text, written in parts so that a listing tells it from a file
(``s3_objects.may_be_link``); without the parts it counts as what its listing says, a file.
"""

from __future__ import annotations

import functools
import socket
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final
from urllib.request import getproxies, proxy_bypass

from agentsim.engine.errors import ItemChanged, ItemFailed, RunStopped, Side
from agentsim.places import s3_errors
from agentsim.places.daemons import Daemons
from agentsim.places.in_flight import awaited
from agentsim.places.object_metadata import fitted, metadata_of, redressed
from agentsim.places.object_order import in_walk_order
from agentsim.places.place import Content, Descend, Dress, Holds, Item, Opening, Place, Unlisted, Written
from agentsim.places.s3_address import Address, AddressUnusable, address_of
from agentsim.places.s3_client import Bucket
from agentsim.places.s3_objects import (
    LONGEST_KEY,
    LONGEST_LINK,
    MD5,
    METADATA_LIMIT,
    described,
    listed,
    may_be_link,
)
from agentsim.places.s3_reading import S3Content
from agentsim.places.s3_upload import LARGEST, SINGLE
from agentsim.places.s3_writing import Writer
from agentsim.places.secrets import Secrets
from store import codes
from store.vocabulary import ItemKind

_PAGE: Final = 1000
_WORKERS: Final = 12
_REACH_SECONDS: Final = 10.0


class S3Place(Place):
    """The part of a bucket below an endpoint's root.

    Args:
        opening: as for every place.
        properties: of an ``S3WithHMAC`` or ``AzureMultiCloudConnector`` endpoint.
        secrets: resolves the keys' references; without any, boto3 looks for keys as it always does.

    Raises:
        RunStopped: a secret cannot be resolved, boto3 is missing, or a property cannot be used.
    """

    holds = Holds(
        permissions=True,
        owners=True,
        links=True,
        directories=True,
        directory_times=False,
        time_step=1,
        largest=LARGEST,
        digests=True,
    )
    streams = 16

    def __init__(self, opening: Opening, properties: Mapping[str, Any], secrets: Secrets) -> None:
        super().__init__(opening)
        self._side = opening.side
        self._address = self._located(properties)
        self._prefix = self._address.prefix + self._text(opening.sub_path)
        if opening.sub_path:
            self._prefix += "/"
        self._bucket = Bucket(self._address, self._keys(properties, secrets), opening)
        self._workers = Daemons(_WORKERS)
        self._writer = Writer(self._bucket, self._workers)

    def _located(self, properties: Mapping[str, Any]) -> Address:
        try:
            return address_of(properties)
        except (AddressUnusable, ValueError) as error:
            raise self._invalid(f"The bucket's address cannot be used: {error}") from None

    def _text(self, path: bytes) -> str:
        try:
            return path.decode()
        except UnicodeDecodeError:
            raise self._invalid("The sub-path is no UTF-8, as keys are") from None

    def _invalid(self, message: str) -> RunStopped:
        code = codes.SOURCE_PATH_INVALID if self._side is Side.SOURCE else codes.TARGET_PATH_INVALID
        return RunStopped(code, message, self._side.value)

    def _keys(self, properties: Mapping[str, Any], secrets: Secrets) -> tuple[str, str] | None:
        credentials = properties.get("credentials") or {}
        access, secret = (str(credentials.get(name) or "") for name in ("accessKeyUri", "secretKeyUri"))
        if not access and not secret:
            return None
        if not (access and secret):
            words = "The access key and the secret key go together: one of the references is missing"
            raise RunStopped(codes.CREDENTIAL_UNRESOLVED, words, self._side.value)
        return secrets.resolve(access, self._side), secrets.resolve(secret, self._side)

    def reach(self) -> None:
        host, port = self._address.host, self._address.port
        scheme = "http" if self._address.server.startswith("http:") else "https"
        if getproxies().get(scheme) and not proxy_bypass(host):
            return  # Only the proxy can reach it: whether it does shows at the first request.
        try:
            socket.create_connection((host, port), _REACH_SECONDS).close()
        except OSError as error:
            answer = s3_errors.Answer(type(error).__name__, 0, str(error))
            raise self._bucket.judged(answer, f"connecting to {host}:{port}") from None

    def enter(self) -> None:
        found = self._below(self._prefix, 1, whole=True)
        if self._side is Side.SOURCE and self.opening.sub_path and not found:
            raise self._invalid(f"Nothing in the bucket lies below {self._prefix}")

    def identity(self) -> str:
        root = replace(self._address, prefix=self._prefix)
        return f"type:s3 place:{root.place}"

    def walk(self, descend: Descend) -> Iterator[Item | Unlisted]:
        return in_walk_order(self._objects())

    def _objects(self) -> Iterator[Item]:
        """Every object with its key below the root as its path, page by page."""
        for page in self._pages():
            entries = (listed(entry, self._path(entry["Key"])) for entry in page.get("Contents", ()))
            yield from self._detailed([entry for entry in entries if entry.path])

    def _pages(self) -> Iterator[dict[str, Any]]:
        """The pages of the listing; each is asked for while the one before it is worked on."""
        page, token = self._page(""), ""
        while True:
            before, token = token, str(page.get("NextContinuationToken") or "") if page["IsTruncated"] else ""
            if page["IsTruncated"] and token in ("", before):
                raise RunStopped(codes.LISTING_UNORDERED, "The server's listing does not go on", self._side.value)
            following = self._workers.submit(functools.partial(self._page, token)) if token else None
            yield page
            if following is None:
                return
            page = awaited(following, self._bucket.lease)

    def _page(self, token: str) -> dict[str, Any]:
        arguments: dict[str, Any] = {"ContinuationToken": token} if token else {}
        return self._bucket.call(
            "list_objects_v2", "listing the bucket", whole=True, Prefix=self._prefix, MaxKeys=_PAGE, **arguments
        )

    def _path(self, key: str) -> bytes:
        return key[len(self._prefix) :].encode("utf-8", "surrogatepass")

    def _detailed(self, page: list[Item]) -> list[Item]:
        """The page with what only an object's own headers say, where more depends on it than a file's metadata."""
        asked = [item for item in page if item.path.endswith(b"/") or may_be_link(item)]
        if not asked:
            return page
        calls = {item.path: self._workers.submit(functools.partial(self._detail, item)) for item in asked}
        answers = {path: awaited(call, self._bucket.lease) for path, call in calls.items()}
        return [found for item in page if (found := answers.get(item.path, item)) is not None]

    def _detail(self, item: Item) -> Item | None:
        try:
            head = self._writer.head(self._prefix + item.path.decode("utf-8", "surrogatepass"))
        except ItemFailed:
            return item
        if head is None:
            return None
        found = described(head, item.path, directory=item.path.endswith(b"/"))
        # A directory's content, which there should be none of, is told by the tree.
        return replace(found, size=item.size) if found.kind is ItemKind.DIRECTORY else found

    def _key(self, path: bytes, kind: ItemKind) -> str:
        key = self._prefix + path.decode("utf-8", "surrogatepass")
        return key + "/" if kind is ItemKind.DIRECTORY else key

    def find(self, path: bytes) -> Item | None:
        if not path:
            return Item(path=path, kind=ItemKind.DIRECTORY, implied=True)
        if self.refuses(path, ItemKind.FILE):
            return None
        head = self._writer.head(self._key(path, ItemKind.FILE))
        if head is not None:
            return described(head, path, directory=False)
        key = self._key(path, ItemKind.DIRECTORY)
        below = self._below(key, 1)
        if not below:
            return None
        head = self._writer.head(key) if below[0] == key else None
        if head is None:
            return Item(path=path, kind=ItemKind.DIRECTORY, implied=True)
        return described(head, path, directory=True)

    def _below(self, key: str, count: int, *, whole: bool = False) -> list[str]:
        """The first keys that begin with this one, itself too; ``whole``: what fails here fails the run.

        A page may be empty and not the last: taken for the end, it would say that something is gone.
        """
        doing = "listing the bucket" if whole else "looking into the directory"
        found: list[str] = []
        token, more = "", True
        while more and len(found) < count:
            arguments: dict[str, Any] = {"ContinuationToken": token} if token else {}
            page = self._bucket.call(
                "list_objects_v2", doing, whole=whole, Prefix=key, MaxKeys=count - len(found), **arguments
            )
            found += [entry["Key"] for entry in page.get("Contents", ())]
            before, token = token, str(page.get("NextContinuationToken") or "")
            more = page["IsTruncated"]
            if more and len(found) < count and token in ("", before):
                raise RunStopped(codes.LISTING_UNORDERED, "The server's listing does not go on", self._side.value)
        return found

    def read(self, item: Item) -> S3Content:
        self._bucket.lease.check()
        key = self._key(item.path, ItemKind.FILE)
        condition: dict[str, Any] = {"IfMatch": item.version} if item.version else {}
        answer = self._bucket.call("get_object", "opening the object", Key=key, **condition)
        found = described(answer, item.path, directory=False)
        if item.kind is ItemKind.SYMLINK:
            found = replace(found, size=int(answer["ContentLength"]))
        return S3Content(self._bucket, key, found, answer)

    def read_link(self, item: Item) -> bytes:
        with self.read(item) as content:
            return content.read(LONGEST_LINK)

    def refuses(self, path: bytes, kind: ItemKind) -> str:
        try:
            path.decode()
        except UnicodeDecodeError:
            return "the name is no UTF-8, as keys are"
        size = len(self._prefix.encode()) + len(path) + (kind is ItemKind.DIRECTORY)
        if size > LONGEST_KEY:
            return f"its key would be {size} bytes long, and {LONGEST_KEY} is the most"
        return ""

    def write(self, path: bytes, content: Content, dress: Dress, replacing: Item | None) -> Written:
        size = content.item.size
        if size > LARGEST:
            raise ItemFailed(codes.ITEM_TOO_LARGE, f"{size} bytes are more than an object holds")
        wanted = metadata_of(ItemKind.FILE, dress)
        if size > SINGLE and content.item.md5:
            # The ETag of an object in parts is no digest of it; the source's is, if what is read agrees with it.
            wanted[MD5] = content.item.md5
        metadata, remark = fitted(wanted, METADATA_LIMIT)
        send = self._writer.large if size > SINGLE else self._writer.small
        written = send(self._key(path, ItemKind.FILE), content, metadata, replacing)
        return replace(written, remark=remark)

    def make_link(self, path: bytes, text: bytes, dress: Dress, replacing: Item | None) -> Written:
        metadata, remark = fitted(metadata_of(ItemKind.SYMLINK, dress), METADATA_LIMIT)
        written = self._writer.link(self._key(path, ItemKind.SYMLINK), text, metadata, replacing)
        return replace(written, remark=remark)

    def make_directory(self, path: bytes, dress: Dress) -> str:
        if not path:
            return ""
        metadata, remark = fitted(metadata_of(ItemKind.DIRECTORY, dress), METADATA_LIMIT)
        key = self._key(path, ItemKind.DIRECTORY)
        try:
            self._writer.put(key, b"", metadata, None)
        except ItemChanged:
            head = self._writer.head(key)
            if head is None:
                raise
            return self._redress(key, head, ItemKind.DIRECTORY, dress)
        return remark

    def set_dress(self, item: Item, dress: Dress) -> str:
        key = self._key(item.path, item.kind)
        if item.kind is ItemKind.DIRECTORY:
            return self.make_directory(item.path, dress)
        head = self._writer.confirmed(key, item)
        if head is None:
            raise ItemChanged(codes.ITEM_VANISHED, "Gone since it was listed")
        return self._redress(key, head, item.kind, dress)

    def _redress(self, key: str, head: Mapping[str, Any], kind: ItemKind, dress: Dress) -> str:
        present = head.get("Metadata", {})
        metadata, remark = fitted(redressed(present, kind, dress), METADATA_LIMIT)
        if metadata != present:
            self._writer.copy(head, key, key, metadata)
        return remark

    def delete(self, item: Item) -> bool:
        key = self._key(item.path, item.kind)
        if item.kind is not ItemKind.DIRECTORY:
            return self._writer.delete(key, item)
        below = self._below(key, 2)
        if any(found != key for found in below):
            raise ItemFailed(codes.ITEM_FAILED, "The directory is not empty")
        if not below:
            return False
        head = self._writer.head(key)
        return head is not None and self._writer.delete(key, replace(item, version=str(head["ETag"])))

    def set_aside(self, item: Item, to: bytes) -> None:
        key = self._key(item.path, item.kind)
        head = self._writer.confirmed(key, item)
        if head is None:
            raise ItemChanged(codes.ITEM_VANISHED, "Gone since it was listed")
        self._writer.copy(head, key, self._key(to, item.kind), head.get("Metadata", {}))
        self._writer.delete(key, item)

    def close(self) -> None:
        self._workers.close()
        self._bucket.close()
