"""Operations on projects and private connections."""

from __future__ import annotations

from sqlmodel import Session, select

from store.bodies import ConnectionProperties, ProjectProperties
from store.db import Write
from store.errors import Conflict
from store.models import Connection, JobDefinition, Project, StorageMover
from store.resources.common import ANYHOW, Expect, Put, active_run, change, refuse_while_active, stamp_created
from store.rules import valid_name


def put_project(
    tx: Write, mover: StorageMover, name: str, body: ProjectProperties, *, expect: Expect = ANYHOW
) -> tuple[Put, Project]:
    """Create a project, or change its description."""
    valid_name("project", name)
    found = tx.session.exec(select(Project).where(Project.mover_id == mover.id, Project.name == name)).first()
    expect.check("project", name, found)
    if found is None:
        found = Project(mover_id=mover.id, name=name, description=body.description)
        stamp_created(tx, found)
        tx.session.add(found)
        tx.session.flush()
        tx.event("project", found.id, f"{mover.name}/{name}", "created", mover_id=mover.id)
        return Put.CREATED, found
    if change(tx, found, {"description": body.description}):
        tx.event("project", found.id, f"{mover.name}/{name}", "changed", mover_id=mover.id, detail="description")
        return Put.CHANGED, found
    return Put.UNCHANGED, found


def check_delete_project(session: Session, project: Project) -> None:
    """Conflict while a run of the project is active."""
    refuse_while_active(session, f"The project '{project.name}'", project_id=project.id)


def delete_project(tx: Write, mover: StorageMover, project: Project) -> None:
    """Delete a project with its definitions and their history; Conflict while a run is active."""
    check_delete_project(tx.session, project)
    tx.event("project", project.id, f"{mover.name}/{project.name}", "deleted", mover_id=mover.id)
    tx.session.delete(project)


def put_connection(
    tx: Write, mover: StorageMover, name: str, body: ConnectionProperties, *, expect: Expect = ANYHOW
) -> tuple[Put, Connection]:
    """Create a private connection, or change its description; the service it leads to is fixed."""
    valid_name("connection", name)
    found = tx.session.exec(select(Connection).where(Connection.mover_id == mover.id, Connection.name == name)).first()
    path = f"{mover.name}/connections/{name}"
    expect.check("connection", name, found)
    if found is None:
        found = Connection(mover_id=mover.id, name=name, **body.model_dump())
        stamp_created(tx, found)
        tx.session.add(found)
        tx.session.flush()
        tx.event("connection", found.id, path, "created", mover_id=mover.id)
        return Put.CREATED, found
    if found.private_link_service_id != body.private_link_service_id:
        raise Conflict(
            f"The connection '{name}' leads to another service, and that cannot change: make a new one.",
            code="LocationFixed",
        )
    if change(tx, found, {"description": body.description}):
        tx.event("connection", found.id, path, "changed", mover_id=mover.id, detail="description")
        return Put.CHANGED, found
    return Put.UNCHANGED, found


def delete_connection(tx: Write, mover: StorageMover, connection: Connection) -> None:
    """Delete a connection that no active job uses (ARM answers 409 otherwise)."""
    for definition in tx.session.exec(select(JobDefinition).where(JobDefinition.mover_id == mover.id)):
        # ARM's definitions refer to a connection by its id.
        used = {reference.rpartition("/")[2] for reference in definition.connections}
        if connection.name in used and active_run(tx.session, definition.id):
            raise Conflict(
                f"The connection '{connection.name}' is used by a run of '{definition.name}': stop it first.",
                code="RunsActive",
            )
    path = f"{mover.name}/connections/{connection.name}"
    tx.event("connection", connection.id, path, "deleted", mover_id=mover.id)
    tx.session.delete(connection)
