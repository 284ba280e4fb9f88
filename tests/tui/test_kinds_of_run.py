"""Previews, verify runs, plans and guards, driven by keys as an admin would."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot

from store.errors import NotFound
from store.queries import fleet as fleet_queries
from store.queries import runs
from store.queries.runs import RunRow
from store.queries.scope import Scope
from store.queries.window import Page
from store.reader import Reader
from store.vocabulary import CopyMode, Guard, JobRunStatus, RunKind
from tests.tui.driving import app_of, seen, until
from tests.tui.sample_store import SampleStore
from tui.commands import Commands, Launch
from tui.screens.run import RunScreen
from tui.widgets.override_line import OverrideLine

pytestmark = pytest.mark.anyio
WIDE = (160, 45)
NARROW = (80, 24)


async def at_hr_home(pilot: Pilot[int]) -> None:
    """The cursor of the tree on the definition hr-home."""
    await until(pilot, "Runs of ")
    await pilot.press("1", "slash", *"hr-home", "enter")
    await until(pilot, "Hierarchy /hr-home")
    app = pilot.app
    for _ in range(20):
        if "Runs of hr-home" in seen(app):
            break
        await pilot.press("j")
        await pilot.pause()
    await until(pilot, "hr-home #1")


async def at_latest_run(pilot: Pilot[int]) -> None:
    """The screen of the latest run of hr-home."""
    await at_hr_home(pilot)
    await pilot.press("o")
    await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))
    await until(pilot, "What happened" if pilot.app.size.width >= 120 else "hr-home #")


def newest(sample: SampleStore) -> RunRow:
    with Reader(sample.place, sample.clock) as reader:
        return runs.runs(reader, Scope("mover", 1), Page(limit=1)).rows[0]


def permissions(sample: SampleStore, run: RunRow) -> list[str]:
    with Reader(sample.place, sample.clock) as reader:
        rows = reader.rows("SELECT permission FROM access_grant WHERE run_id = :run ORDER BY id", {"run": run.id})
    return [row["permission"] for row in rows]


async def test_p_starts_a_preview_that_may_only_read(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=NARROW) as pilot:
        await at_hr_home(pilot)
        await pilot.press("p")
        text = await until(pilot, "Start a preview of hr-shares/hr-home")
        assert "says what a copy would do; it touches nothing" in text
        assert "may read the source and read the target" in text
        await pilot.press("enter")
        await until(pilot, "hr-home #2 preview")
    run = newest(sample)
    assert (run.label, run.kind, run.agent_name) == ("hr-shares/hr-home#2", RunKind.PREVIEW, "dock-1")
    assert permissions(sample, run) == ["Read", "Read"]


async def test_v_starts_a_verify_that_may_only_read(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=NARROW) as pilot:
        await at_hr_home(pilot)
        await pilot.press("v")
        text = await until(pilot, "Start a verify of hr-shares/hr-home")
        assert "changes nothing" in text
        assert "DELETES" not in text
        assert "may read the source and read the target" in text
        await pilot.press("enter")
        await until(pilot, "hr-home #2 verify")
    run = newest(sample)
    assert (run.kind, run.overrides) == (RunKind.VERIFY, [])
    assert permissions(sample, run) == ["Read", "Read"]


async def test_the_sheet_changes_from_one_kind_to_another(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=NARROW) as pilot:
        await at_hr_home(pilot)
        await pilot.press("r")
        await until(pilot, "Start a run of")
        await pilot.press("p")
        await until(pilot, "Start a preview of")
        await pilot.press("v")
        await until(pilot, "Start a verify of")
        await pilot.press("r")
        text = await until(pilot, "Start a run of")
        assert "may read the source and write the target" in text
        await pilot.press("p", "m", "enter")
        await until(pilot, "hr-home #2 preview")
    run = newest(sample)
    assert (run.kind, run.copy_mode) == (RunKind.PREVIEW, CopyMode.ADDITIVE)


async def test_the_sheet_tells_its_keys(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=NARROW) as pilot:
        await at_hr_home(pilot)
        await pilot.press("r")
        await until(pilot, "Start a run of")
        await pilot.press("question_mark")
        await until(pilot, "override a guard by its name")
        await pilot.press("escape")
        await until(pilot, "Keys here", absent=True)
        assert "Start a run of" in seen(app)


async def test_a_preview_reads_as_what_would_be(sample: SampleStore) -> None:
    sample.preview()
    app = app_of(sample)
    async with app.run_test(size=WIDE) as pilot:
        await at_latest_run(pilot)
        text = await until(pilot, "Would delete")
        assert "hr-home #2 preview" in text.splitlines()[0]
        assert "Preview of Mirror on dock-2" in text
        assert "To copy or repair" in text
        assert "To delete" in text
        assert "caf\\xe9.doc" in text
        assert "Transferred" not in text
        assert "Deleted" not in text
        assert "longshore run report hr-shares/hr-home#2" in text


async def test_a_verify_tells_what_is_alike_what_differs_and_what_is_too_much(sample: SampleStore) -> None:
    sample.verify()
    app = app_of(sample)
    async with app.run_test(size=WIDE) as pilot:
        await at_latest_run(pilot)
        text = await until(pilot, "Only in target")
        lines = text.splitlines()
        assert "Verify on dock-2" in text
        assert any("Alike" in line and "120,398" in line and "Differ or failed" in line for line in lines)
        assert any("Differs" in line and "budget.xlsx" in line for line in lines)
        assert any("Failed" in line and "locked.xlsx" in line for line in lines), (
            "what could not be read, does not differ"
        )
        assert any("Only in target" in line and "stray.txt" in line for line in lines)
        assert "Withheld" not in text


async def test_r_on_a_preview_starts_exactly_its_plan(sample: SampleStore) -> None:
    sample.preview()
    app = app_of(sample)
    async with app.run_test(size=NARROW) as pilot:
        await at_latest_run(pilot)
        await until(pilot, "starts a copy that does exactly this")
        await pilot.press("r")
        text = await until(pilot, "Exactly what preview #2 listed; what has changed since is left alone")
        assert "may read the source and write the target" in text
        await pilot.press("p")
        await until(pilot, "This carries out preview #2 as it is")
        assert "Start a run of" in seen(app)
        await pilot.press("m")
        assert "for this run only" not in seen(app)
        await pilot.press("enter")
        await until(pilot, "Mirror, plan of #2 on dock-2")
        await until(pilot, "Started hr-shares/hr-home#3, the plan of #2 on dock-2")
    run = newest(sample)
    assert (run.kind, run.plan_number, run.copy_mode) == (RunKind.COPY, 2, CopyMode.MIRROR)


async def test_r_on_a_preview_in_the_list_and_in_the_tree_starts_its_plan(sample: SampleStore) -> None:
    sample.preview()
    app = app_of(sample)
    async with app.run_test(size=WIDE) as pilot:
        await at_hr_home(pilot)
        await pilot.press("4")
        await until(pilot, lambda: app.focused is not None and app.focused.id == "runs")
        await pilot.press("r")
        await until(pilot, "Exactly what preview #2 listed")
        await pilot.press("escape", "1", "l")
        await until(pilot, "#2 preview ▲ Succeeded")
        await pilot.press("j", "r")
        await until(pilot, "Exactly what preview #2 listed")
        await pilot.press("escape", "k", "r")
        text = await until(pilot, "Start a run of")
        assert "Exactly what" not in text, "on the definition, r is a copy of whatever is there"


@pytest.mark.parametrize("where", ["screen", "list", "tree"])
async def test_a_preview_that_did_not_succeed_is_no_plan(sample: SampleStore, where: str) -> None:
    claim = sample.claim("hr-shares/hr-home", "dock-2", kind=RunKind.PREVIEW)
    sample.end(claim, JobRunStatus.FAILED, {}, code="AZSM1002", message="The source could not be listed")
    app = app_of(sample)
    async with app.run_test(size=WIDE) as pilot:
        await (at_latest_run(pilot) if where == "screen" else at_hr_home(pilot))
        if where == "list":
            await pilot.press("4")
            await until(pilot, lambda: app.focused is not None and app.focused.id == "runs")
        elif where == "tree":
            await pilot.press("l")
            await until(pilot, "#2 preview ✗ Failed")
            await pilot.press("j")
        await pilot.press("r")
        await until(pilot, "The preview #2 is Failed, and only one that Succeeded is a plan")
    assert newest(sample).number == 2


async def test_a_preview_that_is_on_is_no_plan_yet(sample: SampleStore) -> None:
    sample.start("hr-shares/hr-home", "dock-2", kind=RunKind.PREVIEW)
    app = app_of(sample)
    async with app.run_test(size=WIDE) as pilot:
        await at_latest_run(pilot)
        await pilot.press("r")
        await until(pilot, "The preview #2 is Queued: it is a plan once it has Succeeded")
        await pilot.press("p")
        await until(pilot, "one run of a definition at a time")


async def test_a_plan_whose_definition_has_changed_is_refused(sample: SampleStore) -> None:
    sample.preview()
    app = app_of(sample)
    async with app.run_test(size=WIDE) as pilot:
        await at_latest_run(pilot)
        await until(pilot, "starts a copy that does exactly this")
        from sqlalchemy import text

        with sample.store.write("user/ana") as tx:
            tx.session.execute(
                text("UPDATE job_definition SET settings = :settings WHERE name = 'hr-home'"),
                {"settings": '{"trash": true}'},
            )
        await pilot.press("r")
        await until(pilot, "Exactly what preview #2 listed")
        await pilot.press("enter")
        await until(pilot, "settings of the job definition have changed since the plan")
    assert newest(sample).number == 2


def test_a_plan_that_is_gone_never_becomes_a_copy_of_everything(sample: SampleStore) -> None:
    commands = Commands(sample.place, read_only=False)
    launch = Launch("dock-2", RunKind.COPY, CopyMode.MIRROR, 4711, ())
    with pytest.raises(NotFound, match="The preview is there no more"):
        commands.start_run("nas-exit", "hr-shares/hr-home", launch)
    commands.close()
    assert newest(sample).number == 1


async def test_a_guard_is_overridden_by_typing_its_name(sample: SampleStore) -> None:
    sample.guarded()
    app = app_of(sample)
    async with app.run_test(size=NARROW) as pilot:
        await at_hr_home(pilot)
        await pilot.press("r")
        text = await until(pilot, "#2 was stopped (LSM1105) by DeletePercent, DeleteCount")
        assert "38400 of the target's 120400 items would be deleted" in text
        assert "On for this run too: DeletePercent, DeleteCount" in text
        await pilot.press("o")
        text = await until(pilot, "leave every guard on")
        assert "enter start" not in text
        await pilot.press(*"deletepercent", "enter")
        text = await until(pilot, "'deletepercent' is no guard here: DeletePercent, DeleteCount")
        assert "On for this run too" in text
        for _ in "deletepercent":
            await pilot.press("backspace")
        await pilot.press(*"DeletePercent, DeleteCount", "enter")
        text = await until(pilot, "OVERRIDDEN for this run only: DeletePercent, DeleteCount")
        assert "start WITHOUT DeletePercent, DeleteCount" in text
        assert newest(sample).number == 2, "typing the name starts nothing"
        await pilot.press("enter")
        await until(pilot, "without DeletePercent and DeleteCount")
    assert newest(sample).overrides == ["DeleteCount", "DeletePercent"]


async def test_enter_without_a_name_starts_with_the_guard_on(sample: SampleStore) -> None:
    sample.guarded()
    app = app_of(sample)
    async with app.run_test(size=NARROW) as pilot:
        await at_hr_home(pilot)
        await pilot.press("r")
        await until(pilot, "was stopped (LSM1105)")
        await pilot.press("o", *"DeletePercent", "enter")
        await until(pilot, "OVERRIDDEN for this run only: DeletePercent")
        await pilot.press("o")
        await until(pilot, "On for this run too")
        await pilot.press("enter", "enter")
        await until(pilot, "Started hr-shares/hr-home#3 on dock-2.")
    assert newest(sample).overrides == []


async def test_esc_leaves_the_name_and_then_the_sheet(sample: SampleStore) -> None:
    sample.guarded()
    app = app_of(sample)
    async with app.run_test(size=NARROW) as pilot:
        await at_hr_home(pilot)
        await pilot.press("r")
        await until(pilot, "was stopped (LSM1105)")
        await pilot.press("o", *"DeletePercent", "escape")
        text = await until(pilot, lambda: not app.screen.query_one(OverrideLine).display)
        assert "On for this run too" in text
        assert "OVERRIDDEN" not in text
        await pilot.press("escape")
        await until(pilot, "Start a run of", absent=True)
    assert newest(sample).number == 2


async def test_without_a_guard_that_stopped_there_is_none_to_override(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=NARROW) as pilot:
        await at_hr_home(pilot)
        await pilot.press("r")
        await until(pilot, "Start a run of")
        assert "override" not in seen(app)
        await pilot.press("o")
        await until(pilot, "No guard stopped the last run: there is none to override")


async def test_a_verify_has_no_guard_to_override_whatever_was_typed_before(sample: SampleStore) -> None:
    sample.guarded()
    app = app_of(sample)
    async with app.run_test(size=NARROW) as pilot:
        await at_hr_home(pilot)
        await pilot.press("r")
        await until(pilot, "was stopped (LSM1105)")
        await pilot.press("o", *"DeletePercent", "enter", "v")
        text = await until(pilot, "Start a verify of")
        assert "WITHOUT" not in text
        await pilot.press("o")
        await until(pilot, "A verify run deletes nothing: it has no guard to override")
        await pilot.press("enter")
        await until(pilot, "Started the verify hr-shares/hr-home#3 on dock-2")
    assert (newest(sample).kind, newest(sample).overrides) == (RunKind.VERIFY, [])


async def test_a_guard_is_offered_past_a_verify_run_and_with_what_was_overridden_before(sample: SampleStore) -> None:
    sample.guarded("LSM1106", "too many; override with DeleteCount", overrides=[Guard.DELETE_PERCENT])
    sample.verify()
    app = app_of(sample)
    async with app.run_test(size=NARROW) as pilot:
        await at_hr_home(pilot)
        await pilot.press("r")
        text = await until(pilot, "#2 was stopped (LSM1106) by DeleteCount")
        assert "On for this run too: DeletePercent, DeleteCount" in text


async def test_the_plan_of_a_preview_that_a_guard_objects_to_can_be_started_without_it(sample: SampleStore) -> None:
    sample.preview(code="LSM1105", message="87 items; override with DeletePercent; 1204 to transfer")
    app = app_of(sample)
    async with app.run_test(size=WIDE) as pilot:
        await at_latest_run(pilot)
        await until(pilot, "a copy would be stopped: LSM1105")
        await pilot.press("r")
        await until(pilot, "#2 would be stopped (LSM1105) by DeletePercent")
        await pilot.press("o", *"DeletePercent", "enter", "enter")
        await until(pilot, "Overridden for this run: DeletePercent")
    assert (newest(sample).plan_number, newest(sample).overrides) == (2, ["DeletePercent"])


async def test_read_only_hides_and_refuses_previews_and_verify_runs(sample: SampleStore) -> None:
    app = app_of(sample, read_only=True)
    async with app.run_test(size=WIDE) as pilot:
        await at_hr_home(pilot)
        assert "preview" not in seen(app)
        for key in ("p", "v"):
            await pilot.press(key)
            await until(pilot, "opened with --read-only")


async def test_what_a_preview_would_copy_is_not_shown_as_a_rate(sample: SampleStore) -> None:
    claim = sample.claim("hr-shares/hr-home", "dock-2", kind=RunKind.PREVIEW)
    sample.started(claim)
    sample.clock.advance(2_000)
    sample.progress(claim, 1_000, 50_000_000_000, 120_400, 88_000_000_000)
    sample.clock.advance(2_000)
    before = rate_of(sample)
    sample.progress(claim, 3_000, 80_000_000_000, 120_400, 88_000_000_000)
    assert rate_of(sample) == before
    app = app_of(sample)
    async with app.run_test(size=WIDE) as pilot:
        await at_latest_run(pilot)
        text = await until(pilot, "comparing")
        assert "now 1,000 items/s" in text
        assert "GB/s" not in text.split("Rate")[-1].splitlines()[0]


def rate_of(sample: SampleStore) -> float:
    with Reader(sample.place, sample.clock) as reader:
        return fleet_queries.fleet(reader).rate
