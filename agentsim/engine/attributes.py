"""Extended attributes and POSIX ACLs: which of them travel, what differs, and setting it.

What a target cannot hold ends up in a remark; it never keeps the item itself from being copied.
"""

from __future__ import annotations

import errno
import os
import stat
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from agentsim.engine.board import ACLS_LOST, Slot
from agentsim.engine.decide import Fidelity
from agentsim.engine.errors import Side, classify
from store.display import display

_ACLS = ("system.posix_acl_access", "system.posix_acl_default")

_FOREIGN_ACLS = frozenset(
    f"system.{kind}"
    for kind in (
        "nfs4_acl",
        "nfs4_dacl",
        "nfs4_sacl",
        "richacl",
        "cifs_acl",
        "cifs_ntsd",
        "cifs_ntsd_full",
        "smb3_acl",
        "smb3_ntsd",
        "smb3_ntsd_full",
    )
)
"""Access control lists that only a file system of their own kind could take."""

_MACHINES_OWN = frozenset({"security.selinux", "security.ima", "security.evm"})
"""Labels and signatures that the target's own kernel makes."""

_REFUSED = frozenset(
    {errno.EOPNOTSUPP, errno.E2BIG, errno.ERANGE, errno.EPERM, errno.EACCES, errno.EINVAL, errno.ENOSPC}
)
"""How file systems say that they will not hold an attribute. ENOSPC: only where there is space."""

_UNREADABLE = frozenset({errno.EACCES, errno.EPERM, errno.E2BIG, errno.ERANGE})

_SPACE_BYTES = 1024 * 1024
"""With so much free, an attribute was refused for its own size (ext4 says "no space" to that)."""

_WORDS_NAMES = 5
_CACHED_LISTS = 1024

Place = int | str
"""An open descriptor, or the path of a link that is not to be followed."""


class Names(NamedTuple):
    """What an item has.

    Attributes:
        carried: the names that travel, in the order in which they are to be set.
        foreign: it has an ACL of a kind that cannot travel.
        failure: errno when the names could not be listed, else 0.
    """

    carried: tuple[str, ...]
    foreign: bool = False
    failure: int = 0


NONE = Names(())


def sort_out(names: Sequence[str], privileged: bool, permissions: bool) -> Names:
    """Which of an item's attributes travel.

    Args:
        names: all that it has.
        privileged: this process may set what only root may.
        permissions: ACLs, capabilities and the like travel too.
    """
    carried = [name for name in sorted(names) if _travels(name, privileged, permissions)]
    if permissions:
        # Last: they can take the right to set the others away.
        carried += [name for name in _ACLS if name in names]
    return Names(tuple(carried), permissions and not _FOREIGN_ACLS.isdisjoint(names))


def _travels(name: str, privileged: bool, permissions: bool) -> bool:
    kind = name.partition(".")[0]
    if kind == "trusted":
        return privileged and not name.startswith("trusted.overlay.")
    if kind == "security":
        return privileged and permissions and name not in _MACHINES_OWN
    return kind == "user"


@dataclass(slots=True)
class Change:
    """What makes a target item's attributes the source's; false when there is nothing to do or to say.

    Attributes:
        put: values to set, by name.
        drop: names to remove.
        lost: names that could not be read, and why (errno).
        refused_acl: the access ACL that the target did not take, once that is known.
    """

    put: dict[str, bytes] = field(default_factory=dict)
    drop: list[str] = field(default_factory=list)
    lost: list[tuple[str, int]] = field(default_factory=list)
    refused_acl: bytes = b""

    def __bool__(self) -> bool:
        return bool(self.put or self.drop or self.lost)

    def mode(self, mode: int) -> int:
        """The mode to set instead of the source's: an ACL that is missing must not open the item to anybody."""
        return without_acl(mode, self.refused_acl) if self.refused_acl else mode


_ACL_ENTRY = struct.Struct("<HHI")
_ACL_HEADER_BYTES = 4
_ACL_GROUP, _ACL_MASK = 0x04, 0x10


def without_acl(mode: int, acl: bytes) -> int:
    """The mode that grants no more than an ACL did, for a target that has none.

    With an ACL the mode's group bits are its mask, the most that anybody named in it may do; the owning
    group itself may be granted less (acl(5), "Correspondence between ACL entries and file permission bits").

    Args:
        mode: of the item that has the ACL.
        acl: value of its ``system.posix_acl_access``.
    """
    entries = acl[_ACL_HEADER_BYTES : len(acl) - (len(acl) - _ACL_HEADER_BYTES) % _ACL_ENTRY.size]
    granted: dict[int, int] = {tag: bits for tag, bits, _ in _ACL_ENTRY.iter_unpack(entries)}
    group = granted.get(_ACL_GROUP, 0) & granted.get(_ACL_MASK, 0o7)
    return mode & ~0o070 | group << 3


class Attributes:
    """Reads, compares and sets them; remembers which file systems have none."""

    def __init__(self, fidelity: Fidelity, slot: Slot) -> None:
        self._privileged = fidelity.privileged
        self._permissions = fidelity.permissions
        self._cells = slot.cells
        self._without: set[int] = set()
        self._sorted: dict[tuple[str, ...], Names] = {}
        # A link cannot be opened; this is the way to it that starts from a held directory.
        self._links = fidelity.privileged and os.path.isdir("/proc/self/fd")

    def of(self, place: Place, device: int, side: Side) -> Names:
        """What an item has.

        Args:
            place: the item.
            device: ``st_dev`` of it.
            side: the tree it is in.

        Raises:
            ItemChanged, ItemFailed, RunStopped: by its side's error.
        """
        if device in self._without:
            return NONE
        try:
            found = os.listxattr(place, follow_symlinks=type(place) is int)
        except OSError as error:
            if error.errno == errno.EOPNOTSUPP:
                self._without.add(device)
                return NONE
            if error.errno in _UNREADABLE:
                return Names((), failure=error.errno)
            raise classify(error, side, f"listing the {side.value}'s extended attributes") from error
        return self._sort_out(found) if found else NONE

    def of_link(self, directory: int, name: str, device: int, side: Side) -> tuple[str, Names]:
        """A symbolic link's path for the other methods, and what it has; nothing where that is out of reach.

        Raises:
            ItemChanged, ItemFailed, RunStopped: by its side's error.
        """
        place = f"/proc/self/fd/{directory}/{name}"
        return place, self.of(place, device, side) if self._links else NONE

    def _sort_out(self, names: list[str]) -> Names:
        # Where every item has a label, sorting it out anew each time would show.
        key = tuple(names)
        found = self._sorted.get(key)
        if found is None:
            if len(self._sorted) >= _CACHED_LISTS:
                self._sorted.clear()
            found = self._sorted[key] = sort_out(names, self._privileged, self._permissions)
        return found

    def change(self, source: Place, wanted: Names, target: Place, present: Names) -> Change:
        """What has to be set and removed.

        Args:
            source: the source item.
            wanted: what it has, by :meth:`of`.
            target: the target item.
            present: what it has, by :meth:`of`.

        Raises:
            ItemChanged, ItemFailed, RunStopped: the source could not be read.
        """
        change = Change()
        if wanted.failure:
            change.lost.append(("all of them", wanted.failure))
            return change
        for name in wanted.carried:
            try:
                value = os.getxattr(source, name, follow_symlinks=type(source) is int)
            except OSError as error:
                if error.errno == errno.ENODATA:
                    continue  # Removed since it was listed: the source's change time tells.
                if error.errno not in _UNREADABLE:
                    raise classify(error, Side.SOURCE, "reading the source's extended attributes") from error
                change.lost.append((name, error.errno))
                continue
            if name not in present.carried or _value(target, name) != value:
                change.put[name] = value
        change.drop = [name for name in present.carried if name not in wanted.carried]
        return change

    def apply(self, target: Place, change: Change, directory: int) -> str:
        """Make the change; the mode of the target may be another one afterwards.

        Args:
            target: the target item.
            change: from :meth:`change`.
            directory: a descriptor on the target's file system, asked how much space there is.

        Returns:
            The remark: which attributes the target did not take and why, or nothing.

        Raises:
            ItemFailed, RunStopped: by the target's error, where it is not the attribute that is refused.
        """
        lost = list(change.lost)
        follow = type(target) is int
        for name in change.drop:
            self._attempt(target, name, lost, directory, lambda at: os.removexattr(target, at, follow_symlinks=follow))
        for name, value in change.put.items():

            def put(at: str, value: bytes = value) -> None:
                os.setxattr(target, at, value, follow_symlinks=follow)

            self._attempt(target, name, lost, directory, put)
        if any(name == _ACLS[0] for name, _ in lost):
            change.refused_acl = change.put.get(_ACLS[0], b"")
        return _remark(lost)

    def _attempt(
        self, target: Place, name: str, lost: list[tuple[str, int]], directory: int, call: Callable[[str], None]
    ) -> None:
        try:
            try:
                call(name)
            except PermissionError as error:
                if error.errno != errno.EACCES or not isinstance(target, int) or not _make_writable(target):
                    raise
                call(name)
        except OSError as error:
            if error.errno == errno.ENODATA:
                return  # It was to be removed.
            if error.errno not in _REFUSED or (error.errno == errno.ENOSPC and not self._has_space(directory)):
                raise classify(error, Side.TARGET, "setting the target's extended attributes") from error
            lost.append((name, error.errno))

    def _has_space(self, directory: int) -> bool:
        found = os.fstatvfs(directory)
        blocks = found.f_bfree if self._privileged else found.f_bavail
        return blocks * found.f_frsize >= _SPACE_BYTES

    def keep_acl(self, old: Place, target: int) -> None:
        """Give a new file of the target the access ACL of the one that it replaces.

        Raises:
            OSError: the target does not accept it.
        """
        acl = _ACLS[0]
        value = _value(old, acl)
        if value is not None:
            os.setxattr(target, acl, value)
        elif _value(target, acl) is not None:
            os.removexattr(target, acl)

    def count_foreign(self, names: Names) -> None:
        """Count an item that was dealt with, if it has an ACL that cannot travel."""
        if names.foreign:
            self._cells[ACLS_LOST] += 1

    def differing(self, source: int, target: int, names: Sequence[str]) -> list[str]:
        """Which entries of two directories do not have the same attributes.

        Leaves the process in the root directory. Entries that are the same and have an ACL that
        cannot travel are counted; the others are left to whoever mends them.

        Args:
            source: descriptor of the source directory.
            target: descriptor of the target directory.
            names: entries that both have; the same but for their attributes.

        Raises:
            ItemChanged, ItemFailed, RunStopped: a directory is out of reach.
        """
        try:
            theirs = self._list_all(source, names, Side.SOURCE)
            values = {
                (name, attribute): _value(name, attribute)
                for name, found in theirs.items()
                for attribute in found.carried
            }
            ours = self._list_all(target, names, Side.TARGET)
            if not theirs and not ours:
                return []
            different = []
            for name in names:
                wanted, present = theirs.get(name, NONE), ours.get(name, NONE)
                unsure = wanted.failure or present.failure or wanted.carried != present.carried
                if unsure or any(_unlike(values[name, attribute], name, attribute) for attribute in wanted.carried):
                    different.append(name)
                else:
                    self.count_foreign(wanted)
            return different
        finally:
            # Nothing that is loaded later may be looked for in a user's directory.
            os.chdir("/")

    def _list_all(self, directory: int, names: Sequence[str], side: Side) -> dict[str, Names]:
        """What those entries have that have something; the directory becomes the working directory."""
        found: dict[str, Names] = {}
        try:
            device = os.fstat(directory).st_dev
            if device in self._without:
                return found
            os.fchdir(directory)
        except OSError as error:
            raise classify(error, side, f"entering the {side.value} directory") from error
        listxattr = os.listxattr
        for name in names:
            try:
                listed = listxattr(name, follow_symlinks=False)
            except OSError as error:
                if error.errno == errno.EOPNOTSUPP:
                    self._without.add(device)
                    return found
                found[name] = Names((), failure=error.errno or errno.EIO)
                continue
            if listed:
                found[name] = self._sort_out(listed)
        return found


def _value(place: Place, name: str) -> bytes | None:
    """An attribute's value; None when it cannot be read."""
    try:
        return os.getxattr(place, name, follow_symlinks=type(place) is int)
    except OSError:
        return None


def _unlike(value: bytes | None, name: str, attribute: str) -> bool:
    """Whether an entry of the working directory has another value; what nobody can read counts as equal."""
    if value is None:
        return False
    found = _value(name, attribute)
    return found is not None and found != value


def _make_writable(fd: int) -> bool:
    """Let the owner of a read-only item set its attributes; whether that was it."""
    mode = stat.S_IMODE(os.fstat(fd).st_mode)
    if mode & stat.S_IWUSR:
        return False
    os.fchmod(fd, mode | stat.S_IWUSR)
    return True


def _remark(lost: list[tuple[str, int]]) -> str:
    if not lost:
        return ""
    reasons: dict[int, list[str]] = {}
    for name, number in lost:
        reasons.setdefault(number, []).append(display(name))
    parts = []
    for number, names in reasons.items():
        more = f" and {len(names) - _WORDS_NAMES} more" if len(names) > _WORDS_NAMES else ""
        words = f"{os.strerror(number)}, {errno.errorcode.get(number, number)}"
        parts.append(f"{', '.join(names[:_WORDS_NAMES])}{more} ({words})")
    return "Extended attributes not carried over: " + "; ".join(parts)
