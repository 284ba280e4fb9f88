"""The tables: every resource of Azure Storage Mover, and what Longshore keeps about trust and runs.

Constraints live in the database; the rules that need words live in the operations. Tables are
never built from user input directly: operations check and fill them. Hot tables (``agent_beat``,
``run_lease``, ``run_progress``, ``progress_sample``, ``run_item``, ``run_report``) have no feed trigger.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ColumnElement,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    false,
    literal_column,
    text,
)
from sqlmodel import Field, SQLModel, col

from store.types import BigKey, EnumText, Milliseconds, RawPath
from store.vocabulary import (
    AgentStatus,
    ConnectionStatus,
    CopyMode,
    DataIntegrityValidation,
    DefinitionState,
    EndpointKind,
    EndpointType,
    GrantPermission,
    JobRunStatus,
    JobType,
    Outcome,
    RunKind,
    ScanStatus,
    TriggerType,
)

ACTIVE_RUN = text("status NOT IN ('Canceled', 'Failed', 'Succeeded')")
_ENDED_RUN = "status IN ('Canceled', 'Failed', 'Succeeded')"
HAS_LOGIN = text("db_role <> ''")
_ENDED_AT = "execution_end_time IS NOT NULL"


def _key() -> Any:
    return Field(default=None, primary_key=True, sa_type=BigKey)


def _parent(
    table: str, *, cascade: bool = False, nullable: bool = False, primary_key: bool = False, index: bool = True
) -> Any:
    """A reference; without an index of its own where another one begins with it."""
    rule = "CASCADE" if cascade else "RESTRICT"
    return Field(
        default=None,
        sa_column=Column(
            BigKey,
            ForeignKey(f"{table}.id", ondelete=rule),
            nullable=nullable,
            primary_key=primary_key,
            index=index and not primary_key,
        ),
    )


def _time(**extra: Any) -> Any:
    return Field(sa_type=Milliseconds, **extra)


def _number(**extra: Any) -> Any:
    return Field(sa_type=BigKey, **extra)


def _enum(enumeration: Any, **extra: Any) -> Any:
    return Field(sa_column=Column(EnumText(enumeration), **_column(extra)), **extra)


def _enum_key(enumeration: Any) -> Any:
    return Field(sa_column=Column(EnumText(enumeration), primary_key=True, nullable=False))


def _json(**extra: Any) -> Any:
    return Field(sa_column=Column(JSON, **_column(extra)), **extra)


def _column(extra: dict[str, Any]) -> dict[str, Any]:
    """What a column is told, taken out of a field's options; ``added`` is the value of the rows that were there."""
    added = extra.pop("added", None)
    default = None if added is None else text(f"'{added}'")
    return {"nullable": extra.pop("nullable", False), "server_default": default}


def _run_indexes() -> list[Index]:
    """What the lists of runs are read from, in every scope: the newest first; and of the ended ones, whose numbers
    stand, by status, bytes moved and failed items."""
    found = []
    for scope in ("mover", "project", "definition", "agent", "source", "target"):
        name, column = f"ix_job_run_{scope}", f"{scope}_id"
        failed = f"{_ENDED_RUN} AND items_failed <> 0"
        found += [
            Index(name, column, "id"),
            _partial(f"{name}_status", _ENDED_RUN, column, "status", "id"),
            _partial(f"{name}_bytes", _ENDED_RUN, column, "status", "bytes_transferred", "id"),
            _partial(f"{name}_failed", failed, column, "status", "items_failed", "id"),
        ]
    return found


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


def _partial(name: str, condition: str, *columns: str) -> Index:
    """An index of the few runs that a condition holds for, so that finding them never costs the history."""
    where = text(condition)
    return Index(name, *(columns or ("execution_end_time", "id")), sqlite_where=where, postgresql_where=where)


def _text(length: int | None = None, **extra: Any) -> Any:
    return Field(sa_column=Column(String(length) if length else Text, nullable=extra.pop("nullable", False)), **extra)


class SystemData(SQLModel):
    """Who made a resource and who changed it last (ARM's systemData); ``version`` counts edits."""

    created_at: int = _time(default=0)
    created_by: str = ""
    last_modified_at: int = _time(default=0)
    last_modified_by: str = ""
    version: int = 1


class StorageMover(SystemData, table=True):
    """The top-level resource: it holds the agents' trust and the migration plan."""

    __tablename__ = "storage_mover"

    id: int = _key()
    name: str = Field(max_length=64, unique=True)
    location: str = "local"
    description: str = ""
    tags: dict[str, str] = _json(default_factory=dict)


class Agent(SystemData, table=True):
    """A registered process near the data. Of its credential only a hash is kept."""

    __tablename__ = "agent"
    __table_args__ = (
        UniqueConstraint("mover_id", "name"),
        Index("uq_agent_db_role", "db_role", unique=True, sqlite_where=HAS_LOGIN, postgresql_where=HAS_LOGIN),
    )

    id: int = _key()
    mover_id: int = _parent("storage_mover")
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
    status: AgentStatus = _enum(AgentStatus, default=AgentStatus.REGISTERING)
    error_code: str = ""
    error_message: str = ""
    upload_limit_schedule: dict[str, Any] | None = _json(default=None, nullable=True)
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

    agent_id: int = _parent("agent", cascade=True, primary_key=True)
    at: int = _time()
    uptime_in_seconds: int = 0


class RegistrationToken(SQLModel, table=True):
    """Permission to register one agent of one mover, once, until it expires. Only a hash is kept."""

    __tablename__ = "registration_token"
    __table_args__ = (
        Index(
            "uq_registration_token_db_role", "db_role", unique=True, sqlite_where=HAS_LOGIN, postgresql_where=HAS_LOGIN
        ),
    )

    id: int = _key()
    mover_id: int = _parent("storage_mover", cascade=True)
    token_hash: str = Field(unique=True, max_length=64)
    created_at: int = _time()
    created_by: str = ""
    expires_at: int = _time()
    used_at: int | None = _time(default=None)
    used_by: str = ""
    agent_id: int | None = Field(
        default=None, sa_column=Column(BigKey, ForeignKey("agent.id", ondelete="CASCADE"), index=True)
    )
    """The agent whose credential it renews; None for a new agent."""
    db_role: str = Field(default="", sa_column_kwargs={"server_default": text("''")})
    """The role by which its holder logs in to a PostgreSQL store to register; empty on SQLite."""


class Endpoint(SystemData, table=True):
    """A storage location that a migration reads from or writes to."""

    __tablename__ = "endpoint"
    __table_args__ = (
        UniqueConstraint("mover_id", "name"),
        Index("ix_endpoint_type", "mover_id", "endpoint_type", "name"),
    )

    id: int = _key()
    mover_id: int = _parent("storage_mover")
    name: str = Field(max_length=64)
    description: str = ""
    endpoint_type: EndpointType = _enum(EndpointType)
    endpoint_kind: EndpointKind | None = _enum(EndpointKind, default=None, nullable=True)
    place: str
    """The location as an admin writes it, for lists."""
    location_key: str
    """The location spelled one way only, for comparing."""
    properties: dict[str, Any] = _json()


class Connection(SystemData, table=True):
    """A private network connection that jobs may use (ARM's connections resource)."""

    __tablename__ = "connection"
    __table_args__ = (UniqueConstraint("mover_id", "name"),)

    id: int = _key()
    mover_id: int = _parent("storage_mover")
    name: str = Field(max_length=64)
    description: str = ""
    connection_status: ConnectionStatus = _enum(ConnectionStatus, default=ConnectionStatus.PENDING)
    private_link_service_id: str
    private_endpoint_name: str = ""
    private_endpoint_resource_id: str = ""


class Project(SystemData, table=True):
    """A group of definitions that people think of together."""

    __tablename__ = "project"
    __table_args__ = (UniqueConstraint("mover_id", "name"),)

    id: int = _key()
    mover_id: int = _parent("storage_mover")
    name: str = Field(max_length=64)
    description: str = ""


class JobDefinition(SystemData, table=True):
    """From which endpoint to which, and with which settings. Source, target and sub-paths are fixed."""

    __tablename__ = "job_definition"
    __table_args__ = (
        UniqueConstraint("project_id", "name"),
        Index("ix_job_definition_name", "name", "id"),
        Index("ix_job_definition_path", "mover_id", "project_name", "name", "id"),
        *_definition_indexes(),
    )

    id: int = _key()
    mover_id: int = _parent("storage_mover", index=False)
    project_id: int = _parent("project", cascade=True, index=False)
    project_name: str = Field(default="", max_length=64, sa_column_kwargs={"server_default": text("''")})
    """Its project's, which is never renamed: the lists sort by it."""
    name: str = Field(max_length=64)
    description: str = ""
    job_type: JobType = _enum(JobType, default=JobType.ON_PREM_TO_CLOUD)
    copy_mode: CopyMode = _enum(CopyMode)
    source_id: int = _parent("endpoint", index=False)
    source_subpath: str = ""
    target_id: int = _parent("endpoint", index=False)
    target_subpath: str = ""
    agent_name: str = ""
    """The agent to offer for new runs; it may be registered later."""
    connections: list[str] = _json(default_factory=list)
    schedule: dict[str, Any] | None = _json(default=None, nullable=True)
    data_integrity_validation: DataIntegrityValidation = _enum(
        DataIntegrityValidation, default=DataIntegrityValidation.NONE
    )
    preserve_permissions: bool = Field(default=True, sa_type=Boolean)
    settings: dict[str, Any] = _json(default_factory=dict, added="{}")
    """Filters, guards and the like as ARM spells them, as far as they are not the default."""
    source_identity: str = Field(default="", sa_column_kwargs={"server_default": text("''")})
    """What told the source root from others when a copy first read it; empty before."""
    run_count: int = 0
    latest_run_id: int | None = _number(default=None)
    latest_state: DefinitionState = _enum(DefinitionState, default=DefinitionState.NEVER, added=DefinitionState.NEVER)
    """What came of the latest run. Kept by the database (``store.derived``)."""
    latest_ended: int = Field(default=0, sa_type=Milliseconds, sa_column_kwargs={"server_default": text("0")})
    """When the latest run ended; 0 while it has not, and before the first. Kept by the database."""


class Counters(SQLModel):
    """Items and bytes by outcome; scanned is the sum of the source's outcomes when a run ends."""

    items_scanned: int = _number(default=0)
    items_transferred: int = _number(default=0)
    items_no_transfer_needed: int = _number(default=0)
    items_excluded: int = _number(default=0)
    items_unsupported: int = _number(default=0)
    items_failed: int = _number(default=0)
    items_changed: int = _number(default=0)
    items_deleted: int = _number(default=0)
    items_delete_withheld: int = _number(default=0)
    bytes_scanned: int = _number(default=0)
    bytes_transferred: int = _number(default=0)
    bytes_no_transfer_needed: int = _number(default=0)
    bytes_excluded: int = _number(default=0)
    bytes_unsupported: int = _number(default=0)
    bytes_failed: int = _number(default=0)
    bytes_changed: int = _number(default=0)
    bytes_deleted: int = _number(default=0)
    bytes_delete_withheld: int = _number(default=0)


class JobRun(Counters, table=True):
    """One pass, copying or not. It carries a snapshot of its definition and endpoints as they were at start."""

    __tablename__ = "job_run"
    __table_args__ = (
        UniqueConstraint("definition_id", "number"),
        Index(
            "uq_job_run_active",
            "definition_id",
            unique=True,
            sqlite_where=ACTIVE_RUN,
            postgresql_where=ACTIVE_RUN,
        ),
        Index("ix_job_run_active", "status", "id", sqlite_where=ACTIVE_RUN, postgresql_where=ACTIVE_RUN),
        *(
            Index(
                f"ix_job_run_active_{scope}",
                f"{scope}_id",
                "status",
                "id",
                sqlite_where=ACTIVE_RUN,
                postgresql_where=ACTIVE_RUN,
            )
            for scope in ("agent", "project")
        ),
        *_run_indexes(),
        _partial("ix_job_run_thin", f"thinned_at IS NULL AND {_ENDED_AT}"),
        _partial("ix_job_run_expire_items", f"expired_at IS NULL AND {_ENDED_AT}"),
        _partial("ix_job_run_expire_report", f"report_expired_at IS NULL AND {_ENDED_AT}"),
        _partial("ix_job_run_expire_samples", f"samples_expired_at IS NULL AND {_ENDED_AT}"),
        _partial("ix_job_run_expiring", "expiring", "id"),
    )

    id: int = _key()
    mover_id: int = _parent("storage_mover", index=False)
    project_id: int = _parent("project", cascade=True, index=False)
    definition_id: int = _parent("job_definition", cascade=True, index=False)
    source_id: int = Field(default=0, sa_type=BigKey, sa_column_kwargs={"server_default": text("0")})
    """Its definition's endpoints, which never change: an endpoint's runs are found by them."""
    target_id: int = Field(default=0, sa_type=BigKey, sa_column_kwargs={"server_default": text("0")})
    number: int
    """Counts the runs of a definition from 1; it is the run's name."""
    kind: RunKind = _enum(RunKind, default=RunKind.COPY, added=RunKind.COPY)
    plan_run_id: int | None = Field(
        default=None, sa_column=Column(BigKey, ForeignKey("job_run.id", ondelete="SET NULL"), index=True)
    )
    """The preview that this run is to carry out."""
    plan_number: int | None = None
    """Its number: it outlives the preview, so that a run with a plan never turns into one without."""
    overrides: list[str] = _json(default_factory=list, added="[]")
    """Names of the guards that are not to stop this run."""
    report: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=false()))
    """Whether a line is kept for every item."""
    agent_id: int | None = Field(default=None, sa_column=Column(BigKey, ForeignKey("agent.id", ondelete="SET NULL")))
    agent_name: str
    copy_mode: CopyMode = _enum(CopyMode)
    target_key: str
    """Location key of the target with its sub-path: one active run per target location."""
    status: JobRunStatus = _enum(JobRunStatus, default=JobRunStatus.QUEUED)
    scan_status: ScanStatus = _enum(ScanStatus, default=ScanStatus.NOT_STARTED)
    trigger_type: TriggerType = _enum(TriggerType, default=TriggerType.MANUAL)
    scheduled_execution_time: int | None = _time(default=None)
    created_at: int = _time(default=0)
    created_by: str = ""
    execution_start_time: int | None = _time(default=None)
    execution_end_time: int | None = _time(default=None)
    last_status_update: int = _time(default=0)
    cancel_deadline: int | None = _time(default=None)
    fence: int = 0
    """Raised by every claim; an agent's write that carries another one is refused."""
    definition_properties: dict[str, Any] = _json()
    source_properties: dict[str, Any] = _json()
    target_properties: dict[str, Any] = _json()
    error_code: str = ""
    error_message: str = ""
    error_target: str = ""
    thinned_at: int | None = _time(default=None)
    """When retention thinned its samples; None while all of them are there."""
    expired_at: int | None = _time(default=None)
    """When retention removed its items; None while they are there."""
    report_expired_at: int | None = _time(default=None)
    """When retention removed its report, which is no plan from then on; None while it is there."""
    samples_expired_at: int | None = _time(default=None)
    """When retention removed its samples; None while there are any."""
    expiring: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=false()))
    """Whether some of what retention has removed by these times is still to be deleted."""


class RunTotals(Counters, table=True):
    """How many runs of a mover have ended, by kind and status, and the sums of their counters. Kept by the database
    (``store.derived``): what is asked for ever is not read from the whole history."""

    __tablename__ = "run_totals"

    mover_id: int = _parent("storage_mover", cascade=True, primary_key=True)
    kind: RunKind = _enum_key(RunKind)
    status: JobRunStatus = _enum_key(JobRunStatus)
    runs: int = _number(default=0)


class RunLease(SQLModel, table=True):
    """Who holds a run, and until when by the store's clock. Hot: renewed by every heartbeat."""

    __tablename__ = "run_lease"

    run_id: int = _parent("job_run", cascade=True, primary_key=True)
    agent_id: int = _parent("agent", cascade=True)
    fence: int
    lease_until: int = _time()


class RunProgress(Counters, table=True):
    """The live numbers of a run's present attempt. Hot: at most two writes a second."""

    __tablename__ = "run_progress"

    run_id: int = _parent("job_run", cascade=True, primary_key=True)
    at: int = _time(default=0)
    phase: str = ""
    total_items: int = _number(default=-1)
    total_bytes: int = _number(default=-1)
    bytes_in_flight: int = _number(default=0)
    items_deleted_before: int = 0
    """Deletes of earlier attempts of this run: they are gone from the target and are not found again."""
    bytes_deleted_before: int = _number(default=0)
    current: list[str] = _json(default_factory=list)
    """What each helper is on, in the form of ``display()``."""


class ProgressSample(SQLModel, table=True):
    """Throughput over time, at most one a second and run."""

    __tablename__ = "progress_sample"
    __table_args__ = {"sqlite_with_rowid": False}

    run_id: int = _parent("job_run", cascade=True, primary_key=True)
    at: int = Field(sa_type=Milliseconds, primary_key=True)
    items: int = _number()
    bytes: int = _number()


class RunItem(SQLModel, table=True):
    """An item of a run that did not simply transfer, with its real error."""

    __tablename__ = "run_item"
    __table_args__ = (
        Index("ix_run_item_run", "run_id", "id"),
        Index("ix_run_item_outcome", "run_id", "fence", "outcome", "id"),
        Index("ix_run_item_size", "run_id", "fence", "outcome", "size", "id"),
    )

    id: int = _key()
    run_id: int = Field(sa_column=Column(BigKey, ForeignKey("job_run.id", ondelete="CASCADE"), nullable=False))
    fence: int
    """The attempt that recorded it: a resumed run finds its items anew."""
    path: bytes = Field(sa_type=RawPath)
    kind: str = _text(1)
    outcome: Outcome = _enum(Outcome)
    code: str = _text(32)
    message: str = _text()
    size: int = _number()
    at: int = _time()


class RunReport(SQLModel, table=True):
    """A part of a run's full report: lines of ``store.report_lines``, packed. Hot."""

    __tablename__ = "run_report"
    __table_args__ = (Index("ix_run_report_run", "run_id", "id"),)

    id: int = _key()
    run_id: int = Field(sa_column=Column(BigKey, ForeignKey("job_run.id", ondelete="CASCADE"), nullable=False))
    fence: int
    """The attempt that wrote it."""
    items: int = _number()
    """How many lines are in it."""
    data: bytes = Field(sa_type=LargeBinary)
    at: int = _time()


class AccessGrant(SQLModel, table=True):
    """What starting a run lets the chosen agent touch. It ends with the run."""

    __tablename__ = "access_grant"
    __table_args__ = (_partial("ix_access_grant_open", "ended_at IS NULL", "agent_id", "endpoint_id"),)

    id: int = _key()
    run_id: int = _parent("job_run", cascade=True)
    agent_id: int = _parent("agent", cascade=True)
    endpoint_id: int | None = Field(
        default=None, sa_column=Column(BigKey, ForeignKey("endpoint.id", ondelete="SET NULL"), index=True)
    )
    endpoint_name: str
    permission: GrantPermission = _enum(GrantPermission)
    granted_at: int = _time()
    granted_by: str
    ended_at: int | None = _time(default=None)


class Event(SQLModel, table=True):
    """Every change: who, when, what. Append only; it outlives what it tells of."""

    __tablename__ = "event"
    __table_args__ = (
        Index("ix_event_mover", "mover_id", "id"),
        Index("ix_event_resource", "kind", "resource_id", "id"),
    )

    id: int = _key()
    at: int = _time()
    actor: str
    mover_id: int | None = _number(default=None)
    kind: str = _text(32)
    resource_id: int = _number()
    resource: str
    """The resource's path of names, as an admin writes it."""
    action: str = _text(32)
    detail: str = ""


class Change(SQLModel, table=True):
    """The feed: one row for each changed row, written by triggers. ``rev`` is in commit order."""

    __tablename__ = "change"
    __table_args__ = {"sqlite_autoincrement": True}

    rev: int = Field(default=None, primary_key=True, sa_type=BigKey)
    kind: str = _text(32)
    row_id: int = _number()
    op: str = _text(1)


class FeedState(SQLModel, table=True):
    """One row: the epoch of this store, and the revision below which changes were pruned."""

    __tablename__ = "feed_state"

    id: int = Field(default=1, primary_key=True, sa_type=BigKey)
    epoch: str
    floor: int = _number(default=0)


class Retention(SQLModel, table=True):
    """One row: for how many days after a run's end its details are kept; 0 is for ever."""

    __tablename__ = "retention"

    id: int = Field(default=1, primary_key=True, sa_type=BigKey)
    items_days: int = 90
    reports_days: int = 90
    samples_days: int = 90


FEED_TABLES = (
    "storage_mover",
    "agent",
    "registration_token",
    "endpoint",
    "connection",
    "project",
    "job_definition",
    "job_run",
    "access_grant",
    "event",
)
"""The tables whose changes the feed tells."""

RUN_IS_ACTIVE: ColumnElement[bool] = col(JobRun.status).not_in(
    [literal_column(f"'{status}'") for status in ("Canceled", "Failed", "Succeeded")]
)
"""A run that has not ended, in the very words of the partial indexes: a list of the active statuses would read the
whole history."""

COUNTER_FIELDS = tuple(Counters.model_fields)
