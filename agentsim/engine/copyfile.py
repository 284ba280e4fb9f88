"""One file or link into the target: a temporary name, metadata on the descriptor, then rename.

The old target survives any failure, and a source that moves while it is read is never put in
place (faults F10, F16). A small file costs about eleven system calls; the time is the kernel's.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import time
from collections.abc import Callable, Iterator, Sequence

from agentsim.engine.attributes import NONE, Attributes, Names
from agentsim.engine.backoff import Patience
from agentsim.engine.board import IN_FLIGHT, Slot
from agentsim.engine.content import ContentCopier
from agentsim.engine.decide import RESERVED, Fidelity, moved
from agentsim.engine.digest import digest_of, new_digest
from agentsim.engine.errors import ItemChanged, ItemFailed, Side, classify, describe
from agentsim.engine.lease import Lease
from agentsim.engine.metadata import Metadata
from agentsim.engine.sourcefile import CLOCK_TICK_NS, Reader, let_go, look, settled
from store import codes
from store.settings import CopySettings
from store.vocabulary import DataIntegrityValidation, Durability

RETRIES = 3
"""How often a file that changed while it was read is read again before it is left as ``Changed``."""

LARGE_BYTES = 64 * 1024 * 1024
"""From this size on a file is a unit of its own, so that two of them are copied at once."""

_CREATE = os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
SLOW_SECONDS = 0.0001
"""A small file takes a third of this where its source is in memory, and more where it is not."""

_CREATE_ATTEMPTS = 8


class TooLarge(Exception):
    """The file is a unit of its own; carries its size."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size


class Linked(Exception):
    """The file has further names in the source; carries what ``fstat`` says of it."""

    def __init__(self, found: os.stat_result) -> None:
        super().__init__(found)
        self.stat = found


class LinkRefused(Exception):
    """The target's file system does not make this hard link; the message says why. Copy the file instead."""


_LINK_REFUSALS = {errno.EMLINK, errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP}


class _Moved(Exception):
    """The source changed during this attempt."""


class FileCopier:
    """Copies files and links between the two directories last given to :meth:`enter`.

    Attributes:
        remark: what the target could not hold of the item last put in place; empty when all is well.
        digest: hex MD5 of the file last copied; empty where the settings ask for none.
        before_replace: called with the target directory's descriptor and a name right before a new
            item takes that name, if anything has it or not; what it raises keeps the old item.
    """

    def __init__(
        self,
        lease: Lease,
        fidelity: Fidelity,
        slot: Slot,
        metadata: Metadata,
        *,
        attributes: Attributes,
        reader: Reader,
        patience: Patience,
        settings: CopySettings,
    ) -> None:
        self.remark = ""
        self.digest = ""
        self.before_replace: Callable[[int, str], None] | None = None
        self._lease = lease
        self._fidelity = fidelity
        self._cells = slot.cells
        self._metadata = metadata
        self._attributes = attributes
        self._reader = reader
        self._patience = patience
        self._content = ContentCopier()
        self._hash = settings.validation is not DataIntegrityValidation.NONE
        self._verify = settings.validation is DataIntegrityValidation.SAVE_VERIFY_FILE_MD5
        self._every_file = settings.durability is Durability.EVERY_FILE
        self._create_flags = _CREATE | (os.O_RDWR if self._verify else os.O_WRONLY)
        # One name will do: it is free again as soon as a file is in place, and a name that the
        # directory has had costs it less than a new one.
        self._temporary = _temporary_name()
        self._source = self._target = -1
        self._target_device = -1
        self._made: tuple[int, int] | None = None
        self._guess = (0, 0)
        self._slow = False
        self._inherits = False
        self._exact: dict[int, bool] = {}

    def enter(self, source: int, target: int, source_stat: os.stat_result, target_stat: os.stat_result) -> None:
        """Work between these two directories (descriptors, and what ``fstat`` says of them)."""
        self._source, self._target = source, target
        self._target_device = target_stat.st_dev
        self._content.between(source_stat.st_dev, target_stat.st_dev)
        # What a new file gets here is learnt from the first one: mount options, set-gid directories
        # and default ACLs all have a say.
        self._made = None
        self._inherits = False
        setgid = target_stat.st_mode & stat.S_ISGID
        self._guess = (os.geteuid(), target_stat.st_gid if setgid else os.getegid())
        self._exact.clear()

    @contextlib.contextmanager
    def together(self, names: Sequence[str]) -> Iterator[None]:
        """Copy these files of the present directory next; where reading is slow, all of them are read ahead.

        A source that has to be fetched from a disk or a server answers many requests in little more
        time than one.
        """
        began = time.monotonic()
        if self._slow:
            self._reader.open_ahead(self._source, names)
        try:
            yield
        finally:
            self._reader.close_ahead()
        # Once is enough: reading ahead hides what it is needed for.
        self._slow = self._slow or time.monotonic() - began > SLOW_SECONDS * len(names)

    def copy(self, name: str, limit: int | None = LARGE_BYTES, linked: bool = False) -> int:
        """Copy one regular file and put it in place.

        Args:
            name: the entry, in both directories.
            limit: size in bytes from which the file is refused; None to copy any.
            linked: the caller knows of the file's other names.

        Returns:
            Its size in bytes.

        Raises:
            Linked, TooLarge: nothing was done.
            ItemChanged, ItemFailed: nothing was put in place; the old target is untouched.
            Canceled, RunStopped: the same, and the run ends.
        """
        moves = failures = 0
        while True:
            try:
                return self._attempt(name, limit, linked)
            except _Moved as moved_away:
                moves += 1
                if moves > RETRIES:
                    message = f"Changed while it was read, {moves} times; left for the next pass"
                    raise ItemChanged(codes.ITEM_CHANGED, message, moved_away.args[0]) from None
            except ItemFailed as failure:
                self._patience.wait(failure, failures, self._source, self._target)
                failures += 1

    def _attempt(self, name: str, limit: int | None, linked: bool) -> int:
        self.remark = self.digest = ""
        source = self._reader.open(self._source, name)
        try:
            before = look(source)
            if before.st_nlink > 1 and not linked:
                raise Linked(before)
            if limit is not None and before.st_size >= limit:
                raise TooLarge(before.st_size)
            if time.time_ns() - before.st_ctime_ns < CLOCK_TICK_NS:
                before = settled(source, before)
            size = before.st_size
            names = self._attributes.of(source, before.st_dev, Side.SOURCE)
            old = None if self._fidelity.permissions else self._replaced(name)
            self._lease.check()
            temporary, target = self._create(before, names, old)
            try:
                digest = new_digest() if self._hash else None
                sparse = before.st_blocks * 512 < size
                if self._content.copy(source, target, size, self._step, sparse, digest) != size:
                    raise _Moved(size)
                if digest:
                    self.digest = digest.hexdigest()
                    if self._verify:
                        self._read_back(target)
                self._dress(source, target, before, names)
                if old is not None:
                    self._metadata.keep_permissions(target, self._target, name, old)
                if moved(before, look(source)):
                    raise _Moved(size)
                if self._every_file:
                    os.fsync(target)
                closing, target = target, -1
                # Network file systems report a write that failed only now.
                os.close(closing)
                self._put_in_place(temporary, name)
            except OSError as error:
                self._discard(temporary, target)
                raise classify(error, Side.TARGET, "putting the target file in place") from error
            except BaseException:
                self._discard(temporary, target)
                raise
        finally:
            let_go(source)
            self._cells[IN_FLIGHT] = 0
        if names.foreign:
            self._attributes.count_foreign(names)
        return size

    def _step(self, done: int) -> None:
        self._cells[IN_FLIGHT] = done
        self._lease.check()

    def _replaced(self, name: str) -> os.stat_result | None:
        """The file whose place a copy takes, if it is one."""
        try:
            found = os.stat(name, dir_fd=self._target, follow_symlinks=False)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise classify(error, Side.TARGET, "reading the target's metadata") from error
        return found if stat.S_ISREG(found.st_mode) else None

    def _create(self, source: os.stat_result, names: Names, old: os.stat_result | None) -> tuple[str, int]:
        """A new temporary file: its name and descriptor.

        It gets its final mode at once where nothing else is due, and is private until then otherwise.
        """
        mode = self._fidelity.file_mode(source.st_mode)
        uid, gid = self._made or self._guess
        attributes = bool(names.carried) or self._inherits
        if old is not None:
            asked = 0o600
        elif not self._fidelity.permissions:
            # What a default ACL makes of it is to stay, and writing attributes takes the right to write.
            asked = mode | 0o600 if attributes else mode
        elif attributes or source.st_uid != uid or source.st_gid != gid or mode & 0o7000:
            asked = 0o600
        else:
            asked = mode
        try:
            for _ in range(_CREATE_ATTEMPTS):
                try:
                    fd = os.open(self._temporary, self._create_flags, asked, dir_fd=self._target)
                except FileExistsError:
                    self._temporary = _temporary_name()
                    continue
                self._asked = asked
                return self._temporary, fd
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        except OSError as error:
            raise classify(error, Side.TARGET, "creating the target file") from error

    def _read_back(self, target: int) -> None:
        if self._every_file:
            # Out of the cache, so that the storage itself answers.
            os.fdatasync(target)
            os.posix_fadvise(target, 0, 0, os.POSIX_FADV_DONTNEED)
        try:
            found = digest_of(target, lambda done: self._lease.check())
        except OSError as error:
            raise classify(error, Side.TARGET, "reading the written file back") from error
        if found != self.digest:
            raise ItemFailed(
                codes.ITEM_DIGEST_DIFFERS, f"Its MD5 is {self.digest}, and what was written reads back as {found}"
            )

    def _dress(self, source_fd: int, target: int, source: os.stat_result, names: Names) -> None:
        """Owner, attributes, mode, times: in this order, since each can change what the next one sets."""
        mode = self._fidelity.file_mode(source.st_mode)
        asked = self._asked
        if self._made is None or asked not in self._exact:
            made = os.fstat(target)
            if self._made is None:
                self._inherits = bool(self._attributes.of(target, self._target_device, Side.TARGET).carried)
            self._made = (made.st_uid, made.st_gid)
            self._exact[asked] = made.st_mode & 0o7777 == asked
        uid, gid = self._made
        due = (source.st_uid != uid or source.st_gid != gid) and self._metadata.give(target, source, uid, gid)
        if names.carried or names.failure or self._inherits:
            present = self._attributes.of(target, self._target_device, Side.TARGET) if self._inherits else NONE
            change = self._attributes.change(source_fd, names, target, present)
            self.remark = self._attributes.apply(target, change, target)
            mode, due = change.mode(mode), True
        if not self._fidelity.permissions:
            if asked & ~mode:
                os.fchmod(target, stat.S_IMODE(os.fstat(target).st_mode) & ~(asked & ~mode))
        elif due or asked != mode or not self._exact[asked]:
            os.fchmod(target, mode)
        os.utime(target, ns=(source.st_atime_ns, source.st_mtime_ns))

    def _put_in_place(self, temporary: str, name: str) -> None:
        self._lease.check()
        if self.before_replace is not None:
            self.before_replace(self._target, name)
        os.rename(temporary, name, src_dir_fd=self._target, dst_dir_fd=self._target)

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
        failures = 0
        while True:
            try:
                self._attempt_link(name, source)
                return
            except ItemFailed as failure:
                self._patience.wait(failure, failures, self._source, self._target)
                failures += 1

    def _attempt_link(self, name: str, source: os.stat_result) -> None:
        self.remark = self.digest = ""
        text = read_link(self._source, name, Side.SOURCE)
        original, names = self._attributes.of_link(self._source, name, source.st_dev, Side.SOURCE)
        self._lease.check()
        temporary = _temporary_name()
        try:
            os.symlink(text, temporary, dir_fd=self._target)
        except OSError as error:
            raise classify(error, Side.TARGET, "creating the target link") from error
        try:
            self._metadata.give_link(self._target, temporary, source)
            if names.carried or names.failure:
                made = f"/proc/self/fd/{self._target}/{temporary}"
                change = self._attributes.change(original, names, made, NONE)
                self.remark = self._attributes.apply(made, change, self._target)
            os.utime(
                temporary,
                ns=(source.st_atime_ns, source.st_mtime_ns),
                dir_fd=self._target,
                follow_symlinks=False,
            )
            self._put_in_place(temporary, name)
        except OSError as error:
            self._discard(temporary, -1)
            raise classify(error, Side.TARGET, "putting the target link in place") from error
        except BaseException:
            self._discard(temporary, -1)
            raise

    def link(self, leader_directory: int, leader_name: str, name: str) -> None:
        """Make an entry of the target a further name of a file that the target has already.

        Args:
            leader_directory: descriptor of the target directory with the file's first name.
            leader_name: that name.
            name: the further one, in the target directory entered.

        Raises:
            LinkRefused, ItemFailed: nothing was put in place.
            Canceled, RunStopped: the same, and the run ends.
        """
        self.remark = self.digest = ""
        if _same_file(leader_directory, leader_name, self._target, name):
            # It would be left under both names: rename does nothing between two links of one file.
            return
        self._lease.check()
        temporary = _temporary_name()
        try:
            os.link(
                leader_name,
                temporary,
                src_dir_fd=leader_directory,
                dst_dir_fd=self._target,
                follow_symlinks=False,
            )
        except OSError as error:
            if error.errno in _LINK_REFUSALS:
                raise LinkRefused(describe(error, "making a hard link")) from error
            raise classify(error, Side.TARGET, "making a hard link") from error
        try:
            self._put_in_place(temporary, name)
        except OSError as error:
            self._discard(temporary, -1)
            raise classify(error, Side.TARGET, "putting the hard link in place") from error
        except BaseException:
            self._discard(temporary, -1)
            raise


def _same_file(directory: int, name: str, other_directory: int, other_name: str) -> bool:
    """Whether two names lead to one file already."""
    try:
        one = os.stat(name, dir_fd=directory, follow_symlinks=False)
        other = os.stat(other_name, dir_fd=other_directory, follow_symlinks=False)
    except OSError:
        return False
    return os.path.samestat(one, other)


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


def _temporary_name() -> str:
    return f"{RESERVED}{os.urandom(8).hex()}.part"
