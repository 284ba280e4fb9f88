"""A real agent with a real store, for what cannot be told from a worker alone.

The store and the agent's state lie outside the measured file system, as they do in earnest: the
store's own syncs would otherwise wait for the copy's data.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from store.queries.runs import RunRow
from store.vocabulary import JobRunStatus
from tests.agent.migration import Migration

LIMIT_SECONDS = 3600.0

HEARTBEAT_SECONDS = "5"
"""The interval of a real agent: shorter ones would hide how it hears of a run."""


@contextmanager
def migration(base: Path) -> Iterator[Migration]:
    """A migration between ``base/source`` and ``base/target``; its agents end with it."""
    with tempfile.TemporaryDirectory(prefix="longshore-bench-") as directory:
        found = Migration(Path(directory), "Additive", trees=base)
        try:
            yield found
        finally:
            found.close()


def succeeded(found: Migration, meanwhile: Callable[[], None] = lambda: time.sleep(0.05)) -> RunRow:
    """Wait for the latest run's end, which must be a good one."""
    end = time.monotonic() + LIMIT_SECONDS
    while (run := found.latest()).active:
        if time.monotonic() > end:
            raise RuntimeError(f"the run does not end: {run}")
        meanwhile()
    if run.status is not JobRunStatus.SUCCEEDED:
        raise RuntimeError(f"the run did not succeed: {run}\n{found.log()}")
    return run


def process_tree(pid: int) -> list[int]:
    """A process and all below it."""
    found = [pid]
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += process_tree(int(child))
    return found
