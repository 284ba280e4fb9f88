"""The feed of a store on a server: what the present snapshot sees and the cursor's did not.

Transactions commit in another order than they took their revisions in, so "greater than the last one" would
lose changes. A cursor holds a snapshot instead (``pg_snapshot``: which transactions had ended), and an answer is
the difference of two; so no transaction that stays open holds back the changes of others, and none is told twice
(measurements-store §3.2).

A cursor is ``EPOCH/SEEN/REV``, and between two pages of one difference ``EPOCH/SEEN/UPTO/XID/REV``: the
snapshot that was told, the one up to which to tell, and the last row told. An answer's order is that of the
transactions' first writes; the changes of one row keep their own, since the second writer waited for the first.

The epoch is the store's own together with what a restore or a copied database changes: the database, the storage of
the change table (which a restore into the same database makes anew), and the server's start.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from store.feed import Change, Changes
from store.reader import Reader

_EPOCH = (
    "(SELECT concat_ws('.', s.epoch, d.oid, pg_relation_filenode('change'),"
    " CAST(extract(epoch FROM pg_postmaster_start_time()) * 1000000 AS bigint))"
    " FROM pg_database AS d WHERE d.datname = current_database())"
)

_HEAD = (
    f"SELECT {_EPOCH} AS epoch, CAST(pg_current_snapshot() AS text) AS snapshot,"
    " coalesce((SELECT max(rev) FROM change), 0) AS rev FROM feed_state AS s WHERE s.id = 1"
)

# One statement has one snapshot: the rows, the floor and what is kept as the next cursor belong together.
_SINCE = (
    f"SELECT {_EPOCH} AS epoch, s.floor, CAST(c.xid AS text) AS xid, c.rev, c.kind, c.row_id, c.op,"
    " CAST(coalesce(CAST(:upto AS pg_snapshot), pg_current_snapshot()) AS text) AS snapshot"
    " FROM feed_state AS s LEFT JOIN ("
    "SELECT xid, rev, kind, row_id, op FROM change"
    " WHERE (xid, rev) > (CAST(:xid AS xid8), :rev)"
    " AND NOT pg_visible_in_snapshot(xid, CAST(:seen AS pg_snapshot))"
    " AND pg_visible_in_snapshot(xid, coalesce(CAST(:upto AS pg_snapshot), pg_current_snapshot()))"
    " ORDER BY xid, rev LIMIT :limit"
    ") AS c ON true WHERE s.id = 1 ORDER BY c.xid, c.rev"
)

_CURSOR = re.compile(
    r"(?P<epoch>[^/]+)/(?P<seen>(?P<oldest>\d+):\d+:[\d,]*)/"
    r"((?P<upto>\d+:\d+:[\d,]*)/(?P<xid>\d+)/)?(?P<rev>\d+)"
)


class _Position(NamedTuple):
    """A cursor, taken apart. ``xid`` and ``rev`` are those of the last row told; ``upto`` is None before the first."""

    epoch: str
    seen: str
    oldest: int
    """The oldest transaction that had not ended when ``seen`` was taken; all before it was told."""
    upto: str | None
    xid: int
    rev: int
    shown: int
    """The revision for showing."""


def head(reader: Reader) -> str:
    """The cursor of now."""
    row = reader.row(_HEAD)
    return "/" if row is None else f"{row['epoch']}/{row['snapshot']}/{row['rev']}"


def since(reader: Reader, cursor: str, limit: int) -> Changes:
    """What changed since a cursor: pages of one difference first, then the next difference."""
    at = _parsed(cursor)
    if at is None:
        return Changes([], head(reader), True, False)
    rows = reader.rows(_SINCE, {"seen": at.seen, "upto": at.upto, "xid": str(at.xid), "rev": at.rev, "limit": limit})
    # Pruned changes of transactions that the cursor had not seen to end are lost to it.
    if not rows or rows[0]["epoch"] != at.epoch or rows[0]["floor"] >= at.oldest:
        return Changes([], head(reader), True, False)
    snapshot = rows[0]["snapshot"]
    changes = [Change(row["kind"], row["row_id"], row["op"]) for row in rows if row["rev"] is not None]
    shown = max([at.shown, *(row["rev"] for row in rows if row["rev"] is not None)])
    if len(changes) < limit:
        # After the last page of an older difference there may be another one.
        return Changes(changes, f"{at.epoch}/{snapshot}/{shown}", False, at.upto is not None)
    last = rows[-1]
    return Changes(changes, f"{at.epoch}/{at.seen}/{snapshot}/{last['xid']}/{last['rev']}", False, True)


def _parsed(cursor: str) -> _Position | None:
    """A cursor's parts; None when it is not one of a store like this."""
    found = _CURSOR.fullmatch(cursor)
    if found is None:
        return None
    oldest, rev = int(found["oldest"]), int(found["rev"])
    if found["upto"] is None:
        return _Position(found["epoch"], found["seen"], oldest, None, oldest, -1, rev)
    return _Position(found["epoch"], found["seen"], oldest, found["upto"], int(found["xid"]), rev, rev)
