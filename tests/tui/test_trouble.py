"""Trouble with the store while the screen is open: told with the age of what is shown, survived, and over by itself.

Each story is told with real files, real processes and a real server.
"""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from store.db import Store, open_store
from store.place import locate
from store.plan import apply_plan, parse_plan
from store.sqlite.place import SqlitePlace
from tests import postgres
from tests.engine import mounts
from tests.tui.driving import app_of, seen, until
from tests.tui.sample_store import PLAN, SampleStore
from tests.tui.test_terminal import Terminal, restored
from tui import resource_commands
from tui.app import LongshoreApp
from tui.screens.confirm import ConfirmScreen

pytestmark = pytest.mark.anyio

OLD = re.compile(r"(store out of reach|no answer from the store), data (\d+)s old")


def badge(app: LongshoreApp) -> str:
    """What the header says of the age of the data."""
    found = OLD.search(seen(app).split("\n")[0])
    return found.group(1) if found else ""


def told_age(app: LongshoreApp) -> int:
    found = OLD.search(seen(app).split("\n")[0])
    return int(found.group(2)) if found else -1


async def grows_old(pilot: Pilot[int], app: LongshoreApp) -> None:
    """The header tells an age, and the age goes on."""
    await until(pilot, lambda: badge(app) != "")
    before = told_age(app)
    await until(pilot, lambda: told_age(app) > before + 1)


async def live_again(pilot: Pilot[int], app: LongshoreApp) -> None:
    await until(pilot, lambda: badge(app) == "" and " old" not in seen(app).split("\n")[0])


async def keys_work(pilot: Pilot[int]) -> None:
    """What needs no store goes on: panes, the list of keys."""
    await pilot.press("question_mark")
    await until(pilot, "Keys here")
    await pilot.press("escape")
    await until(pilot, "Keys here", absent=True)
    await pilot.press("4", "j", "k", "1", "j", "k")


async def show_live_run(pilot: Pilot[int]) -> None:
    await until(pilot, "Runs of engineering")
    await until(pilot, "engineering #1")
    await until(pilot, "75%")


class Hurt:
    """A way to harm a store and to put it right again."""

    def __init__(self, place: SqlitePlace) -> None:
        self.path = place.path
        self.copy = place.path.with_name("copy.db")

    def harm(self) -> None: ...

    def mend(self) -> None: ...


class Gone(Hurt):
    def harm(self) -> None:
        self.path.rename(self.copy)

    def mend(self) -> None:
        self.copy.rename(self.path)


class DirectoryGone(Hurt):
    def harm(self) -> None:
        self.path.parent.rename(self.path.parent.with_name("elsewhere"))

    def mend(self) -> None:
        self.path.parent.with_name("elsewhere").rename(self.path.parent)


class Corrupt(Hurt):
    """A damaged file in the store's place, as a bad disk or a copy that was broken off leaves it."""

    def harm(self) -> None:
        damaged = self.path.with_name("damaged.db")
        page = 4_096
        damaged.write_bytes(self.path.read_bytes()[:page] + os.urandom(self.path.stat().st_size - page))
        self.path.rename(self.copy)
        damaged.rename(self.path)

    def mend(self) -> None:
        self.path.unlink()
        self.copy.rename(self.path)


class Newer(Hurt):
    """Another program upgrades the store while it is open here."""

    def harm(self) -> None:
        self._version("9999")

    def mend(self) -> None:
        from store.head import HEAD

        self._version(HEAD)

    def _version(self, version: str) -> None:
        connection = sqlite3.connect(self.path, isolation_level=None)
        connection.execute("UPDATE alembic_version SET version_num = ?", (version,))
        connection.close()


class NotOurs(Hurt):
    """Something else lies in the store's place."""

    def harm(self) -> None:
        self.path.rename(self.copy)
        self.path.write_text("This is no store.\n" * 200)

    def mend(self) -> None:
        self.path.unlink()
        self.copy.rename(self.path)


class LockedForReading(Hurt):
    """A process that holds the locks of every reader of the log."""

    def harm(self) -> None:
        program = (
            "import fcntl, sys\n"
            f"file = open({str(self.path) + '-shm'!r}, 'r+b')\n"
            "fcntl.lockf(file, fcntl.LOCK_EX, 5, 123)\n"
            "print('held', flush=True); sys.stdin.read()"
        )
        self._holder = subprocess.Popen(
            [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._holder.stdout is not None
        assert self._holder.stdout.readline() == "held\n"

    def mend(self) -> None:
        self._holder.communicate()


HARMS: list[tuple[type[Hurt], str]] = [
    (Gone, "There is no store at"),
    (DirectoryGone, "does not exist: create it"),
    (Corrupt, "is damaged: stop the agents"),
    (Newer, "was written by a newer Longshore"),
    (NotOurs, "is not a database"),
    (LockedForReading, "is locked by another process"),
]


@pytest.fixture
def place(tmp_path: Path) -> SqlitePlace:
    """A store in a directory of its own, so that the directory can go."""
    directory = tmp_path / "store"
    directory.mkdir()
    return SqlitePlace((directory / "longshore.db").resolve())


@pytest.fixture
def closed(sample: SampleStore) -> SampleStore:
    """The sample with nobody at its file: what was written lies in the file itself."""
    sample.store.close()
    return sample


@pytest.mark.parametrize(("hurt", "sentence"), HARMS, ids=lambda value: getattr(value, "__name__", ""))
async def test_an_embedded_store_in_trouble(closed: SampleStore, hurt: type[Hurt], sentence: str) -> None:
    app = app_of(closed)
    harm = hurt(closed.place)
    async with app.run_test(size=(160, 45)) as pilot:
        await show_live_run(pilot)
        harm.harm()
        try:
            await until(pilot, sentence)
            await grows_old(pilot, app)
            assert badge(app) == "store out of reach"
            assert "engineering #1" in seen(app), "what was read stays on the screen"
            await keys_work(pilot)
            await until(pilot, sentence)
        finally:
            harm.mend()
        await live_again(pilot, app)
        await until(pilot, sentence, absent=True)
        write(closed, "new-project")
        await pilot.press("1", "g")
        await until(pilot, "new-project")


def write(sample: SampleStore, project: str) -> None:
    """What another process does to the store that is at the place now."""
    store = open_store(sample.place, clock=sample.clock)
    with store.write("user/ana") as tx:
        apply_plan(tx, parse_plan(PLAN.replace("name: payroll-app", f"name: {project}").encode(), "plan.yaml"))
    store.close()


async def test_trouble_on_a_narrow_screen_and_under_a_sheet(closed: SampleStore) -> None:
    """The launch sheet lies over the screen; the header above it must not look live."""
    app = app_of(closed)
    async with app.run_test(size=(80, 24)) as pilot:
        await show_live_run(pilot)
        await pilot.press("r")
        await until(pilot, "Start a run of")
        Gone(closed.place).harm()
        await grows_old(pilot, app)
        await pilot.press("enter")
        await until(pilot, "Start a run of", absent=True)
        await until(pilot, "There is no store at")
        Gone(closed.place).mend()
        await live_again(pilot, app)


async def test_the_age_is_that_of_the_data_and_not_of_the_trouble(closed: SampleStore) -> None:
    """A store that falls silent answers nothing for seconds before anybody knows that it is in trouble."""
    app = app_of(closed)
    lock = LockedForReading(closed.place)
    async with app.run_test(size=(160, 45)) as pilot:
        await show_live_run(pilot)
        lock.harm()
        await until(pilot, lambda: badge(app) == "no answer from the store")
        assert told_age(app) >= 3
        await until(pilot, lambda: badge(app) == "store out of reach")
        assert told_age(app) >= 5, "SQLite itself waited for five seconds before it gave up"
        lock.mend()
        await live_again(pilot, app)


async def test_a_run_screen_in_trouble(closed: SampleStore) -> None:
    app = app_of(closed)
    harm = Gone(closed.place)
    async with app.run_test(size=(80, 24)) as pilot:
        await show_live_run(pilot)
        await pilot.press("4", "enter")
        await until(pilot, "18,000 / ~24,000")
        harm.harm()
        await grows_old(pilot, app)
        await pilot.press("tab", "j")
        assert "18,000 / ~24,000" in seen(app)
        await pilot.press("escape")
        await until(pilot, "Hierarchy")
        await until(pilot, lambda: badge(app) != "")
        harm.mend()
        await live_again(pilot, app)


async def test_a_store_that_was_replaced_is_read_anew(sample: SampleStore, tmp_path: Path) -> None:
    """A restored backup, or another store: nothing of the one before stays on the screen."""
    other = SqlitePlace((tmp_path / "other.db").resolve())
    store = open_store(other, clock=sample.clock)
    with store.write("user/ana") as tx:
        apply_plan(
            tx, parse_plan(PLAN.replace("nas-exit", "other-exit").replace("payroll-app", "x-app").encode(), "x.yaml")
        )
    store.close()
    sample.store.close()
    app = app_of(sample)
    async with app.run_test(size=(160, 45)) as pilot:
        await show_live_run(pilot)
        assert "payroll-app" in seen(app)
        for left in ("-wal", "-shm"):
            sample.place.path.with_name(sample.place.path.name + left).unlink(missing_ok=True)
        other.path.rename(sample.place.path)
        await until(pilot, "other-exit")
        await until(pilot, "payroll-app", absent=True)
        await until(pilot, "engineering #1", absent=True)
        await until(pilot, "75%", absent=True)
        assert badge(app) == ""


# Writing


async def told(pilot: Pilot[int]) -> None:
    """Leave the dialog that tells a sentence that is longer than the key bar."""
    if isinstance(pilot.app.screen, ConfirmScreen):
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(pilot.app.screen, ConfirmScreen))


async def start_hr_home(pilot: Pilot[int]) -> None:
    await pilot.press("1", "escape", "slash", *"hr-home", "enter")
    await until(pilot, "Hierarchy /hr-home")
    await pilot.press("G")
    await until(pilot, "Runs of hr-home")
    await pilot.press("r")
    await until(pilot, "Start a run of")
    await pilot.press("enter")


@contextmanager
def write_lock(path: Path) -> Iterator[None]:
    """A process's transaction that does not end."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        connection.rollback()
        connection.close()


async def test_a_start_while_the_store_is_locked(closed: SampleStore) -> None:
    """Reading goes on, so nothing is old; the start waits, is refused in a sentence, and works later."""
    app = app_of(closed)
    async with app.run_test(size=(160, 45)) as pilot:
        await show_live_run(pilot)
        with write_lock(closed.place.path):
            await start_hr_home(pilot)
            await until(pilot, "The store has not answered yet")
            await keys_work(pilot)
            await until(pilot, "is locked by another process")
            await told(pilot)
            assert badge(app) == ""
        assert "hr-home #2" not in seen(app)
        await start_hr_home(pilot)
        await until(pilot, "hr-home #2")


async def test_whoever_leaves_the_screen_before_the_answer_still_gets_it(closed: SampleStore) -> None:
    app = app_of(closed)
    async with app.run_test(size=(160, 45)) as pilot:
        await show_live_run(pilot)
        await pilot.press("4", "enter")
        await until(pilot, "What did not simply")
        with write_lock(closed.place.path):
            await pilot.press("x")
            await until(pilot, "Stop the run")
            await pilot.press("y")
            await until(pilot, "The store has not answered yet")
            await pilot.press("escape")
            await until(pilot, "Hierarchy")
            await until(pilot, "is locked by another process")
        assert app.is_running


async def test_that_there_is_no_answer_yet_is_not_said_any_more_when_it_has_come(
    closed: SampleStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the answer leads to says nothing here: the form that it was for is there."""
    app, held, load = app_of(closed), threading.Event(), resource_commands.load

    def slowly(*arguments: Any) -> Any:
        held.wait()
        return load(*arguments)

    monkeypatch.setattr(resource_commands, "load", slowly)
    async with app.run_test(size=(160, 45)) as pilot:
        await show_live_run(pilot)
        await pilot.press("3", "e")
        await until(pilot, "The store has not answered yet")
        held.set()
        assert "The store has not answered yet" not in await until(pilot, "Change the job definition")


async def test_a_start_in_a_store_that_was_upgraded_meanwhile(closed: SampleStore) -> None:
    """An older program must not write into a newer schema, whatever it had open."""
    app = app_of(closed)
    async with app.run_test(size=(160, 45)) as pilot:
        await show_live_run(pilot)
        await until(pilot, lambda: app.commands._store is not None)
        Newer(closed.place).harm()
        with pytest.raises(Exception, match="newer Longshore"):
            app.commands.stop_run("nas-exit", "nas1-migration/engineering#1")
        Newer(closed.place).mend()
        app.commands.stop_run("nas-exit", "nas1-migration/engineering#1")
        await until(pilot, "Cancel requested")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount")
async def test_a_start_on_a_full_disk(tmp_path: Path) -> None:
    directory = tmp_path / "small"
    directory.mkdir()
    with mounts.tmpfs(directory, size="4m"):
        sample = SampleStore.make(SqlitePlace((directory / "longshore.db").resolve()))
        sample.store.close()
        app = app_of(sample)
        async with app.run_test(size=(160, 45)) as pilot:
            await show_live_run(pilot)
            await until(pilot, lambda: app.commands._store is not None)
            filler = directory / "filler"
            fill(filler)
            await start_hr_home(pilot)
            await until(pilot, "is full: free space")
            await told(pilot)
            await keys_work(pilot)
            filler.unlink()
            await start_hr_home(pilot)
            await until(pilot, "hr-home #2")
            await live_again(pilot, app)


def fill(path: Path) -> None:
    """Take every byte that is left."""
    with path.open("wb", buffering=0) as file:
        size = 1 << 20
        while size:
            try:
                file.write(b"\0" * size)
            except OSError:
                size //= 2


# On a server


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[postgres.Cluster]:
    """A server that a test may stop."""
    running = postgres.start()
    monkeypatch.setenv("PGPASSFILE", str(running.pgpass))
    yield running
    running.stop()


@pytest.fixture
def on_server(server: postgres.Cluster) -> LongshoreApp:
    """The screen on a server's store with the sample's plan."""
    place = locate(server.url(server.store_database()))
    store: Store = open_store(place)
    with store.write("user/ana") as tx:
        apply_plan(tx, parse_plan(PLAN.encode(), "plan.yaml"))
    store.close()
    return LongshoreApp(place)


Harm = Callable[[postgres.Cluster], None]


def crash(server: postgres.Cluster) -> None:
    server.crash()


def freeze(server: postgres.Cluster) -> None:
    """A server that says nothing any more, and whose connections stay open."""
    signal_all(server, signal.SIGSTOP)


def signal_all(server: postgres.Cluster, number: signal.Signals) -> None:
    """Its processes are children of the first, each with a session of its own."""
    first = server.process.pid
    children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
    for pid in (first, *map(int, children)):
        os.kill(pid, number)


def start_again(server: postgres.Cluster) -> None:
    server.start_again()


def thaw(server: postgres.Cluster) -> None:
    signal_all(server, signal.SIGCONT)


@pytest.mark.parametrize(
    ("harm", "mend", "said"),
    [(crash, start_again, "store out of reach"), (freeze, thaw, "no answer from the store")],
    ids=["down", "frozen"],
)
async def test_a_server_in_trouble(
    server: postgres.Cluster, on_server: LongshoreApp, harm: Harm, mend: Harm, said: str
) -> None:
    app = on_server
    async with app.run_test(size=(160, 45)) as pilot:
        await until(pilot, "payroll-app")
        harm(server)
        try:
            await until(pilot, lambda: badge(app) == said)
            await grows_old(pilot, app)
            await keys_work(pilot)
            assert "payroll-app" in seen(app)
            if harm is crash:
                await until(pilot, "cannot be reached")
        finally:
            mend(server)
        await live_again(pilot, app)
        await add_project(app, "new-project")
        await pilot.press("1", "g")
        await until(pilot, "new-project")


async def add_project(app: LongshoreApp, project: str) -> None:
    import asyncio

    def add() -> None:
        store = open_store(app.follower._place)
        with store.write("user/ana") as tx:
            apply_plan(tx, parse_plan(PLAN.replace("name: payroll-app", f"name: {project}").encode(), "plan.yaml"))
        store.close()

    await asyncio.to_thread(add)


async def test_a_write_after_the_server_was_restarted_works_at_once(
    server: postgres.Cluster, on_server: LongshoreApp
) -> None:
    """The connection that the screen had for writing is dead: nobody should have to try twice."""
    app = on_server
    async with app.run_test(size=(160, 45)) as pilot:
        await until(pilot, "payroll-app")
        await until(pilot, lambda: app.commands._store is not None)
        server.crash()
        await until(pilot, lambda: badge(app) == "store out of reach")
        with pytest.raises(Exception, match="cannot be reached"):
            app.commands.sweep()
        server.start_again()
        app.commands.sweep()
        await live_again(pilot, app)


def test_q_leaves_at_once_although_the_store_is_silent(server: postgres.Cluster, on_server: LongshoreApp) -> None:
    """Threads that wait for an answer that does not come must not keep the shell waiting."""
    arguments = ["-m", "tui", "--store", on_server.follower._place.url]
    terminal = Terminal(arguments)
    terminal.until("payroll-app")
    pressed = time.monotonic()
    terminal.child.send("q")
    assert terminal.end() == 0
    usual = time.monotonic() - pressed
    terminal = Terminal(arguments)
    try:
        terminal.until("payroll-app")
        freeze(server)
        terminal.until("no answer from the store")
        terminal.child.send("q")
        assert terminal.end(5 + 5 * usual) == 0
        assert restored(terminal.raw)
    finally:
        thaw(server)
        terminal.child.close(force=True)
