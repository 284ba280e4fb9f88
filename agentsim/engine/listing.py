"""What a target directory holds, in bounded memory, and which of it the source does not have."""

from __future__ import annotations

import os
from collections.abc import Iterator

from agentsim.engine.decide import RESERVED, TEMPORARY
from agentsim.engine.lease import Lease

MAX_ENTRIES = 65_536
"""Entries of one target directory that are held in memory; beyond, each name is looked up by itself."""


def lstat(directory: int, name: str) -> os.stat_result | None:
    """What ``directory`` has under ``name``, links not followed; None for nothing.

    Raises:
        OSError: the answer is not known.
    """
    try:
        return os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return None


class Listing:
    """The entries of one target directory as they were before the run touched it."""

    def __init__(self, directory: int, lease: Lease) -> None:
        self._directory = directory
        self._lease = lease
        self._held: dict[str, os.DirEntry[str]] = {}
        self._streaming = False

    def load(self) -> None:
        """Read the names, and remove temporaries that a dead worker left.

        They are nobody's: this run holds the target's lock, and its own temporaries in this
        directory come later.

        Raises:
            OSError: the directory could not be listed.
            Canceled: the run is to stop.
        """
        held = self._held
        with os.scandir(self._directory) as entries:
            for entry in entries:
                name = entry.name
                if name[:11] == RESERVED and self._remove_stale(entry):
                    continue
                if not self._streaming:
                    held[name] = entry
                    if len(held) > MAX_ENTRIES:
                        held.clear()
                        self._streaming = True

    def _remove_stale(self, entry: os.DirEntry[str]) -> bool:
        if not TEMPORARY.fullmatch(entry.name) or entry.is_dir(follow_symlinks=False):
            return False
        self._lease.check()
        try:
            os.unlink(entry.name, dir_fd=self._directory)
        except OSError:
            return False
        return True

    def take(self, name: str) -> os.stat_result | None:
        """What the target has under this name, by ``lstat``; asked once for every source entry.

        Raises:
            OSError: the answer is not known.
        """
        if self._streaming:
            return lstat(self._directory, name)
        entry = self._held.pop(name, None)
        if entry is None:
            return None
        try:
            return entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            return None

    def unlisted(self) -> Iterator[str]:
        """Names that no source entry has been taken for so far; none where they could not be held."""
        return iter(self._held)

    def unmatched(self, source: int) -> Iterator[str]:
        """Names that the target has and the source does not, once every source entry was taken.

        Args:
            source: descriptor of the source directory, asked where the names could not be held.

        Raises:
            OSError: the target directory could not be listed again.
        """
        if not self._streaming:
            yield from self._held
            return
        with os.scandir(self._directory) as entries:
            for entry in entries:
                if TEMPORARY.fullmatch(entry.name) and not entry.is_dir(follow_symlinks=False):
                    continue
                try:
                    if lstat(source, entry.name) is None:
                        yield entry.name
                except OSError:
                    # The look before the delete decides, and reports.
                    yield entry.name
