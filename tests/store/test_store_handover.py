"""Handing a run over: only when its agent is lost or has not begun, and then for good."""

from __future__ import annotations

import pytest

from store.errors import AgentUnavailable, Conflict, LeaseLost, LongshoreError
from store.execution.claims import Claim, acknowledge_cancel, finish_run, guard, report_items, report_started
from store.execution.trust import AgentIdentity
from store.lifecycle import hand_over_wait
from store.models import Agent, JobRun
from store.resources.common import find_mover
from store.resources.handover import hand_over
from store.vocabulary import AgentStatus, JobRunStatus, Outcome
from tests.store.world import NOON, World, refusal

FINE = {"code": "", "message": "", "target": ""}


@pytest.fixture
def running(world: World) -> tuple[AgentIdentity, Claim, AgentIdentity]:
    """A run of dock-1, and dock-2 that has nothing to do."""
    identity, claim = world.claimed()
    world.call(identity, report_started, claim)
    return identity, claim, world.agent("dock-2")


def give(world: World, run_id: int, agent: str = "dock-2", mover: str = "nas") -> JobRun:
    with world.write() as tx:
        return hand_over(tx, find_mover(tx.session, mover), tx.session.get_one(JobRun, run_id), agent)


def test_a_lost_run_goes_on_with_another_agent(
    world: World, running: tuple[AgentIdentity, Claim, AgentIdentity]
) -> None:
    """Status, number and counters stay; fence, grants and lease are new, and the event says from whom to whom."""
    identity, claim, other = running
    world.call(identity, report_items, claim, [(b"x", "F", Outcome.DELETED, "", "", 1)])
    world.clock.advance(30_000)
    run = give(world, claim.run_id)
    assert (run.status, run.agent_name, run.fence) == ("Running", "dock-2", claim.fence + 1)
    assert world.lease(run.id) is None
    grants = [(g.agent_id, g.endpoint_name, g.permission, g.granted_by, g.ended_at) for g in world.grants(run.id)]
    now = world.clock.now()
    assert grants == [
        (identity.agent_id, "home-from", "Read", "ann", now),
        (identity.agent_id, "home-to", "Write", "ann", now),
        (other.agent_id, "home-from", "Read", "ann", None),
        (other.agent_id, "home-to", "Write", "ann", None),
    ]
    event = world.events("job_run")[-1]
    assert (event.action, event.actor, event.detail) == ("handed over", "ann", "from dock-1 to dock-2")
    assert world.definition().agent_name == "dock-2", "the next run is offered to the agent that is there"
    taken = world.claim(other)
    assert taken is not None
    assert (taken.run_id, taken.fence, taken.resumed) == (run.id, run.fence + 1, True)
    assert world.events("job_run")[-1].detail == "it was handed over"
    world.call(other, finish_run, taken, JobRunStatus.SUCCEEDED, **FINE)
    assert world.run(run.id).status == "Succeeded"


def test_the_agent_that_lost_it_finds_that_everywhere(
    world: World, running: tuple[AgentIdentity, Claim, AgentIdentity]
) -> None:
    """Before and after the other one has taken it; it does not get it back by claiming, and goes Online."""
    identity, claim, other = running
    world.clock.advance(30_000)
    give(world, claim.run_id)
    for taken in (False, True):
        if taken:
            assert world.claim(other) is not None
        before = world.dump()
        for call in (guard, report_started, acknowledge_cancel):
            refusal(LeaseLost, lambda call=call: world.call(identity, call, claim))  # type: ignore[misc]
        refusal(LeaseLost, lambda: world.call(identity, finish_run, claim, JobRunStatus.FAILED, **FINE))
        assert world.claim(identity) is None
        assert world.dump() == before
    assert world.beat(identity, claim) == ({}, [claim.run_id])
    assert world.found_agent("dock-1").status == AgentStatus.ONLINE
    assert world.found_agent("dock-2").status == AgentStatus.EXECUTING


def test_a_lease_that_runs_is_respected_to_its_end(
    world: World, running: tuple[AgentIdentity, Claim, AgentIdentity]
) -> None:
    """The refusal says for how long; a heartbeat in between begins it anew."""
    identity, claim, _ = running
    for beaten in (True, False):
        world.clock.advance(18_500)
        before = world.dump()
        error = refusal(Conflict, lambda: give(world, claim.run_id))
        assert (error.code, error.exit_code) == ("LeaseRuns", 2)
        assert "'dock-1' for another 12 s" in error.sentence
        assert world.dump() == before
        if beaten:
            world.beat(identity, claim)
    world.clock.advance(11_499)
    refusal(Conflict, lambda: give(world, claim.run_id))
    world.clock.advance(1)
    give(world, claim.run_id)


def test_a_run_that_waits_can_be_given_away_at_once(world: World) -> None:
    """Its new agent takes it from the queue, the old one does not."""
    world.define()
    first, second = world.agent(), world.agent("dock-2")
    run_id = world.start()
    assert give(world, run_id).status == "Queued"
    assert world.claim(first) is None
    claim = world.claim(second)
    assert claim is not None
    assert (claim.run_id, claim.resumed, world.run(run_id).status) == (run_id, False, "Started")


@pytest.mark.parametrize(
    ("why", "kind", "code"),
    [
        ("ended", Conflict, "RunEnded"),
        ("canceling", Conflict, "AlreadyCanceling"),
        ("same", Conflict, "SameAgent"),
        ("attention", AgentUnavailable, "AgentNotReady"),
        ("elsewhere", AgentUnavailable, "AgentOfAnotherMover"),
        ("nobody", AgentUnavailable, "NoAgent"),
    ],
)
def test_what_cannot_be_handed_over(
    world: World,
    running: tuple[AgentIdentity, Claim, AgentIdentity],
    why: str,
    kind: type[LongshoreError],
    code: str,
) -> None:
    identity, claim, other = running
    agent = {"same": "dock-1", "elsewhere": "pier-1", "nobody": "dock-7"}.get(why, "dock-2")
    if why == "ended":
        world.call(identity, finish_run, claim, JobRunStatus.FAILED, **FINE)
    elif why == "canceling":
        world.cancel(claim.run_id)
    elif why == "attention":
        with world.write() as tx:
            tx.session.get_one(Agent, other.agent_id).status = AgentStatus.REQUIRES_ATTENTION
    elif why == "elsewhere":
        world.mover("san")
        world.agent("pier-1", "san")
    world.clock.advance(30_000)
    before = world.dump()
    assert refusal(kind, lambda: give(world, claim.run_id, agent)).code == code
    assert world.dump() == before


@pytest.mark.parametrize(
    ("status", "lease", "wait"),
    [
        (JobRunStatus.QUEUED, None, 0),
        (JobRunStatus.STARTED, NOON + 1, 1),
        (JobRunStatus.RUNNING, NOON, 0),
        (JobRunStatus.RUNNING, NOON - 1, 0),
        (JobRunStatus.RUNNING, None, 0),
    ],
)
def test_how_long_a_run_is_held(status: JobRunStatus, lease: int | None, wait: int) -> None:
    assert hand_over_wait(status, lease, NOON) == wait


def test_what_was_told_twice_is_kept_once(world: World) -> None:
    """The answer to a commit was lost: the agent tells the same again, and says so."""
    from store.execution.claims import report_chunk

    identity, claim = world.claimed()
    item = (b"a/\xff", "F", Outcome.FAILED, "AZSM2080", "No such device", 7)
    for again, count in ((False, 2), (True, 2), (False, 4)):
        world.call(identity, report_items, claim, [item, item], again=again)
        assert len(world.items(claim.run_id)) == count
    world.call(identity, report_items, claim, [(b"b", *item[1:])], again=True)
    assert [row.path for row in world.items(claim.run_id)][-1] == b"b"
    for again, data in ((False, b"one"), (True, b"one"), (True, b"two"), (True, b"two")):
        world.call(identity, report_chunk, claim, 1, data, again=again)
    assert world.sql("SELECT count(*) FROM run_report") == [(2,)]
