"""The names of files that have several, by file, in a private database: memory stays bounded however many there are."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Iterable, Iterator

from agentsim.engine.errors import RunStopped
from agentsim.engine.findings import LinkMember
from store import codes

_SCHEMA = """
CREATE TABLE name (device INTEGER, inode INTEGER, path BLOB, size INTEGER,
                   PRIMARY KEY (device, inode, path)) WITHOUT ROWID
"""
_OPTIONS = "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -4000; PRAGMA temp_store = FILE;"


class LinkGroups:
    """Collects names, then gives them back file by file, each file's in the order of their paths.

    Attributes:
        names: how many there are.
    """

    def __init__(self) -> None:
        # An empty name is a private file that is gone with the process, and memory as long as it is small.
        self._database = sqlite3.connect("")
        self._database.executescript(_OPTIONS + _SCHEMA)
        self.names = 0

    def add(self, members: Iterable[LinkMember]) -> None:
        """Take in some names.

        Raises:
            RunStopped: no space for temporary files on the agent's host.
        """
        # Inode numbers have 64 bits without a sign; SQLite's integers have one.
        rows = [(_signed(device), _signed(inode), path, size) for device, inode, path, size in members]
        self.names += len(rows)
        try:
            self._database.executemany("INSERT OR REPLACE INTO name VALUES (?, ?, ?, ?)", rows)
        except sqlite3.Error as error:
            message = f"The names of files with several cannot be kept ({error})"
            raise RunStopped(codes.AGENT_FULL, message) from error

    def files(self) -> Iterator[list[tuple[bytes, int]]]:
        """For each file its names with their sizes.

        Raises:
            RunStopped: the temporary file cannot be read.
        """
        query = "SELECT device, inode, path, size FROM name ORDER BY device, inode, path"
        try:
            rows = self._database.execute(query)
            for _, group in itertools.groupby(rows, key=lambda row: (row[0], row[1])):
                yield [(path, size) for _, _, path, size in group]
        except sqlite3.Error as error:
            message = f"The names of files with several cannot be read back ({error})"
            raise RunStopped(codes.AGENT_FULL, message) from error


def _signed(number: int) -> int:
    return number - (1 << 64) if number >= 1 << 63 else number
