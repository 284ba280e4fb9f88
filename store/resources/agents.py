"""Operations on registered agents: describing and unregistering them."""

from __future__ import annotations

from sqlmodel import Session

from store.db import Write
from store.models import Agent, StorageMover
from store.resources.common import refuse_while_active


def check_unregister_agent(session: Session, agent: Agent) -> None:
    """Conflict while the agent executes."""
    refuse_while_active(session, f"The agent '{agent.name}'", agent_id=agent.id)


def unregister_agent(tx: Write, mover: StorageMover, agent: Agent) -> None:
    """End an agent's trust: its credential is worthless from now on. Conflict while it executes."""
    check_unregister_agent(tx.session, agent)
    tx.event("agent", agent.id, f"{mover.name}/agents/{agent.name}", "unregistered", mover_id=mover.id)
    if tx.dialect == "postgresql":
        from store.postgres.logins import revoke_login

        revoke_login(tx, agent.db_role)
    tx.session.delete(agent)
