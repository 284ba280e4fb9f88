"""The trash: what a run deletes or replaces is kept below the target's root, under the run's name.

``<target root>/.longshore-trash/<run>/<relative path>``. Like all else it is reached from held
descriptors and over no link; nothing in it is ever written over.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import stat
from collections.abc import Callable, Iterator

from agentsim.engine.errors import ItemFailed
from agentsim.engine.lease import Lease
from agentsim.engine.listing import lstat
from agentsim.engine.metadata import Metadata
from agentsim.engine.reserved import TRASH
from agentsim.engine.walker import DIRECTORY_FLAGS, Walker
from store import codes

_USUAL_LONGEST = 255
"""Bytes of a name, where the file system does not say."""

_LINKS_REFUSED = {errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.EOPNOTSUPP}
_NOT_A_DIRECTORY = {errno.ENOTDIR, errno.ELOOP}

_Put = Callable[[int, str, int, bytes], bool]


def folder(run: str) -> bytes:
    """The name of a run's own directory in the trash, made of the run's label."""
    made = os.fsencode(run.replace("/", ".").replace("#", "."))
    # Not hidden, and never "." or "..", whatever the label is.
    return fitted(made.lstrip(b".") or b"run", b"", _USUAL_LONGEST)


def fitted(name: bytes, suffix: bytes, longest: int) -> bytes:
    """A name with a suffix, its end replaced by a hash where it would be longer than so many bytes."""
    if len(name) + len(suffix) <= longest:
        return name + suffix
    # Few names are so long; importing it would slow the start of every run.
    import hashlib

    digest = b"-" + hashlib.blake2b(name, digest_size=8).hexdigest().encode()
    cut = longest - len(digest) - len(suffix)
    # Not through a character: some file systems refuse what is no UTF-8.
    while cut and name[cut] & 0xC0 == 0x80:
        cut -= 1
    return name[:cut] + digest + suffix


def free_names(name: bytes, longest: int) -> Iterator[bytes]:
    """The name itself, then with ``.1``, ``.2`` and so on: a resumed run can find its name taken."""
    yield name
    for number in itertools.count(1):
        yield fitted(name, b".%d" % number, longest)


class Trash:
    """One run's part of the trash; made when the first thing is put there."""

    def __init__(self, root: int, run: str, lease: Lease, metadata: Metadata) -> None:
        """Use the trash of the target whose root is the descriptor ``root``, for the run of this label."""
        self._root = root
        self._folder = folder(run)
        self._lease = lease
        self._metadata = metadata
        self._longest = os.fstatvfs(root).f_namemax or _USUAL_LONGEST
        self._places: _Places | None = None

    def move(self, directory: int, name: str, path: bytes) -> None:
        """Take an entry that is no directory out of the target.

        Args:
            directory: descriptor of the target directory that holds it.
            name: its name there.
            path: its relative path, under which the trash keeps it.

        Raises:
            FileNotFoundError: it is gone already.
            OSError, ItemFailed: it was left where it is.
            Canceled: the same, and the run ends.
        """
        self._put(directory, name, path, self._rename)

    def keep(self, directory: int, name: str, path: bytes) -> None:
        """Keep a file or link that is about to be replaced; the caller's next call is the ``rename``.

        The trash gets a second name for it, so that there is no moment without a file. Where links
        are refused it is moved.

        Raises:
            OSError, ItemFailed: it was left where it is, and must not be replaced.
            Canceled: the same, and the run ends.
        """
        found = lstat(directory, name)
        if found is None or stat.S_ISDIR(found.st_mode):
            return  # Nothing would be lost: a directory is not replaced by a rename.
        with contextlib.suppress(FileNotFoundError):
            self._put(directory, name, path, self._link)

    def finish_directory(self, path: bytes, original: os.stat_result, directory: int) -> None:
        """Make a directory of the trash like its original, which is empty now and about to be removed.

        Args:
            path: its relative path.
            original: what ``fstat`` said of it before anything in it was removed.
            directory: its descriptor.

        Raises:
            OSError, ItemFailed: there is none in the trash, or it could not be made so.
            Canceled: the run ends.
        """
        place = self._directory(path)
        self._lease.check()
        # The trash is a second chance, not a copy: an owner or attribute that cannot be set stops no delete.
        with contextlib.suppress(OSError):
            os.fchown(place, original.st_uid, original.st_gid)
        with contextlib.suppress(OSError):
            for attribute in os.listxattr(directory):
                os.setxattr(place, attribute, os.getxattr(directory, attribute))
        os.fchmod(place, stat.S_IMODE(original.st_mode))
        os.utime(place, ns=(original.st_atime_ns, original.st_mtime_ns))
        # Whoever comes back to it has to make it writable again.
        self._directory(path.rpartition(b"/")[0])

    def _put(self, directory: int, name: str, path: bytes, put: _Put) -> None:
        above, _, last = path.rpartition(b"/")
        for _ in range(2):
            place = self._directory(above)
            try:
                for free in free_names(last, self._longest):
                    self._lease.check()
                    if put(directory, name, place, free):
                        return
            except FileNotFoundError:
                if lstat(directory, name) is None:
                    raise
                self._leave()  # Somebody removed the trash's directory.
        raise ItemFailed(codes.ITEM_FAILED, "The trash was removed while it was in use")

    def _rename(self, directory: int, name: str, place: int, free: bytes) -> bool:
        """Move an entry to a name in the trash; False where that is taken."""
        taken = lstat(place, os.fsdecode(free))
        if taken is not None:
            return _settle(directory, name, taken)
        os.rename(name, free, src_dir_fd=directory, dst_dir_fd=place)
        return True

    def _link(self, directory: int, name: str, place: int, free: bytes) -> bool:
        """Give an entry a second name in the trash; False where that is taken."""
        try:
            os.link(name, free, src_dir_fd=directory, dst_dir_fd=place, follow_symlinks=False)
        except FileExistsError:
            taken, found = lstat(place, os.fsdecode(free)), lstat(directory, name)
            # A worker that died between this and the rename has kept it already.
            return taken is not None and found is not None and _same(taken, found)
        except OSError as error:
            if error.errno not in _LINKS_REFUSED:
                raise
            return self._rename(directory, name, place, free)
        return True

    def _directory(self, path: bytes) -> int:
        """The directory in the trash for a directory of the target, made where it is missing.

        Raises:
            OSError, ItemFailed: there is none, and nothing can be put there.
        """
        for _ in range(2):
            try:
                if self._places is None:
                    top = self._open_own(self._root, os.fsencode(TRASH))
                    try:
                        own = self._open_own(top, self._folder)
                    finally:
                        os.close(top)
                    try:
                        self._places = _Places(own, self._longest, self._lease, self._metadata)
                    finally:
                        os.close(own)
                return self._places.open(path)
            except FileNotFoundError:
                self._leave()
        raise ItemFailed(codes.ITEM_FAILED, "The trash was removed while it was in use")

    def _leave(self) -> None:
        """Hold nothing of the trash any more; the next use opens it anew."""
        if self._places is not None:
            self._places.close()
            self._places = None

    def _open_own(self, above: int, name: bytes) -> int:
        """A directory that nobody but the agent, or the owner of the target, has made.

        Raises:
            OSError: it is a link, no directory, or cannot be opened.
            ItemFailed: it is somebody else's, who could read and take what is put there.
        """
        before = os.fstat(above)
        with contextlib.suppress(FileExistsError):
            self._lease.check()
            os.mkdir(name, 0o700, dir_fd=above)
            with contextlib.suppress(OSError):
                # The target's root may have its final time already.
                os.utime(above, ns=(before.st_atime_ns, before.st_mtime_ns))
        fd = os.open(name, DIRECTORY_FLAGS, dir_fd=above)
        if os.fstat(fd).st_uid not in (os.geteuid(), os.fstat(self._root).st_uid):
            os.close(fd)
            raise ItemFailed(codes.ITEM_TARGET_PERMISSION, "The trash directory belongs to another user")
        return fd


class _Places(Walker):
    """Walks the run's trash by the paths that its contents had, making what is missing."""

    def __init__(self, root: int, longest: int, lease: Lease, metadata: Metadata) -> None:
        super().__init__(root)
        self._longest = longest
        self._lease = lease
        self._metadata = metadata

    def close(self) -> None:
        """Close every descriptor."""
        self.forget()
        os.close(self.root)

    def _enter(self, above: int, name: bytes) -> int:
        for free in free_names(name, self._longest):
            with contextlib.suppress(FileExistsError):
                if lstat(above, os.fsdecode(free)) is None:
                    self._lease.check()
                    os.mkdir(free, 0o700, dir_fd=above)
            try:
                fd = os.open(free, DIRECTORY_FLAGS, dir_fd=above)
            except OSError as error:
                if error.errno in _NOT_A_DIRECTORY:
                    continue  # A file of that name was put there earlier, or a link.
                raise
            try:
                self._metadata.make_writable(fd, os.fstat(fd))
            except OSError:
                os.close(fd)
                raise
            return fd
        raise AssertionError("names do not end")


def _settle(directory: int, name: str, taken: os.stat_result) -> bool:
    """Deal with a name that is taken in the trash: only the very same file needs no other one."""
    found = lstat(directory, name)
    if found is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    if not _same(taken, found):
        return False
    # A worker died after it had kept this file and before it put the new one in place.
    os.unlink(name, dir_fd=directory)
    return True


def _same(one: os.stat_result, other: os.stat_result) -> bool:
    return (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)
