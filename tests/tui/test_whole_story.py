"""An admin's whole story in a real terminal, with a real agent and real files: start, launch, watch, stop, quit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from store.vocabulary import JobRunStatus
from tests.agent.migration import Migration, freeze, wake
from tests.tui.test_terminal import Terminal, restored


@pytest.fixture
def migration(tmp_path: Path) -> Iterator[Migration]:
    found = Migration(tmp_path, mode="Additive")
    yield found
    found.close()


@pytest.mark.parametrize("size", [(80, 24), (160, 45)], ids=["80x24", "160x45"])
def test_start_launch_watch_stop_quit(migration: Migration, size: tuple[int, int]) -> None:
    migration.fill(3_000)
    migration.start_agent(slow=True)
    columns, lines = size
    terminal = Terminal(["-m", "tui", "--store", str(migration.path)], columns, lines)
    terminal.until("Definitions" if columns > 100 else "Runs")
    # Three keys: the first definition, the sheet, the start.
    terminal.child.send("/d\r")
    terminal.until("Hierarchy /d")
    terminal.child.send("Gr")
    terminal.until("Start a run of p/d")
    terminal.until("dock-1")
    terminal.child.send("\r")
    terminal.until("Started p/d#1 on dock-1")
    # Watch it on its own screen until it has copied something.
    terminal.child.send("\r")
    terminal.until("copied")
    terminal.until("%")
    # Held until the cancel has been heard: on a busy machine the rest would be copied meanwhile.
    workers = migration.workers()
    freeze(workers)
    # Stop it: the default answer is no.
    terminal.child.send("x")
    terminal.until("Stop the run p/d#1")
    terminal.child.send("\r")
    terminal.until("%")
    assert migration.latest().active
    terminal.child.send("xy")
    migration.until(lambda run: run.status == JobRunStatus.CANCELING)
    wake(workers)
    terminal.until("Canceled")
    terminal.child.send("\x1b")
    terminal.until("Hierarchy")
    # What was copied stays; the next run copies the rest, and rsync finds no difference.
    slow = migration.agents[0]
    slow.terminate()
    slow.wait()
    migration.start_agent()
    terminal.child.send("r")
    terminal.until("Start a run of p/d")
    terminal.child.send("\r")
    terminal.until("Started p/d#2 on dock-1")
    terminal.until("Succeeded")
    terminal.child.send("q")
    assert terminal.end() == 0
    assert restored(terminal.raw)
    assert migration.differences() == ""
