"""One file or link into the target: a temporary name, metadata on the descriptor, then rename.

The old target survives any failure, and a source that moves while it is read is never put in
place (faults F10, F16). A small file costs about ten system calls; the time is the kernel's.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import time
from collections.abc import Callable

from agentsim.engine.board import IN_FLIGHT, Slot
from agentsim.engine.content import ContentCopier
from agentsim.engine.decide import RESERVED, Owners, moved
from agentsim.engine.errors import ItemChanged, Side, classify
from agentsim.engine.lease import Lease
from agentsim.engine.metadata import Metadata
from store import codes

RETRIES = 3
"""How often a file that changed while it was read is read again before it is left as ``Changed``."""

LARGE_BYTES = 64 * 1024 * 1024
"""From this size on a file is a unit of its own, so that two of them are copied at once."""

CLOCK_TICK_NS = 20_000_000
"""Two writes within one tick of a file system's clock can leave the same times behind. A file
younger than this is given time to get older first, so that a later write shows."""

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_CREATE_ATTEMPTS = 8


class TooLarge(Exception):
    """The file is a unit of its own; carries its size."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size


class _Moved(Exception):
    """The source changed during this attempt."""


class FileCopier:
    """Copies files and links between the two directories last given to :meth:`enter`."""

    def __init__(self, lease: Lease, owners: Owners, slot: Slot, metadata: Metadata) -> None:
        self._lease = lease
        self._owners = owners
        self._cells = slot.cells
        self._metadata = metadata
        self._content = ContentCopier()
        # Reading must not write to the source; only the owner of a file may ask for that.
        self._read_flags = _READ | (os.O_NOATIME if owners.privileged else 0)
        self._serial = int.from_bytes(os.urandom(8))
        self._source = self._target = -1
        self._made: tuple[int, int] | None = None
        self._guess = (0, 0)
        self._exact: dict[int, bool] = {}
        self.before_replace: Callable[[int, str], None] | None = None

    def enter(self, source: int, target: int, source_stat: os.stat_result, target_stat: os.stat_result) -> None:
        """Work between these two directories (descriptors, and what ``fstat`` says of them)."""
        self._source, self._target = source, target
        self._content.between(source_stat.st_dev, target_stat.st_dev)
        # What a new file gets here is learnt from the first one: mount options, set-gid directories
        # and default ACLs all have a say.
        self._made = None
        setgid = target_stat.st_mode & stat.S_ISGID
        self._guess = (os.geteuid(), target_stat.st_gid if setgid else os.getegid())
        self._exact.clear()

    def copy(self, name: str, limit: int | None = LARGE_BYTES) -> int:
        """Copy one regular file and put it in place.

        Args:
            name: the entry, in both directories.
            limit: size in bytes from which the file is refused; None to copy any.

        Returns:
            Its size in bytes.

        Raises:
            TooLarge: nothing was done.
            ItemChanged, ItemFailed: nothing was put in place; the old target is untouched.
            Canceled, RunStopped: the same, and the run ends.
        """
        for _ in range(1 + RETRIES):
            try:
                return self._attempt(name, limit)
            except _Moved as moved_away:
                size: int = moved_away.args[0]
        raise ItemChanged(
            codes.ITEM_CHANGED, f"Changed while it was read, {1 + RETRIES} times; left for the next pass", size
        )

    def _attempt(self, name: str, limit: int | None) -> int:
        source = self._open_source(name)
        try:
            before = _look(source)
            if not stat.S_ISREG(before.st_mode):
                raise ItemChanged(codes.ITEM_CHANGED, "No longer a regular file")
            size = before.st_size
            if limit is not None and size >= limit:
                raise TooLarge(size)
            if abs(time.time_ns() - before.st_ctime_ns) < CLOCK_TICK_NS:
                time.sleep(CLOCK_TICK_NS / 1e9)
                before = _look(source)
                size = before.st_size
            self._lease.check()
            temporary, target = self._create(before)
            try:
                if self._content.copy(source, target, size, self._step) != size:
                    raise _Moved(size)
                self._dress(target, before)
                if moved(before, _look(source)):
                    raise _Moved(size)
                closing, target = target, -1
                # Network file systems report a write that failed only now.
                os.close(closing)
                self._lease.check()
                if self.before_replace is not None:
                    self.before_replace(self._target, name)
                os.rename(temporary, name, src_dir_fd=self._target, dst_dir_fd=self._target)
            except OSError as error:
                self._discard(temporary, target)
                raise classify(error, Side.TARGET, "putting the target file in place") from error
            except BaseException:
                self._discard(temporary, target)
                raise
        finally:
            os.close(source)
            self._cells[IN_FLIGHT] = 0
        return size

    def _open_source(self, name: str) -> int:
        try:
            return os.open(name, self._read_flags, dir_fd=self._source)
        except OSError as error:
            if error.errno == errno.EPERM and self._read_flags & os.O_NOATIME:
                # A server that squashes root, or a container: do without, for good.
                self._read_flags &= ~os.O_NOATIME
                return self._open_source(name)
            raise classify(error, Side.SOURCE, "opening the source") from error

    def _step(self, done: int) -> None:
        self._cells[IN_FLIGHT] = done
        self._lease.check()

    def _create(self, source: os.stat_result) -> tuple[str, int]:
        """A new temporary file: its name and descriptor.

        It gets its final mode at once where nothing else is due, and is private until then otherwise.
        """
        mode = source.st_mode & 0o7777
        uid, gid = self._made or self._guess
        plain = source.st_uid == uid and source.st_gid == gid and not mode & 0o7000
        try:
            for _ in range(_CREATE_ATTEMPTS):
                temporary = self._temporary_name()
                try:
                    fd = os.open(temporary, _CREATE, mode if plain else 0o600, dir_fd=self._target)
                except FileExistsError:
                    continue
                self._asked = mode if plain else 0o600
                return temporary, fd
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        except OSError as error:
            raise classify(error, Side.TARGET, "creating the target file") from error

    def _temporary_name(self) -> str:
        self._serial = (self._serial + 1) & 0xFFFF_FFFF_FFFF_FFFF
        return f"{RESERVED}{self._serial:016x}.part"

    def _dress(self, target: int, source: os.stat_result) -> None:
        """Owner, mode, times: in this order, since changing the owner clears the set-id bits."""
        mode = source.st_mode & 0o7777
        asked = self._asked
        if self._made is None or asked not in self._exact:
            made = os.fstat(target)
            self._made = (made.st_uid, made.st_gid)
            self._exact[asked] = made.st_mode & 0o7777 == asked
        uid, gid = self._made
        chowned = (source.st_uid != uid or source.st_gid != gid) and self._metadata.give(target, source, uid, gid)
        if chowned or asked != mode or not self._exact[asked]:
            os.fchmod(target, mode)
        os.utime(target, ns=(source.st_atime_ns, source.st_mtime_ns))

    def _discard(self, temporary: str, target: int) -> None:
        """Leave nothing behind; the error that led here matters more than one met on the way out."""
        if target >= 0:
            with contextlib.suppress(OSError):
                os.close(target)
        with contextlib.suppress(OSError):
            os.unlink(temporary, dir_fd=self._target)

    def copy_link(self, name: str, source: os.stat_result) -> None:
        """Make a symbolic link as the source has it and put it in place.

        Args:
            name: the entry, in both directories.
            source: the link by ``lstat``.

        Raises:
            ItemChanged, ItemFailed: nothing was put in place.
            Canceled, RunStopped: the same, and the run ends.
        """
        text = read_link(self._source, name, Side.SOURCE)
        self._lease.check()
        temporary = self._temporary_name()
        try:
            os.symlink(text, temporary, dir_fd=self._target)
        except OSError as error:
            raise classify(error, Side.TARGET, "creating the target link") from error
        try:
            self._metadata.give_link(self._target, temporary, source)
            os.utime(
                temporary,
                ns=(source.st_atime_ns, source.st_mtime_ns),
                dir_fd=self._target,
                follow_symlinks=False,
            )
            self._lease.check()
            if self.before_replace is not None:
                self.before_replace(self._target, name)
            os.rename(temporary, name, src_dir_fd=self._target, dst_dir_fd=self._target)
        except OSError as error:
            self._discard(temporary, -1)
            raise classify(error, Side.TARGET, "putting the target link in place") from error
        except BaseException:
            self._discard(temporary, -1)
            raise


def _look(source: int) -> os.stat_result:
    try:
        return os.fstat(source)
    except OSError as error:
        raise classify(error, Side.SOURCE, "reading the source's metadata") from error


def read_link(directory: int, name: str, side: Side) -> str:
    """The text of a symbolic link.

    Raises:
        ItemChanged, ItemFailed, RunStopped: by the side whose link it is.
    """
    try:
        return os.readlink(name, dir_fd=directory)
    except OSError as error:
        if side is Side.SOURCE and error.errno == errno.EINVAL:
            raise ItemChanged(codes.ITEM_CHANGED, "No longer a symbolic link") from error
        raise classify(error, side, f"reading the {side.value} link") from error
