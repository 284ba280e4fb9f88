"""An SMB share as a source or a target (SMB 2 and 3, signed, encrypted where the server or the endpoint asks).

What SMB lets it promise about links: the last part of a path is opened as itself, so a symbolic link or a junction
there is never followed. A Windows server follows no symbolic link in the middle of a path either. Junctions there, and
links that a Samba server shows as what they lead to, are the server's own business: it keeps them in the share.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import Any, Final, TypeVar

from agentsim.engine.errors import ItemChanged, ItemFailed, RunStopped, Side
from agentsim.places import smb_asking
from agentsim.places import smb_wire as wire
from agentsim.places.place import Content, Descend, Dress, Holds, Item, Opening, Place, Unlisted, Written, walk_key
from agentsim.places.secrets import Secrets
from agentsim.places.smb_asking import Detail, Dressing, Seen
from agentsim.places.smb_entries import (
    READ_ONLY,
    REPARSE,
    TICK,
    Facts,
    attributes_only,
    entries,
    item_of,
    rename_information,
)
from agentsim.places.smb_names import refusal, to_wire
from agentsim.places.smb_pool import Pool
from agentsim.places.smb_reading import SmbContent
from agentsim.places.smb_server import server_of
from agentsim.places.smb_status import (
    MISSING,
    NO_MORE_FILES,
    NO_SUCH_FILE,
    OF_ANOTHER_KIND,
    UNKNOWN_CLASS,
    StatusError,
    of_item,
    of_root,
)
from agentsim.places.smb_wire import Channel
from agentsim.places.smb_writing import Upload
from agentsim.places.sorting import in_order
from store import codes
from store.vocabulary import ItemKind

T = TypeVar("T")

_CASE_SENSITIVE: Final = 0x1
_PERSISTENT_ACLS: Final = 0x8
_NAMED_STREAMS: Final = 0x4_0000
_READ_ONLY_VOLUME: Final = 0x8_0000
"""Attributes of a file system (FileFsAttributeInformation)."""

_ID_FULL: Final = 38
_FULL: Final = 2
"""Kinds of listings: with the server's file numbers, and without."""

_ADD_FILE: Final = 0x2
_ADD_DIRECTORY: Final = 0x4
_LIST: Final = 0x1


class SmbPlace(Place):
    """A directory of a share."""

    streams = 4

    def __init__(self, opening: Opening, properties: Mapping[str, Any], secrets: Secrets) -> None:
        """Make it; nothing is connected yet.

        Raises:
            RunStopped: a secret cannot be resolved, or smbprotocol is missing.
        """
        super().__init__(opening)
        self._side = opening.side
        self._server = server_of(properties, secrets, opening.side)
        self._pool = Pool(self._server, opening.side, opening.lease)
        self._volume = 0
        self._acl = self._named_streams = False
        self._listing = _ID_FULL
        self.holds = _holds(folds=True, acl=False)

    # Coming and going.

    def reach(self) -> None:
        """As :class:`Place` has it: a connection, and the version of SMB agreed on."""
        self._pool.reach()

    def enter(self) -> None:
        """As :class:`Place` has it."""
        self._pool.enter()
        self._at_root(self._open_root)
        self._volume, attributes = self._at_root(self._file_system)
        if attributes & _READ_ONLY_VOLUME and self.opening.writes:
            raise RunStopped(codes.TARGET_READ_ONLY, f"The share {self._server.unc} is read-only", self._side.value)
        self._acl = bool(attributes & _PERSISTENT_ACLS)
        self._named_streams = bool(attributes & _NAMED_STREAMS)
        folds = not attributes & _CASE_SENSITIVE or self._at_root(self._folds)
        self.holds = _holds(folds=folds, acl=self._acl)

    def _at_root(self, act: Callable[[Channel], T]) -> T:
        try:
            return self._pool.call(act)
        except StatusError as error:
            raise of_root(error.status, self._side, self._root_words()) from error

    def _root_words(self) -> str:
        sub = self.opening.sub_path.decode("utf-8", "replace").replace("/", "\\")
        return f"{self._server.unc}\\{sub}" if sub else self._server.unc

    def _open_root(self, channel: Channel) -> None:
        """See that the root is a directory and no link, and that it can be written to where it has to be."""
        writes = self.opening.writes
        parts = self.opening.sub_path.split(b"/") if self.opening.sub_path else []
        for depth in range(len(parts) + 1):
            last = depth == len(parts)
            path = to_wire(b"/".join(parts[:depth]))
            access = wire.READ_ATTRIBUTES
            if last:
                access |= _LIST | (_ADD_FILE | _ADD_DIRECTORY if writes else 0)
            message = channel.create(
                path,
                access,
                disposition=wire.OPEN_IF if depth and writes and self._side is Side.TARGET else wire.OPEN,
                options=wire.DIRECTORY_FILE | wire.OPEN_REPARSE_POINT,
            )
            answer = channel.ask(message)
            channel.forget(wire.handle_in(answer))
            if depth and wire.attributes_in(answer) & REPARSE:
                raise RunStopped(
                    self._code(codes.SOURCE_PATH_INVALID, codes.TARGET_PATH_INVALID),
                    f"{self._root_words()} leads through a link or a junction.",
                    self._side.value,
                )

    def _file_system(self, channel: Channel) -> tuple[int, int]:
        """Serial number of the volume, and the attributes of its file system."""
        answers = channel.together(
            [
                channel.create(self._wire(b""), wire.READ_ATTRIBUTES),
                channel.query(wire.FILE_SYSTEM, wire.FS_VOLUME),
                channel.query(wire.FILE_SYSTEM, wire.FS_ATTRIBUTES),
                channel.close_file(),
            ]
        )
        wire.good(answers[0])
        volume = answers[1]
        serial = 0 if isinstance(volume, StatusError) else struct.unpack_from("<8xI", wire.information_in(volume))[0]
        attributes = int(struct.unpack_from("<I", wire.information_in(answers[2]))[0])
        return int(serial), attributes

    def _folds(self, channel: Channel) -> bool:
        """Whether names that differ in case are one, as an item that is there tells: Windows does not say so.

        Where nothing there has a letter in its name, it is taken to be so: the safe side.
        """

        for facts in self._entries(channel, self._wire(b"")):
            other = facts.name.swapcase()
            if other == facts.name or not facts.name.isascii():
                continue
            seen = smb_asking.find(channel, self._wire(other), Detail())
            if seen is None:
                return False
            if facts.file_id:
                return seen.facts.file_id == facts.file_id
        return True

    def identity(self) -> str:
        """As :class:`Place` has it."""
        server = self._server
        place = "/".join(
            part
            for part in (
                f"smb://{server.host.lower()}:{server.port}",
                server.share.lower(),
                _word(self.opening.sub_path),
            )
            if part
        )
        return f"type:smb place:{_word(place.encode())} volume:{self._volume:08x}"

    def close(self) -> None:
        """As :class:`Place` has it."""
        self._pool.close()

    # Looking.

    def _path(self, path: bytes) -> bytes:
        """A path from the share's root."""
        sub = self.opening.sub_path
        return b"/".join(part for part in (sub, path) if part)

    def _wire(self, path: bytes) -> bytes:
        return to_wire(self._path(path))

    def _code(self, source: str, target: str) -> str:
        return source if self._side is Side.SOURCE else target

    def _asked(self, act: Callable[[Channel], T], doing: str) -> T:
        """Something about one item, with the server's no in the engine's words."""
        try:
            return self._pool.call(act)
        except StatusError as error:
            raise of_item(error.status, self._side, f"{doing} the {self._side.value}") from error

    def walk(self, descend: Descend) -> Iterator[Item | Unlisted]:
        """As :class:`Place` has it."""
        stack: list[tuple[bytes, Iterator[Facts]]] = []
        directory: bytes | None = b""
        while directory is not None or stack:
            if directory is not None:
                try:
                    stack.append((directory, self._listed(directory)))
                except ItemFailed as error:
                    yield Unlisted(path=directory, error=error)
                directory = None
                continue
            above, coming = stack[-1]
            facts = next(coming, None)
            if facts is None:
                stack.pop()
                continue
            path = above + b"/" + facts.name if above else facts.name
            item = item_of(facts, path)
            yield item
            if item.kind is ItemKind.DIRECTORY and descend(path):
                directory = path

    def _listed(self, directory: bytes) -> Iterator[Facts]:
        """What is in a directory, in the order of a walk.

        Raises:
            ItemFailed: it cannot be listed.
        """
        path = self._wire(directory)

        def whole(channel: Channel) -> Iterator[tuple[Any, ...]]:
            # The first of a sorted listing comes when all of it was read: nothing is asked of the server after that.
            ordered = in_order((tuple(facts) for facts in self._entries(channel, path)), _order)
            return chain([first] if (first := next(ordered, None)) is not None else [], ordered)

        try:
            ordered = self._pool.call(whole)
        except StatusError as error:
            found = of_item(error.status, self._side, f"listing a directory of the {self._side.value}")
            if isinstance(found, ItemChanged):
                found = ItemFailed(found.code, found.message)
            raise found from error
        except ValueError as error:
            raise ItemFailed(codes.ITEM_FAILED, f"The server's listing cannot be read: {error}.") from error
        return (Facts(*found) for found in ordered)

    def _entries(self, channel: Channel, path: bytes) -> Iterator[Facts]:
        """What is in a directory, as the server sends it, a page at a time.

        Raises:
            StatusError, ConnectionLost, Canceled.
            ValueError: the server sends what is no listing, or a name that would lead elsewhere.
        """

        options = wire.DIRECTORY_FILE | wire.OPEN_REPARSE_POINT
        answer = channel.ask(channel.create(path, _LIST | wire.READ_ATTRIBUTES, options=options))
        handle = wire.handle_in(answer)
        begin = True
        try:
            while True:
                try:
                    page = wire.information_in(channel.ask(channel.next_page(handle, self._listing, begin=begin)))
                except StatusError as error:
                    if error.status in (NO_MORE_FILES, NO_SUCH_FILE):
                        return
                    if begin and error.status in UNKNOWN_CLASS and self._listing == _ID_FULL:
                        self._listing = _FULL
                        continue
                    raise
                begin = False
                for facts in entries(page, with_ids=self._listing == _ID_FULL):
                    if facts is None:
                        raise ValueError("it has a name that no item can have")
                    yield facts
        finally:
            if channel.alive:
                channel.forget(handle)

    def find(self, path: bytes) -> Item | None:
        """As :class:`Place` has it."""
        detail = Detail(acl=self._acl, streams=self._named_streams)
        seen = self._asked(lambda channel: smb_asking.find(channel, self._wire(path), detail), "looking at an item of")
        return None if seen is None else seen.item(path)

    def read(self, item: Item) -> Content:
        """As :class:`Place` has it."""
        detail = Detail(acl=self._acl, streams=self._named_streams)
        try:
            return SmbContent(self._pool, self._wire(item.path), item, detail)
        except StatusError as error:
            raise of_item(error.status, self._side, f"opening the {self._side.value}") from error

    def read_link(self, item: Item) -> bytes:
        """As :class:`Place` has it."""

        def ask(channel: Channel) -> tuple[str, bool]:
            answers = channel.together(
                [
                    channel.create(self._wire(item.path), wire.READ_ATTRIBUTES),
                    channel.reparse(),
                    channel.close_file(),
                ]
            )
            wire.good(answers[0])
            return wire.link_in(answers[1])

        try:
            text, relative = self._asked(ask, "reading a link of")
        except ValueError as error:
            raise ItemFailed(codes.ITEM_FAILED, f"The link cannot be read: {error}.") from error
        return (text.replace("\\", "/") if relative else text).encode("utf-8", "surrogatepass")

    def refuses(self, path: bytes, kind: ItemKind) -> str:
        """As :class:`Place` has it."""
        return refusal(self._path(path))

    # Changing.

    def _about_to_change(self) -> None:
        if not self.opening.writes:
            raise RunStopped(
                self._code(codes.SOURCE_PERMISSION, codes.TARGET_PERMISSION),
                f"{self._root_words()} was opened for reading only.",
                self._side.value,
            )
        self.opening.lease.check()

    def _dressing(self, dress: Dress) -> Dressing:

        try:
            return Dressing(dress, acl=self._acl)
        except ValueError as error:
            raise ItemFailed(codes.ITEM_FAILED, f"The access control list cannot be used: {error}.") from error

    def write(self, path: bytes, content: Content, dress: Dress, replacing: Item | None) -> Written:
        """As :class:`Place` has it."""
        self._about_to_change()
        upload = Upload(self._pool, self._path(path), self._dressing(dress))
        try:
            return upload.run(content, replacing)
        except StatusError as error:
            raise of_item(error.status, self._side, f"writing to the {self._side.value}") from error

    def make_link(self, path: bytes, text: bytes, dress: Dress, replacing: Item | None) -> Written:
        """As :class:`Place` has it: links are not made, since a server could follow them out of the share."""
        raise ItemFailed(codes.ITEM_LINK_UNSUPPORTED, "An SMB share holds no symbolic links that others can use.")

    def make_directory(self, path: bytes, dress: Dress) -> str:
        """As :class:`Place` has it."""
        self._about_to_change()
        dressing = self._dressing(dress)

        def make(channel: Channel) -> None:
            answer = channel.ask(
                channel.create(
                    self._wire(path),
                    wire.READ_ATTRIBUTES | dressing.access,
                    disposition=wire.OPEN_IF,
                    options=wire.DIRECTORY_FILE | wire.OPEN_REPARSE_POINT,
                )
            )
            handle, attributes = wire.handle_in(answer), wire.attributes_in(answer)
            if attributes & REPARSE:
                channel.forget(handle)
                raise ItemFailed(codes.ITEM_FAILED, "The target has a link or a junction of that name.")
            smb_asking.dress(channel, handle, dressing, attributes)

        self._with_fewer_rights(make, dressing, "making a directory in")
        return dressing.remark

    def _with_fewer_rights(self, act: Callable[[Channel], None], dressing: Dressing, doing: str) -> None:
        """Do something with an item's metadata, without its owner or ACL where those may not be set."""

        def tried(channel: Channel) -> None:
            while True:
                try:
                    return act(channel)
                except StatusError as error:
                    if not smb_asking.may_be_refused(error) or not dressing.give_up_owner(error):
                        raise

        self._asked(tried, doing)

    def set_dress(self, item: Item, dress: Dress) -> str:
        """As :class:`Place` has it."""
        self._about_to_change()
        dressing = self._dressing(dress)

        def change(channel: Channel) -> None:
            seen = self._same(channel, item, dressing.access)
            smb_asking.dress(channel, seen.handle, dressing, seen.facts.attributes)

        self._with_fewer_rights(change, dressing, "setting metadata of")
        return dressing.remark

    def _same(self, channel: Channel, item: Item, access: int) -> Seen:
        """Open an item, if it is still the one that was listed."""
        seen = smb_asking.look(channel, self._wire(item.path), access, Detail())
        if seen.facts.kind is not item.kind or (item.version and seen.facts.version != item.version):
            channel.forget(seen.handle)
            raise ItemChanged(
                codes.ITEM_CHANGED, f"The {self._side.value} has changed since it was listed: somebody writes to it."
            )
        return seen

    def delete(self, item: Item) -> bool:
        """As :class:`Place` has it."""
        self._about_to_change()

        def remove(channel: Channel) -> bool:
            read_only = (item.dress.dos or 0) & READ_ONLY
            access = wire.DELETE | (wire.WRITE_ATTRIBUTES if read_only else 0)
            try:
                seen = self._same(channel, item, access)
            except StatusError as error:
                if error.status in MISSING or error.status in OF_ANOTHER_KIND:
                    return False
                raise
            handle = seen.handle
            bits = seen.facts.attributes
            if read_only:
                channel.ask(channel.set(wire.FILE, wire.BASIC, attributes_only(bits & ~READ_ONLY), handle))
            answers = channel.together([channel.set(wire.FILE, wire.DISPOSITION, b"\1", handle), channel.close_file()])
            if read_only and isinstance(answers[0], StatusError):
                smb_asking.set_attributes(channel, self._wire(item.path), bits)
            for answer in answers:
                wire.good(answer)
            return True

        return self._asked(remove, "deleting from")

    def set_aside(self, item: Item, to: bytes) -> None:
        """As :class:`Place` has it."""
        self._about_to_change()
        parts = to.split(b"/")
        for depth in range(1, len(parts)):
            self.make_directory(b"/".join(parts[:depth]), Dress())
        moving = False

        def move(channel: Channel) -> None:
            nonlocal moving
            try:
                seen = self._same(channel, item, wire.DELETE)
            except StatusError as error:
                if moving and error.status in MISSING and self._is_at(channel, item, to):
                    return
                raise
            moving = True
            information = rename_information(self._wire(to), replace=False)
            answers = channel.together(
                [channel.set(wire.FILE, wire.RENAME, information, seen.handle), channel.close_file()]
            )
            wire.good(answers[0])

        self._asked(move, "moving an item of")

    def _is_at(self, channel: Channel, item: Item, path: bytes) -> bool:
        """Whether an item was moved there by a request whose answer was lost."""
        seen = smb_asking.find(channel, self._wire(path), Detail())
        return seen is not None and (seen.facts.size, seen.facts.kind) == (item.size, item.kind)


def _holds(*, folds: bool, acl: bool) -> Holds:
    return Holds(
        permissions=False,
        owners=False,
        links=False,
        directories=True,
        directory_times=True,
        time_step=TICK,
        attributes=frozenset({"dos", "nt_acl"} if acl else {"dos"}),
        folds=folds,
    )


def _order(entry: tuple[Any, ...]) -> bytes:
    facts = Facts(*entry)
    return walk_key(facts.name, facts.kind)


def _word(text: bytes) -> str:
    """Text without blanks, as one word of an identity."""
    return "".join(chr(byte) if 33 <= byte <= 126 else f"%{byte:02x}" for byte in text)
