"""Keys in Pilot tests: each is handled before the next one comes, and no time is waited for."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from textual.pilot import Pilot

PATIENCE_SECONDS = 1.0

ROUNDS = 20
"""Times that what a message led to is waited for, in turn; a screen that moves by itself is left moving."""


async def handled(pilot: Pilot[Any]) -> None:
    """Wait until every message on its way through the screen has been handled, with those that it led to."""
    app = pilot.app
    for _ in range(ROUNDS):
        if not await pilot._wait_for_screen():
            return
        if all(pump._message_queue.empty() for pump in (app, *app.screen.walk_children(with_self=True))):
            return


async def press(pilot: Pilot[Any], *keys: str) -> None:
    """Press keys one after the other; what each asked of the store is answered and shown before the next."""
    for key in keys:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("textual.app.wait_for_idle", _at_once)
            await pilot.app._press_keys([key])
        await handled(pilot)
        await answered(pilot)


async def answered(pilot: Pilot[Any]) -> None:
    """Wait until the store owes the screen no answer; not for one that does not come: some stories are about that."""
    follower = getattr(pilot.app, "follower", None)
    end = time.monotonic() + PATIENCE_SECONDS
    while follower is not None and follower.unanswered and time.monotonic() < end:
        await asyncio.sleep(0.002)
        if not follower.unanswered:
            # The answer may lead to another question.
            await handled(pilot)


async def _at_once(min_sleep: float = 0, max_sleep: float = 0) -> None:
    """Wait for nothing."""


@pytest.fixture(autouse=True)
def keys_wait_for_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Textual's own ``press`` waits for 40 ms after each key, which was half of the time of these tests."""
    monkeypatch.setattr(Pilot, "press", press)
