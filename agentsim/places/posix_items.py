"""What a directory's entries are, in the words of the engine."""

from __future__ import annotations

import errno
import os

from agentsim.engine.attributes import sort_out
from agentsim.engine.decide import kind_of, size_of
from agentsim.places.place import Dress, Item
from store.display import display
from store.vocabulary import ItemKind

_ACLS = {"system.posix_acl_access": "an ACL", "system.posix_acl_default": "a default ACL"}


def item_of(path: bytes, found: os.stat_result, extras: tuple[str, ...] = ()) -> Item:
    """The item that ``lstat`` describes. No I/O."""
    kind = kind_of(found.st_mode)
    return Item(
        path=path,
        kind=kind,
        size=size_of(found),
        dress=Dress(
            mtime_ns=found.st_mtime_ns,
            atime_ns=found.st_atime_ns,
            # A link has no mode of its own.
            mode=None if kind is ItemKind.SYMLINK else found.st_mode & 0o7777,
            uid=found.st_uid,
            gid=found.st_gid,
        ),
        version=version_of(found),
        names=found.st_nlink if kind is ItemKind.FILE else 1,
        extras=extras,
    )


def version_of(found: os.stat_result) -> str:
    """What changes whenever the content may have, by ``lstat``. No I/O.

    A directory's content are items of their own: it stays the same as long as it is the same directory.
    """
    place = f"{found.st_dev}:{found.st_ino}"
    if kind_of(found.st_mode) is ItemKind.DIRECTORY:
        return place
    return f"{place}:{found.st_ctime_ns}:{found.st_mtime_ns}:{found.st_size}"


class Extras:
    """Tells what an item carries that only some places hold; remembers which file systems have nothing."""

    def __init__(self) -> None:
        self._privileged = os.geteuid() == 0
        self._without: set[int] = set()

    def of(self, directory: int, name: bytes, found: os.stat_result) -> tuple[str, ...]:
        """Words for each: "an ACL", "the attribute user.x".

        Args:
            directory: descriptor of the directory that holds it.
            name: the entry; empty for the directory itself.
            found: what ``lstat`` says of it.
        """
        if found.st_dev in self._without:
            return ()
        try:
            # Whose last part is not followed, and the way to it is a held directory.
            place = b"/proc/self/fd/%d/%s" % (directory, name or b".")
            names = os.listxattr(place, follow_symlinks=False)
        except OSError as error:
            if error.errno == errno.EOPNOTSUPP:
                self._without.add(found.st_dev)
                return ()
            if error.errno in (errno.ENOENT, errno.ENOTDIR):
                return ()
            return (f"attributes that cannot be listed ({os.strerror(error.errno or 0)})",)
        return extras_of(names, privileged=self._privileged) if names else ()


def extras_of(names: list[str], *, privileged: bool) -> tuple[str, ...]:
    """Words for the extended attributes that would travel between two directories. No I/O.

    Args:
        names: all that an item has.
        privileged: this process may set what only root may.
    """
    sorted_out = sort_out(names, privileged, permissions=True)
    words = [_ACLS.get(name) or f"the attribute {display(name)}" for name in sorted_out.carried]
    if sorted_out.foreign:
        words.append("an ACL of another kind")
    return tuple(words)
