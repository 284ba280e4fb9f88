"""A link that is slow, or takes nothing at all: what is shown in the end is the newest, and the program can be left."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.bench.screen_cases import fleet, ours, small_store
from tests.bench.screen_terminal import BenchTerminal
from tests.tui.test_over_ssh import LIMIT, _alive
from tests.tui.test_terminal import ROOT
from tui.terminal_driver import WatchedFile

NEARLY_NOTHING = 50.0
"""Bytes a second."""


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[BenchTerminal]:
    store = small_store(tmp_path)
    with fleet(store, 8) as live:
        live.say("go")
        terminal = BenchTerminal(ours(store), 100, 30, environment={"PYTHONPATH": str(ROOT)})
        try:
            terminal.until("share-7 ")
            terminal.until("%")
            yield terminal
        finally:
            terminal.close()


def test_when_a_link_is_back_it_brings_the_newest_and_not_what_came_before(terminal: BenchTerminal) -> None:
    terminal.rate = NEARLY_NOTHING
    for pane in "23412341234123412341234":
        terminal.send(pane)
        time.sleep(0.1)
    terminal.feed()
    back = time.monotonic()
    terminal.rate = None
    terminal.send("?")
    seen = terminal.until("Keys here")
    # Each of these keys is worth more than a thousand bytes, and ticks came besides.
    assert terminal.bytes_between(back, seen) < 16_000


def test_a_terminal_that_takes_nothing_can_be_left(terminal: BenchTerminal) -> None:
    terminal.rate = NEARLY_NOTHING
    terminal.send("?")
    time.sleep(1.0)
    os.kill(terminal.pid, signal.SIGTERM)
    end = time.monotonic() + LIMIT
    while _alive(terminal.pid) and time.monotonic() < end:
        time.sleep(0.1)
    assert not _alive(terminal.pid)


def test_a_write_under_way_says_that_the_terminal_is_behind_and_one_that_fails_that_it_is_gone() -> None:
    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as file:
        watched = WatchedFile(file)
        behind = [watched.behind]
        watched.write("a")
        time.sleep(0.02)
        behind.append(watched.behind)
        watched.flush()
        behind.append(watched.behind)
        assert behind == [False, True, False]
        os.close(reader)
        watched.write("b")
        watched.flush()
        assert watched.gone
        watched.write("c")
        watched.flush()
        # What is left in the file's own buffer has nowhere to go.
        with suppress(OSError):
            file.close()
