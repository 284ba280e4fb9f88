"""Claims by real processes at once: each run is taken exactly once under each fence, whoever dies or restarts."""

from __future__ import annotations

import json

import pytest

from tests.store.world import World, outputs, python

AGENT = """
import json, random, sys
from store.db import open_store
from store.errors import LeaseLost, TrustRefused
from store.execution.claims import claim_run, finish_run, report_started
from store.execution.trust import AgentFacts, connect_agent
from store.vocabulary import JobRunStatus
path, name, credential, seed, restarts = sys.argv[1:]
chance, store, taken, finished = random.Random(seed), open_store(path), [], []
print("ready", flush=True)
sys.stdin.readline()

def connect():
    facts = AgentFacts("1", "h", "", "", 0, 0)
    return connect_agent(store, "nas", name, credential, host_key="h", heartbeat_ms=5000, facts=facts)

lives = int(restarts)
identity = connect()
while True:
    try:
        with store.write("agent/" + name) as tx:
            claim = claim_run(tx, identity, [])
        if claim is None:
            break
        taken.append([claim.run_id, claim.fence])
        with store.write("agent/" + name) as tx:
            report_started(tx, identity, claim)
        with store.write("agent/" + name) as tx:
            finish_run(tx, identity, claim, JobRunStatus.SUCCEEDED, code="", message="", target="")
        finished.append([claim.run_id, claim.fence])
    except LeaseLost:
        continue
    except TrustRefused:
        if lives == 0:
            break
        lives -= 1
        identity = connect()
print(json.dumps([taken, finished]))
"""
RUNS = 200


@pytest.fixture
def queued(world: World) -> World:
    """200 runs that wait for four agents, made the short way."""
    world.define("d")
    for number in range(4):
        world.agent(f"dock-{number}")
    run_id = world.start("hr/d", "dock-0")
    for table in ("job_definition", "job_run", "access_grant"):
        columns = [row[1] for row in world.sql(f"PRAGMA table_info({table})") if row[1] != "id"]
        values = {
            "job_definition": {"name": "t.name || '-' || n.value"},
            "job_run": {
                "definition_id": "(SELECT id FROM job_definition WHERE name = 'd-' || n.value)",
                "target_key": "t.target_key || n.value",
                "agent_id": "1 + n.value % 4",
                "agent_name": "'dock-' || (n.value % 4)",
            },
            "access_grant": {
                "run_id": "(SELECT r.id FROM job_run r JOIN job_definition d ON d.id = r.definition_id"
                " WHERE d.name = 'd-' || n.value)",
                "agent_id": "1 + n.value % 4",
            },
        }[table]
        picked = ", ".join(values.get(column, f't."{column}"') for column in columns)
        numbers = f"(WITH RECURSIVE c(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM c WHERE value < {RUNS - 1})"
        names = ", ".join(f'"{column}"' for column in columns)
        world.sql(
            f"INSERT INTO {table} ({names}) SELECT {picked} FROM {table} t, {numbers} SELECT value FROM c) n",
        )
    assert world.sql("SELECT count(*), count(DISTINCT target_key) FROM job_run WHERE status = 'Queued'") == [
        (RUNS, RUNS)
    ]
    assert run_id == 1
    return world


def go(world: World, processes_each: int, restarts: int) -> tuple[list[list[int]], list[list[int]]]:
    agents = [
        python(AGENT, world.path, name, world.credentials[name], n, restarts)
        for name in sorted(world.credentials)
        for n in range(processes_each)
    ]
    for agent in agents:
        assert agent.stdout is not None
        assert agent.stdout.readline() == "ready\n", agent.communicate()
    for agent in agents:
        assert agent.stdin is not None
        agent.stdin.write("go\n")
        agent.stdin.flush()
    taken: list[list[int]] = []
    finished: list[list[int]] = []
    for out in outputs(agents):
        mine, done = json.loads(out)
        taken += mine
        finished += done
    return taken, finished


def test_four_agents_take_each_run_exactly_once(queued: World) -> None:
    """Each its own 50, all under fence 1, all at the same time."""
    taken, finished = go(queued, 1, 0)
    assert sorted(taken) == [[number, 1] for number in range(1, RUNS + 1)]
    assert sorted(finished) == sorted(taken)
    assert queued.sql("SELECT status, count(*) FROM job_run GROUP BY status") == [("Succeeded", RUNS)]


def test_processes_that_displace_each_other_never_share_a_fence(queued: World) -> None:
    """Two processes of each of two agents take over from one another again and again: a run may be taken several times,
    each time under a higher fence, and is finished exactly once."""
    ended = "UPDATE job_run SET status = 'Canceled' WHERE agent_id > 2"
    queued.sql(ended, "DELETE FROM access_grant WHERE agent_id > 2")
    for name in ("dock-2", "dock-3"):
        del queued.credentials[name]
    mine = queued.sql("SELECT id FROM job_run WHERE agent_id <= 2 ORDER BY id")
    taken, finished = go(queued, 2, 4)
    pairs = [(run, fence) for run, fence in taken]
    assert len(set(pairs)) == len(pairs)
    assert sorted(run for run, _ in finished) == [row[0] for row in mine]
    last: dict[int, int] = dict(sorted(pairs))
    assert sorted(map(tuple, finished)) == sorted(last.items())
    assert queued.sql("SELECT id, fence FROM job_run WHERE agent_id <= 2 ORDER BY id") == sorted(last.items())
    ended = "SELECT count(*) FROM access_grant WHERE ended_at IS NULL"
    assert queued.sql(ended) == [(0,)]
