"""Tests of endpoints as admins see them: asked for, given up, and ended when nobody answered.

A test lets its agent touch the endpoint for two minutes at most, by the store's clock: whoever looks next ends what
is over. The agent's side is :mod:`store.execution.endpoint_tests`.
"""

from __future__ import annotations

from sqlmodel import col, delete, func, select

from store import arm
from store.db import Store, Write
from store.errors import Conflict, InvalidInput, NotFound
from store.lifecycle import TEST_DEADLINE_MS, probe_permission
from store.models import Agent, Endpoint, EndpointTest, StorageMover
from store.resources.common import find_in_mover
from store.resources.runs import STORE_ACTOR, agent_for_runs
from store.vocabulary import EndpointTestStatus, GrantPermission

KEPT = 20
"""Tests of an endpoint that are kept, the newest ones."""


def request_test(
    tx: Write, mover: StorageMover, endpoint_name: str, agent_name: str, *, writes: bool | None = None
) -> EndpointTest:
    """Let an agent try an endpoint: to reach it, to authenticate and to list it, and to write and delete a probe.

    Args:
        tx: the transaction.
        mover: the mover of both.
        endpoint_name: what is to be tried.
        agent_name: who is to try it.
        writes: whether a probe is written; None: unless the endpoint is of kind Source.

    Raises:
        NotFound: no such endpoint. AgentUnavailable: no such agent, or it cannot take work.
        Conflict: the agent tries this endpoint already.
        InvalidInput: a probe was asked for in an endpoint that may only be read.
    """
    expire_tests(tx)
    endpoint = find_in_mover(tx.session, Endpoint, "endpoint", mover, endpoint_name)
    agent = agent_for_runs(tx.session, mover, agent_name)
    permission = probe_permission(endpoint.endpoint_kind, writes)
    if writes and permission != GrantPermission.WRITE:
        raise InvalidInput(f"The endpoint '{endpoint.name}' is of kind Source and is never written: test it without.")
    going = select(EndpointTest.id).where(
        EndpointTest.agent_id == agent.id, EndpointTest.endpoint_id == endpoint.id, col(EndpointTest.ended_at).is_(None)
    )
    if tx.session.exec(going).first() is not None:
        raise Conflict(
            f"The agent '{agent.name}' is testing the endpoint '{endpoint.name}' just now: wait for its answer.",
            code="TestActive",
        )
    test = EndpointTest(
        mover_id=mover.id,
        endpoint_id=endpoint.id,
        agent_id=agent.id,
        permission=permission,
        properties={"name": endpoint.name, **arm.endpoint_properties(endpoint)},
        requested_at=tx.now,
        requested_by=tx.actor,
        until=tx.now + TEST_DEADLINE_MS,
    )
    tx.session.add(test)
    tx.session.flush()
    _forget_old(tx, endpoint.id)
    tx.tell_agent(agent.id)
    may = "read and write" if permission == GrantPermission.WRITE else "read"
    _tell(tx, test, mover.name, "test requested", f"'{agent.name}' may {may} it for {TEST_DEADLINE_MS // 60_000} min")
    return test


def give_up_test(tx: Write, test_id: int) -> bool:
    """End a test that nobody waits for any longer; whether it had not ended."""
    test = lock_test(tx, test_id)
    if test.ended_at is not None:
        return False
    _expire(tx, test, "it was given up")
    return True


def expire_tests(tx: Write) -> int:
    """End the tests whose time is over; how many there were."""
    query = (
        select(EndpointTest)
        .where(col(EndpointTest.ended_at).is_(None), EndpointTest.until <= tx.now)
        .order_by(col(EndpointTest.id))
        .with_for_update(key_share=True, skip_locked=True)
        .execution_options(populate_existing=True)
    )
    late = tx.session.exec(query).all()
    for test in late:
        _expire(tx.by(STORE_ACTOR), test, f"no answer within {TEST_DEADLINE_MS // 1000} s")
    return len(late)


def sweep_tests(store: Store) -> int:
    """The same in a transaction of its own, only when there is something to end."""
    with store.read() as session:
        due = session.exec(
            select(func.count())
            .select_from(EndpointTest)
            .where(col(EndpointTest.ended_at).is_(None), EndpointTest.until <= store.clock.now())
        ).one()
    if not due:
        return 0
    with store.write(STORE_ACTOR) as tx:
        return expire_tests(tx)


def end_tests_of(tx: Write, agent: Agent) -> None:
    """End what an agent was let to try: it is about to lose the trust."""
    query = select(EndpointTest.id).where(EndpointTest.agent_id == agent.id, col(EndpointTest.ended_at).is_(None))
    for test_id in tx.session.exec(query).all():
        give_up_test(tx, test_id)


def lock_test(tx: Write, test_id: int) -> EndpointTest:
    """The test as it is now, its row held to the end of the transaction.

    Raises:
        NotFound: its endpoint or its agent was deleted.
    """
    query = select(EndpointTest).where(EndpointTest.id == test_id).with_for_update(key_share=True)
    test = tx.session.exec(query.execution_options(populate_existing=True)).first()
    if test is None:
        raise NotFound("The test is gone: its endpoint or its agent was deleted a moment ago.")
    return test


def _expire(tx: Write, test: EndpointTest, why: str) -> None:
    test.status, test.ended_at = EndpointTestStatus.EXPIRED, tx.now
    tx.session.add(test)
    tx.tell_agent(test.agent_id)
    _tell(tx, test, tx.session.get_one(StorageMover, test.mover_id).name, "test expired", why)


def _forget_old(tx: Write, endpoint_id: int) -> None:
    newest = (
        select(EndpointTest.id)
        .where(EndpointTest.endpoint_id == endpoint_id)
        .order_by(col(EndpointTest.id).desc())
        .limit(KEPT)
    )
    tx.session.exec(
        delete(EndpointTest).where(
            col(EndpointTest.endpoint_id) == endpoint_id,
            col(EndpointTest.ended_at).is_not(None),
            col(EndpointTest.id) < min(tx.session.exec(newest).all()),
        )
    )


def _tell(tx: Write, test: EndpointTest, mover: str, action: str, detail: str) -> None:
    path = f"{mover}/endpoints/{test.properties['name']}"
    tx.event("endpoint", test.endpoint_id, path, action, mover_id=test.mover_id, detail=detail)
