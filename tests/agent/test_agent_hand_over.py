"""A run that changes hands while the agent that had it is frozen: when it wakes, it finds that everywhere."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from store.errors import Conflict, StoreUnavailable
from store.queries import hierarchy
from store.resources.common import find_mover
from store.resources.handover import hand_over
from store.resources.runs import find_run, lock_run
from store.vocabulary import AgentStatus, JobRunStatus
from tests.agent.migration import HEARTBEAT, LIMIT, Migration, freeze, wake


@pytest.fixture
def other(migration: Migration, tmp_path: Path) -> Path:
    """The state directory of a second agent, dock-2."""
    state = tmp_path / "agent-2"
    migration.enlist("dock-2", state)
    return state


def frozen_in_mid_run(migration: Migration) -> tuple[subprocess.Popen[bytes], list[int]]:
    """An agent and its workers, stopped while they copy."""
    migration.fill(800, size=3_000)
    agent = migration.start_agent(elsewhere=True)
    migration.start_run()
    migration.until(lambda run: run.counters["items_transferred"] > 0)
    workers = migration.workers()
    os.kill(agent.pid, signal.SIGSTOP)
    while holds_the_run(migration):
        # It was stopped between two statements of a transaction: a server would end that after its own time-out.
        os.kill(agent.pid, signal.SIGCONT)
        time.sleep(0.02)
        os.kill(agent.pid, signal.SIGSTOP)
    freeze(workers)
    return agent, workers


def holds_the_run(migration: Migration) -> bool:
    """Whether somebody has the run's row locked."""
    try:
        with migration.store.write("user/test") as tx:
            lock_run(tx, find_run(tx.session, find_mover(tx.session, "m"), "p/d")[2].id)
    except StoreUnavailable:
        return True
    return False


def gone(migration: Migration, pids: list[int]) -> bool:
    return not set(migration.workers()) & set(pids)


def test_a_lost_run_is_finished_by_another_agent(migration: Migration, other: Path) -> None:
    """First the workers wake, past their lease, then their agent: they touch nothing, and it can do other work. (On one
    host, the lock that frozen workers have on the target would keep the other agent from beginning.)"""
    agent, workers = frozen_in_mid_run(migration)
    with migration.store.write("user/test") as tx:
        mover = find_mover(tx.session, "m")
        run = find_run(tx.session, mover, "p/d")[2]
        with pytest.raises(Conflict, match="is held by 'dock-1' for another"):
            hand_over(tx, mover, run, "dock-2")
    migration.hand_over("dock-2")
    second = migration.start_agent("--once", state=other)
    run_row = migration.ended()
    assert (run_row.status, run_row.agent_name) == (JobRunStatus.SUCCEEDED, "dock-2"), migration.log()
    assert run_row.fence == 3, "one claim, the hand-over, another claim"
    assert run_row.counters["items_scanned"] == 800 + 20
    assert migration.differences() == ""
    assert second.wait(LIMIT) == 0

    # Where they would have work left: files that are missing in the target now.
    for file in sorted(migration.target.rglob("f*"))[:400]:
        file.unlink()
    before, ended = migration.target_state(), migration.latest()
    wake(workers)
    time.sleep(4 * HEARTBEAT)
    assert migration.target_state() == before
    wake([agent.pid])
    end = time.monotonic() + LIMIT
    while not gone(migration, workers):
        assert time.monotonic() < end, migration.log()
        time.sleep(0.05)
    assert migration.target_state() == before
    assert migration.latest() == ended._replace(agent_beat=migration.latest().agent_beat)
    with migration.reader() as reader:
        agents = {row.name: row.status for row in hierarchy.agents(reader, 1)}
    assert agents["dock-1"] in (AgentStatus.ONLINE, AgentStatus.EXECUTING)
    migration.start_run(agent_name="dock-1")
    again = migration.until(lambda r: r.number == 2 and not r.active)
    assert (again.status, again.agent_name) == (JobRunStatus.SUCCEEDED, "dock-1"), migration.log()
    assert migration.differences() == ""
    assert migration.leftovers() == []


def test_a_run_that_waits_goes_to_the_agent_that_is_there(migration: Migration, other: Path) -> None:
    migration.fill(20)
    migration.start_run()
    migration.start_agent(state=other)
    migration.hand_over("dock-2")
    run = migration.ended()
    assert (run.status, run.agent_name) == (JobRunStatus.SUCCEEDED, "dock-2"), migration.log()


def test_workers_of_a_dead_agent_end_when_they_wake(migration: Migration, other: Path) -> None:
    """The agent was killed while they were frozen; another one has the run by then."""
    agent, workers = frozen_in_mid_run(migration)
    agent.kill()
    agent.wait()
    migration.hand_over("dock-2")
    before = migration.target_state()
    wake(workers)
    end = time.monotonic() + LIMIT
    while any(Path(f"/proc/{pid}/exe").exists() for pid in workers):
        assert time.monotonic() < end
        time.sleep(0.02)
    assert migration.target_state() == before
    assert migration.latest().status == JobRunStatus.RUNNING
    migration.start_agent(state=other)
    assert migration.ended().status == JobRunStatus.SUCCEEDED, migration.log()
    assert migration.differences() == ""
