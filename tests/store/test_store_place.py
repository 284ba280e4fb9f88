"""Places that cannot hold a store: each has its code, one sentence, exit code 5, and leaves the file as it was."""

from __future__ import annotations

import ctypes
import os
import sqlite3
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from store.clock import VirtualClock
from store.db import open_store
from store.errors import InvalidInput, LongshoreError, StoreUnavailable
from store.feed import head
from store.maintenance import maintain
from store.place import locate
from store.reader import Reader
from store.sqlite.place import APPLICATION_ID, SqlitePlace, file_system_of
from store.upkeep.backup import back_up
from store.upkeep.copying import copy_store
from store.upkeep.upgrading import schema_of
from tests.store.world import NOON, World, as_nobody, python, refusal, sql

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="needs to be root")
OPENERS: dict[str, Callable[[str], object]] = {"open_store": open_store, "Reader": Reader}


@pytest.fixture(params=OPENERS)
def opener(request: pytest.FixtureRequest) -> Callable[[str], object]:
    """Both ways into a store: they refuse the same places with the same words."""
    return OPENERS[request.param]


def state(directory: Path) -> dict[str, tuple[bytes, int]]:
    """The bytes and modes of all files, without what SQLite keeps beside a log that is in use."""
    return {
        p.name: (p.read_bytes(), p.stat().st_mode)
        for p in directory.iterdir()
        if p.is_file() and not p.name.endswith(("-wal", "-shm"))
    }


def refused(call: Callable[[], object], code: str, *words: object) -> None:
    error = refusal(StoreUnavailable, call)
    assert (error.code, error.exit_code) == (code, 5)
    for word in words:
        assert str(word) in error.sentence


def test_a_missing_directory(opener: Callable[[str], object], tmp_path: Path) -> None:
    path = tmp_path / "no" / "store.db"
    refused(lambda: opener(str(path)), "StoreMissingDirectory", path.parent, "create it")
    assert not path.parent.exists()


def test_a_file_as_directory(opener: Callable[[str], object], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    refused(lambda: opener(str(tmp_path / "file" / "store.db")), "StoreMissingDirectory")


def test_a_directory(opener: Callable[[str], object], tmp_path: Path) -> None:
    refused(lambda: opener(str(tmp_path)), "StoreNotOurs", tmp_path)


@pytest.mark.parametrize("content", [b"hello\n", b"x" * 100_000, b"SQLite format 3\0 but not really"])
def test_a_text_file(opener: Callable[[str], object], tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "store.db"
    path.write_bytes(content)
    refused(lambda: opener(str(path)), "StoreNotOurs", path)
    assert state(tmp_path) == {"store.db": (content, path.stat().st_mode)}


@pytest.mark.parametrize("mark", [0, 0x1234])
@pytest.mark.parametrize("journal", ["DELETE", "WAL"])
def test_another_programs_database(opener: Callable[[str], object], tmp_path: Path, mark: int, journal: str) -> None:
    """It is not touched: its journal mode, of all things, stays what it was."""
    path = tmp_path / "places.sqlite"
    sql(path, f"PRAGMA journal_mode={journal}", f"PRAGMA application_id={mark}", "CREATE TABLE moz (a)")
    before = state(tmp_path)
    refused(lambda: opener(str(path)), "StoreNotOurs", "another program's")
    assert state(tmp_path) == before


def test_a_store_of_a_newer_program(opener: Callable[[str], object], store_path: Path) -> None:
    sql(store_path, "UPDATE alembic_version SET version_num = '9999'")
    before = state(store_path.parent)
    refused(lambda: opener(str(store_path)), "StoreTooNew", "9999", "upgrade")
    assert state(store_path.parent) == before


def test_a_store_that_is_not_there_is_not_made_by_reading(tmp_path: Path) -> None:
    refused(lambda: Reader(str(tmp_path / "store.db")), "StoreMissing", "longshore apply")
    (tmp_path / "empty.db").touch()
    refused(lambda: Reader(str(tmp_path / "empty.db")), "StoreMissing")
    assert not (tmp_path / "store.db").exists()


def test_a_store_of_an_older_program_is_not_read(store_path: Path) -> None:
    sql(store_path, "UPDATE alembic_version SET version_num = '0000'")
    refused(lambda: Reader(str(store_path)), "StoreOutdated")


def test_a_file_that_was_cut(opener: Callable[[str], object], store_path: Path) -> None:
    content = store_path.read_bytes()
    store_path.write_bytes(content[: len(content) // 2])
    before = state(store_path.parent)
    refused(lambda: opener(str(store_path)), "StoreCorrupt", "backup")
    assert state(store_path.parent) == before


def test_pages_that_rotted_are_named_when_they_are_read(store_path: Path) -> None:
    """The head is sound, the rest is not: the first statement that meets it says so."""
    content = store_path.read_bytes()
    store_path.write_bytes(content[:4096] + b"\xa5" * (len(content) - 4096))

    def use() -> None:
        with Reader(str(store_path)) as reader:
            head(reader)

    refused(use, "StoreCorrupt")


def shared(path: Path) -> None:
    """Let nobody in: pytest's own directories are private."""
    for parent in path.parents:
        if parent.stat().st_uid == os.getuid() and not parent.stat().st_mode & 0o001:
            parent.chmod(parent.stat().st_mode | 0o001)


@root_only
def test_a_read_only_directory(empty_store: Path, tmp_path: Path) -> None:
    """Who may not write the directory can neither make a store there nor open one."""
    directory = tmp_path / "theirs"
    directory.mkdir(0o555)
    path = directory / "store.db"
    shared(path)
    assert as_nobody(lambda: open_store(str(path))).startswith("StoreCannotOpen 5 ")
    path.write_bytes(empty_store.read_bytes())
    path.chmod(0o666)
    before = state(directory)
    for opener in OPENERS.values():
        assert as_nobody(lambda opener=opener: opener(str(path))).startswith("StoreReadOnly 5 ")  # type: ignore[misc]
    assert state(directory) == before


@root_only
def test_a_store_that_is_somebody_elses(empty_store: Path, tmp_path: Path) -> None:
    """Mode 0600, in a directory that can be entered; and in one that cannot."""
    path = tmp_path / "theirs" / "store.db"
    path.parent.mkdir(0o755)
    path.write_bytes(empty_store.read_bytes())
    path.chmod(0o600)
    shared(path)
    for opener in OPENERS.values():
        assert as_nobody(lambda opener=opener: opener(str(path))).startswith("StoreNoPermission 5 ")  # type: ignore[misc]
    path.parent.chmod(0o700)
    for opener in OPENERS.values():
        assert as_nobody(lambda opener=opener: opener(str(path))).startswith("StoreNoPermission 5 ")  # type: ignore[misc]
    assert as_nobody(lambda: open_store(str(path.parent / "sub" / "x.db"))).startswith("StoreNoPermission 5 ")


@root_only
def test_a_home_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The default place cannot be made: said, and no traceback."""
    home = tmp_path / "home"
    home.mkdir(0o555)
    shared(home / "x")
    monkeypatch.setenv("XDG_DATA_HOME", str(home / "data"))
    monkeypatch.delenv("LONGSHORE_STORE", raising=False)
    assert as_nobody(lambda: open_store(None)).startswith("StoreCannotOpen 5 ")


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "9p"])
def test_a_network_file_system(
    opener: Callable[[str], object], store_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """SQLite would lose data there without an error; who knows better may say so."""
    monkeypatch.delenv("LONGSHORE_ALLOW_NETWORK_STORE", raising=False)
    monkeypatch.setattr("store.sqlite.place.file_system_of", lambda _path: kind)
    before = state(store_path.parent)
    refused(lambda: opener(str(store_path)), "StoreNetworkFileSystem", kind)
    assert state(store_path.parent) == before
    monkeypatch.setenv("LONGSHORE_ALLOW_NETWORK_STORE", "1")
    opener(str(store_path)).close()  # type: ignore[attr-defined]


def test_file_systems_are_told_apart() -> None:
    """By the longest mount point above the path, not by a prefix of its text."""
    assert file_system_of(Path("/proc/self")) == "proc"
    assert file_system_of(Path("/")) not in ("", "proc")
    assert file_system_of(Path("/procession")) == file_system_of(Path("/"))


def test_a_store_that_somebody_holds(file_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Longer than the timeout: busy, by name, and nothing was written."""
    world = file_world
    monkeypatch.setattr("store.sqlite.engine.BUSY_TIMEOUT_MS", 50)
    impatient = World(open_store(world.store.place), world.clock)
    holder = sqlite3.connect(world.path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    refused(impatient.mover, "StoreBusy", "fuser", world.path)
    holder.execute("ROLLBACK")
    holder.close()
    impatient.mover()
    impatient.store.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB."""
    libc = ctypes.CDLL(None, use_errno=True)
    place = tmp_path / "small"
    place.mkdir()
    if os.geteuid() != 0 or libc.mount(b"tmpfs", os.fsencode(place), b"tmpfs", 0, b"size=1m") != 0:
        pytest.skip("cannot mount a tmpfs here")
    yield place
    libc.umount2(os.fsencode(place), 2)


def test_a_full_disk(small_disk: Path) -> None:
    """Said by name; nothing of the write is there; with space it goes on."""
    world = World(open_store(str(small_disk / "store.db")), VirtualClock(NOON))
    world.mover()
    ballast = small_disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            pass
    done = 0

    def fill() -> None:
        nonlocal done
        while done < 2_000:
            world.project(f"p{done}", description="x" * 1_000)
            done += 1

    refused(fill, "StoreFull", "free space")
    ballast.unlink()
    with world.reader() as reader:
        assert reader.value("SELECT count(*) FROM project") == done
        assert reader.value("PRAGMA integrity_check") == "ok"
    world.project("after")
    world.store.close()


# The trap of POSIX locks: closing any descriptor of a file drops all locks that the process has on it.

THIRD = "import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute('SELECT name FROM project').fetchall())"
SECOND = """
import sys
from store.clock import VirtualClock
from store.db import open_store
from store.resources.common import find_mover
from store.resources.projects import put_project
from store.bodies import ProjectProperties
store = open_store(sys.argv[1])
with store.write("second") as tx:
    put_project(tx, find_mover(tx.session, None), "from-second", ProjectProperties())
store.close()
"""
LOOKS: dict[str, Callable[[World], object]] = {
    "a reader": lambda w: Reader(w.store.place).close(),
    "a reader that is refused": lambda w: refusal(StoreUnavailable, lambda: Reader(str(w.path.parent))),
    "a check of the place": lambda w: w.store.place.check(),
    "a second open": lambda w: open_store(w.store.place).close(),
    "a look by link": lambda w: Reader(str(w.path)).close(),
    "maintenance": lambda w: maintain(w.store),
    "a backup": lambda w: back_up(w.store.place, w.path.with_name("backup"), replace=True),
    "a look at its schema": lambda w: schema_of(w.store.place),
    "a copy": lambda w: copy_store(w.store.place, SqlitePlace(w.path.with_name("copy"))),
}


@pytest.mark.parametrize("look", LOOKS)
def test_a_look_beside_the_open_store_does_not_drop_its_locks(file_world: World, look: str) -> None:
    """Otherwise the next process to leave believes that it is the last, and deletes the log in use: what this
    process commits from then on would be lost."""
    world = file_world
    world.mover()
    log = world.path.with_name("store.db-wal")
    with world.reader() as held:
        held.value("SELECT 1")
        LOOKS[look](world)
        before = log.stat()
        second = python(SECOND, world.path)
        assert second.wait(timeout=60) == 0, second.communicate()
        assert log.stat().st_ino == before.st_ino
        assert log.stat().st_size > 0
        world.project("after")
        third = python(THIRD, world.path)
        out, err = third.communicate(timeout=60)
        assert "from-second" in out, err
        assert "after" in out, err
        second.communicate()


# Where a store is.


def test_where_a_store_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The argument, then LONGSHORE_STORE, then the XDG data directory, which is made private."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.delenv("LONGSHORE_STORE", raising=False)
    assert locate() == SqlitePlace(tmp_path / "data" / "longshore" / "longshore.db")
    assert stat.S_IMODE((tmp_path / "data" / "longshore").stat().st_mode) == 0o700
    monkeypatch.setenv("LONGSHORE_STORE", str(tmp_path / "env.db"))
    assert locate() == SqlitePlace(tmp_path / "env.db")
    assert locate("sqlite:///x.db") == SqlitePlace(Path.cwd() / "x.db")
    assert locate(f"sqlite:///{tmp_path}/x.db") == SqlitePlace(tmp_path / "x.db")
    (tmp_path / "link.db").symlink_to(tmp_path / "real.db")
    assert locate(str(tmp_path / "link.db")) == SqlitePlace(tmp_path / "real.db")


@pytest.mark.parametrize(
    "url",
    [
        "mysql://ann:hunter2@db/x",
        "postgresql://db",
        "postgresql://db:port/x",
        "sqlite://",
        "sqlite:///",
        "a\0b",
        "~nobody-at-all/x",
    ],
)
def test_a_url_that_names_no_file(url: str) -> None:
    """And a password in it is not repeated."""
    error = refusal(InvalidInput, lambda: locate(url))
    assert error.code == "InvalidStoreUrl"
    assert "hunter2" not in error.sentence


def test_a_link_that_leads_to_itself(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    refusal(LongshoreError, lambda: open_store(str(tmp_path / "loop" / "x.db")))


def test_a_name_that_is_too_long(opener: Callable[[str], object], tmp_path: Path) -> None:
    refused(lambda: opener(str(tmp_path / ("x" * 300))), "StoreCannotOpen")


def test_identity_changes_with_the_file(store_path: Path, empty_store: Path) -> None:
    place = SqlitePlace(store_path)
    before = place.identity
    assert before is not None
    with Reader(place) as reader:
        assert not reader.replaced()
        other = store_path.with_name("other")
        other.write_bytes(empty_store.read_bytes())
        other.rename(store_path)
        assert reader.replaced()
        store_path.unlink()
        assert place.identity is None
        assert reader.replaced()
    assert int.from_bytes(b"LSHR", "big") == APPLICATION_ID
