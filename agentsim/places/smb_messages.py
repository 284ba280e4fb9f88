"""The bodies of the messages that Longshore sends over SMB, and what it reads of the answers ([MS-SMB2] 2.2). No I/O.

smbprotocol has classes for them too. A small file takes seven messages, and most of its time would go into these.
"""

from __future__ import annotations

import struct
from typing import Final

from agentsim.places.smb_entries import Facts
from agentsim.places.smb_status import StatusError

RELATED: Final = b"\xff" * 16
"""The file that the first message of a packet opened."""

# Access rights.
READ_DATA: Final = 0x1
WRITE_DATA: Final = 0x2
APPEND_DATA: Final = 0x4
READ_ATTRIBUTES: Final = 0x80
WRITE_ATTRIBUTES: Final = 0x100
DELETE: Final = 0x1_0000
READ_CONTROL: Final = 0x2_0000
WRITE_DAC: Final = 0x4_0000
WRITE_OWNER: Final = 0x8_0000
_SYNCHRONIZE: Final = 0x10_0000
LIST: Final = 0x1
ADD_FILE: Final = 0x2
ADD_DIRECTORY: Final = 0x4

# What to do about an existing item.
OPEN: Final = 1
CREATE: Final = 2
OPEN_IF: Final = 3

# What is opened.
DIRECTORY_FILE: Final = 0x1
NON_DIRECTORY_FILE: Final = 0x40
OPEN_REPARSE_POINT: Final = 0x20_0000
DELETE_ON_CLOSE: Final = 0x1000

_SHARE_ALL: Final = 0x7
_BACKUP_INTENT: Final = 0x4000
"""What a backup operator may open, whatever the ACL says, is opened; a server minds it of nobody else."""

# Kinds of information.
FILE: Final = 1
FILE_SYSTEM: Final = 2
SECURITY: Final = 3
BASIC: Final = 4
RENAME: Final = 10
DISPOSITION: Final = 13
ALL: Final = 18
STREAMS: Final = 22
ATTRIBUTE_TAG: Final = 35
FS_VOLUME: Final = 1
FS_ATTRIBUTES: Final = 5

_ANSWER: Final = 65536
"""Most bytes of an answer to a query: what one credit buys."""

TOGETHER: Final = 65536
"""Most bytes of content that go into one packet with other messages: servers differ in what they take there."""

_IMPERSONATE: Final = 2


class _Number:
    """A field as smbprotocol asks for it when it counts credits."""

    __slots__ = ("_value",)

    def __init__(self, value: int) -> None:
        self._value = value

    def get_value(self) -> int:
        """The value."""
        return self._value

    def __len__(self) -> int:
        return 0


class Message:
    """A body, ready to be sent, with what smbprotocol asks of one.

    Attributes:
        COMMAND: the command's number.
    """

    __slots__ = ("COMMAND", "_body", "_payload")

    def __init__(self, command: int, body: bytes, payload: int = 0) -> None:
        """Make it.

        Args:
            command: its number.
            body: all of it after the header.
            payload: bytes of data, sent or asked for.
        """
        self.COMMAND = command
        self._body = body
        self._payload = payload

    def pack(self) -> bytes:
        """The body."""
        return self._body

    def __len__(self) -> int:
        return len(self._body)

    def __getitem__(self, name: str) -> _Number:
        return _Number(self._payload if name in ("length", "output_buffer_length") else 0)


_CREATE: Final = struct.Struct("<HBBIQQIIIIIHHII")
_CLOSE: Final = struct.Struct("<HHI16s")
_READ: Final = struct.Struct("<HBBIQ16sIIIHHx")
_WRITE: Final = struct.Struct("<HHIQ16sIIHHI")
_QUERY: Final = struct.Struct("<HBBIHHIII16s")
_SET: Final = struct.Struct("<HBBIHHI16s")
_LISTING: Final = struct.Struct("<HBBI16sHHI")


def create(
    path: bytes, access: int, *, disposition: int = OPEN, options: int = OPEN_REPARSE_POINT, attributes: int = 0
) -> Message:
    """Open or make an item; ``path`` is from the share's root, as ``smb_names.to_wire`` makes it."""
    rights, how = access | _SYNCHRONIZE, options | _BACKUP_INTENT
    body = _CREATE.pack(
        57, 0, 0, _IMPERSONATE, 0, 0, rights, attributes, _SHARE_ALL, disposition, how, 120, len(path), 0, 0
    )
    return Message(5, body + (path or b"\0\0"))


def close(file: bytes = RELATED) -> Message:
    """Close it, and say what it was then."""
    return Message(6, _CLOSE.pack(24, 1, 0, file))


def flush(file: bytes = RELATED) -> Message:
    """Have the server write it to its disk."""
    return Message(7, _CLOSE.pack(24, 0, 0, file))


def read(offset: int, count: int, file: bytes = RELATED) -> Message:
    """Read."""
    return Message(8, _READ.pack(49, 0x50, 0, count, offset, file, 0, 0, 0, 0, 0), count)


def write(offset: int, data: bytes, file: bytes = RELATED) -> Message:
    """Write."""
    return Message(9, _WRITE.pack(49, 0x70, len(data), offset, file, 0, 0, 0, 0, 0) + data, len(data))


def next_page(file: bytes, what: int, size: int, *, begin: bool) -> Message:
    """Ask for the next page of a directory, of at most so many bytes."""
    pattern = b"*\0"
    return Message(14, _LISTING.pack(33, what, 1 if begin else 0, 0, file, 96, len(pattern), size) + pattern, size)


def query(kind: int, what: int, file: bytes = RELATED, *, parts: int = 0) -> Message:
    """Ask for information."""
    return Message(16, _QUERY.pack(41, kind, what, _ANSWER, 0, 0, 0, parts, 0, file))


def put(kind: int, what: int, data: bytes, file: bytes = RELATED, *, parts: int = 0) -> Message:
    """Set information."""
    return Message(17, _SET.pack(33, kind, what, len(data), 96, 0, parts, file) + data)


def good(answer: bytes | StatusError) -> bytes:
    """An answer, or the error raised."""
    if isinstance(answer, StatusError):
        raise answer
    return answer


def handle_in(answer: bytes | StatusError) -> bytes:
    """The file's handle out of the answer to a create."""
    return good(answer)[64:80]


def attributes_in(answer: bytes | StatusError) -> int:
    """The attributes out of the answer to a create."""
    return int(struct.unpack_from("<I", good(answer), 56)[0])


def information_in(answer: bytes | StatusError) -> bytes:
    """What a query was answered with; a page of a listing is laid out the same way."""
    body = good(answer)
    offset, length = struct.unpack_from("<HI", body, 2)
    return body[offset - 64 : offset - 64 + length]


def data_in(answer: bytes | StatusError) -> bytes:
    """What was read."""
    body = good(answer)
    offset, length = struct.unpack_from("<BxI", body, 2)
    return body[offset - 64 : offset - 64 + length]


def count_in(answer: bytes | StatusError) -> int:
    """How many bytes were written."""
    return int.from_bytes(good(answer)[4:8], "little")


def closed_as(answer: bytes | StatusError, before: Facts) -> Facts | None:
    """What a file was when it was closed; None where the server does not say.

    Args:
        answer: to the close.
        before: what it was when it was opened: a close says nothing of names and numbers.
    """
    flags, access, written, changed, size, attributes = struct.unpack_from("<2xH4x8xQQQ8xQI", good(answer))
    if not flags & 1:
        return None
    return before._replace(access=access, written=written, changed=changed, size=size, attributes=attributes)
