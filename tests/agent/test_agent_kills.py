"""Dozens of SIGKILLs of worker and agent at random moments: each restart goes on by itself, and nothing is lost."""

from __future__ import annotations

import os
import random
import signal
import time

from store.vocabulary import JobRunStatus
from tests.agent.migration import Migration

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
