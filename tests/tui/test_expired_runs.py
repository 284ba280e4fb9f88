"""What retention has removed reads as removed, never as a run without failures."""

from __future__ import annotations

import pytest

from store.upkeep.retention import DAY_MS, prune_details
from store.vocabulary import JobRunStatus
from tests.tui.driving import app_of, until
from tests.tui.sample_store import SampleStore
from tests.tui.test_kinds_of_run import WIDE, at_latest_run

pytestmark = pytest.mark.anyio


async def test_the_list_of_an_old_run_says_that_its_items_were_removed(sample: SampleStore) -> None:
    """While it is looked at, too; and the counters still tell what there was."""
    sample.preview()
    app = app_of(sample)
    async with app.run_test(size=WIDE) as pilot:
        await at_latest_run(pilot)
        await until(pilot, "letters")
        sample.clock.advance(91 * DAY_MS)
        assert prune_details(sample.store).items > 0
        text = await until(pilot, "Removed by retention")
        assert "letters" not in text
        assert "87" in text


async def test_a_run_without_failures_still_says_so(sample: SampleStore) -> None:
    sample.ended_run("hr-shares/hr-home", "dock-2", JobRunStatus.SUCCEEDED, 3, 30)
    app = app_of(sample)
    async with app.run_test(size=WIDE) as pilot:
        await at_latest_run(pilot)
        await until(pilot, "Nothing: every item")
