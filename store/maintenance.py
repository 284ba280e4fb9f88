"""Housekeeping that one process at a time does, under a lock: checkpoints and pruning of the feed.

Nobody checkpoints on commit (``wal_autocheckpoint=0``), because back-to-back checkpoints that race
a commit can corrupt (the WAL-reset bug, measurements-store §2.7); the holder of the lock does.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Iterator

from store.db import Store
from store.feed import KEEP
from store.feed_pruning import excess, prune_batch
from store.resources.runs import STORE_ACTOR
from store.sqlite.place import SqlitePlace

PASSIVE_ABOVE = 2 << 20
TRUNCATE_ABOVE = 8 << 20
PRUNE_BATCH = 10_000


def maintain(store: Store) -> bool:
    """Do what is due. Cheap when nothing is: a file size and a lock.

    Returns:
        Whether this process held the lock.
    """
    if not isinstance(store.place, SqlitePlace):
        return False
    with _maintenance_lock(store.place) as held:
        if held:
            _checkpoint(store.place)
            # One batch at a time: whoever maintains also sends heartbeats.
            prune_feed(store, batches=1)
        return held


def prune_feed(store: Store, keep: int = KEEP, batches: int | None = None) -> int:
    """Drop all but the newest changes, a batch for each transaction; readers left behind resync.

    Args:
        store: the store.
        keep: changes to keep; nothing is done before a batch more than that has gathered.
        batches: transactions at most, None for as many as it takes.

    Returns:
        How many changes were dropped.
    """
    dropped = done = 0
    if not _feed_has_excess(store, keep):
        return 0
    while batches is None or done < batches:
        done += 1
        with store.write(STORE_ACTOR) as tx:
            gone = prune_batch(tx.session, tx.dialect, keep, PRUNE_BATCH)
        if not gone:
            break
        dropped += gone
    return dropped


def _feed_has_excess(store: Store, keep: int) -> bool:
    with store.read() as session:
        return excess(session, keep) > min(PRUNE_BATCH, keep // 10)


@contextlib.contextmanager
def _maintenance_lock(place: SqlitePlace) -> Iterator[bool]:
    path = place.path.with_name(place.path.name + ".ckpt")
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        held = True
    except BlockingIOError:
        held = False
    try:
        yield held
    finally:
        os.close(descriptor)


def _checkpoint(place: SqlitePlace) -> None:
    log = place.path.with_name(place.path.name + "-wal")
    try:
        size = log.stat().st_size
    except FileNotFoundError:
        return
    if size < PASSIVE_ABOVE:
        return
    kind = "TRUNCATE" if size > TRUNCATE_ABOVE else "PASSIVE"
    # Never wait for readers here: the next round tries again.
    with (
        contextlib.closing(sqlite3.connect(place.path, timeout=0.1, isolation_level=None)) as connection,
        contextlib.suppress(sqlite3.OperationalError),
    ):
        connection.execute(f"PRAGMA wal_checkpoint({kind})").fetchone()
