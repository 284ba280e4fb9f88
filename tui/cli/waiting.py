"""Following a run to its end: woken by the store's watch, with the store's own deadlines kept."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING

from store.errors import AgentUnavailable, NotFound, StoreUnavailable
from store.queries import fleet as fleet_queries
from store.queries import runs as run_queries
from store.queries.runs import RunRow
from store.reader import Reader
from store.vocabulary import JobRunStatus
from store.watch import Watch
from tui.cli import output, run_text

if TYPE_CHECKING:
    from store.db import Store

LOOK_SECONDS = 1.0
"""How often the run is looked at although nothing changed: an agent falls silent without a word."""

SETTLE_SECONDS = 0.2
"""The least time between two looks: a line that changes more often cannot be read."""

QUEUED_GRACE_SECONDS = 3.0
"""How long an agent that is only just starting may take for its first heartbeat."""

LOST_SECONDS = 60.0
"""How long an agent may be silent in the middle of a run before waiting for it ends."""

LINE_SECONDS = 5.0
"""The interval of lines where there is no terminal to draw one line on."""


def not_running(row: RunRow) -> str:
    """What to say of a run that waits for an agent that is not there."""
    return (
        f"The agent '{row.agent_name}' is not running; {row.label} stays {row.status}: start it with "
        f"'longshore-agent run', or give the run to another with '{run_text.hand_over(row)}'."
    )


def until_end(store: Store, run_id: int, *, quiet: bool, sweeps: bool) -> RunRow:
    """Wait until a run has ended, and return it.

    Args:
        store: the run's store.
        run_id: the run.
        quiet: show no progress.
        sweeps: end the run here when its cancel deadline has passed, as every writer does.

    Raises:
        AgentUnavailable: its agent does not run, or fell silent.
        NotFound: the run was deleted. StoreUnavailable: the store was replaced or cannot be read.
    """
    changed = threading.Event()
    watch = Watch(store.place, changed.set)
    began = time.monotonic()
    line = _Progress(quiet)
    reader = Reader(store.place)
    try:
        watch.start()
        while True:
            changed.clear()
            row = _look(reader, run_id)
            if not row.active:
                return row
            line.show(row, reader)
            refuse_silence(row, reader.now(), time.monotonic() - began)
            if sweeps and run_queries.cancel_overdue(reader):
                from store.resources.runs import sweep

                sweep(store)
                continue
            changed.wait(LOOK_SECONDS)
            time.sleep(SETTLE_SECONDS)
    finally:
        line.clear()
        watch.stop()
        reader.close()


def _look(reader: Reader, run_id: int) -> RunRow:
    if reader.replaced():
        raise StoreUnavailable(
            f"The store '{reader.place.url}' was replaced, or its server restarted: ask for the run again.",
            code="StoreReplaced",
        )
    row = run_queries.run(reader, run_id)
    if row is None:
        raise NotFound("The run was deleted while it was being watched.")
    return row


def refuse_silence(row: RunRow, now: int, waited: float) -> None:
    """End the wait for an agent that is not there; a run that is being canceled ends without it."""
    if row.status == JobRunStatus.QUEUED:
        if row.agent_offline and waited >= QUEUED_GRACE_SECONDS:
            raise AgentUnavailable(not_running(row), code="AgentOffline")
    elif row.lost_since is not None and row.cancel_deadline is None and now - row.lost_since > LOST_SECONDS * 1000:
        silent = run_text.duration(now - row.lost_since)
        raise AgentUnavailable(
            f"The agent '{row.agent_name}' has been silent for {silent}; {row.label} stays {row.status} and goes on "
            f"when it is back: {run_text.lost(row)}",
            code="AgentLost",
        )


class _Progress:
    """The line that tells how far a run is."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._line = output.LiveLine(term=os.environ.get("TERM", ""))
        self._shown_at = 0.0
        self._status: JobRunStatus | None = None

    def show(self, row: RunRow, reader: Reader) -> None:
        now = time.monotonic()
        due = self._line.live or row.status != self._status or now - self._shown_at >= LINE_SECONDS
        if self._quiet or not due:
            return
        self._shown_at, self._status = now, row.status
        rate = fleet_queries.rates(reader, [row.id]).get(row.id, (0.0, 0.0))[0]
        self._line.show(run_text.progress(row, rate, reader.now()))

    def clear(self) -> None:
        if not self._quiet:
            self._line.clear()
