"""Whether two files hold the same bytes: what neither size nor time can tell (faults F17)."""

from __future__ import annotations

import os
from collections.abc import Callable

from agentsim.engine.backoff import Patience
from agentsim.engine.board import IN_FLIGHT, Slot
from agentsim.engine.decide import moved
from agentsim.engine.digest import Digest, new_digest
from agentsim.engine.errors import ItemChanged, ItemFailed, Side, classify
from agentsim.engine.lease import Lease
from agentsim.engine.sourcefile import Reader, let_go, look, settled
from store import codes

BUFFER_BYTES = 1024 * 1024
"""Bytes of each side that are compared at once; the lease is asked between two of them."""

RETRIES = 3
"""How often a file that changed while it was read is read again before it is left as ``Changed``."""


def same_content(
    source: int, target: int, size: int, step: Callable[[int], None], digest: Digest | None = None
) -> bool:
    """Compare two files up to the first difference.

    Args:
        source: readable descriptor; its position stays.
        target: the same.
        size: bytes that both are expected to hold.
        step: called between two buffers with the bytes compared so far; may raise to stop.
        digest: takes in the bytes that were equal, read from the source.

    Returns:
        Whether both hold the same bytes, ``size`` of them.

    Raises:
        ItemChanged, ItemFailed, RunStopped: by the side that could not be read.
    """
    length = min(BUFFER_BYTES, max(size, 1))
    theirs, ours = bytearray(length), bytearray(length)
    done = 0
    while True:
        count = _fill(source, theirs, done, Side.SOURCE)
        if count != _fill(target, ours, done, Side.TARGET):
            return False
        if not count:
            return done == size
        # Whole buffers are compared where they lie; only a last, shorter one is cut out.
        if theirs != ours if count == length else theirs[:count] != ours[:count]:
            return False
        if digest:
            digest.update(memoryview(theirs)[:count])
        done += count
        step(done)


def _fill(fd: int, buffer: bytearray, at: int, side: Side) -> int:
    """Read until the buffer is full or the file is at its end; returns the bytes read."""
    view = memoryview(buffer)
    filled = 0
    try:
        while filled < len(view) and (count := os.preadv(fd, [view[filled:]], at + filled)):
            filled += count
    except OSError as error:
        raise classify(error, side, f"reading the {side.value}") from error
    return filled


class Comparer:
    """Compares the content of files of one size for one process."""

    def __init__(self, lease: Lease, slot: Slot, reader: Reader, patience: Patience, *, digests: bool) -> None:
        self._lease = lease
        self._cells = slot.cells
        self._reader = reader
        self._patience = patience
        self._digests = digests

    def compare(
        self,
        source_directory: int,
        target_directory: int,
        name: str,
        source_stat: os.stat_result,
        target_stat: os.stat_result,
    ) -> tuple[bool, str]:
        """Whether two regular files are equal by their bytes.

        Args:
            source_directory: descriptor.
            target_directory: descriptor.
            name: the file in both.
            source_stat: the source file as it was listed.
            target_stat: the target file as it was listed.

        Returns:
            Whether they are equal, and the hex MD5 of the source; that is empty where they are not,
            or no digests are wanted.

        Raises:
            ItemChanged: the source is not the file that was listed, or changes all the time.
            ItemFailed: a file cannot be read, or the target is not the one that was listed.
            Canceled, RunStopped: the run ends.
        """
        moves = failures = 0
        while True:
            try:
                result = self._attempt(source_directory, target_directory, name, source_stat, target_stat)
            except ItemFailed as failure:
                self._patience.wait(failure, failures, source_directory, target_directory)
                failures += 1
                continue
            if result is not None:
                return result
            moves += 1
            if moves > RETRIES:
                raise ItemChanged(
                    codes.ITEM_CHANGED, f"Changed while it was compared, {moves} times", source_stat.st_size
                )

    def _attempt(
        self,
        source_directory: int,
        target_directory: int,
        name: str,
        source_stat: os.stat_result,
        target_stat: os.stat_result,
    ) -> tuple[bool, str] | None:
        """One comparison; None when the source changed meanwhile."""
        source = target = -1
        try:
            source = self._reader.open(source_directory, name)
            before = look(source)
            before = settled(source, before)
            if not _is_listed(before, source_stat):
                raise ItemChanged(codes.ITEM_CHANGED, "Changed since it was listed", before.st_size)
            target = self._reader.open(target_directory, name, Side.TARGET)
            theirs = look(target, Side.TARGET)
            if not _is_listed(theirs, target_stat):
                raise ItemFailed(codes.ITEM_FAILED, "The target changed since it was listed")
            digest = new_digest() if self._digests else None
            equal = same_content(source, target, before.st_size, self._step, digest)
            if moved(before, look(source)):
                return None
            if moved(theirs, look(target, Side.TARGET)):
                raise ItemFailed(codes.ITEM_FAILED, "The target changed while it was compared")
            return equal, digest.hexdigest() if equal and digest else ""
        finally:
            self._cells[IN_FLIGHT] = 0
            for fd in (source, target):
                if fd >= 0:
                    let_go(fd)

    def _step(self, done: int) -> None:
        self._cells[IN_FLIGHT] = done
        self._lease.check()


def _is_listed(found: os.stat_result, listed: os.stat_result) -> bool:
    return (found.st_ino, found.st_dev, found.st_size) == (listed.st_ino, listed.st_dev, listed.st_size)
