"""Making what was written survive a power cut: once per run, or file by file."""

from __future__ import annotations

import errno
import os

from agentsim.engine.errors import RunStopped, describe
from store import codes


def sync_file_system(fd: int) -> None:
    """Write everything of the file system that holds ``fd`` to its storage, and wait for it.

    One ``syncfs`` per run costs a fraction of ``fsync`` per file (reference measurements).

    Raises:
        RunStopped: the storage reports that something could not be written.
    """
    # Only the one helper that is asked needs it; importing it would slow the start of every run.
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "syncfs"):
        os.sync()
        return
    if libc.syncfs(fd):
        error = OSError(ctypes.get_errno(), "syncfs")
        raise RunStopped(codes.TARGET_NOT_DURABLE, describe(error, "making the target durable"), "target")


def sync_alone(fd: int) -> None:
    """Write one file, or one directory's entries, to the storage, where the file system can do that for it alone.

    Raises:
        OSError: the storage reports that it could not be written.
    """
    try:
        os.fsync(fd)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):
            raise
