"""Giving a run to another agent: when the one that has it is lost, or has not begun (DESIGN §4)."""

from __future__ import annotations

from sqlalchemy import update
from sqlmodel import Session, col, delete, select

from store.db import Write
from store.errors import Conflict
from store.lifecycle import CANCELLABLE, ENDED, hand_over_wait
from store.models import AccessGrant, Agent, JobDefinition, JobRun, RunLease, StorageMover
from store.resources.runs import agent_for_runs, lock_run, run_label, tell

HANDED_OVER = "handed over"
"""The event's action."""


def check_status(run: JobRun, label: str) -> None:
    """Conflict when a run has ended or is being canceled: there is nothing to go on with."""
    if run.status in ENDED:
        raise Conflict(f"The run '{label}' has ended ({run.status}): start another.", code="RunEnded")
    if run.status not in CANCELLABLE:
        raise Conflict(
            f"The run '{label}' is being canceled: wait for its end, then start another.", code="AlreadyCanceling"
        )


def check_lease(session: Session, run: JobRun, label: str, now: int) -> None:
    """Conflict while an agent holds a run: its worker may still write."""
    lease = session.get(RunLease, run.id, populate_existing=True)
    wait = hand_over_wait(run.status, lease.lease_until if lease else None, now)
    if wait:
        raise Conflict(
            f"The run '{label}' is held by '{run.agent_name}' for another {-(-wait // 1000)} s: hand it over when that "
            "agent is lost, or stop the run.",
            code="LeaseRuns",
        )


def hand_over(tx: Write, mover: StorageMover, run: JobRun, agent_name: str) -> JobRun:
    """Give a run to another agent of its mover, which takes it up where it stands.

    The fence is raised, so that no late write of the old agent is accepted, and the lease has run out, so that
    its worker has stopped by itself. The grants of the old agent end and the new one gets the same.

    Raises:
        Conflict: the run has ended, is being canceled, is that agent's already, or its lease still runs.
        AgentUnavailable: the other agent is not of this mover, or cannot take runs.
        NotFound: the run was deleted meanwhile.
    """
    run = lock_run(tx, run.id)
    label = run_label(tx.session, run)
    check_status(run, label)
    agent = agent_for_runs(tx.session, mover, agent_name)
    if agent.id == run.agent_id:
        raise Conflict(f"The run '{label}' is given to '{agent.name}' already: name another agent.", code="SameAgent")
    check_lease(tx.session, run, label, tx.now)
    before, name_before = run.agent_id, run.agent_name
    run.agent_id, run.agent_name = agent.id, agent.name
    run.fence += 1
    tx.session.add(run)
    _move_grants(tx, run, agent)
    tx.session.exec(delete(RunLease).where(col(RunLease.run_id) == run.id))
    definition = tx.session.get_one(JobDefinition, run.definition_id)
    definition.agent_name = agent.name
    tx.session.add(definition)
    tell(tx, run, label, HANDED_OVER, f"from {name_before} to {agent.name}")
    tx.tell_agent(before)
    tx.tell_agent(agent.id)
    return run


def _move_grants(tx: Write, run: JobRun, agent: Agent) -> None:
    """End the run's grants and give the same ones to its new agent."""
    open_grants = col(AccessGrant.run_id) == run.id, col(AccessGrant.ended_at).is_(None)
    former = tx.session.exec(select(AccessGrant).where(*open_grants).order_by(col(AccessGrant.id))).all()
    tx.session.execute(
        update(AccessGrant).where(*open_grants).values(ended_at=tx.now).execution_options(synchronize_session=False)
    )
    for grant in former:
        tx.session.add(
            AccessGrant(
                run_id=run.id,
                agent_id=agent.id,
                endpoint_id=grant.endpoint_id,
                endpoint_name=grant.endpoint_name,
                permission=grant.permission,
                granted_at=tx.now,
                granted_by=tx.actor,
            )
        )
