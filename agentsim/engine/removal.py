"""Removing one entry of a target directory, with all below it, and nothing else.

Relative to held descriptors, following no link, staying on one mount, contents before containers.
What the filters protect or a plan does not name stays, with the directories that lead to it. With a trash, nothing is
unlinked: it is moved there.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat

from agentsim.engine.context import Context
from agentsim.engine.decide import kind_of, size_of
from agentsim.engine.errors import ItemFailed, Side, classify
from agentsim.engine.listing import lstat
from agentsim.engine.mounts import mount_number
from agentsim.engine.reserved import is_trash
from agentsim.engine.walker import join
from store import codes
from store.vocabulary import ItemKind

PASSES = 3
"""How often a directory is listed when it is not empty after all in it was removed: some file
systems skip entries of a listing while others are being removed."""


class Remover:
    """Removes trees; records every removed and every kept item."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._mount = ""
        self._holding: set[bytes] = set()
        self._reported: set[bytes] = set()
        self._sheltering: set[bytes] = set()

    def remove(self, directory: int, path: bytes) -> bool:
        """Remove the entry ``path``; whether it is gone.

        What is kept because the filters protect it, or because a plan does not name it, is no item of the run:
        it gets no record.

        Args:
            directory: descriptor of the target directory that holds it.
            path: its relative path.

        Raises:
            Canceled, RunStopped: the run ends.
        """
        name = path.rpartition(b"/")[2]
        try:
            found = lstat(directory, os.fsdecode(name))
            if found is None:
                return True
            if self._spared(path, found):
                return False
            self._make_writable(directory)
            if not stat.S_ISDIR(found.st_mode):
                return self._remove_plain(directory, path, name, found)
            self._mount = mount_of(directory)
        except OSError as error:
            self._keep(path, ItemKind.SPECIAL, error, "looking at the target")
            return False
        return self._remove_tree(path)

    def _spared(self, path: bytes, found: os.stat_result) -> bool:
        """Whether an item is to be left alone; recorded where there is something to say of it."""
        context = self._context
        if b"/" not in path and is_trash(os.fsdecode(path), folds=context.roots.traits.folds):
            return True
        spared = context.spared(path, found)
        if spared is None:
            return False
        if spared[0]:
            context.report.withheld(path, kind_of(found.st_mode), *spared, size_of(found))
        return True

    def _remove_tree(self, top: bytes) -> bool:
        """Contents first. Paths are stacked, not descriptors, so depth costs none."""
        self._holding.clear()
        self._reported.clear()
        self._sheltering.clear()
        stack: list[tuple[bytes, int, os.stat_result | None]] = [(top, 0, None)]
        while stack:
            path, listed, original = stack.pop()
            if listed and self._remove_emptied(path, original, last_try=listed >= PASSES):
                continue
            seen, below = self._remove_entries(path)
            stack.append((path, listed + 1, original or seen))
            stack.extend((join(path, name), 0, None) for name in below)
        return top not in self._reported and top not in self._sheltering

    def _remove_entries(self, path: bytes) -> tuple[os.stat_result | None, list[bytes]]:
        """Remove all in a directory that is no directory.

        Returns:
            What ``fstat`` said of the directory before (None where it was left alone), and the names
            of the directories in it.
        """
        below: list[bytes] = []
        seen: os.stat_result | None = None
        try:
            directory = self._context.target.open(path)
            if mount_of(directory) != self._mount:
                self._report(path, codes.DELETE_MOUNT, "Another file system is mounted here")
                return None, below
            seen = os.fstat(directory)
            self._make_writable(directory)
            with os.scandir(directory) as entries:
                for entry in entries:
                    name = os.fsencode(entry.name)
                    found = lstat(directory, entry.name)
                    if found is None:
                        continue
                    is_directory = stat.S_ISDIR(found.st_mode)
                    item = join(path, name)
                    if self._spared(item, found):
                        self._sheltering.add(path)
                    elif is_directory:
                        below.append(name)
                    elif not self._remove_plain(directory, item, name, found):
                        self._holding.add(path)
        except FileNotFoundError:
            return seen, []
        except OSError as error:
            self._report(path, *_reason(error, "emptying the directory"))
        return seen, below

    def _remove_emptied(self, path: bytes, original: os.stat_result | None, *, last_try: bool) -> bool:
        """Remove a directory that was emptied; False when it turned out to hold something new.

        Args:
            path: the directory.
            original: what ``fstat`` said of it before anything in it was removed.
            last_try: it is not listed once more.
        """
        above, _, name = path.rpartition(b"/")
        if path in self._reported or path in self._holding:
            if path not in self._reported:
                self._report(path, codes.DELETE_NOT_EMPTY, "Something inside it was kept")
            self._holding.add(above)
            self._restore_mode(path, original)
            return True
        if path in self._sheltering:
            self._sheltering.add(above)
            self._restore_mode(path, original)
            return True
        context = self._context
        context.lease.check()
        try:
            if context.trash is not None and original is not None:
                context.trash.finish_directory(path, original, context.target.open(path))
                context.lease.check()
            os.rmdir(name, dir_fd=context.target.open(above))
        except FileNotFoundError:
            return True
        except ItemFailed as failure:
            self._report(path, failure.code, failure.message)
            self._holding.add(above)
            return True
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST) and not last_try:
                return False
            self._report(path, *_reason(error, "removing the directory"))
            self._holding.add(above)
            return True
        context.report.removed(path, ItemKind.DIRECTORY, 0, self._message)
        return True

    def _remove_plain(self, directory: int, path: bytes, name: bytes, found: os.stat_result) -> bool:
        """Remove an entry that is no directory; whether it is gone."""
        context = self._context
        kind, size = kind_of(found.st_mode), size_of(found)
        context.lease.check()
        try:
            if context.trash is not None:
                context.trash.move(directory, os.fsdecode(name), path)
            else:
                os.unlink(name, dir_fd=directory)
        except FileNotFoundError:
            return True
        except ItemFailed as failure:
            context.report.withheld(path, kind, failure.code, failure.message, size)
            return False
        except OSError as error:
            doing = "deleting" if context.trash is None else "moving it to the trash"
            self._keep(path, kind, error, doing, size)
            return False
        context.report.removed(path, kind, size, self._message)
        return True

    @property
    def _message(self) -> str:
        """What the row of a deleted item says."""
        return "Not in the source" if self._context.trash is None else "Moved to the trash"

    def _restore_mode(self, path: bytes, original: os.stat_result | None) -> None:
        """Undo what made a directory writable that is kept after all."""
        if original is None:
            return
        with contextlib.suppress(OSError):
            directory = self._context.target.open(path)
            if stat.S_IMODE(os.fstat(directory).st_mode) != stat.S_IMODE(original.st_mode):
                self._context.lease.check()
                os.fchmod(directory, stat.S_IMODE(original.st_mode))

    def _make_writable(self, directory: int) -> None:
        self._context.metadata.make_writable(directory, os.fstat(directory))

    def _keep(self, path: bytes, kind: ItemKind, error: OSError, doing: str, size: int = 0) -> None:
        self._context.report.withheld(path, kind, *_reason(error, doing), size)

    def _report(self, path: bytes, code: str, message: str) -> None:
        """Record a directory as kept, once."""
        self._reported.add(path)
        self._context.report.withheld(path, ItemKind.DIRECTORY, code, message, 0)


def mount_of(fd: int) -> str:
    """What tells the mount of a directory from others, bind mounts of one file system included."""
    # Without /proc the device still tells one file system from another.
    return f"{os.fstat(fd).st_dev} {mount_number(fd)}"


def _reason(error: OSError, doing: str) -> tuple[str, str]:
    """Code and message of a delete that failed.

    Raises:
        RunStopped: no further one could succeed either.
    """
    failure = classify(error, Side.TARGET, doing)
    if not isinstance(failure, ItemFailed):
        raise failure from error
    return failure.code, failure.message
