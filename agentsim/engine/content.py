"""Moving the bytes of one open file into another, by the fastest way the two file systems allow."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable

from agentsim.engine.errors import Side, classify

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
        self._pair = (0, 0)
        self._in_kernel = True
        self._buffer: memoryview | None = None

    def between(self, source_device: int, target_device: int) -> None:
        """Say which devices the next files are on."""
        pair = (source_device, target_device)
        if pair != self._pair:
            self._pair = pair
            self._in_kernel = pair not in self._unable

    def copy(self, source: int, target: int, size: int, step: Callable[[int], None]) -> int:
        """Copy from the present positions up to the end of the source.

        Args:
            source: readable descriptor.
            target: writable descriptor.
            size: bytes that the source is expected to hold.
            step: called before each chunk after the first with the bytes copied so far; may raise to stop.

        Returns:
            Bytes copied. The source may have turned out shorter or longer than ``size``: then the
            result is not ``size``, and the copy is not to be used.

        Raises:
            ItemFailed, ItemChanged, RunStopped: by the side whose call failed.
        """
        done = 0
        while self._in_kernel and done < size:
            if done:
                step(done)
            try:
                count = os.copy_file_range(source, target, min(size - done, CHUNK_BYTES))
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
            done += count
        if done == size and size:
            return done
        return self._by_buffer(source, target, size, done, step)

    def _by_buffer(self, source: int, target: int, size: int, done: int, step: Callable[[int], None]) -> int:
        if self._buffer is None:
            self._buffer = memoryview(bytearray(BUFFER_BYTES))
        buffer = self._buffer
        while True:
            if done:
                step(done)
            try:
                count = os.readv(source, [buffer])
            except OSError as error:
                raise classify(error, Side.SOURCE, "reading the source") from error
            if not count:
                return done
            rest = buffer[:count]
            while rest:
                try:
                    rest = rest[os.write(target, rest) :]
                except OSError as error:
                    raise classify(error, Side.TARGET, "writing the target") from error
            done += count
            if done >= size > 0:
                # The end by the source's own size; a source that grew shows in its next fstat.
                return done
