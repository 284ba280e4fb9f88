"""Listing a directory of a share, page by page."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any, Final

from agentsim.places import smb_messages as sm
from agentsim.places.place import walk_key
from agentsim.places.smb_entries import Facts, entries
from agentsim.places.smb_status import NO_MORE_FILES, NO_SUCH_FILE, UNKNOWN_CLASS, StatusError
from agentsim.places.smb_wire import Channel
from agentsim.places.sorting import in_order

_ID_FULL: Final = 38
_FULL: Final = 2
"""Kinds of listings: with the server's numbers of files, and without."""


class Listings:
    """How one server lists."""

    def __init__(self) -> None:
        self._kind = _ID_FULL

    def whole(self, channel: Channel, path: bytes) -> Iterator[Facts]:
        """What is in a directory, in the order of a walk; nothing is asked of the server after the return.

        Raises:
            StatusError, ConnectionLost, Canceled.
            ValueError: the server sends what is no listing, or a name that would lead elsewhere.
        """
        ordered = in_order((_plain(facts) for facts in self.entries(channel, path)), _order)
        # The first of a sorted listing comes when all of it was read.
        first = next(ordered, None)
        both: Iterator[tuple[Any, ...]] = chain([] if first is None else [first], ordered)
        return (Facts(*found) for found in both)

    def entries(self, channel: Channel, path: bytes) -> Iterator[Facts]:
        """What is in a directory, as the server sends it; errors as :meth:`whole`."""
        access = sm.LIST | sm.READ_ATTRIBUTES
        options = sm.DIRECTORY_FILE | sm.OPEN_REPARSE_POINT
        handle = sm.handle_in(channel.ask(sm.create(path, access, options=options)))
        begin = True
        try:
            while (page := self._page(channel, handle, begin=begin)) is not None:
                begin = False
                for facts in entries(page, with_ids=self._kind == _ID_FULL):
                    if facts is None:
                        raise ValueError("it has a name that no item can have")
                    yield facts
        finally:
            if channel.alive:
                channel.forget(handle)

    def _page(self, channel: Channel, handle: bytes, *, begin: bool) -> bytes | None:
        """The next page; None after the last."""
        try:
            return sm.information_in(channel.ask(sm.next_page(handle, self._kind, channel.page, begin=begin)))
        except StatusError as error:
            if error.status in (NO_MORE_FILES, NO_SUCH_FILE):
                return None
            if begin and error.status in UNKNOWN_CLASS and self._kind == _ID_FULL:
                self._kind = _FULL
                return self._page(channel, handle, begin=True)
            raise


def _plain(facts: Facts) -> tuple[Any, ...]:
    """What can be spilled to a file."""
    return tuple(facts)


def _order(entry: tuple[Any, ...]) -> bytes:
    facts = Facts(*entry)
    return walk_key(facts.name, facts.kind)
