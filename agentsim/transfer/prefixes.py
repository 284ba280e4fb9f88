"""Directories of which nothing below is to be looked at. No I/O."""

from __future__ import annotations


class Prefixes:
    """A set of directories, asked for what lies below them.

    Attributes:
        unordered: paths are asked for in any order; until then, what lies below the one that was added last.
    """

    def __init__(self) -> None:
        self.unordered = False
        self._last = b"\0"
        self._all: set[bytes] = set()

    def add(self, path: bytes) -> None:
        """Add a directory."""
        self._last = path + b"/"
        self._all.add(path)

    def cover(self, path: bytes) -> bool:
        """Whether the path lies below one of them."""
        if path.startswith(self._last):
            return True
        if not self.unordered:
            return False
        parts = path.split(b"/")
        return any(b"/".join(parts[:count]) in self._all for count in range(1, len(parts)))
