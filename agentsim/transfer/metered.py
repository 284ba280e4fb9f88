"""A file's content on its way: counted, watched and digested while the target reads it."""

from __future__ import annotations

import hashlib

from agentsim.engine import board
from agentsim.places.place import Content
from agentsim.transfer.crew import Hand


class Metered(Content):
    """Hands on what it reads.

    Closing it takes its bytes back from those in flight; the content below is its owner's to close.
    """

    def __init__(self, content: Content, hand: Hand, *, digest: bool) -> None:
        self.item = content.item
        self._content = content
        self._hand = hand
        self._cells = hand.slot.cells
        self._read = 0
        self._digest = hashlib.md5(usedforsecurity=False) if digest else None

    @property
    def digest(self) -> str:
        """MD5 of all that was read, in hexadecimal; empty where none is made."""
        return self._digest.hexdigest() if self._digest is not None else ""

    def read(self, count: int) -> bytes:
        self._hand.lease.check()
        data = self._content.read(count)
        self._cells[board.IN_FLIGHT] += len(data)
        self._read += len(data)
        if self._digest is not None:
            self._digest.update(data)
        return data

    def __enter__(self) -> Metered:
        return self

    def settle(self) -> None:
        self._content.settle()

    def close(self) -> None:
        self._cells[board.IN_FLIGHT] -= self._read
        self._read = 0
