"""Operations on job definitions: source, target and sub-paths are fixed when one is created (fault F7)."""

from __future__ import annotations

from typing import Any

from sqlmodel import Session, select

from store.bodies import DefinitionProperties
from store.db import Write
from store.errors import Conflict, InvalidInput
from store.models import Endpoint, JobDefinition, Project, StorageMover
from store.resources.common import Put, active_run, change, find_in_mover, stamp_created
from store.rules import location_overlaps, valid_name
from store.vocabulary import EndpointKind


def put_definition(
    tx: Write, mover: StorageMover, project: Project, name: str, body: DefinitionProperties
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
        _check_pair(source, body.source_subpath, target, body.target_subpath)
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


def location(endpoint: Endpoint, sub_path: str) -> str:
    """The location key of an endpoint with a sub-path below it."""
    return f"{endpoint.location_key}/{sub_path}" if sub_path else endpoint.location_key


def _check_pair(source: Endpoint, source_subpath: str, target: Endpoint, target_subpath: str) -> None:
    if source.endpoint_kind == EndpointKind.TARGET:
        raise InvalidInput(f"The endpoint '{source.name}' is of kind Target: choose another source.")
    if target.endpoint_kind == EndpointKind.SOURCE:
        raise InvalidInput(f"The endpoint '{target.name}' is of kind Source: choose another target.")
    if location_overlaps(location(source, source_subpath), location(target, target_subpath)):
        raise InvalidInput(
            f"The source '{source.place}/{source_subpath}' and the target '{target.place}/{target_subpath}' "
            "overlap: choose places that are not inside one another.",
            code="SourceTargetOverlap",
        )
