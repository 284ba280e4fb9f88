"""Job runs: what they are, how they go, and what became of every item."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    ForeignKey,
    Index,
    LargeBinary,
    UniqueConstraint,
    false,
    literal_column,
    text,
)
from sqlmodel import Field, SQLModel, col

from store.models.columns import ACTIVE_RUN, ENDED_RUN, enum, enum_key, json, key, number, parent, partial, time, words
from store.types import BigKey, Milliseconds, RawPath
from store.vocabulary import CopyMode, JobRunStatus, Outcome, RunKind, ScanStatus, TriggerType

_ENDED_AT = "execution_end_time IS NOT NULL"


def _run_indexes() -> list[Index]:
    """What the lists of runs are read from, in every scope: the newest first; and of the ended ones, whose numbers
    stand, by status, bytes moved and failed items."""
    found = []
    for scope in ("mover", "project", "definition", "agent", "source", "target"):
        name, column = f"ix_job_run_{scope}", f"{scope}_id"
        failed = f"{ENDED_RUN} AND items_failed <> 0"
        found += [
            Index(name, column, "id"),
            partial(f"{name}_status", ENDED_RUN, column, "status", "id"),
            partial(f"{name}_bytes", ENDED_RUN, column, "status", "bytes_transferred", "id"),
            partial(f"{name}_failed", failed, column, "status", "items_failed", "id"),
        ]
    return found


class Counters(SQLModel):
    """Items and bytes by outcome; scanned is the sum of the source's outcomes when a run ends."""

    items_scanned: int = number(default=0)
    items_transferred: int = number(default=0)
    items_no_transfer_needed: int = number(default=0)
    items_excluded: int = number(default=0)
    items_unsupported: int = number(default=0)
    items_failed: int = number(default=0)
    items_changed: int = number(default=0)
    items_deleted: int = number(default=0)
    items_delete_withheld: int = number(default=0)
    bytes_scanned: int = number(default=0)
    bytes_transferred: int = number(default=0)
    bytes_no_transfer_needed: int = number(default=0)
    bytes_excluded: int = number(default=0)
    bytes_unsupported: int = number(default=0)
    bytes_failed: int = number(default=0)
    bytes_changed: int = number(default=0)
    bytes_deleted: int = number(default=0)
    bytes_delete_withheld: int = number(default=0)


class JobRun(Counters, table=True):
    """One pass, copying or not. It carries a snapshot of its definition and endpoints as they were at start."""

    __tablename__ = "job_run"
    __table_args__ = (
        UniqueConstraint("definition_id", "number"),
        Index("uq_job_run_active", "definition_id", unique=True, sqlite_where=ACTIVE_RUN, postgresql_where=ACTIVE_RUN),
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
        partial("ix_job_run_thin", f"thinned_at IS NULL AND {_ENDED_AT}"),
        partial("ix_job_run_expire_items", f"expired_at IS NULL AND {_ENDED_AT}"),
        partial("ix_job_run_expire_report", f"report_expired_at IS NULL AND {_ENDED_AT}"),
        partial("ix_job_run_expire_samples", f"samples_expired_at IS NULL AND {_ENDED_AT}"),
        partial("ix_job_run_expiring", "expiring", "id"),
    )

    id: int = key()
    mover_id: int = parent("storage_mover", index=False)
    project_id: int = parent("project", cascade=True, index=False)
    definition_id: int = parent("job_definition", cascade=True, index=False)
    source_id: int = Field(default=0, sa_type=BigKey, sa_column_kwargs={"server_default": text("0")})
    """Its definition's endpoints, which never change: an endpoint's runs are found by them."""
    target_id: int = Field(default=0, sa_type=BigKey, sa_column_kwargs={"server_default": text("0")})
    number: int
    """Counts the runs of a definition from 1; it is the run's name."""
    kind: RunKind = enum(RunKind, default=RunKind.COPY, added=RunKind.COPY)
    plan_run_id: int | None = Field(
        default=None, sa_column=Column(BigKey, ForeignKey("job_run.id", ondelete="SET NULL"), index=True)
    )
    """The preview that this run is to carry out."""
    plan_number: int | None = None
    """Its number: it outlives the preview, so that a run with a plan never turns into one without."""
    overrides: list[str] = json(default_factory=list, added="[]")
    """Names of the guards that are not to stop this run."""
    report: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=false()))
    """Whether a line is kept for every item."""
    agent_id: int | None = Field(default=None, sa_column=Column(BigKey, ForeignKey("agent.id", ondelete="SET NULL")))
    agent_name: str
    copy_mode: CopyMode = enum(CopyMode)
    target_key: str
    """Location key of the target with its sub-path: one active run per target location."""
    status: JobRunStatus = enum(JobRunStatus, default=JobRunStatus.QUEUED)
    scan_status: ScanStatus = enum(ScanStatus, default=ScanStatus.NOT_STARTED)
    trigger_type: TriggerType = enum(TriggerType, default=TriggerType.MANUAL)
    scheduled_execution_time: int | None = time(default=None)
    created_at: int = time(default=0)
    created_by: str = ""
    execution_start_time: int | None = time(default=None)
    execution_end_time: int | None = time(default=None)
    last_status_update: int = time(default=0)
    cancel_deadline: int | None = time(default=None)
    fence: int = 0
    """Raised by every claim; an agent's write that carries another one is refused."""
    definition_properties: dict[str, Any] = json()
    source_properties: dict[str, Any] = json()
    target_properties: dict[str, Any] = json()
    error_code: str = ""
    error_message: str = ""
    error_target: str = ""
    thinned_at: int | None = time(default=None)
    """When retention thinned its samples; None while all of them are there."""
    expired_at: int | None = time(default=None)
    """When retention removed its items; None while they are there."""
    report_expired_at: int | None = time(default=None)
    """When retention removed its report, which is no plan from then on; None while it is there."""
    samples_expired_at: int | None = time(default=None)
    """When retention removed its samples; None while there are any."""
    expiring: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=false()))
    """Whether some of what retention has removed by these times is still to be deleted."""


class RunTotals(Counters, table=True):
    """How many runs of a mover have ended, by kind and status, and the sums of their counters. Kept by the database
    (``store.derived``): what is asked for ever is not read from the whole history."""

    __tablename__ = "run_totals"

    mover_id: int = parent("storage_mover", cascade=True, primary_key=True)
    kind: RunKind = enum_key(RunKind)
    status: JobRunStatus = enum_key(JobRunStatus)
    runs: int = number(default=0)


class RunLease(SQLModel, table=True):
    """Who holds a run, and until when by the store's clock. Hot: renewed by every heartbeat."""

    __tablename__ = "run_lease"

    run_id: int = parent("job_run", cascade=True, primary_key=True)
    agent_id: int = parent("agent", cascade=True)
    fence: int
    lease_until: int = time()


class RunProgress(Counters, table=True):
    """The live numbers of a run's present attempt. Hot: at most two writes a second."""

    __tablename__ = "run_progress"

    run_id: int = parent("job_run", cascade=True, primary_key=True)
    at: int = time(default=0)
    phase: str = ""
    total_items: int = number(default=-1)
    total_bytes: int = number(default=-1)
    bytes_in_flight: int = number(default=0)
    items_deleted_before: int = 0
    """Deletes of earlier attempts of this run: they are gone from the target and are not found again."""
    bytes_deleted_before: int = number(default=0)
    current: list[str] = json(default_factory=list)
    """What each helper is on, in the form of ``display()``."""


class ProgressSample(SQLModel, table=True):
    """Throughput over time, at most one a second and run."""

    __tablename__ = "progress_sample"
    __table_args__ = {"sqlite_with_rowid": False}

    run_id: int = parent("job_run", cascade=True, primary_key=True)
    at: int = Field(sa_type=Milliseconds, primary_key=True)
    items: int = number()
    bytes: int = number()


class RunItem(SQLModel, table=True):
    """An item of a run that did not simply transfer, with its real error."""

    __tablename__ = "run_item"
    __table_args__ = (
        Index("ix_run_item_run", "run_id", "id"),
        Index("ix_run_item_outcome", "run_id", "fence", "outcome", "id"),
        Index("ix_run_item_size", "run_id", "fence", "outcome", "size", "id"),
    )

    id: int = key()
    run_id: int = Field(sa_column=Column(BigKey, ForeignKey("job_run.id", ondelete="CASCADE"), nullable=False))
    fence: int
    """The attempt that recorded it: a resumed run finds its items anew."""
    path: bytes = Field(sa_type=RawPath)
    kind: str = words(1)
    outcome: Outcome = enum(Outcome)
    code: str = words(32)
    message: str = words()
    size: int = number()
    at: int = time()


class RunReport(SQLModel, table=True):
    """A part of a run's full report: lines of ``store.report_lines``, packed. Hot."""

    __tablename__ = "run_report"
    __table_args__ = (Index("ix_run_report_run", "run_id", "id"),)

    id: int = key()
    run_id: int = Field(sa_column=Column(BigKey, ForeignKey("job_run.id", ondelete="CASCADE"), nullable=False))
    fence: int
    """The attempt that wrote it."""
    items: int = number()
    """How many lines are in it."""
    data: bytes = Field(sa_type=LargeBinary)
    at: int = time()


RUN_IS_ACTIVE: ColumnElement[bool] = col(JobRun.status).not_in(
    [literal_column(f"'{status}'") for status in ("Canceled", "Failed", "Succeeded")]
)
"""A run that has not ended, in the very words of the partial indexes: a list of the active statuses would read the
whole history."""


COUNTER_FIELDS = tuple(Counters.model_fields)
