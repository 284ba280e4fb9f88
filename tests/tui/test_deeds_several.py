"""Starting and stopping several at once, by keys: all are listed before, and what came of each is told after."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot

from store.queries import runs
from store.queries.runs import RunRow
from store.queries.scope import Scope
from store.queries.window import Page
from store.reader import Reader
from store.resources.common import find_definition, find_mover
from store.vocabulary import JobRunStatus, RunKind
from tests.tui.dialogs import asked
from tests.tui.driving import app_of, seen, until
from tests.tui.sample_store import SampleStore
from tui.screens.confirm import ConfirmScreen
from tui.screens.main import MainScreen
from tui.widgets.virtual_table import VirtualTable

pytestmark = pytest.mark.anyio
WIDE, NARROW = (160, 45), (80, 24)


def all_runs(sample: SampleStore) -> list[RunRow]:
    """The newest first."""
    with Reader(sample.place, sample.clock) as reader:
        return runs.runs(reader, Scope("mover", 1), Page(limit=50)).rows


async def marked_definitions(pilot: Pilot[int], number: int, text: str = "") -> None:
    """The first definitions of the mover, marked."""
    await until(pilot, "Runs of engineering")
    await pilot.press("1", "g")
    await until(pilot, "Runs of engineering", absent=True)
    await pilot.press("3")
    if text:
        await pilot.press("slash", *text, "enter")
        await until(pilot, f"/{text}")
    # The tree beside the list shows their names, too.
    await until(pilot, lambda: len(pilot.app.screen.query_one("#definitions", VirtualTable).visible_keys) >= number)
    await pilot.press("g")
    for marked in range(1, number + 1):
        await pilot.press("space")
        await until(pilot, f"{marked} marked")


async def test_one_confirmation_starts_all_that_can_be_started(sample: SampleStore) -> None:
    """Of the five definitions one runs, one has no agent, and two are of types that this version does not move."""
    app = app_of(sample)
    async with app.run_test(size=NARROW) as pilot:
        await marked_definitions(pilot, 5)
        await pilot.press("r")
        text = await until(pilot, "Start 2 runs?")
        assert "3 of those marked cannot be started and are left out: the list says why." in asked(app)
        assert "1 of them is a Mirror: it also DELETES from the target what the source has not." in asked(app)
        line = next(line for line in text.splitlines() if "hr-shares/hr-home" in line)
        assert "dock-1" in line
        assert "Executing" in line
        assert "Mirror" in line
        line = next(line for line in text.splitlines() if "nas1-migration/engineering" in line)
        assert "left out" in line
        await pilot.press("G")
        await until(pilot, lambda: "No agent was chosen for 'payroll'" in asked(app))
        await pilot.press("k")
        await until(pilot, lambda: "already has run #1 on 'dock-1' (Running): wait for it" in asked(app))
        await pilot.press("enter")
        await until(pilot, "2 started.")
        await until(pilot, "marked", absent=True)
    started = {(run.label, run.agent_name, run.kind) for run in all_runs(sample) if run.status == JobRunStatus.QUEUED}
    assert started == {
        ("hr-shares/hr-archive#2", "dock-2", RunKind.COPY),
        ("hr-shares/hr-home#2", "dock-1", RunKind.COPY),
    }


async def test_the_other_answer_is_chosen_by_arrows_and_tab(sample: SampleStore) -> None:
    """Enter starts at first; on the other answer it does not."""
    app = app_of(sample)
    async with app.run_test(size=NARROW) as pilot:
        await marked_definitions(pilot, 2)
        for keys in (["left"], ["right"], ["tab"], ["shift+tab"], ["h"], ["l"], ["left", "right", "tab"]):
            await pilot.press("r")
            await until(pilot, "Start 2 runs?")
            await pilot.press(*keys, "enter")
            await until(pilot, "2 marked")
            await until(pilot, lambda: isinstance(app.screen, MainScreen))
    assert len(all_runs(sample)) == 3


@pytest.mark.parametrize("key", ["escape", "n", "q"])
async def test_several_are_not_started_without_a_yes(sample: SampleStore, key: str) -> None:
    app = app_of(sample)
    async with app.run_test(size=NARROW) as pilot:
        await marked_definitions(pilot, 2)
        await pilot.press("r")
        await until(pilot, "Start 2 runs?")
        await pilot.press(key)
        await until(pilot, "2 marked")
    assert len(all_runs(sample)) == 3


@pytest.mark.parametrize(("key", "kind"), [("p", RunKind.PREVIEW), ("v", RunKind.VERIFY)])
async def test_several_previews_and_verifies(sample: SampleStore, key: str, kind: RunKind) -> None:
    app = app_of(sample)
    async with app.run_test(size=WIDE) as pilot:
        await marked_definitions(pilot, 2)
        await pilot.press(key)
        await until(pilot, "Start 2 ")
        assert "DELETES" not in asked(app)
        await pilot.press("y")
        await until(pilot, "2 started.")
    assert [run.kind for run in all_runs(sample)][:2] == [kind, kind]


async def test_an_agent_that_is_offline_is_told_before(sample: SampleStore) -> None:
    sample.clock.advance(60_000)
    app = app_of(sample)
    async with app.run_test(size=NARROW) as pilot:
        await until(pilot, "2 offline") if "2 offline" in seen(app) else await until(pilot, "Runs of engineering")
        await marked_definitions(pilot, 2)
        await pilot.press("r")
        await until(pilot, "dock-2 is Offline: the run waits in Queued until it is started.")


async def test_what_is_refused_at_the_start_is_told_one_by_one(sample: SampleStore) -> None:
    """Two definitions write to one place: the second start is refused, whatever the list said."""
    sample.apply(
        """
storageMovers:
  - name: nas-exit
    projects:
      - name: hr-shares
        jobDefinitions:
          - {name: hr-again, properties: {copyMode: Additive, sourceName: nas1-eng,
              targetName: nas2-hr, targetSubpath: archive, agentName: dock-2}}
"""
    )
    app = app_of(sample)
    async with app.run_test(size=NARROW) as pilot:
        await marked_definitions(pilot, 2, "hr-a")
        await pilot.press("r")
        await until(pilot, "Start 2 runs?")
        await pilot.press("enter")
        await until(pilot, "1 started, 1 refused.")
        assert "The target 'nas2-hr' is being written by 'hr-shares/hr-again#1' (Queued)" in asked(app)
        await pilot.press("enter")
        await until(pilot, "1 started, 1 refused: The target 'nas2-hr'")


async def test_marked_previews_are_carried_out_as_they_are(sample: SampleStore) -> None:
    sample.preview()
    app = app_of(sample)
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, "Runs of ")
        await pilot.press("1", "g")
        await until(pilot, "hr-archive #1")
        await pilot.press("4")
        await until(pilot, "hr-home #2 preview")
        await pilot.press("g", "space", "j", "space")
        await until(pilot, "2 marked")
        await pilot.press("r")
        text = await until(pilot, "Start 2 runs?")
        assert "hr-shares/hr-home (plan of #2)" in text
        assert "hr-shares/hr-archive" in text
        await pilot.press("enter")
        await until(pilot, "2 started.")
    carried = next(run for run in all_runs(sample) if run.label == "hr-shares/hr-home#3")
    assert carried.plan_number == 2


async def test_none_of_several_can_be_started(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=NARROW) as pilot:
        await marked_definitions(pilot, 5)
        await pilot.press("g", "space", "space")
        await until(pilot, "3 marked")
        await pilot.press("r")
        await until(pilot, "None of the 3 can be started: the list says why.")
        await pilot.press("y")
        await until(pilot, "3 marked")
        assert isinstance(app.screen, MainScreen)
    assert len(all_runs(sample)) == 3


async def test_several_are_stopped_after_one_yes(sample: SampleStore) -> None:
    sample.start("hr-shares/hr-home", "dock-2")
    app = app_of(sample)
    async with app.run_test(size=NARROW) as pilot:
        await until(pilot, "Runs of ")
        await pilot.press("1", "g")
        await until(pilot, "hr-archive #1")
        await pilot.press("4")
        await until(pilot, "hr-home #2")
        await pilot.press("g", "space", "space", "space")
        await until(pilot, "3 marked")
        await pilot.press("x")
        text = await until(pilot, "Stop 2 runs?")
        assert "1 of those marked cannot be stopped and is left out: the list says why." in asked(app)
        assert "nas1-migration/engineering#1" in text
        await pilot.press("enter")
        await until(pilot, "Stop 2 runs?", absent=True)
        assert sum(run.active for run in all_runs(sample)) == 2, "the default is no"
        await pilot.press("x")
        await until(pilot, "Stop 2 runs?")
        await pilot.press("y")
        await until(pilot, "2 asked to stop.")
        await until(pilot, "marked", absent=True)
    stopped = {run.label: run.status for run in all_runs(sample)}
    assert stopped["hr-shares/hr-home#2"] == JobRunStatus.CANCELED, "no agent had it"
    assert stopped["nas1-migration/engineering#1"] == JobRunStatus.CANCEL_REQUESTED


async def test_what_has_ended_cannot_be_stopped(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=NARROW) as pilot:
        await marked_definitions(pilot, 3)
        await pilot.press("x")
        await until(pilot, "None of the 2 can be stopped: the list says why.")
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, ConfirmScreen))


async def test_a_definition_that_is_gone_is_not_started(sample: SampleStore) -> None:
    from store.resources.definitions import delete_definition

    app = app_of(sample)
    async with app.run_test(size=NARROW) as pilot:
        await marked_definitions(pilot, 2)
        await pilot.press("r")
        await until(pilot, "Start 2 runs?")
        with sample.store.write("user/ben") as tx:
            mover = find_mover(tx.session, None)
            delete_definition(tx, mover, *find_definition(tx.session, mover, "hr-shares/hr-home"))
        await pilot.press("enter")
        await until(pilot, "1 started, 1 refused.")
        assert "hr-home" in asked(app)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, MainScreen))
