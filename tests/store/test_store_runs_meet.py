"""Writers of one run that meet: nothing serialises an agent's calls on a server, so the rows that they hold have to.

Each story stops one transaction in the middle, starts another in a thread of its own, and lets the first go on. On
SQLite the second waits for the whole store; on PostgreSQL for the row, or it passes it by.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as StillWaiting
from typing import Any

import pytest

from store.db import Store, Write, open_store
from store.errors import Conflict, LeaseLost, LongshoreError, TrustRefused
from store.execution.claims import (
    Claim,
    beat,
    claim_run,
    finish_run,
    reclaim_run,
    report_items,
    report_progress,
    report_started,
)
from store.execution.trust import AgentIdentity, connect_agent, live_agent
from store.models import Agent, JobRun
from store.resources.agents import unregister_agent
from store.resources.common import find_in_mover, find_mover
from store.resources.handover import hand_over
from store.resources.runs import expire_cancellations, request_cancel
from store.vocabulary import JobRunStatus
from tests.store.world import FACTS, World, refusal

WAITS = 0.4
"""Seconds after which a call that has not returned counts as one that waits."""

FINE = {"code": "", "message": "", "target": ""}
Call = Callable[[Write], Any]


class Others:
    """Other processes, as far as the store can tell: each with connections of its own."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.pool = ThreadPoolExecutor()
        self.stores: list[Store] = []

    def store(self) -> Store:
        found = open_store(self.world.store.place, clock=self.world.clock)
        self.stores.append(found)
        return found

    def start(self, call: Call, actor: str = "agent/dock-1") -> Future[Any]:
        store = self.store()

        def run() -> Any:
            with store.write(actor, serial=not actor.startswith("agent/")) as tx:
                return call(tx)

        return self.pool.submit(run)

    def meet(self, first: Call, second: Call, actors: tuple[str, str]) -> tuple[Future[Any], bool]:
        """Make the second call after the first and before its commit; the second, and whether it had to wait."""
        with self.world.store.write(actors[0], serial=not actors[0].startswith("agent/")) as tx:
            first(tx)
            tx.session.flush()
            other = self.start(second, actors[1])
            try:
                other.exception(WAITS)
                waited = False
            except StillWaiting:
                waited = True
        return other, waited

    def close(self) -> None:
        self.pool.shutdown()
        for store in self.stores:
            store.close()


@pytest.fixture
def others(world: World) -> Iterator[Others]:
    found = Others(world)
    yield found
    found.close()


AGENT, ADMIN = "agent/dock-1", "ann"


def cancel(claim: Claim) -> Call:
    return lambda tx: request_cancel(tx, tx.session.get_one(JobRun, claim.run_id)).status


def finish(identity: AgentIdentity, claim: Claim, status: JobRunStatus = JobRunStatus.SUCCEEDED) -> Call:
    return lambda tx: finish_run(tx, identity, claim, status, **FINE)


def handing_over(claim: Claim, agent: str = "dock-2") -> Call:
    return lambda tx: (
        hand_over(tx, find_mover(tx.session, "nas"), tx.session.get_one(JobRun, claim.run_id), agent).fence
    )


def beating(identity: AgentIdentity, *held: Claim) -> Call:
    return lambda tx: beat(tx, identity, held, uptime_in_seconds=1)


def test_a_stop_that_meets_an_end_finds_the_run_ended(world: World, others: Others) -> None:
    """The admin's transaction had read the run before the agent ended it."""
    identity, claim = world.claimed()
    world.call(identity, report_started, claim)
    other, waited = others.meet(finish(identity, claim), cancel(claim), (AGENT, ADMIN))
    assert waited
    error = other.exception()
    assert isinstance(error, Conflict)
    assert error.code == "RunEnded"
    run = world.run(claim.run_id)
    assert (run.status, run.cancel_deadline) == ("Succeeded", None)


def test_an_end_that_meets_a_stop_ends_the_run_all_the_same(world: World, others: Others) -> None:
    identity, claim = world.claimed()
    world.call(identity, report_started, claim)
    other, waited = others.meet(cancel(claim), finish(identity, claim), (ADMIN, AGENT))
    assert waited
    assert other.result() == "Succeeded"
    actions = [event.action for event in world.events("job_run")]
    assert actions[-2:] == ["CancelRequested", "Succeeded"]


def test_an_overdue_cancel_and_the_late_end_exclude_each_other(world: World, others: Others) -> None:
    """Whoever has the run first ends it; the other one finds that out and writes nothing."""
    identity, claim = world.claimed()
    world.call(identity, report_started, claim)
    world.cancel(claim.run_id)
    world.clock.advance(30_001)
    other, waited = others.meet(expire_cancellations, finish(identity, claim), ("store", AGENT))
    assert waited
    assert isinstance(other.exception(), LeaseLost)
    run = world.run(claim.run_id)
    assert (run.status, run.fence) == ("Canceled", 2)
    assert [e.action for e in world.events("job_run")].count("Canceled") == 1


def test_a_late_end_keeps_the_store_from_ending_the_run(world: World, others: Others) -> None:
    identity, claim = world.claimed()
    world.call(identity, report_started, claim)
    world.cancel(claim.run_id)
    world.clock.advance(30_001)
    other, _ = others.meet(finish(identity, claim), expire_cancellations, (AGENT, "store"))
    assert other.result() == 0
    run = world.run(claim.run_id)
    assert (run.status, run.fence) == ("Succeeded", 1)


def test_two_processes_of_one_agent_never_take_the_same_run(world: World, others: Others) -> None:
    """The one that comes second leaves out the run that the first is just taking."""
    world.define("a")
    world.define("b")
    identity = world.agent()
    first, second = world.start("hr/a"), world.start("hr/b")
    taken: list[Claim | None] = []
    other, waited = others.meet(
        lambda tx: taken.append(claim_run(tx, identity, [])), lambda tx: claim_run(tx, identity, []), (AGENT, AGENT)
    )
    assert taken[0] is not None
    assert taken[0].run_id == first
    found = other.result()
    if world.store.dialect == "postgresql":
        # It had to wait only for the agent's row, to say that the agent executes.
        assert waited
        assert (found.run_id, found.fence) == (second, 1)
    else:
        assert (found.run_id, found.fence) == (first, 2)


def test_a_process_whose_place_was_taken_claims_nothing(world: World, others: Others) -> None:
    """Its claim had begun while it was still the live one."""
    world.define()
    identity = world.agent()
    run_id = world.start()
    if world.store.dialect == "sqlite":
        pytest.skip("on SQLite no two transactions are open at once")
    store = others.store()

    def take_place() -> AgentIdentity:
        return connect_agent(
            store, "nas", "dock-1", world.credentials["dock-1"], host_key="host-1", heartbeat_ms=5_000, facts=FACTS
        )

    def claim_too_late() -> None:
        with world.store.write(AGENT, serial=False) as tx:
            live_agent(tx, identity)
            others.pool.submit(take_place).result(10)
            claim_run(tx, identity, [])

    assert refusal(TrustRefused, claim_too_late).code == "Superseded"
    run = world.run(run_id)
    assert (run.status, run.fence) == ("Queued", 0)


@pytest.mark.parametrize("renewed", [True, False])
def test_a_hand_over_and_a_heartbeat_exclude_each_other(world: World, others: Others, renewed: bool) -> None:
    """The lease has run out; then the agent wakes at the very moment: it keeps its run, or has lost it for good."""
    identity, claim = world.claimed()
    world.agent("dock-2")
    world.clock.advance(30_001)
    heartbeat, giving = beating(identity, claim), handing_over(claim)
    if renewed:
        other, waited = others.meet(heartbeat, giving, (AGENT, ADMIN))
        error = other.exception()
        assert isinstance(error, Conflict)
        assert error.code == "LeaseRuns"
        assert world.run(claim.run_id).agent_name == "dock-1"
    else:
        other, waited = others.meet(giving, heartbeat, (ADMIN, AGENT))
        assert other.result() == ({}, [claim.run_id])
        assert world.lease(claim.run_id) is None
        assert world.run(claim.run_id).agent_name == "dock-2"
    assert waited


def test_heartbeats_of_agents_do_not_wait_for_one_another(world: World, others: Others) -> None:
    """Nor for an admin's transaction that is about something else."""
    if world.store.dialect == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    one, claim = world.claimed()
    two, other_claim = world.claimed("hr/other", "dock-2")
    other, waited = others.meet(beating(one, claim), beating(two, other_claim), (AGENT, "agent/dock-2"))
    assert not waited
    assert other.result() == ({other_claim.run_id: "Started"}, [])
    other, waited = others.meet(lambda tx: None, beating(one, claim), (ADMIN, AGENT))
    assert not waited


def test_an_agent_that_is_unregistered_as_it_beats_is_told_so(world: World, others: Others) -> None:
    world.mover()
    identity = world.agent()

    def unregister(tx: Write) -> None:
        mover = find_mover(tx.session, "nas")
        unregister_agent(tx, mover, find_in_mover(tx.session, Agent, "agent", mover, "dock-1"))

    other, waited = others.meet(unregister, beating(identity), (ADMIN, AGENT))
    assert waited
    assert isinstance(other.exception(), TrustRefused)


def test_many_writers_of_a_few_runs_lose_nothing_and_never_wait_in_a_circle(world: World, others: Others) -> None:
    """Two processes for each of three agents report, beat, claim again and end; admins stop and hand over. At the end
    every run has ended once, under its last fence, with its grants and its lease gone."""
    agents = [f"dock-{number}" for number in range(3)]
    world.define("d0")
    identities = {name: world.agent(name) for name in agents}
    names = [f"d{number}" for number in range(12)]
    for number, name in enumerate(names):
        world.define(name)
        world.start(f"hr/{name}", agents[number % 3])
    refused: list[LongshoreError] = []
    stop = threading.Event()

    def agent(name: str, seed: int) -> list[tuple[int, int]]:
        chance, store, identity = random.Random(seed), others.store(), identities[name]
        held: list[Claim] = []
        finished: list[tuple[int, int]] = []

        def call(function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
            with store.write(f"agent/{name}", serial=False) as tx:
                return function(tx, identity, *arguments, **options)

        while not stop.is_set():
            claim = chance.choice(held) if held else None
            try:
                match chance.randrange(6):
                    case 0 if len(held) < 4:
                        found = call(claim_run, held)
                        held += [found] if found else []
                    case 1:
                        _, lost = call(beat, held, uptime_in_seconds=1)
                        held = [c for c in held if c.run_id not in lost]
                    case 2 if claim:
                        call(report_progress, claim, {"items_scanned": chance.randrange(9)})
                    case 3 if claim:
                        call(report_items, claim, [(b"x", "F", "Failed", "c", "m", 1)])
                    case 4 if claim:
                        held.remove(claim)
                        again = call(reclaim_run, claim, "it died")
                        held += [again] if again else []
                    case 5 if claim and chance.random() < 0.3:
                        held.remove(claim)
                        call(report_started, claim)
                        call(finish_run, claim, JobRunStatus.SUCCEEDED, **FINE)
                        finished.append((claim.run_id, claim.fence))
            except LeaseLost:
                held = [c for c in held if c is not claim]
        return finished

    def admin(seed: int) -> None:
        chance, store = random.Random(seed), others.store()
        while not stop.is_set():
            run_id = chance.randrange(1, len(names) + 1)
            try:
                with store.write("ann") as tx:
                    mover, run = find_mover(tx.session, "nas"), tx.session.get_one(JobRun, run_id)
                    match chance.randrange(12):
                        case 0:
                            request_cancel(tx, run)
                        case 1:
                            expire_cancellations(tx)
                        case _:
                            hand_over(tx, mover, run, chance.choice(agents))
            except LongshoreError as error:
                refused.append(error)

    running = [others.pool.submit(agent, name, seed) for seed, name in enumerate(agents * 2)]
    admins = [others.pool.submit(admin, seed) for seed in (100, 101)]
    ended = threading.Event()

    def all_ended() -> bool:
        return all(world.run(run_id).status in ("Succeeded", "Canceled") for run_id in range(1, len(names) + 1))

    try:
        for _ in range(600):
            world.clock.advance(1_500)
            if all_ended():
                break
            ended.wait(0.05)
    finally:
        stop.set()
    finished = [pair for future in running for pair in future.result(30)]
    for future in admins:
        future.result(30)
    assert all_ended(), [world.run(run_id).status for run_id in range(1, len(names) + 1)]
    assert len({run_id for run_id, _ in finished}) == len(finished)
    for run_id in range(1, len(names) + 1):
        run = world.run(run_id)
        assert (run.status == "Succeeded") == ((run_id, run.fence) in finished)
        assert world.lease(run_id) is None
        assert all(grant.ended_at is not None for grant in world.grants(run_id))
        ends = [e for e in world.events("job_run") if e.resource_id == run_id and e.action in ("Succeeded", "Canceled")]
        assert len(ends) == 1
    assert {error.code for error in refused} <= {"RunEnded", "AlreadyCanceling", "SameAgent", "LeaseRuns"}
