"""The life cycles of DESIGN §4, checked pair by pair against the drawing and not against the table's own text."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.errors import Conflict
from store.lifecycle import (
    ACTIVE,
    CANCELLABLE,
    ENDED,
    RUN_MOVES,
    SCAN_MOVES,
    agent_status,
    check_move,
    lease_ms,
)
from store.vocabulary import AgentStatus, JobRunStatus, ScanStatus

DRAWING = """
Queued                       > Started CancelRequested Failed
Started                      > Running CancelRequested Failed
Running                      > PausedByBandwidthManagement CancelRequested Succeeded Failed
PausedByBandwidthManagement  > Running CancelRequested Failed
CancelRequested              > Canceling Canceled Succeeded Failed
Canceling                    > Canceled Succeeded Failed
Canceled                     >
Failed                       >
Succeeded                    >
"""
ALLOWED = {
    (before.strip(), after)
    for before, _, moves in (line.partition(">") for line in DRAWING.strip().splitlines())
    for after in moves.split()
}


@pytest.mark.parametrize(("before", "after"), product(JobRunStatus, JobRunStatus))
def test_a_run_moves_as_drawn_and_no_other_way(before: JobRunStatus, after: JobRunStatus) -> None:
    """Each of the 81 pairs is allowed exactly when DESIGN's drawing has its arrow."""
    if (before, after) in ALLOWED:
        check_move(before, after)
    else:
        with pytest.raises(Conflict) as refused:
            check_move(before, after)
        assert refused.value.code == "InvalidRunMove"
        assert before in refused.value.sentence
        assert after in refused.value.sentence


def test_what_ends_a_run_and_what_holds_its_target() -> None:
    """Three statuses are final; every other one holds the definition and the target."""
    assert {"Canceled", "Failed", "Succeeded"} == ENDED
    assert set(JobRunStatus) - {"Canceled", "Failed", "Succeeded"} == ACTIVE
    assert {"Queued", "Started", "Running", "PausedByBandwidthManagement"} == CANCELLABLE
    assert set(RUN_MOVES) == set(JobRunStatus)


def test_every_active_run_can_come_to_an_end() -> None:
    """No status is a dead end: from each active one a final one can be reached."""
    for start in ACTIVE:
        reached, border = set(), {start}
        while border:
            reached |= border
            border = {after for before in border for after in RUN_MOVES[before]} - reached
        assert reached & ENDED


@pytest.mark.parametrize(("before", "after"), product(ScanStatus, ScanStatus))
def test_a_scan_only_goes_forward_within_an_attempt(before: ScanStatus, after: ScanStatus) -> None:
    """NotStarted, Scanning, Completed; a claim sets it back to the start."""
    forward = [("NotStarted", "Scanning"), ("NotStarted", "Completed"), ("Scanning", "Completed")]
    assert (after in SCAN_MOVES[before]) == ((before, after) in forward)


@given(
    st.sampled_from(AgentStatus), st.none() | st.integers(0, 10**6), st.integers(1, 10**5), st.integers(0, 2 * 10**6)
)
def test_offline_is_derived_from_the_age_of_the_heartbeat(
    stored: AgentStatus, last: int | None, interval: int, now: int
) -> None:
    """Only an agent that ought to be beating becomes Offline, and only after three whole intervals."""
    shown = agent_status(stored, last, interval, now)
    silent = last is None or now > last + 3 * interval
    if stored in ("Online", "Executing") and silent:
        assert shown == AgentStatus.OFFLINE
    else:
        assert shown == stored


def test_the_third_missed_heartbeat_is_the_last() -> None:
    """At three intervals exactly the agent is still Online; a millisecond later it is not."""
    assert agent_status(AgentStatus.ONLINE, 1_000, 5_000, 16_000) == AgentStatus.ONLINE
    assert agent_status(AgentStatus.ONLINE, 1_000, 5_000, 16_001) == AgentStatus.OFFLINE


def test_a_lease_outlives_the_time_until_its_agent_counts_as_offline() -> None:
    """Otherwise a run could be lost by an agent that is still shown as Online."""
    assert lease_ms(5_000) == 30_000
    assert agent_status(AgentStatus.EXECUTING, 0, 5_000, lease_ms(5_000)) == AgentStatus.OFFLINE
