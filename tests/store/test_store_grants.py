"""Who may touch what now: the stories of access grants, on both kinds of store."""

from __future__ import annotations

import pytest

from store.execution.claims import finish_run
from store.queries.grants import grant_key, grants
from store.queries.scope import Scope
from store.queries.window import Direction, Page
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
        from store.models import JobRun

        hand_over(tx, mover, tx.session.get_one(JobRun, claim.run_id), "dock-2")
    assert [who for who, _, _ in listed(world, "run", claim.run_id)] == ["dock-1", "dock-1", "dock-2", "dock-2"]
    assert listed(world, "agent", former.agent_id) == []
    assert listed(world, "endpoint", endpoint(world, "home-from")) == [("dock-2", "read", "home-from")]


@pytest.mark.parametrize("kind", ["agent", "endpoint"])
def test_windows_of_many_grants_meet(world: World, kind: str) -> None:
    """Pages of two, forth and back, are the whole list; another agent's and endpoint's grants are not in it."""
    world.mover()
    world.agent()
    world.agent("dock-2", host_key="host-2")
    for name in "abcde":
        world.define(name, source={"path": f"/from/{name}"}, target={"path": f"/to/{name}"})
        world.start(f"hr/{name}", "dock-2" if name == "b" else "dock-1")
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
        assert len(full) == (8 if kind == "agent" else 5)
        for direction, step in (("after", 1), ("before", -1)):
            way: Direction = direction  # type: ignore[assignment]
            found = list(window := grants(reader, scope, Page(way, None, 2)).rows)
            while window:
                edge = grant_key(window[-1 if step > 0 else 0], scope)
                window = grants(reader, scope, Page(way, edge, 2)).rows
                found = found + window if step > 0 else window + found
            assert found == full
