"""What to do with one source entry, given what the target has under its name. No I/O."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from enum import Enum, auto

from store.vocabulary import CopyMode, ItemKind

RESERVED = ".longshore-"
"""How every temporary name begins."""

TEMPORARY = re.compile(r"\.longshore-[0-9a-f]{16}\.part")
"""Names of files that are being written, to be matched whole."""


class Action(Enum):
    """What an entry needs."""

    NOTHING = auto()
    """Content and metadata are equal."""
    COPY_FILE = auto()
    """Write the file anew and put it in place."""
    REPAIR_METADATA = auto()
    """Content is equal; set mode and owner."""
    COPY_LINK = auto()
    """Make the symbolic link and put it in place."""
    COMPARE_LINK = auto()
    """Both are links with equal metadata: their texts decide."""
    MAKE_DIRECTORY = auto()
    REPLACE_BY_DIRECTORY = auto()
    """Unlink what is there (it is not a directory), then make the directory."""
    DESCEND = auto()
    """Both are directories; the directory's own unit compares the rest."""
    UNSUPPORTED = auto()
    BLOCKED = auto()
    """The target has a directory where the source has none, and this mode deletes nothing."""
    AFTER_DELETES = auto()
    """As BLOCKED, but the directory is to be deleted, and deletes come last."""


@dataclass(frozen=True, slots=True)
class Owners:
    """Which owners and groups this process may give to a file.

    Attributes:
        privileged: any; otherwise the owner stays the process's own.
        groups: the groups an unprivileged process may give.
    """

    privileged: bool
    groups: frozenset[int]

    @classmethod
    def of_this_process(cls) -> Owners:
        return cls(os.geteuid() == 0, frozenset((os.getegid(), *os.getgroups())))

    def settable(self, uid: int, gid: int) -> tuple[int, int]:
        """What to ask of ``chown``: -1 stands for "leave it"."""
        if self.privileged:
            return uid, gid
        return -1, (gid if gid in self.groups else -1)

    def equal(self, source: os.stat_result, target: os.stat_result) -> bool:
        """Whether nothing could be set that is not so already."""
        if self.privileged:
            return source.st_uid == target.st_uid and source.st_gid == target.st_gid
        return source.st_gid == target.st_gid or source.st_gid not in self.groups


def kind_of(mode: int) -> ItemKind:
    """The kind of an item by its ``st_mode``."""
    if stat.S_ISREG(mode):
        return ItemKind.FILE
    if stat.S_ISDIR(mode):
        return ItemKind.DIRECTORY
    if stat.S_ISLNK(mode):
        return ItemKind.SYMLINK
    return ItemKind.SPECIAL


def size_of(item: os.stat_result) -> int:
    """Bytes that an item counts with: a file's size, nothing for all else."""
    return item.st_size if stat.S_ISREG(item.st_mode) else 0


def decide(source: os.stat_result, target: os.stat_result | None, mode: CopyMode, owners: Owners) -> Action:
    """The action for an entry of the source.

    Content counts as equal when size and modification time (ns) are (reference measurements,
    "Compare"). Metadata is repaired in place only on a file with one name: a second hard link may
    be anybody's file, so such a file is replaced instead.

    Args:
        source: the entry, by ``lstat``.
        target: what the target has under the same name, by ``lstat``; None for nothing.
        mode: the run's copy mode.
        owners: which ownership differences can be mended at all.
    """
    kind = source.st_mode & 0o170000
    if kind == stat.S_IFREG:
        if target is None:
            return Action.COPY_FILE
        if target.st_mode & 0o170000 == stat.S_IFREG:
            if source.st_size != target.st_size or source.st_mtime_ns != target.st_mtime_ns:
                return Action.COPY_FILE
            if source.st_mode == target.st_mode and owners.equal(source, target):
                return Action.NOTHING
            return Action.REPAIR_METADATA if target.st_nlink == 1 else Action.COPY_FILE
        return _in_the_way(target, mode) or Action.COPY_FILE
    if kind == stat.S_IFDIR:
        if target is None:
            return Action.MAKE_DIRECTORY
        return Action.DESCEND if stat.S_ISDIR(target.st_mode) else Action.REPLACE_BY_DIRECTORY
    if kind == stat.S_IFLNK:
        if target is None:
            return Action.COPY_LINK
        if stat.S_ISLNK(target.st_mode):
            same = source.st_mtime_ns == target.st_mtime_ns and owners.equal(source, target)
            return Action.COMPARE_LINK if same else Action.COPY_LINK
        return _in_the_way(target, mode) or Action.COPY_LINK
    return Action.UNSUPPORTED


def _in_the_way(target: os.stat_result, mode: CopyMode) -> Action | None:
    if not stat.S_ISDIR(target.st_mode):
        return None
    return Action.AFTER_DELETES if mode is CopyMode.MIRROR else Action.BLOCKED


def directory_differs(source: os.stat_result, target: os.stat_result, owners: Owners) -> bool:
    """Whether a directory's own metadata (mode, owner, modification time in ns) needs setting."""
    return (
        source.st_mode != target.st_mode or source.st_mtime_ns != target.st_mtime_ns or not owners.equal(source, target)
    )


def moved(before: os.stat_result, after: os.stat_result) -> bool:
    """Whether a source file was written to, replaced or touched between two looks (faults F16)."""
    return (
        before.st_mtime_ns != after.st_mtime_ns
        or before.st_ctime_ns != after.st_ctime_ns
        or before.st_size != after.st_size
        or before.st_ino != after.st_ino
    )
