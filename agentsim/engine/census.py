"""How much a delete would take along: what lies below the candidates, counted before the first one goes."""

from __future__ import annotations

import os
import stat

from agentsim.engine import board
from agentsim.engine.context import Context
from agentsim.engine.listing import lstat
from agentsim.engine.removal import mount_of
from agentsim.engine.walker import join

CHECK_ENTRIES = 256
"""Entries between two looks at whether the run is to stop."""


class Census:
    """Counts entries of the target into ``DOOMED`` and ``TARGET_ITEMS``; changes nothing."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._seen = 0

    def count(self, path: bytes, names: list[bytes]) -> None:
        """Count what lies below candidates, themselves not counted: their directory's listing did.

        Not counted is what a delete would leave alone: what the filters protect, and what is on
        another mount. A directory that cannot be read counts as empty; its delete will say more.

        Args:
            path: relative path of the candidates' directory.
            names: the candidates; those that are no directories have nothing below them.

        Raises:
            Canceled: the run is to stop.
        """
        context = self._context
        context.slot.set_current(path)
        # As the paths lead now, not as they did when they were compared.
        context.target.forget()
        self._seen = 0
        for name in names:
            try:
                directory = context.target.open(path)
                found = lstat(directory, os.fsdecode(name))
                if found is None or not stat.S_ISDIR(found.st_mode):
                    continue
                mount = mount_of(directory)
            except OSError:
                continue
            top = join(path, name)
            if not context.filters.leaves_out_name(top, True):
                self._count_below(top, mount)

    def _count_below(self, top: bytes, mount: str) -> None:
        """Paths are stacked, not descriptors, so depth costs none."""
        cells = self._context.slot.cells
        stack = [top]
        while stack:
            number = self._count_entries(stack.pop(), mount, stack)
            cells[board.DOOMED] += number
            cells[board.TARGET_ITEMS] += number

    def _count_entries(self, path: bytes, mount: str, stack: list[bytes]) -> int:
        """The entries of one directory; its sub-directories are put on the stack."""
        context = self._context
        number = 0
        try:
            directory = context.target.open(path)
            if mount_of(directory) != mount:
                return 0
            with os.scandir(directory) as entries:
                for entry in entries:
                    if not self._seen % CHECK_ENTRIES:
                        context.lease.check()
                    self._seen += 1
                    below = join(path, os.fsencode(entry.name))
                    is_directory = entry.is_dir(follow_symlinks=False)
                    if context.filters.leaves_out_name(below, is_directory):
                        continue
                    number += 1
                    if is_directory:
                        stack.append(below)
        except OSError:
            return number
        return number
