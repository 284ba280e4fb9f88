"""Claims by real processes at once: each run is taken exactly once under each fence, whoever dies or restarts."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import pytest
from sqlmodel import SQLModel

from tests.store.world import World, outputs, python

AGENT = """
import json, random, sys, time
from store.db import open_store
from store.errors import LeaseLost, TrustRefused
from store.execution.claims import claim_run, finish_run, report_items, report_progress, report_started
from store.execution.trust import AgentFacts, connect_agent
from store.models import JobRun
from store.queries.runs import work_of
from store.reader import Reader
from store.vocabulary import JobRunStatus
url, name, credential, seed, restarts, zombies = sys.argv[1:]
chance, store, taken, finished = random.Random(seed), open_store(url), [], []
reader, asleep, refused, accepted = Reader(store.place), [], 0, 0
print("ready", flush=True)
sys.stdin.readline()

def connect():
    facts = AgentFacts("1", "h", "", "", 0, 0)
    return connect_agent(store, "nas", name, credential, host_key="h", heartbeat_ms=5000, facts=facts)

def call(function, identity, *arguments, **options):
    with store.write("agent/" + name, serial=False) as tx:
        return function(tx, identity, *arguments, **options)

def awake():
    # What a worker that slept past its lease would still tell.
    global refused, accepted
    for identity, claim in list(asleep):
        with store.read() as session:
            if session.get_one(JobRun, claim.run_id).fence == claim.fence:
                continue
        asleep.remove((identity, claim))
        for late in (
            lambda: call(report_items, identity, claim, [(b"late", "F", "Failed", "late", "", 0)]),
            lambda: call(report_progress, identity, claim, {"items_scanned": 666}),
            lambda: call(finish_run, identity, claim, JobRunStatus.FAILED, code="late", message="", target=""),
        ):
            try:
                late()
                accepted += 1
            except LeaseLost:
                refused += 1

lives = int(restarts)
identity = connect()
while True:
    try:
        claim = call(claim_run, identity, [])
        if claim is None:
            if not work_of(reader, identity.agent_id):
                break
            time.sleep(0.002)
            continue
        taken.append([claim.run_id, claim.fence])
        call(report_started, identity, claim)
        if chance.random() < float(zombies):
            asleep.append((identity, claim))
            identity = connect()
            continue
        call(finish_run, identity, claim, JobRunStatus.SUCCEEDED, code="", message="", target="")
        finished.append([claim.run_id, claim.fence])
        awake()
    except LeaseLost:
        continue
    except TrustRefused:
        if lives == 0:
            break
        lives -= 1
        identity = connect()
awake()
print(json.dumps([taken, finished, refused, accepted]))
"""
RUNS = 120
AGENT_OF = "(n.value & 3)"


@dataclass
class Told:
    """What the processes say of themselves: pairs of run and fence, and the writes of those that had slept."""

    taken: list[tuple[int, int]] = field(default_factory=list)
    finished: list[tuple[int, int]] = field(default_factory=list)
    refused: int = 0
    accepted: int = 0


@pytest.fixture
def queued(world: World) -> World:
    """Many runs that wait for four agents, made the short way."""
    world.define("d")
    for number in range(4):
        world.agent(f"dock-{number}")
    run_id = world.start("hr/d", "dock-0")
    for table in ("job_definition", "job_run", "access_grant"):
        columns = [column.name for column in SQLModel.metadata.tables[table].columns if column.name != "id"]
        values = {
            "job_definition": {"name": "t.name || '-' || n.value"},
            "job_run": {
                "definition_id": "(SELECT id FROM job_definition WHERE name = 'd-' || n.value)",
                "target_key": "t.target_key || n.value",
                "agent_id": f"1 + {AGENT_OF}",
                "agent_name": f"'dock-' || ({AGENT_OF})",
            },
            "access_grant": {
                "run_id": "(SELECT r.id FROM job_run r JOIN job_definition d ON d.id = r.definition_id"
                " WHERE d.name = 'd-' || n.value)",
                "agent_id": f"1 + {AGENT_OF}",
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


def go(world: World, processes_each: int, restarts: int, zombies: float = 0.0) -> Told:
    agents = [
        python(AGENT, world.store.place.url, name, world.credentials[name], n, restarts, zombies)
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
    told = Told()
    for out in outputs(agents):
        mine, done, refused, accepted = json.loads(out)
        told.taken += map(tuple, mine)
        told.finished += map(tuple, done)
        told.refused += refused
        told.accepted += accepted
    return told


def test_four_agents_take_each_run_exactly_once(queued: World) -> None:
    """Each its own, all under fence 1, all at the same time."""
    told = go(queued, 1, 0)
    assert sorted(told.taken) == [(number, 1) for number in range(1, RUNS + 1)]
    assert sorted(told.finished) == sorted(told.taken)
    assert queued.sql("SELECT status, count(*) FROM job_run GROUP BY status") == [("Succeeded", RUNS)]


def test_processes_that_displace_each_other_never_share_a_fence(queued: World) -> None:
    """Two processes of each of two agents take over from one another again and again: a run may be taken several times,
    each time under a higher fence, and is finished exactly once."""
    ended = "UPDATE job_run SET status = 'Canceled' WHERE agent_id > 2"
    queued.sql(ended, "DELETE FROM access_grant WHERE agent_id > 2")
    for name in ("dock-2", "dock-3"):
        del queued.credentials[name]
    told = go(queued, 2, 4)
    all_is_right(queued, told, "agent_id <= 2")


def test_what_a_sleeper_still_says_is_refused(queued: World) -> None:
    """One attempt in five sleeps past its lease, while the run is taken again and ended: not one of their writes
    is accepted, and no row and no figure of theirs is left."""
    told = go(queued, 1, 0, zombies=0.2)
    all_is_right(queued, told, "1 = 1")
    assert told.accepted == 0
    assert told.refused > 30, "or nobody slept"
    assert queued.sql("SELECT count(*) FROM run_item") == [(0,)]
    assert queued.sql("SELECT count(*) FROM job_run WHERE items_scanned <> 0 OR error_code <> ''") == [(0,)]


def all_is_right(world: World, told: Told, whose: str) -> None:
    """Each of these runs was taken once under each fence, and ended once, under its last; nothing is held any more."""
    assert len(set(told.taken)) == len(told.taken)
    last: dict[int, int] = dict(sorted(told.taken))
    assert sorted(told.finished) == sorted(last.items())
    assert world.sql(f"SELECT id, fence FROM job_run WHERE {whose} ORDER BY id") == sorted(last.items())
    assert world.sql(f"SELECT DISTINCT status FROM job_run WHERE {whose}") == [("Succeeded",)]
    assert world.sql("SELECT count(*) FROM access_grant WHERE ended_at IS NULL") == [(0,)]
    assert world.sql("SELECT count(*) FROM run_lease") == [(0,)]
