"""Waiting for what is on its way, and the memory that it may take."""

from __future__ import annotations

import threading

import pytest

from agentsim.engine.errors import Canceled
from agentsim.engine.lease import Lease, now
from agentsim.places.daemons import Daemons
from agentsim.places.in_flight import Budget, awaited


def test_waiting_ends_when_the_run_is_canceled() -> None:
    background, lease, gate = Daemons(1), Lease(now() + 600), threading.Event()
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
    background = Daemons(1)

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
