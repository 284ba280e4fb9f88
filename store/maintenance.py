"""Housekeeping that one process at a time does, under a lock: checkpoints, pruning and giving back space.

Nobody checkpoints on commit (``wal_autocheckpoint=0``), because back-to-back checkpoints that race
a commit can corrupt (the WAL-reset bug, measurements-store §2.7); the holder of the lock does.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Iterator
from typing import NamedTuple

from store.db import Store
from store.errors import StoreUnavailable
from store.feed import KEEP
from store.feed_pruning import excess, prune_batch
from store.resources.endpoint_tests import sweep_tests
from store.resources.runs import STORE_ACTOR
from store.sqlite.errors import named
from store.sqlite.place import SqlitePlace
from store.upkeep.retention import Removed, prune_details
from store.upkeep.vacuum import give_back

PASSIVE_ABOVE = 2 << 20
TRUNCATE_ABOVE = 8 << 20
PRUNE_BATCH = 10_000


def maintain(store: Store) -> bool:
    """Do what is due. Cheap when nothing is: a lock, and a look or two.

    Returns:
        Whether this process held the lock; on a server only an admin's process ever does.
    """
    place = store.place
    with _file_lock(place) if place.dialect == "sqlite" else _server_lock(store) as held:
        if held:
            if place.dialect == "sqlite":
                _tend(place)
            # One batch at a time: whoever maintains also sends heartbeats, or draws a screen.
            sweep_tests(store)
            prune_feed(store, batches=1)
            prune_details(store, batches=1)
        return held


class Pruned(NamedTuple):
    """What went at once: details by the retention policy, changes of the feed, and bytes of the store's file."""

    details: Removed
    changes: int
    freed: int


def prune(store: Store) -> Pruned:
    """Do at once all that :func:`maintain` does a little of each time."""
    details = prune_details(store)
    changes = prune_feed(store)
    # A server gives back space by itself.
    return Pruned(details, changes, give_back(store.place.path) if store.place.dialect == "sqlite" else 0)


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
def _file_lock(place: SqlitePlace) -> Iterator[bool]:
    path = place.path.with_name(place.path.name + ".ckpt")
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:  # a full disk, a directory that became read-only
        raise StoreUnavailable(
            f"The store '{place.path}' cannot be maintained ({error.strerror}): free space, and make its directory "
            "writable.",
            code="StoreReadOnly",
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        held = True
    except BlockingIOError:
        held = False
    try:
        yield held
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _server_lock(store: Store) -> Iterator[bool]:
    """The admins' lock; a login that is none of theirs never gets it, and is not told off."""
    from store.postgres.engine import LOCK_CLASS, UPKEEP_LOCK
    from store.postgres.place import SCHEMA

    with store.connect() as connection:
        # Held by a transaction of its own: it ends with this process, whatever becomes of that.
        held = connection.exec_driver_sql(
            f"""SELECT CASE WHEN pg_has_role(nspowner, 'USAGE')
                THEN pg_try_advisory_xact_lock({LOCK_CLASS}, {UPKEEP_LOCK}) ELSE false END
                FROM pg_namespace WHERE nspname = '{SCHEMA}'"""
        ).scalar()
        yield bool(held)


def _tend(place: SqlitePlace) -> None:
    try:
        _checkpoint(place)
        give_back(place.path, steps=1)
    except sqlite3.Error as error:
        raise named(error, place.path) from error


def _checkpoint(place: SqlitePlace) -> None:
    log = place.path.with_name(place.path.name + "-wal")
    try:
        size = log.stat().st_size
    except FileNotFoundError:
        return
    if size < PASSIVE_ABOVE:
        return
    # Never wait for readers here: the next round tries again.
    with (
        contextlib.closing(sqlite3.connect(place.path, timeout=0, isolation_level=None)) as connection,
        contextlib.suppress(sqlite3.OperationalError),
    ):
        # Copies without holding up a writer; a truncation, which does, then has next to nothing left to copy.
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        if size > TRUNCATE_ABOVE:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
