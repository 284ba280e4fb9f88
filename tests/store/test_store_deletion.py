"""What is in the way of a deletion, a start or a hand-over is said before it is asked for: by the same rules."""

from __future__ import annotations

import pytest

from store.errors import AgentUnavailable, Conflict
from store.execution.trust import issue_token, register_agent
from store.models import JobRun
from store.queries.registration import token_state
from store.resources.common import find_mover
from store.resources.deletion import Along, Deletable, check_delete, delete_resource, find_deletable, goes_along
from store.resources.handover import check_lease, check_status
from store.resources.start_checks import check_start
from store.vocabulary import AgentStatus, JobRunStatus, RunKind
from tests.store.world import FACTS, World, refusal

KINDS = ("mover", "agent", "endpoint", "project", "definition")


def the(world: World, kind: str) -> Deletable:
    """The first of its kind."""
    with world.store.read() as session:
        found = find_deletable(session, kind, 1)
        assert found is not None
        session.expunge_all()
        return found


def in_the_way(world: World, kind: str) -> str:
    """What the check says, which changes nothing; empty when nothing is in the way."""
    with world.store.read() as session:
        resource = find_deletable(session, kind, 1)
        assert resource is not None
        try:
            check_delete(session, resource)
        except Conflict as error:
            return error.sentence
    return ""


def along(world: World, kind: str) -> Along:
    with world.store.read() as session:
        resource = find_deletable(session, kind, 1)
        assert resource is not None
        return goes_along(session, resource)


def delete(world: World, kind: str) -> None:
    with world.write() as tx:
        resource = find_deletable(tx.session, kind, 1)
        assert resource is not None
        delete_resource(tx, resource)


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_check_says_is_what_the_deletion_says(world: World, kind: str) -> None:
    """While a run is on, everything is in use: each is refused, both times with the same words."""
    world.claimed()
    said = in_the_way(world, kind)
    assert said
    assert refusal(Conflict, lambda: delete(world, kind)).sentence == said
    assert the(world, kind)


def test_what_goes_along_is_counted(world: World) -> None:
    world.define()
    world.define("other")
    assert along(world, "project") == Along(definitions=2)
    assert along(world, "definition") == Along()
    world.agent("dock-1")
    world.start(agent="dock-1")
    assert along(world, "project") == Along(definitions=2, runs=1)
    assert along(world, "definition") == Along(runs=1)
    assert along(world, "agent") == Along(definitions=1)
    assert along(world, "endpoint") == along(world, "mover") == Along()


def test_one_after_the_other_a_whole_mover_can_go(world: World) -> None:
    world.define()
    world.agent("dock-1")
    for kind in ("definition", "project", "endpoint", "agent"):
        assert in_the_way(world, kind) == ""
        delete(world, kind)
        with world.store.read() as session:
            assert find_deletable(session, kind, 1) is None
    assert in_the_way(world, "mover") == "The storage mover 'nas' still has 1 endpoint: delete them first."


def test_a_start_is_checked_without_being_made(world: World) -> None:
    world.define()
    world.agent("dock-1")

    def checked(agent: str | None) -> str:
        with world.store.read() as session:
            mover = find_mover(session, "nas")
            return check_start(
                session, mover, "hr/home", agent_name=agent, copy_mode=None, kind=RunKind.COPY, plan=None, overrides=()
            ).agent.name

    assert checked("dock-1") == "dock-1"
    assert "choose one of dock-1" in refusal(AgentUnavailable, lambda: checked(None)).sentence
    assert world.definition().run_count == 0
    world.start(agent="dock-1")
    assert "already has run #1 on 'dock-1' (Queued)" in refusal(Conflict, lambda: checked("dock-1")).sentence


def test_a_hand_over_is_checked_without_being_made(world: World) -> None:
    _, claim = world.claimed()

    def checked() -> None:
        with world.store.read() as session:
            run = session.get_one(JobRun, claim.run_id)
            check_status(run, "hr/home#1")
            check_lease(session, run, "hr/home#1", world.clock.now())

    assert "is held by 'dock-1' for another 30 s" in refusal(Conflict, checked).sentence
    world.clock.advance(30_000)
    checked()
    world.cancel(claim.run_id)
    assert "is being canceled" in refusal(Conflict, checked).sentence
    assert world.run(claim.run_id).status == JobRunStatus.CANCEL_REQUESTED


def test_a_token_tells_who_used_it(world: World) -> None:
    world.mover()
    with world.mover_write() as (tx, mover):
        row, text = issue_token(tx, mover)
    with world.reader() as reader:
        waiting = token_state(reader, row.id)
        assert waiting is not None
        assert (waiting.used_by, waiting.agent, waiting.expires_at - waiting.now) == ("", None, 3_600_000)
    with world.store.write("agent/dock-9", serial=False) as tx:
        register_agent(tx, text, "dock-9", FACTS)
    with world.reader() as reader:
        used = token_state(reader, row.id)
        assert used is not None
        assert used.agent is not None
        assert (used.used_by, used.agent.name, used.agent.status) == ("dock-9", "dock-9", AgentStatus.REGISTERING)
    delete(world, "agent")
    with world.reader() as reader:
        left = token_state(reader, row.id)
        assert left is not None
        assert (left.used_by, left.agent) == ("dock-9", None)
        assert token_state(reader, 4711) is None
