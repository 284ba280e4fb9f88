"""The resources of Azure Storage Mover that a plan holds: movers, endpoints, projects, definitions, connections."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Boolean, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from store.models.columns import enum, json, key, number, parent, time
from store.types import Milliseconds
from store.vocabulary import (
    ConnectionStatus,
    CopyMode,
    DataIntegrityValidation,
    DefinitionState,
    EndpointKind,
    EndpointType,
    JobType,
)


class SystemData(SQLModel):
    """Who made a resource and who changed it last (ARM's systemData); ``version`` counts edits."""

    created_at: int = time(default=0)
    created_by: str = ""
    last_modified_at: int = time(default=0)
    last_modified_by: str = ""
    version: int = 1


class StorageMover(SystemData, table=True):
    """The top-level resource: it holds the agents' trust and the migration plan."""

    __tablename__ = "storage_mover"

    id: int = key()
    name: str = Field(max_length=64, unique=True)
    location: str = "local"
    description: str = ""
    tags: dict[str, str] = json(default_factory=dict)


class Endpoint(SystemData, table=True):
    """A storage location that a migration reads from or writes to."""

    __tablename__ = "endpoint"
    __table_args__ = (
        UniqueConstraint("mover_id", "name"),
        Index("ix_endpoint_type", "mover_id", "endpoint_type", "name"),
    )

    id: int = key()
    mover_id: int = parent("storage_mover")
    name: str = Field(max_length=64)
    description: str = ""
    endpoint_type: EndpointType = enum(EndpointType)
    endpoint_kind: EndpointKind | None = enum(EndpointKind, default=None, nullable=True)
    place: str
    """The location as an admin writes it, for lists."""
    location_key: str
    """The location spelled one way only, for comparing."""
    properties: dict[str, Any] = json()


class Connection(SystemData, table=True):
    """A private network connection that jobs may use (ARM's connections resource)."""

    __tablename__ = "connection"
    __table_args__ = (UniqueConstraint("mover_id", "name"),)

    id: int = key()
    mover_id: int = parent("storage_mover")
    name: str = Field(max_length=64)
    description: str = ""
    connection_status: ConnectionStatus = enum(ConnectionStatus, default=ConnectionStatus.PENDING)
    private_link_service_id: str
    private_endpoint_name: str = ""
    private_endpoint_resource_id: str = ""


class Project(SystemData, table=True):
    """A group of definitions that people think of together."""

    __tablename__ = "project"
    __table_args__ = (UniqueConstraint("mover_id", "name"),)

    id: int = key()
    mover_id: int = parent("storage_mover")
    name: str = Field(max_length=64)
    description: str = ""


def _definition_indexes() -> list[Index]:
    """What the lists of definitions are read from, in every scope: by the latest run's state, and then by name or
    by when it ended."""
    found = []
    for scope, columns in {
        "mover": ("mover_id",),
        "project": ("project_id",),
        "source": ("source_id",),
        "target": ("target_id",),
        "agent": ("mover_id", "agent_name"),
    }.items():
        name, also = f"ix_job_definition_{scope}", ["source_id"] if scope == "target" else []
        found += [
            # With the ids, so that a search of the names reads the index alone; and what is an endpoint's target and
            # its source as well is told by it, too.
            Index(f"{name}_state", *columns, "latest_state", "project_name", "name", "id", *also),
            Index(f"{name}_ended", *columns, "latest_state", "latest_ended", "id"),
        ]
    return found


class JobDefinition(SystemData, table=True):
    """From which endpoint to which, and with which settings. Source, target and sub-paths are fixed."""

    __tablename__ = "job_definition"
    __table_args__ = (
        UniqueConstraint("project_id", "name"),
        Index("ix_job_definition_name", "name", "id"),
        Index("ix_job_definition_path", "mover_id", "project_name", "name", "id"),
        *_definition_indexes(),
    )

    id: int = key()
    mover_id: int = parent("storage_mover", index=False)
    project_id: int = parent("project", cascade=True, index=False)
    project_name: str = Field(default="", max_length=64, sa_column_kwargs={"server_default": text("''")})
    """Its project's, which is never renamed: the lists sort by it."""
    name: str = Field(max_length=64)
    description: str = ""
    job_type: JobType = enum(JobType, default=JobType.ON_PREM_TO_CLOUD)
    copy_mode: CopyMode = enum(CopyMode)
    source_id: int = parent("endpoint", index=False)
    source_subpath: str = ""
    target_id: int = parent("endpoint", index=False)
    target_subpath: str = ""
    agent_name: str = ""
    """The agent to offer for new runs; it may be registered later."""
    connections: list[str] = json(default_factory=list)
    schedule: dict[str, Any] | None = json(default=None, nullable=True)
    data_integrity_validation: DataIntegrityValidation = enum(
        DataIntegrityValidation, default=DataIntegrityValidation.NONE
    )
    preserve_permissions: bool = Field(default=True, sa_type=Boolean)
    settings: dict[str, Any] = json(default_factory=dict, added="{}")
    """Filters, guards and the like as ARM spells them, as far as they are not the default."""
    source_identity: str = Field(default="", sa_column_kwargs={"server_default": text("''")})
    """What told the source root from others when a copy first read it; empty before."""
    run_count: int = 0
    latest_run_id: int | None = number(default=None)
    latest_state: DefinitionState = enum(DefinitionState, default=DefinitionState.NEVER, added=DefinitionState.NEVER)
    """What came of the latest run. Kept by the database (``store.derived``)."""
    latest_ended: int = Field(default=0, sa_type=Milliseconds, sa_column_kwargs={"server_default": text("0")})
    """When the latest run ended; 0 while it has not, and before the first. Kept by the database."""
