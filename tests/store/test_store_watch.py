"""The watch of an embedded store: who looks is told, whoever committed and however the file came to be another."""

from __future__ import annotations

import logging
import queue
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from store.errors import StoreUnavailable
from store.sqlite.place import SqlitePlace
from store.sqlite.waking import FileWaking
from store.watch import Watch
from tests.store.world import LIMIT, eventually, python, sql

ANOTHER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], timeout=30, isolation_level=None)
print("ready", flush=True)
for line in sys.stdin:
    connection.execute("UPDATE feed_state SET floor = floor + 1")
    print("done", flush=True)
"""


class Told:
    """What a watch has called back."""

    def __init__(self, path: Path) -> None:
        self.changes: queue.Queue[None] = queue.Queue()
        self.troubles: queue.Queue[StoreUnavailable] = queue.Queue()
        self.watch = Watch(SqlitePlace(path), lambda: self.changes.put(None), self.troubles.put)
        self.watch.start()
        self.changes.get(timeout=LIMIT)

    def rest(self) -> None:
        """Wait until nothing more is told about what was done before."""
        while True:
            try:
                self.changes.get(timeout=1.3)
            except queue.Empty:
                return


@pytest.fixture
def told(store_path: Path) -> Iterator[Told]:
    found = Told(store_path)
    yield found
    found.watch.stop(wait=True)


def test_a_commit_in_another_process_is_told_by_its_event(
    told: Told, store_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Each of five, before the look once a second finds it; and when nothing happens nothing is told."""
    caplog.set_level(logging.INFO, "longshore.watch")
    writer = python(ANOTHER, store_path)
    assert writer.stdin is not None
    assert writer.stdout is not None
    writer.stdout.readline()
    told.rest()
    for _ in range(5):
        writer.stdin.write("go\n")
        writer.stdin.flush()
        told.changes.get(timeout=LIMIT)
        writer.stdout.readline()
    writer.communicate()
    told.rest()
    assert told.changes.empty()
    assert told.troubles.empty()
    assert not caplog.records


def test_a_log_that_is_made_anew_is_still_watched(
    told: Told, store_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Each writer opens and closes the store; with a reader held, with none: the log comes and goes."""
    caplog.set_level(logging.INFO, "longshore.watch")
    for _ in range(3):
        sql(
            store_path,
            "PRAGMA journal_mode=WAL",
            "UPDATE feed_state SET floor = floor + 1",
            "PRAGMA wal_checkpoint(TRUNCATE)",
        )
        told.changes.get(timeout=LIMIT)
        told.rest()
    assert not caplog.records


def test_a_store_replaced_by_rename_is_told(told: Told, store_path: Path, empty_store: Path) -> None:
    """A restore: the old connection would go on reading the old file for ever."""
    told.rest()
    fresh = store_path.with_name("restored")
    shutil.copyfile(empty_store, fresh)
    fresh.rename(store_path)
    told.changes.get(timeout=LIMIT)
    told.rest()
    sql(store_path, "UPDATE feed_state SET floor = floor + 1")
    told.changes.get(timeout=LIMIT)


def test_trouble_is_told_once_and_its_end_too(told: Told, store_path: Path, empty_store: Path) -> None:
    """A store that is removed: one call that says why; one change when it is back; then as before."""
    told.rest()
    store_path.unlink()
    error = told.troubles.get(timeout=LIMIT)
    assert (error.code, error.exit_code) == ("StoreMissing", 5)
    told.rest()
    assert told.troubles.empty()
    shutil.copyfile(empty_store, store_path)
    told.changes.get(timeout=LIMIT)
    told.rest()
    sql(store_path, "UPDATE feed_state SET floor = floor + 1")
    told.changes.get(timeout=LIMIT)
    assert told.troubles.empty()
    store_path.unlink()
    told.troubles.get(timeout=LIMIT)


def test_a_watch_without_file_events_polls(store_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No inotify left: the version is looked at often instead."""

    def none_left(*_arguments: object, **_options: object) -> None:
        raise OSError("no inotify")

    monkeypatch.setattr("watchfiles._rust_notify.RustNotify", none_left)
    told = Told(store_path)
    sql(store_path, "UPDATE feed_state SET floor = floor + 1")
    told.changes.get(timeout=LIMIT)
    told.watch.stop(wait=True)


def test_events_that_are_lost_are_made_good_and_logged(
    store_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A watch that never sees anything: the look once a second finds the change, and says so."""

    class Blind:
        def __init__(self, *_arguments: object) -> None: ...

        def watch(self, _debounce: int, _step: int, timeout: int, stop: threading.Event) -> str:
            return "stop" if stop.wait(timeout / 1000) else "timeout"

    monkeypatch.setattr("watchfiles._rust_notify.RustNotify", Blind)
    caplog.set_level(logging.INFO, "longshore.watch")
    told = Told(store_path)
    told.rest()
    assert not caplog.records
    sql(store_path, "UPDATE feed_state SET floor = floor + 1")
    told.changes.get(timeout=LIMIT)
    eventually(lambda: caplog.records)
    assert "looking found it" in caplog.records[0].getMessage()
    told.watch.stop(wait=True)


def test_an_event_that_comes_before_its_commit_can_be_seen_has_told_of_it(
    store_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The log is written first: the version is looked at again soon, and what is found then was not missed."""
    waited: list[int] = []

    class Early:
        def __init__(self, *_arguments: object) -> None: ...

        def watch(self, _debounce: int, _step: int, timeout: int, _stop: threading.Event) -> str | set[object]:
            waited.append(timeout)
            if len(waited) % 2:
                return {(2, "store.db-wal")}
            sql(store_path, "UPDATE feed_state SET floor = floor + 1")
            return "timeout"

    monkeypatch.setattr("watchfiles._rust_notify.RustNotify", Early)
    caplog.set_level(logging.INFO, "longshore.watch")
    waking, stop = FileWaking(SqlitePlace(store_path)), threading.Event()
    assert [waking.wait(stop) for _ in range(6)] == [True, False, False, True, False, True]
    assert waited == [20, 20, 1_000, 20]
    assert not caplog.records
    waking.close()


def test_events_that_come_are_not_taken_for_lost(
    told: Told, store_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Whenever they come: forty commits at odd moments, also just when the slow look is due."""
    caplog.set_level(logging.INFO, "longshore.watch")
    for number in range(40):
        sql(store_path, "UPDATE feed_state SET floor = floor + 1")
        time.sleep(0.05 + number % 7 * 0.03)
    time.sleep(1.5)
    assert not caplog.records


def test_a_watch_ends_when_it_is_told_to(store_path: Path) -> None:
    told = Told(store_path)
    told.watch.stop()
    eventually(lambda: not told.watch._thread.is_alive())
