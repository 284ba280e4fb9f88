"""Dozens of SIGKILLs of worker and agent at random moments: each restart goes on by itself, and nothing is lost."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

from agentsim.retry import CRASHED_MOST
from store.vocabulary import JobRunStatus
from tests.agent.migration import Migration

KILLED_HELPERS = """
import os, signal, sys

if "agentsim.worker" in sys.orig_argv:
    from agentsim.engine import helper

    run_helper = helper.run_helper

    def killed(*arguments):
        workers = {workers!r}
        if len(os.listdir(workers)) < {times}:
            open(os.path.join(workers, str(os.getppid())), "wb").close()
        if str(os.getppid()) in os.listdir(workers):
            os.kill(os.getpid(), signal.SIGKILL)
        run_helper(*arguments)

    helper.run_helper = killed
"""
"""The helpers of so many workers are killed before they have done anything."""

KILLS = {"sqlite": 50, "postgresql": 20}


def test_kill_after_kill_and_the_tree_is_right(migration: Migration) -> None:
    chance = random.Random(7)
    migration.fill(9_000, directories=90, size=6_000)
    agent = migration.start_agent()
    migration.start_run()
    kills = 0
    while kills < KILLS[migration.store.dialect]:
        run = migration.latest()
        if not run.active:
            assert run.status == JobRunStatus.SUCCEEDED, (run, migration.log())
            disturb(migration, chance)
            migration.start_run()
        time.sleep(chance.uniform(0.0, 0.5))
        if chance.random() < 0.4:
            agent.kill()
            agent.wait()
            agent = migration.start_agent()
        else:
            victims = migration.workers()
            if not victims:
                continue
            try:
                os.kill(chance.choice(victims), signal.SIGKILL)
            except ProcessLookupError:
                continue
        kills += 1
    run = migration.ended()
    assert run.status == JobRunStatus.SUCCEEDED, (run, migration.log())
    counters = run.counters
    outcomes = ("transferred", "no_transfer_needed", "excluded", "unsupported", "failed", "changed")
    assert counters["items_scanned"] == sum(counters[f"items_{word}"] for word in outcomes) == 9_000 + 90
    assert migration.differences() == ""
    assert migration.leftovers() == []


def test_helpers_that_are_killed_are_no_crashes(migration: Migration, tmp_path: Path) -> None:
    """A run is given up after three crashes without progress; the kernel may kill for want of memory more often."""
    migration.fill(50)
    workers = tmp_path / "workers"
    workers.mkdir()
    migration.start_agent(changed=KILLED_HELPERS.format(workers=str(workers), times=CRASHED_MOST + 2))
    migration.start_run()
    run = migration.ended()
    assert run.status == JobRunStatus.SUCCEEDED, (run, migration.log())
    assert "its worker was killed by SIGKILL (helper" in migration.log()
    assert len(list(workers.iterdir())) == CRASHED_MOST + 2
    assert migration.differences() == ""


def disturb(migration: Migration, chance: random.Random) -> None:
    """Undo most of a finished copy, so that the next run has work again: for copying and for deleting."""
    for directory in migration.target.iterdir():
        for file in directory.iterdir():
            roll = chance.random()
            if roll < 0.6:
                file.unlink()
            elif roll < 0.7:
                file.write_bytes(b"overwritten")
        (directory / "target only").mkdir(exist_ok=True)
        (directory / "target only" / "file").write_bytes(b"x")
