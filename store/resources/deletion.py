"""Deleting any resource by its id: what is in the way, and what goes along."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias, cast

from sqlmodel import Session, func, select

from store.db import Write
from store.models import Agent, Endpoint, JobDefinition, Project, StorageMover
from store.resources.agents import check_unregister_agent, unregister_agent
from store.resources.definitions import check_delete_definition, delete_definition
from store.resources.endpoints import check_delete_endpoint, delete_endpoint
from store.resources.movers import check_delete_mover, delete_mover
from store.resources.projects import check_delete_project, delete_project

Deletable: TypeAlias = StorageMover | Agent | Endpoint | Project | JobDefinition

_MODELS: dict[str, type[Deletable]] = {
    "mover": StorageMover,
    "agent": Agent,
    "endpoint": Endpoint,
    "project": Project,
    "definition": JobDefinition,
}


class Along(NamedTuple):
    """What goes along with a resource, or loses something by it."""

    definitions: int = 0
    """Job definitions of a project; of an agent, those that name it for their next run: they stay."""
    runs: int = 0
    """Runs whose history goes."""


def find_deletable(session: Session, kind: str, identity: int) -> Deletable | None:
    """A resource by its id; None when it is gone. Kinds are mover, agent, endpoint, project and definition."""
    return cast("Deletable | None", session.get(_MODELS[kind], identity))


def check_delete(session: Session, resource: Deletable) -> None:
    """Refuse what :func:`delete_resource` would refuse now.

    Raises:
        Conflict: it names what is in the way.
    """
    match resource:
        case StorageMover():
            check_delete_mover(session, resource)
        case Agent():
            check_unregister_agent(session, resource)
        case Endpoint():
            check_delete_endpoint(session, resource)
        case Project():
            check_delete_project(session, resource)
        case JobDefinition():
            check_delete_definition(session, resource)


def goes_along(session: Session, resource: Deletable) -> Along:
    """What an admin should know before deleting it."""
    match resource:
        case Agent():
            named = select(func.count()).select_from(JobDefinition)
            named = named.where(JobDefinition.mover_id == resource.mover_id, JobDefinition.agent_name == resource.name)
            return Along(definitions=session.exec(named).one())
        case Project():
            counted = select(func.count(), func.coalesce(func.sum(JobDefinition.run_count), 0))
            definitions, runs = session.exec(counted.where(JobDefinition.project_id == resource.id)).one()
            return Along(definitions, int(runs))
        case JobDefinition():
            return Along(runs=resource.run_count)
        case _:
            return Along()


def delete_resource(tx: Write, resource: Deletable) -> None:
    """Delete it with what goes along, or unregister it if it is an agent.

    Raises:
        Conflict: it names what is in the way.
    """
    if isinstance(resource, StorageMover):
        delete_mover(tx, resource)
        return
    mover = tx.session.get_one(StorageMover, resource.mover_id)
    match resource:
        case Agent():
            unregister_agent(tx, mover, resource)
        case Endpoint():
            delete_endpoint(tx, mover, resource)
        case Project():
            delete_project(tx, mover, resource)
        case JobDefinition():
            delete_definition(tx, mover, tx.session.get_one(Project, resource.project_id), resource)
