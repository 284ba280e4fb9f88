"""Tests of endpoints in the store: what may be asked for, who answers, and how each ends, on both kinds of store."""

from __future__ import annotations

from typing import Any

import pytest

from store.errors import AgentUnavailable, Conflict, InvalidInput, NotFound, TrustRefused
from store.execution.endpoint_tests import Trial, report_steps, take_test
from store.execution.trust import AgentIdentity
from store.lifecycle import TEST_DEADLINE_MS
from store.maintenance import maintain
from store.models import Agent, Endpoint
from store.queries.endpoint_tests import EndpointTestRow, endpoint_test, endpoint_tests, open_tests
from store.resources.agents import unregister_agent
from store.resources.common import find_in_mover
from store.resources.endpoint_tests import KEPT, expire_tests, give_up_test, request_test
from store.resources.endpoints import delete_endpoint
from store.vocabulary import EndpointTestStatus, GrantPermission
from tests.store.world import ADMIN, World, refusal

FINE = {"name": "reach", "ok": True, "code": "AZSM0000", "message": "", "milliseconds": 3}
WRONG = {"name": "authenticate", "ok": False, "code": "LSM1023", "message": "no", "milliseconds": 5}
SMB: dict[str, Any] = {
    "endpointType": "SmbMount",
    "host": "nas1",
    "shareName": "hr",
    "credentials": {"usernameUri": "env:U", "passwordUri": "env:P"},
}


def request(world: World, name: str = "share", agent: str = "dock-1", **options: Any) -> int:
    with world.mover_write() as (tx, mover):
        return request_test(tx, mover, name, agent, **options).id


def shown(world: World, test_id: int) -> EndpointTestRow:
    with world.reader() as reader:
        row = endpoint_test(reader, test_id)
    assert row is not None
    return row


def take(world: World, identity: AgentIdentity, test_id: int) -> Trial | None:
    return world.call(identity, take_test, test_id)  # type: ignore[no-any-return]


@pytest.fixture
def ready(world: World) -> World:
    world.mover()
    world.endpoint("share", **SMB)
    world.agent()
    return world


def test_a_test_goes_from_its_request_to_its_answer(ready: World) -> None:
    identity = ready.connect()
    test_id = request(ready)
    row = shown(ready, test_id)
    assert (row.status, row.permission, row.steps) == (EndpointTestStatus.QUEUED, GrantPermission.WRITE, ())
    assert (row.requested_by, row.until) == (ADMIN, ready.clock.now() + TEST_DEADLINE_MS)
    with ready.reader() as reader:
        assert open_tests(reader, identity.agent_id) == {test_id: EndpointTestStatus.QUEUED}
    ready.clock.advance(1_000)
    trial = take(ready, identity, test_id)
    assert trial is not None
    assert (trial.writes, trial.remaining_ms) == (True, TEST_DEADLINE_MS - 1_000)
    credentials = {"type": "AzureKeyVaultSmb", **SMB["credentials"]}
    assert trial.properties == {"name": "share", "description": "", **SMB, "credentials": credentials}
    assert ready.call(identity, report_steps, test_id, [FINE])
    assert [step.name for step in shown(ready, test_id).steps] == ["reach"]
    assert not ready.call(identity, report_steps, test_id, [FINE, WRONG], EndpointTestStatus.FAILED)
    row = shown(ready, test_id)
    assert (row.status, row.failed and row.failed.code, row.ended_at) == ("Failed", "LSM1023", ready.clock.now())
    with ready.reader() as reader:
        assert open_tests(reader, identity.agent_id) == {}
        assert [one.id for one in endpoint_tests(reader, row.endpoint_id)] == [test_id]


@pytest.mark.parametrize(
    ("kind", "writes", "permission"),
    [
        (None, None, GrantPermission.WRITE),
        (None, False, GrantPermission.READ),
        ("Target", None, GrantPermission.WRITE),
        ("Source", None, GrantPermission.READ),
        ("Source", False, GrantPermission.READ),
    ],
)
def test_a_source_is_only_ever_read(
    ready: World, kind: str | None, writes: bool | None, permission: GrantPermission
) -> None:
    ready.endpoint("one", path="/one", **({} if kind is None else {"endpointKind": kind}))
    assert shown(ready, request(ready, "one", writes=writes)).permission == permission


def test_what_cannot_be_asked_for(ready: World) -> None:
    ready.endpoint("source", path="/one", endpointKind="Source")
    refusal(InvalidInput, lambda: request(ready, "source", writes=True))
    refusal(NotFound, lambda: request(ready, "shape"))
    refusal(AgentUnavailable, lambda: request(ready, agent="dock-2"))
    request(ready)
    assert refusal(Conflict, lambda: request(ready)).code == "TestActive"
    request(ready, "source")


def test_a_test_that_nobody_answers_is_over_by_the_stores_clock(ready: World) -> None:
    """At once for whoever looks; and noted by whoever maintains the store."""
    identity = ready.connect()
    test_id = request(ready)
    ready.clock.advance(TEST_DEADLINE_MS)
    assert shown(ready, test_id).status == EndpointTestStatus.EXPIRED
    assert take(ready, identity, test_id) is None
    maintain(ready.store)
    row = shown(ready, test_id)
    assert (row.status, row.ended_at) == (EndpointTestStatus.EXPIRED, ready.clock.now())
    with ready.write() as tx:
        assert expire_tests(tx) == 0
    assert next(event for event in ready.events() if event.action == "test expired").actor == "store"


@pytest.mark.parametrize("how", ["over", "given up", "answered", "deleted"])
def test_after_its_end_nothing_is_told_and_nothing_may_be_touched(ready: World, how: str) -> None:
    identity = ready.connect()
    test_id = request(ready)
    assert take(ready, identity, test_id)
    match how:
        case "over":
            ready.clock.advance(TEST_DEADLINE_MS)
        case "given up":
            with ready.write() as tx:
                assert give_up_test(tx, test_id)
                assert not give_up_test(tx, test_id)
        case "answered":
            ready.call(identity, report_steps, test_id, [FINE], EndpointTestStatus.SUCCEEDED)
        case _:
            with ready.mover_write() as (tx, mover):
                delete_endpoint(tx, mover, find_in_mover(tx.session, Endpoint, "endpoint", mover, "share"))
    before = ready.dump()
    assert not ready.call(identity, report_steps, test_id, [FINE, WRONG], EndpointTestStatus.FAILED)
    assert take(ready, identity, test_id) is None
    assert ready.dump() == before


def test_only_its_agent_takes_it_and_once(ready: World) -> None:
    identity = ready.connect()
    other = ready.agent("dock-2", host_key="host-2")
    test_id = request(ready)
    assert take(ready, other, test_id) is None
    assert not ready.call(other, report_steps, test_id, [FINE], EndpointTestStatus.SUCCEEDED)
    assert take(ready, identity, test_id)
    assert take(ready, identity, test_id) is None


def test_a_process_that_was_replaced_takes_nothing(ready: World) -> None:
    former = ready.connect()
    test_id = request(ready)
    ready.connect()
    refusal(TrustRefused, lambda: take(ready, former, test_id))


def test_an_agent_that_is_unregistered_may_touch_nothing_any_more(ready: World) -> None:
    request(ready)
    with ready.mover_write() as (tx, mover):
        unregister_agent(tx, mover, tx.session.get_one(Agent, 1))
    assert "test expired" in {event.action for event in ready.events()}
    assert ready.sql("SELECT count(*) FROM endpoint_test")[0][0] == 0


def test_the_newest_tests_of_each_endpoint_are_kept(ready: World) -> None:
    ready.endpoint("other", path="/other")
    kept = request(ready, "other")
    for _ in range(KEPT + 3):
        last = request(ready)
        with ready.write() as tx:
            give_up_test(tx, last)
    with ready.reader() as reader:
        found = endpoint_tests(reader, shown(ready, last).endpoint_id)
    assert [row.id for row in found] == sorted((row.id for row in found), reverse=True)
    assert (len(found), found[0].id) == (KEPT, last)
    assert shown(ready, kept).active
    assert ready.sql("SELECT count(*) FROM endpoint_test")[0][0] == KEPT + 1


def test_a_long_message_is_cut(ready: World) -> None:
    identity = ready.connect()
    test_id = request(ready)
    take(ready, identity, test_id)
    ready.call(identity, report_steps, test_id, [{**WRONG, "message": "x" * 5_000}], EndpointTestStatus.FAILED)
    assert len(shown(ready, test_id).steps[0].message) == 1_000
