"""Changed copies: what has no operation of its own for it, because a copy is more than one resource."""

from __future__ import annotations

from sqlmodel import col, select

from store import arm
from store.bodies import DefinitionProperties, ProjectProperties
from store.db import Write
from store.models import Endpoint, JobDefinition, Project, StorageMover
from store.resources.common import Expect
from store.resources.definitions import put_definition
from store.resources.projects import put_project


def clone_project(
    tx: Write, mover: StorageMover, project: Project, name: str, body: ProjectProperties, *, definitions: bool
) -> tuple[Project, int]:
    """Make a project like another, with its definitions if so asked; runs and their history stay where they are.

    Returns:
        The new project, and how many definitions it got.

    Raises:
        Conflict: there is a project of that name.
    """
    _, made = put_project(tx, mover, name, body, expect=Expect(exists=False))
    if not definitions:
        return made, 0
    query = select(JobDefinition).where(JobDefinition.project_id == project.id).order_by(col(JobDefinition.name))
    found = tx.session.exec(query).all()
    ids = {one for definition in found for one in (definition.source_id, definition.target_id)}
    endpoints = {one: tx.session.get_one(Endpoint, one) for one in sorted(ids)}
    for definition in found:
        properties = arm.definition_properties(
            definition, endpoints[definition.source_id], endpoints[definition.target_id]
        )
        copied = DefinitionProperties.model_validate(properties)
        put_definition(tx, mover, made, definition.name, copied, expect=Expect(exists=False))
    return made, len(found)
