"""What a unit finds that is work for others, sent to the coordinator in messages of bounded size."""

from __future__ import annotations

import os

from agentsim.engine import units
from agentsim.engine.channel import Channel
from agentsim.engine.walker import join

LinkMember = tuple[int, int, bytes, int]
"""Device and inode of a source file with several names, the path of one of them, and its size."""


class Findings:
    """Collects findings of one kind and sends them before they grow large."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._directories: list[tuple[bytes, bool]] = []
        self._links: list[LinkMember] = []
        self._bytes = 0

    def directory(self, path: bytes, created: bool) -> None:
        """A sub-directory, to be a unit of its own; ``created``: the target has nothing in its place."""
        self._directories.append((path, created))
        self._grown(len(path), len(self._directories))

    def link(self, member: LinkMember) -> None:
        """One name of a file that has several: they are dealt with together when all are known."""
        self._links.append(member)
        self._grown(len(member[2]) + 24, len(self._links))

    def large(self, directory: bytes, name: str, size: int) -> None:
        """A large file, to be a unit of its own."""
        self._channel.send((units.FOUND_LARGE, directory, os.fsencode(name), size))

    def files(self, directory: bytes, names: list[str]) -> None:
        """Files of one directory that another helper has time for."""
        self._channel.send((units.FOUND_FILES, directory, [os.fsencode(name) for name in names]))

    def listed(self, directory: bytes, changed: bool) -> None:
        """The directory's entries are dealt with but for its large files and those handed over."""
        self._channel.send((units.LISTED, directory, changed))

    def defer(
        self, directory: bytes, names: list[bytes], late: list[units.Late], *, final: bool, changed: bool
    ) -> None:
        """Work for after all transfers."""
        self._channel.send((units.DEFER, directory, names, late, final, changed))

    def _grown(self, length: int, count: int) -> None:
        self._bytes += length
        if count >= units.CHUNK_ENTRIES or self._bytes >= units.CHUNK_BYTES:
            self.flush()

    def flush(self) -> None:
        """Send what was collected."""
        if self._directories:
            self._channel.send((units.FOUND, self._directories))
            self._directories = []
        if self._links:
            self._channel.send((units.FOUND_LINKS, self._links))
            self._links = []
        self._bytes = 0


def member(directory: bytes, name: str, source: os.stat_result) -> LinkMember:
    """A name of a file with several."""
    return source.st_dev, source.st_ino, join(directory, os.fsencode(name)), source.st_size
