"""The life cycles of DESIGN §4: one table of allowed moves, and what follows from a state.

Pure functions of data: no I/O, standard library only.
"""

from __future__ import annotations

from store.errors import Conflict
from store.vocabulary import AgentStatus, EndpointKind, GrantPermission, JobRunStatus, RunKind, ScanStatus

RUN_MOVES: dict[JobRunStatus, frozenset[JobRunStatus]] = {
    JobRunStatus.QUEUED: frozenset({JobRunStatus.STARTED, JobRunStatus.CANCEL_REQUESTED, JobRunStatus.FAILED}),
    JobRunStatus.STARTED: frozenset({JobRunStatus.RUNNING, JobRunStatus.CANCEL_REQUESTED, JobRunStatus.FAILED}),
    JobRunStatus.RUNNING: frozenset(
        {
            JobRunStatus.PAUSED_BY_BANDWIDTH_MANAGEMENT,
            JobRunStatus.CANCEL_REQUESTED,
            JobRunStatus.SUCCEEDED,
            JobRunStatus.FAILED,
        }
    ),
    JobRunStatus.PAUSED_BY_BANDWIDTH_MANAGEMENT: frozenset(
        {JobRunStatus.RUNNING, JobRunStatus.CANCEL_REQUESTED, JobRunStatus.FAILED}
    ),
    # The last move to Succeeded or Failed covers a run that ended before it learned of the request.
    JobRunStatus.CANCEL_REQUESTED: frozenset(
        {JobRunStatus.CANCELING, JobRunStatus.CANCELED, JobRunStatus.SUCCEEDED, JobRunStatus.FAILED}
    ),
    JobRunStatus.CANCELING: frozenset({JobRunStatus.CANCELED, JobRunStatus.SUCCEEDED, JobRunStatus.FAILED}),
    JobRunStatus.CANCELED: frozenset(),
    JobRunStatus.FAILED: frozenset(),
    JobRunStatus.SUCCEEDED: frozenset(),
}
"""Which status may follow which. A run that resumes after a crash stays in its status: only its
fence rises."""

ENDED = frozenset(status for status, moves in RUN_MOVES.items() if not moves)
"""The statuses that nothing follows."""

ACTIVE = frozenset(RUN_MOVES) - ENDED
"""The statuses of a run that holds its definition and its target."""

CANCELLABLE = frozenset(status for status, moves in RUN_MOVES.items() if JobRunStatus.CANCEL_REQUESTED in moves)

SCAN_MOVES: dict[ScanStatus, frozenset[ScanStatus]] = {
    ScanStatus.NOT_STARTED: frozenset({ScanStatus.SCANNING, ScanStatus.COMPLETED}),
    ScanStatus.SCANNING: frozenset({ScanStatus.COMPLETED}),
    ScanStatus.COMPLETED: frozenset(),
}
"""Which scan status may follow which within one attempt of a run; claiming it begins anew."""


OFFLINE_AFTER_INTERVALS = 3
"""Heartbeats that may be missed before an agent counts as Offline (Storage Mover publishes no figure)."""

LEASE_INTERVALS = 6
"""Length of a run's lease in heartbeat intervals (30 s at the default 5 s)."""

CANCEL_DEADLINE_MS = 30_000
"""How long an agent has to end a run after CancelRequested before the store ends it (fault F39)."""

TEST_DEADLINE_MS = 120_000
"""How long a test lets its agent touch an endpoint at most."""


def check_move(current: JobRunStatus, following: JobRunStatus) -> None:
    """Raise :class:`Conflict` unless a run may go from ``current`` to ``following``."""
    if following not in RUN_MOVES[current]:
        raise Conflict(f"A run that is {current} cannot become {following}.", code="InvalidRunMove")


def agent_status(stored: AgentStatus, last_beat: int | None, heartbeat_ms: int, now: int) -> AgentStatus:
    """The status to show: Offline is derived from the age of the last heartbeat.

    Args:
        stored: what the store holds.
        last_beat: store time of the last heartbeat, or None before the first.
        heartbeat_ms: the agent's interval.
        now: store time.
    """
    if stored in (AgentStatus.ONLINE, AgentStatus.EXECUTING) and (
        last_beat is None or now - last_beat > OFFLINE_AFTER_INTERVALS * heartbeat_ms
    ):
        return AgentStatus.OFFLINE
    return stored


def lease_ms(heartbeat_ms: int) -> int:
    """How long a lease lasts after each renewal, in milliseconds."""
    return LEASE_INTERVALS * heartbeat_ms


def hand_over_wait(status: JobRunStatus, lease_until: int | None, now: int) -> int:
    """How long it takes, in milliseconds, until a run that has not ended may be given to another agent.

    Args:
        status: the run's.
        lease_until: the end of its lease, None when nobody holds one.
        now: store time.

    Returns:
        0 while it waits in Queued, and once its lease has run out: its worker has stopped by itself before.
    """
    if status == JobRunStatus.QUEUED or lease_until is None:
        return 0
    return max(0, lease_until - now)


def target_permission(kind: RunKind) -> GrantPermission:
    """What a run's agent may do to the target."""
    return GrantPermission.WRITE if kind == RunKind.COPY else GrantPermission.READ


def probe_permission(kind: EndpointKind | None, writes: bool | None) -> GrantPermission:
    """What a test of an endpoint may do; ``writes`` is what was asked for, None for as much as may be."""
    if kind == EndpointKind.SOURCE or writes is False:
        return GrantPermission.READ
    return GrantPermission.WRITE
