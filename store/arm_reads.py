"""Resources read from the store in ARM's shape: what ``--json`` lists and shows."""

from __future__ import annotations

from collections.abc import Sequence

from sqlmodel import Session, col, select

from store import arm
from store.lifecycle import ACTIVE, agent_status
from store.models import (
    AccessGrant,
    Agent,
    AgentBeat,
    Endpoint,
    JobDefinition,
    JobRun,
    Project,
    RunProgress,
    StorageMover,
)


def all_movers(session: Session) -> list[StorageMover]:
    """Every mover by name (a handful is many)."""
    return list(session.exec(select(StorageMover).order_by(StorageMover.name)))


def agents(session: Session, mover: StorageMover, now: int, agent: Agent | None = None) -> list[arm.Resource]:
    """The agents of a mover by name, or one of them, with their derived status."""
    query = select(Agent, AgentBeat).outerjoin(AgentBeat).where(Agent.mover_id == mover.id).order_by(Agent.name)
    if agent is not None:
        query = query.where(Agent.id == agent.id)
    # A left join: the beat is None before the first one.
    found: list[tuple[Agent, AgentBeat | None]] = [(one, beat) for one, beat in session.exec(query)]
    return [
        arm.agent(
            mover.name,
            one,
            agent_status(one.status, beat.at if beat else None, one.heartbeat_ms, now),
            beat.at if beat else None,
            beat.uptime_in_seconds if beat else 0,
        )
        for one, beat in found
    ]


def endpoints(session: Session, mover: StorageMover) -> list[arm.Resource]:
    """The endpoints of a mover by name."""
    found = session.exec(select(Endpoint).where(Endpoint.mover_id == mover.id).order_by(Endpoint.name))
    return [arm.endpoint(mover.name, endpoint) for endpoint in found]


def projects(session: Session, mover: StorageMover) -> list[arm.Resource]:
    """The projects of a mover by name."""
    found = session.exec(select(Project).where(Project.mover_id == mover.id).order_by(Project.name))
    return [arm.project(mover.name, project) for project in found]


def definitions(
    session: Session, mover: StorageMover, project: Project | None = None, definition: JobDefinition | None = None
) -> list[arm.Resource]:
    """The definitions of a mover, of one of its projects, or one definition; each with its latest run."""
    query = (
        select(JobDefinition, Project, JobRun)
        .join(Project, col(JobDefinition.project_id) == Project.id)
        .outerjoin(JobRun, col(JobDefinition.latest_run_id) == JobRun.id)
        .where(JobDefinition.mover_id == mover.id)
        .order_by(Project.name, JobDefinition.name)
    )
    if project is not None:
        query = query.where(JobDefinition.project_id == project.id)
    if definition is not None:
        query = query.where(JobDefinition.id == definition.id)
    by_id = {e.id: e for e in session.exec(select(Endpoint).where(Endpoint.mover_id == mover.id))}
    return [
        arm.definition(mover.name, parent.name, one, by_id[one.source_id], by_id[one.target_id], latest)
        for one, parent, latest in session.exec(query)
    ]


def runs(session: Session, run_ids: Sequence[int]) -> list[arm.Resource]:
    """These runs in this order, with the numbers of now and all their grants; those that are gone are left out."""
    query = (
        select(JobRun, Project, JobDefinition, RunProgress)
        .join(Project, col(JobRun.project_id) == Project.id)
        .join(JobDefinition, col(JobRun.definition_id) == JobDefinition.id)
        .outerjoin(RunProgress, col(RunProgress.run_id) == JobRun.id)
        .where(col(JobRun.id).in_(run_ids))
    )
    grants: dict[int, list[AccessGrant]] = {}
    for grant in session.exec(
        select(AccessGrant).where(col(AccessGrant.run_id).in_(run_ids)).order_by(col(AccessGrant.id))
    ):
        grants.setdefault(grant.run_id, []).append(grant)
    found = {
        run.id: arm.run(
            session.get_one(StorageMover, run.mover_id).name,
            project.name,
            definition.name,
            run,
            progress if run.status in ACTIVE and progress is not None else run,
            grants.get(run.id, []),
        )
        for run, project, definition, progress in session.exec(query)
    }
    return [found[run_id] for run_id in run_ids if run_id in found]
