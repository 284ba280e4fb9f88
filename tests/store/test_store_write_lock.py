"""Waiting for SQLite's write lock: whoever waits is asked again at once, and no longer than the busy timeout."""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from store.db import open_store
from store.errors import StoreUnavailable
from store.sqlite import engine
from tests.store.world import refusal


def test_a_writer_that_waits_gets_the_lock_when_it_is_free(store_path: Path) -> None:
    entered = threading.Event()
    order: list[str] = []

    def second() -> None:
        with closing(open_store(str(store_path))) as store:
            entered.set()
            with store.write("second"):
                order.append("second")

    with closing(open_store(str(store_path))) as store, store.write("first"):
        thread = threading.Thread(target=second)
        thread.start()
        entered.wait(60)
        time.sleep(0.05)
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]


def test_a_lock_that_does_not_come_free_is_a_named_error_and_leaves_the_timeout_as_it_was(
    store_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(open_store(str(store_path))) as store:
        with closing(sqlite3.connect(store_path, isolation_level=None)) as holder:
            holder.execute("BEGIN IMMEDIATE")
            monkeypatch.setattr(engine, "BUSY_TIMEOUT_MS", 40)

            def write() -> None:
                with store.write("second"):
                    raise AssertionError("nobody else has the lock")

            assert refusal(StoreUnavailable, write).code == "StoreBusy"
            monkeypatch.undo()
            holder.execute("ROLLBACK")
        with store.write("second") as tx:
            assert tx.session.connection().exec_driver_sql("PRAGMA busy_timeout").scalar() == 5_000
