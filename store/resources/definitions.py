"""Operations on job definitions: source, target and sub-paths are fixed when one is created (fault F7)."""

from __future__ import annotations

from typing import Any

from sqlmodel import Session, select

from store.bodies import DefinitionProperties
from store.db import Write
from store.errors import Conflict
from store.models import Endpoint, JobDefinition, Project, StorageMover
from store.pairs import check_pair
from store.resources.common import ANYHOW, Expect, Put, active_run, change, find_in_mover, stamp_created
from store.rules import valid_name


def put_definition(
    tx: Write,
    mover: StorageMover,
    project: Project,
    name: str,
    body: DefinitionProperties,
    *,
    expect: Expect = ANYHOW,
) -> tuple[Put, JobDefinition]:
    """Create a definition, or change what may change of it.

    Raises:
        NotFound: an endpoint that does not exist. InvalidInput: source and target overlap, or an
            endpoint is of the wrong kind. Conflict: source, target or a sub-path differs.
    """
    valid_name("job definition", name)
    source = find_in_mover(tx.session, Endpoint, "endpoint", mover, body.source_name)
    target = find_in_mover(tx.session, Endpoint, "endpoint", mover, body.target_name)
    path = f"{mover.name}/{project.name}/{name}"
    found = tx.session.exec(
        select(JobDefinition).where(JobDefinition.project_id == project.id, JobDefinition.name == name)
    ).first()
    expect.check("job definition", name, found)
    changeable: dict[str, Any] = {
        "description": body.description,
        "copy_mode": body.copy_mode,
        "agent_name": body.agent_name,
        "connections": list(body.connections),
        "schedule": body.schedule and body.schedule.model_dump(mode="json", by_alias=True, exclude_none=True),
        "data_integrity_validation": body.data_integrity_validation,
        "preserve_permissions": body.preserve_permissions,
        "settings": body.settings(),
    }
    if found is None:
        check_pair(source, body.source_subpath, target, body.target_subpath)
        found = JobDefinition(
            mover_id=mover.id,
            project_id=project.id,
            project_name=project.name,
            name=name,
            job_type=body.job_type,
            source_id=source.id,
            source_subpath=body.source_subpath,
            target_id=target.id,
            target_subpath=body.target_subpath,
            **changeable,
        )
        stamp_created(tx, found)
        tx.session.add(found)
        tx.session.flush()
        tx.event("job_definition", found.id, path, "created", mover_id=mover.id)
        return Put.CREATED, found
    fixed = {
        "jobType": (found.job_type, body.job_type),
        "sourceName": (found.source_id, source.id),
        "sourceSubpath": (found.source_subpath, body.source_subpath),
        "targetName": (found.target_id, target.id),
        "targetSubpath": (found.target_subpath, body.target_subpath),
    }
    for word, (before, after) in fixed.items():
        if before != after:
            raise Conflict(
                f"The job definition '{name}' cannot change its {word}: a Mirror would delete the other place's "
                "files; make a definition with another name.",
                code="LocationFixed",
            )
    changed = change(tx, found, changeable)
    if changed:
        tx.event("job_definition", found.id, path, "changed", mover_id=mover.id, detail=", ".join(changed))
        return Put.CHANGED, found
    return Put.UNCHANGED, found


def check_delete_definition(session: Session, definition: JobDefinition) -> None:
    """Conflict while the definition runs."""
    run = active_run(session, definition.id)
    if run is not None:
        raise Conflict(
            f"The job definition '{definition.name}' cannot be deleted while its run #{run.number} is "
            f"{run.status}: stop it first.",
            code="RunsActive",
        )


def delete_definition(tx: Write, mover: StorageMover, project: Project, definition: JobDefinition) -> None:
    """Delete a definition with its history; Conflict while it runs."""
    check_delete_definition(tx.session, definition)
    path = f"{mover.name}/{project.name}/{definition.name}"
    tx.event("job_definition", definition.id, path, "deleted", mover_id=mover.id)
    tx.session.delete(definition)
