"""What a target directory holds, in bounded memory, and which of it the source does not have."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator

from agentsim.engine.decide import RESERVED
from agentsim.engine.lease import Lease
from agentsim.engine.reserved import is_leftover, is_trash

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


def same_entry(directory: int, one: str, other: str) -> bool:
    """Whether two spellings lead to one entry of a directory.

    Raises:
        OSError: the answer is not known.
    """
    try:
        first, second = lstat(directory, one), lstat(directory, other)
    except UnicodeEncodeError:
        return False  # No file can have this spelling,
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            return False  # nor this one.
        raise
    if first is None or second is None:
        return False
    return (first.st_dev, first.st_ino) == (second.st_dev, second.st_ino)


class Listing:
    """The entries of one target directory as they were before the run touched it.

    What dead workers left behind and the trash are no entries.

    Attributes:
        entries: how many there were.
        held: those that no source entry was taken for, by name; none where they are too many.
    """

    def __init__(
        self, directory: int, lease: Lease, *, cleans: bool = True, at_root: bool = False, folds: bool = False
    ) -> None:
        """Begin with an empty listing.

        Args:
            directory: descriptor of the target directory.
            lease: asked before anything is removed.
            cleans: the run may write, so temporaries of dead workers are removed.
            at_root: the directory is the target's root, where the trash is.
            folds: the target takes other spellings of a name for the same.
        """
        self._directory = directory
        self._lease = lease
        self._cleans = cleans
        self._at_root = at_root
        self._folds = folds
        self.held: dict[str, os.DirEntry[str]] = {}
        self._spellings: dict[str, list[str]] = {}
        self._streaming = False
        self.entries = 0

    def load(self) -> None:
        """Read the names, and remove temporaries that a dead worker left.

        They are nobody's: this run holds the target's lock, and its own temporaries in this
        directory come later.

        Raises:
            OSError: the directory could not be listed.
            Canceled: the run is to stop.
        """
        held = self.held
        number = 0
        with os.scandir(self._directory) as entries:
            for entry in entries:
                name = entry.name
                if (name[:11] == RESERVED or self._at_root) and self._is_none(entry, remove=self._cleans):
                    continue
                number += 1
                if not self._streaming:
                    held[name] = entry
                    if number > MAX_ENTRIES:
                        held.clear()
                        self._streaming = True
        self.entries = number
        if self._folds and held:
            # Few targets need it; importing it would slow the start of every run.
            from agentsim.engine.aliases import folded

            for name in held:
                self._spellings.setdefault(folded(name), []).append(name)

    def _is_none(self, entry: os.DirEntry[str], *, remove: bool = False) -> bool:
        """Whether this is our own and no entry of anybody's tree; a leftover can be removed on the way."""
        name = entry.name
        if self._at_root and is_trash(name, folds=self._folds):
            return True
        if not is_leftover(name) or entry.is_dir(follow_symlinks=False):
            return False
        if remove:
            self._lease.check()
            try:
                os.unlink(name, dir_fd=self._directory)
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
        entry = self.held.pop(name, None)
        if entry is None:
            return self._take_other_spelling(name) if self._spellings else None
        try:
            return entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            return None

    def _take_other_spelling(self, name: str) -> os.stat_result | None:
        from agentsim.engine.aliases import folded

        for other in self._spellings.get(folded(name), ()):
            # Names that could be one are not, on a target that ignores less than others do.
            if other in self.held and same_entry(self._directory, other, name):
                del self.held[other]
                return lstat(self._directory, name)
        return None

    def unlisted(self) -> Iterator[str]:
        """Names that no source entry has been taken for so far; none where they could not be held."""
        return iter(self.held)

    def unmatched(self, source: int) -> Iterator[str]:
        """Names that the target has and the source does not, once every source entry was taken.

        Args:
            source: descriptor of the source directory, asked where the names could not be held.

        Raises:
            OSError: a directory could not be listed again.
        """
        if not self._streaming:
            yield from self.held
            return
        aliased = self._alias_finder(source)
        with os.scandir(self._directory) as entries:
            for entry in entries:
                if self._is_none(entry):
                    continue
                try:
                    if lstat(source, entry.name) is None and not aliased(entry.name):
                        yield entry.name
                except OSError:
                    # The look before the delete decides, and reports.
                    yield entry.name

    def _alias_finder(self, source: int) -> Callable[[str], bool]:
        """What tells whether a source entry of another spelling was copied to a target entry."""
        if not self._folds:
            return lambda name: False
        from agentsim.engine.aliases import FoldedNames, source_has_alias

        names = FoldedNames(source)
        return lambda name: names.may_have(name) and source_has_alias(source, self._directory, name)
