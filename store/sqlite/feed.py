"""The feed of an embedded store: SQLite has one writer at a time, so the order of revisions is that of commits.

A cursor is the epoch and the last revision that was told.
"""

from __future__ import annotations

from store.feed import Change, Changes
from store.reader import Reader


def head(reader: Reader) -> str:
    """The cursor of now."""
    row = reader.row(
        "SELECT epoch, max(floor, coalesce((SELECT max(rev) FROM change), 0)) AS rev FROM feed_state WHERE id = 1"
    )
    return "/" if row is None else f"{row['epoch']}/{row['rev']}"


def since(reader: Reader, cursor: str, limit: int) -> Changes:
    """What changed since a cursor, oldest first."""
    epoch, _, position = cursor.rpartition("/")
    after = int(position) if position.isdecimal() else -1
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
