"""Agents, the tokens by which they register, their heartbeats, and what a run lets them touch."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, ForeignKey, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from store.models.columns import enum, json, key, parent, partial, time
from store.models.hierarchy import SystemData
from store.types import BigKey
from store.vocabulary import AgentStatus, EndpointTestStatus, GrantPermission

HAS_LOGIN = text("db_role <> ''")


class Agent(SystemData, table=True):
    """A registered process near the data. Of its credential only a hash is kept."""

    __tablename__ = "agent"
    __table_args__ = (
        UniqueConstraint("mover_id", "name"),
        Index("uq_agent_db_role", "db_role", unique=True, sqlite_where=HAS_LOGIN, postgresql_where=HAS_LOGIN),
    )

    id: int = key()
    mover_id: int = parent("storage_mover")
    name: str = Field(max_length=64)
    description: str = ""
    arc_resource_id: str = ""
    arc_vm_uuid: str = ""
    agent_version: str = ""
    host: str = ""
    local_ip_address: str = ""
    time_zone: str = ""
    memory_in_mb: int = 0
    number_of_cores: int = 0
    status: AgentStatus = enum(AgentStatus, default=AgentStatus.REGISTERING)
    error_code: str = ""
    error_message: str = ""
    upload_limit_schedule: dict[str, Any] | None = json(default=None, nullable=True)
    credential_hash: str
    instance_id: str = ""
    """Nonce of the live process: a write from another one is refused."""
    host_key: str = ""
    """Machine, boot and state directory of the live process; tells a restart from a clone."""
    heartbeat_ms: int = 5000
    db_role: str = Field(default="", sa_column_kwargs={"server_default": text("''")})
    """The role by which it logs in to a PostgreSQL store; empty on SQLite."""


class AgentBeat(SQLModel, table=True):
    """The last heartbeat of an agent. Hot."""

    __tablename__ = "agent_beat"

    agent_id: int = parent("agent", cascade=True, primary_key=True)
    at: int = time()
    uptime_in_seconds: int = 0


class RegistrationToken(SQLModel, table=True):
    """Permission to register one agent of one mover, once, until it expires. Only a hash is kept."""

    __tablename__ = "registration_token"
    __table_args__ = (
        Index(
            "uq_registration_token_db_role", "db_role", unique=True, sqlite_where=HAS_LOGIN, postgresql_where=HAS_LOGIN
        ),
    )

    id: int = key()
    mover_id: int = parent("storage_mover", cascade=True)
    token_hash: str = Field(unique=True, max_length=64)
    created_at: int = time()
    created_by: str = ""
    expires_at: int = time()
    used_at: int | None = time(default=None)
    used_by: str = ""
    agent_id: int | None = Field(
        default=None, sa_column=Column(BigKey, ForeignKey("agent.id", ondelete="CASCADE"), index=True)
    )
    """The agent whose credential it renews; None for a new agent."""
    db_role: str = Field(default="", sa_column_kwargs={"server_default": text("''")})
    """The role by which its holder logs in to a PostgreSQL store to register; empty on SQLite."""


class AccessGrant(SQLModel, table=True):
    """What starting a run lets the chosen agent touch. It ends with the run."""

    __tablename__ = "access_grant"
    __table_args__ = (partial("ix_access_grant_open", "ended_at IS NULL", "agent_id", "endpoint_id"),)

    id: int = key()
    run_id: int = parent("job_run", cascade=True)
    agent_id: int = parent("agent", cascade=True)
    endpoint_id: int | None = Field(
        default=None, sa_column=Column(BigKey, ForeignKey("endpoint.id", ondelete="SET NULL"), index=True)
    )
    endpoint_name: str
    permission: GrantPermission = enum(GrantPermission)
    granted_at: int = time()
    granted_by: str
    ended_at: int | None = time(default=None)


class EndpointTest(SQLModel, table=True):
    """An admin lets an agent try an endpoint. The row is the agent's access grant at the same time: from
    ``requested_at`` until ``ended_at``, or ``until`` at the latest."""

    __tablename__ = "endpoint_test"
    __table_args__ = (partial("ix_endpoint_test_open", "ended_at IS NULL", "agent_id", "endpoint_id"),)

    id: int = key()
    mover_id: int = parent("storage_mover", cascade=True)
    endpoint_id: int = parent("endpoint", cascade=True)
    agent_id: int = parent("agent", cascade=True)
    permission: GrantPermission = enum(GrantPermission)
    """Write: a probe is written and deleted again."""
    status: EndpointTestStatus = enum(EndpointTestStatus, default=EndpointTestStatus.QUEUED)
    properties: dict[str, Any] = json()
    """The endpoint's as they were: references to credentials, never the values."""
    steps: list[dict[str, Any]] = json(default_factory=list)
    """What was tried, in order: name, ok, code, message and milliseconds of each."""
    requested_at: int = time()
    requested_by: str
    until: int = time()
    started_at: int | None = time(default=None)
    ended_at: int | None = time(default=None)
