"""The change feed: what changed since a cursor, in O(changes), with nothing lost.

Triggers write one row for each changed row; SQLite has one writer at a time, so their order is
commit order. A cursor is opaque: readers only keep it and give it back. A store that was restored
or replaced has another epoch, and pruning moves the floor: both make the reader start anew.
"""

from __future__ import annotations

from typing import NamedTuple

from store.reader import Reader

PAGE = 1_000
"""Changes told at most in one answer."""

KEEP = 200_000
"""Changes kept when pruning (measurements-store §9)."""


class Change(NamedTuple):
    """One changed row: ``op`` is I, U or D."""

    kind: str
    row_id: int
    op: str


class Changes(NamedTuple):
    """The answer to "what changed since": apply ``rows``, keep ``cursor``.

    ``resync`` means that the cursor is of no use any more: read afresh what is shown.
    ``more`` means that there is another page.
    """

    rows: list[Change]
    cursor: str
    resync: bool
    more: bool


def head(reader: Reader) -> str:
    """The cursor of now: take it before reading what is to be shown."""
    row = reader.row(
        "SELECT epoch, max(floor, coalesce((SELECT max(rev) FROM change), 0)) AS rev FROM feed_state WHERE id = 1"
    )
    return "/" if row is None else f"{row['epoch']}/{row['rev']}"


def revision(cursor: str) -> int:
    """The revision in a cursor, for showing only."""
    return int(cursor.rpartition("/")[2] or 0)


def since(reader: Reader, cursor: str, limit: int = PAGE) -> Changes:
    """What changed since a cursor, oldest first."""
    epoch, _, position = cursor.rpartition("/")
    after = int(position or 0)
    # The rows first: what is pruned between the two statements shows in the floor.
    rows = reader.rows(
        "SELECT rev, kind, row_id, op FROM change WHERE rev > :after ORDER BY rev LIMIT :limit",
        {"after": after, "limit": limit},
    )
    state = reader.row(
        "SELECT epoch, floor, coalesce((SELECT max(rev) FROM change), floor) AS newest FROM feed_state WHERE id = 1"
    )
    # A cursor beyond the newest change is of a past that a restored backup does not have.
    if state is None or state["epoch"] != epoch or not state["floor"] <= after <= state["newest"]:
        return Changes([], head(reader), True, False)
    if not rows:
        return Changes([], cursor, False, False)
    changes = [Change(row["kind"], row["row_id"], row["op"]) for row in rows]
    return Changes(changes, f"{epoch}/{rows[-1]['rev']}", False, len(rows) == limit)
