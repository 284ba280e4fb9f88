"""Load for the feed: processes that write to a store behind its back, and readers that know it by its feed alone."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from store import feed
from store.place import StorePlace, locate
from store.reader import Reader

ROOT = Path(__file__).resolve().parents[2]
IDS = 10_000_000
"""Ids of each writer's rows: none is ever used twice, so that nobody is told of one twice in right."""

LONG_SECONDS = 0.7
"""How long one transaction in a hundred stays open on a server, where it holds up nobody."""


class Connection:
    """A connection of either kind, without anything of ours above it."""

    def __init__(self, place: StorePlace) -> None:
        self.file = place.dialect == "sqlite"
        self._connection: Any
        if place.dialect == "sqlite":
            self._connection = sqlite3.connect(place.path, timeout=60, isolation_level=None)
            self.run("PRAGMA wal_autocheckpoint=0")
            self.run("PRAGMA synchronous=NORMAL")
        else:
            from store.postgres.connecting import connect

            self._connection = connect(place, autocommit=True)

    def run(self, sql: str, *values: object) -> Any:
        return self._connection.execute(sql if self.file else sql.replace("?", "%s"), values)


def write(url: str, seed: int, seconds: float) -> None:
    """Insert, update, delete and roll back projects, with pauses inside of transactions; print how many committed."""
    chance, connection = random.Random(seed), Connection(locate(url))
    rows: list[int] = []
    made = committed = rolled_back = 0
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        connection.run("BEGIN IMMEDIATE" if connection.file else "BEGIN")
        before, born, dead = made, [], set()
        # In the order of ids: no two transactions wait for each other.
        some = sorted(chance.sample(rows, min(len(rows), chance.choice((0, 1, 1, 2, 5)))))
        for row in some:
            if chance.random() < 0.3:
                connection.run("DELETE FROM project WHERE id = ?", row)
                dead.add(row)
            else:
                connection.run("UPDATE project SET version = version + 1 WHERE id = ?", row)
        for _ in range(chance.choice((0, 1, 1, 3)) or not some):
            made += 1
            born.append(seed * IDS + made)
            connection.run(
                "INSERT INTO project (id, mover_id, name, description, created_at, created_by, last_modified_at,"
                " last_modified_by, version) VALUES (?, 1, ?, '', 0, '', 0, '', 1)",
                born[-1],
                f"w{born[-1]}",
            )
        if not connection.file:
            time.sleep(LONG_SECONDS if chance.random() < 0.01 else chance.random() * 0.01)
        if chance.random() < 0.2:
            connection.run("ROLLBACK")
            rolled_back += 1
            made = before
        else:
            connection.run("COMMIT")
            rows = [row for row in rows if row not in dead] + born
            committed += 1
        time.sleep(chance.random() * 0.003)
    assert rolled_back
    sys.stdout.write(f"{committed}\n")


def writer(place: StorePlace, seed: int, seconds: float) -> subprocess.Popen[str]:
    """A process that runs :func:`write`."""
    script = f"from tests.store.feed_load import write; write({place.url!r}, {seed}, {seconds})"
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=pipe, stderr=pipe, text=True)


@dataclass
class Follower(threading.Thread):
    """Rebuilds the projects from the feed alone, and counts what it was told."""

    place: StorePlace
    pause: float
    replica: dict[int, int] = field(default_factory=dict)
    """The version of each row."""
    told: Counter[tuple[int, str]] = field(default_factory=Counter)
    resyncs: int = 0
    pages: int = 0
    error: BaseException | None = None

    def __post_init__(self) -> None:
        super().__init__(daemon=True)
        self._over = threading.Event()

    def __hash__(self) -> int:
        return id(self)

    def finish(self) -> None:
        """Follow to the end; what was committed before this call is in the replica afterwards."""
        self._over.set()
        self.join(120)
        assert not self.is_alive()
        if self.error is not None:
            raise self.error

    def run(self) -> None:
        try:
            with Reader(self.place) as reader:
                self._follow(reader)
        except BaseException as error:
            self.error = error

    def _follow(self, reader: Reader) -> None:
        cursor, chance, more = "", random.Random(self.pause), True
        while True:
            # Looked at before the feed: a page that is asked for after the end is complete.
            over = self._over.is_set()
            page = feed.since(reader, cursor, chance.choice((7, 100, feed.PAGE)))
            cursor, more = page.cursor, page.more
            self.pages += 1
            if page.resync:
                self.resyncs += 1
                self.told.clear()
                self.replica = versions(reader)
                more = True
            else:
                self._apply(reader, page)
            if over and not more:
                return
            if not more:
                time.sleep(self.pause)

    def _apply(self, reader: Reader, page: feed.Changes) -> None:
        ids = []
        for change in page.rows:
            if change.kind == "project":
                ids.append(change.row_id)
                self.told[change.row_id, change.op] += 1
        for row in ids:
            self.replica.pop(row, None)
        self.replica |= versions(reader, ids)


def versions(reader: Reader, ids: list[int] | None = None) -> dict[int, int]:
    """The version of each project, or of these."""
    if ids is not None and not ids:
        return {}
    where = "" if ids is None else f" WHERE id IN ({', '.join(map(str, set(ids)))})"
    return {row["id"]: row["version"] for row in reader.rows(f"SELECT id, version FROM project{where}")}


def while_writing(writers: list[subprocess.Popen[str]], act: Callable[[], object], every: float) -> int:
    """Act now and then until all writers have ended well; how many transactions they committed."""
    while any(process.poll() is None for process in writers):
        act()
        time.sleep(every)
    committed = 0
    for process in writers:
        out, err = process.communicate()
        assert process.returncode == 0, err
        committed += int(out)
    return committed
