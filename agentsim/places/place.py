"""What the engine asks of a place, whatever it is: a directory, an SMB share, a blob container, a bucket.

Paths are bytes relative to the place's root (the endpoint with the definition's sub-path), parts joined by ``/``,
without one at either end; the root itself is ``b""``. What cannot be said in a place's own words (bytes that
are no UTF-8, say) is refused by :meth:`Place.refuses`, never bent.

Every call may come from any thread, and several at once. What goes wrong is raised in the engine's words:

- ``ItemFailed``, ``ItemChanged``: of one item, by the side the place is on (``errors.Side``), with a code of
  ``store.codes``.
- ``RunStopped``: every further call would fail the same way (no space, no permission on the root, the server is
  gone for longer than retries last, a credential that is refused).
- ``Canceled``: from ``lease.check()``, which a place asks before each thing that it changes and between two chunks.

A place retries by itself, with back-off and within bounds, what passes by itself (429, 503, a lost connection),
asking the lease in every pause. No message holds a secret, a signature or a URL's query.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from agentsim.engine.errors import ItemFailed, Side
from agentsim.engine.lease import Lease
from store.vocabulary import ItemKind

Descend = Callable[[bytes], bool]
"""Whether a walk is to go into a directory, by its path. A place that lists everything at once need not ask."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holds:
    """What of an item a place can keep. The engine decides by this and never by the type of an endpoint.

    Attributes:
        permissions: mode bits.
        owners: numeric owner and group.
        links: symbolic links, as links.
        directories: directories of their own, with nothing in them, and metadata on them.
        directory_times: a directory's time changes when something is written into it: it is set last, deepest first.
        time_step: nanoseconds between two modification times that it can tell apart; 0 where it keeps none.
        attributes: kinds of further metadata, of "xattr", "posix_acl", "nt_acl", "dos".
        folds: it takes names for one that differ in case (or in how accents are written).
        largest: most bytes of a file, or None.
        digests: it keeps the MD5 of a file's content.
    """

    permissions: bool
    owners: bool
    links: bool
    directories: bool
    directory_times: bool
    time_step: int
    attributes: frozenset[str] = frozenset()
    folds: bool = False
    largest: int | None = None
    digests: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Dress:
    """An item's metadata, as it is to be, or as it is. None stands for "not known" or "leave it".

    Attributes:
        mtime_ns: modification time, ns since the epoch.
        atime_ns: access time, the same.
        mode: the permission bits, 0 to 0o7777.
        uid: owner.
        gid: group.
        nt_acl: a self-relative Windows security descriptor.
        dos: DOS attribute bits (read-only 1, hidden 2, system 4, archive 32).
    """

    mtime_ns: int | None = None
    atime_ns: int | None = None
    mode: int | None = None
    uid: int | None = None
    gid: int | None = None
    nt_acl: bytes | None = None
    dos: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One entry of a place.

    Attributes:
        path: relative to the root.
        kind: file, directory, symbolic link, or special.
        size: bytes of a file's content; 0 for all else.
        dress: its metadata, as far as it is known.
        version: changes whenever the content may have (an ETag; device, inode and ctime). Empty where there is none.
        md5: hex digest of the content where the place keeps it.
        detailed: the dress is all there is to know. Where a listing cannot say it, it is False: ask :meth:`Place.find`.
        implied: a directory that nothing stands for but what lies in it; it has no metadata.
        names: hard links of a file, as far as known.
        extras: what it carries that only some places hold, as words for an admin ("the attribute user.x", "an ACL").
    """

    path: bytes
    kind: ItemKind
    size: int = 0
    dress: Dress = Dress()
    version: str = ""
    md5: str = ""
    detailed: bool = True
    implied: bool = False
    names: int = 1
    extras: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlisted:
    """A directory whose contents could not be listed: nothing below it is known (fault F2).

    Attributes:
        path: the directory.
        error: why.
    """

    path: bytes
    error: ItemFailed


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What came of a write.

    Attributes:
        size: bytes of content.
        md5: hex digest of what was sent, where one was made.
        version: the new item's version, where the place says it.
        remark: what of the metadata could not be kept, for an admin; empty when nothing was lost.
    """

    size: int
    md5: str = ""
    version: str = ""
    remark: str = ""


class Content(ABC):
    """The bytes of one file, read once from the first to the last.

    Attributes:
        item: the file as it was when it was opened, detailed.
    """

    item: Item

    @abstractmethod
    def read(self, count: int) -> bytes:
        """The next bytes: ``count`` of them, fewer only at the end, none after it.

        Raises:
            ItemChanged: the file is not the one that was opened any more.
            ItemFailed, RunStopped, Canceled: as the module says.
        """

    @abstractmethod
    def settle(self) -> None:
        """Say that everything was read, and that it was one file that nobody wrote to meanwhile.

        Called by a place's ``write`` after the last byte and before it makes the new file visible.

        Raises:
            ItemChanged: it changed while it was read.
        """

    @abstractmethod
    def close(self) -> None:
        """Let it go; may be called twice."""

    def __enter__(self) -> Content:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What a place is opened with.

    Attributes:
        side: whether it is the source or the target; it words the errors.
        writes: whether anything may be changed in it; a place that may not refuses to.
        sub_path: below the endpoint, checked by the store; empty for its root.
        lease: asked before each change.
    """

    side: Side
    writes: bool
    sub_path: bytes
    lease: Lease


class Place(ABC):
    """A source or a target.

    Attributes:
        holds: what it can keep.
        streams: calls that are worth making at once.
    """

    holds: Holds
    streams: int = 4

    def __init__(self, opening: Opening) -> None:
        self.opening = opening

    @abstractmethod
    def reach(self) -> None:
        """Find the server, or the directory, without asking it for anything that needs a right.

        Raises:
            RunStopped: it cannot be reached, within a bounded time.
        """

    @abstractmethod
    def enter(self) -> None:
        """Authenticate, and see that the root is there; called once, after :meth:`reach` and before anything else.

        The root of the endpoint (share, container, bucket) is never made; directories of a target's sub-path are,
        where the place has directories and may be written.

        Raises:
            RunStopped: with the code that says which of these failed.
        """

    @abstractmethod
    def identity(self) -> str:
        """What tells this root from every other at any time (``engine.source_identity``); no secret in it."""

    def attend(self, attributes: frozenset[str]) -> None:  # noqa: B027 - most places have no choice
        """Which of ``holds.attributes`` the other side of the run keeps too: the rest need not be asked for.

        Called once, after :meth:`enter`; without it all of them are.
        """

    @abstractmethod
    def walk(self, descend: Descend) -> Iterator[Item | Unlisted]:
        """Everything in the place, without the root, each item once, in the order of :func:`walk_key`.

        Memory is bounded by a page of the listing, or by one directory's names. A directory comes before what is in
        it, with implied ones made up. What does not come in order (some servers sort otherwise) comes all
        the same; the engine asks for such items one at a time.

        Raises:
            RunStopped: the listing as a whole cannot go on.
        """

    @abstractmethod
    def find(self, path: bytes) -> Item | None:
        """One item as it is now, detailed; None when there is none.

        Raises:
            ItemFailed, RunStopped: that is not known.
        """

    @abstractmethod
    def read(self, item: Item) -> Content:
        """Open a file.

        Raises:
            ItemChanged: it is gone, or not the version that was listed.
            ItemFailed, RunStopped: it cannot be opened.
        """

    @abstractmethod
    def read_link(self, item: Item) -> bytes:
        """The text of a symbolic link; errors as :meth:`read`."""

    @abstractmethod
    def refuses(self, path: bytes, kind: ItemKind) -> str:
        """Why the place cannot hold an item of this path and kind, in words; empty when it can. No I/O."""

    @abstractmethod
    def write(self, path: bytes, content: Content, dress: Dress, replacing: Item | None) -> Written:
        """Make or replace a file so that readers see the old one or the new one, whole, and never a part.

        The directory it is in exists. The content is read to its end and settled before the new file is visible;
        if anything is raised, what was there before is there still, and nothing else is left.

        Args:
            path: the file.
            content: what to write.
            dress: metadata to give it, atomically with the content where the place can.
            replacing: what is there now, as it was compared; None for nothing.

        Raises:
            ItemChanged: the source changed, or ``replacing`` is not what is there (another wrote to it).
            ItemFailed, RunStopped, Canceled: as the module says.
        """

    @abstractmethod
    def make_link(self, path: bytes, text: bytes, dress: Dress, replacing: Item | None) -> Written:
        """Make or replace a symbolic link; as :meth:`write`."""

    @abstractmethod
    def make_directory(self, path: bytes, dress: Dress) -> str:
        """Make a directory whose parent exists; an existing one is fine. Returns a remark as in :class:`Written`."""

    @abstractmethod
    def set_dress(self, item: Item, dress: Dress) -> str:
        """Give an existing item this metadata and leave its content. Returns a remark as in :class:`Written`.

        Raises:
            ItemChanged: it is no longer the version that ``item`` says.
        """

    @abstractmethod
    def delete(self, item: Item) -> bool:
        """Delete one item that is no directory, or a directory that is empty; whether it was there.

        Raises:
            ItemChanged: it is no longer the version that ``item`` says.
            ItemFailed: it cannot be deleted, or the directory is not empty.
        """

    @abstractmethod
    def set_aside(self, item: Item, to: bytes) -> None:
        """Move a file or link to another path of the place, making the directories on the way; the trash is made of it.

        Raises:
            as :meth:`delete`.
        """

    def sync(self) -> None:  # noqa: B027 - a server's answer is its promise
        """Make everything that was written survive a power cut, where that is not so yet."""

    @abstractmethod
    def close(self) -> None:
        """Let connections and secrets go; may be called twice."""


def walk_key(path: bytes, kind: ItemKind) -> bytes:
    """What walks are sorted by: the path's bytes, a directory's with a slash at its end.

    It is the order in which object stores list their keys, and a walk through sorted directories gives it too.
    """
    return path + b"/" if kind is ItemKind.DIRECTORY else path
