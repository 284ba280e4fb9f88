"""Pictures of what other places than directories need: trying an endpoint, its form, and what a pair loses."""

from __future__ import annotations

from typing import Any

import pytest
from textual.pilot import Pilot

from store.vocabulary import EndpointTestStatus
from tests.tui.driving import app_of, until
from tests.tui.sample_store import SampleStore
from tests.tui.test_deeds_endpoint_test import LET_IN, LISTED, REACHED, REFUSED, PretendAgent, asked_for
from tests.tui.test_forms import at_endpoints
from tests.tui.test_forms_definition import at_definitions
from tests.tui.test_pictures import SIZES, Steps, settled
from tui.presentation.glyphs import ASCII, UNICODE


async def blob_form(pilot: Pilot[int]) -> None:
    await at_endpoints(pilot)
    await pilot.press("n")
    await until(pilot, "which type?")
    await pilot.press(*["down"] * 3, "enter")
    await until(pilot, "A new AzureStorageBlobContainer endpoint")


async def losses(pilot: Pilot[int]) -> None:
    await at_definitions(pilot)
    await pilot.press("n")
    await until(pilot, "[1 Basics]")
    await pilot.press(*"hr-new", "pagedown", *"nas1-hr", "pagedown", *"payroll-blob")
    await until(pilot, "become metadata")


def trying(sample: SampleStore, *steps: dict[str, object], ended: EndpointTestStatus | None = None) -> Steps:
    """The sheet, with these steps told by the agent."""

    async def told(pilot: Pilot[int]) -> None:
        await asked_for(pilot, write=True)
        agent = PretendAgent(sample, "dock-1")
        agent.take()
        agent.tell(*steps, ended=ended)
        await until(pilot, "'dock-1' could not" if ended else "let in, 1,200 ms")

    return told


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("steps", [blob_form, losses], ids=lambda steps: steps.__name__)
def test_forms(snap_compare: Any, sample: SampleStore, steps: Steps, size: tuple[int, int]) -> None:
    assert snap_compare(app_of(sample, glyphs=UNICODE), terminal_size=size, run_before=settled(steps))


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_a_test_that_goes_on(snap_compare: Any, sample: SampleStore, size: tuple[int, int]) -> None:
    steps = trying(sample, REACHED, LET_IN, LISTED)
    assert snap_compare(app_of(sample, glyphs=UNICODE), terminal_size=size, run_before=settled(steps))


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
def test_a_test_that_failed(snap_compare: Any, sample: SampleStore, glyphs: Any) -> None:
    steps = trying(sample, REACHED, REFUSED, ended=EndpointTestStatus.FAILED)
    assert snap_compare(app_of(sample, glyphs=glyphs), terminal_size=(80, 24), run_before=settled(steps))
