"""The feed: what changed since a cursor, in order, with nothing ever lost."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from store import feed
from store.db import open_store
from store.maintenance import maintain, prune_feed
from store.models import FEED_TABLES
from store.reader import Reader, Row
from tests.store.world import World, outputs, python


def projects(world: World, count: int, first: int = 0) -> None:
    for number in range(first, first + count):
        world.project(f"p{number}")


def told(reader: Reader, cursor: str, limit: int = feed.PAGE) -> list[tuple[str, int, str]]:
    """All pages from a cursor on."""
    rows: list[tuple[str, int, str]] = []
    while True:
        page = feed.since(reader, cursor, limit)
        assert not page.resync
        assert len(page.rows) <= limit
        rows += page.rows
        cursor = page.cursor
        if not page.more:
            assert feed.since(reader, cursor).rows == []
            return rows


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 1_000])
def test_each_insert_update_and_delete_is_told_once_in_order(world: World, limit: int) -> None:
    """Whatever the size of a page; and what was rolled back is not told."""
    world.mover()
    with world.reader() as reader:
        cursor = feed.head(reader)
        assert feed.since(reader, cursor) == feed.Changes([], cursor, False, False)
        world.sql(
            "INSERT INTO project (id, mover_id, name, description, created_at, created_by, last_modified_at,"
            " last_modified_by, version) VALUES (7, 1, 'a', '', 0, '', 0, '', 1), (5, 1, 'b', '', 0, '', 0, '', 1)",
            "BEGIN",
            "UPDATE project SET description = 'lost'",
            "ROLLBACK",
            "UPDATE project SET description = 'x' WHERE id = 5",
            "DELETE FROM project WHERE id = 7",
            "INSERT INTO event (id, at, actor, kind, resource_id, resource, action, detail)"
            " VALUES (1000, 0, '', '', 0, '', '', '')",
        )
        assert told(reader, cursor, limit) == [
            ("project", 7, "I"),
            ("project", 5, "I"),
            ("project", 5, "U"),
            ("project", 7, "D"),
            ("event", 1000, "I"),
        ]


def test_a_page_says_whether_there_is_more(world: World) -> None:
    world.mover()
    with world.reader() as reader:
        cursor = feed.head(reader)
        projects(world, 3)
        first = feed.since(reader, cursor, 4)
        assert first.more
        assert len(first.rows) == 4
        second = feed.since(reader, first.cursor, 4)
        assert not second.more
        assert len(second.rows) == 2
        assert second.cursor == feed.head(reader)
        assert feed.revision(second.cursor) == feed.revision(cursor) + 6


def test_pruning_keeps_the_newest_and_makes_who_is_behind_start_anew(world: World) -> None:
    """The exact boundary: a reader at the floor goes on, one change further back it resyncs."""
    world.mover()
    with world.reader() as reader:
        cursors = [feed.head(reader)]
        for number in range(6):
            projects(world, 1, number)
            cursors.append(feed.head(reader))
        assert prune_feed(world.store, keep=4) == feed.revision(cursors[-1]) - 4
        assert [feed.since(reader, cursor).resync for cursor in cursors] == [True] * 4 + [False] * 3
        assert len(told(reader, cursors[4])) == 4
        behind = feed.since(reader, cursors[0])
        assert behind.cursor == feed.head(reader)
        assert not behind.rows
        assert prune_feed(world.store, keep=4) == 0
        world.sql("INSERT INTO change (kind, row_id, op) VALUES ('project', 1, 'U')")
        assert prune_feed(world.store, keep=4) == 1


def test_pruning_all_leaves_the_present_reader_alone(world: World) -> None:
    """An empty change table still has a head: it neither goes back nor resyncs who is up to date."""
    world.mover()
    with world.reader() as reader:
        cursor = feed.head(reader)
        prune_feed(world.store, keep=0)
        assert feed.head(reader) == cursor
        assert feed.since(reader, cursor) == feed.Changes([], cursor, False, False)
        projects(world, 1)
        assert [row.kind for row in told(reader, cursor)] == ["project", "event"]  # type: ignore[attr-defined]


def test_pruning_works_in_batches(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.maintenance.PRUNE_BATCH", 3)
    world.mover()
    projects(world, 10)
    assert prune_feed(world.store, keep=5) == 17
    assert world.sql("SELECT count(*) FROM change")[0] == (5,)


def test_pruning_between_two_statements_of_a_reader_loses_nothing(world: World) -> None:
    """A reader that was in time when it asked, and behind when it was answered, is told to start anew."""
    world.mover()

    class Slow(Reader):
        statements = 0

        def rows(self, *arguments: Any) -> list[Row]:
            found = super().rows(*arguments)
            self.statements += 1
            if self.statements == self.prune_after:
                prune_feed(world.store, keep=1)
            return found

        prune_after = -1

    for position in (1, 2, 3):
        with Slow(world.store.place) as reader:
            cursor = feed.head(reader)
            projects(world, 3, position * 10)
            reader.statements, reader.prune_after = 0, position
            page = feed.since(reader, cursor)
            assert page.resync or len(page.rows) == 6


def test_another_store_in_its_place_makes_readers_start_anew(world: World, tmp_path: Path) -> None:
    """Each store has an epoch of its own: a cursor of one is of no use in another."""
    other = open_store(str(tmp_path / "other.db"))
    with world.reader() as reader, Reader(other.place) as second:
        assert not feed.since(reader, feed.head(reader)).resync
        found = feed.since(second, feed.head(reader))
        assert found.resync
        assert found.cursor == feed.head(second)
        assert feed.since(second, "").resync
    other.close()


def test_a_cursor_from_the_future_is_from_another_past(world: World) -> None:
    """A backup that was restored has an older head: the cursor's changes are not its own."""
    world.mover()
    with world.reader() as reader:
        cursor = feed.head(reader)
        projects(world, 2)
        future = feed.head(reader)
        rev = feed.revision(cursor)
        world.sql(f"DELETE FROM change WHERE rev > {rev}")
        assert feed.since(reader, future).resync
        assert not feed.since(reader, cursor).resync


def test_each_table_of_the_feed_has_its_three_triggers(world: World) -> None:
    found = {row[0] for row in world.sql("SELECT name FROM sqlite_master WHERE type = 'trigger'")}
    assert found == {f"feed_{table}_{op}" for table in FEED_TABLES for op in "iud"}


WRITER = """
import random, sqlite3, sys, time
path, seed, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
chance, connection = random.Random(seed), sqlite3.connect(path, timeout=30, isolation_level=None)
connection.execute("PRAGMA wal_autocheckpoint=0")
connection.execute("PRAGMA foreign_keys=ON")
fields = "0, '', 0, '', 1"
done = {"I": 0, "U": 0, "D": 0, "R": 0}
until = time.monotonic() + seconds
while time.monotonic() < until:
    connection.execute("BEGIN IMMEDIATE")
    op = chance.choice("IIUUUD")
    for _ in range(chance.choice((1, 1, 1, 5))):
        some = connection.execute("SELECT id FROM project ORDER BY random() LIMIT 1").fetchone()
        if op == "I" or some is None:
            op, name = "I", f"w{seed}-{chance.random()}"
            connection.execute(f"INSERT INTO project (mover_id, name, description, created_at, created_by,"
                               f" last_modified_at, last_modified_by, version) VALUES (1, ?, '', {fields})", (name,))
        elif op == "U":
            connection.execute("UPDATE project SET description = ? WHERE id = ?", (str(chance.random()), some[0]))
        else:
            connection.execute("DELETE FROM project WHERE id = ?", some)
    roll = chance.random() < 0.2
    connection.execute("ROLLBACK" if roll else "COMMIT")
    done["R" if roll else op] += 1
    time.sleep(chance.random() * 0.002)
assert all(done.values()), done
print(sum(done.values()))
"""


def test_a_replica_built_from_the_feed_alone_equals_the_table(world: World) -> None:
    """Four processes insert, update, delete and roll back for six seconds, the feed is pruned meanwhile and the log
    checkpointed; a reader that only follows the feed has the table's very rows at the end."""
    world.mover()
    projects(world, 50)
    writers = [python(WRITER, world.path, seed, 6) for seed in range(4)]
    replica: dict[int, tuple[Any, ...]] = {}
    resyncs = pages = 0
    chance = random.Random(1)
    with world.reader() as reader:

        def read(ids: str) -> dict[int, tuple[Any, ...]]:
            return {row["id"]: tuple(row) for row in reader.rows(f"SELECT * FROM project WHERE {ids}")}

        cursor, running = "", True
        while running:
            running = any(writer.poll() is None for writer in writers)
            page = feed.since(reader, cursor, chance.choice((10, 100, 1_000)))
            cursor = page.cursor
            pages += 1
            if page.resync:
                resyncs += 1
                replica = read("1")
                continue
            ids = {change.row_id for change in page.rows if change.kind == "project"}
            found = read(f"id IN ({', '.join(map(str, ids))})") if ids else {}
            for number in ids:
                replica.pop(number, None)
            replica |= found
            running = running or page.more
            if chance.random() < 0.01:
                prune_feed(world.store, keep=200)
                maintain(world.store)
        assert sum(map(int, outputs(writers))) > 400
        assert replica == read("1")
    assert resyncs >= 1
    assert pages > 100
