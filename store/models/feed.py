"""What happened, what changed, and how long details are kept: the store's own tables."""

from __future__ import annotations

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from store.models.columns import key, number, time, words
from store.types import BigKey


class Event(SQLModel, table=True):
    """Every change: who, when, what. Append only; it outlives what it tells of."""

    __tablename__ = "event"
    __table_args__ = (
        Index("ix_event_mover", "mover_id", "id"),
        Index("ix_event_resource", "kind", "resource_id", "id"),
    )

    id: int = key()
    at: int = time()
    actor: str
    mover_id: int | None = number(default=None)
    kind: str = words(32)
    resource_id: int = number()
    resource: str
    """The resource's path of names, as an admin writes it."""
    action: str = words(32)
    detail: str = ""


class Change(SQLModel, table=True):
    """The feed: one row for each changed row, written by triggers. ``rev`` is in commit order."""

    __tablename__ = "change"
    __table_args__ = {"sqlite_autoincrement": True}

    rev: int = Field(default=None, primary_key=True, sa_type=BigKey)
    kind: str = words(32)
    row_id: int = number()
    op: str = words(1)


class FeedState(SQLModel, table=True):
    """One row: the epoch of this store, and the revision below which changes were pruned."""

    __tablename__ = "feed_state"

    id: int = Field(default=1, primary_key=True, sa_type=BigKey)
    epoch: str
    floor: int = number(default=0)


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
    "endpoint_test",
    "event",
)
"""The tables whose changes the feed tells."""
