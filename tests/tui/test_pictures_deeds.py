"""Pictures of what is asked before something goes, starts, ends or is given away, and of the registration sheet."""

from __future__ import annotations

from typing import Any

import pytest
from textual.pilot import Pilot

from store.sqlite.place import SqlitePlace
from tests.tui.driving import app_of, until
from tests.tui.sample_store import SampleStore
from tests.tui.test_deeds_delete import SPARE, in_list
from tests.tui.test_deeds_hand_over import LONG_AGO, at_the_live_run, lease_until
from tests.tui.test_deeds_several import marked_definitions
from tests.tui.test_pictures import SIZES, Steps, settled
from tui.presentation.glyphs import ASCII, UNICODE

OTHERS = """
storageMovers:
  - name: nas-exit
    projects:
      - name: hr-shares
        jobDefinitions:
          - {name: hr-again, properties: {copyMode: Additive, sourceName: nas1-eng,
              targetName: nas2-hr, targetSubpath: archive, agentName: dock-2}}
"""


async def deleting(pilot: Pilot[int]) -> None:
    await in_list(pilot, "2", "spare")
    await pilot.press("ctrl+d")
    await until(pilot, "Delete the endpoint")


async def deleting_typed(pilot: Pilot[int]) -> None:
    await in_list(pilot, "3", "hr-home")
    await pilot.press("ctrl+d", *"hr-hom", "enter")
    await until(pilot, "That is not 'hr-home'")


async def deleting_several(pilot: Pilot[int]) -> None:
    await marked_definitions(pilot, 6)
    await pilot.press("ctrl+d")
    await until(pilot, "To confirm, type  delete 5")
    await pilot.press(*["down"] * 4)


async def starting_several(pilot: Pilot[int]) -> None:
    await marked_definitions(pilot, 6)
    await pilot.press("r")
    await until(pilot, "Start 3 runs?")
    await pilot.press("G")


async def refused_of_several(pilot: Pilot[int]) -> None:
    await starting_several(pilot)
    await pilot.press("enter")
    await until(pilot, "2 started, 1 refused.")


async def stopping_several(pilot: Pilot[int]) -> None:
    await until(pilot, "Runs of engineering")
    await pilot.press("1", "g")
    await until(pilot, "hr-archive #1")
    await pilot.press("4", "g", "space", "space")
    await until(pilot, "2 marked")
    await pilot.press("x")
    await until(pilot, "Stop 1 run?")
    await pilot.press("G")


async def registering(pilot: Pilot[int]) -> None:
    await until(pilot, "Runs of engineering")
    await pilot.press("A")
    await until(pilot, "Waiting for the agent to register")


async def starting_here(pilot: Pilot[int]) -> None:
    await registering(pilot)
    await pilot.press("s")
    await until(pilot, "its files go there")


async def choosing_an_agent(pilot: Pilot[int]) -> None:
    await at_the_live_run(pilot)
    await pilot.press("H")
    await until(pilot, "over to which agent?")


async def handing_over(pilot: Pilot[int]) -> None:
    await choosing_an_agent(pilot)
    await pilot.press("enter")
    await until(pilot, "To confirm, type  dock-2")


STORIES: list[Steps] = [
    deleting,
    deleting_typed,
    deleting_several,
    starting_several,
    refused_of_several,
    stopping_several,
    registering,
    starting_here,
    choosing_an_agent,
    handing_over,
]


@pytest.fixture
def pictured(sample: SampleStore, monkeypatch: pytest.MonkeyPatch) -> SampleStore:
    """The sample, with things to act on; its token, its place and its directory are the same each time."""
    sample.apply(SPARE)
    sample.apply(OTHERS)
    lease_until(sample, LONG_AGO)
    monkeypatch.setattr("store.execution.trust.secrets.token_urlsafe", lambda size: "x" * 43)
    monkeypatch.setattr(SqlitePlace, "shared_url", "/var/lib/longshore/longshore.db")
    monkeypatch.setenv("XDG_STATE_HOME", "/home/ana/.local/state")
    return sample


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("steps", STORIES, ids=lambda steps: steps.__name__)
def test_deeds(snap_compare: Any, pictured: SampleStore, steps: Steps, size: tuple[int, int]) -> None:
    assert snap_compare(app_of(pictured, glyphs=UNICODE), terminal_size=size, run_before=settled(steps))


@pytest.mark.parametrize("steps", [deleting_several, starting_several, registering], ids=lambda steps: steps.__name__)
def test_deeds_in_ascii(snap_compare: Any, pictured: SampleStore, steps: Steps) -> None:
    assert snap_compare(app_of(pictured, glyphs=ASCII), terminal_size=(80, 24), run_before=settled(steps))
