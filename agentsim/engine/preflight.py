"""Opening and judging both roots before anything is written, and locking the target."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Callable
from dataclasses import dataclass

from agentsim.engine.errors import RunStopped, describe
from agentsim.engine.lease import Lease
from agentsim.engine.order import Order
from agentsim.engine.walker import DIRECTORY_FLAGS
from store import codes

LOCK_SECONDS = 10.0
"""How long to wait for the helpers of an earlier worker to be gone."""

_PAUSE_SECONDS = 0.1
_CREATED_MODE = 0o755
"""Mode of sub-path directories that had to be made; the last one then gets the source's."""

Identity = tuple[int, int]
"""Device and inode number."""


@dataclass(frozen=True, slots=True)
class Roots:
    """Both trees, open. ``held`` are descriptors whose locks must live as long as the run."""

    source: int
    target: int
    source_identity: Identity
    target_identity: Identity
    held: tuple[int, ...]


def identity(fd: int) -> Identity:
    """What tells this directory from every other on the machine."""
    found = os.fstat(fd)
    return found.st_dev, found.st_ino


def components(subpath: bytes) -> list[bytes]:
    """The parts of a sub-path.

    Raises:
        ValueError: it is absolute, or holds a NUL, ``.``, ``..`` or an empty part (faults F6).
    """
    if not subpath:
        return []
    parts = subpath.split(b"/")
    if b"\0" in subpath or any(part in (b"", b".", b"..") for part in parts):
        raise ValueError("a sub-path is relative, without '..', '.', empty parts and NUL")
    return parts


def overlaps(source: list[Identity], target: list[Identity], target_is_complete: bool) -> bool:
    """Whether one tree is, or lies in, the other.

    Args:
        source: identities of the source directory and all above it, itself first.
        target: the same for the target, from its deepest existing directory on.
        target_is_complete: that directory is the target itself, not one above it.
    """
    return source[0] in target or (target_is_complete and target[0] in source)


def open_source(order: Order) -> int:
    """A descriptor of the source directory.

    Raises:
        RunStopped: it is missing, no directory, reached over a link below the root, or not readable.
    """
    try:
        fd = os.open(order.source_root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        for part in components(order.source_subpath):
            parent, fd = fd, -1
            try:
                fd = os.open(part, DIRECTORY_FLAGS, dir_fd=parent)
            finally:
                os.close(parent)
        # Listing needs search permission too; ask before the run instead of failing every item.
        if not os.access(".", os.R_OK | os.X_OK, dir_fd=fd, effective_ids=True):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except ValueError as error:
        raise RunStopped(codes.SOURCE_PATH_INVALID, str(error), "source") from error
    except PermissionError as error:
        raise RunStopped(codes.SOURCE_PERMISSION, describe(error, "opening the source"), "source") from error
    except OSError as error:
        raise RunStopped(codes.SOURCE_PATH_INVALID, describe(error, "opening the source"), "source") from error
    return fd


def open_roots(order: Order, lease: Lease, wait: Callable[[float], None]) -> Roots:
    """Open, judge and lock; the target is changed only after source and target are known to be apart.

    Args:
        order: the run.
        lease: asked before a missing target sub-path is created.
        wait: called to pause, in seconds, while the target is busy or the lease over; may raise to give up.

    Raises:
        RunStopped: with the code of the first thing found wrong.
        Canceled: by ``wait``.
    """
    source = open_source(order)
    try:
        chain, missing = _open_target(order)
        if overlaps(_ancestry(source), _ancestry(chain[-1]), not missing):
            raise RunStopped(codes.OVERLAP, "The target is the source, lies inside it or holds it", "target")
        _check_writable(chain[-1])
        for part in missing:
            while lease.expired():
                wait(_PAUSE_SECONDS)
            os.mkdir(part, _CREATED_MODE, dir_fd=chain[-1])
            chain.append(os.open(part, DIRECTORY_FLAGS, dir_fd=chain[-1]))
    except ValueError as error:
        raise RunStopped(codes.TARGET_PATH_INVALID, str(error), "target") from error
    except PermissionError as error:
        raise RunStopped(codes.TARGET_PERMISSION, describe(error, "opening the target"), "target") from error
    except OSError as error:
        raise RunStopped(codes.TARGET_PATH_INVALID, describe(error, "opening the target"), "target") from error
    _lock(chain, wait)
    return Roots(source, chain[-1], identity(source), identity(chain[-1]), tuple(chain))


def _open_target(order: Order) -> tuple[list[int], list[bytes]]:
    """Descriptors from the target's root down as far as directories exist, and the parts that do not."""
    parts = components(order.target_subpath)
    chain = [os.open(order.target_root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)]
    for index, part in enumerate(parts):
        try:
            chain.append(os.open(part, DIRECTORY_FLAGS, dir_fd=chain[-1]))
        except FileNotFoundError:
            return chain, parts[index:]
    return chain, []


def _ancestry(fd: int) -> list[Identity]:
    """Identities of a directory and all above it, from the held descriptor, whatever its path was."""
    found = [identity(fd)]
    at = os.dup(fd)
    try:
        while True:
            above = os.open("..", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=at)
            os.close(at)
            at = above
            if identity(at) == found[-1]:
                return found
            found.append(identity(at))
    finally:
        os.close(at)


def _check_writable(fd: int) -> None:
    if os.fstatvfs(fd).f_flag & os.ST_RDONLY:
        raise RunStopped(codes.TARGET_READ_ONLY, "The target is mounted read-only", "target")
    if not os.access(".", os.W_OK | os.X_OK, dir_fd=fd, effective_ids=True):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def _lock(chain: list[int], wait: Callable[[float], None]) -> None:
    """Hold the target against any other run into it, above it or below it (faults F8).

    The target itself is locked exclusively, the directories above it (up to the endpoint's root)
    shared. Helpers inherit the locks: they end when the last process of the run is really gone.
    """
    until = time.monotonic() + LOCK_SECONDS
    for fd in chain:
        kind = fcntl.LOCK_EX if fd == chain[-1] else fcntl.LOCK_SH
        while True:
            try:
                fcntl.flock(fd, kind | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= until:
                    raise RunStopped(
                        codes.TARGET_BUSY, "Another process of a run still holds the target", "target"
                    ) from None
                wait(_PAUSE_SECONDS)
            except OSError as error:
                raise RunStopped(
                    codes.TARGET_PATH_INVALID, describe(error, "locking the target directory"), "target"
                ) from error
