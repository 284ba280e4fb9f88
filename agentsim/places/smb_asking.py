"""Questions about one path of a share that take more than one message, and what is set on an item."""

from __future__ import annotations

from typing import NamedTuple

from agentsim.places import smb_wire as wire
from agentsim.places.place import Dress, Item
from agentsim.places.smb_entries import (
    DACL,
    GROUP,
    OWNER,
    REPARSE,
    Facts,
    acl_parts,
    attributes_only,
    basic_information,
    facts_of,
    item_of,
    stream_names,
)
from agentsim.places.smb_status import (
    ACCESS_DENIED,
    LOST,
    MISSING,
    OF_ANOTHER_KIND,
    REFUSED,
    ConnectionLost,
    StatusError,
    words,
)
from agentsim.places.smb_wire import Channel, good, handle_in, information_in

_ACL_PARTS = OWNER | GROUP | DACL


class Detail(NamedTuple):
    """What to ask about an item beyond its facts.

    Attributes:
        acl: its security descriptor.
        streams: its alternate data streams.
    """

    acl: bool = False
    streams: bool = False


class Seen(NamedTuple):
    """An open item.

    Attributes:
        handle: the server's.
        facts: what it is.
        acl: its security descriptor, where it was asked for and may be read.
        extras: what only some places hold.
    """

    handle: bytes
    facts: Facts
    acl: bytes | None
    extras: tuple[str, ...]

    def item(self, path: bytes) -> Item:
        """As the engine has it."""
        return item_of(self.facts, path, acl=self.acl, extras=self.extras)


def look(channel: Channel, path: bytes, access: int, detail: Detail, *, options: int = wire.OPEN_REPARSE_POINT) -> Seen:
    """Open an item that exists, as itself and never as what it leads to, and ask what it is.

    Args:
        channel: the connection.
        path: from the share's root, in SMB's words.
        access: rights besides that to read its attributes.
        detail: what else to ask.
        options: of the open.

    Raises:
        StatusError, ConnectionLost, Canceled.
    """
    access |= wire.READ_ATTRIBUTES
    messages = [channel.create(path, access | (wire.READ_CONTROL if detail.acl else 0), options=options)]
    messages.append(channel.query(wire.FILE, wire.ALL))
    messages.append(channel.query(wire.FILE, wire.ATTRIBUTE_TAG))
    if detail.acl:
        messages.append(channel.query(wire.SECURITY, 0, parts=_ACL_PARTS))
    if detail.streams:
        messages.append(channel.query(wire.FILE, wire.STREAMS))
    answers = channel.together(messages)
    opened = answers[0]
    if detail.acl and isinstance(opened, StatusError) and opened.status == ACCESS_DENIED:
        return look(channel, path, access, detail._replace(acl=False), options=options)
    handle = handle_in(opened)
    try:
        facts = facts_of(information_in(answers[1]))
    except ValueError as error:
        raise ConnectionLost(str(error)) from error
    if facts.attributes & REPARSE and not isinstance(answers[2], StatusError):
        facts = facts._replace(tag=int.from_bytes(information_in(answers[2])[4:8], "little"))
    acl = None
    if detail.acl and not isinstance(answers[3], StatusError):
        acl = information_in(answers[3])
    extras: tuple[str, ...] = ()
    if detail.streams and not isinstance(answers[-1], StatusError):
        extras = tuple(f"the data stream {name}" for name in stream_names(information_in(answers[-1])))
    return Seen(handle, facts, acl, extras)


def find(channel: Channel, path: bytes, detail: Detail) -> Seen | None:
    """What an item is now, closed again; None when there is none."""
    try:
        seen = look(channel, path, 0, detail)
    except StatusError as error:
        if error.status in MISSING or error.status in OF_ANOTHER_KIND:
            return None
        raise
    channel.forget(seen.handle)
    return seen


class Dressing:
    """The messages that give an open item its metadata, and what came of them.

    Attributes:
        access: rights that the item has to be opened with.
    """

    def __init__(self, dress: Dress, *, acl: bool) -> None:
        self._dress = dress
        self._descriptor, self._parts = acl_parts(dress.nt_acl) if acl and dress.nt_acl else (b"", 0)
        self.access = 0
        if dress.mtime_ns is not None or dress.atime_ns is not None or dress.dos is not None:
            self.access |= wire.WRITE_ATTRIBUTES
        if self._parts & DACL:
            self.access |= wire.WRITE_DAC
        if self._parts & (OWNER | GROUP):
            self.access |= wire.WRITE_OWNER
        self._lost: list[str] = []

    @property
    def remark(self) -> str:
        """What could not be kept."""
        return "; ".join(self._lost)

    def give_up_owner(self, why: StatusError) -> bool:
        """Do without the owner, and next without the ACL; whether there was something to do without."""
        for parts, right, name in (
            (OWNER | GROUP, wire.WRITE_OWNER, "owner"),
            (DACL, wire.WRITE_DAC, "access control list"),
        ):
            if self._parts & parts:
                self._parts &= ~parts
                self.access &= ~right
                self._lost.append(f"the {name}: {words(why.status)}")
                return True
        return False

    def messages(self, channel: Channel, attributes: int | None, handle: bytes = wire.RELATED) -> list[object]:
        """The messages, to be sent together; the times come last, since all else changes them."""
        found: list[object] = []
        for parts in (DACL, OWNER | GROUP):
            if some := self._parts & parts:
                found.append(channel.set(wire.SECURITY, 0, self._descriptor, handle, parts=some))
                handle = wire.RELATED
        if basic := basic_information(self._dress, attributes):
            found.append(channel.set(wire.FILE, wire.BASIC, basic, handle))
        return found

    def settle(self, answers: list[bytes | StatusError]) -> None:
        """Read the answers to :meth:`messages`.

        Raises:
            StatusError: the times or attributes could not be set.
        """
        remaining = list(answers)
        for parts, name in ((DACL, "access control list"), (OWNER | GROUP, "owner")):
            if self._parts & parts:
                answer = remaining.pop(0)
                if isinstance(answer, StatusError):
                    if answer.status in LOST:
                        raise answer
                    words_ = f"the {name}: {words(answer.status)}"
                    if words_ not in self._lost:
                        self._lost.append(words_)
        for answer in remaining:
            good(answer)


def dress(channel: Channel, handle: bytes, dressing: Dressing, attributes: int | None) -> None:
    """Give an open item its metadata, and close it.

    Raises:
        StatusError, ConnectionLost, Canceled.
    """
    messages = dressing.messages(channel, attributes, handle)
    if not messages:
        channel.forget(handle)
        return
    answers = channel.together([*messages, channel.close_file()])
    dressing.settle(answers[:-1])


def set_attributes(channel: Channel, path: bytes, bits: int) -> None:
    """Set nothing but an item's attributes."""
    for answer in channel.together(
        [
            channel.create(path, wire.WRITE_ATTRIBUTES),
            channel.set(wire.FILE, wire.BASIC, attributes_only(bits)),
            channel.close_file(),
        ]
    ):
        good(answer)


def may_be_refused(error: StatusError) -> bool:
    """Whether asking for fewer rights may help."""
    return error.status in REFUSED
