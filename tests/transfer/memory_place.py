"""A place in memory, with the faults that a test asks for."""

from __future__ import annotations

import hashlib
import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from agentsim.engine.errors import ItemChanged, ItemFailed, RunStopped, Side
from agentsim.engine.lease import Lease
from agentsim.places.place import (
    Content,
    Descend,
    Dress,
    Holds,
    Item,
    Opening,
    Place,
    Unlisted,
    Written,
    walk_key,
)
from store import codes
from store.vocabulary import ItemKind

FILE, DIRECTORY, LINK, SPECIAL = ItemKind.FILE, ItemKind.DIRECTORY, ItemKind.SYMLINK, ItemKind.SPECIAL

OBJECTS = Holds(
    permissions=True, owners=True, links=True, directories=True, directory_times=False, time_step=1, digests=True
)
"""As an object store."""

TREE = Holds(permissions=True, owners=True, links=True, directories=True, directory_times=True, time_step=1)
"""As a file system."""


_numbers = itertools.count()


@dataclass
class Entry:
    """What is stored under one key.

    Attributes:
        item: without its version, which is the entry's own.
        data: content, or a link's text.
        version: counts up.
    """

    item: Item
    data: bytes = b""
    version: int = 0


@dataclass
class Store:
    """The contents of a place, which outlive it, and what is to go wrong in it.

    Attributes:
        holds: what it can keep.
        entries: by ``walk_key``.
        name: what its identity says.
        undetailed: listings say nothing but size and MD5.
        order: what the walk is sorted by.
        unlisted: directories that cannot be listed.
        trouble: called before each call with its name and path; may raise, or change the store.
        refused: paths that it refuses, with the words.
        calls: names and paths of the calls so far, but for ``walk``.
    """

    holds: Holds = OBJECTS
    entries: dict[bytes, Entry] = field(default_factory=dict)
    name: str = field(default_factory=lambda: f"memory-{next(_numbers)}")
    undetailed: bool = False
    order: Callable[[bytes], object] = lambda key: key
    unlisted: set[bytes] = field(default_factory=set)
    trouble: Callable[[str, bytes], None] = lambda call, path: None
    refused: dict[bytes, str] = field(default_factory=dict)
    calls: list[tuple[str, bytes]] = field(default_factory=list)
    versions: int = 0
    streams: int = 4
    lock: threading.RLock = field(default_factory=threading.RLock)

    def put(self, path: bytes | str, data: bytes | str = b"", kind: ItemKind = FILE, **changes: object) -> Item:
        """Store an item, and the directories on the way as implied ones; as an outsider would."""
        name = path.encode() if isinstance(path, str) else path
        content = data.encode() if isinstance(data, str) else data
        dress = {
            "mtime_ns": changes.pop("mtime", 1_000_000_000),
            "mode": changes.pop("mode", 0o755 if kind is DIRECTORY else 0o644),
            "uid": changes.pop("uid", 0),
            "gid": changes.pop("gid", 0),
        }
        item = Item(
            path=name,
            kind=kind,
            size=len(content) if kind is FILE else 0,
            dress=Dress(**dress),  # type: ignore[arg-type]
            md5=hashlib.md5(content).hexdigest() if self.holds.digests and kind is FILE else "",
            **changes,  # type: ignore[arg-type]
        )
        with self.lock:
            self._imply(name)
            self.keep(item, content)
        return item

    def _imply(self, path: bytes) -> None:
        above = path.rpartition(b"/")[0]
        if above and above + b"/" not in self.entries:
            if self.holds.directory_times:
                self.put(above, kind=DIRECTORY)
            else:
                self._imply(above)
                self.keep(Item(path=above, kind=DIRECTORY, implied=True), b"")

    def keep(self, item: Item, data: bytes) -> Entry:
        self.versions += 1
        entry = Entry(item, data, self.versions)
        self.entries[walk_key(item.path, item.kind)] = entry
        return entry

    def drop(self, key: bytes) -> None:
        """Remove an entry, and the implied directories that it leaves empty."""
        del self.entries[key]
        above = key.rstrip(b"/").rpartition(b"/")[0]
        twin = self.entries.get(above + b"/") if above else None
        if twin is not None and twin.item.implied and not self.below(above):
            self.drop(above + b"/")

    def below(self, path: bytes) -> bool:
        prefix = path + b"/"
        return any(key.startswith(prefix) and key != prefix for key in self.entries)

    def files(self) -> dict[str, bytes]:
        """Content of all files, and texts of all links, by their paths."""
        return {
            entry.item.path.decode(): entry.data for entry in self.entries.values() if entry.item.kind in (FILE, LINK)
        }

    def item(self, path: bytes | str, kind: ItemKind = FILE) -> Item:
        name = path.encode() if isinstance(path, str) else path
        return self.entries[walk_key(name, kind)].item


class MemoryPlace(Place):
    """A place on a store."""

    def __init__(self, opening: Opening, store: Store) -> None:
        super().__init__(opening)
        self.store = store
        self.holds = store.holds
        self.streams = store.streams
        self.closed = False

    def reach(self) -> None:
        self._call("reach", b"")

    def enter(self) -> None:
        self._call("enter", b"")

    def identity(self) -> str:
        return f"type:memory place:{self.store.name}"

    def walk(self, descend: Descend) -> Iterator[Item | Unlisted]:
        self._call("walk", b"")
        closed: bytes | None = None
        with self.store.lock:
            keys = sorted(self.store.entries, key=self.store.order)  # type: ignore[arg-type]
        for key in keys:
            if closed is not None and key.startswith(closed):
                continue
            entry = self.store.entries.get(key)
            if entry is None:
                continue
            item = self._listed(entry)
            yield item
            if item.kind is DIRECTORY:
                if item.path in self.store.unlisted:
                    words = "Permission denied"
                    yield Unlisted(path=item.path, error=ItemFailed(codes.ITEM_SOURCE_PERMISSION, words))
                    closed = key
                elif not descend(item.path):
                    closed = key

    def _listed(self, entry: Entry) -> Item:
        item = replace(entry.item, version=str(entry.version))
        if self.store.undetailed and item.kind in (FILE, DIRECTORY) and not item.implied:
            return replace(item, dress=Dress(), detailed=False)
        return item

    def find(self, path: bytes) -> Item | None:
        self._call("find", path)
        with self.store.lock:
            for key in (path, path + b"/"):
                entry = self._entry(key)
                if entry is not None:
                    return replace(entry.item, version=str(entry.version))
        return None

    def _entry(self, key: bytes) -> Entry | None:
        if not self.store.holds.folds:
            return self.store.entries.get(key)
        return next((entry for name, entry in self.store.entries.items() if name.lower() == key.lower()), None)

    def read(self, item: Item) -> Content:
        self._call("read", item.path)
        return _Reading(self, self._same(item))

    def read_link(self, item: Item) -> bytes:
        self._call("read_link", item.path)
        return self._same(item).data

    def _same(self, item: Item) -> Entry:
        """The entry of an item, which must be the one that was listed."""
        entry = self._entry(walk_key(item.path, item.kind))
        if entry is None:
            raise ItemChanged(codes.ITEM_VANISHED, "Gone since it was listed")
        if item.version and str(entry.version) != item.version:
            raise ItemChanged(codes.ITEM_CHANGED, "Not the version that was listed")
        return entry

    def refuses(self, path: bytes, kind: ItemKind) -> str:
        return next((words for refused, words in self.store.refused.items() if refused in path.split(b"/")), "")

    def write(self, path: bytes, content: Content, dress: Dress, replacing: Item | None) -> Written:
        self._call("write", path, changes=True)
        parts = []
        while part := content.read(65536):
            parts.append(part)
        content.settle()
        data = b"".join(parts)
        self._call("show", path, changes=True)
        with self.store.lock:
            entry = self._put(path, FILE, data, dress, replacing)
        return Written(size=len(data), md5=entry.item.md5, version=str(entry.version))

    def _put(self, path: bytes, kind: ItemKind, data: bytes, dress: Dress, replacing: Item | None) -> Entry:
        there = self._entry(path)
        if replacing is None:
            if there is not None or (self.holds.directory_times and self._entry(path + b"/") is not None):
                raise ItemChanged(codes.ITEM_CHANGED, "Something is there")
        else:
            self._same(replacing)
        above = path.rpartition(b"/")[0]
        if self.holds.directory_times and above and self._entry(above + b"/") is None:
            raise ItemFailed(codes.ITEM_FAILED, "The directory is not there")
        self.store._imply(path)
        self._touch(above)
        md5 = hashlib.md5(data).hexdigest() if self.holds.digests and kind is FILE else ""
        item = Item(path=path, kind=kind, size=len(data) if kind is FILE else 0, dress=self._kept(dress), md5=md5)
        return self.store.keep(item, data)

    def _kept(self, dress: Dress) -> Dress:
        if not self.holds.permissions:
            dress = replace(dress, mode=None)
        return dress if self.holds.owners else replace(dress, uid=None, gid=None)

    def _touch(self, above: bytes) -> None:
        entry = self.store.entries.get(above + b"/")
        if entry is not None and self.holds.directory_times:
            entry.item = replace(entry.item, dress=replace(entry.item.dress, mtime_ns=77))
            self.store.versions += 1
            entry.version = self.store.versions

    def make_link(self, path: bytes, text: bytes, dress: Dress, replacing: Item | None) -> Written:
        self._call("make_link", path, changes=True)
        with self.store.lock:
            entry = self._put(path, LINK, text, dress, replacing)
        return Written(size=0, version=str(entry.version))

    def make_directory(self, path: bytes, dress: Dress) -> str:
        self._call("make_directory", path, changes=True)
        with self.store.lock:
            entry = self.store.entries.get(path + b"/")
            if entry is None or entry.item.implied:
                if self.holds.directory_times and self._entry(path) is not None:
                    raise ItemFailed(codes.ITEM_FAILED, "File exists")
                self._touch(path.rpartition(b"/")[0])
                self.store.keep(Item(path=path, kind=DIRECTORY, dress=self._kept(dress)), b"")
        return ""

    def set_dress(self, item: Item, dress: Dress) -> str:
        self._call("set_dress", item.path, changes=True)
        with self.store.lock:
            entry = self._same(item)
            known = {name: value for name in _DRESS if (value := getattr(self._kept(dress), name)) is not None}
            entry.item = replace(entry.item, dress=replace(entry.item.dress, **known))
            self.store.versions += 1
            entry.version = self.store.versions
        return ""

    def delete(self, item: Item) -> bool:
        self._call("delete", item.path, changes=True)
        key = walk_key(item.path, item.kind)
        with self.store.lock:
            if key not in self.store.entries:
                return False
            self._same(item)
            if item.kind is DIRECTORY and self.holds.directory_times and self.store.below(item.path):
                raise ItemFailed(codes.ITEM_FAILED, "Directory not empty")
            self.store.drop(key)
            self._touch(item.path.rpartition(b"/")[0])
        return True

    def set_aside(self, item: Item, to: bytes) -> None:
        self._call("set_aside", item.path, changes=True)
        with self.store.lock:
            entry = self._same(item)
            self.store.drop(walk_key(item.path, item.kind))
            self._touch(item.path.rpartition(b"/")[0])
            self.store._imply(to)
            self.store.keep(replace(entry.item, path=to), entry.data)

    def close(self) -> None:
        self.closed = True

    def _call(self, call: str, path: bytes, *, changes: bool = False) -> None:
        if changes:
            assert self.opening.writes, f"{call} of {path!r} in a place that may not be changed"
        self.opening.lease.check()
        if call not in ("reach", "enter", "walk", "show"):
            self.store.calls.append((call, path))
        self.store.trouble(call, path)


_DRESS = ("mtime_ns", "atime_ns", "mode", "uid", "gid")


class _Reading(Content):
    def __init__(self, place: MemoryPlace, entry: Entry) -> None:
        self.item = replace(entry.item, version=str(entry.version))
        self._place = place
        self._data = entry.data
        self._at = 0

    def read(self, count: int) -> bytes:
        self._place._call("read_on", self.item.path)
        part = self._data[self._at : self._at + count]
        self._at += len(part)
        return part

    def settle(self) -> None:
        self._place._same(self.item)

    def close(self) -> None:
        return


def gone(side: Side) -> RunStopped:
    """The server does not answer any more."""
    code = codes.SOURCE_UNREACHABLE if side is Side.SOURCE else codes.TARGET_UNREACHABLE
    return RunStopped(code, "Connection refused", side.value)


def opening(side: Side, lease: Lease, *, writes: bool) -> Opening:
    return Opening(side=side, writes=writes, sub_path=b"", lease=lease)
