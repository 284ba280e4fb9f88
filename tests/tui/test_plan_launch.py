"""What the launch sheet says before a start: how long it will take, what it leaves behind, what stands in its way."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot

from store.vocabulary import JobRunStatus, RunKind
from tests.tui import plan_store
from tests.tui.driving import app_of, until
from tests.tui.plan_store import FinanceStore
from tests.tui.sample_store import SampleStore
from tests.tui.test_plan_screens import definition

pytestmark = pytest.mark.anyio
NARROW = (80, 24)


async def sheet(pilot: Pilot[int], name: str = "finance", key: str = "r") -> str:
    await definition(pilot, name)
    await pilot.press(key)
    return await until(pilot, "This run ")


async def test_it_says_how_long_each_kind_of_run_will_take(finance: FinanceStore) -> None:
    async with app_of(finance).run_test(size=NARROW) as pilot:
        text = await sheet(pilot)
        assert "This run   about 22m (17m to 24m): ~2,120 items, 4.65 GB" in text
        assert "enter start" in text, "all of it fits on 80x24"
        await pilot.press("p")
        await until(pilot, "This run   about 9m ")
        await pilot.press("v")
        await until(pilot, "This run   about 6m ")


async def test_a_guess_is_called_a_guess(sample: SampleStore) -> None:
    plan_store.tell(sample, plan_store.PAST[1:3])
    async with app_of(sample).run_test(size=NARROW) as pilot:
        text = await sheet(pilot)
        assert ", a guess: ~" in text


async def test_what_will_not_arrive_is_said_before(sample: SampleStore) -> None:
    plan_store.tell(sample, ())
    async with app_of(sample).run_test(size=NARROW) as pilot:
        text = await sheet(pilot)
        assert "│ Not copied: what the filters leave out" in text
        assert "This run   no copy yet: the first one copies everything" in text
    sample.apply("""
storageMovers:
  - name: nas-exit
    projects:
      - name: hr-shares
        jobDefinitions:
          - name: hr-home
            properties: {copyMode: Mirror, sourceName: nas1-hr, sourceSubpath: home, targetName: nas2-hr,
              targetSubpath: home, preservePermissions: false}
""")
    async with app_of(sample).run_test(size=NARROW) as pilot:
        text = await sheet(pilot, "hr-home")
        assert "▲ Not copied: mode, owner and access control lists" in text


async def test_a_plan_says_how_long_exactly_it_will_take(finance: FinanceStore) -> None:
    finance.end(
        finance.claim(plan_store.FINANCE, "dock-2", kind=RunKind.PREVIEW),
        JobRunStatus.SUCCEEDED,
        {"items_scanned": 120_400, "items_transferred": 1_204, "bytes_transferred": 3_200_000_000},
    )
    async with app_of(finance).run_test(size=NARROW) as pilot:
        text = await sheet(pilot)
        assert "Exactly what preview #11 listed" in text
        assert "This run   about " in text


async def test_what_stands_in_the_way_is_told_for_the_agent_under_the_cursor(finance: FinanceStore) -> None:
    async with app_of(finance).run_test(size=NARROW) as pilot:
        await sheet(pilot)
        await pilot.press("g")
        await until(pilot, "▶ dock-1 has 1 other run: they share its disks and its link")
        await pilot.press("escape")
        finance.clock.advance(20_000)
        finance.beat("dock-1", [])
        await pilot.press("r")
        await until(pilot, "▲ dock-2 is Offline: the run waits in Queued until it is started")


async def test_a_run_that_is_on_comes_first(finance: FinanceStore) -> None:
    plan_store.running(finance)
    async with app_of(finance).run_test(size=NARROW) as pilot:
        text = await sheet(pilot)
        assert "This run   #11 is on: 40%, ETA 4m30s" in text
        assert "▲ #11 is Running: one run of a definition at a time" in text
