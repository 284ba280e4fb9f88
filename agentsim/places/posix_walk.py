"""Going through a directory tree in the order of ``walk_key``, with the names of one directory in memory at most."""

from __future__ import annotations

import errno
import os
from collections.abc import Generator, Iterator
from contextlib import closing

from agentsim.engine.errors import ItemFailed, RunStopped, Side, classify, describe
from agentsim.engine.walker import Walker, join
from agentsim.places.place import Descend, Item, Unlisted
from agentsim.places.posix_items import Extras, item_of
from agentsim.places.sorting import LIMIT, in_order
from store import codes
from store.vocabulary import ItemKind


class _Unreadable(Exception):
    """A directory's names could not be read, for the reason that it was raised from."""

    def __init__(self, error: OSError) -> None:
        super().__init__(error)
        self.error = error


class Walk:
    """One way through a tree."""

    def __init__(self, root: int, side: Side, extras: Extras | None, limit: int = LIMIT) -> None:
        """Go through the tree below a descriptor.

        Args:
            root: its directory, which stays the caller's.
            side: words the errors.
            extras: asked what each item carries; None to leave it out.
            limit: names of a directory that are sorted in memory.
        """
        self._side = side
        self._extras = extras
        self._limit = limit
        self._walker = Walker(root)

    def items(self, descend: Descend) -> Iterator[Item | Unlisted]:
        """As ``Place.walk``."""
        stack = [(b"", self._names(b""))]
        try:
            while stack:
                directory, names = stack[-1]
                try:
                    name = next(names, None)
                except _Unreadable as failure:
                    yield self._unlisted(directory, failure.error, "listing the directory")
                    name = None
                except OSError as error:
                    message = describe(error, "sorting a directory's names on the agent's host")
                    raise RunStopped(codes.AGENT_FULL, message) from error
                if name is None:
                    stack.pop()
                    continue
                path = join(directory, name.removesuffix(b"/"))
                try:
                    item = self._look(directory, path)
                except OSError as error:
                    if error.errno == errno.ENOENT:
                        continue  # Gone since it was listed.
                    shut = error.errno in (errno.EACCES, errno.EPERM)
                    # Without the right to look, every further entry would say the same.
                    yield self._unlisted(directory if shut else path, error, "looking at it")
                    if shut:
                        stack.pop()
                    continue
                yield item
                if item.kind is ItemKind.DIRECTORY and descend(path):
                    stack.append((path, self._names(path)))
        finally:
            for _, names in stack:
                names.close()
            self._walker.forget()
            os.close(self._walker.root)

    def _names(self, path: bytes) -> Generator[bytes, None, None]:
        """Names of a directory in order, a directory's with a slash at its end."""
        last = b""
        with closing(in_order(self._listed(path), _itself, self._limit)) as names:
            for name in names:
                # A directory that changes while it is listed can tell a name twice.
                if name != last:
                    yield name
                last = name

    def _listed(self, path: bytes) -> Iterator[bytes]:
        try:
            with os.scandir(self._walker.open(path)) as entries:
                for entry in entries:
                    name = os.fsencode(entry.name)
                    yield name + b"/" if entry.is_dir(follow_symlinks=False) else name
        except OSError as error:
            raise _Unreadable(error) from error

    def _look(self, directory: bytes, path: bytes) -> Item:
        fd = self._walker.open(directory)
        name = path[len(directory) + 1 if directory else 0 :]
        found = os.stat(name, dir_fd=fd, follow_symlinks=False)
        return item_of(path, found, self._extras.of(fd, name, found) if self._extras else ())

    def _unlisted(self, path: bytes, error: OSError, doing: str) -> Unlisted:
        failure = classify(error, self._side, doing)
        if not isinstance(failure, ItemFailed):
            # Gone, perhaps, but nobody knows what was in it.
            code = codes.ITEM_SOURCE_IO if self._side is Side.SOURCE else codes.ITEM_FAILED
            failure = ItemFailed(code, describe(error, doing))
        return Unlisted(path=path, error=failure)


def _itself(name: bytes) -> bytes:
    return name
