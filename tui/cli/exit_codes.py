"""The exit codes of DESIGN §8: an API that scripts rely on."""

from __future__ import annotations

from store.codes import GUARDS
from store.queries.runs import RunRow
from store.vocabulary import JobRunStatus, RunKind

FINE = 0
RUN_FAILED = 1
BAD_INPUT = 2
GUARD_STOPPED = 3
NO_AGENT = 4
STORE_UNUSABLE = 5
INTERNAL_FAULT = 70
"""A fault in Longshore itself (sysexits' EX_SOFTWARE)."""
CANCELED = 130
BROKEN_PIPE = 141
"""The reader of stdout went away: 128 + SIGPIPE, as shells report it."""


def of_run(row: RunRow) -> int:
    """What a run that has ended means for a script.

    A preview that succeeded is fine whatever it found. A verify is only when all is alike: an item
    that changed while it was read was not compared.
    """
    status, error_code = row.status, row.error_code
    failed = row.counters["items_failed"] + (row.counters["items_changed"] if row.kind == RunKind.VERIFY else 0)
    if error_code in GUARDS:
        return GUARD_STOPPED
    if status == JobRunStatus.CANCELED:
        return CANCELED
    if status == JobRunStatus.FAILED or (failed and row.kind != RunKind.PREVIEW):
        return RUN_FAILED
    return FINE
