"""Agents of a store on a server that stops, loses connections, tells them nothing, or does not know them any more."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from store import report_lines
from store.models import Agent
from store.queries import hierarchy
from store.queries.reports import report_chunks
from store.resources.agents import unregister_agent
from store.resources.common import find_in_mover, find_mover
from store.vocabulary import AgentStatus, JobRunStatus
from tests import postgres
from tests.agent.migration import HEARTBEAT, LIMIT, Migration

LEASE = 6 * HEARTBEAT


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[postgres.Cluster]:
    """A server that this test may stop."""
    running = postgres.start()
    monkeypatch.setenv("PGPASSFILE", str(running.pgpass))
    yield running
    running.stop()


@pytest.fixture
def far(cluster: postgres.Cluster, store_database: str, tmp_path: Path) -> Iterator[Migration]:
    """A migration whose store is on the session's server."""
    found = Migration(tmp_path, server=cluster.url(store_database))
    yield found
    found.close()


def online(migration: Migration) -> None:
    end = time.monotonic() + LIMIT
    with migration.reader() as reader:
        while hierarchy.agents(reader, 1)[0].status != AgentStatus.ONLINE:
            assert time.monotonic() < end, migration.log()
            time.sleep(0.02)


def test_a_server_that_stops_in_the_middle_of_a_copy_is_waited_for(server: postgres.Cluster, tmp_path: Path) -> None:
    """The workers stop before their lease ends, and go on when the server is back; each item is counted once."""
    migration = Migration(tmp_path, server=server.url(server.store_database()))
    try:
        migration.fill(4_000, directories=40, size=500)
        agent = migration.start_agent(slow=True)
        migration.start_run(report=True)
        migration.until(lambda run: run.counters["items_transferred"] > 0)
        server.crash()
        time.sleep(LEASE)
        before = migration.target_state()
        time.sleep(LEASE)
        assert migration.target_state() == before
        assert len(before) < 4_000, "there was work left"
        assert agent.poll() is None, migration.log()
        server.start_again()
        run = migration.ended()
        assert (run.status, run.fence) == (JobRunStatus.SUCCEEDED, 1), migration.log()
        assert "the store answers again" in migration.log()
        assert migration.differences() == ""
        assert run.counters["items_scanned"] == run.counters["items_transferred"] == 4_040
        assert_reported_once(migration, run.id, 4_040)
    finally:
        migration.close()


def assert_reported_once(migration: Migration, run_id: int, items: int) -> None:
    """Each item has one line in the run's report."""
    paths: Counter[str] = Counter()
    with migration.reader() as reader:
        for chunk in report_chunks(reader, run_id, 0, 10_000):
            assert chunk.final
            paths.update(str(item["path"]) for item in report_lines.read(chunk.data))
    assert len(paths) == items
    assert set(paths.values()) == {1}


def test_connections_that_break_at_any_moment_lose_nothing_and_tell_nothing_twice(
    far: Migration, cluster: postgres.Cluster
) -> None:
    """The agent's connections are ended again and again, also in the middle of transactions and of their commits."""
    far.fill(3_000, directories=30, size=500)
    for directory in far.source.iterdir():
        os.mkfifo(directory / "pipe")
    with far.store.write("user/test") as tx:
        role = tx.session.get_one(Agent, 1).db_role
    far.start_agent(slow=True)
    run_id = far.start_run(report=True)
    far.until(lambda run: run.counters["items_transferred"] > 0)
    stop, ended = threading.Event(), [0]

    def breaking() -> None:
        with cluster.connect() as connection:
            while not stop.wait(0.12):
                done = connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", (role,)
                )
                ended[0] += len(done.fetchall())

    breaker = threading.Thread(target=breaking)
    breaker.start()
    try:
        time.sleep(6)
    finally:
        stop.set()
        breaker.join()
    run = far.ended()
    assert ended[0] > 20
    assert run.fence == 1, far.log()
    with far.reader() as reader:
        recorded = reader.rows("SELECT path, count(*) AS times FROM run_item GROUP BY path")
    assert {row["times"] for row in recorded} == {1}
    assert len(recorded) == run.counters["items_unsupported"] == 30
    assert_reported_once(far, run_id, 3_000 + 30 + 30)


def test_work_that_nobody_told_of_is_found_with_the_next_heartbeat(far: Migration) -> None:
    far.fill(10)
    far.start_agent()
    online(far)
    far.store.teller = None
    far.start_run()
    assert far.ended().status == JobRunStatus.SUCCEEDED


def test_an_agent_that_is_told_does_not_wait_for_its_heartbeat(far: Migration) -> None:
    """Of a run that starts, and of one that is to stop."""
    far.fill(800, size=3_000)
    agent = far.start_agent("--heartbeat", "120", slow=True)
    online(far)
    far.start_run()
    far.until(lambda run: run.counters["items_transferred"] > 0)
    far.cancel()
    assert far.ended().status == JobRunStatus.CANCELED, far.log()
    assert agent.poll() is None


def freeze_between_writes(agent: subprocess.Popen[bytes], cluster: postgres.Cluster, role: str) -> None:
    """Stop a process while it holds no row: whoever wanted that would have to wait for the server to let go of it."""
    writing = f"SELECT 1 FROM pg_stat_activity WHERE usename = '{role}' AND state <> 'idle'"
    while True:
        agent.send_signal(signal.SIGSTOP)
        time.sleep(0.05)
        if not cluster.psql(writing):
            return
        agent.send_signal(signal.SIGCONT)
        time.sleep(0.05)


@pytest.mark.parametrize("away", [False, True])
def test_an_agent_that_was_unregistered_ends(far: Migration, cluster: postgres.Cluster, away: bool) -> None:
    """While it is connected it is told so; when its connections break, it is not let in any more."""
    agent = far.start_agent()
    online(far)
    with far.store.read() as session:
        role = find_in_mover(session, Agent, "agent", find_mover(session, "m"), "dock-1").db_role
    if away:
        freeze_between_writes(agent, cluster, role)
    with far.store.write("user/test") as tx:
        mover = find_mover(tx.session, "m")
        unregister_agent(tx, mover, find_in_mover(tx.session, Agent, "agent", mover, "dock-1"))
    if away:
        cluster.psql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{role}'")
        agent.send_signal(signal.SIGCONT)
    assert agent.wait(LIMIT) in (2, 5), far.log()
    assert "register" in far.log()
