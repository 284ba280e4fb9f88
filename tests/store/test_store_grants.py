"""Who may touch what now: the stories of access grants, on both kinds of store."""

from __future__ import annotations

import pytest

from store import codes
from store.execution.claims import end_ungranted, finish_run
from store.lifecycle import lease_ms
from store.models import JobRun
from store.queries.grants import grant_key, grants
from store.queries.scope import Scope
from store.queries.window import Direction, Page
from store.resources.endpoint_tests import give_up_test, request_test
from store.resources.handover import hand_over
from store.vocabulary import JobRunStatus, RunKind
from tests.store.world import ADMIN, World


def listed(world: World, kind: str, number: int) -> list[tuple[str, str, str]]:
    with world.reader() as reader:
        rows = grants(reader, Scope(kind, number), Page()).rows
        return [(row.agent, row.permission.lower(), row.endpoint) for row in rows]


def endpoint(world: World, name: str) -> int:
    return int(world.sql(f"SELECT id FROM endpoint WHERE name = '{name}'")[0][0])


def test_a_start_lets_the_agent_read_the_source_and_write_the_target(world: World) -> None:
    identity, claim = world.claimed()
    both = [("dock-1", "read", "home-from"), ("dock-1", "write", "home-to")]
    assert listed(world, "run", claim.run_id) == both
    assert listed(world, "agent", identity.agent_id) == both
    assert listed(world, "endpoint", endpoint(world, "home-to")) == both[1:]
    with world.reader() as reader:
        row = grants(reader, Scope("run", claim.run_id), Page()).rows[0]
    assert (row.run_label, row.mover, row.run_status) == ("hr/home#1", "nas", JobRunStatus.STARTED)
    assert (row.place, row.granted_by, row.granted_at, row.ended_at) == (
        "/from/nas/hr/home",
        ADMIN,
        world.clock.now(),
        None,
    )


def test_a_preview_may_write_nothing(world: World) -> None:
    world.define()
    identity = world.agent()
    world.start(kind=RunKind.PREVIEW)
    assert {may for _, may, _ in listed(world, "agent", identity.agent_id)} == {"read"}


def test_the_end_of_a_run_ends_what_its_agent_may_touch(world: World) -> None:
    """The run still shows what it was allowed, and until when."""
    identity, claim = world.claimed()
    world.clock.advance(1_000)
    world.call(identity, finish_run, claim, JobRunStatus.SUCCEEDED, code="", message="", target="")
    assert listed(world, "agent", identity.agent_id) == []
    assert listed(world, "endpoint", endpoint(world, "home-to")) == []
    with world.reader() as reader:
        rows = grants(reader, Scope("run", claim.run_id), Page()).rows
    assert [row.ended_at for row in rows] == [world.clock.now()] * 2


def test_a_run_that_was_handed_over_shows_both_agents(world: World) -> None:
    former, claim = world.claimed()
    later = world.agent("dock-2", host_key="host-2")
    world.clock.advance(60_000)
    world.beat(later)
    with world.mover_write() as (tx, mover):
        hand_over(tx, mover, tx.session.get_one(JobRun, claim.run_id), "dock-2")
    assert [who for who, _, _ in listed(world, "run", claim.run_id)] == ["dock-1", "dock-1", "dock-2", "dock-2"]
    assert listed(world, "agent", former.agent_id) == []
    assert listed(world, "endpoint", endpoint(world, "home-from")) == [("dock-2", "read", "home-from")]


def end_grants(world: World, which: str) -> None:
    world.sql(f"UPDATE access_grant SET ended_at = {world.clock.now()} WHERE {which} AND ended_at IS NULL")


@pytest.mark.parametrize("permission", ["Read", "Write"])
def test_a_run_whose_grant_is_ended_ends_as_failed_and_says_so(world: World, permission: str) -> None:
    """Its fence is good: nobody else has it. So it must not wait for anybody either."""
    identity, claim = world.claimed()
    end_grants(world, f"permission = '{permission}'")
    _, lost = world.beat(identity, claim)
    assert lost == [claim.run_id]
    assert world.run(claim.run_id).status == JobRunStatus.STARTED
    assert world.call(identity, end_ungranted, claim)
    run = world.run(claim.run_id)
    assert (run.status, run.error_code) == (JobRunStatus.FAILED, codes.GRANT_ENDED)
    assert ("'home-from'" if permission == "Read" else "'home-to'") in run.error_message
    assert world.lease(claim.run_id) is None
    assert all(grant.ended_at is not None for grant in world.grants(claim.run_id))
    assert not world.call(identity, end_ungranted, claim)


def test_a_run_that_is_somebody_elses_is_not_ended_for_want_of_a_grant(world: World) -> None:
    former, claim = world.claimed()
    later = world.agent("dock-2", host_key="host-2")
    world.clock.advance(60_000)
    world.beat(later)
    with world.mover_write() as (tx, mover):
        hand_over(tx, mover, tx.session.get_one(JobRun, claim.run_id), "dock-2")
    assert not world.call(former, end_ungranted, claim)
    assert world.run(claim.run_id).status == JobRunStatus.STARTED


@pytest.mark.parametrize("status", [JobRunStatus.QUEUED, JobRunStatus.STARTED])
def test_no_agent_takes_a_run_that_it_holds_no_grant_for(world: World, status: JobRunStatus) -> None:
    """Neither from the queue nor after a restart; the next one that waits is taken."""
    world.define()
    world.define("other")
    identity = world.agent()
    run_id = world.start()
    if status == JobRunStatus.STARTED:
        assert world.claim(identity)
        identity = world.connect()
    other = world.start("hr/other")
    end_grants(world, f"run_id = {run_id} AND permission = 'Write'")
    claim = world.claim(identity)
    assert claim is not None
    assert claim.run_id == other
    run = world.run(run_id)
    assert (run.status, run.error_code) == (JobRunStatus.FAILED, codes.GRANT_ENDED)


def test_a_grant_says_until_when_nothing_is_touched_without_a_renewal(world: World) -> None:
    """The run's end while it waits; then the end of its lease, which every heartbeat moves on."""
    world.define()
    identity = world.agent()
    run_id = world.start()

    def until() -> int | None:
        with world.reader() as reader:
            found = {row.until for row in grants(reader, Scope("run", run_id), Page()).rows}
        assert len(found) == 1
        return found.pop()

    assert until() is None
    claim = world.claim(identity)
    assert claim is not None
    assert until() == world.clock.now() + lease_ms(identity.heartbeat_ms)
    world.clock.advance(5_000)
    world.beat(identity, claim)
    assert until() == world.clock.now() + lease_ms(identity.heartbeat_ms)
    world.call(identity, finish_run, claim, JobRunStatus.SUCCEEDED, code="", message="", target="")
    assert until() is None


def test_a_test_of_an_endpoint_is_shown_as_the_grant_that_it_is(world: World) -> None:
    world.define()
    identity = world.agent()
    with world.mover_write() as (tx, mover):
        test = request_test(tx, mover, "home-to", "dock-1")
    assert listed(world, "agent", identity.agent_id) == [("dock-1", "write", "home-to")]
    world.start()
    both = listed(world, "endpoint", endpoint(world, "home-to"))
    assert both == [("dock-1", "write", "home-to")] * 2
    with world.reader() as reader:
        rows = grants(reader, Scope("endpoint", endpoint(world, "home-to")), Page()).rows
    row = next(row for row in rows if row.test_id is not None)
    assert (row.test_id, row.run_id, row.run_label, row.run_status) == (test.id, None, "", None)
    assert (row.mover, row.place, row.granted_by) == ("nas", "/to/nas/hr/home", ADMIN)
    assert (row.granted_at, row.until, row.ended_at) == (world.clock.now(), test.until, None)
    with world.write() as tx:
        give_up_test(tx, test.id)
    assert len(listed(world, "endpoint", endpoint(world, "home-to"))) == 1


@pytest.mark.parametrize("kind", ["agent", "endpoint"])
def test_windows_of_many_grants_meet(world: World, kind: str) -> None:
    """Pages of two, forth and back, are the whole list; another agent's and endpoint's grants are not in it."""
    world.mover()
    world.agent()
    world.agent("dock-2", host_key="host-2")
    for name in "abcde":
        world.define(name, source={"path": f"/from/{name}"}, target={"path": f"/to/{name}"})
        world.start(f"hr/{name}", "dock-2" if name == "b" else "dock-1")
    with world.mover_write() as (tx, mover):
        for name in ("a-from", "a-to"):
            request_test(tx, mover, name, "dock-1")
    # As if all of them read the one share.
    share = endpoint(world, "a-from")
    world.sql(
        f"UPDATE access_grant SET endpoint_id = {share} WHERE permission = 'Read'",
        f"UPDATE job_run SET source_id = {share}",
    )
    scope = Scope(
        kind, int(world.sql("SELECT id FROM agent WHERE name = 'dock-1'")[0][0]) if kind == "agent" else share
    )
    with world.reader() as reader:
        full = grants(reader, scope, Page()).rows
        assert len(full) == (10 if kind == "agent" else 6)
        for direction, step in (("after", 1), ("before", -1)):
            way: Direction = direction  # type: ignore[assignment]
            found = list(window := grants(reader, scope, Page(way, None, 2)).rows)
            while window:
                edge = grant_key(window[-1 if step > 0 else 0], scope)
                window = grants(reader, scope, Page(way, edge, 2)).rows
                found = found + window if step > 0 else window + found
            assert found == full
