"""Operations on registered agents: describing and unregistering them."""

from __future__ import annotations

from sqlmodel import Session

from store.bodies import AgentProperties
from store.db import Write
from store.models import Agent, StorageMover
from store.resources.common import ANYHOW, Expect, Put, change, refuse_while_active
from store.resources.endpoint_tests import end_tests_of


def update_agent(
    tx: Write, mover: StorageMover, agent: Agent, body: AgentProperties, *, expect: Expect = ANYHOW
) -> Put:
    """Change what an admin may say about an agent: its description and when it may send how much."""
    expect.check("agent", agent.name, agent)
    schedule = body.upload_limit_schedule
    limits = None
    if schedule is not None and schedule.weekly_recurrences:
        limits = schedule.model_dump(mode="json", by_alias=True)
    changed = change(tx, agent, {"description": body.description, "upload_limit_schedule": limits})
    if not changed:
        return Put.UNCHANGED
    path = f"{mover.name}/agents/{agent.name}"
    tx.event("agent", agent.id, path, "changed", mover_id=mover.id, detail=", ".join(changed))
    return Put.CHANGED


def check_unregister_agent(session: Session, agent: Agent) -> None:
    """Conflict while the agent executes."""
    refuse_while_active(session, f"The agent '{agent.name}'", agent_id=agent.id)


def unregister_agent(tx: Write, mover: StorageMover, agent: Agent) -> None:
    """End an agent's trust: its credential is worthless from now on. Conflict while it executes."""
    check_unregister_agent(tx.session, agent)
    end_tests_of(tx, agent)
    tx.event("agent", agent.id, f"{mover.name}/agents/{agent.name}", "unregistered", mover_id=mover.id)
    if tx.dialect == "postgresql":
        from store.postgres.logins import revoke_login

        revoke_login(tx, agent.db_role)
    tx.session.delete(agent)
