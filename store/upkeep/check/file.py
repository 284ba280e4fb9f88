"""What must hold of the file of an embedded store, and of the disk it is on."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from store.reader import Reader
from store.sqlite.place import APPLICATION_ID, SqlitePlace
from store.upkeep.check.invariant import SHOWN, Finding, Invariant

WAL_LIMIT: Final = 256 << 20
"""A log that is longer is held by somebody: maintenance keeps it to some megabytes."""

FREE_LIMIT: Final = 64 << 20


def has_wal_reset_bug(version: tuple[int, int, int]) -> bool:
    """Whether an SQLite can corrupt when a checkpoint meets a commit that resets the log (measurements-store §2.7)."""
    if version[:2] == (3, 44):
        return version < (3, 44, 6)
    if version[:2] == (3, 50):
        return version < (3, 50, 7)
    return (3, 7, 0) <= version < (3, 51, 3)


def _marked(reader: Reader) -> Iterator[Finding]:
    if reader.value("PRAGMA application_id") != APPLICATION_ID:
        yield Finding(
            f"The file '{_path(reader)}' is not marked as a Longshore store: "
            f"\"sqlite3 FILE 'PRAGMA application_id={APPLICATION_ID}'\" marks it."
        )


def _sound(reader: Reader) -> Iterator[Finding]:
    for row in reader.rows(f"PRAGMA integrity_check({SHOWN})"):
        if row[0] != "ok":
            said = " ".join(str(row[0]).split())[:200].rstrip(".")
            yield Finding(f"The file is damaged ({said}): stop the agents, keep a copy, and restore your last backup.")


def _references(reader: Reader) -> Iterator[Finding]:
    rows = reader.rows(f'SELECT "table", rowid, parent FROM pragma_foreign_key_check LIMIT {SHOWN + 1}')
    for row in rows[:SHOWN]:
        yield Finding(
            f"Row {row[1]} of '{row[0]}' refers to one of '{row[2]}' that is not there: restore your last backup."
        )
    if len(rows) > SHOWN:
        yield Finding(f"There are more than these {SHOWN}: restore your last backup.")


def _private(reader: Reader) -> Iterator[Finding]:
    for path in (_path(reader), *(_beside(reader, suffix) for suffix in ("-wal", "-shm"))):
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
        except FileNotFoundError:
            continue
        if mode & 0o077:
            yield Finding(f"'{path}' can be read by others (mode {mode:04o}): run 'chmod 600' on it.")


def _short_log(reader: Reader) -> Iterator[Finding]:
    log = _beside(reader, "-wal")
    try:
        size = log.stat().st_size
    except FileNotFoundError:
        return
    if size > WAL_LIMIT:
        yield Finding(
            f"The log '{log}' has {size >> 20:,} MiB: a process holds an old reading open, or no agent and no screen "
            f"maintains the store; 'fuser {_path(reader)}' names who has it open."
        )


def _room(reader: Reader) -> Iterator[Finding]:
    disk = os.statvfs(_path(reader).parent)
    free = disk.f_bavail * disk.f_frsize
    if free < FREE_LIMIT:
        yield Finding(
            f"The disk of the store has {free >> 20} MiB left: free space, or run 'longshore store prune' after "
            "shortening 'longshore store retention'."
        )


def _kept_as_made(reader: Reader) -> Iterator[Finding]:
    if reader.value("PRAGMA journal_mode") != "wal":
        yield Finding("The store has no write-ahead log until a command writes to it.", note=True)
    if reader.value("PRAGMA auto_vacuum") != 2:
        yield Finding(
            "The file cannot give back free pages: 'longshore store copy' into a new file makes one that can.",
            note=True,
        )


def _feed_in_order(reader: Reader) -> Iterator[Finding]:
    given = "coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'change'), 0)"
    row = reader.row(
        f"SELECT floor, {given} AS given, (SELECT count(*) FROM change WHERE rev <= floor) AS below FROM feed_state"
    )
    if row is not None and row["floor"] > row["given"]:
        yield Finding(
            "The feed's floor is above all that it has told, so that screens read everything anew each time: "
            "\"sqlite3 FILE 'UPDATE feed_state SET floor = 0'\" mends it."
        )
    elif row is not None and row["below"]:
        yield Finding(
            "The feed keeps changes below its floor: \"sqlite3 FILE 'DELETE FROM change WHERE rev <= (SELECT floor "
            "FROM feed_state)'\" removes them."
        )


def _sqlite(reader: Reader) -> Iterator[Finding]:
    if has_wal_reset_bug(sqlite3.sqlite_version_info):
        yield Finding(
            f"SQLite {sqlite3.sqlite_version} has the WAL-reset bug: one process at a time checkpoints here, which "
            "keeps clear of it; let no other program write to the store.",
            note=True,
        )


def _path(reader: Reader) -> Path:
    assert isinstance(reader.place, SqlitePlace)
    return reader.place.path


def _beside(reader: Reader, suffix: str) -> Path:
    path = _path(reader)
    return path.with_name(path.name + suffix)


FILE: Final = (
    Invariant("application-id", "The file is marked as a Longshore store.", _marked),
    Invariant("integrity", "Every page and index of the file is sound.", _sound),
    Invariant("references", "Every row that refers to another refers to one that is there.", _references),
    Invariant("privacy", "Nobody but its owner can read the store.", _private),
    Invariant("log", "The write-ahead log is short.", _short_log),
    Invariant("space", "The disk has room for the store to grow.", _room),
    Invariant("pragmas", "The file is kept as it was made: with a log, and able to shrink.", _kept_as_made),
    Invariant("feed-floor", "What the feed tells lies above its floor.", _feed_in_order),
    Invariant("sqlite", "This program's SQLite has no bug that damages stores.", _sqlite),
)
