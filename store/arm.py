"""Resources in ARM's shape: ``{"id", "name", "type", "properties": {…camelCase…}}`` (reference §1)."""

from __future__ import annotations

from typing import Any

from pydantic.alias_generators import to_camel

from store.clock import rfc3339
from store.models import (
    COUNTER_FIELDS,
    AccessGrant,
    Agent,
    Connection,
    Counters,
    Endpoint,
    JobDefinition,
    JobRun,
    Project,
    StorageMover,
    SystemData,
)
from store.vocabulary import AgentStatus

TYPE = "Microsoft.StorageMover/storageMovers"
Resource = dict[str, Any]


def mover_id(mover: str) -> str:
    return f"/storageMovers/{mover}"


def agent_id(mover: str, name: str) -> str:
    return f"{mover_id(mover)}/agents/{name}"


def endpoint_id(mover: str, name: str) -> str:
    return f"{mover_id(mover)}/endpoints/{name}"


def project_id(mover: str, name: str) -> str:
    return f"{mover_id(mover)}/projects/{name}"


def definition_id(mover: str, project: str, name: str) -> str:
    return f"{project_id(mover, project)}/jobDefinitions/{name}"


def run_id(mover: str, project: str, definition: str, number: int) -> str:
    return f"{definition_id(mover, project, definition)}/jobRuns/{number}"


def mover(resource: StorageMover) -> Resource:
    shape = _shape(mover_id(resource.name), resource.name, TYPE, {"description": resource.description}, resource)
    return {**shape, "location": resource.location, "tags": dict(resource.tags)}


def agent(mover_name: str, resource: Agent, status: AgentStatus, last_beat: int | None, uptime: int) -> Resource:
    """An agent; ``status`` is the derived one, ``last_beat`` the store's time of the last heartbeat."""
    properties = {
        "description": resource.description,
        "arcResourceId": resource.arc_resource_id,
        "arcVmUuid": resource.arc_vm_uuid,
        "agentVersion": resource.agent_version,
        "agentStatus": status,
        "lastStatusUpdate": rfc3339(last_beat),
        "localIPAddress": resource.local_ip_address,
        "memoryInMB": resource.memory_in_mb,
        "numberOfCores": resource.number_of_cores,
        "timeZone": resource.time_zone,
        "uptimeInSeconds": uptime,
        "uploadLimitSchedule": resource.upload_limit_schedule,
        "host": resource.host,
    }
    if resource.error_code:
        properties["errorDetails"] = {"code": resource.error_code, "message": resource.error_message}
    return _shape(agent_id(mover_name, resource.name), resource.name, f"{TYPE}/agents", properties, resource)


def endpoint(mover_name: str, resource: Endpoint) -> Resource:
    return _shape(
        endpoint_id(mover_name, resource.name),
        resource.name,
        f"{TYPE}/endpoints",
        endpoint_properties(resource),
        resource,
    )


def endpoint_properties(resource: Endpoint) -> dict[str, Any]:
    properties: dict[str, Any] = {"description": resource.description, **resource.properties}
    if resource.endpoint_kind is not None:
        properties["endpointKind"] = resource.endpoint_kind
    return properties


def connection(mover_name: str, resource: Connection) -> Resource:
    properties = {
        "description": resource.description,
        "connectionStatus": resource.connection_status,
        "privateLinkServiceId": resource.private_link_service_id,
        "privateEndpointName": resource.private_endpoint_name,
        "privateEndpointResourceId": resource.private_endpoint_resource_id,
    }
    identity = f"{mover_id(mover_name)}/connections/{resource.name}"
    return _shape(identity, resource.name, f"{TYPE}/connections", properties, resource)


def project(mover_name: str, resource: Project) -> Resource:
    properties = {"description": resource.description}
    return _shape(project_id(mover_name, resource.name), resource.name, f"{TYPE}/projects", properties, resource)


def definition(
    mover_name: str,
    project_name: str,
    resource: JobDefinition,
    source: Endpoint,
    target: Endpoint,
    latest: JobRun | None,
) -> Resource:
    properties = definition_properties(resource, source, target)
    properties |= {
        "sourceResourceId": endpoint_id(mover_name, source.name),
        "targetResourceId": endpoint_id(mover_name, target.name),
        "agentResourceId": agent_id(mover_name, resource.agent_name) if resource.agent_name else None,
        "latestJobRunName": str(latest.number) if latest else None,
        "latestJobRunResourceId": run_id(mover_name, project_name, resource.name, latest.number) if latest else None,
        "latestJobRunStatus": latest.status if latest else None,
        "latestJobRunKind": latest.kind if latest else None,
        "sourceIdentity": resource.source_identity,
    }
    return _shape(
        definition_id(mover_name, project_name, resource.name),
        resource.name,
        f"{TYPE}/projects/jobDefinitions",
        properties,
        resource,
    )


def definition_properties(resource: JobDefinition, source: Endpoint, target: Endpoint) -> dict[str, Any]:
    """What a plan file says of a definition, and what a run keeps of it."""
    return {
        "description": resource.description,
        "jobType": resource.job_type,
        "copyMode": resource.copy_mode,
        "sourceName": source.name,
        "sourceSubpath": resource.source_subpath,
        "targetName": target.name,
        "targetSubpath": resource.target_subpath,
        "agentName": resource.agent_name,
        "connections": list(resource.connections),
        "schedule": resource.schedule,
        "dataIntegrityValidation": resource.data_integrity_validation,
        "preservePermissions": resource.preserve_permissions,
        **resource.settings,
    }


def run(
    mover_name: str,
    project_name: str,
    definition_name: str,
    resource: JobRun,
    counters: Counters,
    grants: list[AccessGrant],
) -> Resource:
    """A job run; ``counters`` are its live ones while it is active, else its own."""
    source, target = resource.source_properties, resource.target_properties
    properties: dict[str, Any] = {
        "kind": resource.kind,
        "planJobRunName": None if resource.plan_number is None else str(resource.plan_number),
        "overrides": list(resource.overrides),
        "report": resource.report,
        "status": resource.status,
        "scanStatus": resource.scan_status,
        "agentName": resource.agent_name,
        "agentResourceId": agent_id(mover_name, resource.agent_name),
        "triggerType": resource.trigger_type,
        "scheduledExecutionTime": rfc3339(resource.scheduled_execution_time),
        "executionStartTime": rfc3339(resource.execution_start_time),
        "executionEndTime": rfc3339(resource.execution_end_time),
        "lastStatusUpdate": rfc3339(resource.last_status_update),
        **{to_camel(name): getattr(counters, name) for name in COUNTER_FIELDS},
        "sourceName": source.get("name"),
        "sourceResourceId": endpoint_id(mover_name, str(source.get("name"))),
        "sourceProperties": {k: v for k, v in source.items() if k != "name"},
        "targetName": target.get("name"),
        "targetResourceId": endpoint_id(mover_name, str(target.get("name"))),
        "targetProperties": {k: v for k, v in target.items() if k != "name"},
        "jobDefinitionProperties": resource.definition_properties,
        "fence": resource.fence,
        "accessGrants": [
            {
                "endpointName": grant.endpoint_name,
                "permission": grant.permission,
                "from": rfc3339(grant.granted_at),
                "until": rfc3339(grant.ended_at),
                "grantedBy": grant.granted_by,
            }
            for grant in grants
        ],
    }
    if resource.error_code:
        properties["error"] = {
            "code": resource.error_code,
            "message": resource.error_message,
            "target": resource.error_target,
        }
    return {
        "id": run_id(mover_name, project_name, definition_name, resource.number),
        "name": str(resource.number),
        "type": f"{TYPE}/projects/jobDefinitions/jobRuns",
        "properties": properties,
        "systemData": {"createdAt": rfc3339(resource.created_at), "createdBy": resource.created_by},
    }


def _shape(identity: str, name: str, kind: str, properties: dict[str, Any], system: SystemData) -> Resource:
    return {
        "id": identity,
        "name": name,
        "type": kind,
        "properties": properties,
        "systemData": {
            "createdAt": rfc3339(system.created_at),
            "createdBy": system.created_by,
            "lastModifiedAt": rfc3339(system.last_modified_at),
            "lastModifiedBy": system.last_modified_by,
        },
    }
