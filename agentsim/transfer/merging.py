"""Two walks, each in the order of its keys, brought together item by item. No I/O of its own.

A file and a directory of one name do not follow one another: between ``a`` and ``a/`` lies ``a.txt``. So what is no
directory is held back until no key can begin with its path any more; what is held is no more than the
prefixes of one path.
"""

from __future__ import annotations

from collections.abc import Iterator

from agentsim.places.place import Item, Unlisted
from store.vocabulary import ItemKind

Entry = Item | Unlisted
"""What a walk yields."""

_DIRECTORY = ItemKind.DIRECTORY


class Match:
    """What both sides have of one path, directories and all else apart.

    Attributes:
        path: relative to both roots.
        directory: whether it is about directories.
        source: what the source has there, if anything.
        target: the same of the target.
        other: of the same path, the match of all else (of a directory) or of directories (of all else), where
            there is one that came before.
    """

    __slots__ = ("directory", "other", "path", "source", "target")

    def __init__(self, path: bytes, source: Entry | None, target: Entry | None, *, directory: bool) -> None:
        self.path = path
        self.source = source
        self.target = target
        self.directory = directory
        self.other: Match | None = None


class Merge:
    """The matches of two walks, directories before what is in them.

    Attributes:
        unsure: one of the walks was met out of order: what seemed to be missing may yet come, or have come.
        source_ended: everything in the source was seen.
    """

    def __init__(self, source: Iterator[Entry], target: Iterator[Entry]) -> None:
        self._source = _coalesced(source)
        self._target = _coalesced(target)
        self.unsure = False
        self.source_ended = False

    def __iter__(self) -> Iterator[Match]:
        held: list[Match] = []
        for match in self._matches():
            path = match.path
            while held and not path.startswith(held[-1].path):
                yield held.pop()
            if not match.directory:
                held.append(match)
                continue
            if held and held[-1].path == path:
                match.other, held[-1].other = held[-1], match
            yield match
        while held:
            yield held.pop()

    def _matches(self) -> Iterator[Match]:
        one = other = None
        one_key = other_key = b""
        from_source = from_target = True
        while True:
            if from_source:
                before = one_key
                one = next(self._source, None)
                if one is None:
                    self.source_ended = True
                else:
                    one_key = _key(one)
                    self.unsure = self.unsure or one_key < before
            if from_target:
                before = other_key
                other = next(self._target, None)
                if other is not None:
                    other_key = _key(other)
                    self.unsure = self.unsure or other_key < before
            if one is not None:
                from_source = other is None or one_key <= other_key
                from_target = other is not None and other_key <= one_key
            elif other is not None:
                from_source, from_target = False, True
            else:
                return
            first = one if from_source else other
            assert first is not None
            yield Match(
                first.path,
                one if from_source else None,
                other if from_target else None,
                directory=isinstance(first, Unlisted) or first.kind is _DIRECTORY,
            )


def _coalesced(walk: Iterator[Entry]) -> Iterator[Entry]:
    """A walk in which a directory that could not be listed comes once, as what it turned out to be."""
    directory: Item | None = None
    for entry in walk:
        if isinstance(entry, Unlisted):
            if directory is not None and directory.path != entry.path:
                yield directory
            directory = None
            yield entry
            continue
        if directory is not None:
            yield directory
            directory = None
        if entry.kind is _DIRECTORY:
            directory = entry
        else:
            yield entry
    if directory is not None:
        yield directory


def _key(entry: Entry) -> bytes:
    """``walk_key``, spelled out since it is asked for every item."""
    if isinstance(entry, Unlisted) or entry.kind is _DIRECTORY:
        return entry.path + b"/"
    return entry.path
