"""Who takes part when the feed is measured: a writer, readers of several kinds, and who only opens the store.

Each is a process of its own, and prints one line of JSON.
"""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from store.reader import Reader

ROOT = Path(__file__).resolve().parents[2]
RATE = 20
"""Writes a second."""


def start(role: Callable[..., None], *arguments: object) -> subprocess.Popen[str]:
    """Start a role in a process of its own, importing nothing but what it needs."""
    values = ", ".join(map(repr, arguments))
    script = f"from tests.bench.feed_roles import {role.__name__}; {role.__name__}({values})"
    return subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def answers(*processes: subprocess.Popen[str]) -> list[Any]:
    """What the roles found out, which all begin together; each has to end well."""
    for process in processes:
        assert process.stdout is not None
        if process.stdout.readline().strip() != "ready":
            raise RuntimeError(f"a part of the bench does not start: {process.args!r}")
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    found = []
    for process in processes:
        out, _ = process.communicate()
        if process.returncode:
            raise RuntimeError(f"a part of the bench failed: {process.args!r}")
        found.append(json.loads(out))
    return found


def write(url: str, seconds: float, last: int) -> None:
    """Commit the numbers after ``last`` at a rate, but at no even times; when each commit had returned."""
    from store.db import open_store

    store, chance = open_store(url), random.Random(1)
    done: list[tuple[int, float]] = []
    _say_ready()
    began = time.monotonic()
    for number in range(1, int(seconds * RATE) + 1):
        time.sleep(max(0.0, began + (number + chance.uniform(-0.5, 0.5)) / RATE - time.monotonic()))
        with store.write("bench") as tx:
            tx.session.connection().exec_driver_sql(f"UPDATE storage_mover SET description = '{last + number}'")
        done.append((last + number, time.monotonic()))
    store.close()
    _say(done)


def follow(url: str, kind: str, seconds: float) -> None:
    """Follow the writer: which of its numbers was read when, and the share of a core that this took.

    Args:
        url: the store.
        kind: ``ours`` waits for the watch, ``poll 1 s`` asks the feed once a second, ``poll 50 ms`` looks twenty times
            a second for a greater revision (on a server it would lose changes).
        seconds: how long.
    """
    from store.reader import Reader

    with Reader(url) as reader:
        wait, news, stop = _waiting(kind, reader)
        seen: list[tuple[int, float]] = []
        # What a process does at its start is over.
        time.sleep(0.5)
        _say_ready()
        until, used = time.monotonic() + seconds, time.process_time()
        while (left := until - time.monotonic()) > 0:
            wait(left)
            if news():
                seen.append((_number(reader), time.monotonic()))
        used = time.process_time() - used
        stop()
    _say({"seen": seen, "cpu": used / seconds})


def ask(url: str, times: int) -> None:
    """Microseconds of asking the feed when there is nothing new, the median."""
    from store import feed
    from store.reader import Reader

    with Reader(url) as reader:
        cursor, took = feed.head(reader), []
        _say_ready()
        for _ in range(times):
            began = time.perf_counter()
            cursor = feed.since(reader, cursor).cursor
            took.append(time.perf_counter() - began)
    _say(statistics.median(took) * 1e6)


def open_up(url: str) -> None:
    """Milliseconds of opening a store that is up to date, with everything imported."""
    import importlib

    from store.db import open_store
    from store.place import locate

    place = locate(url)
    names = {
        "sqlite": ("sqlalchemy.dialects.sqlite.pysqlite", "store.sqlite.engine"),
        "postgresql": (
            "sqlalchemy.dialects.postgresql.psycopg",
            "store.postgres.engine",
            "store.postgres.errors",
            "store.postgres.notify",
        ),
    }
    for name in names[place.dialect]:
        importlib.import_module(name)
    _say_ready()
    began = time.perf_counter()
    store = open_store(place)
    took = time.perf_counter() - began
    store.close()
    _say(took * 1e3)


def _waiting(kind: str, reader: Reader) -> tuple[Callable[[float], object], Callable[[], bool], Callable[[], None]]:
    """How a kind of reader waits, how it learns whether there is something new, and how it ends."""
    from store import feed

    cursor = feed.head(reader)

    def asked() -> bool:
        nonlocal cursor
        page = feed.since(reader, cursor)
        cursor = page.cursor
        return bool(page.rows) or page.resync

    newest = reader.value("SELECT max(rev) FROM change")

    def looked() -> bool:
        nonlocal newest
        before, newest = newest, reader.value("SELECT max(rev) FROM change")
        return bool(newest != before)

    if kind == "poll 1 s":
        return (lambda left: time.sleep(min(left, 1.0))), asked, lambda: None
    if kind == "poll 50 ms":
        return (lambda left: time.sleep(min(left, 0.05))), looked, lambda: None
    from store.watch import Watch

    changed = threading.Event()
    watch = Watch(reader.place, changed.set)
    watch.start()

    def told(left: float) -> None:
        changed.wait(left)
        changed.clear()

    return told, asked, watch.stop


def _number(reader: Reader) -> int:
    return int(reader.value("SELECT description FROM storage_mover") or 0)


def _say_ready() -> None:
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()


def _say(found: object) -> None:
    sys.stdout.write(json.dumps(found) + "\n")
