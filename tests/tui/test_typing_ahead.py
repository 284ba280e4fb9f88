"""Keys that come all at once are for what each of them leads to, as if they had been typed slowly."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from textual import events
from textual.pilot import Pilot

from store.queries import runs
from store.queries.scope import Scope
from store.queries.window import Page
from store.reader import Reader
from tests.tui.driving import app_of, seen, until
from tests.tui.sample_store import SampleStore
from tests.tui.test_terminal import screen
from tui import tree_source
from tui.app import LongshoreApp
from tui.screens.confirm import ConfirmScreen
from tui.widgets.resource_tree import NodeKey, ResourceTree
from tui.widgets.virtual_table import VirtualTable


def newest(sample: SampleStore) -> str:
    with Reader(sample.place, sample.clock) as reader:
        return runs.runs(reader, Scope("mover", 1), Page(limit=1)).rows[0].label


def test_a_filter_its_end_and_a_launch_in_one_write(sample: SampleStore) -> None:
    with screen(sample) as terminal:
        terminal.until("Runs of engineering")
        terminal.child.send("/hr-home\rGr\r")
        terminal.until("Started hr-shares/hr-home#2 on dock-1")
    assert newest(sample) == "hr-shares/hr-home#2"


def test_what_is_typed_after_a_question_answers_it(sample: SampleStore) -> None:
    """``x`` asks; what follows is an answer, and not the key of the same letter below."""
    with screen(sample) as terminal:
        terminal.until("Runs of engineering")
        terminal.child.send("xnxy4\r")
        terminal.until("Cancel requested")


@pytest.mark.anyio
async def test_a_key_waits_for_the_one_before_but_not_for_ever(
    sample: SampleStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A flow that hangs before it asks does not take the keyboard away."""
    from tui.flows import stopping

    hangs = asyncio.Event()

    async def hang(*arguments: object) -> None:
        await hangs.wait()

    monkeypatch.setattr("tui.typing_ahead.LONGEST_SECONDS", 0.3)
    monkeypatch.setattr(stopping, "stop", hang)
    app = app_of(sample)
    async with app.run_test(size=(160, 45)) as pilot:
        await until(pilot, "Runs of engineering")
        for key in ("x", "question_mark"):
            app.post_message(events.Key(key, None))
        await until(pilot, "type to search")
        assert "Stop the run" not in seen(app)


@pytest.mark.anyio
async def test_keys_that_come_together_come_in_their_order(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=(160, 45)) as pilot:
        await until(pilot, "Runs of engineering")
        for key in "/archive":
            app.post_message(events.Key("slash" if key == "/" else key, key))
        await until(pilot, "Hierarchy /archive")
        for key in ("enter", "4", "x"):
            app.post_message(events.Key(key, "\r" if key == "enter" else key))
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen) or "nothing to stop" in seen(app))


async def at_definitions(app: LongshoreApp, pilot: Pilot[int]) -> VirtualTable:
    await until(pilot, "Runs of engineering")
    await pilot.press("1", "g")
    await until(pilot, "Runs of engineering", absent=True)
    await pilot.press("3")
    table = app.screen.query_one("#definitions", VirtualTable)
    await until(pilot, lambda: app.focused is table and len(table.visible_keys) == 5)
    return table


def slow_reads(app: LongshoreApp, monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """From now on each answer of the store takes so long."""
    read = app.follower.read

    async def slowly(*arguments: Any, **options: Any) -> Any:
        await asyncio.sleep(seconds)
        return await read(*arguments, **options)

    monkeypatch.setattr(app.follower, "read", slowly)


@pytest.mark.anyio
async def test_a_key_for_a_row_waits_for_the_rows(sample: SampleStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """The list is read anew for the filter, from a store that takes its time, and the mark is for what comes."""
    app = app_of(sample)
    async with app.run_test(size=(160, 45)) as pilot:
        table = await at_definitions(app, pilot)
        slow_reads(app, monkeypatch, 0.2)
        for key in ("slash", *"hr-home", "enter", "space"):
            app.post_message(events.Key(key, key if len(key) == 1 else None))
        await until(pilot, "1 marked")
        assert table.reading == 0


@pytest.mark.anyio
async def test_rows_that_do_not_come_hold_no_key_for_long(sample: SampleStore, monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_of(sample)
    async with app.run_test(size=(160, 45)) as pilot:
        table = await at_definitions(app, pilot)
        slow_reads(app, monkeypatch, 30.0)
        for key in ("slash", *"hr-home", "enter", "question_mark"):
            app.post_message(events.Key(key, key if len(key) == 1 else None))
        await until(pilot, "type to search")
        assert table.reading


@pytest.mark.anyio
async def test_what_a_filter_of_the_tree_found_is_there_for_the_next_key(
    sample: SampleStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also in projects that were not open before: the last line is a definition, and not its project."""
    monkeypatch.setattr(tree_source, "SMALL_STORE", 0)
    app = app_of(sample)
    async with app.run_test(size=(160, 45)) as pilot:
        await until(pilot, "Runs of engineering")
        tree = app.screen.query_one(ResourceTree)
        projects = [branch for branch in tree.children_of(NodeKey("projects", 1)) if branch.opens]
        assert any(not tree.children_of(project.key) for project in projects)
        slow_reads(app, monkeypatch, 0.05)
        for key in ("slash", "r", "enter", "G"):
            app.post_message(events.Key(key, key if len(key) == 1 else None))
        await until(pilot, "/r ")
        shown = tree.children_of(NodeKey("projects", 1))
        await until(pilot, lambda: tree.cursor_line == tree.last_line)
        assert tree.branch is not None
        assert tree.branch.key.kind == "definition", [branch.name for branch in shown]
