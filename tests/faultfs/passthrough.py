"""The operations of the file system: each passes the gate, then does on a real directory what was asked."""

from __future__ import annotations

import errno
import os
import stat
import threading
import unicodedata
from collections.abc import Callable, Iterator
from typing import Any, Final

import mfusepy  # type: ignore[import-untyped]

from tests.faultfs.faults import Fault, Gate, fail

_STAT: Final = ("st_ino", "st_mode", "st_nlink", "st_uid", "st_gid", "st_size", "st_rdev", "st_blocks", "st_blksize")
_STATFS: Final = ("f_bsize", "f_frsize", "f_blocks", "f_bfree", "f_bavail", "f_files", "f_ffree", "f_namemax")


def _by_path(operation: str, call: Callable[..., Any], *, makes: bool = False) -> Callable[..., Any]:
    """An operation that is one call on the real path; ``makes`` says that there is a new item after it."""

    def method(self: Passthrough, path: str, *arguments: Any) -> Any:
        self._enter(operation, path)
        real = self._real(path)
        result = call(real, *arguments)
        if makes:
            self._own(real)
        return result

    return method


class Passthrough:
    """libfuse's high-level operations as ``mfusepy`` calls them; paths begin with a slash."""

    use_ns = True

    def __init__(self, root: str, gate: Gate) -> None:
        self._root = root
        self._gate = gate
        self._listings: dict[int, tuple[list[os.DirEntry[str]], list[Fault]]] = {}
        self._lock = threading.Lock()
        self._next_listing = 0

    def _enter(self, operation: str, *paths: str) -> list[Fault]:
        return self._gate.enter(operation, *(path[1:] for path in paths))

    def _real(self, path: str) -> str:
        """Where an item really is.

        Raises:
            OSError: a name is too long.
        """
        orders = self._gate.orders
        at = self._root
        for name in path.split("/"):
            if orders.max_name and len(os.fsencode(name)) > orders.max_name:
                raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
            if name:
                at += "/" + (_spelling(at, name, orders.fold) if orders.fold else name)
        return at

    def _own(self, real: str) -> None:
        """Give a new item to who asked for it; the group stays where the directory hands its own down."""
        uid, gid, _ = mfusepy.fuse_get_context()
        inherits = os.stat(os.path.dirname(real)).st_mode & stat.S_ISGID
        os.chown(real, uid, -1 if inherits else gid, follow_symlinks=False)

    def getattr(self, path: str, fh: int | None = None) -> dict[str, int]:
        self._enter("getattr", path)
        found = os.lstat(self._real(path)) if fh is None else os.fstat(fh)
        step = self._gate.orders.time_step or 1
        attributes = {key: getattr(found, key) for key in _STAT}
        for key in ("st_atime", "st_mtime", "st_ctime"):
            attributes[key] = getattr(found, f"{key}_ns") // step * step
        return attributes

    def opendir(self, path: str) -> int:
        self._enter("opendir", path)
        with os.scandir(self._real(path)) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
        struck = self._enter("readdir", path)
        with self._lock:
            self._next_listing += 1
            self._listings[self._next_listing] = (found, struck)
            return self._next_listing

    def readdir_with_offset(self, path: str, offset: int, fh: int) -> Iterator[tuple[str, dict[str, int], int]]:
        entries, struck = self._listings[fh]
        end = len(entries)
        for fault in struck:
            if fault.entries:
                end = min(end, fault.entries)
                if offset >= end:
                    fail(fault)
        for number in range(offset, end):
            entry = entries[number]
            try:
                mode = entry.stat(follow_symlinks=False).st_mode
            except FileNotFoundError:
                continue
            yield entry.name, {"st_mode": mode, "st_ino": entry.inode()}, number + 1

    def releasedir(self, path: str, fh: int) -> None:
        del self._listings[fh]

    def open(self, path: str, flags: int) -> int:
        self._enter("open", path)
        return os.open(self._real(path), flags & ~os.O_NOFOLLOW & ~os.O_EXCL & ~os.O_CREAT)

    def create(self, path: str, mode: int, flags: int | None = None) -> int:
        self._enter("create", path)
        real = self._real(path)
        handle = os.open(real, os.O_RDWR | os.O_CREAT | os.O_EXCL, mode)
        self._own(real)
        return handle

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        struck = self._enter("read", path)
        for fault in struck:
            if fault.short:
                size = min(size, fault.short)
            if fault.touch:
                os.utime(fh)
        if any(fault.endless for fault in struck):
            return bytes(size)
        data = os.pread(fh, size, offset)
        if any(fault.garble for fault in struck):
            return os.urandom(len(data))
        return data

    def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
        for fault in self._enter("write", path):
            if fault.short:
                data = data[: fault.short]
            if fault.garble:
                data = os.urandom(len(data))
        return os.pwrite(fh, data, offset)

    def truncate(self, path: str, length: int, fh: int | None = None) -> None:
        self._enter("truncate", path)
        os.truncate(self._real(path) if fh is None else fh, length)

    def fsync(self, path: str, datasync: int, fh: int) -> None:
        self._enter("fsync", path)
        os.fsync(fh)

    def fsyncdir(self, path: str, datasync: int, fh: int) -> None:
        self._enter("fsyncdir", path)

    def flush(self, path: str, fh: int) -> None:
        self._enter("flush", path)

    def release(self, path: str, fh: int) -> None:
        os.close(fh)
        self._enter("release", path)

    def symlink(self, target: str, source: str) -> None:
        self._enter("symlink", target)
        real = self._real(target)
        os.symlink(source, real)
        self._own(real)

    def link(self, target: str, source: str) -> None:
        self._enter("link", target, source)
        os.link(self._real(source), self._real(target), follow_symlinks=False)

    def rename(self, old: str, new: str) -> None:
        self._enter("rename", old, new)
        os.rename(self._real(old), self._real(new))

    def statfs(self, path: str) -> dict[str, int]:
        self._enter("statfs", path)
        found = os.statvfs(self._real(path))
        return {key: getattr(found, key) for key in _STATFS}

    mkdir = _by_path("mkdir", os.mkdir, makes=True)
    mknod = _by_path("mknod", os.mknod, makes=True)
    unlink = _by_path("unlink", os.unlink)
    rmdir = _by_path("rmdir", os.rmdir)
    readlink = _by_path("readlink", os.readlink)
    chmod = _by_path("chmod", os.chmod)
    chown = _by_path("chown", os.lchown)
    utimens = _by_path("utimens", lambda real, times: os.utime(real, ns=times, follow_symlinks=False))
    listxattr = _by_path("listxattr", lambda real: os.listxattr(real, follow_symlinks=False))
    getxattr = _by_path("getxattr", lambda real, name: os.getxattr(real, name, follow_symlinks=False))
    setxattr = _by_path("setxattr", lambda real, *what: os.setxattr(real, *what, follow_symlinks=False))
    removexattr = _by_path("removexattr", lambda real, name: os.removexattr(real, name, follow_symlinks=False))


def _spelling(directory: str, name: str, fold: str) -> str:
    """The name under which a directory has an entry that ``name`` means, or the name itself."""
    if os.path.lexists(f"{directory}/{name}"):
        return name
    wanted = _folded(name, fold)
    try:
        names = os.listdir(directory)
    except OSError:
        return name
    return next((found for found in names if _folded(found, fold) == wanted), name)


def _folded(name: str, fold: str) -> str:
    if fold != "unicode":
        name = name.casefold()
    return name if fold == "case" else unicodedata.normalize("NFD", name)
