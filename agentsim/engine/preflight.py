"""Opening and judging both roots before anything is written, and locking the target.

A run that does not write (a preview, a verify run) creates nothing, and shares the target with its like.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from agentsim.engine.errors import RunStopped, Side, classify, describe
from agentsim.engine.lease import Lease
from agentsim.engine.mounts import locations, meet, read_mounts
from agentsim.engine.order import UNKNOWN, Order
from agentsim.engine.probe import EXACT, Traits, guessed, probed
from agentsim.engine.source_identity import same_source, source_identity
from agentsim.engine.walker import DIRECTORY_FLAGS
from store import codes
from store.vocabulary import CopyMode, Guard

LOCK_SECONDS = 10.0
"""How long to wait for the helpers of an earlier worker to be gone."""

_PAUSE_SECONDS = 0.1
CREATED_MODE = 0o755
"""Mode of sub-path directories that had to be made; the last one then gets the source's."""

Identity = tuple[int, int]
"""Device and inode number."""

NOWHERE: Identity = (-1, -1)
"""The identity of a target that does not exist."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Roots:
    """Both trees, open.

    Attributes:
        source: descriptor of the source root.
        target: descriptor of the target root; -1 where a run that does not write found none.
        source_identity: what tells the source root from others while the run lasts.
        target_identity: the same for the target root; NOWHERE where there is none.
        held: descriptors whose locks must live as long as the run.
        source_id: what tells the source root from others at any time (``source_identity.source_identity``).
        traits: what the target makes of names and times.
        warnings: what an admin should know, and what does not stop the run.
    """

    source: int
    target: int
    source_identity: Identity
    target_identity: Identity
    held: tuple[int, ...]
    source_id: str
    traits: Traits
    warnings: tuple[str, ...]


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


def open_source(root: bytes, subpath: bytes) -> int:
    """A descriptor of the source directory, a sub-path of a root.

    Raises:
        RunStopped: it is missing, no directory, reached over a link below the root, or not readable.
    """
    try:
        fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        for part in components(subpath):
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
        lease: asked before anything is made in the target.
        wait: called to pause, in seconds, while the target is busy or the lease over; may raise to give up.

    Raises:
        RunStopped: with the code of the first thing found wrong.
        Canceled: by ``wait``.
    """
    source = open_source(order.source_root, order.source_subpath)
    source_id, warnings = _judge_source(source, order)
    with target_errors("opening the target"):
        chain, missing = open_target(order.target_root, order.target_subpath)
        _check_apart(source, chain[-1], missing)
        if order.writes:
            check_writable(chain[-1])
        for part in missing if order.writes else ():
            _await_lease(lease, wait)
            os.mkdir(part, CREATED_MODE, dir_fd=chain[-1])
            chain.append(os.open(part, DIRECTORY_FLAGS, dir_fd=chain[-1]))
    lock(chain, wait, exclusive=order.writes)
    target = -1 if missing and not order.writes else chain[-1]
    traits = EXACT
    with target_errors("asking how the target takes names and times"):
        if order.writes:
            _await_lease(lease, wait)
            traits = probed(target)
            warnings += _lack_of_space(target, order)
        elif target >= 0:
            traits = guessed(target)
    return Roots(
        source=source,
        target=target,
        source_identity=identity(source),
        target_identity=identity(target) if target >= 0 else NOWHERE,
        held=tuple(chain),
        source_id=source_id,
        traits=traits,
        warnings=warnings,
    )


@contextmanager
def target_errors(doing: str) -> Iterator[None]:
    """Say what a system error of the target means for the run."""
    try:
        yield
    except ValueError as error:
        raise RunStopped(codes.TARGET_PATH_INVALID, str(error), "target") from error
    except PermissionError as error:
        raise RunStopped(codes.TARGET_PERMISSION, describe(error, doing), "target") from error
    except OSError as error:
        failure = classify(error, Side.TARGET, doing)
        if isinstance(failure, RunStopped):
            raise failure from error
        raise RunStopped(codes.TARGET_PATH_INVALID, describe(error, doing), "target") from error


def _await_lease(lease: Lease, wait: Callable[[float], None]) -> None:
    while lease.expired():
        wait(_PAUSE_SECONDS)


def _judge_source(source: int, order: Order) -> tuple[str, tuple[str, ...]]:
    """The source's lasting identity, and what is to be said of it.

    Raises:
        RunStopped: it is another one than at the first run, and a Mirror would take that for deletes.
    """
    try:
        found = source_identity(source)
    except OSError as error:
        raise RunStopped(codes.SOURCE_PATH_INVALID, describe(error, "looking at the source"), "source") from error
    if same_source(order.source_identity, found):
        return found, ()
    message = f"The source root is not the directory of the first run: it was {order.source_identity}, it is {found}"
    if order.writes and order.mode is CopyMode.MIRROR and Guard.SOURCE_IDENTITY not in order.overrides:
        raise RunStopped(
            codes.SOURCE_IDENTITY, f"{message}; nothing was touched; override with {Guard.SOURCE_IDENTITY}", "source"
        )
    return found, (message,)


def _check_apart(source: int, target: int, missing: list[bytes]) -> None:
    """Refuse trees that overlap, by their parents and by what is mounted where (faults F6).

    Args:
        source: descriptor of the source root.
        target: descriptor of the target root, or of the deepest directory on the way there.
        missing: what of the way does not exist.

    Raises:
        RunStopped: they overlap.
        OSError: a parent cannot be opened.
    """
    if overlaps(_ancestry(source), _ancestry(target), not missing):
        raise RunStopped(codes.OVERLAP, "The target is the source, lies inside it or holds it", "target")
    mounts = read_mounts()
    if meet(locations(source, [], mounts), locations(target, missing, mounts)):
        raise RunStopped(
            codes.OVERLAP, "The target and the source share a directory, by way of a mount at or below one", "target"
        )


def _lack_of_space(target: int, order: Order) -> tuple[str, ...]:
    """What a first pass into an empty target will probably lack; a later pass replaces what is there.

    Raises:
        OSError: the target does not answer.
    """
    if order.last_source_items != UNKNOWN or UNKNOWN in (order.expected_bytes, order.expected_items):
        return ()
    with os.scandir(target) as entries:
        if next(entries, None) is not None:
            return ()
    found = os.fstatvfs(target)
    warnings = []
    free = found.f_bavail * found.f_frsize
    if free < order.expected_bytes:
        warnings.append(f"The target has {free} bytes left, and {order.expected_bytes} are expected")
    if found.f_files and found.f_favail < order.expected_items:
        warnings.append(f"The target has room for {found.f_favail} items, and {order.expected_items} are expected")
    return tuple(warnings)


def open_target(root: bytes, subpath: bytes) -> tuple[list[int], list[bytes]]:
    """Descriptors from the target's root down as far as directories exist, and the parts that do not."""
    parts = components(subpath)
    chain = [os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)]
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


def check_writable(fd: int) -> None:
    """Refuse a target that cannot be written to.

    Raises:
        RunStopped: it is mounted read-only.
        OSError: this process may not.
    """
    if os.fstatvfs(fd).f_flag & os.ST_RDONLY:
        raise RunStopped(codes.TARGET_READ_ONLY, "The target is mounted read-only", "target")
    if not os.access(".", os.W_OK | os.X_OK, dir_fd=fd, effective_ids=True):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def lock(chain: list[int], wait: Callable[[float], None], *, exclusive: bool) -> None:
    """Hold the target against any other run into it, above it or below it (faults F8).

    The target itself is locked exclusively by a run that writes, the directories above it (up to the
    endpoint's root) shared. Helpers inherit the locks: they end when the last process of the run is
    really gone.
    """
    until = time.monotonic() + LOCK_SECONDS
    for fd in chain:
        kind = fcntl.LOCK_EX if exclusive and fd == chain[-1] else fcntl.LOCK_SH
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
