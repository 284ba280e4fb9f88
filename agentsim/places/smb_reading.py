"""Reading one file of a share, with requests under way ahead of the reader."""

from __future__ import annotations

from collections import deque
from typing import Any, Final

from agentsim.engine.errors import ItemChanged, Side
from agentsim.places import smb_messages as sm
from agentsim.places.place import Content, Item
from agentsim.places.smb_asking import Detail, Seen, find, look
from agentsim.places.smb_entries import REPARSE
from agentsim.places.smb_pool import BUSY_PAUSES, Patience, Pool, pause
from agentsim.places.smb_status import END_OF_FILE, IN_USE, ConnectionLost, StatusError, of_item
from agentsim.places.smb_wire import Channel
from store import codes
from store.vocabulary import ItemKind

AHEAD: Final = 4
"""Reads under way at once."""


class SmbContent(Content):
    """One file, open on a connection of its own; opened again where it was when that is lost."""

    def __init__(self, pool: Pool, path: bytes, item: Item, detail: Detail) -> None:
        """Open it.

        Args:
            pool: the connections.
            path: from the share's root, in SMB's words.
            item: the file as it was listed.
            detail: what to ask of it.

        Raises:
            StatusError: it cannot be opened.
            ItemChanged, RunStopped, Canceled.
        """
        self._pool = pool
        self._path = path
        self._listed = item
        self._detail = detail
        self._under_way: deque[tuple[int, Any]] = deque()
        self._early: bytes | StatusError = b""
        self._buffer = b""
        self._position = 0
        self._asked = 0
        self._patience = Patience(pool)
        self._seen: Seen | None = None
        self._channel: Channel | None
        self._channel, seen = pool.hold(self._open)
        self._size = seen.facts.size
        self.item = seen.item(item.path)

    def _open(self, channel: Channel) -> Seen:
        """Open it on a connection, and see that it is the file that is meant."""
        begin = 0 if self._position else min(self._listed.size, channel.chunk, sm.TOGETHER)
        seen = look(channel, self._path, sm.READ_DATA, self._detail, begin=begin)
        if seen.facts.attributes & REPARSE and seen.facts.kind is ItemKind.FILE:
            # Its content is kept elsewhere (deduplicated, archived): only an open that is let through reads it.
            channel.forget(seen.handle)
            through = look(channel, self._path, sm.READ_DATA, Detail(), options=sm.NON_DIRECTORY_FILE)
            if through.facts.file_id != seen.facts.file_id:
                channel.forget(through.handle)
                raise self._changed("it leads to another file")
            seen = seen._replace(handle=through.handle, facts=through.facts._replace(tag=seen.facts.tag), first=b"")
        expected = self._seen.facts.version if self._seen else self._listed.version
        if seen.facts.kind is not ItemKind.FILE or (expected and seen.facts.version != expected):
            channel.forget(seen.handle)
            raise self._changed("it is not the file that was listed")
        self._seen = seen
        self._early = seen.first
        self._asked = self._position
        self._under_way.clear()
        return seen

    def _changed(self, why: str) -> ItemChanged:
        return ItemChanged(codes.ITEM_CHANGED, f"Changed while it was copied: {why}.", self._listed.size)

    def read(self, count: int) -> bytes:
        """As :class:`Content` has it."""
        while len(self._buffer) < count and self._position < self._size:
            data = self._next()
            self._position += len(data)
            self._buffer = self._buffer + data if self._buffer else data
        if len(self._buffer) == count:
            data, self._buffer = self._buffer, b""
        else:
            data, self._buffer = self._buffer[:count], self._buffer[count:]
        return data

    def _next(self) -> bytes:
        """The bytes at the position."""
        pauses = iter(BUSY_PAUSES)
        while True:
            try:
                data = self._answered(self._opened())
            except ConnectionLost as lost:
                self._drop()
                self._patience.spend(lost)
                continue
            except StatusError as error:
                self._under_way.clear()
                if error.status == END_OF_FILE:
                    raise self._changed("it is shorter now") from error
                wait = next(pauses, None) if error.status in IN_USE else None
                if wait is None:
                    raise of_item(error.status, self._pool.side, f"reading the {self._pool.side.value}") from error
                self._drop()
                pause(wait, self._pool.lease)
                continue
            self._patience = Patience(self._pool)
            if not data:
                raise self._changed("it is shorter now")
            return data

    def _opened(self) -> Channel:
        """The connection that it is open on."""
        if self._channel is None:
            self._channel, _ = self._pool.hold(self._open, self._patience)
        return self._channel

    def _answered(self, channel: Channel) -> bytes:
        assert self._seen is not None
        early, self._early = self._early, b""
        if early and not isinstance(early, StatusError):
            data = sm.data_in(early)
            self._asked = len(data)
            return data
        while len(self._under_way) < AHEAD and self._asked < self._size and not (self._under_way and channel.exhausted):
            count = min(channel.chunk, self._size - self._asked)
            self._under_way.append((self._asked, channel.send(sm.read(self._asked, count, self._seen.handle))))
            self._asked += count
        offset, request = self._under_way.popleft()
        data = sm.data_in(channel.answer(request))
        if offset + len(data) < (self._under_way[0][0] if self._under_way else self._asked):
            # Less came than was asked for: what was asked ahead does not join on to it.
            for _, later in self._under_way:
                channel.answer(later)
            self._under_way.clear()
            self._asked = offset + len(data)
        return data

    def settle(self) -> None:
        """As :class:`Content` has it."""
        if self._buffer or self._position != self._size:
            raise self._changed("it was not read to its end")
        while True:
            try:
                self._compare(self._opened())
                return
            except ConnectionLost as lost:
                self._drop()
                self._patience.spend(lost)
            except StatusError as error:
                raise of_item(error.status, Side.SOURCE, "looking at the source again") from error

    def _compare(self, channel: Channel) -> None:
        """Close it, and see that it is what it was when it was opened."""
        assert self._seen is not None
        before = self._seen.facts
        self._early = b""
        now = sm.closed_as(channel.ask(sm.close(self._seen.handle)), before)
        if now is None:
            found = find(channel, self._path, Detail())
            now = found.facts if found else None
        self._channel = None
        self._pool.give(channel)
        if now is None or (before.changed, before.size, before.written) != (now.changed, now.size, now.written):
            raise self._changed("it was written to")

    def _drop(self) -> None:
        channel, self._channel = self._channel, None
        self._under_way.clear()
        if channel is not None:
            channel.close()

    def close(self) -> None:
        """As :class:`Content` has it."""
        channel, self._channel = self._channel, None
        if channel is None:
            return
        if self._under_way or not channel.alive or self._seen is None:
            channel.close()
            return
        try:
            channel.forget(self._seen.handle)
        finally:
            self._pool.give(channel)
