"""The directory that a helper is in, on both sides."""

from __future__ import annotations

import os

from agentsim.engine import units
from agentsim.engine.walker import join


class Here:
    """One directory of both trees, open.

    Attributes:
        path: relative path, in both trees.
        created: the target has nothing there, or a directory that this run has just made.
        source: descriptor of the source directory.
        source_stat: what ``fstat`` says of it.
        target: descriptor of the target directory, -1 where there is none.
        target_stat: what ``fstat`` says of it, None where there is none.
        late: names whose place a target directory holds, for after the deletes.
        shared: parts of the directory are units of their own, so it is finished after them.
    """

    __slots__ = ("created", "late", "path", "shared", "source", "source_stat", "target", "target_stat")

    source_stat: os.stat_result

    def __init__(self, path: bytes, created: bool) -> None:
        self.path = path
        self.created = created
        self.source = self.target = -1
        self.target_stat: os.stat_result | None = None
        self.late: list[units.Late] = []
        self.shared = False

    def child(self, name: str) -> bytes:
        """The relative path of an entry."""
        return join(self.path, os.fsencode(name))
