"""The main screen, driven by keys as an admin would."""

from __future__ import annotations

import pytest

from store.clock import HostClock
from store.errors import StoreUnavailable
from store.queries import runs
from store.queries.scope import Scope
from store.queries.window import Page
from store.reader import Reader
from store.sqlite.place import SqlitePlace
from store.vocabulary import JobRunStatus
from tests.tui.driving import app_of, seen, until
from tests.tui.sample_store import SampleStore
from tui.app import LongshoreApp
from tui.presentation.glyphs import ASCII
from tui.screens.run import RunScreen

pytestmark = pytest.mark.anyio


async def test_it_opens_at_the_definition_that_ran_last(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=(160, 45)) as pilot:
        await until(pilot, "Runs of engineering")
        text = await until(pilot, "engineering #1")
        assert text.splitlines()[0].split()[1::2][:3] == ["nas-exit", "nas1-migration", "engineering"]
        assert "● dock-2 Online" in text
        assert "75%" in text


async def test_the_panes_follow_the_tree(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=(160, 45)) as pilot:
        await until(pilot, "Runs of engineering")
        await pilot.press("g")
        text = await until(pilot, lambda: "hr-archive #1" in seen(app) and "hr-home #1" in seen(app))
        assert "archive" in text
        assert "nas9.example" in text
        for _ in range(30):
            if "Runs of hr-shares" in seen(app):
                break
            await pilot.press("j")
            await pilot.pause()
        text = await until(pilot, "Runs of hr-shares")
        await until(pilot, "engineering #1", absent=True)
        assert "hr-archive #1" in text


async def test_three_keys_start_a_run_on_the_last_agent(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=(160, 45)) as pilot:
        await until(pilot, "Runs of engineering")
        await pilot.press("3")
        await until(pilot, lambda: app.screen.focused is not None and app.screen.focused.id == "definitions")
        await pilot.press("1", "slash", *"hr-home", "enter")
        await until(pilot, "Hierarchy /hr-home")
        for _ in range(20):
            if "Runs of hr-home" in seen(app):
                break
            await pilot.press("j")
            await pilot.pause()
        await pilot.press("r")
        text = await until(pilot, "Start a run of hr-shares/hr-home")
        assert "also DELETES from the target" in text
        assert "Last pass  #1 ✓ Succeeded" in text
        await pilot.press("enter")
        await until(pilot, "hr-home #2")
    with Reader(sample.place, sample.clock) as reader:
        newest = runs.runs(reader, Scope("mover", 1), Page(limit=1)).rows[0]
    assert (newest.label, newest.agent_name, newest.status) == ("hr-shares/hr-home#2", "dock-1", JobRunStatus.QUEUED)


async def test_the_sheet_can_choose_another_agent_and_mode(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=(160, 45)) as pilot:
        await until(pilot, "Runs of engineering")
        await pilot.press("1", "slash", *"hr-archive", "enter")
        await until(pilot, "Hierarchy /hr-archive")
        await pilot.press("G")
        await until(pilot, "Runs of hr-archive")
        await pilot.press("r")
        await until(pilot, "Start a run of hr-shares/hr-archive")
        await pilot.press("m")
        await until(pilot, "Mirror (for this run only)")
        await pilot.press("k", "enter")
        await until(pilot, "hr-archive #2")
    with Reader(sample.place, sample.clock) as reader:
        newest = runs.runs(reader, Scope("mover", 1), Page(limit=1)).rows[0]
    assert (newest.agent_name, newest.copy_mode) == ("dock-1", "Mirror")


async def test_esc_leaves_the_sheet_and_starts_nothing(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, "Runs of engineering")
        await pilot.press("r")
        await until(pilot, "Start a run of")
        await pilot.press("escape")
        await until(pilot, "Start a run of", absent=True)
    with Reader(sample.place) as reader:
        assert reader.value("SELECT count(*) FROM job_run") == 3


async def test_a_refusal_is_said_in_one_sentence(sample: SampleStore) -> None:
    """The definition runs already: the store says so, and the screen repeats it."""
    app = app_of(sample)
    async with app.run_test(size=(160, 45)) as pilot:
        await until(pilot, "Runs of engineering")
        await pilot.press("r")
        await until(pilot, "Start a run of nas1-migration/engineering")
        await pilot.press("enter")
        await until(pilot, "already has run #1 on 'dock-1' (Running)")


async def test_x_asks_and_the_default_is_no(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=(160, 45)) as pilot:
        await until(pilot, "Runs of engineering")
        await pilot.press("x")
        await until(pilot, "Stop the run nas1-migration/engineering#1 on dock-1?")
        await pilot.press("enter")
        await until(pilot, "Stop the run", absent=True)
        assert sample.store.clock.now()
        await pilot.press("x")
        await until(pilot, "Stop the run")
        await pilot.press("tab", "enter")
        await until(pilot, "Cancel requested")
    with Reader(sample.place, sample.clock) as reader:
        assert runs.runs(reader, Scope("mover", 1), Page(limit=1)).rows[0].status == JobRunStatus.CANCEL_REQUESTED


async def test_a_key_that_cannot_act_says_why(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=(160, 45)) as pilot:
        await until(pilot, "Runs of engineering")
        await pilot.press("2", "r")
        await until(pilot, "Select a job definition or a run first: r starts a run of it")
        await pilot.press("g", "1", "g", "x")
        await until(pilot, "Select a run or a job definition first: x stops it")


async def test_enter_opens_the_run_and_esc_comes_back(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=(160, 45)) as pilot:
        await until(pilot, "Runs of engineering")
        await pilot.press("4", "enter")
        await until(pilot, "What did not simply transfer")
        assert isinstance(app.screen, RunScreen)
        await until(pilot, "18,000 / ~24,000")
        await pilot.press("escape")
        await until(pilot, "Runs of engineering")
        await pilot.press("escape", "escape")
        assert app.is_running


async def test_filters_in_a_list_and_their_end(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=(160, 45)) as pilot:
        await until(pilot, "Runs of engineering")
        await pilot.press("g")
        await until(pilot, "nas9.example")
        await pilot.press("2", "slash", *"nas9")
        await until(pilot, "Endpoints /nas9")
        await until(pilot, "/mnt/nas1/hr", absent=True)
        await pilot.press("enter", "escape")
        await until(pilot, "/mnt/nas1/hr")


async def test_a_node_that_takes_the_line_of_the_one_under_the_cursor_scopes_the_panes(sample: SampleStore) -> None:
    """Filtering takes hr-archive away, and hr-home moves to its line: Textual takes that for no change."""
    app = app_of(sample)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, "Runs of engineering")
        await pilot.press("g")
        for _ in range(20):
            if "Runs of hr-archive" in seen(app):
                break
            await pilot.press("j")
            await pilot.pause()
        await until(pilot, "Runs of hr-archive")
        await pilot.press("slash", *"hr-home", "enter")
        await until(pilot, "Hierarchy /hr-home")
        await pilot.press("G")
        await until(pilot, "Runs of hr-home")


async def test_help_lists_and_searches_the_keys(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, "Runs of engineering")
        await pilot.press("question_mark")
        await until(pilot, "Make a new one of what this pane lists")
        await pilot.press(*"stop")
        await until(pilot, "Make a new one of what this pane lists", absent=True)
        assert "Stop the selected run" in seen(app)
        await pilot.press("escape")
        await until(pilot, "Keys here", absent=True)


async def test_narrow_terminals_show_the_tree_and_one_pane(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, "Runs of engineering")
        for title in ("Endpoints", "Definitions", "Runs"):
            await pilot.press("tab")
            text = await until(pilot, f"─ {title}")
            assert sum(f"─ {word}" in text for word in ("Endpoints", "Definitions", "Runs")) == 1
        await pilot.press("shift+tab")
        await until(pilot, "─ Definitions")


async def test_read_only_hides_and_refuses_what_changes(sample: SampleStore) -> None:
    app = app_of(sample, read_only=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, "Runs of engineering")
        assert "r run" not in seen(app)
        await pilot.press("r")
        await until(pilot, "opened with --read-only")


async def test_q_quits_with_0(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, "Runs of engineering")
        await pilot.press("q")
    assert app.return_value == 0


async def test_an_empty_store_says_what_to_do(place: SqlitePlace) -> None:
    from store.db import open_store

    open_store(place).close()
    app = LongshoreApp(place)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, "longshore apply FILE")
        SampleStore.tell(place).store.close()
        await until(pilot, "Runs of engineering")


async def test_what_another_process_writes_appears_by_itself(sample: SampleStore) -> None:
    """Two screens, one store: both show what a third one does."""
    one, two = app_of(sample), app_of(sample)
    async with one.run_test(size=(160, 45)) as first:
        await until(first, "Runs of engineering")
        sample.start("hr-shares/hr-home", "dock-2")
        await until(first, "1 queued")
    async with two.run_test(size=(160, 45)) as second:
        await until(second, "1 queued")


async def test_a_tick_of_progress_paints_only_the_lines_that_changed(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=(160, 45)) as pilot:
        await until(pilot, "75%")
        table = app.screen.query_one("#runs")
        painted: list[int] = []
        original = table.render_line
        table.render_line = lambda y: (painted.append(y), original(y))[1]  # type: ignore[method-assign, func-returns-value]
        with Reader(sample.place, sample.clock) as reader:
            run_id = runs.active_run_ids(reader)[0]
        with sample.store.write("agent") as tx:
            from sqlalchemy import text

            tx.session.execute(
                text("UPDATE run_progress SET items_scanned = 20000, bytes_scanned = 14000000000 WHERE run_id = :id"),
                {"id": run_id},
            )
        await until(pilot, "89%")
        assert set(painted) == {1}, "the line of the one run, and neither the header nor an empty line"


async def test_the_store_taken_away_is_said_with_its_age_and_recovers(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=(160, 45)) as pilot:
        await until(pilot, "Runs of engineering")
        await until(pilot, "engineering #1")
        sample.store.close()
        away = sample.place.path.with_name("away.db")
        sample.place.path.rename(away)
        await until(pilot, "store out of reach")
        assert "engineering #1" in seen(app), "what was read stays on the screen"
        away.rename(sample.place.path)
        await until(pilot, "store out of reach", absent=True)


async def test_trouble_that_only_a_pane_met_ends_with_the_next_reading(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=(160, 45)) as pilot:
        await until(pilot, "Runs of engineering")
        app.trouble(StoreUnavailable("The store is locked by another process.", code="StoreBusy"))
        await until(pilot, "store out of reach")
        await until(pilot, "store out of reach", absent=True)
        await until(pilot, "The store is locked", absent=True)


async def test_an_agent_that_falls_silent_becomes_offline_without_any_write(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=(160, 45)) as pilot:
        await until(pilot, "● dock-2 Online")
        sample.clock.advance(16_000)
        await until(pilot, "○ dock-2 Offline")
        await until(pilot, "2 offline")


async def test_ascii_mode_paints_nothing_but_ascii(sample: SampleStore) -> None:
    app = app_of(sample, glyphs=ASCII)
    async with app.run_test(size=(80, 24)) as pilot:
        for keys in ((), ("question_mark",), ("escape",), ("r",), ("escape",), ("4", "enter")):
            await pilot.press(*keys)
            await until(pilot, lambda: True)
        await until(pilot, "What did not simply")
        text = await until(pilot, "18,000")
        assert text.isascii(), sorted({c for c in text if not c.isascii()})


def test_the_host_clock_is_the_default(sample: SampleStore) -> None:
    with Reader(sample.place) as reader:
        assert isinstance(reader.clock, HostClock)
