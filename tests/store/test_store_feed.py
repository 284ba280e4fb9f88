"""The feed: what changed since a cursor, in order, with nothing ever lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from store import feed
from store.clock import VirtualClock
from store.db import open_store
from store.maintenance import prune_feed
from store.models import FEED_TABLES
from store.reader import Reader, Row
from tests.postgres import Cluster
from tests.store.world import NOON, World


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
            assert nothing_new(reader, cursor)
            return rows


def nothing_new(reader: Reader, cursor: str) -> bool:
    page = feed.since(reader, cursor)
    return (page.rows, page.resync, page.more) == ([], False, False)


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 1_000])
def test_each_insert_update_and_delete_is_told_once_in_order(world: World, limit: int) -> None:
    """Whatever the size of a page; and what was rolled back is not told."""
    world.mover()
    with world.reader() as reader:
        cursor = feed.head(reader)
        assert nothing_new(reader, cursor)
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
        assert len(second.rows) == 2
        # A server's pages are of what there was when the first was asked for; the last one looks anew.
        assert second.more == (reader.dialect == "postgresql")
        assert nothing_new(reader, second.cursor)
        assert feed.revision(second.cursor) == feed.revision(feed.head(reader)) == feed.revision(cursor) + 6


def test_pages_are_of_one_moment_and_what_comes_meanwhile_is_told_after_them(world: World) -> None:
    world.mover()
    with world.reader() as reader:
        cursor = feed.head(reader)
        projects(world, 2)
        first = feed.since(reader, cursor, 3)
        projects(world, 2, first=2)
        rest = told(reader, first.cursor, 3)
        assert [kind for kind, _, _ in [*first.rows, *rest]] == ["project", "event"] * 4


def test_pruning_keeps_the_newest_and_makes_who_is_behind_start_anew(world: World) -> None:
    """The exact boundary: a reader at the floor goes on, one further back resyncs. A server drops whole transactions,
    and each of these made two changes."""
    world.mover()
    with world.reader() as reader:
        cursors = [feed.head(reader)]
        for number in range(6):
            projects(world, 1, number)
            cursors.append(feed.head(reader))
        assert prune_feed(world.store, keep=4) == feed.revision(cursors[-1]) - 4
        assert [feed.since(reader, cursor).resync for cursor in cursors] == [True] * 4 + [False] * 3
        in_pages = feed.since(reader, cursors[4], 1)
        assert len(told(reader, cursors[4])) == 4
        behind = feed.since(reader, cursors[0])
        assert nothing_new(reader, behind.cursor)
        assert not behind.rows
        assert prune_feed(world.store, keep=4) == 0
        world.sql("INSERT INTO change (kind, row_id, op) VALUES ('project', 1, 'U')")
        assert prune_feed(world.store, keep=4) == (1 if reader.dialect == "sqlite" else 2)
        assert feed.since(reader, cursors[4]).resync
        assert feed.since(reader, in_pages.cursor).resync == (reader.dialect == "postgresql")


def test_pruning_all_leaves_the_present_reader_alone(world: World) -> None:
    """An empty change table still has a head: it neither goes back nor resyncs who is up to date."""
    world.mover()
    with world.reader() as reader:
        cursor = feed.head(reader)
        prune_feed(world.store, keep=0)
        assert world.sql("SELECT count(*) FROM change") == [(0,)]
        assert nothing_new(reader, feed.head(reader))
        assert nothing_new(reader, cursor)
        projects(world, 1)
        assert [row.kind for row in told(reader, cursor)] == ["project", "event"]  # type: ignore[attr-defined]


def test_pruning_works_in_batches(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.maintenance.PRUNE_BATCH", 3)
    world.mover()
    projects(world, 10)
    dropped = prune_feed(world.store, keep=5)
    assert dropped == (17 if world.store.dialect == "sqlite" else 18)
    assert world.sql("SELECT count(*) FROM change")[0] == (22 - dropped,)


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


def test_a_cursor_from_the_future_is_from_another_past(file_world: World) -> None:
    """A backup that was restored has an older head: the cursor's changes are not its own."""
    file_world.mover()
    with file_world.reader() as reader:
        cursor = feed.head(reader)
        projects(file_world, 2)
        future = feed.head(reader)
        rev = feed.revision(cursor)
        file_world.sql(f"DELETE FROM change WHERE rev > {rev}")
        assert feed.since(reader, future).resync
        assert not feed.since(reader, cursor).resync


@pytest.fixture
def server_world(cluster: Cluster, store_database: str) -> Iterator[World]:
    store = open_store(cluster.url(store_database))
    yield World(store, VirtualClock(NOON))
    store.close()


def test_a_copied_database_has_an_epoch_of_its_own(server_world: World, cluster: Cluster, store_database: str) -> None:
    """A database restored from a dump or made from a template holds the same epoch in its table."""
    server_world.mover()
    with Reader(server_world.store.place) as reader:
        cursor = feed.head(reader)
    server_world.store.close()
    copy = cluster.database(template=store_database)
    with Reader(cluster.url(copy)) as reader:
        assert feed.since(reader, cursor).resync
        assert nothing_new(reader, feed.head(reader))
    cluster.drop(copy)


def test_a_dump_restored_into_the_same_database_is_noticed(server_world: World) -> None:
    """Its changes keep their old transactions, which each reader has seen: only the table is another."""
    server_world.mover()
    with server_world.reader() as reader:
        cursor = feed.head(reader)
        server_world.sql(
            "CREATE TEMP TABLE dump AS SELECT * FROM change",
            "TRUNCATE change",
            "INSERT INTO change SELECT * FROM dump",
        )
        assert feed.since(reader, cursor).resync


@pytest.mark.parametrize("broken", ["", "/", "x", "//", "a/b/c", "a/1:2/3", "a/1:1:/2/3", "epoch/17"])
def test_what_is_no_cursor_of_this_store_starts_anew(world: World, broken: str) -> None:
    with world.reader() as reader:
        page = feed.since(reader, broken)
        assert page.resync
        assert nothing_new(reader, page.cursor)


def test_a_transaction_that_stays_open_holds_nobody_else_back(server_world: World) -> None:
    """What others commit meanwhile is told at once and once; its own changes are told when it commits."""
    server_world.mover()
    with server_world.reader() as reader, server_world.store.engine.connect() as slow:
        cursor = feed.head(reader)
        slow.exec_driver_sql("UPDATE storage_mover SET description = 'slow'")
        for number in range(3):
            projects(server_world, 1, number)
            page = feed.since(reader, cursor)
            assert [change.kind for change in page.rows] == ["project", "event"]
            cursor = page.cursor
        assert prune_feed(server_world.store, keep=0) == 2, "only what was before it may go"
        slow.commit()
        assert told(reader, cursor) == [("storage_mover", 1, "U")]


def test_each_table_of_the_feed_has_its_three_triggers(world: World) -> None:
    found = world.sql(
        "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        if world.store.dialect == "sqlite"
        else "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"
    )
    feeding = {name for (name,) in found if name.startswith("feed_")}
    assert feeding == {f"feed_{table}_{op}" for table in FEED_TABLES for op in "iud"}
