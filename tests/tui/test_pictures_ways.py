"""Pictures of the dialogs that lead around: go to, orders, saving, keys."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from tests.tui.driving import app_of, until
from tests.tui.sample_store import SampleStore
from tests.tui.test_pictures import SIZES, Steps, main, settled
from tui.presentation.glyphs import ASCII, UNICODE


async def going(pilot: Pilot[int]) -> None:
    await main(pilot)
    await pilot.press("colon", *"hr")
    await until(pilot, "hr-shares/hr-home")


async def words(pilot: Pilot[int]) -> None:
    await main(pilot)
    await pilot.press("colon")
    await until(pilot, "what happened, the newest first")


async def nowhere(pilot: Pilot[int]) -> None:
    await main(pilot)
    await pilot.press("colon", *"ep [/red]zz")
    await until(pilot, "Nothing is called that.")


async def orders(pilot: Pilot[int]) -> None:
    await main(pilot)
    await pilot.press("4", "s")
    await until(pilot, "newest first  (as now)")


async def ordered(pilot: Pilot[int]) -> None:
    await orders(pilot)
    await pilot.press("2")
    await until(pilot, "(oldest first)")


async def saving(pilot: Pilot[int]) -> None:
    await main(pilot)
    await pilot.press("ctrl+s")
    await until(pilot, "Save this view")
    await pilot.press("ctrl+u", *"view.txt", "tab")
    await until(pilot, "view.svg")


async def replacing(pilot: Pilot[int]) -> None:
    Path("view.txt").write_text("")
    await main(pilot)
    await pilot.press("ctrl+s")
    await until(pilot, "Save this view")
    await pilot.press("ctrl+u", *"view.txt", "enter")
    await until(pilot, "Replace the file")


async def reasons(pilot: Pilot[int]) -> None:
    await main(pilot)
    await pilot.press("2", "question_mark")
    await until(pilot, "off now: Select a job definition")


async def dialog_keys(pilot: Pilot[int]) -> None:
    await main(pilot)
    await pilot.press("colon", "f1")
    await until(pilot, "Show it in the tree")


STORIES: list[Steps] = [going, words, nowhere, orders, ordered, saving, replacing, reasons, dialog_keys]


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Files that the stories write lie in no checkout."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("steps", STORIES, ids=lambda steps: steps.__name__)
def test_ways(snap_compare: Any, sample: SampleStore, steps: Steps, size: tuple[int, int]) -> None:
    assert snap_compare(app_of(sample, glyphs=UNICODE), terminal_size=size, run_before=settled(steps))


@pytest.mark.parametrize("steps", [going, orders, saving, reasons], ids=lambda steps: steps.__name__)
def test_ways_in_ascii(snap_compare: Any, sample: SampleStore, steps: Steps) -> None:
    assert snap_compare(app_of(sample, glyphs=ASCII), terminal_size=(80, 24), run_before=settled(steps))
