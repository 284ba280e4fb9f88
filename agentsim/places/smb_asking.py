"""Questions about one path of a share that take more than one message, and what is set on an item."""

from __future__ import annotations

from typing import NamedTuple

from agentsim.places import smb_messages as sm
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
    canonical,
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
from agentsim.places.smb_wire import Channel

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
        first: the answer to the read, where one was asked for.
    """

    handle: bytes
    facts: Facts
    acl: bytes | None
    extras: tuple[str, ...]
    first: bytes | StatusError = b""

    def item(self, path: bytes) -> Item:
        """As the engine has it."""
        return item_of(self.facts, path, acl=self.acl, extras=self.extras)


def look(
    channel: Channel,
    path: bytes,
    access: int,
    detail: Detail,
    *,
    options: int = sm.OPEN_REPARSE_POINT,
    begin: int = 0,
) -> Seen:
    """Open an item that exists, as itself and never as what it leads to, and ask what it is.

    Args:
        channel: the connection.
        path: from the share's root, in SMB's words.
        access: rights besides that to read its attributes.
        detail: what else to ask.
        options: of the open.
        begin: bytes to read from its beginning, in the same go.

    Raises:
        StatusError, ConnectionLost, Canceled.
    """
    access |= sm.READ_ATTRIBUTES
    messages = [
        sm.create(path, access | (sm.READ_CONTROL if detail.acl else 0), options=options),
        sm.query(sm.FILE, sm.ALL),
    ]
    if detail.acl:
        messages.append(sm.query(sm.SECURITY, 0, parts=_ACL_PARTS))
    if detail.streams:
        messages.append(sm.query(sm.FILE, sm.STREAMS))
    if begin:
        messages.append(sm.read(0, begin))
    answers = channel.together(messages)
    opened = answers[0]
    if detail.acl and isinstance(opened, StatusError) and opened.status == ACCESS_DENIED:
        return look(channel, path, access, detail._replace(acl=False), options=options, begin=begin)
    handle = sm.handle_in(opened)
    facts = _facts(channel, handle, answers[1])
    first = answers.pop() if begin else b""
    streams = answers.pop() if detail.streams else b""
    acl = answers.pop() if detail.acl else b""
    return Seen(
        handle,
        facts,
        _acl(sm.information_in(acl)) if acl and not isinstance(acl, StatusError) else None,
        _extras(sm.information_in(streams)) if streams and not isinstance(streams, StatusError) else (),
        first,
    )


def _facts(channel: Channel, handle: bytes, answer: bytes | StatusError) -> Facts:
    try:
        facts = facts_of(sm.information_in(answer))
    except ValueError as error:
        raise ConnectionLost(str(error)) from error
    if facts.attributes & REPARSE:
        tag = sm.information_in(channel.ask(sm.query(sm.FILE, sm.ATTRIBUTE_TAG, handle)))
        facts = facts._replace(tag=int.from_bytes(tag[4:8], "little"))
    return facts


def _acl(descriptor: bytes) -> bytes | None:
    try:
        return canonical(descriptor)
    except ValueError:
        return None


def _extras(streams: bytes) -> tuple[str, ...]:
    return tuple(f"the data stream {name}" for name in stream_names(streams))


def find(channel: Channel, path: bytes, detail: Detail, *, access: int = 0) -> Seen | None:
    """What an item is now, closed again; None when there is none."""
    try:
        seen = look(channel, path, access, detail)
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
            self.access |= sm.WRITE_ATTRIBUTES
        if self._parts & DACL:
            self.access |= sm.WRITE_DAC
        if self._parts & (OWNER | GROUP):
            self.access |= sm.WRITE_OWNER
        self._lost: list[str] = []

    @property
    def remark(self) -> str:
        """What could not be kept."""
        return "; ".join(self._lost)

    @property
    def dos(self) -> int | None:
        """The attributes that the item is to have; None for those that it gets."""
        return self._dress.dos

    def give_up_owner(self, why: StatusError) -> bool:
        """Do without the owner, and next without the ACL; whether there was something to do without."""
        for parts, right, name in (
            (OWNER | GROUP, sm.WRITE_OWNER, "owner"),
            (DACL, sm.WRITE_DAC, "access control list"),
        ):
            if self._parts & parts:
                self._parts &= ~parts
                self.access &= ~right
                self._lost.append(f"the {name}: {words(why.status)}")
                return True
        return False

    def messages(self, attributes: int | None, handle: bytes = sm.RELATED) -> list[object]:
        """The messages, to be sent together; the times come last, since all else changes them."""
        found: list[object] = []
        for parts in (DACL, OWNER | GROUP):
            if some := self._parts & parts:
                found.append(sm.put(sm.SECURITY, 0, self._descriptor, handle, parts=some))
                handle = sm.RELATED
        if basic := basic_information(self._dress, attributes):
            found.append(sm.put(sm.FILE, sm.BASIC, basic, handle))
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
            sm.good(answer)


def dress(channel: Channel, handle: bytes, dressing: Dressing, attributes: int | None) -> None:
    """Give an open item its metadata, and close it.

    Raises:
        StatusError, ConnectionLost, Canceled.
    """
    messages = dressing.messages(attributes, handle)
    if not messages:
        channel.forget(handle)
        return
    answers = channel.together([*messages, sm.close()])
    dressing.settle(answers[:-1])


def set_attributes(channel: Channel, path: bytes, bits: int) -> None:
    """Set nothing but an item's attributes."""
    for answer in channel.together(
        [
            sm.create(path, sm.WRITE_ATTRIBUTES),
            sm.put(sm.FILE, sm.BASIC, attributes_only(bits)),
            sm.close(),
        ]
    ):
        sm.good(answer)


def may_be_refused(error: StatusError) -> bool:
    """Whether asking for fewer rights may help."""
    return error.status in REFUSED
