"""When the screen's process looks for garbage, and that what was looked at does not stay in its memory."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest
from textual._styles_cache import StylesCache

from tests.tui.driving import app_of, until
from tests.tui.sample_store import SampleStore
from tui.app import LongshoreApp
from tui.screens.run import RunScreen
from tui.tidying import DUE, OVERDUE, PAUSE_SECONDS, QUIET_SECONDS, Tidying


class Collector:
    """In the place of Python's: so many looks at the young objects are behind it; counts the full ones."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.looked = 0
        self.full = 0
        self.now = 1000.0
        monkeypatch.setattr("tui.tidying.gc.get_count", lambda: (0, 0, self.looked))
        monkeypatch.setattr("tui.tidying.gc.collect", self._collect)
        monkeypatch.setattr("tui.tidying.time.monotonic", lambda: self.now)

    def _collect(self, generation: int = 2) -> None:
        self.full += generation == 2


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Collector:
    return Collector(monkeypatch)


@pytest.fixture
def pythons_own() -> Iterator[None]:
    """What a test sets for the whole process, set back."""
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)


def test_nothing_is_looked_for_while_little_was_made(collector: Collector) -> None:
    collector.looked = DUE - 1
    Tidying().tidy()
    assert collector.full == 0


def test_who_types_is_not_made_to_wait(collector: Collector) -> None:
    """It is looked when the keys have ceased."""
    tidying = Tidying()
    collector.looked = OVERDUE - 1
    tidying.key()
    collector.now += QUIET_SECONDS / 2
    tidying.tidy()
    assert collector.full == 0
    collector.now += QUIET_SECONDS
    tidying.tidy()
    assert collector.full == 1


def test_what_a_screen_left_behind_goes_in_the_next_pause(collector: Collector) -> None:
    tidying = Tidying()
    tidying.key()
    tidying.left()
    tidying.tidy()
    assert collector.full == 0
    collector.now += PAUSE_SECONDS
    tidying.tidy()
    tidying.tidy()
    assert collector.full == 1


def test_keys_without_end_do_not_fill_the_memory(collector: Collector) -> None:
    tidying = Tidying()
    collector.looked = OVERDUE
    tidying.key()
    tidying.tidy()
    assert collector.full == 1


@pytest.mark.usefixtures("pythons_own")
def test_python_itself_looks_only_through_young_objects() -> None:
    Tidying().begin()
    assert gc.get_threshold()[2] > 10_000
    assert gc.get_freeze_count() > 0


@pytest.mark.anyio
async def test_a_run_that_was_looked_at_is_forgotten(sample: SampleStore) -> None:
    """Textual keeps styles by the widget that asked, and with it all that the widget has drawn."""
    app = app_of(sample)
    drawn: list[weakref.ref[StylesCache]] = []
    shown = 0
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, "Runs of engineering")
        for _ in range(2):
            await pilot.press("4", "enter")
            await until(pilot, lambda: isinstance(app.screen, RunScreen))
            await until(pilot, "18,000")
            drawn += [weakref.ref(widget._styles_cache) for widget in app.screen.query("*")]
            await pilot.press("escape")
            await until(pilot, "Runs of engineering")
            shown = shown or len(drawn)
        await pilot.pause(0.2)
        gc.collect()
        # The last one may still be named by a message or a task under way.
        assert [kept for kept in drawn[:shown] if kept() is not None] == []


@pytest.mark.anyio
async def test_it_is_told_of_a_screen_that_is_left(sample: SampleStore, monkeypatch: pytest.MonkeyPatch) -> None:
    tidying = Tidying()
    left: list[bool] = []
    monkeypatch.setattr(tidying, "keep", lambda: None)
    monkeypatch.setattr(tidying, "left", lambda: left.append(True))
    app = LongshoreApp(sample.place, clock=sample.clock, tidying=tidying)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, "Runs of engineering")
        await pilot.press("4", "enter")
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        assert not left
        await pilot.press("escape")
        await until(pilot, lambda: bool(left))
