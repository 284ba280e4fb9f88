"""What is mounted where: two paths can lead to one directory, and no parent of either says so."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass

Location = tuple[bytes, bytes]
"""A file system, and a path in it without a slash at its end; the file system's root is empty."""

_ESCAPED = re.compile(rb"\\([0-7]{3})")
_NFS = (b"nfs", b"nfs4")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """One line of ``/proc/self/mountinfo``.

    Attributes:
        number: the kernel's number of the mount.
        device: major and minor number of the file system.
        root: what of the file system is mounted, as a path in it.
        point: where, seen from this process.
        kind: type of the file system.
        source: what it was mounted from; the file system's own words.
    """

    number: int
    device: bytes
    root: bytes
    point: bytes
    kind: bytes
    source: bytes

    def location(self, below: bytes) -> Location:
        """Where a directory really is.

        Args:
            below: its path below the mount point, beginning with a slash, or empty.
        """
        host, colon, export = self.source.rpartition(b":/")
        if self.kind in _NFS and colon:
            # Mounts of one server can have devices of their own; what they export is still one tree.
            return b"nfs " + host, (b"/" + export).rstrip(b"/") + self.root.rstrip(b"/") + below
        return self.device, self.root.rstrip(b"/") + below


def parse(text: bytes) -> list[Mount]:
    """The mounts of a mountinfo file; lines of another form are left out."""
    found = []
    for line in text.splitlines():
        left, dash, right = line.partition(b" - ")
        fields, kinds = left.split(b" "), right.split(b" ")
        if not dash or len(fields) < 6 or len(kinds) < 2:
            continue
        found.append(
            Mount(
                number=int(fields[0]),
                device=fields[2],
                root=_plain(fields[3]),
                point=_plain(fields[4]),
                kind=kinds[0],
                source=_plain(kinds[1]),
            )
        )
    return found


def _plain(field: bytes) -> bytes:
    return _ESCAPED.sub(lambda match: bytes([int(match[1], 8)]), field)


def read_mounts() -> list[Mount]:
    """All mounts that this process sees; none where there is no ``/proc``."""
    try:
        with open("/proc/self/mountinfo", "rb") as file:
            return parse(file.read())
    except OSError:
        return []


def in_user_space(device: int) -> bool:
    """Whether a file system is FUSE's.

    Its process may answer a read with less than there is. Who reads by himself asks for the rest; a copy
    within the kernel takes it out of the page cache, where zeros can stand for it.
    """
    name = b"%d:%d" % (os.major(device), os.minor(device))
    return any(mount.device == name and mount.kind.startswith(b"fuse") for mount in read_mounts())


def mount_number(fd: int) -> int:
    """The kernel's number of the mount that a descriptor was opened on; -1 where it is not known."""
    try:
        with open(f"/proc/self/fdinfo/{fd}", "rb") as lines:
            for line in lines:
                if line.startswith(b"mnt_id:"):
                    return int(line.split()[1])
    except OSError:
        return -1  # No /proc.
    return -1


def mount_under(fd: int, mounts: Sequence[Mount]) -> Mount | None:
    """The mount that a descriptor was opened on, if it is among these."""
    number = mount_number(fd)
    return next((mount for mount in mounts if mount.number == number), None)


def locations(fd: int, missing: Sequence[bytes], mounts: Sequence[Mount]) -> list[Location]:
    """Where a tree lies: its own directory, and all that is mounted below it.

    Args:
        fd: descriptor of its root, or of the deepest directory on the way there that exists.
        missing: the parts of the path that do not exist.
        mounts: all mounts.

    Returns:
        Nothing, where the path of the descriptor is not known.
    """
    own = mount_under(fd, mounts)
    if own is None:
        return []
    point = own.point.rstrip(b"/")
    try:
        path = os.readlink(f"/proc/self/fd/{fd}".encode()).rstrip(b"/")
    except OSError:
        return []
    if path != point and not path.startswith(point + b"/"):
        return []
    path = b"/".join([path, *missing])
    below = [mount.location(b"") for mount in mounts if mount.point.startswith(path + b"/")]
    return [own.location(path[len(point) :]), *below]


def meet(some: Sequence[Location], others: Sequence[Location]) -> bool:
    """Whether a place of one tree is, holds or lies in a place of the other."""
    return any(
        one[0] == other[0] and (_holds(one[1], other[1]) or _holds(other[1], one[1]))
        for one in some
        for other in others
    )


def _holds(outer: bytes, inner: bytes) -> bool:
    return inner == outer or inner.startswith(outer + b"/")
