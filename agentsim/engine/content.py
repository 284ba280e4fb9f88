"""Moving the bytes of one open file into another, by the fastest way the two file systems allow."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator

from agentsim.engine.digest import Digest, add_zeros
from agentsim.engine.errors import Side, classify
from agentsim.engine.holes import data_segments
from agentsim.engine.mounts import in_user_space

CHUNK_BYTES = 4 * 1024 * 1024
"""Bytes per in-kernel copy; the lease is asked and progress shown between two of them."""

BUFFER_BYTES = 1024 * 1024
"""Bytes per read and write where the kernel cannot copy by itself (128 KiB to 4 MiB measure alike)."""

_UNABLE = {errno.EXDEV, errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS, errno.EPERM, errno.EBADF, errno.ETXTBSY}
"""``copy_file_range`` answers these for a pair of file systems that it does not serve."""

_TARGET = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS}
"""Errors of an in-kernel copy that can only be the target's."""


class ContentCopier:
    """Copies content; remembers which pairs of devices need read and write."""

    def __init__(self) -> None:
        self._unable: set[tuple[int, int]] = set()
        self._user_space: dict[int, bool] = {}
        self._pair = (0, 0)
        self._in_kernel = True
        self._buffer: memoryview | None = None

    def between(self, source_device: int, target_device: int) -> None:
        """Say which devices the next files are on."""
        pair = (source_device, target_device)
        if pair != self._pair:
            self._pair = pair
            if source_device not in self._user_space:
                self._user_space[source_device] = in_user_space(source_device)
            self._in_kernel = pair not in self._unable and not self._user_space[source_device]

    def copy(
        self,
        source: int,
        target: int,
        size: int,
        step: Callable[[int], None],
        sparse: bool = False,
        digest: Digest | None = None,
    ) -> int:
        """Copy a whole file into an empty one.

        Args:
            source: readable descriptor.
            target: writable descriptor.
            size: bytes that the source is expected to hold.
            step: called before each chunk after the first with the position reached; may raise to stop.
            sparse: the source may have holes: only its data is read, and the target gets the same holes.
            digest: takes in all bytes of the source, holes as zeros; they pass through a buffer then.

        Returns:
            Bytes copied, holes included. The source may have turned out shorter or longer than
            ``size``: then the result may differ from ``size``, and the copy is not to be used.

        Raises:
            ItemFailed, ItemChanged, RunStopped: by the side whose call failed.
        """
        if not sparse:
            return self._copy_range(source, target, 0, size, size, step, digest)
        at = 0
        segments = data_segments(source, size)
        while segment := _next(segments):
            begin, end = segment
            if digest:
                add_zeros(digest, at, begin, step)
            at = self._copy_range(source, target, begin, end, size, step, digest)
            if at != end:
                return at
        if at < size:
            if digest:
                add_zeros(digest, at, size, step)
            try:
                os.ftruncate(target, size)
            except OSError as error:
                raise classify(error, Side.TARGET, "writing the target") from error
        return size

    def _copy_range(
        self,
        source: int,
        target: int,
        begin: int,
        end: int,
        size: int,
        step: Callable[[int], None],
        digest: Digest | None,
    ) -> int:
        """Copy the bytes from ``begin`` to ``end``; returns the position reached."""
        at = begin
        while at < end and self._in_kernel and digest is None:
            if at:
                step(at)
            try:
                count = os.copy_file_range(source, target, min(end - at, CHUNK_BYTES), at, at)
            except OSError as error:
                if error.errno in _TARGET:
                    raise classify(error, Side.TARGET, "writing the target") from error
                if error.errno in _UNABLE:
                    self._unable.add(self._pair)
                    self._in_kernel = False
                # Any other error: plain calls from here on tell whose it is.
                break
            if not count:
                # Some file systems answer 0 instead of refusing; read() knows whether it is the end.
                break
            at += count
        if at == end and end > begin:
            return at
        return self._by_buffer(source, target, at, end, size, step, digest)

    def _by_buffer(
        self,
        source: int,
        target: int,
        begin: int,
        end: int,
        size: int,
        step: Callable[[int], None],
        digest: Digest | None,
    ) -> int:
        if self._buffer is None:
            self._buffer = memoryview(bytearray(BUFFER_BYTES))
        at = begin
        while True:
            if at:
                step(at)
            # Up to the end of the file reads may go beyond it, so that a file that grew shows.
            buffer = self._buffer if end == size else self._buffer[: end - at]
            try:
                count = os.preadv(source, [buffer], at)
            except OSError as error:
                raise classify(error, Side.SOURCE, "reading the source") from error
            if not count:
                return at
            if digest:
                digest.update(buffer[:count])
            rest = buffer[:count]
            while rest:
                try:
                    written = os.pwrite(target, rest, at)
                except OSError as error:
                    raise classify(error, Side.TARGET, "writing the target") from error
                at += written
                rest = rest[written:]
            if at >= end:
                # The end by the source's own size; a source that grew shows in its next fstat, and one that
                # is longer than it says (some of the kernel's files have no end) in what is returned.
                return at


def _next(segments: Iterator[tuple[int, int]]) -> tuple[int, int] | None:
    try:
        return next(segments, None)
    except OSError as error:
        raise classify(error, Side.SOURCE, "reading the source") from error
