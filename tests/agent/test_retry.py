"""Whether a worker that died is started again, and when."""

from __future__ import annotations

import signal

import pytest

from agentsim.retry import CRASHED_MOST, KILLED_MOST, LONGEST_DELAY, next_delay, was_killed


@pytest.mark.parametrize(
    ("code", "killed"),
    [
        (-signal.SIGKILL, True),
        (-signal.SIGTERM, True),
        (-signal.SIGSEGV, False),
        (-signal.SIGABRT, False),
        (1, False),
        (0, False),
        (None, False),
    ],
)
def test_a_crash_is_no_kill(code: int | None, killed: bool) -> None:
    assert was_killed(code) == killed


def test_the_pause_grows_up_to_a_bound() -> None:
    pauses = [next_delay(deaths, 0) for deaths in range(1, KILLED_MOST + 1)]
    assert pauses[:4] == [0.1, 0.2, 0.4, 0.8]
    assert pauses == sorted(pauses, key=lambda pause: pause or 0)
    assert pauses[-1] == LONGEST_DELAY


def test_crashes_are_given_up_sooner_than_kills() -> None:
    assert next_delay(CRASHED_MOST, CRASHED_MOST) is not None
    assert next_delay(CRASHED_MOST + 1, CRASHED_MOST + 1) is None
    assert next_delay(KILLED_MOST + 1, 0) is None


def test_kills_before_a_crash_are_no_crashes() -> None:
    assert next_delay(10, 1) is not None
