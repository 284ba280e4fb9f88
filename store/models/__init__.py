"""The tables: every resource of Azure Storage Mover, and what Longshore keeps about trust and runs.

Constraints live in the database; the rules that need words live in the operations. Tables are
never built from user input directly: operations check and fill them. Hot tables (``agent_beat``,
``run_lease``, ``run_progress``, ``progress_sample``, ``run_item``, ``run_report``) have no feed trigger.
"""

from __future__ import annotations

from store.models.columns import ACTIVE_RUN
from store.models.feed import FEED_TABLES, Change, Event, FeedState, Retention
from store.models.hierarchy import Connection, Endpoint, JobDefinition, Project, StorageMover, SystemData
from store.models.runs import (
    COUNTER_FIELDS,
    RUN_IS_ACTIVE,
    Counters,
    JobRun,
    ProgressSample,
    RunItem,
    RunLease,
    RunProgress,
    RunReport,
    RunTotals,
)
from store.models.trust import HAS_LOGIN, AccessGrant, Agent, AgentBeat, EndpointTest, RegistrationToken

__all__ = [
    "ACTIVE_RUN",
    "COUNTER_FIELDS",
    "FEED_TABLES",
    "HAS_LOGIN",
    "RUN_IS_ACTIVE",
    "AccessGrant",
    "Agent",
    "AgentBeat",
    "Change",
    "Connection",
    "Counters",
    "Endpoint",
    "EndpointTest",
    "Event",
    "FeedState",
    "JobDefinition",
    "JobRun",
    "ProgressSample",
    "Project",
    "RegistrationToken",
    "Retention",
    "RunItem",
    "RunLease",
    "RunProgress",
    "RunReport",
    "RunTotals",
    "StorageMover",
    "SystemData",
]
