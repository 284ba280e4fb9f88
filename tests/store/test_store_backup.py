"""Backups of a store that is in use: one moment of it, whole, private, and noticed when it is put back."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from store.clock import VirtualClock
from store.db import open_store
from store.errors import InvalidInput, StoreUnavailable
from store.feed import head, since
from store.place import locate
from store.reader import Reader
from store.sqlite.place import SqlitePlace
from store.upkeep.backup import back_up
from store.upkeep.check.run import check
from store.upkeep.copying import copy_store
from tests.postgres import Cluster
from tests.store.server import server_world
from tests.store.world import NOON, World, outputs, python, refusal, sql

WRITER = """
import sys
from store.bodies import ProjectProperties
from store.db import open_store
from store.place import locate
from store.resources.common import find_mover
from store.resources.projects import put_project
store = open_store(sys.argv[1])
number = 0
print("ready", flush=True)
import threading
stop = threading.Event()
threading.Thread(target=lambda: (sys.stdin.readline(), stop.set()), daemon=True).start()
while not stop.wait(0.01):
    with store.write("writer") as tx:
        for half in "ab":
            put_project(tx, find_mover(tx.session, None), f"p{sys.argv[2]}-{number}{half}", ProjectProperties())
    number += 1
store.close()
print(number)
"""


def sound(path: Path) -> set[str]:
    """The invariants that do not hold of a file."""
    with Reader(SqlitePlace(path)) as reader:
        return {each.name for each in check(reader) if not each.holds}


def test_a_backup_under_four_writers_is_one_moment(world: World, tmp_path: Path) -> None:
    """Each writer makes projects by twos: the copy has both of a pair or neither, with their events."""
    world.mover()
    writers = [python(WRITER, world.store.place.url, number) for number in range(4)]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    counts = []
    for number in range(2):
        file = tmp_path / f"backup-{number}.db"
        assert back_up(world.store.place, file, replace=False) == file.stat().st_size
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert sound(file) == set()
        names = {name for (name,) in sql(file, "SELECT name FROM project")}
        assert {name[:-1] + "b" for name in names if name.endswith("a")} == {n for n in names if n.endswith("b")}
        assert sql(file, "SELECT count(*) FROM event WHERE kind = 'project'") == [(len(names),)]
        counts.append(len(names))
    written = [int(out) for out in outputs(writers)]
    assert counts == sorted(counts)
    assert counts[-1] <= 2 * sum(written)
    assert min(written) > 0
    assert not list(tmp_path.glob(".*.part*"))


def test_a_backup_that_is_put_back_is_noticed(file_world: World, tmp_path: Path) -> None:
    """Its feed has another epoch: who followed the store before starts anew."""
    file_world.mover()
    with file_world.reader() as reader:
        cursor = head(reader)
    back_up(file_world.store.place, tmp_path / "b.db", replace=False)
    file_world.project("after")
    file_world.store.close()
    for beside in file_world.path.parent.glob("store.db-*"):
        beside.unlink()
    (tmp_path / "b.db").rename(file_world.path)
    again = World(open_store(str(file_world.path)), VirtualClock(NOON))
    again.project("another")
    with again.reader() as reader:
        assert since(reader, cursor).resync
        assert [row[0] for row in reader.rows("SELECT name FROM project")] == ["another"]
    again.store.close()


def test_a_file_is_replaced_only_when_that_is_said(file_world: World, tmp_path: Path) -> None:
    file_world.mover()
    file = tmp_path / "b.db"
    file.write_text("something dear")
    error = refusal(InvalidInput, lambda: back_up(file_world.store.place, file, replace=False))
    assert error.code == "OutputExists"
    assert file.read_text() == "something dear"
    back_up(file_world.store.place, file, replace=True)
    assert sound(file) == set()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["store.db", "store.db-wal", "store.db-shm", "store.db.ckpt", "link.db", "hard.db"])
def test_a_store_is_never_written_over_by_its_backup(file_world: World, name: str) -> None:
    """Whatever leads to it, and whatever was said."""
    file_world.mover()
    directory = file_world.path.parent
    (directory / "link.db").symlink_to(file_world.path)
    os.link(file_world.path, directory / "hard.db")
    before = file_world.dump()
    error = refusal(InvalidInput, lambda: back_up(file_world.store.place, directory / name, replace=True))
    assert error.code in ("SamePlace", "OutputExists")
    assert file_world.dump() == before


def test_a_backup_into_nowhere(file_world: World, tmp_path: Path) -> None:
    error = refusal(InvalidInput, lambda: back_up(file_world.store.place, tmp_path / "no" / "b.db", replace=False))
    assert error.code == "OutputUnwritable"
    (tmp_path / "dir").mkdir()
    refusal(InvalidInput, lambda: back_up(file_world.store.place, tmp_path / "dir", replace=True))


def test_a_store_that_is_not_there_makes_no_backup(tmp_path: Path) -> None:
    error = refusal(StoreUnavailable, lambda: back_up(locate(str(tmp_path / "no.db")), tmp_path / "b", replace=False))
    assert error.code == "StoreMissing"
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_store_keeps_its_last_backup(file_world: World, tmp_path: Path) -> None:
    """A copy of damage in the place of a good backup would be the last straw."""
    file_world.mover()
    for number in range(200):
        file_world.project(f"p{number}", description="x" * 900)
    path = file_world.path
    file_world.store.close()
    sql(path, "PRAGMA wal_checkpoint(TRUNCATE)")
    (page,) = sql(path, "SELECT rootpage FROM sqlite_master WHERE name = 'project'")[0]
    content = bytearray(path.read_bytes())
    content[(page - 1) * 4096 : page * 4096] = b"\xa5" * 4096
    path.write_bytes(content)
    file = tmp_path / "b.db"
    file.write_text("the last good one")
    error = refusal(StoreUnavailable, lambda: back_up(file_world.store.place, file, replace=True))
    assert error.code == "StoreCorrupt"
    assert file.read_text() == "the last good one"
    assert not list(tmp_path.glob(".*.part*"))


def test_a_backup_of_a_server_can_be_carried_back(
    store_url: str, cluster: Cluster, store_database: str, tmp_path: Path
) -> None:
    """With a run that goes on in it: it is stopped in the backup, and then that fills another database."""
    file = tmp_path / "b.db"
    with server_world(store_url) as world:
        world.define()
        world.agent()
        world.start()
        back_up(world.store.place, file, replace=False)
    assert sound(file) == set()
    restored = World(open_store(str(file)), VirtualClock(NOON))
    restored.cancel(1)
    restored.store.close()
    name = cluster.store_database()
    try:
        copy_store(SqlitePlace(file), locate(cluster.url(name)))
        with Reader(locate(cluster.url(name))) as reader:
            assert reader.value("SELECT count(*) FROM job_run") == 1
    finally:
        cluster.drop(name)
