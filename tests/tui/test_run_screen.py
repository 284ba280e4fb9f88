"""A run's own screen, driven by keys: what came of it, what failed by code, its panes, and being deleted meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from textual.pilot import Pilot

from store.execution import claims
from store.resources.common import find_definition, find_mover
from store.resources.definitions import delete_definition
from store.vocabulary import JobRunStatus, RunKind
from tests.driven import answered, handled
from tests.tui.driving import app_of, seen, until
from tests.tui.sample_store import SampleStore
from tui.app import LongshoreApp
from tui.following import EVERYTHING
from tui.presentation.glyphs import ASCII
from tui.screens.run import RunScreen

pytestmark = pytest.mark.anyio
NARROW, WIDE, LOW = (80, 24), (160, 45), (130, 30)
NUMBERS = {"items_scanned": 5_310, "bytes_scanned": 9_000, "items_transferred": 5_310, "bytes_transferred": 9_000}

Item = tuple[bytes, str, str, str, str, int]
FAILED: list[Item] = [
    (b"2019/contract [/red].pdf", "F", "Failed", "AZSM2062", "Permission denied (EACCES)", 4_096),
    (b"2019/letter.pdf", "F", "Failed", "AZSM2062", "Permission denied (EACCES)", 4_096),
    (b"2020/caf\xe9\x1b]0;owned\x07.txt", "F", "Failed", "AZSM2063", "Input/output error (EIO)", 4_096),
]
WITHHELD: Item = (b"old/share", "D", "DeleteWithheld", "LSM2102", "a mount point", 0)
CHANGED: Item = (b"mail.pst", "F", "Changed", "LSM2003", "changed while it was read", 70)
PIPE: Item = (b"run/queue.fifo", "S", "Unsupported", "AZSM2021", "A FIFO is not copied", 0)
REMARKED: Item = (b"acl.doc", "F", "Transferred", "LSM2007", "the target holds no ACLs", 70)


def ended(
    sample: SampleStore,
    status: JobRunStatus = JobRunStatus.SUCCEEDED,
    items: Sequence[Item] = (),
    *,
    code: str = "",
    message: str = "",
    kind: RunKind = RunKind.COPY,
    **numbers: int,
) -> int:
    """A run of hr-home that has ended so; its id."""
    claim = sample.claim("hr-shares/hr-home", "dock-2", kind=kind)
    sample.end(claim, status, {**NUMBERS, **numbers}, items=items, code=code, message=message)
    return claim.run_id


async def at_run(pilot: Pilot[int], run_id: int) -> str:
    """The screen of a run, opened over the main screen."""
    app = pilot.app
    assert isinstance(app, LongshoreApp)
    await until(pilot, "Runs of ")
    app.push_screen(RunScreen(run_id))
    await until(pilot, lambda: isinstance(app.screen, RunScreen) and " on dock-" in seen(app))
    # Its lists are read beside what it is.
    await handled(pilot)
    await answered(pilot)
    return seen(app)


def line_with(text: str, words: str) -> str:
    return next(line for line in text.splitlines() if words in line)


# What came of it


async def test_a_clean_success_says_so_and_what_to_do_next(sample: SampleStore) -> None:
    run = ended(sample)
    async with app_of(sample).run_test(size=NARROW) as pilot:
        text = await at_run(pilot, run)
        assert "✓ Succeeded" in text
        assert "The target has all 5,310 items." in text
        assert "v compares both sides fully" in text


@pytest.mark.parametrize(
    ("item", "counter", "words"),
    [
        (CHANGED, "items_changed", "1 changed while read."),
        (PIPE, "items_unsupported", "1 unsupported by the target."),
        (WITHHELD, "items_delete_withheld", "1 not deleted."),
        (REMARKED, "", "1 copied without some metadata."),
    ],
)
async def test_a_success_with_something_to_look_at_does_not_look_like_one_without(
    sample: SampleStore, item: Item, counter: str, words: str
) -> None:
    counted: dict[str, Any] = {counter: 1} if counter else {}
    run = ended(sample, items=[item], **counted)
    async with app_of(sample).run_test(size=NARROW) as pilot:
        await at_run(pilot, run)
        text = await until(pilot, words)
        assert "▲ Succeeded, 1 to look at" in text
        assert "✓" not in text
        assert "'By code' tells what to do" in text


async def test_in_the_list_of_runs_too_such_a_success_is_another(sample: SampleStore) -> None:
    ended(sample, items=[CHANGED], items_changed=1)
    async with app_of(sample).run_test(size=WIDE) as pilot:
        await until(pilot, "Runs of ")
        await pilot.press("1", "g")
        await until(pilot, "▲ Succeeded · 1")


async def test_a_source_that_held_nothing_is_no_success_to_be_glad_of(sample: SampleStore) -> None:
    run = ended(sample, items_scanned=0, items_transferred=0, bytes_scanned=0, bytes_transferred=0)
    async with app_of(sample).run_test(size=NARROW) as pilot:
        text = await at_run(pilot, run)
        assert "▲ Succeeded, nothing there" in text
        assert "check that it was mounted" in text


async def test_a_failure_says_why_and_what_to_do_in_full_at_80_cells(sample: SampleStore) -> None:
    message = "No space left on device (ENOSPC) after 12 GB"
    run = ended(sample, JobRunStatus.FAILED, code="LSM1011", message=message)
    async with app_of(sample).run_test(size=NARROW) as pilot:
        text = await at_run(pilot, run)
        assert "✗ Failed" in text
        flat = " ".join(text.split())
        assert f"LSM1011 {message}. Free or add space on the target, then start the run again: it goes on." in flat
        assert "r starts it again" in flat


async def test_a_canceled_run_says_that_what_was_copied_stays(sample: SampleStore) -> None:
    claim = sample.claim("hr-shares/hr-home", "dock-2")
    sample.started(claim)
    sample.cancel("hr-shares/hr-home")
    with sample.store.write("agent") as tx:
        holder = sample.agents["dock-2"]
        claims.acknowledge_cancel(tx, holder, claim)
        claims.finish_run(tx, holder, claim, JobRunStatus.CANCELED, code="", message="", target="")
    run = claim.run_id
    async with app_of(sample).run_test(size=NARROW) as pilot:
        text = await at_run(pilot, run)
        assert "■ Canceled" in text
        assert "It was stopped; what was copied stays." in text


async def test_a_run_that_ends_while_it_is_looked_at_tells_its_verdict(sample: SampleStore) -> None:
    claim = sample.claim("hr-shares/hr-home", "dock-2")
    sample.started(claim)
    sample.progress(claim, 10, 1_000, 20, 2_000)
    async with app_of(sample).run_test(size=NARROW) as pilot:
        text = await at_run(pilot, claim.run_id)
        assert "▶ Running" in text
        assert "north span.dwg" in text
        sample.finish(claim, JobRunStatus.FAILED, 20, 2_000, 1)
        text = await until(pilot, "✗ Failed")
        assert "LSM1010 1 of 20 items failed." in text
        assert "north span.dwg" not in text


# By code


async def test_failures_are_told_by_code_and_enter_lists_those_of_one(sample: SampleStore) -> None:
    run = ended(sample, JobRunStatus.FAILED, [*FAILED, CHANGED], items_failed=3, items_changed=1, code="LSM1010")
    app = app_of(sample)
    async with app.run_test(size=NARROW) as pilot:
        await at_run(pilot, run)
        await until(pilot, "letter.pdf")
        await pilot.press("tab")
        text = await until(pilot, "Check the source's disks or its server, then copy again.")
        assert "2 AZSM2062  No permission to read the source item" in text
        assert "Give the agent's user read access to the item." in text
        await pilot.press("j", "enter")
        text = await until(pilot, "only Failed AZSM2062")
        await until(pilot, "letter.pdf")
        text = await until(pilot, "mail.pst", absent=True)
        assert "caf" not in text
        await pilot.press("escape")
        text = await until(pilot, "mail.pst")
        assert "only" not in line_with(text, "What did not simply transfer")
        assert isinstance(app.screen, RunScreen), "the first esc shows all items again"
        await pilot.press("escape")
        await until(pilot, "Runs of ")


async def test_enter_on_an_outcome_lists_all_of_its_codes(sample: SampleStore) -> None:
    run = ended(sample, JobRunStatus.FAILED, [*FAILED, CHANGED], items_failed=3, items_changed=1, code="LSM1010")
    async with app_of(sample).run_test(size=WIDE) as pilot:
        await at_run(pilot, run)
        await until(pilot, "mail.pst")
        await pilot.press("shift+tab", "shift+tab", "shift+tab", "shift+tab", "enter")
        text = await until(pilot, "only Failed")
        text = await until(pilot, "mail.pst", absent=True)
        assert "letter.pdf" in text
        assert "caf\\xe9\\x1b]0;owned\\x07.txt" in text


async def test_what_retention_removed_is_told_by_code_too(sample: SampleStore) -> None:
    from store.upkeep.retention import DAY_MS, prune_details

    run = ended(sample, JobRunStatus.FAILED, FAILED, items_failed=3, code="LSM1010")
    async with app_of(sample).run_test(size=WIDE) as pilot:
        await at_run(pilot, run)
        await until(pilot, "AZSM2063")
        sample.clock.advance(91 * DAY_MS)
        assert prune_details(sample.store).items > 0
        text = await until(pilot, "which they were was removed by retention")
        assert "AZSM2063" not in text
        assert "3           Failed" in text


async def test_new_failures_of_a_live_run_are_counted(sample: SampleStore) -> None:
    claim = sample.claim("hr-shares/hr-home", "dock-2")
    sample.started(claim)
    app = app_of(sample)
    async with app.run_test(size=WIDE) as pilot:
        await at_run(pilot, claim.run_id)
        await until(pilot, "Nothing: no item so far needs a word.")
        sample.items(claim, [(path, code, why) for path, _, _, code, why, _ in FAILED])
        sample.progress(claim, 10, 1_000, 20, 2_000, failed=3)
        await until(pilot, "letter.pdf")
        app.time_passed = True
        app.follower.wake()
        await until(pilot, "2 AZSM2062")


# One item


async def test_enter_on_an_item_shows_all_of_it_and_what_to_do(sample: SampleStore) -> None:
    long = b"deep/" * 30 + b"x/a  b\x1b[2J.txt"
    run = ended(
        sample, JobRunStatus.FAILED, [(long, "F", "Failed", "AZSM2063", "Input/output error", 7)], items_failed=1
    )
    app = app_of(sample)
    async with app.run_test(size=NARROW) as pilot:
        await at_run(pilot, run)
        await until(pilot, "deep/")
        await pilot.press("enter")
        text = await until(pilot, "Check the source's disks")
        inner = "".join(line.strip(" │") for line in text.splitlines() if "deep" in line)
        assert "deep/" * 30 in inner
        assert "a  b\\x1b[2J.txt" in text
        await pilot.press("escape")
        await until(pilot, "Check the source's disks", absent=True)
        assert isinstance(app.screen, RunScreen)


# The panes


async def test_on_a_narrow_terminal_tab_goes_through_the_panes_and_a_line_says_which_there_are(
    sample: SampleStore,
) -> None:
    run = ended(sample, JobRunStatus.FAILED, FAILED, items_failed=3, code="LSM1010")
    async with app_of(sample).run_test(size=NARROW) as pilot:
        await at_run(pilot, run)
        line = await until(pilot, "[Items 3]")
        for name in ("By code", "Log", "Grants", "Settings"):
            assert name in line
            await pilot.press("tab")
            await until(pilot, f"[{name}]")
        await until(pilot, "Started by     user/ana (manual)")
        await pilot.press("tab")
        await until(pilot, "[Items 3]")
        await pilot.press("shift+tab")
        await until(pilot, "[Settings]")
        await pilot.press("shift+tab")
        await until(pilot, "[Grants]")
        assert "nas1-hr" in await until(pilot, "write")


async def test_a_wide_terminal_shows_several_panes_and_a_tall_one_all(sample: SampleStore) -> None:
    run = ended(sample, JobRunStatus.FAILED, FAILED, items_failed=3, code="LSM1010")
    async with app_of(sample).run_test(size=LOW) as pilot:
        await at_run(pilot, run)
        text = await until(pilot, "What happened")
        assert "letter.pdf" in await until(pilot, "letter.pdf")
        assert "[Items 3]" in text
        assert "[Log]" in text
        await pilot.resize_terminal(*WIDE)
        for title in ("By code", "What did not simply transfer", "What happened", "Access grants", "As it was started"):
            text = await until(pilot, title)
        assert "[Log]" not in text
        await pilot.resize_terminal(*NARROW)
        text = await until(pilot, "[Items 3]")
        assert "What happened" not in text


async def test_the_settings_are_those_that_it_ran_with(sample: SampleStore) -> None:
    run = ended(sample)
    with sample.store.write("user/ana") as tx:
        from sqlalchemy import text as sql

        tx.session.execute(sql("UPDATE job_definition SET settings = '{\"trash\": true}'"))
    async with app_of(sample).run_test(size=WIDE) as pilot:
        await at_run(pilot, run)
        text = await until(pilot, "Only in target")
        assert "nas1-hr (LocalPath) /mnt/nas1/hr" in text
        assert "is DELETED, if the guards agree" in text
        await pilot.press("tab", "tab", "tab", "tab", "G")
        text = await until(pilot, "stop all deletes when more than 25 %")
        assert "Trash          off: what is deleted or replaced is" in text


async def test_ascii_has_all_of_it(sample: SampleStore) -> None:
    run = ended(sample, items=[CHANGED], items_changed=1)
    async with app_of(sample, glyphs=ASCII).run_test(size=WIDE) as pilot:
        await at_run(pilot, run)
        text = await until(pilot, "mail.pst")
        assert "! Succeeded, 1 to look at" in text
        assert text.isascii()


# When something is gone


async def test_readings_that_overlap_draw_the_throughput_once(sample: SampleStore) -> None:
    """What its opening asks and what the store tells at that moment may both be under way."""
    app = app_of(sample)
    async with app.run_test(size=NARROW) as pilot:
        await at_run(pilot, 3)
        alone = line_with(await until(pilot, "peak"), "Rate")
        screen = app.screen
        assert isinstance(screen, RunScreen)
        await asyncio.gather(*(screen.follow(EVERYTHING) for _ in range(3)))
        assert line_with(await until(pilot, "peak"), "Rate") == alone


async def test_a_run_that_is_deleted_while_it_is_looked_at_says_so_and_its_keys_do(sample: SampleStore) -> None:
    run = ended(sample)
    app = app_of(sample)
    async with app.run_test(size=NARROW) as pilot:
        await at_run(pilot, run)
        with sample.store.write("user/ana") as tx:
            mover = find_mover(tx.session, None)
            delete_definition(tx, mover, *find_definition(tx.session, mover, "hr-shares/hr-home"))
        await until(pilot, "This run is gone: its project or its definition was deleted.")
        for key in ("r", "x", "e"):
            await pilot.press(key)
            text = await until(pilot, lambda: "its definition was deleted." in seen(app).splitlines()[-1])
        assert "hr-home" in text.splitlines()[0]
        await pilot.press("escape")
        await until(pilot, "Runs of ")
