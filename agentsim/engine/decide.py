"""What to do with one source entry, given what the target has under its name. No I/O."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from enum import Enum, auto

from store.vocabulary import Compare, CopyMode, ItemKind

RESERVED = ".longshore-"
"""How every temporary name begins."""

_CHECKSUM = Compare.CHECKSUM
"""Bound here: looking a member up in its enum costs more than deciding."""

TEMPORARY = re.compile(r"\.longshore-[0-9a-f]{16}\.part")
"""Names of files that are being written, to be matched whole."""


class Action(Enum):
    """What an entry needs."""

    NOTHING = auto()
    """Content and metadata are equal."""
    COPY_FILE = auto()
    """Write the file anew and put it in place."""
    REPAIR_METADATA = auto()
    """Content is equal; set what differs of mode, owner and modification time."""
    COMPARE_CONTENT = auto()
    """Both are files of one size: their bytes decide, and then :func:`after_comparison`."""
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
class Fidelity:
    """What of an item's metadata this run carries, and how exactly the target can keep it.

    Attributes:
        privileged: any owner and group; otherwise the owner stays the process's own.
        groups: the groups an unprivileged process may give.
        permissions: whether mode, owner and ACLs travel at all. Otherwise items that are there keep
            theirs, and new ones get the source's mode as ``umask`` allows.
        umask: bits that such a new item does not get: the process's own mask before the engine cleared it.
        time_step: nanoseconds between two modification times that the target can tell apart; 1 where it keeps all.
    """

    privileged: bool
    groups: frozenset[int]
    permissions: bool = True
    umask: int = 0o022
    time_step: int = 1

    @classmethod
    def of_this_process(cls, *, permissions: bool = True, umask: int = 0o022, time_step: int = 1) -> Fidelity:
        groups = frozenset((os.getegid(), *os.getgroups()))
        return cls(os.geteuid() == 0, groups, permissions, umask, time_step)

    def same_time(self, source: os.stat_result, target: os.stat_result) -> bool:
        """Whether the target's modification time is the source's, as exactly as the target can keep it."""
        return abs(source.st_mtime_ns - target.st_mtime_ns) < self.time_step

    def settable(self, uid: int, gid: int) -> tuple[int, int]:
        """What to ask of ``chown``: -1 stands for "leave it"."""
        if self.privileged:
            return uid, gid
        return -1, (gid if gid in self.groups else -1)

    def equal(self, source: os.stat_result, target: os.stat_result) -> bool:
        """Whether no owner or group could be set that is not so already."""
        if source.st_gid == target.st_gid and source.st_uid == target.st_uid:
            return True
        if not self.permissions:
            return True
        if self.privileged:
            return False
        return source.st_gid == target.st_gid or source.st_gid not in self.groups

    def same(self, source: os.stat_result, target: os.stat_result) -> bool:
        """Whether mode, owner and group of two items of one type need no setting."""
        return (source.st_mode == target.st_mode or not self.permissions) and self.equal(source, target)

    def file_mode(self, source_mode: int) -> int:
        """The mode of a new file, by its source's ``st_mode``."""
        return source_mode & 0o7777 if self.permissions else source_mode & 0o777 & ~self.umask

    def directory_mode(self, source_mode: int) -> int:
        """The mode to make a directory with.

        Where permissions travel it is private until it is finished. Where they do not, this mode is
        final, and its owner can work in it: nothing later would say that it was not meant so.
        """
        return 0o700 if self.permissions else source_mode & 0o777 & ~self.umask | 0o700


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


def decide(
    source: os.stat_result,
    target: os.stat_result | None,
    mode: CopyMode,
    fidelity: Fidelity,
    compare: Compare = Compare.SIZE_AND_TIME,
    links: int = 1,
) -> Action:
    """The action for an entry of the source.

    Content counts as equal when size and modification time (ns) are (reference measurements,
    "Compare"), or when its bytes are, as ``compare`` says. Metadata is repaired in place only on a
    file whose names are all known: a further hard link may be anybody's file, so such a file is
    replaced instead.

    Args:
        source: the entry, by ``lstat``.
        target: what the target has under the same name, by ``lstat``; None for nothing.
        mode: the run's copy mode.
        fidelity: which differences of owner and mode can and shall be mended.
        compare: how content is compared.
        links: names of the target file that are known to be the source file's.
    """
    kind = source.st_mode & 0o170000
    if kind == stat.S_IFREG:
        if target is None:
            return Action.COPY_FILE
        if target.st_mode & 0o170000 == stat.S_IFREG:
            if source.st_size != target.st_size:
                return Action.COPY_FILE
            if compare is _CHECKSUM:
                return Action.COMPARE_CONTENT
            if source.st_mtime_ns != target.st_mtime_ns and not fidelity.same_time(source, target):
                return Action.COPY_FILE
            if fidelity.same(source, target):
                return Action.NOTHING
            return Action.REPAIR_METADATA if target.st_nlink == links else Action.COPY_FILE
        return _in_the_way(target, mode) or Action.COPY_FILE
    if kind == stat.S_IFDIR:
        if target is None:
            return Action.MAKE_DIRECTORY
        return Action.DESCEND if stat.S_ISDIR(target.st_mode) else Action.REPLACE_BY_DIRECTORY
    if kind == stat.S_IFLNK:
        if target is None:
            return Action.COPY_LINK
        if stat.S_ISLNK(target.st_mode):
            same = fidelity.same_time(source, target) and fidelity.equal(source, target)
            return Action.COMPARE_LINK if same else Action.COPY_LINK
        return _in_the_way(target, mode) or Action.COPY_LINK
    return Action.UNSUPPORTED


def after_comparison(
    source: os.stat_result, target: os.stat_result, fidelity: Fidelity, equal: bool, links: int = 1
) -> Action:
    """The action for two files whose content was compared.

    Args:
        source: the source file.
        target: the target file.
        fidelity: as in :func:`decide`.
        equal: whether their bytes are the same.
        links: as in :func:`decide`.
    """
    if not equal:
        return Action.COPY_FILE
    if fidelity.same_time(source, target) and fidelity.same(source, target):
        return Action.NOTHING
    return Action.REPAIR_METADATA if target.st_nlink == links else Action.COPY_FILE


def _in_the_way(target: os.stat_result, mode: CopyMode) -> Action | None:
    if not stat.S_ISDIR(target.st_mode):
        return None
    return Action.AFTER_DELETES if mode is CopyMode.MIRROR else Action.BLOCKED


def directory_differs(source: os.stat_result, target: os.stat_result, fidelity: Fidelity) -> bool:
    """Whether a directory's own metadata (mode, owner, modification time in ns) needs setting."""
    return not fidelity.same_time(source, target) or not fidelity.same(source, target)


def why(
    source: os.stat_result,
    target: os.stat_result | None,
    fidelity: Fidelity,
    compare: Compare = Compare.SIZE_AND_TIME,
) -> str:
    """In words, why an entry of the source needs something, as far as ``stat`` knows.

    Args:
        source: the entry, by ``lstat``.
        target: what the target has under the same name, by ``lstat``; None for nothing.
        fidelity: as in :func:`decide`.
        compare: how content is compared; where its bytes are, they are what differs when nothing else does.

    Returns:
        The differences, joined with ", "; empty when there is none.
    """
    if target is None:
        return "not in the target"
    if stat.S_IFMT(source.st_mode) != stat.S_IFMT(target.st_mode):
        return "type differs"
    link = stat.S_ISLNK(source.st_mode)
    found = {
        "size differs": stat.S_ISREG(source.st_mode) and source.st_size != target.st_size,
        "modification time differs": not fidelity.same_time(source, target),
        "mode differs": fidelity.permissions and not link and source.st_mode != target.st_mode,
        "owner differs": not fidelity.equal(source, target),
    }
    words = ", ".join(words for words, so in found.items() if so)
    return words or ("content differs" if compare is _CHECKSUM and stat.S_ISREG(source.st_mode) else "")


def moved(before: os.stat_result, after: os.stat_result) -> bool:
    """Whether a source file was written to, replaced or touched between two looks (faults F16)."""
    return (
        before.st_mtime_ns != after.st_mtime_ns
        or before.st_ctime_ns != after.st_ctime_ns
        or before.st_size != after.st_size
        or before.st_ino != after.st_ino
    )
