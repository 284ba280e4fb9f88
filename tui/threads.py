"""Threads that wait for the store, and a process that does not wait for them when it is left.

A server that falls silent keeps a thread waiting for as long as it likes; whoever pressed ``q`` wants their shell.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

GRACE_SECONDS = 2.0
"""How long an operation that is under way may take to end; what is not committed then is undone by the store."""


class LooseThreads(ThreadPoolExecutor):
    """Threads that an event loop does not wait for when it closes."""

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        super().shutdown(wait=False, cancel_futures=True)


def leave(code: int) -> int:
    """Give threads a moment to end; if one does not, end the process with the exit code, else return it."""
    late = time.monotonic() + GRACE_SECONDS
    waiting = [t for t in threading.enumerate() if t is not threading.current_thread() and not t.daemon]
    for thread in waiting:
        thread.join(max(0.0, late - time.monotonic()))
    if any(thread.is_alive() for thread in waiting):
        sys.stdout.flush()
        sys.stderr.flush()
        # Python itself would wait for them.
        os._exit(code)
    return code
