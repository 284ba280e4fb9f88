"""From the keys of an object store to a tree: directories where keys imply them, in the order of a walk. No I/O.

An object store knows no directories. One is there because a key goes on behind its name (``a/b`` implies ``a``), or
because an object stands for it: a *placeholder* whose key has a slash at its end, or a *marker* of the directory's
own name whose metadata says that it is a folder (``hdi_isfolder``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from agentsim.places.place import Item
from store.vocabulary import ItemKind

_SLASH: Final = ord("/")


def in_walk_order(objects: Iterable[Item]) -> Iterator[Item]:
    """The items that a sorted listing stands for, each once, in the order of ``walk_key``.

    Memory is bounded by one key's length: a marker waits for its place (``a`` comes before ``a-b``, and ``a/`` behind
    it), and only those that are prefixes of one another can wait at once. Of a listing that is sorted otherwise nothing
    is lost, but a directory may come more than once.

    Args:
        objects: one per object, sorted by key. ``path`` is the key below the place's root, as it is; ``kind`` is
            FILE or SYMLINK, or DIRECTORY for a marker. The kind of a key with a slash at its end does not matter.

    Yields:
        Files and links as they came, directories, and SPECIAL for a key that no path can be: its ``path`` is then the
        raw key, and ``extras`` says why.
    """
    tree = _Tree()
    for item in objects:
        yield from tree.take(item)
    yield from tree.finish()


def why_no_path(key: bytes) -> str:
    """Why a key can be no path of a file system, in words; empty where it can. One slash at its end does not matter."""
    parts = key.removesuffix(b"/").split(b"/")
    if key.startswith(b"/"):
        return "a key with a slash at its beginning"
    if b"" in parts:
        return "a key with an empty part between two slashes"
    if b"." in parts or b".." in parts:
        return "a key with a part of . or .."
    return "a key with a NUL in it" if b"\0" in key else ""


class _Tree:
    """Where in the tree the listing is."""

    def __init__(self) -> None:
        self._open: list[bytes] = []
        """The directories around the last key, each with a slash at its end."""
        self._waiting: list[Item] = []
        """Markers whose place has not come; each one's key begins with the key of the one before it."""
        self._last: bytes | None = None
        self._parent: tuple[bytes, list[bytes]] = b"", []

    def take(self, item: Item) -> Iterator[Item]:
        """The next object of the listing."""
        key = item.path
        if key in (b"", self._last):
            # The root's own placeholder, or a key that a page repeats.
            return
        self._last = key
        yield from self._release(key)
        reason = why_no_path(key)
        if reason:
            yield from self._enter(self._around(key))
            yield replace(item, kind=ItemKind.SPECIAL, extras=(*item.extras, reason))
        elif key.endswith(b"/"):
            yield from self._enter(self._around(key), standing=_as_directory(item, key[:-1]))
        elif item.kind is ItemKind.DIRECTORY:
            yield from self._enter(self._around(key))
            self._waiting.append(_as_directory(item, key))
        else:
            yield from self._enter(self._around(key))
            yield item

    def finish(self) -> Iterator[Item]:
        """What still waits when the listing has ended."""
        while self._waiting:
            yield self._waiting.pop()

    def _release(self, key: bytes) -> Iterator[Item]:
        """Markers that sort before ``key``, or that it is in."""
        while self._waiting:
            path = self._waiting[-1].path
            if len(key) > len(path) and key.startswith(path) and key[len(path)] < _SLASH:
                return
            marker = self._waiting.pop()
            self._open = [directory for directory in self._open if path.startswith(directory)]
            self._open.append(path + b"/")
            yield marker

    def _enter(self, directories: list[bytes], standing: Item | None = None) -> Iterator[Item]:
        """Directories that were not there before, outermost first; ``standing`` is the object of the innermost."""
        shared = 0
        for one, other in zip(self._open, directories, strict=False):
            if one != other:
                break
            shared += 1
        self._open = directories
        for directory in directories[shared:]:
            if standing is not None and directory == directories[-1]:
                yield standing
            else:
                yield Item(path=directory[:-1], kind=ItemKind.DIRECTORY, implied=True)

    def _around(self, key: bytes) -> list[bytes]:
        parent = key[: key.rfind(b"/") + 1]
        if parent != self._parent[0]:
            self._parent = parent, _sound_directories(parent)
        return self._parent[1]


def _sound_directories(key: bytes) -> list[bytes]:
    """The directories that a key lies in, each with a slash at its end, up to the first that no path can be."""
    found = []
    end = key.find(b"/")
    while end >= 0:
        directory = key[: end + 1]
        if why_no_path(directory):
            break
        found.append(directory)
        end = key.find(b"/", end + 1)
    return found


def _as_directory(item: Item, path: bytes) -> Item:
    extras = (*item.extras, f"content of its own ({item.size} bytes)") if item.size else item.extras
    return replace(item, path=path, kind=ItemKind.DIRECTORY, size=0, md5="", extras=extras)
