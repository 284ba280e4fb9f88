"""Giving a run to another agent, by keys."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from textual.pilot import Pilot

from store.queries import runs
from store.queries.runs import RunRow
from store.reader import Reader
from store.resources.agents import unregister_agent
from store.resources.common import find_in_mover, find_mover
from tests.tui.dialogs import asked
from tests.tui.driving import app_of, until
from tests.tui.sample_store import SampleStore
from tui.screens.confirm import ConfirmScreen
from tui.screens.main import MainScreen
from tui.screens.pick import PickScreen

pytestmark = pytest.mark.anyio
WIDE, NARROW = (160, 45), (80, 24)
LONG_AGO, FAR_AHEAD = 1, 9_000_000_000_000


def lease_until(sample: SampleStore, when: int) -> None:
    """The lease of the one run that is on ends then, whatever clock the store is asked by."""
    with sample.store.write("test") as tx:
        tx.session.execute(text("UPDATE run_lease SET lease_until = :until"), {"until": when})


def active(sample: SampleStore) -> RunRow:
    with Reader(sample.place, sample.clock) as reader:
        (found,) = runs.runs_by_id(reader, runs.active_run_ids(reader))
    return found


async def at_the_live_run(pilot: Pilot[int]) -> None:
    await until(pilot, "Runs of engineering")
    await pilot.press("4", "g")
    await until(pilot, lambda: pilot.app.focused is not None and pilot.app.focused.id == "runs")
    await until(pilot, "engineering #1")


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_a_run_whose_lease_ran_out_is_given_to_another_agent(sample: SampleStore, size: tuple[int, int]) -> None:
    lease_until(sample, LONG_AGO)
    app = app_of(sample)
    async with app.run_test(size=size) as pilot:
        await at_the_live_run(pilot)
        await pilot.press("H")
        screen = await until(pilot, "Hand the run nas1-migration/engineering#1 over to which agent?")
        assert "Now it is given to 'dock-1'." in screen
        assert "dock-2" in asked(app)
        await pilot.press("enter")
        await until(pilot, "To confirm, type  dock-2")
        assert "'dock-2' must find the same at '/mnt/nas1/engineering' and '/srv/nas2/engineering'" in asked(app)
        await pilot.press(*"dock-1", "enter")
        await until(pilot, "That is not 'dock-2': nothing was changed.")
        assert active(sample).agent_name == "dock-1"
        await pilot.press(*["backspace"] * 6, *"dock-2", "enter")
        await until(pilot, "Handed nas1-migration/engineering#1 over to 'dock-2'")
    assert active(sample).agent_name == "dock-2"


async def test_a_run_that_an_agent_holds_is_not_handed_over(sample: SampleStore) -> None:
    lease_until(sample, FAR_AHEAD)
    app = app_of(sample)
    async with app.run_test(size=NARROW) as pilot:
        await at_the_live_run(pilot)
        await pilot.press("H")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen))
        assert "is held by 'dock-1' for another" in asked(app)
        assert "hand it over when that agent is lost, or stop the run." in asked(app)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, MainScreen))
    assert active(sample).agent_name == "dock-1"


@pytest.mark.parametrize("key", ["escape", "q"])
async def test_leaving_the_choice_changes_nothing(sample: SampleStore, key: str) -> None:
    lease_until(sample, LONG_AGO)
    app = app_of(sample)
    async with app.run_test(size=NARROW) as pilot:
        await at_the_live_run(pilot)
        await pilot.press("H")
        await until(pilot, lambda: isinstance(app.screen, PickScreen))
        await pilot.press(key)
        await until(pilot, lambda: isinstance(app.screen, MainScreen))
    assert active(sample).agent_name == "dock-1"


async def test_a_run_that_has_ended_says_so_at_the_key(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=NARROW) as pilot:
        await until(pilot, "Runs of engineering")
        await pilot.press("1", "g")
        await until(pilot, "hr-home #1")
        await pilot.press("4", "G")
        await until(pilot, lambda: getattr(app.screen.subject, "path", "") == "hr-shares/hr-home#1")  # type: ignore[attr-defined]
        await pilot.press("H")
        await until(pilot, "The run hr-home #1 has ended (Succeeded)")


async def test_a_run_that_is_being_canceled_says_so_at_the_key(sample: SampleStore) -> None:
    sample.cancel("nas1-migration/engineering#1")
    app = app_of(sample)
    async with app.run_test(size=NARROW) as pilot:
        await at_the_live_run(pilot)
        await until(pilot, "Cancel reques")
        await pilot.press("H")
        await until(pilot, "The run engineering #1 is being canceled: wait for its end.")


async def test_without_another_agent_there_is_nobody_to_give_it_to(sample: SampleStore) -> None:
    lease_until(sample, LONG_AGO)
    with sample.store.write("user/ana") as tx:
        mover = find_mover(tx.session, None)
        from store.models import Agent

        unregister_agent(tx, mover, find_in_mover(tx.session, Agent, "agent", mover, "dock-2"))
    app = app_of(sample)
    async with app.run_test(size=NARROW) as pilot:
        await at_the_live_run(pilot)
        await pilot.press("H")
        await until(pilot, "'dock-1' is the only agent of 'nas-exit': A registers another.")


async def test_an_agent_that_is_offline_is_told_before_and_after(sample: SampleStore) -> None:
    lease_until(sample, LONG_AGO)
    sample.clock.advance(60_000)
    app = app_of(sample)
    async with app.run_test(size=WIDE) as pilot:
        await at_the_live_run(pilot)
        await pilot.press("H")
        await until(pilot, "dock-2 is Offline: the run waits until it is started.")
        await pilot.press("enter")
        await until(pilot, "To confirm, type  dock-2")
        await pilot.press(*"dock-2", "enter")
        await until(pilot, "over to 'dock-2', which is Offline: the run waits until it is started.")


async def test_h_needs_a_run(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=NARROW) as pilot:
        await until(pilot, "Runs of engineering")
        await pilot.press("1", "H")
        await until(pilot, "Select a run first: H hands it over.")
