"""An SMB share as a source or a target (SMB 2 and 3, signed, encrypted where the server or the endpoint asks).

What SMB lets it promise about links: the last part of a path is opened as itself, so a symbolic link or a junction
there is never followed. A Windows server follows no symbolic link in the middle of a path either. Junctions there, and
links that a Samba server shows as what they lead to, are the server's own business: it keeps them in the share.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from agentsim.engine.errors import ItemChanged, ItemFailed, RunStopped, Side
from agentsim.places import smb_asking
from agentsim.places import smb_messages as sm
from agentsim.places.place import Content, Descend, Dress, Holds, Item, Opening, Place, Unlisted, Written
from agentsim.places.secrets import Secrets
from agentsim.places.smb_asking import Detail, Dressing, Seen
from agentsim.places.smb_entries import (
    READ_ONLY,
    REPARSE,
    Facts,
    attributes_only,
    item_of,
    rename_information,
)
from agentsim.places.smb_listing import Listings
from agentsim.places.smb_names import refusal, to_wire
from agentsim.places.smb_pool import Pool
from agentsim.places.smb_reading import SmbContent
from agentsim.places.smb_root import FileSystem, ThroughALink, file_system, folds, open_root
from agentsim.places.smb_server import server_of
from agentsim.places.smb_status import (
    MISSING,
    OF_ANOTHER_KIND,
    StatusError,
    of_item,
    of_root,
)
from agentsim.places.smb_wire import Channel, link_in
from agentsim.places.smb_writing import Upload
from store import codes
from store.vocabulary import ItemKind

T = TypeVar("T")


class SmbPlace(Place):
    """A directory of a share."""

    streams = 8

    def __init__(self, opening: Opening, properties: Mapping[str, Any], secrets: Secrets) -> None:
        """Make it; nothing is connected yet.

        Raises:
            RunStopped: a secret cannot be resolved, or smbprotocol is missing.
        """
        super().__init__(opening)
        self._side = opening.side
        self._server = server_of(properties, secrets, opening.side)
        self._pool = Pool(self._server, opening.side, opening.lease)
        self._listings = Listings()
        self._system = FileSystem(0, 0)
        self._detail = Detail()
        self.holds = _holds(self._system, folds=True)

    # Coming and going.

    def reach(self) -> None:
        """As :class:`Place` has it: a connection, and the version of SMB agreed on."""
        self._pool.reach()

    def enter(self) -> None:
        """As :class:`Place` has it."""
        self._pool.enter()
        writes, root = self.opening.writes, self.opening.sub_path
        self._at_root(lambda channel: open_root(channel, root, writes=writes))
        system = self._at_root(lambda channel: file_system(channel, to_wire(root)))
        if system.read_only and writes:
            raise RunStopped(codes.TARGET_READ_ONLY, f"The share {self._server.unc} is read-only.", self._side.value)
        self._system = system
        self._detail = Detail(acl=system.acls, streams=system.streams)
        folded = self._at_root(lambda channel: folds(channel, root, self._listings, system, writes=writes))
        self.holds = _holds(system, folds=folded)

    def _at_root(self, act: Callable[[Channel], T]) -> T:
        try:
            return self._pool.call(act)
        except StatusError as error:
            raise of_root(error.status, self._side, self._root_words()) from error
        except ThroughALink as error:
            code = self._code(codes.SOURCE_PATH_INVALID, codes.TARGET_PATH_INVALID)
            raise RunStopped(
                code, f"{self._root_words()} leads through a link or a junction.", self._side.value
            ) from error
        except ValueError as error:
            code = self._code(codes.SOURCE_SCAN, codes.TARGET_PATH_INVALID)
            raise RunStopped(code, f"{self._root_words()} cannot be listed: {error}.", self._side.value) from error

    def _root_words(self) -> str:
        sub = self.opening.sub_path.decode("utf-8", "replace").replace("/", "\\")
        return f"{self._server.unc}\\{sub}" if sub else self._server.unc

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
        return f"type:smb place:{_word(place.encode())} volume:{self._system.serial:08x}"

    def attend(self, attributes: frozenset[str]) -> None:
        """As :class:`Place` has it: an ACL takes a message more for each file, and of a server some work."""
        self._detail = self._detail._replace(acl=self._detail.acl and "nt_acl" in attributes)

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
            # A directory's ACL is worth a question each, a file's travels with its content.
            item = item_of(facts, path, detailed=not (self._detail.acl and facts.kind is ItemKind.DIRECTORY))
            yield item
            if item.kind is ItemKind.DIRECTORY and descend(path):
                directory = path

    def _listed(self, directory: bytes) -> Iterator[Facts]:
        """What is in a directory, in the order of a walk.

        Raises:
            ItemFailed: it cannot be listed.
        """
        path = self._wire(directory)
        try:
            return self._pool.call(lambda channel: self._listings.whole(channel, path))
        except StatusError as error:
            found = of_item(error.status, self._side, f"listing a directory of the {self._side.value}")
            if isinstance(found, ItemChanged):
                found = ItemFailed(found.code, found.message)
            raise found from error
        except ValueError as error:
            raise ItemFailed(codes.ITEM_FAILED, f"The server's listing cannot be read: {error}.") from error

    def find(self, path: bytes) -> Item | None:
        """As :class:`Place` has it."""
        seen = self._asked(
            lambda channel: smb_asking.find(channel, self._wire(path), self._detail), "looking at an item of"
        )
        return None if seen is None else seen.item(path)

    def read(self, item: Item) -> Content:
        """As :class:`Place` has it."""
        try:
            return SmbContent(self._pool, self._wire(item.path), item, self._detail)
        except StatusError as error:
            if error.status in MISSING:
                raise ItemChanged(codes.ITEM_VANISHED, f"Gone since it was listed: {error}.") from error
            raise of_item(error.status, self._side, f"opening the {self._side.value}") from error

    def read_link(self, item: Item) -> bytes:
        """As :class:`Place` has it."""

        def ask(channel: Channel) -> tuple[str, bool]:
            answers = channel.together(
                [
                    sm.create(self._wire(item.path), sm.READ_ATTRIBUTES),
                    channel.reparse(),
                    sm.close(),
                ]
            )
            sm.good(answers[0])
            return link_in(answers[1])

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
            return Dressing(dress, acl=self._system.acls)
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
                sm.create(
                    self._wire(path),
                    sm.READ_ATTRIBUTES | dressing.access,
                    disposition=sm.OPEN_IF,
                    options=sm.DIRECTORY_FILE | sm.OPEN_REPARSE_POINT,
                )
            )
            handle, attributes = sm.handle_in(answer), sm.attributes_in(answer)
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
            access = sm.DELETE | (sm.WRITE_ATTRIBUTES if read_only else 0)
            try:
                seen = self._same(channel, item, access)
            except StatusError as error:
                if error.status in MISSING or error.status in OF_ANOTHER_KIND:
                    return False
                raise
            handle = seen.handle
            bits = seen.facts.attributes
            if read_only:
                channel.ask(sm.put(sm.FILE, sm.BASIC, attributes_only(bits & ~READ_ONLY), handle))
            answers = channel.together([sm.put(sm.FILE, sm.DISPOSITION, b"\1", handle), sm.close()])
            if read_only and isinstance(answers[0], StatusError):
                smb_asking.set_attributes(channel, self._wire(item.path), bits)
            for answer in answers:
                sm.good(answer)
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
                seen = self._same(channel, item, sm.DELETE)
            except StatusError as error:
                if moving and error.status in MISSING and self._is_at(channel, item, to):
                    return
                raise
            moving = True
            information = rename_information(self._wire(to), replace=False)
            answers = channel.together([sm.put(sm.FILE, sm.RENAME, information, seen.handle), sm.close()])
            sm.good(answers[0])

        self._asked(move, "moving an item of")

    def _is_at(self, channel: Channel, item: Item, path: bytes) -> bool:
        """Whether an item was moved there by a request whose answer was lost."""
        seen = smb_asking.find(channel, self._wire(path), Detail())
        return seen is not None and (seen.facts.size, seen.facts.kind) == (item.size, item.kind)


def _holds(system: FileSystem, *, folds: bool) -> Holds:
    return Holds(
        permissions=False,
        owners=False,
        links=False,
        directories=True,
        directory_times=True,
        time_step=system.time_step,
        attributes=frozenset({"dos", "nt_acl"} if system.acls else {"dos"}),
        folds=folds,
        largest=system.largest,
    )


def _word(text: bytes) -> str:
    """Text without blanks, as one word of an identity."""
    return "".join(chr(byte) if 33 <= byte <= 126 else f"%{byte:02x}" for byte in text)
