"""A directory of this machine as a place: for a run whose other side is a server.

Every call opens the way to its item anew, component by component from the held root, and follows no link: whoever
can plant one in the tree cannot aim it elsewhere, and a directory that was moved away is not worked in by mistake.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import stat
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from agentsim.engine.backoff import Patience
from agentsim.engine.decide import Fidelity
from agentsim.engine.durability import sync_alone, sync_file_system
from agentsim.engine.errors import ItemFailed, RunStopped, Side, classify, describe
from agentsim.engine.lease import Lease
from agentsim.engine.preflight import components
from agentsim.engine.removal import mount_of
from agentsim.engine.source_identity import source_identity
from agentsim.engine.sourcefile import CLOCK_TICK_NS, Reader, let_go, look, settled
from agentsim.engine.trash import free_names
from agentsim.engine.walker import DIRECTORY_FLAGS
from agentsim.places.place import Content, Descend, Dress, Holds, Item, Opening, Place, Unlisted, Written
from agentsim.places.posix_content import PosixContent
from agentsim.places.posix_dress import keep, put_on
from agentsim.places.posix_items import Extras, item_of, version_of
from agentsim.places.posix_root import Root, enter, reach
from agentsim.places.posix_tree import NOT_THERE, Tree, opened
from agentsim.places.posix_walk import Walk
from agentsim.places.posix_writing import (
    Temporary,
    check_place,
    check_same,
    discard,
    fill,
    look_at,
    put_in_place,
    temporary_name,
)
from store import codes
from store.vocabulary import ItemKind

T = TypeVar("T")

_USUAL_LONGEST = 255
"""Bytes of a name, where the file system does not say."""


class PosixPlace(Place):
    """A directory tree."""

    streams = 16

    def __init__(self, opening: Opening, root: bytes, *, durable: bool = False) -> None:
        """Nothing is opened yet.

        Args:
            opening: as every place.
            root: absolute path of the endpoint's directory.
            durable: each file is on its storage before it is visible.
        """
        super().__init__(opening)
        self._path = root
        self._durable = durable
        self._opened: Root | None = None
        self._longest = _USUAL_LONGEST
        self._mount = ""
        self._fidelity = Fidelity.of_this_process()
        self._reader = Reader(self._fidelity.privileged)
        self._patience = Patience(opening.lease)
        self._extras = Extras() if opening.side is Side.SOURCE else None
        self.holds = self._holds(time_step=1, folds=False)

    def _holds(self, *, time_step: int, folds: bool) -> Holds:
        source = self.opening.side is Side.SOURCE
        return Holds(
            permissions=True,
            # Which of them this process may give is decide.Fidelity's to say.
            owners=True,
            links=True,
            directories=True,
            directory_times=True,
            time_step=time_step,
            # What a file has, it tells in words; from another kind of place none of it can come.
            attributes=frozenset({"xattr", "posix_acl"} if source else ()),
            folds=folds,
        )

    # Opening.

    def reach(self) -> None:
        reach(self._path, self.opening)

    def enter(self) -> None:
        opened = enter(self._path, self.opening)
        self._opened = opened
        self.holds = self._holds(time_step=opened.traits.time_step, folds=opened.traits.folds)
        if opened.fd >= 0:
            try:
                self._longest = os.fstatvfs(opened.fd).f_namemax or _USUAL_LONGEST
                self._mount = mount_of(opened.fd)
            except OSError as error:
                raise self._ended(error, "looking at the root") from error

    def identity(self) -> str:
        if self._root < 0:
            return "place:none"
        try:
            return source_identity(self._root)
        except OSError as error:
            raise self._ended(error, f"looking at the {self.opening.side.value}") from error

    def sync(self) -> None:
        if self._root >= 0:
            sync_file_system(self._root)

    def close(self) -> None:
        held = self._opened.held if self._opened else ()
        self._opened = None
        for fd in held:
            let_go(fd)

    @property
    def _root(self) -> int:
        return self._opened.fd if self._opened else -1

    @property
    def _tree(self) -> Tree:
        return Tree(self._root)

    def _ended(self, error: OSError, doing: str) -> RunStopped:
        side = self.opening.side
        code = codes.SOURCE_PATH_INVALID if side is Side.SOURCE else codes.TARGET_PATH_INVALID
        return RunStopped(code, describe(error, doing), side.value)

    # Looking.

    def walk(self, descend: Descend) -> Iterator[Item | Unlisted]:
        if self._root < 0:
            return
        try:
            walk = Walk(self._root, self.opening.side, self._extras)
        except OSError as error:
            raise self._ended(error, f"opening the {self.opening.side.value} anew") from error
        yield from walk.items(descend)

    def find(self, path: bytes) -> Item | None:
        return self._patiently(lambda: self._find(path))

    def _find(self, path: bytes) -> Item | None:
        try:
            if not path:
                return item_of(path, os.fstat(self._root)) if self._root >= 0 else None
            with self._tree.entered(path) as (directory, name):
                found = look_at(directory, name)
                if found is None:
                    return None
                return item_of(path, found, self._extras.of(directory, name, found) if self._extras else ())
        except OSError as error:
            if error.errno in NOT_THERE:
                return None
            raise self._failed(error, "looking for it") from error

    def read(self, item: Item) -> Content:
        return self._patiently(lambda: self._read(item))

    def _read(self, item: Item) -> Content:
        side = self.opening.side
        with self._errors("opening its directory"), self._tree.entered(item.path) as (directory, name):
            fd = self._reader.open(directory, os.fsdecode(name), side)
        try:
            before = look(fd, side)
            if side is Side.SOURCE and time.time_ns() - before.st_ctime_ns < CLOCK_TICK_NS:
                before = settled(fd, before)
            check_same(item, before)
            return PosixContent(fd, item_of(item.path, before, item.extras), before, side, self.opening.lease)
        except BaseException:
            let_go(fd)
            raise

    def read_link(self, item: Item) -> bytes:
        def text() -> bytes:
            with self._errors("reading the link"), self._tree.held(item) as fd:
                return os.readlink(b"", dir_fd=fd)

        return self._patiently(text)

    def refuses(self, path: bytes, kind: ItemKind) -> str:
        try:
            parts = components(path)
        except ValueError:
            return "Its path has an empty part, '.', '..' or a NUL"
        if any(len(part) > self._longest for part in parts):
            return f"A name of its path is longer than {self._longest} bytes"
        return "" if parts else "It has no name"

    # Changing.

    def write(self, path: bytes, content: Content, dress: Dress, replacing: Item | None) -> Written:
        lease = self._before_change()
        with self._errors("writing the file"), self._tree.entered(path) as (directory, name):
            present = look_at(directory, name)
            check_place(present, replacing)
            replaces = present is not None and stat.S_ISREG(present.st_mode) and dress.mode is None
            # Private until it is dressed; where nothing says what it is to be, it gets what any new file gets here.
            mode = 0o600 if replaces or dress.mode is not None else 0o666
            lease.check()
            with Temporary(directory, mode) as temporary:
                fd = temporary.fd
                size = fill(fd, content, lease)
                if replaces:
                    with opened(directory, name) as old:
                        keep(fd, old, self._fidelity)
                remark = put_on(fd, dress, self._fidelity)
                if self._durable:
                    sync_alone(fd)
                made = os.fstat(fd).st_ino
                temporary.finish()
                self._tree.check_way(path, directory)
                lease.check()
                put_in_place(directory, temporary.name, name, replacing)
            return Written(size=size, version=_version(directory, name, made), remark=remark)

    def make_link(self, path: bytes, text: bytes, dress: Dress, replacing: Item | None) -> Written:
        lease = self._before_change()
        if not text or b"\0" in text:
            raise ItemFailed(codes.ITEM_FAILED, "The link has no text that a link can have")
        with self._errors("making the link"), self._tree.entered(path) as (directory, name):
            check_place(look_at(directory, name), replacing)
            lease.check()
            temporary = temporary_name()
            os.symlink(text, temporary, dir_fd=directory)
            try:
                with opened(directory, os.fsencode(temporary)) as fd:
                    remark = put_on(fd, dress, self._fidelity)
                    made = os.fstat(fd).st_ino
                lease.check()
                put_in_place(directory, temporary, name, replacing)
            except BaseException:
                discard(directory, temporary)
                raise
            return Written(size=0, version=_version(directory, name, made), remark=remark)

    def make_directory(self, path: bytes, dress: Dress) -> str:
        self._before_change()
        self._patiently(lambda: self._make_directory(path, dress.mode))
        return ""

    def _make_directory(self, path: bytes, mode: int | None) -> None:
        with self._errors("making the directory"), self._tree.entered(path) as (directory, name):
            self.opening.lease.check()
            try:
                # Its owner can work in it until set_dress.
                os.mkdir(name, 0o777 if mode is None else mode & 0o777 | 0o700, dir_fd=directory)
            except FileExistsError:
                found = look_at(directory, name)
                if found is None or not stat.S_ISDIR(found.st_mode):
                    raise ItemFailed(codes.ITEM_FAILED, "The target has an item of this name by now") from None

    def set_dress(self, item: Item, dress: Dress) -> str:
        self._before_change()
        return self._patiently(lambda: self._set_dress(item, dress))

    def _set_dress(self, item: Item, dress: Dress) -> str:
        with self._errors("setting the metadata"), self._tree.held(item) as fd:
            self.opening.lease.check()
            remark = put_on(fd, dress, self._fidelity)
            if self._durable and item.kind is ItemKind.DIRECTORY:
                with opened(fd, b".", DIRECTORY_FLAGS) as directory:
                    sync_alone(directory)
            return remark

    def delete(self, item: Item) -> bool:
        self._before_change()
        return self._patiently(lambda: self._delete(item))

    def _delete(self, item: Item) -> bool:
        with self._errors("deleting it"):
            try:
                with self._tree.entered(item.path) as (directory, name):
                    found = look_at(directory, name)
                    if found is None:
                        return False
                    check_same(item, found)
                    self._check_mount(directory, found)
                    self.opening.lease.check()
                    if item.kind is ItemKind.DIRECTORY:
                        os.rmdir(name, dir_fd=directory)
                    else:
                        os.unlink(name, dir_fd=directory)
            except FileNotFoundError:
                return False
            except OSError as error:
                if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                    raise ItemFailed(codes.DELETE_NOT_EMPTY, "Something is inside it") from None
                if error.errno == errno.EBUSY and item.kind is ItemKind.DIRECTORY:
                    # Nothing that waiting would help.
                    raise ItemFailed(codes.DELETE_MOUNT, "Another file system is mounted here") from None
                raise
        return True

    def set_aside(self, item: Item, to: bytes) -> None:
        self._before_change()
        if item.kind is ItemKind.DIRECTORY:
            raise ItemFailed(codes.ITEM_FAILED, "A directory is not moved as a whole")
        self._patiently(lambda: self._set_aside(item, to))

    def _set_aside(self, item: Item, to: bytes) -> None:
        lease = self.opening.lease
        with self._errors("moving it aside"), self._tree.entered(item.path) as (directory, name):
            found = look_at(directory, name)
            check_same(item, found)
            assert found is not None
            self._check_mount(directory, found)
            with self._tree.made_way(to, lease) as (there, wanted):
                # A resumed run can find its name taken; nothing that was kept is written over.
                free = next(found for found in free_names(wanted, self._longest) if look_at(there, found) is None)
                lease.check()
                os.rename(name, free, src_dir_fd=directory, dst_dir_fd=there)

    # The way to an item.

    def _before_change(self) -> Lease:
        """The lease; refuses where the place was opened to be read only."""
        if not self.opening.writes:
            raise RunStopped(codes.TARGET_AUTHORIZATION, "This place was opened to be read only", "target")
        return self.opening.lease

    def _patiently(self, call: Callable[[], T]) -> T:
        """Call once more, a little later, where the error is one that passes by itself."""
        for attempt in itertools.count():
            try:
                return call()
            except ItemFailed as failure:
                self._patience.wait(failure, attempt)
        raise AssertionError("numbers do not end")

    @contextlib.contextmanager
    def _errors(self, doing: str) -> Iterator[None]:
        """Say what a system error means for the item."""
        try:
            yield
        except OSError as error:
            raise classify(error, self.opening.side, doing) from error

    def _failed(self, error: OSError, doing: str) -> Exception:
        return classify(error, self.opening.side, doing)

    def _check_mount(self, directory: int, found: os.stat_result) -> None:
        """Refuse to remove what lies on another mount than the root, or is one."""
        crosses = stat.S_ISDIR(found.st_mode) and found.st_dev != os.fstat(directory).st_dev
        if crosses or mount_of(directory) != self._mount:
            raise ItemFailed(codes.DELETE_MOUNT, "Another file system is mounted here")


def _version(directory: int, name: bytes, inode: int) -> str:
    """The version of what was just put in place; nothing where another has replaced it since."""
    try:
        found = look_at(directory, name)
    except OSError:
        return ""
    return version_of(found) if found is not None and found.st_ino == inode else ""
