"""What is seen to once, when a share is opened: the directory that is the root, and what its file system can do."""

from __future__ import annotations

import secrets
import struct
from typing import Final, NamedTuple

from agentsim.places import smb_messages as sm
from agentsim.places.smb_asking import Detail, Seen, find
from agentsim.places.smb_entries import REPARSE, TICK
from agentsim.places.smb_listing import Listings
from agentsim.places.smb_names import to_wire
from agentsim.places.smb_status import StatusError
from agentsim.places.smb_wire import Channel

_CASE_SENSITIVE: Final = 0x1
_PERSISTENT_ACLS: Final = 0x8
_NAMED_STREAMS: Final = 0x4_0000
_READ_ONLY_VOLUME: Final = 0x8_0000
"""Attributes of a file system (FileFsAttributeInformation)."""


class ThroughALink(Exception):
    """A part of the path of the root is a link or a junction."""


class FileSystem(NamedTuple):
    """What a server says of the file system behind a share.

    Attributes:
        serial: number of the volume.
        attributes: its attribute bits.
        name: what kind it is, such as "NTFS".
    """

    serial: int
    attributes: int
    name: str = ""

    @property
    def acls(self) -> bool:
        """It keeps access control lists."""
        return bool(self.attributes & _PERSISTENT_ACLS)

    @property
    def streams(self) -> bool:
        """It keeps alternate data streams."""
        return bool(self.attributes & _NAMED_STREAMS)

    @property
    def time_step(self) -> int:
        """Nanoseconds between two modification times that it can tell apart."""
        return {"FAT": 2_000_000_000, "FAT32": 2_000_000_000, "exFAT": 10_000_000}.get(self.name, TICK)

    @property
    def largest(self) -> int | None:
        """Most bytes of a file."""
        return (4 << 30) - 1 if self.name in ("FAT", "FAT32") else None

    @property
    def read_only(self) -> bool:
        """Nothing can be written to it."""
        return bool(self.attributes & _READ_ONLY_VOLUME)


def open_root(channel: Channel, path: bytes, *, writes: bool) -> None:
    """See that the root is a directory, that no link leads to it, and that items can be made in it if need be.

    Args:
        channel: the connection.
        path: from the share's root, as bytes.
        writes: make it, and what is above it below the share's root, where it is missing.

    Raises:
        StatusError, ConnectionLost, Canceled.
        ThroughALink: it is not where it says.
    """
    parts = path.split(b"/") if path else []
    for depth in range(len(parts) + 1):
        access = sm.READ_ATTRIBUTES
        if depth == len(parts):
            access |= sm.LIST | (sm.ADD_FILE | sm.ADD_DIRECTORY if writes else 0)
        answer = channel.ask(
            sm.create(
                to_wire(b"/".join(parts[:depth])),
                access,
                disposition=sm.OPEN_IF if depth and writes else sm.OPEN,
                options=sm.DIRECTORY_FILE | sm.OPEN_REPARSE_POINT,
            )
        )
        channel.forget(sm.handle_in(answer))
        if depth and sm.attributes_in(answer) & REPARSE:
            raise ThroughALink


def file_system(channel: Channel, root: bytes) -> FileSystem:
    """What the server says of the file system that the root is on.

    Args:
        channel: the connection.
        root: in SMB's words.

    Raises:
        StatusError, ConnectionLost, Canceled.
    """
    opened, volume, attributes, _ = channel.together(
        [
            sm.create(root, sm.READ_ATTRIBUTES),
            sm.query(sm.FILE_SYSTEM, sm.FS_VOLUME),
            sm.query(sm.FILE_SYSTEM, sm.FS_ATTRIBUTES),
            sm.close(),
        ]
    )
    sm.good(opened)
    serial = 0 if isinstance(volume, StatusError) else struct.unpack_from("<8xI", sm.information_in(volume))[0]
    information = sm.information_in(attributes)
    bits, _, length = struct.unpack_from("<III", information)
    return FileSystem(int(serial), int(bits), information[12 : 12 + length].decode("utf-16-le", "replace"))


def folds(channel: Channel, root: bytes, listings: Listings, system: FileSystem, *, writes: bool) -> bool:
    """Whether names that differ in case are one.

    A server that says so can be believed; Windows says the contrary and does it all the same, so an item that is
    there is asked for under another case. Where none has a letter in its name, one is made for a moment if that may
    be, or else the safe side is taken.

    Args:
        channel: the connection.
        root: as bytes, from the share's root.
        listings: how the server lists.
        system: what it says.
        writes: whether something may be made.

    Raises:
        StatusError, ConnectionLost, Canceled.
        ValueError: the root cannot be listed.
    """
    if not system.attributes & _CASE_SENSITIVE:
        return True
    for facts in listings.entries(channel, to_wire(root)):
        if facts.file_id and facts.name.isascii() and facts.name.swapcase() != facts.name:
            seen = _in_other_case(channel, root, facts.name)
            return seen is not None and seen.facts.file_id == facts.file_id
    return _probe_folds(channel, root) if writes else True


def _in_other_case(channel: Channel, root: bytes, name: bytes) -> Seen | None:
    other = name.swapcase()
    return find(channel, to_wire(root + b"/" + other if root else other), Detail())


def _probe_folds(channel: Channel, root: bytes) -> bool:
    """Ask a file that the server removes when it is closed, however that comes."""
    name = b".longshore-%s.part" % secrets.token_hex(8).encode()
    message = sm.create(
        to_wire(root + b"/" + name if root else name),
        sm.WRITE_DATA | sm.DELETE,
        disposition=sm.CREATE,
        options=sm.NON_DIRECTORY_FILE | sm.OPEN_REPARSE_POINT | sm.DELETE_ON_CLOSE,
    )
    handle = sm.handle_in(channel.ask(message))
    try:
        return _in_other_case(channel, root, name) is not None
    finally:
        channel.forget(handle)
