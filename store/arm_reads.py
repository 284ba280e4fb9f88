"""Resources read from the store in ARM's shape: what ``--json`` lists and shows.

Long lists are iterators that hold a few hundred rows at a time, and each takes a number of statements that does not
depend on its length.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy.orm import aliased
from sqlmodel import Session, col, func, select

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

AT_ONCE = 500
"""Rows that are held at a time; runs that one statement names."""


def all_movers(session: Session) -> list[StorageMover]:
    """Every mover by name (a handful is many)."""
    return list(session.exec(select(StorageMover).order_by(StorageMover.name)))


def agents(session: Session, mover: StorageMover, now: int, agent: Agent | None = None) -> Iterator[arm.Resource]:
    """The agents of a mover by name, or one of them, with their derived status."""
    query = select(Agent, AgentBeat).outerjoin(AgentBeat).where(Agent.mover_id == mover.id).order_by(Agent.name)
    if agent is not None:
        query = query.where(Agent.id == agent.id)
    # A left join: the beat is None before the first one.
    found: Iterator[tuple[Agent, AgentBeat | None]] = iter(session.exec(query.execution_options(yield_per=AT_ONCE)))
    for one, beat in found:
        yield arm.agent(
            mover.name,
            one,
            agent_status(one.status, beat.at if beat else None, one.heartbeat_ms, now),
            beat.at if beat else None,
            beat.uptime_in_seconds if beat else 0,
        )


def endpoints(session: Session, mover: StorageMover) -> Iterator[arm.Resource]:
    """The endpoints of a mover by name."""
    query = select(Endpoint).where(Endpoint.mover_id == mover.id).order_by(Endpoint.name)
    for endpoint in session.exec(query.execution_options(yield_per=AT_ONCE)):
        yield arm.endpoint(mover.name, endpoint)


def projects(session: Session, mover: StorageMover) -> Iterator[arm.Resource]:
    """The projects of a mover by name."""
    query = select(Project).where(Project.mover_id == mover.id).order_by(Project.name)
    for project in session.exec(query.execution_options(yield_per=AT_ONCE)):
        yield arm.project(mover.name, project)


def definitions(
    session: Session, mover: StorageMover, project: Project | None = None, definition: JobDefinition | None = None
) -> Iterator[arm.Resource]:
    """The definitions of a mover, of one of its projects, or one definition; each with its latest run."""
    source, target = aliased(Endpoint), aliased(Endpoint)
    query = (
        select(JobDefinition, source, target, JobRun)
        .join(source, col(JobDefinition.source_id) == col(source.id))
        .join(target, col(JobDefinition.target_id) == col(target.id))
        .outerjoin(JobRun, col(JobDefinition.latest_run_id) == JobRun.id)
        .where(JobDefinition.mover_id == mover.id)
        .order_by(JobDefinition.project_name, JobDefinition.name)
    )
    if project is not None:
        query = query.where(JobDefinition.project_id == project.id)
    if definition is not None:
        query = query.where(JobDefinition.id == definition.id)
    for one, read, written, latest in session.exec(query.execution_options(yield_per=AT_ONCE)):
        yield arm.definition(mover.name, one.project_name, one, read, written, latest)


def definition_count(session: Session, project: Project) -> int:
    """How many definitions a project has."""
    return session.exec(select(func.count()).where(JobDefinition.project_id == project.id)).one()


def runs(session: Session, run_ids: Sequence[int]) -> Iterator[arm.Resource]:
    """These runs in this order, with the numbers of now and all their grants; those that are gone are left out."""
    for first in range(0, len(run_ids), AT_ONCE):
        some = run_ids[first : first + AT_ONCE]
        query = (
            select(JobRun, JobDefinition, StorageMover, RunProgress)
            .join(JobDefinition, col(JobRun.definition_id) == JobDefinition.id)
            .join(StorageMover, col(JobRun.mover_id) == StorageMover.id)
            .outerjoin(RunProgress, col(RunProgress.run_id) == JobRun.id)
            .where(col(JobRun.id).in_(some))
        )
        grants: dict[int, list[AccessGrant]] = {}
        for grant in session.exec(
            select(AccessGrant).where(col(AccessGrant.run_id).in_(some)).order_by(col(AccessGrant.id))
        ):
            grants.setdefault(grant.run_id, []).append(grant)
        found = {
            run.id: arm.run(
                mover.name,
                definition.project_name,
                definition.name,
                run,
                progress if run.status in ACTIVE and progress is not None else run,
                grants.get(run.id, []),
            )
            for run, definition, mover, progress in session.exec(query)
        }
        yield from (found[run_id] for run_id in some if run_id in found)
