"""Setting mode, owner, attributes and times on open descriptors of the target."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable

from agentsim.engine.attributes import NONE, Attributes, Change, Names
from agentsim.engine.board import OWNERS_LOST, Slot
from agentsim.engine.decide import Fidelity, directory_differs, moved
from agentsim.engine.durability import sync_alone
from agentsim.engine.errors import ItemFailed, Side, classify
from agentsim.engine.lease import Lease
from agentsim.engine.sourcefile import Reader, let_go
from store import codes
from store.vocabulary import Durability


class Metadata:
    """Applies a source item's metadata; ownership that may not be given is counted, not failed."""

    def __init__(
        self,
        lease: Lease,
        fidelity: Fidelity,
        slot: Slot,
        attributes: Attributes,
        reader: Reader,
        durability: Durability = Durability.END_OF_RUN,
    ) -> None:
        self._lease = lease
        self._fidelity = fidelity
        self._cells = slot.cells
        self._attributes = attributes
        self._reader = reader
        self._every_file = durability is Durability.EVERY_FILE

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
        if not self._fidelity.permissions:
            return False
        return self._give(lambda new_uid, new_gid: os.fchown(fd, new_uid, new_gid), source, uid, gid)

    def give_link(self, directory: int, name: str, source: os.stat_result) -> None:
        """As :meth:`give`, for a symbolic link that was just made.

        Raises:
            OSError: for any reason but a missing privilege.
        """
        if not self._fidelity.permissions:
            return
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
        new_uid, new_gid = self._fidelity.settable(source.st_uid, source.st_gid)
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

    def keep_permissions(self, fd: int, directory: int, name: str, old: os.stat_result) -> None:
        """Give a new file the owner, ACL and mode of the one that it replaces; set-id bits go with the content.

        Args:
            fd: the new file.
            directory: descriptor of the target directory.
            name: the old file in it.
            old: what ``lstat`` says of it.

        Raises:
            OSError: the target does not accept them.
        """
        made = os.fstat(fd)
        self._give(lambda uid, gid: os.fchown(fd, uid, gid), old, made.st_uid, made.st_gid)
        self._attributes.keep_acl(f"/proc/self/fd/{directory}/{name}", fd)
        os.fchmod(fd, old.st_mode & 0o777)

    def repair_file(
        self,
        source_directory: int,
        target_directory: int,
        name: str,
        source: os.stat_result,
        seen: os.stat_result,
        links: int = 1,
    ) -> tuple[bool, str]:
        """Set the metadata of a target file whose content is already right.

        Args:
            source_directory: descriptor.
            target_directory: descriptor.
            name: the file in both.
            source: the source file as it was compared.
            seen: the target file as it was compared.
            links: how many names of the target file are known to be the source file's.

        Returns:
            Whether it is mended now, and a remark about what the target cannot hold. It is not when a
            file cannot be opened or is not the one that was compared: replace it.

        Raises:
            ItemChanged, ItemFailed, RunStopped: by the side whose call failed.
        """
        try:
            fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=target_directory)
        except OSError:
            return False, ""
        original = -1
        try:
            found = os.fstat(fd)
            if (found.st_ino, found.st_dev, found.st_nlink) != (seen.st_ino, seen.st_dev, links):
                return False, ""
            original = self._open_to_compare(source_directory, name)
            if original >= 0 and moved(source, os.fstat(original)):
                return False, ""
            self._lease.check()
            chowned = self.give(fd, source, found.st_uid, found.st_gid)
            # Only now: a new owner takes the capabilities away.
            names, change = self._change(original, source, fd, found)
            remark = self._set(fd, source, found, change, chowned)
            if self._every_file:
                os.fsync(fd)
        except OSError as error:
            raise classify(error, Side.TARGET, "setting the metadata of the target file") from error
        finally:
            let_go(fd)
            if original >= 0:
                let_go(original)
        self._attributes.count_foreign(names)
        return True, remark

    def _open_to_compare(self, directory: int, name: str) -> int:
        """A descriptor of the source file; -1 where it may not be read: then its attributes stay unknown."""
        try:
            return self._reader.open(directory, name)
        except ItemFailed as failure:
            if failure.code != codes.ITEM_SOURCE_PERMISSION:
                raise
            return -1

    def _change(self, original: int, source: os.stat_result, fd: int, found: os.stat_result) -> tuple[Names, Change]:
        if original < 0:
            return NONE, Change()
        wanted = self._attributes.of(original, source.st_dev, Side.SOURCE)
        present = self._attributes.of(fd, found.st_dev, Side.TARGET)
        return wanted, self._attributes.change(original, wanted, fd, present)

    def _set(self, fd: int, source: os.stat_result, found: os.stat_result, change: Change, chowned: bool) -> str:
        """Attributes, then mode, since both attributes and a new owner can change it, then times."""
        mode = stat.S_IMODE((source if self._fidelity.permissions else found).st_mode)
        remark = self._attributes.apply(fd, change, fd) if change else ""
        if self._fidelity.permissions:
            mode = change.mode(mode)
        present = os.fstat(fd) if change or chowned else found
        if stat.S_IMODE(present.st_mode) != mode:
            os.fchmod(fd, mode)
        if found.st_mtime_ns != source.st_mtime_ns:
            os.utime(fd, ns=(source.st_atime_ns, source.st_mtime_ns))
        return remark

    def make_writable(self, fd: int, found: os.stat_result) -> None:
        """Let an unprivileged process work in its own read-only directory (faults F34).

        The right mode is set when the directory is finished; where permissions do not travel there
        is none, and the directory is left alone.

        Raises:
            OSError: the directory is somebody else's.
        """
        if self._fidelity.privileged or not self._fidelity.permissions or found.st_mode & 0o700 == 0o700:
            return
        if found.st_uid == os.geteuid():
            self._lease.check()
            os.fchmod(fd, stat.S_IMODE(found.st_mode) | 0o700)

    def attributes_differ(
        self, source: int, source_stat: os.stat_result, target: int, target_stat: os.stat_result
    ) -> bool:
        """Whether two open items have other attributes; both by descriptor and by what ``fstat`` says of them.

        Raises:
            ItemChanged, ItemFailed, RunStopped: by the side whose call failed.
        """
        return bool(self._change(source, source_stat, target, target_stat)[1])

    def finish_directory(self, source: int, target: int, source_stat: os.stat_result) -> str:
        """Give a directory its final owner, attributes, mode and times; nothing in it may be touched afterwards.

        Args:
            source: descriptor of the source directory.
            target: descriptor of the target directory.
            source_stat: the source directory as it is to be.

        Returns:
            A remark about what the target cannot hold, or nothing.

        Raises:
            ItemChanged, ItemFailed, RunStopped: by the side whose call failed.
        """
        remark = ""
        try:
            found = os.fstat(target)
            names, change = self._change(source, source_stat, target, found)
            if change or directory_differs(source_stat, found, self._fidelity):
                self._lease.check()
                chowned = self.give(target, source_stat, found.st_uid, found.st_gid)
                remark = self._set(target, source_stat, found, change, chowned)
            if self._every_file:
                sync_alone(target)
        except OSError as error:
            raise classify(error, Side.TARGET, "setting the metadata of the target directory") from error
        self._attributes.count_foreign(names)
        return remark
