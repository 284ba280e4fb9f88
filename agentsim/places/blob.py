"""Azure Blob containers as places: block blobs, with AzCopy's metadata."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import Any, Final
from urllib.parse import quote

from agentsim.engine.errors import ItemChanged, ItemFailed, RunStopped, Side
from agentsim.places.daemons import Daemons
from agentsim.places.object_metadata import dress_of, fitted, kind_of, metadata_of, redressed
from agentsim.places.object_order import in_walk_order
from agentsim.places.place import Content, Descend, Dress, Holds, Item, Opening, Place, Unlisted, Written
from agentsim.places.secrets import Secrets
from store import codes
from store.vocabulary import ItemKind

try:
    from azure.core import MatchConditions
    from azure.core.exceptions import ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
    from azure.storage.blob import BlobClient, BlobProperties

    from agentsim.places.blob_client import Connection, connect, pause
    from agentsim.places.blob_errors import code_of, translated
    from agentsim.places.blob_names import can_be_asked_for, why_refused
    from agentsim.places.blob_read import BlobContent
    from agentsim.places.blob_upload import Upload, version_of
except ImportError as _error:
    raise RunStopped(
        codes.LIBRARY_MISSING, f"{_error.name or 'azure-storage-blob'} is missing: pip install 'longshore[azure]'"
    ) from None

METADATA_LIMIT: Final = 4 << 10
"""Bytes of names and values that are written with a blob (reference §3, Metadata fidelity)."""

_KEPT_METADATA: Final = 8 << 10
"""The service's own limit: what others wrote beside ours is not cut to less."""

_PAGE: Final = 5000
_LONGEST_LINK: Final = 64 << 10
_COPY_PAUSE: Final = 0.2
_TRANSFERS: Final = 8
"""Threads for the parts of large blobs, shared by all of them."""


class BlobPlace(Place):
    """A container, or what lies below a path in it."""

    holds = Holds(
        permissions=True, owners=True, links=True, directories=True, directory_times=False, time_step=1, digests=True
    )
    streams = 16

    def __init__(self, opening: Opening, properties: Mapping[str, Any], secrets: Secrets) -> None:
        """Open it; nothing is asked of the server yet.

        Raises:
            RunStopped: a secret cannot be resolved, or a property cannot be used.
        """
        super().__init__(opening)
        self._side = opening.side
        self._lease = opening.lease
        try:
            sub_path = opening.sub_path.decode()
        except UnicodeDecodeError:
            raise self._no_root("The sub-path is not UTF-8, and names of blobs are") from None
        self._root = sub_path
        self._prefix = f"{sub_path}/" if sub_path else ""
        self._connection: Connection = connect(properties, opening, secrets)
        self._container = self._connection.container
        self._background = Daemons(_TRANSFERS)

    def reach(self) -> None:
        self._connection.reach(self._lease, self._side)

    def enter(self) -> None:
        if self._anything_below(self._prefix) is not None or not self._root:
            return
        root = self._properties(self._root)
        if root is not None and kind_of(root.metadata or {}) is not ItemKind.DIRECTORY:
            raise self._no_root("The sub-path is a blob and no directory")
        if root is None and self._side is Side.SOURCE:
            raise self._no_root("Nothing in the container has this sub-path")
        if root is None and self.opening.writes:
            self._put_marker(self._root, Dress())

    def identity(self) -> str:
        return f"type:blob place:{self._connection.url}/{quote(self._root)}"

    def walk(self, descend: Descend) -> Iterator[Item | Unlisted]:
        return in_walk_order(self._listed())

    def find(self, path: bytes) -> Item | None:
        if not can_be_asked_for(path):
            return None
        key = self._key(path)
        found = self._properties(key)
        if found is not None:
            return self._directory_or_other(path, found)
        below = self._anything_below(key + "/")
        if below is None:
            return None
        if below.name == key + "/":
            return replace(self._item(path, below), kind=ItemKind.DIRECTORY, size=0, md5="")
        return Item(path=path, kind=ItemKind.DIRECTORY, implied=True)

    def read(self, item: Item) -> Content:
        return BlobContent(self._blob(item.path), item, self.opening, self._background, self._item)

    def read_link(self, item: Item) -> bytes:
        with translated(self._side, "reading the link"):
            stream = self._blob(item.path).download_blob(
                0, _LONGEST_LINK, etag=item.version, match_condition=MatchConditions.IfNotModified
            )
            return bytes(stream.readall())

    def refuses(self, path: bytes, kind: ItemKind) -> str:
        return why_refused(path, self._prefix)

    def write(self, path: bytes, content: Content, dress: Dress, replacing: Item | None) -> Written:
        metadata, remark = fitted(metadata_of(ItemKind.FILE, dress), METADATA_LIMIT)
        return replace(self._upload(path, metadata, replacing).send(content), remark=remark)

    def make_link(self, path: bytes, text: bytes, dress: Dress, replacing: Item | None) -> Written:
        metadata, remark = fitted(metadata_of(ItemKind.SYMLINK, dress), METADATA_LIMIT)
        return replace(self._upload(path, metadata, replacing).put(text), remark=remark)

    def make_directory(self, path: bytes, dress: Dress) -> str:
        self._may_write()
        return self._put_marker(self._key(path), dress)

    def set_dress(self, item: Item, dress: Dress) -> str:
        self._may_write()
        if item.kind is not ItemKind.DIRECTORY:
            return self._set_metadata(self._key(item.path), item.kind, dress, item.version)
        for key, found in self._standing(item.path):
            return self._set_metadata(key, item.kind, dress, version_of(found.etag))
        return self._put_marker(self._key(item.path), dress)

    def delete(self, item: Item) -> bool:
        self._may_write()
        if item.kind is not ItemKind.DIRECTORY:
            return self._delete(self._key(item.path), item.version)
        key = self._key(item.path)
        if any(blob.name != key + "/" for blob in self._first_two(key + "/")):
            raise ItemFailed(codes.DELETE_NOT_EMPTY, "There is something in the directory")
        gone = False
        for name, found in self._standing(item.path):
            gone = self._delete(name, version_of(found.etag)) or gone
        return gone

    def set_aside(self, item: Item, to: bytes) -> None:
        self._may_write()
        source, target = self._blob(item.path), self._blob(to)
        self._lease.check()
        try:
            with translated(self._side, "copying the blob"):
                answer = target.start_copy_from_url(
                    source.url,
                    source_etag=item.version,
                    source_match_condition=MatchConditions.IfNotModified,
                    match_condition=MatchConditions.IfMissing,
                )
        except ItemChanged:
            self._is_copied(item, to)
        else:
            self._wait_for_copy(target, str(answer.get("copy_status") or ""))
        self._delete(self._key(item.path), item.version)

    def close(self) -> None:
        self._background.close()
        self._connection.close()

    def _listed(self) -> Iterator[Item]:
        """One item per blob, sorted by key, a page of them at a time."""
        skip = len(self._prefix)
        for page in self._pages(self._prefix, _PAGE):
            yield from (self._item(blob.name[skip:].encode(), blob) for blob in page)

    def _pages(self, prefix: str, most: int) -> Iterator[list[BlobProperties]]:
        """The blobs whose names begin so; a page can be empty and another one follow, as the service sees fit."""
        pages = self._container.list_blobs(
            name_starts_with=prefix or None, include=["metadata"], results_per_page=most
        ).by_page()
        while True:
            self._lease.check()
            with translated(self._side, "listing the container", item=False):
                page = next(pages, None)
                blobs = None if page is None else list(page)
            if blobs is None:
                return
            yield blobs

    def _item(self, path: bytes, blob: BlobProperties) -> Item:
        metadata: Mapping[str, str] = blob.metadata or {}
        kind = kind_of(metadata)
        dress = dress_of(metadata)
        if dress.mtime_ns is None and kind is ItemKind.FILE and self._side is Side.SOURCE and blob.last_modified:
            # What no copying tool wrote has no other time; in a target, the time of the upload would say nothing.
            dress = replace(dress, mtime_ns=int(blob.last_modified.timestamp()) * 10**9)
        digest = blob.content_settings.content_md5 if kind is ItemKind.FILE else None
        return Item(
            path=path,
            kind=kind,
            size=0 if kind is ItemKind.SYMLINK else int(blob.size or 0),
            dress=dress,
            version=version_of(blob.etag),
            md5=bytes(digest).hex() if digest else "",
        )

    def _directory_or_other(self, path: bytes, blob: BlobProperties) -> Item:
        item = self._item(path, blob)
        return replace(item, size=0) if item.kind is ItemKind.DIRECTORY else item

    def _key(self, path: bytes) -> str:
        return self._prefix + path.decode()

    def _standing(self, path: bytes) -> Iterator[tuple[str, BlobProperties]]:
        """What stands for a directory: our marker, and the placeholder that some tools make.

        A file of the same name can be there too, and is no marker.
        """
        key = self._key(path)
        marker = self._properties(key)
        if marker is not None and kind_of(marker.metadata or {}) is ItemKind.DIRECTORY:
            yield key, marker
        placeholder = self._properties(key + "/")
        if placeholder is not None:
            yield key + "/", placeholder

    def _blob(self, path: bytes) -> BlobClient:
        return self._container.get_blob_client(self._key(path))

    def _properties(self, key: str) -> BlobProperties | None:
        with translated(self._side, "looking at the blob"):
            try:
                return self._container.get_blob_client(key).get_blob_properties()
            except ResourceNotFoundError as error:
                if code_of(error) == "ContainerNotFound":
                    raise
                return None

    def _anything_below(self, prefix: str) -> BlobProperties | None:
        return next(iter(self._first_two(prefix)), None)

    def _first_two(self, prefix: str) -> list[BlobProperties]:
        return list(islice((blob for page in self._pages(prefix, 2) for blob in page), 2))

    def _upload(self, path: bytes, metadata: Mapping[str, str], replacing: Item | None) -> Upload:
        self._may_write()
        return Upload(self._blob(path), self.opening, self._background, metadata, replacing)

    def _put_marker(self, key: str, dress: Dress) -> str:
        metadata, remark = fitted(metadata_of(ItemKind.DIRECTORY, dress), METADATA_LIMIT)
        self._lease.check()
        with translated(self._side, "making the directory's marker"):
            try:
                self._container.get_blob_client(key).upload_blob(b"", length=0, metadata=metadata)
            except ResourceExistsError:
                pass
            else:
                return remark
        found = self._properties(key)
        if found is not None and kind_of(found.metadata or {}) is not ItemKind.DIRECTORY:
            raise ItemFailed(codes.ITEM_FAILED, "There is a blob of the directory's name")
        return self._set_metadata(key, ItemKind.DIRECTORY, dress, "")

    def _set_metadata(self, key: str, kind: ItemKind, dress: Dress, version: str) -> str:
        blob = self._container.get_blob_client(key)
        with translated(self._side, "reading the blob's metadata"):
            found = blob.get_blob_properties()
        if version and version_of(found.etag) != version:
            raise ItemChanged(codes.ITEM_CHANGED, "Another wrote to it since it was listed")
        old = dict(found.metadata or {})
        new, remark = fitted(redressed(old, kind, dress), _KEPT_METADATA)
        if new == old:
            return remark
        self._lease.check()
        with translated(self._side, "setting the blob's metadata"):
            try:
                blob.set_blob_metadata(new, etag=version_of(found.etag), match_condition=MatchConditions.IfNotModified)
            except ResourceModifiedError:
                # A request whose answer was lost, sent again, meets its own work.
                if dict(blob.get_blob_properties().metadata or {}) != new:
                    raise
        return remark

    def _delete(self, key: str, version: str) -> bool:
        condition = MatchConditions.IfNotModified if version else None
        self._lease.check()
        with translated(self._side, "deleting the blob"):
            try:
                self._container.get_blob_client(key).delete_blob(etag=version or None, match_condition=condition)
            except ResourceNotFoundError as error:
                if code_of(error) == "ContainerNotFound":
                    raise
                return False
            except ResourceModifiedError:
                # Some servers say of a blob that is gone that it is not the one that was named.
                if self._properties(key) is None:
                    return False
                raise
        return True

    def _wait_for_copy(self, target: BlobClient, status: str) -> None:
        while status == "pending":
            pause(_COPY_PAUSE, self._lease)
            with translated(self._side, "waiting for the copy"):
                status = str(target.get_blob_properties().copy.status)
        if status != "success":
            raise ItemFailed(codes.ITEM_FAILED, "The server gave up copying the blob")

    def _is_copied(self, item: Item, to: bytes) -> None:
        """Raises unless an earlier run copied it there already and was stopped before it could delete it."""
        now, there = self.find(item.path), self.find(to)
        if now is None or now.version != item.version:
            raise ItemChanged(codes.ITEM_CHANGED, "Another wrote to it since it was listed")
        if there is None or (there.size, there.md5, there.dress) != (item.size, item.md5, item.dress):
            raise ItemFailed(codes.ITEM_FAILED, "There is another blob where this one was to go")

    def _may_write(self) -> None:
        if not self.opening.writes:
            raise self._no_root("This run may not write here")

    def _no_root(self, words: str) -> RunStopped:
        code = codes.SOURCE_PATH_INVALID if self._side is Side.SOURCE else codes.TARGET_PATH_INVALID
        return RunStopped(code, words, self._side.value)
