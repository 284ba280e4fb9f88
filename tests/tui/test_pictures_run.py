"""Pictures of the run screen: on, ended each way, its panes where there is room for one, and its sheets."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from store.vocabulary import JobRunStatus
from tests.tui.driving import app_of, still, until
from tests.tui.sample_store import SampleStore
from tests.tui.test_run_screen import CHANGED, FAILED, PIPE, REMARKED, WITHHELD, at_run, ended
from tui.presentation.glyphs import ASCII, UNICODE, Glyphs

SIZES = [(80, 24), (160, 45)]
LIVE = 3
"""The sample's run that is on."""

Make = Callable[[SampleStore], int]
Steps = Callable[[Pilot[int]], Awaitable[None]]


def live(sample: SampleStore) -> int:
    return LIVE


def clean(sample: SampleStore) -> int:
    return ended(sample)


def with_something_to_look_at(sample: SampleStore) -> int:
    counted: dict[str, Any] = {"items_changed": 1, "items_unsupported": 1, "items_delete_withheld": 1}
    return ended(sample, items=[CHANGED, PIPE, WITHHELD, REMARKED], **counted)


def failed(sample: SampleStore) -> int:
    return ended(sample, JobRunStatus.FAILED, [*FAILED, CHANGED], items_failed=3, items_changed=1, code="LSM1010",
                 message="3 of 5310 items failed")  # fmt: skip


def full(sample: SampleStore) -> int:
    return ended(sample, JobRunStatus.FAILED, code="LSM1011", message="No space left on device (ENOSPC)")


async def nothing_more(pilot: Pilot[int]) -> None:
    """As it opens."""


async def by_code(pilot: Pilot[int]) -> None:
    await pilot.press("tab")
    await until(pilot, "AZSM2063")


async def grants(pilot: Pilot[int]) -> None:
    await pilot.press("tab", "tab", "tab")
    await until(pilot, "nas2-hr")


async def settings(pilot: Pilot[int]) -> None:
    await pilot.press("shift+tab")
    await until(pilot, "Started by")


async def one_code(pilot: Pilot[int]) -> None:
    await by_code(pilot)
    await pilot.press("j", "enter")
    await until(pilot, "only Failed AZSM2062")


async def one_item(pilot: Pilot[int]) -> None:
    await until(pilot, "owned")
    await pilot.press("j", "j", "enter")
    await until(pilot, "Check the source's disks")


async def export(pilot: Pilot[int]) -> None:
    await pilot.press("e", "tab")
    await until(pilot, "[csv]")


def told(make: Make, steps: Steps) -> Any:
    name = make.__name__ if steps is nothing_more else f"{make.__name__}_{steps.__name__}"
    return pytest.param(make, steps, id=name)


STORIES = [
    *(told(make, nothing_more) for make in (live, clean, with_something_to_look_at, failed, full)),
    *(told(failed, steps) for steps in (by_code, one_code, one_item, grants, settings, export)),
]


def picture(
    snap_compare: Any, sample: SampleStore, make: Make, steps: Steps, size: tuple[int, int], glyphs: Glyphs
) -> bool:
    run = make(sample)

    async def whole(pilot: Pilot[int]) -> None:
        await at_run(pilot, run)
        await steps(pilot)
        await still(pilot)

    return bool(snap_compare(app_of(sample, glyphs=glyphs), terminal_size=size, run_before=whole))


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sheet of an export names the working directory."""
    monkeypatch.chdir(Path("/"))


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize(("make", "steps"), STORIES)
def test_a_run(snap_compare: Any, sample: SampleStore, make: Make, steps: Steps, size: tuple[int, int]) -> None:
    assert picture(snap_compare, sample, make, steps, size, UNICODE)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize(("make", "steps"), [told(live, nothing_more), told(failed, by_code)])
def test_a_run_in_ascii(
    snap_compare: Any, sample: SampleStore, make: Make, steps: Steps, size: tuple[int, int]
) -> None:
    assert picture(snap_compare, sample, make, steps, size, ASCII)
