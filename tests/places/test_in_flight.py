"""Threads and memory for what is on its way."""

from __future__ import annotations

import threading
from functools import partial

import pytest

from agentsim.engine.errors import Canceled
from agentsim.engine.lease import Lease, now
from agentsim.places.in_flight import Background, Budget, awaited


def test_calls_in_the_background_return_and_raise() -> None:
    background, lease = Background(2), Lease(now() + 600)

    def fail() -> None:
        raise ValueError("no")

    assert [awaited(background.submit(partial(divmod, each, 2)), lease)[0] for each in range(4)] == [0, 0, 1, 1]
    with pytest.raises(ValueError, match="no"):
        awaited(background.submit(fail), lease)
    background.close()


def test_no_more_threads_than_were_asked_for_and_all_end_when_it_is_closed() -> None:
    background, lease = Background(3), Lease(now() + 600)
    names = {awaited(background.submit(threading.current_thread), lease) for _ in range(20)}
    assert len(names) <= 3
    background.close()
    for thread in names:
        thread.join(30)
        assert not thread.is_alive()


def test_waiting_ends_when_the_run_is_canceled() -> None:
    background, lease, gate = Background(1), Lease(now() + 600), threading.Event()
    future = background.submit(gate.wait)
    lease.stop()
    with pytest.raises(Canceled):
        awaited(future, lease)
    budget = Budget(10)
    budget.take(10, Lease(now() + 600))
    with pytest.raises(Canceled):
        budget.take(1, lease)
    gate.set()
    background.close()


def test_a_call_that_raises_timeout_is_no_endless_wait() -> None:
    background = Background(1)

    def time_out() -> None:
        raise TimeoutError("of the call itself")

    with pytest.raises(TimeoutError, match="of the call itself"):
        awaited(background.submit(time_out), Lease(now() + 600))
    background.close()


def test_a_budget_is_never_overdrawn_but_by_one_thing_that_is_larger() -> None:
    budget, lease = Budget(10), Lease(now() + 600)
    budget.take(6, lease)
    entered = threading.Event()

    def enter() -> None:
        budget.take(25, lease)
        entered.set()

    threading.Thread(target=enter).start()
    assert not entered.wait(0.05)
    budget.give_back(6)
    assert entered.wait(30)
    budget.give_back(25)
    budget.take(10, lease)
