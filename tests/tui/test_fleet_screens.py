"""A mover's, an agent's and the audit's screens, driven by keys as an admin would."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from textual.pilot import Pilot

from store.resources.agents import unregister_agent
from store.resources.common import find_in_mover, find_mover
from store.resources.movers import delete_mover
from tests.tui.driving import app_of, seen, until
from tests.tui.sample_store import SampleStore
from tui.app import LongshoreApp
from tui.presentation.glyphs import ASCII
from tui.screens.agent import AgentScreen
from tui.screens.base import LongshoreScreen
from tui.screens.events import EventsScreen
from tui.screens.mover import MoverScreen
from tui.screens.run import RunScreen
from tui.subjects import AGENT, MOVER, RUN, Subject

pytestmark = pytest.mark.anyio

MOVER_1 = Subject(MOVER, 1, "nas-exit", "nas-exit")
DOCK_1 = Subject(AGENT, 1, "nas-exit", "dock-1")
SIZE = (160, 45)


async def opened(pilot: Pilot[int], screen: LongshoreScreen, wanted: str) -> LongshoreApp:
    """The screen, in front of the main one."""
    app = pilot.app
    assert isinstance(app, LongshoreApp)
    await until(pilot, "Runs of engineering")
    await app.push_screen(screen)
    await until(pilot, wanted)
    return app


def write(sample: SampleStore, statement: str, *values: object) -> None:
    """Change the store behind its back."""
    with closing(sqlite3.connect(sample.place.path, timeout=30)) as connection:
        connection.execute(statement, values)
        connection.commit()


# The mover


async def test_enter_on_a_mover_shows_its_fleet(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, "Runs of engineering")
        await pilot.press("g", "enter")
        await until(pilot, "Needs attention")
        text = await until(pilot, "hr-shares/hr-archive #1")
        assert isinstance(app.screen, MoverScreen)
        assert "nas-exit  Everything off NAS 1 by June" in text
        assert "Agents ▶ 1 executing   ● 1 online" in text
        assert "Copies ✗ 1 failed   ✓ 1 succeeded   88.4 GB in all" in text
        assert "LSM1010 2 of 5310 items failed" in text
        await until(pilot, lambda: "10m ago─" in seen(app) and "300 MB/s│" in seen(app))
        await until(pilot, "75%")
        await until(pilot, lambda: seen(app).count("hr-home #1") == 1)
        await pilot.press("escape")
        await until(pilot, "Hierarchy")


async def test_what_is_lost_comes_first_and_enter_leads_to_it(sample: SampleStore) -> None:
    """The agents fall silent: the run is lost, and one of them has nothing to do, which needs nobody."""
    app = app_of(sample)
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, MoverScreen(MOVER_1), "latest run failed")
        sample.clock.advance(60_000)
        app.time_passed = True
        app.follower.wake()
        await until(pilot, "▲ agent lost")
        text = await until(pilot, "○ agent is offline")
        assert text.index("agent lost") < text.index("agent is offline") < text.index("latest run failed")
        assert "1 run waits: start it with" in text
        assert "Agents ○ 2 offline" in text
        await pilot.press("home", "enter")
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        await until(pilot, "agent 'dock-1' is lost")


async def test_on_a_narrow_terminal_tab_goes_through_the_lists(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, MoverScreen(MOVER_1), "latest run failed")
        assert "Heartbeat" not in seen(app)
        for key, wanted in (
            ("tab", "Heartbeat"),
            ("tab", "Running and queued"),
            ("tab", "Recent runs"),
            ("tab", "Needs attention"),
            ("shift+tab", "Recent runs"),
        ):
            await pilot.press(key)
            await until(pilot, wanted)


async def test_agents_are_filtered_marked_and_opened(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, MoverScreen(MOVER_1), "▶ Executing")
        await pilot.press("tab", "slash", *"dock-2", "enter")
        await until(pilot, "/dock-2")
        await until(pilot, "▶ Executing", absent=True)
        await pilot.press("space")
        await until(pilot, "1 marked")
        await pilot.press("escape")
        await until(pilot, "1 marked", absent=True)
        await pilot.press("enter")
        await until(pilot, "on jump-1 (10.0.0.5)")
        assert isinstance(app.screen, AgentScreen)


async def test_keys_act_on_what_needs_attention(sample: SampleStore) -> None:
    """r on a definition that failed opens the launch sheet; x on a run in the list below asks."""
    app = app_of(sample)
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, MoverScreen(MOVER_1), "latest run failed")
        await pilot.press("r")
        await until(pilot, "Start a run of hr-shares/hr-archive")
        await pilot.press("escape")
        await until(pilot, "Start a run of", absent=True)
        await pilot.press("tab", "tab", "x")
        await until(pilot, "Stop the run nas1-migration/engineering#1 on dock-1?")
        await pilot.press("escape")
        await until(pilot, "Stop the run", absent=True)
        await pilot.press("tab", "x")
        await until(pilot, "has ended: there is nothing to stop")


async def test_the_fleet_is_live(sample: SampleStore) -> None:
    """A run that was queued is there with the next tick; what was copied is in the plot when its step is over."""
    app = app_of(sample)
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, MoverScreen(MOVER_1), "300 MB/s│")
        sample.start("hr-shares/hr-home", "dock-2")
        await until(pilot, "◌ 1 queued")
        sample.clock.advance(5_000)
        write(
            sample,
            "INSERT INTO progress_sample (run_id, at, items, bytes) SELECT run_id, ?, 18001, max(bytes) + 5000000000 "
            "FROM progress_sample WHERE run_id = 3",
            sample.clock.now(),
        )
        app.follower.wake()
        await until(pilot, "500 MB/s│")


async def test_it_outlives_its_mover(sample: SampleStore) -> None:
    """A mover that was deleted: the screen says so, and keys say why they do nothing."""
    sample.apply("storageMovers: [{name: spare}]")
    app = app_of(sample)
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, MoverScreen(Subject(MOVER, 2, "spare", "spare")), "none yet: A registers one")
        assert "Nothing needs attention." in seen(app)
        assert "none has ended yet" in seen(app)
        with sample.store.write("user/ana") as tx:
            delete_mover(tx, find_mover(tx.session, "spare"))
        await until(pilot, "This storage mover is gone: it was deleted meanwhile. esc goes back.")
        await pilot.press("e")
        await until(pilot, lambda: seen(app).splitlines()[-1].strip().startswith("This storage mover is gone"))
        await pilot.press("escape")
        await until(pilot, "Runs of engineering")


# The agent


async def test_enter_on_an_agent_shows_how_it_is(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, "● dock-2 Online")
        await pilot.press("g", "j", "j", "enter")
        text = await until(pilot, "on jump-1 (10.0.0.5)")
        assert isinstance(app.screen, AgentScreen)
        assert "▶ Executing" in text
        assert "version 0.1.0   8 cores   17.2 GB RAM   time zone UTC" in text
        assert "Beat   just now   every 5s   up 1m00s" in text
        assert "upload limit: none" in text
        await until(pilot, "75%")
        await until(pilot, lambda: "May touch" in seen(app) and "/srv/nas2/engineering" in seen(app))
        rows = [line for line in seen(app).splitlines() if "nas1-migration/engineering#1" in line]
        assert [next(word for word in ("read", "write") if word in row) for row in rows[:2]] == ["read", "write"]
        await until(pilot, "registered")


async def test_grants_lead_to_their_run(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, AgentScreen(DOCK_1), "Runs now")
        await pilot.press("tab")
        await until(pilot, "nas1-eng")
        await pilot.press("slash")
        await until(pilot, "This list cannot be filtered")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, RunScreen))


async def test_a_silent_agent_and_one_with_an_error_say_what_to_do(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, AgentScreen(DOCK_1), "▶ Executing")
        sample.clock.advance(60_000)
        app.time_passed = True
        app.follower.wake()
        await until(pilot, "○ Offline")
        text = await until(pilot, "1 run waits for it: start it with 'longshore-agent run'")
        assert "Beat   1m ago" in text
        write(
            sample,
            "UPDATE agent SET status = 'RequiresAttention', error_code = 'DuplicateIdentity', error_message = ? "
            "WHERE id = 1",
            "a second [/red]\x1b]0;process\x07",
        )
        text = await until(pilot, "▲ Requires attention")
        assert "DuplicateIdentity: a second [/red]\\x1b]0;process\\x07. Stop the one that should not be" in text


async def test_an_agent_that_is_unregistered_meanwhile(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, AgentScreen(Subject(AGENT, 2, "nas-exit", "dock-2")), "● Online")
        assert "No run lets this agent touch anything now." in seen(app)
        with sample.store.write("user/ana") as tx:
            from store.models import Agent

            mover = find_mover(tx.session, None)
            unregister_agent(tx, mover, find_in_mover(tx.session, Agent, "agent", mover, "dock-2"))
        await until(pilot, "This agent is gone: it was deleted meanwhile.")
        await until(pilot, "unregistered")


# The audit


async def test_a_shows_what_happened_to_what_is_selected(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, "Runs of engineering")
        await pilot.press("a")
        await until(pilot, "What happened to job definition nas1-migration/engineering")
        text = await until(pilot, "queued")
        assert isinstance(app.screen, EventsScreen)
        assert "hr-shares" not in text
        await pilot.press("j", "j")
        await until(pilot, lambda: "Additive on dock-1; read nas1-eng, write nas2-eng" in seen(app).splitlines()[2])
        await pilot.press("end")
        await until(pilot, lambda: "created" in seen(app).splitlines()[1])
        await pilot.press("escape")
        await until(pilot, "Runs of engineering")


async def test_everything_is_searched_by_a_text_and_opened(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, EventsScreen(None), "What happened anywhere")
        await until(pilot, "token made")
        await pilot.press("slash", *"items failed", "enter")
        await until(pilot, "/items failed")
        await until(pilot, "token made", absent=True)
        await until(pilot, lambda: "run hr-shares/hr-archive#1  Failed" in seen(app).splitlines()[1])
        assert "2 of 5310 items failed" in seen(app).splitlines()[2]
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        await pilot.press("escape", "escape")
        await until(pilot, "token made")


async def test_what_is_gone_is_told_of_and_cannot_be_opened(sample: SampleStore) -> None:
    sample.apply("storageMovers: [{name: spare}]")
    with sample.store.write("user/ana") as tx:
        delete_mover(tx, find_mover(tx.session, "spare"))
    app = app_of(sample)
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, EventsScreen(None), "spare")
        await until(pilot, "mover spare (gone)  deleted")
        await pilot.press("enter")
        await until(pilot, "'spare' has no screen, or is not there any more.")


async def test_the_audit_is_live_and_inert(sample: SampleStore) -> None:
    """What comes is there at once, whatever is in it."""
    app = app_of(sample)
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, EventsScreen(Subject(RUN, 3, "nas-exit", "nas1-migration/engineering#1")), "by dock-1")
        write(
            sample,
            "INSERT INTO event (at, actor, mover_id, kind, resource_id, resource, action, detail) "
            "VALUES (?, ?, 1, 'job_run', 3, ?, ?, ?)",
            sample.clock.now(),
            "user/\x1b]0;mallory\x07",
            "nas1-migration/engineering#1",
            "Canceling[/]",
            "\u202eevil[@click=app.quit]x[/]" + "y" * 4_000,
        )
        await until(pilot, "Canceling[/]")
        await pilot.press("home")
        text = await until(pilot, "user/\\x1b]0;mallory\\x07")
        assert "\\u202eevil[@click=app.quit]x[/]" in text
        assert "\x1b" not in text


async def test_in_ascii_nothing_else_is_drawn(sample: SampleStore) -> None:
    for screen in (MoverScreen(MOVER_1), AgentScreen(DOCK_1), EventsScreen(None)):
        app = app_of(sample, glyphs=ASCII)
        async with app.run_test(size=SIZE) as pilot:
            await opened(pilot, screen, "engineering")
            await pilot.press("question_mark")
            await until(pilot, "Open what is selected")
            await pilot.press("escape")
            assert seen(app).isascii()
