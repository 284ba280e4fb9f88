"""Counting the source ahead of the copy, so that a run knows its total early."""

from __future__ import annotations

import os
import stat

from agentsim.engine.board import Board
from agentsim.engine.lease import ORPHANED
from agentsim.engine.walker import Walker, join

NICENESS = 19
"""The survey takes only what processor time the copy leaves."""


def survey(root: int, board: Board, parent: int) -> None:
    """Walk the source and record its number of items and bytes on the board.

    A directory that cannot be listed counts as empty: the copy reports it.

    Args:
        root: descriptor of the source directory.
        board: where the figures go.
        parent: the coordinator; when it is gone, the process ends.
    """
    os.nice(NICENESS)
    walker = Walker(root)
    items = size = 0
    pending = [b""]
    while pending:
        if os.getppid() != parent:
            os._exit(ORPHANED)
        path = pending.pop()
        try:
            with os.scandir(walker.open(path)) as entries:
                for entry in entries:
                    items += 1
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(join(path, os.fsencode(entry.name)))
                    elif entry.is_file(follow_symlinks=False):
                        size += _size(entry)
        except OSError:
            continue
        board.set_survey(items, size, complete=False)
    board.set_survey(items, size, complete=True)


def _size(entry: os.DirEntry[str]) -> int:
    try:
        found = entry.stat(follow_symlinks=False)
    except OSError:
        return 0
    return found.st_size if stat.S_ISREG(found.st_mode) else 0
