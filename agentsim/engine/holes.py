"""Where a file holds data, so that its holes stay holes (faults F33)."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator

_UNTOLD = {errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS}
"""A file system that cannot tell data from holes answers these."""


def data_segments(fd: int, size: int) -> Iterator[tuple[int, int]]:
    """Begin and end of each stretch of data, ascending; where that cannot be told, one for the whole file.

    Moves the descriptor's position.

    Args:
        fd: a regular file.
        size: bytes to look at.

    Raises:
        OSError: for any reason but a file system that cannot tell.
    """
    at = 0
    while at < size:
        try:
            begin = os.lseek(fd, at, os.SEEK_DATA)
            end = os.lseek(fd, begin, os.SEEK_HOLE) if begin < size else size
        except OSError as error:
            if error.errno == errno.ENXIO:
                # No data from here on.
                return
            if error.errno not in _UNTOLD:
                raise
            begin, end = at, size
        if begin >= size:
            return
        at = min(end, size)
        yield begin, at
