"""Owner, mode and times of one item of a directory tree, set through a descriptor and never by a name."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Sequence

from agentsim.engine.decide import Fidelity
from agentsim.places.place import Dress

_NOT_ALLOWED = (errno.EPERM, errno.EINVAL, errno.EOPNOTSUPP)
"""How a file system, or a server behind it, says that it keeps no such thing, or not from us."""

_ACL = "system.posix_acl_access"
_SET_ID = stat.S_ISUID | stat.S_ISGID


def put_on(fd: int, dress: Dress, fidelity: Fidelity) -> str:
    """Give an item its metadata, each part only where it differs: owner, mode, times, since each can change the next.

    A set-id bit is given only to an item that has the owner it was meant for.

    Args:
        fd: the item, opened in any way; ``O_PATH`` will do, and a link can be opened in no other.
        dress: what it is to have.
        fidelity: which owners this process may give.

    Returns:
        What could not be set, in words for an admin; empty when nothing was lost.

    Raises:
        OSError: for any reason but that the file system does not keep it.
    """
    # The one way to what O_PATH opened; it leads to the item itself, a link too.
    place = f"/proc/self/fd/{fd}"
    before = os.fstat(fd)
    lost: list[str] = []
    _give(place, before, dress, fidelity, lost)
    if dress.mode is not None and not stat.S_ISLNK(before.st_mode):
        _set_mode(place, os.fstat(fd), dress, lost)
    _set_times(place, before, dress, lost)
    return _remark(lost)


def _give(place: str, before: os.stat_result, dress: Dress, fidelity: Fidelity, lost: list[str]) -> None:
    uid = before.st_uid if dress.uid is None else dress.uid
    gid = before.st_gid if dress.gid is None else dress.gid
    if (uid, gid) == (before.st_uid, before.st_gid):
        return
    # Where no owner can be given at all, that is said once, of the whole place (Holds.owners).
    new_uid, new_gid = fidelity.settable(uid, gid)
    if new_uid == -1 and new_gid in (-1, before.st_gid):
        return
    try:
        os.chown(place, new_uid, new_gid)
    except (OSError, OverflowError) as error:
        # Root without the capability, or a server that squashes it; an object's metadata can hold any number.
        if isinstance(error, OSError) and error.errno not in _NOT_ALLOWED:
            raise
        lost.append("owner and group")


def _set_mode(place: str, present: os.stat_result, dress: Dress, lost: list[str]) -> None:
    mode = (dress.mode or 0) & 0o7777
    dangerous = mode & (stat.S_ISUID if stat.S_ISDIR(present.st_mode) else _SET_ID)
    if dangerous and (dress.uid, dress.gid) != (present.st_uid, present.st_gid):
        mode &= ~dangerous
        lost.append("the set-id bits (not without the owner that they are meant for)")
    if stat.S_IMODE(present.st_mode) == mode:
        return
    try:
        os.chmod(place, mode)
    except OSError as error:
        if error.errno not in _NOT_ALLOWED:
            raise
        lost.append(f"the mode {mode:04o}")


def _set_times(place: str, before: os.stat_result, dress: Dress, lost: list[str]) -> None:
    if dress.mtime_ns is None and dress.atime_ns is None:
        return
    mtime = before.st_mtime_ns if dress.mtime_ns is None else dress.mtime_ns
    atime = before.st_atime_ns if dress.atime_ns is None else dress.atime_ns
    try:
        os.utime(place, ns=(atime, mtime))
    except (OSError, OverflowError) as error:
        if isinstance(error, OSError) and error.errno not in (*_NOT_ALLOWED, errno.EOVERFLOW):
            raise
        lost.append("the times")


def _remark(lost: Sequence[str]) -> str:
    return f"The target did not take {', '.join(lost)}" if lost else ""


def keep(fd: int, old: int, fidelity: Fidelity) -> None:
    """Give a new file the owner, ACL and mode of the one that it replaces; set-id bits go with the content.

    Args:
        fd: the new file.
        old: the one that it replaces, opened in any way.
        fidelity: which owners this process may give.

    Raises:
        OSError: as :func:`put_on`.
    """
    found = os.fstat(old)
    put_on(fd, Dress(uid=found.st_uid, gid=found.st_gid), fidelity)
    acl, inherited = (_acl(f"/proc/self/fd/{item}") for item in (old, fd))
    if acl is not None:
        os.setxattr(fd, _ACL, acl)
    elif inherited is not None:
        os.removexattr(fd, _ACL)
    os.fchmod(fd, found.st_mode & 0o777)


def _acl(place: str) -> bytes | None:
    try:
        return os.getxattr(place, _ACL)
    except OSError:
        return None
