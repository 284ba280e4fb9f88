"""Pruning the feed: its oldest changes go, and the floor says up to where; readers left behind start anew."""

from __future__ import annotations

from typing import Literal

from sqlalchemy import CursorResult, text
from sqlmodel import Session

# On a server whole transactions go, and only those before which all others have ended: the floor is one number.
_FLOOR = {
    "sqlite": "SELECT min(rev) + :drop - 1 FROM change",
    "postgresql": "SELECT CAST(CAST(max(xid) AS text) AS bigint) FROM (SELECT xid FROM change"
    " WHERE xid < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY xid, rev LIMIT :drop) AS oldest",
}
_DELETE = {
    "sqlite": "DELETE FROM change WHERE rev <= :floor",
    "postgresql": "DELETE FROM change WHERE xid <= CAST(CAST(:floor AS text) AS xid8)",
}


def excess(session: Session, keep: int) -> int:
    """How many changes there are beyond those to keep; a server skips numbers, so there it is at most so many."""
    newest, oldest = session.execute(text("SELECT max(rev), min(rev) FROM change")).one()
    return 0 if newest is None else max(0, int(newest) - int(oldest) + 1 - keep)


def prune_batch(session: Session, dialect: Literal["sqlite", "postgresql"], keep: int, batch: int) -> int:
    """Drop at most a batch of the oldest changes in the caller's write, and raise the floor.

    On a server a transaction with more changes than a batch goes as a whole; one that is still open, and what
    came after it, stays.

    Args:
        session: the write's.
        dialect: the store's.
        keep: how many changes are to stay.
        batch: how many are to go at most.

    Returns:
        How many went; 0 when there is nothing to drop.
    """
    drop = min(batch, excess(session, keep))
    floor = session.execute(text(_FLOOR[dialect]), {"drop": drop}).scalar_one() if drop else None
    if floor is None:
        return 0
    gone = session.execute(text(_DELETE[dialect]), {"floor": floor})
    session.execute(text("UPDATE feed_state SET floor = :floor WHERE id = 1"), {"floor": floor})
    assert isinstance(gone, CursorResult)
    return gone.rowcount
