"""What SMB says about items, read out of its bytes: directory entries, FileAllInformation, times. No I/O."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from agentsim.places.place import Dress, Item
from agentsim.places.smb_names import from_wire
from store.vocabulary import ItemKind

TICK: Final = 100
"""Nanoseconds of one step of an SMB time."""

_EPOCH: Final = 116_444_736_000_000_000
"""1970 in steps since 1601."""

READ_ONLY: Final = 0x1
HIDDEN: Final = 0x2
DIRECTORY: Final = 0x10
NORMAL: Final = 0x80
REPARSE: Final = 0x400
DOS: Final = 0x27
"""Read-only, hidden, system, archive: the attributes that are kept."""

_KEPT: Final = 0x3100
"""Temporary, offline and not-indexed: left as they are when others are set."""

SYMLINK_TAG: Final = 0xA000_000C
_SURROGATE: Final = 0x2000_0000
_NO_FILE: Final = {
    0x8000_0014: "an NFS special file",
    0x8000_001B: "an app execution alias",
    0x8000_0023: "a Unix socket",
    0x8000_0024: "a Unix FIFO",
    0x8000_0025: "a Unix character device",
    0x8000_0026: "a Unix block device",
    0xA000_0003: "a junction or mounted folder",
    0xA000_001D: "a Linux symbolic link of Windows",
}

NO_MASK: Final = 0xFFFF_FFFF_FFFF_FFFF


class Facts(NamedTuple):
    """An item as the server tells it: plain numbers, so that a long listing can be sorted on disk.

    Attributes:
        name: its name as bytes; empty where a path was asked for.
        access: last access, SMB time.
        written: last write, SMB time.
        changed: last change of content or metadata, SMB time.
        size: bytes.
        attributes: the attribute bits.
        tag: reparse tag where it is a reparse point and the tag is known, else 0.
        file_id: the server's number for the file; 0 where it gives none.
        links: names of the file.
    """

    name: bytes
    access: int
    written: int
    changed: int
    size: int
    attributes: int
    tag: int
    file_id: int
    links: int = 1

    @property
    def kind(self) -> ItemKind:
        """What it is. A reparse point that stands for another name is never looked through."""
        if self.attributes & REPARSE and self.tag:
            if self.tag == SYMLINK_TAG:
                return ItemKind.SYMLINK
            if self.tag & _SURROGATE or self.tag in _NO_FILE:
                return ItemKind.SPECIAL
        return ItemKind.DIRECTORY if self.attributes & DIRECTORY else ItemKind.FILE

    @property
    def version(self) -> str:
        """Changes whenever the content may have; a directory's only when it is another one."""
        if self.kind is ItemKind.DIRECTORY:
            return f"{self.file_id:x}" if self.file_id else ""
        return f"{self.file_id:x}-{self.changed:x}-{self.size:x}"


def to_ns(time: int) -> int | None:
    """An SMB time as nanoseconds since the epoch; None where the server keeps none."""
    return (time - _EPOCH) * TICK if 0 < time < 1 << 63 else None


def from_ns(nanoseconds: int | None) -> int:
    """Nanoseconds since the epoch as an SMB time; 0, which changes nothing, where that is not known or not possible."""
    if nanoseconds is None:
        return 0
    time = nanoseconds // TICK + _EPOCH
    return time if 0 < time < 1 << 63 else 0


def item_of(
    facts: Facts, path: bytes, *, acl: bytes | None = None, extras: tuple[str, ...] = (), detailed: bool = True
) -> Item:
    """The item of a path."""
    kind = facts.kind
    if kind is ItemKind.SPECIAL:
        extras = (*extras, _NO_FILE.get(facts.tag, f"a reparse point of type {facts.tag:#010x}"))
    return Item(
        path=path,
        kind=kind,
        size=facts.size if kind is ItemKind.FILE else 0,
        dress=Dress(
            mtime_ns=to_ns(facts.written), atime_ns=to_ns(facts.access), dos=facts.attributes & DOS, nt_acl=acl
        ),
        version=facts.version,
        detailed=detailed,
        names=facts.links,
        extras=extras,
    )


_ENTRY: Final = struct.Struct("<IIQQQQQQIII")
"""NextEntryOffset, FileIndex, four times, EndOfFile, AllocationSize, attributes, name length, EaSize or reparse tag."""


def entries(page: bytes, *, with_ids: bool) -> Iterator[Facts | None]:
    """The entries of one page of a listing; None for one whose name is no name.

    Args:
        page: FileIdFullDirectoryInformation, or FileFullDirectoryInformation without ids.
        with_ids: which of them.

    Raises:
        ValueError: the page is not what it should be.
    """
    at = 0
    while True:
        try:
            found = _ENTRY.unpack_from(page, at)
            begin = at + (80 if with_ids else 68)
            file_id = struct.unpack_from("<Q", page, at + 72)[0] if with_ids else 0
        except struct.error as error:
            raise ValueError("a page of the listing is cut off") from error
        following, _, _, access, written, changed, size, _, attributes, length, tag = found
        if begin + length > len(page):
            raise ValueError("a page of the listing is cut off")
        raw = page[begin : begin + length]
        if raw not in (b".\0", b".\0.\0"):
            name = from_wire(raw)
            reparse = tag if attributes & REPARSE else 0
            yield (
                None if name is None else Facts(name, access, written, changed, size, attributes, reparse, _id(file_id))
            )
        if not following:
            return
        at += following


_ALL: Final = struct.Struct("<QQQQI4xQQIBB2xQ")
"""The beginning of FileAllInformation: basic, standard and internal information."""


def facts_of(everything: bytes, tag: int = 0) -> Facts:
    """FileAllInformation, read.

    Raises:
        ValueError: it is too short.
    """
    try:
        found = _ALL.unpack_from(everything)
    except struct.error as error:
        raise ValueError("what the server tells of a file is cut off") from error
    _, access, written, changed, attributes, _, size, links, _, _, file_id = found
    return Facts(b"", access, written, changed, size, attributes, tag, _id(file_id), max(links, 1))


def _id(number: int) -> int:
    return 0 if number == NO_MASK else number


def basic_information(dress: Dress, attributes: int | None) -> bytes:
    """FileBasicInformation that gives a dress; empty when nothing is to be set.

    Args:
        dress: what to set.
        attributes: those that the item has, where known.
    """
    access, written = from_ns(dress.atime_ns), from_ns(dress.mtime_ns)
    bits = 0
    if dress.dos is not None:
        bits = (dress.dos & DOS) | ((attributes or 0) & (_KEPT | DIRECTORY)) or NORMAL
    if not (access or written or bits):
        return b""
    return struct.pack("<QQQQI4x", 0, access, written, 0, bits)


def attributes_only(bits: int) -> bytes:
    """FileBasicInformation that sets nothing but attributes."""
    return struct.pack("<QQQQI4x", 0, 0, 0, 0, bits or NORMAL)


def rename_information(path: bytes, *, replace: bool) -> bytes:
    """FileRenameInformation, as SMB 2 has it.

    Args:
        path: from the share's root, as :func:`agentsim.places.smb_names.to_wire` makes it.
        replace: an existing file may be replaced.
    """
    return (struct.pack("<B7xQI", replace, 0, len(path)) + path).ljust(24, b"\0")


def stream_names(information: bytes) -> list[str]:
    """The alternate data streams out of FileStreamInformation, without the content itself."""
    names = []
    at = 0
    while at + 24 <= len(information):
        following, length = struct.unpack_from("<II", information, at)
        name = information[at + 24 : at + 24 + length].decode("utf-16-le", "replace")
        if name not in ("", "::$DATA"):
            names.append(name.removeprefix(":").removesuffix(":$DATA"))
        if not following:
            break
        at += following
    return names


_ACL_PRESENT: Final = 0x4
_INHERITED: Final = 0x400
_INHERIT_REQUEST: Final = 0x100
_COMPARED: Final = 0x9404
"""Self-relative, protected, inherited, with a list: the flags of a descriptor that mean something."""

OWNER: Final = 1
GROUP: Final = 2
DACL: Final = 4


def canonical(descriptor: bytes) -> bytes:
    """A security descriptor as it compares: its parts in one order, without flags that say how it was set.

    Raises:
        ValueError: it is none.
    """
    try:
        revision, control, owner, group, _, dacl = struct.unpack_from("<BxHIIII", descriptor)
        parts = [_sid(descriptor, owner), _sid(descriptor, group)]
        length = struct.unpack_from("<2xH", descriptor, dacl)[0] if dacl and control & _ACL_PRESENT else 0
    except (struct.error, IndexError) as error:
        raise ValueError("the security descriptor is cut off") from error
    parts.append(descriptor[dacl : dacl + length])
    at = 20
    offsets = []
    for part in parts:
        offsets.append(at if part else 0)
        at += len(part)
    head = struct.pack("<BxHIIII", revision, control & _COMPARED, offsets[0], offsets[1], 0, offsets[2])
    return head + b"".join(parts)


def _sid(descriptor: bytes, at: int) -> bytes:
    return descriptor[at : at + 8 + 4 * descriptor[at + 1]] if at else b""


def acl_parts(descriptor: bytes) -> tuple[bytes, int]:
    """A security descriptor made ready to be set, and which parts it has (OWNER, GROUP, DACL).

    Inherited entries stay marked as inherited, which a server does only when it is asked to.

    Raises:
        ValueError: it is none.
    """
    try:
        revision, control, owner, group, _, dacl = struct.unpack_from("<BxHIIII", descriptor)
    except struct.error as error:
        raise ValueError("the security descriptor is cut off") from error
    if revision != 1:
        raise ValueError("the security descriptor is of an unknown revision")
    parts = (OWNER if owner else 0) | (GROUP if group else 0)
    if control & _ACL_PRESENT and dacl:
        parts |= DACL
    if control & _INHERITED:
        control |= _INHERIT_REQUEST
    return descriptor[:2] + struct.pack("<H", control) + descriptor[4:], parts
