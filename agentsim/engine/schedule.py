"""Which unit of work comes next. No I/O: findings in, units out."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from agentsim.engine import units
from agentsim.engine.channel import Message

PREFETCHED = 2
"""Units that a helper holds at once: one in work and one to go on with."""

MAX_BATCH = 16
"""Directories in one unit, at most; few are left at the end, so that the helpers end together."""

_BATCH_SHARE = 8
"""A batch is at most this fraction of the directories that wait."""


class Schedule:
    """The directories, parts of directories and finishes that wait, deepest directories first.

    Depth first keeps what waits within depth times fan-out, whatever the size of the tree.
    """

    def __init__(self) -> None:
        self._directories: list[tuple[bytes, bool]] = [(b"", False)]
        self._large: deque[tuple[bytes, bytes, int]] = deque()
        self._files: deque[tuple[bytes, list[bytes]]] = deque()
        self._finishes: deque[tuple[bytes, bool]] = deque()
        self._open: dict[bytes, int] = {}
        self._changed: dict[bytes, bool] = {}
        self._listing = 0

    @property
    def everything_listed(self) -> bool:
        """Whether no directory or part of one waits or is being gone through."""
        return not self._directories and not self._files and not self._listing

    def next_unit(self, in_flight: Sequence[Message]) -> Message | None:
        """The next unit for a helper that holds these; None when it should get none now."""
        if any(unit[0] == units.LARGE for unit in in_flight) or len(in_flight) >= PREFETCHED:
            return None  # Nothing may wait behind a large file.
        if self._large:
            return (units.LARGE, *self._large.popleft()) if not in_flight else None
        if self._files:
            self._listing += 1
            return (units.FILES, *self._files.popleft())
        if self._finishes:
            return (units.FINISH, *self._finishes.popleft())
        if not self._directories:
            return None
        self._listing += 1
        return (units.DIRECTORIES, self._batch())

    def _batch(self) -> list[tuple[bytes, bool]]:
        count = max(1, min(MAX_BATCH, len(self._directories) // _BATCH_SHARE))
        batch = [self._directories.pop()]
        length = len(batch[0][0])
        while len(batch) < count and length < units.CHUNK_BYTES:
            batch.append(self._directories.pop())
            length += len(batch[-1][0])
        return batch

    def found(self, directories: list[tuple[bytes, bool]]) -> None:
        """Take in sub-directories, each with whether its target was just created."""
        self._directories.extend(directories)

    def found_large(self, directory: bytes, name: bytes, size: int) -> None:
        """Take in a large file; its directory is finished after it."""
        self._large.append((directory, name, size))
        self._await(directory)

    def found_files(self, directory: bytes, names: list[bytes]) -> None:
        """Take in files that another helper gives away; their directory is finished after them."""
        self._files.append((directory, names))
        self._await(directory)

    def _await(self, directory: bytes) -> None:
        # The directory's own unit counts as one, until it says that it is listed.
        self._open[directory] = self._open.get(directory, 1) + 1

    def listed(self, directory: bytes, changed: bool) -> None:
        """A directory with units of its own has been dealt with but for these."""
        self._changed[directory] = changed
        self._settle(directory)

    def done(self, unit: Message) -> None:
        """A helper has answered this unit."""
        if unit[0] in (units.DIRECTORIES, units.FILES):
            self._listing -= 1
        if unit[0] in (units.LARGE, units.FILES):
            self._settle(unit[1])

    def _settle(self, directory: bytes) -> None:
        self._open[directory] -= 1
        if not self._open[directory]:
            del self._open[directory]
            self._finishes.append((directory, self._changed.pop(directory)))
