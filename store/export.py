"""The hierarchy as a plan file, or as ARM resources: what ``apply`` made, ``export`` gives back."""

from __future__ import annotations

from typing import Any

from sqlmodel import Session, col, select

from store import arm
from store.models import Connection, Endpoint, JobDefinition, Project, StorageMover


def export_plan(session: Session, movers: list[StorageMover]) -> dict[str, Any]:
    """The plan of these movers, as ``apply`` reads it (agents and history are not part of a plan)."""
    return {"storageMovers": [_export_mover(session, mover) for mover in movers]}


def export_resources(session: Session, movers: list[StorageMover]) -> dict[str, Any]:
    """The same as a flat list of ARM resources, in an order in which they can be created."""
    value: list[arm.Resource] = []
    for mover in movers:
        value.append(arm.mover(mover))
        endpoints = {e.id: e for e in session.exec(select(Endpoint).where(Endpoint.mover_id == mover.id))}
        definitions = _definitions(session, mover)
        value.extend(arm.endpoint(mover.name, endpoint) for endpoint in endpoints.values())
        for project in session.exec(select(Project).where(Project.mover_id == mover.id).order_by(Project.name)):
            value.append(arm.project(mover.name, project))
            for definition in definitions.get(project.id, []):
                source, target = endpoints[definition.source_id], endpoints[definition.target_id]
                value.append(arm.definition(mover.name, project.name, definition, source, target, None))
    return {"value": value}


def _export_mover(session: Session, mover: StorageMover) -> dict[str, Any]:
    by_mover = {e.id: e for e in session.exec(select(Endpoint).where(Endpoint.mover_id == mover.id))}
    connections = session.exec(select(Connection).where(Connection.mover_id == mover.id).order_by(Connection.name))
    definitions = _definitions(session, mover)
    projects = session.exec(select(Project).where(Project.mover_id == mover.id).order_by(Project.name))
    plan: dict[str, Any] = _compact(
        {
            "name": mover.name,
            "location": mover.location,
            "properties": {"description": mover.description},
            "connections": [
                {
                    "name": c.name,
                    "properties": {"description": c.description, "privateLinkServiceId": c.private_link_service_id},
                }
                for c in connections
            ],
            "endpoints": [
                {"name": e.name, "properties": arm.endpoint_properties(e)}
                for e in sorted(by_mover.values(), key=lambda e: e.name)
            ],
            "projects": [
                {
                    "name": p.name,
                    "properties": {"description": p.description},
                    "jobDefinitions": [
                        {
                            "name": d.name,
                            "properties": arm.definition_properties(d, by_mover[d.source_id], by_mover[d.target_id]),
                        }
                        for d in definitions.get(p.id, [])
                    ],
                }
                for p in projects
            ],
        }
    )
    if mover.tags:
        plan["tags"] = dict(mover.tags)
    return plan


def _definitions(session: Session, mover: StorageMover) -> dict[int, list[JobDefinition]]:
    """The definitions of a mover by their projects, each by name: one statement for all of them."""
    found: dict[int, list[JobDefinition]] = {}
    query = select(JobDefinition).where(JobDefinition.mover_id == mover.id).order_by(col(JobDefinition.name))
    for definition in session.exec(query):
        found.setdefault(definition.project_id, []).append(definition)
    return found


def _compact(value: Any) -> Any:
    """Plain values for YAML, without what is empty or None (an export says only what was said)."""
    if isinstance(value, dict):
        return {k: _compact(v) for k, v in value.items() if v not in (None, "", [], {})}
    if isinstance(value, list):
        return [_compact(item) for item in value]
    return str(value) if isinstance(value, str) else value
