"""Tests of endpoints as the agent sees them: taken, told step by step, and ended.

Every call finds out whether the agent may still touch the endpoint: the test is its grant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel import col, select

from store.db import Write
from store.execution.trust import AgentIdentity, live_agent
from store.models import EndpointTest, StorageMover
from store.vocabulary import EndpointTestStatus, GrantPermission

MESSAGE_LENGTH = 1_000
"""Most characters of a step's message that are kept."""


@dataclass(frozen=True)
class Trial:
    """A test that this agent has taken.

    Attributes:
        test_id: its id.
        properties: the endpoint's, with its name, as ARM names them.
        writes: whether a probe is to be written.
        remaining_ms: how long the endpoint may be touched from now on.
    """

    test_id: int
    properties: Mapping[str, Any]
    writes: bool
    remaining_ms: int


def take_test(tx: Write, identity: AgentIdentity, test_id: int) -> Trial | None:
    """Take a test that waits for this agent; None when its time is over, or another look has taken it."""
    live_agent(tx, identity)
    test = _mine(tx, identity, test_id)
    if test is None or test.status != EndpointTestStatus.QUEUED:
        return None
    test.status, test.started_at = EndpointTestStatus.RUNNING, tx.now
    tx.session.add(test)
    return Trial(test.id, test.properties, test.permission == GrantPermission.WRITE, test.until - tx.now)


def report_steps(
    tx: Write,
    identity: AgentIdentity,
    test_id: int,
    steps: Sequence[Mapping[str, Any]],
    ended: EndpointTestStatus | None = None,
) -> bool:
    """Tell all steps so far, and with ``ended`` how the test ended, which ends the grant.

    Returns:
        Whether the agent may still touch the endpoint.
    """
    live_agent(tx, identity)
    test = _mine(tx, identity, test_id)
    if test is None:
        return False
    test.steps = [{**step, "message": str(step["message"])[:MESSAGE_LENGTH]} for step in steps]
    if ended is not None:
        test.status, test.ended_at = ended, tx.now
        failed = next((step for step in test.steps if not step["ok"]), None)
        detail = "" if failed is None else f"at '{failed['name']}': {failed['message']}"
        path = f"{tx.session.get_one(StorageMover, test.mover_id).name}/endpoints/{test.properties['name']}"
        action = f"test {ended.lower()}"
        tx.event("endpoint", test.endpoint_id, path, action, mover_id=test.mover_id, detail=detail)
    tx.session.add(test)
    return ended is None


def _mine(tx: Write, identity: AgentIdentity, test_id: int) -> EndpointTest | None:
    """A test of this agent that has not ended and whose time is not over, its row held."""
    query = (
        select(EndpointTest)
        .where(
            EndpointTest.id == test_id,
            EndpointTest.agent_id == identity.agent_id,
            col(EndpointTest.ended_at).is_(None),
            EndpointTest.until > tx.now,
        )
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return tx.session.exec(query).first()
