"""Removing one entry of a target directory, with all below it, and nothing else.

Relative to held descriptors, following no link, staying on one mount, contents before containers.
"""

from __future__ import annotations

import errno
import os
import stat

from agentsim.engine.context import Context
from agentsim.engine.decide import kind_of, size_of
from agentsim.engine.errors import ItemFailed, Side, classify
from agentsim.engine.listing import lstat
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

    def remove(self, directory: int, path: bytes) -> bool:
        """Remove the entry ``path``; whether it is gone.

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
            self._make_writable(directory)
            if not stat.S_ISDIR(found.st_mode):
                return self._unlink(directory, path, name, found)
            self._mount = mount_of(directory)
        except OSError as error:
            self._keep(path, ItemKind.SPECIAL, error, "looking at the target")
            return False
        return self._remove_tree(path)

    def _remove_tree(self, top: bytes) -> bool:
        """Contents first. Paths are stacked, not descriptors, so depth costs none."""
        self._holding.clear()
        self._reported.clear()
        stack = [(top, 0)]
        while stack:
            path, listed = stack.pop()
            if listed and self._remove_emptied(path, last_try=listed >= PASSES):
                continue
            stack.append((path, listed + 1))
            stack.extend((join(path, name), 0) for name in self._remove_entries(path))
        return top not in self._reported

    def _remove_entries(self, path: bytes) -> list[bytes]:
        """Unlink all in a directory that is no directory; returns the names of those that are."""
        below: list[bytes] = []
        try:
            directory = self._context.target.open(path)
            if mount_of(directory) != self._mount:
                self._report(path, codes.DELETE_MOUNT, "Another file system is mounted here")
                return below
            self._make_writable(directory)
            with os.scandir(directory) as entries:
                for entry in entries:
                    name = os.fsencode(entry.name)
                    found = lstat(directory, entry.name)
                    if found is None:
                        continue
                    if stat.S_ISDIR(found.st_mode):
                        below.append(name)
                    elif not self._unlink(directory, join(path, name), name, found):
                        self._holding.add(path)
        except FileNotFoundError:
            return []
        except OSError as error:
            self._report(path, *_reason(error, "emptying the directory"))
        return below

    def _remove_emptied(self, path: bytes, *, last_try: bool) -> bool:
        """Remove a directory that was emptied; False when it turned out to hold something new."""
        above, _, name = path.rpartition(b"/")
        if path in self._reported or path in self._holding:
            if path not in self._reported:
                self._report(path, codes.DELETE_NOT_EMPTY, "Something inside it was kept")
            self._holding.add(above)
            return True
        self._context.lease.check()
        try:
            os.rmdir(name, dir_fd=self._context.target.open(above))
        except FileNotFoundError:
            return True
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST) and not last_try:
                return False
            self._report(path, *_reason(error, "removing the directory"))
            self._holding.add(above)
            return True
        self._context.report.removed(path, ItemKind.DIRECTORY, 0)
        return True

    def _unlink(self, directory: int, path: bytes, name: bytes, found: os.stat_result) -> bool:
        kind = kind_of(found.st_mode)
        self._context.lease.check()
        try:
            os.unlink(name, dir_fd=directory)
        except FileNotFoundError:
            return True
        except OSError as error:
            self._keep(path, kind, error, "deleting", size_of(found))
            return False
        self._context.report.removed(path, kind, size_of(found))
        return True

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
    device = os.fstat(fd).st_dev
    try:
        with open(f"/proc/self/fdinfo/{fd}", encoding="ascii") as lines:
            for line in lines:
                if line.startswith("mnt_id:"):
                    return f"{device} {line.split()[1]}"
    except OSError:
        pass  # No /proc: the device still tells one file system from another.
    return str(device)


def _reason(error: OSError, doing: str) -> tuple[str, str]:
    """Code and message of a delete that failed.

    Raises:
        RunStopped: no further one could succeed either.
    """
    failure = classify(error, Side.TARGET, doing)
    if not isinstance(failure, ItemFailed):
        raise failure from error
    return failure.code, failure.message
