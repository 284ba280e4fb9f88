"""A link that is slow, or takes nothing at all: what is shown in the end is the newest, and the program can be left."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.bench.screen_cases import Fleet, fleet, ours, small_store
from tests.bench.screen_terminal import BenchTerminal
from tests.tui.test_over_ssh import LIMIT, _alive, stands_out
from tests.tui.test_terminal import ROOT
from tui.presentation.format import short
from tui.terminal_driver import WatchedFile

NEARLY_NOTHING = 50.0
"""Bytes a second."""

ROUNDS = "2341" * 10
"""Keys each of which frames another pane; the last picture is the first again."""


class Scene(NamedTuple):
    """The screen over eight runs that go on, on a link of its own."""

    terminal: BenchTerminal
    live: Fleet


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    store = small_store(tmp_path)
    with fleet(store, 8) as live:
        live.say("go")
        terminal = BenchTerminal(ours(store), 100, 30, environment={"PYTHONPATH": str(ROOT)})
        try:
            terminal.until("share-7 ", LIMIT)
            terminal.until("%", LIMIT)
            yield Scene(terminal, live)
        finally:
            terminal.close()


def test_when_a_link_is_back_it_brings_the_newest_and_not_what_came_before(scene: Scene, tmp_path: Path) -> None:
    terminal, live = scene
    terminal.send("g")
    terminal.until("share-0 #1", LIMIT)
    began = time.monotonic()
    for pane in ROUNDS:
        terminal.send(pane)
        terminal.until(partial(stands_out, pane), LIMIT)
    on_a_free_link = terminal.bytes_between(began, time.monotonic())

    _fill_the_link(terminal, tmp_path)
    live.say("pause")
    newest = f"{short(live.say('step 0')['items'])}/20M"

    terminal.feed()
    back = time.monotonic()
    terminal.rate = None
    shown = terminal.until(
        lambda at: any("share-0 #1 " in line and newest in line for line in at.screen.display), LIMIT
    )
    came = terminal.bytes_between(back, shown)
    # What the link held already, which no program can take back (some 12 kB), and a picture or two.
    assert came < on_a_free_link / 2


def _fill_the_link(terminal: BenchTerminal, directory: Path) -> None:
    """Press many keys while the link carries nothing; the program has come to all of them at the return.

    A file that it saves tells so: nothing can be seen of it.
    """
    terminal.rate = NEARLY_NOTHING
    for pane in ROUNDS:
        terminal.send(pane)
        time.sleep(0.05)
    file = directory / "seen.txt"
    terminal.send(f"\x13\x15{file}\r")
    end = time.monotonic() + LIMIT
    while not file.exists():
        assert time.monotonic() < end, "the program waits for the link, and comes to no key"
        time.sleep(0.05)


def test_a_terminal_that_takes_nothing_can_be_left(scene: Scene, tmp_path: Path) -> None:
    terminal, _ = scene
    _fill_the_link(terminal, tmp_path)
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
