"""Writing one file of a share: to a temporary name, whole and on the server's disk, and then renamed."""

from __future__ import annotations

import contextlib
import secrets
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from agentsim.engine.errors import Canceled, ItemChanged, ItemFailed, RunStopped
from agentsim.places import smb_messages as sm
from agentsim.places.place import Content, Item, Written
from agentsim.places.smb_asking import Detail, Dressing, find, may_be_refused, set_attributes
from agentsim.places.smb_entries import DOS, HIDDEN, READ_ONLY, Facts, facts_of, rename_information
from agentsim.places.smb_names import to_wire
from agentsim.places.smb_pool import BUSY_PAUSES, Patience, Pool, pause
from agentsim.places.smb_status import IN_USE, MISSING, ConnectionLost, StatusError
from agentsim.places.smb_wire import Channel
from store import codes
from store.vocabulary import ItemKind

UNDER_WAY: Final = 4
"""Writes that are not yet answered."""

UNFLUSHED: Final = 8 << 20
"""Bytes that are kept to be sent again until the server has them on its disk: a server that loses power forgets what it
had only acknowledged."""


class Upload:
    """One file on its way. What was sent is kept until it is flushed: a lost connection is no reason to read again."""

    def __init__(self, pool: Pool, path: bytes, dressing: Dressing) -> None:
        """Make it; nothing is sent yet.

        Args:
            pool: the connections.
            path: of the file, as bytes, from the share's root.
            dressing: the metadata that it is to get.
        """
        directory, slash, _ = path.rpartition(b"/")
        self._pool = pool
        self._path = to_wire(path)
        self._always = HIDDEN if path.rpartition(b"/")[2].startswith(b".") else 0
        self._temporary = to_wire(directory + slash + b".longshore-%s.part" % secrets.token_hex(8).encode())
        self._dressing = dressing
        self._kept: list[tuple[int, bytes]] = []
        self._under_way: deque[tuple[int, Any]] = deque()
        self._length = 0
        self._whole = False
        self._flushed = False
        self._tried = False
        self._renaming = False
        self._revealed = False
        self._facts: Facts | None = None
        self._handle = b""
        self._version = ""
        self._now: Facts | None = None
        self._channel: Channel | None = None
        self._patience = Patience(pool)

    def run(self, content: Content, replacing: Item | None) -> Written:
        """Write it all.

        Raises:
            StatusError, ItemChanged, ItemFailed, RunStopped, Canceled.
        """
        try:
            self._send_all(content)
            content.settle()
            self._pool.lease.check()
            version = self._reveal(replacing)
        finally:
            self._end()
        return Written(size=self._length, version=version, remark=self._dressing.remark)

    def _send_all(self, content: Content) -> None:
        lease = self._pool.lease
        lease.check()
        chunk = self._opened_size()
        data = content.read(chunk)
        self._whole = len(data) < chunk
        self._add(data)
        self._do(lambda channel: None)
        while not self._whole:
            data = content.read(chunk)
            self._whole = len(data) < chunk
            lease.check()
            if data:
                self._add(data)
                self._do(self._send_last)
            if sum(len(kept) for _, kept in self._kept) >= UNFLUSHED:
                self._do(self._flush)
        if self._facts is None:
            self._do(self._finish)
        self._kept.clear()
        self._flushed = True

    def _opened_size(self) -> int:
        """Bytes of one write, as the first connection allows them."""
        self._channel, size = self._pool.hold(lambda channel: channel.chunk, self._patience)
        return size

    def _add(self, data: bytes) -> None:
        if data:
            self._kept.append((self._length, data))
        self._length += len(data)

    def _do(self, step: Callable[[Channel], None]) -> None:
        """Carry out a step, and again on a new connection when one is lost, and again when somebody is at the file.

        Raises:
            StatusError: the server is against it.
        """
        pauses = iter(BUSY_PAUSES)
        while True:
            try:
                if not self._handle:
                    self._open_somewhere()
                assert self._channel is not None
                step(self._channel)
                self._patience = Patience(self._pool)
                return
            except ConnectionLost as lost:
                self._drop()
                self._patience.spend(lost)
            except StatusError as error:
                wait = next(pauses, None) if error.status in IN_USE else None
                if wait is None:
                    raise
                pause(wait, self._pool.lease)

    def _open_somewhere(self) -> None:
        if self._channel is None:
            self._channel, _ = self._pool.hold(lambda channel: None, self._patience)
        while True:
            try:
                self._open(self._channel)
                return
            except StatusError as error:
                if not may_be_refused(error) or not self._dressing.give_up_owner(error):
                    raise

    def _open(self, channel: Channel) -> None:
        """Make the temporary file, or open it again, and send what is not flushed yet."""
        disposition = sm.CREATE if not self._tried else sm.OPEN if self._flushed else sm.OPEN_IF
        messages = [
            sm.create(
                self._temporary,
                sm.WRITE_DATA | sm.APPEND_DATA | sm.READ_ATTRIBUTES | sm.DELETE | self._dressing.access,
                disposition=disposition,
                options=sm.NON_DIRECTORY_FILE | sm.OPEN_REPARSE_POINT,
            ),
        ]
        early = [(offset, data) for offset, data in self._kept[:1] if len(data) <= sm.TOGETHER]
        messages += [sm.write(offset, data) for offset, data in early]
        alone = self._whole and early == self._kept
        if alone:
            messages += self._ending(sm.RELATED)
        self._tried = True
        answers = channel.together(messages)
        self._handle = sm.handle_in(answers[0])
        self._under_way.clear()
        for (_, data), answer in zip(early, answers[1:], strict=False):
            _counted(len(data), answer)
        for offset, data in self._kept[len(early) :]:
            _counted(len(data), channel.ask(sm.write(offset, data, self._handle)))
        if alone:
            self._ended(answers[1 + len(early) :])
        elif self._whole:
            self._finish(channel)

    def _send_last(self, channel: Channel) -> None:
        offset, data = self._kept[-1]
        self._under_way.append((len(data), channel.send(sm.write(offset, data, self._handle))))
        while len(self._under_way) > UNDER_WAY or (self._under_way and channel.exhausted):
            self._await_one(channel)

    def _await_one(self, channel: Channel) -> None:
        length, request = self._under_way.popleft()
        _counted(length, channel.answer(request))

    def _flush(self, channel: Channel) -> None:
        while self._under_way:
            self._await_one(channel)
        channel.ask(sm.flush(self._handle))
        self._kept.clear()
        self._flushed = True

    def _finish(self, channel: Channel) -> None:
        """Metadata, and all of it on the server's disk."""
        while self._under_way:
            self._await_one(channel)
        self._ended(channel.together(self._ending(self._handle)))

    def _ending(self, handle: bytes) -> list[Any]:
        messages = [sm.flush(handle), *self._dressing.messages(None)]
        return [*messages, sm.query(sm.FILE, sm.ALL)]

    def _ended(self, answers: list[bytes | StatusError]) -> None:
        sm.good(answers[0])
        self._dressing.settle(answers[1:-1])
        facts = facts_of(sm.information_in(answers[-1]))
        if facts.size != self._length:
            raise ItemFailed(
                codes.ITEM_DIGEST_DIFFERS, f"{self._length:,} bytes were written, and the server has {facts.size:,}."
            )
        self._facts = facts

    def _reveal(self, replacing: Item | None) -> str:
        """Put it in its place; returns its version."""
        cleared = self._make_way(replacing) if replacing is not None else None
        try:
            self._do(lambda channel: self._rename(channel, replace=replacing is not None))
        except BaseException as error:
            if isinstance(error, StatusError) and error.status in MISSING and (facts := self._arrived()):
                self._revealed = True
                return facts.version
            if cleared is not None:
                self._restore(cleared)
            raise
        self._set_attributes_again()
        return self._version

    def _set_attributes_again(self) -> None:
        """Give back the attributes that the rename changed.

        A rename marks a file for the archive. And Samba hides what begins with a dot, so it takes the temporary
        file's hidden attribute for set.
        """
        now, wanted = self._now, self._dressing.dos
        if now is None or wanted is None or not (now.attributes ^ wanted) & DOS & ~self._always:
            return

        def change(channel: Channel) -> str:
            set_attributes(channel, self._path, now.attributes & ~DOS | wanted & DOS)
            seen = find(channel, self._path, Detail())
            return seen.facts.version if seen else ""

        self._version = self._pool.call(change)

    def _make_way(self, replacing: Item) -> int | None:
        """See that what is to be replaced is what was compared; the attributes of a read-only file, which it loses.

        It is opened as if to be deleted: where another program has it open and does not share that, it is let be.
        Windows sees to this by itself, Samba does not.
        """
        seen = self._pool.call(lambda channel: find(channel, self._path, Detail(), access=sm.DELETE))
        if seen is None or (replacing.version and seen.facts.version != replacing.version):
            raise ItemChanged(codes.ITEM_CHANGED, "The target has changed since it was listed: somebody writes to it.")
        bits = seen.facts.attributes
        if seen.facts.kind is ItemKind.DIRECTORY or not bits & READ_ONLY:
            return None
        self._pool.call(lambda channel: set_attributes(channel, self._path, bits & ~READ_ONLY))
        return bits

    def _restore(self, bits: int) -> None:
        with contextlib.suppress(StatusError, RunStopped, Canceled):
            self._pool.call(lambda channel: set_attributes(channel, self._path, bits))

    def _rename(self, channel: Channel, *, replace: bool) -> None:
        assert self._facts is not None
        self._renaming = True
        information = rename_information(self._path, replace=replace)
        handle, self._handle = self._handle, b""
        renamed, closed = channel.together([sm.put(sm.FILE, sm.RENAME, information, handle), sm.close()])
        sm.good(renamed)
        self._revealed = True
        now = None if isinstance(closed, StatusError) else sm.closed_as(closed, self._facts)
        self._now = now
        self._version = now.version if now else ""

    def _arrived(self) -> Facts | None:
        """The file at its place, where the answer to the rename was lost but the rename was not."""
        if not self._renaming or self._facts is None:
            return None
        seen = self._pool.call(lambda channel: find(channel, self._path, Detail()))
        ours = self._facts
        if seen is None:
            return None
        found = seen.facts
        same = (found.file_id, found.size, found.written) == (ours.file_id, ours.size, ours.written)
        return found if same else None

    def _drop(self) -> None:
        channel, self._channel = self._channel, None
        self._handle = b""
        self._under_way.clear()
        if channel is not None:
            channel.close()

    def _end(self) -> None:
        """Leave nothing behind but the file in its place."""
        channel, self._channel = self._channel, None
        if self._revealed or not self._tried:
            if channel is not None:
                self._pool.give(channel)
            return
        handle, sound = self._handle, not self._under_way
        if channel is None or not channel.alive:
            handle, sound = b"", True
            try:
                channel = self._pool.take()
            except (ConnectionLost, StatusError, RunStopped, Canceled):
                return  # A later run removes it.
        with channel.hurried(), contextlib.suppress(ConnectionLost, StatusError):
            if not handle:
                handle = sm.handle_in(channel.ask(sm.create(self._temporary, sm.DELETE)))
            channel.together([sm.put(sm.FILE, sm.DISPOSITION, b"\1", handle), sm.close()])
        if sound:
            self._pool.give(channel)
        else:
            channel.close()  # Answers may still come that nobody waits for.


def _counted(length: int, answer: bytes | StatusError) -> None:
    """See that all bytes of a write were taken."""
    count = sm.count_in(answer)
    if count != length:
        raise ItemFailed(codes.ITEM_FAILED, f"The server took {count:,} of {length:,} bytes of a write.")
