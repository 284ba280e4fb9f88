"""Setting mode, owner and times on open descriptors of the target."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable

from agentsim.engine.board import OWNERS_LOST, Slot
from agentsim.engine.decide import Owners
from agentsim.engine.errors import Side, classify
from agentsim.engine.lease import Lease


class Metadata:
    """Applies a source item's metadata; ownership that may not be given is counted, not failed."""

    def __init__(self, lease: Lease, owners: Owners, slot: Slot) -> None:
        self._lease = lease
        self._owners = owners
        self._cells = slot.cells

    def give(self, fd: int, source: os.stat_result, uid: int, gid: int) -> bool:
        """Make the owner of ``fd`` the source's, as far as this process may.

        Args:
            fd: the target item.
            source: whose owner to give.
            uid: present owner of the target item.
            gid: present group of the target item.

        Returns:
            Whether ``chown`` was called, which clears the set-id bits.

        Raises:
            OSError: for any reason but a missing privilege.
        """
        return self._give(lambda new_uid, new_gid: os.fchown(fd, new_uid, new_gid), source, uid, gid)

    def give_link(self, directory: int, name: str, source: os.stat_result) -> None:
        """As :meth:`give`, for a symbolic link that was just made.

        Raises:
            OSError: for any reason but a missing privilege.
        """
        made = os.stat(name, dir_fd=directory, follow_symlinks=False)
        self._give(
            lambda uid, gid: os.chown(name, uid, gid, dir_fd=directory, follow_symlinks=False),
            source,
            made.st_uid,
            made.st_gid,
        )

    def _give(self, chown: Callable[[int, int], None], source: os.stat_result, uid: int, gid: int) -> bool:
        if source.st_uid == uid and source.st_gid == gid:
            return False
        new_uid, new_gid = self._owners.settable(source.st_uid, source.st_gid)
        lost = new_uid != source.st_uid and source.st_uid != uid
        lost = lost or (new_gid != source.st_gid and source.st_gid != gid)
        called = False
        if new_uid != -1 or new_gid not in (-1, gid):
            try:
                chown(new_uid, new_gid)
                called = True
            except OSError as error:
                # Root without the capability, or a server that squashes it.
                if error.errno not in (errno.EPERM, errno.EINVAL):
                    raise
                lost = True
        self._cells[OWNERS_LOST] += lost
        return called

    def repair_file(self, directory: int, name: str, source: os.stat_result, seen: os.stat_result) -> bool:
        """Set mode and owner of a target file whose content is already right.

        Args:
            directory: descriptor of the target directory.
            name: the file in it.
            source: the source file.
            seen: the target file as it was compared.

        Returns:
            False when the file cannot be opened or is not the one that was compared: replace it.

        Raises:
            ItemFailed, RunStopped: by the target's error.
        """
        try:
            fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=directory)
        except OSError:
            return False
        try:
            found = os.fstat(fd)
            if (found.st_ino, found.st_dev, found.st_nlink) != (seen.st_ino, seen.st_dev, 1):
                return False
            self._lease.check()
            called = self.give(fd, source, found.st_uid, found.st_gid)
            mode = stat.S_IMODE(source.st_mode)
            if called or mode != stat.S_IMODE(found.st_mode):
                os.fchmod(fd, mode)
        except OSError as error:
            raise classify(error, Side.TARGET, "setting the metadata of the target file") from error
        finally:
            os.close(fd)
        return True

    def make_writable(self, fd: int, found: os.stat_result) -> None:
        """Let an unprivileged process work in its own read-only directory (faults F34).

        The right mode is set when the directory is finished.

        Raises:
            OSError: the directory is somebody else's.
        """
        if not self._owners.privileged and found.st_mode & 0o700 != 0o700 and found.st_uid == os.geteuid():
            self._lease.check()
            os.fchmod(fd, stat.S_IMODE(found.st_mode) | 0o700)

    def finish_directory(self, fd: int, source: os.stat_result) -> None:
        """Give a directory its final owner, mode and times; nothing in it may be touched afterwards.

        Raises:
            ItemFailed, RunStopped: by the target's error.
        """
        try:
            found = os.fstat(fd)
            mode = stat.S_IMODE(source.st_mode)
            same_owner = (found.st_uid, found.st_gid) == (source.st_uid, source.st_gid)
            same_mode = stat.S_IMODE(found.st_mode) == mode
            if same_owner and same_mode and found.st_mtime_ns == source.st_mtime_ns:
                return
            self._lease.check()
            called = self.give(fd, source, found.st_uid, found.st_gid)
            if called or not same_mode:
                os.fchmod(fd, mode)
            if found.st_mtime_ns != source.st_mtime_ns:
                os.utime(fd, ns=(source.st_atime_ns, source.st_mtime_ns))
        except OSError as error:
            raise classify(error, Side.TARGET, "setting the metadata of the target directory") from error
