"""Every key that anything binds is pressed, and what it does is seen: a new binding without a story fails here."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tui.keys import in_lists, in_questions, in_sheets, on_main, on_screens
from tests.tui.keys.pressed import bindings_everywhere
from tests.tui.keys.walk import Story, Walk
from tests.tui.sample_store import SampleStore

pytestmark = pytest.mark.anyio

STORIES: dict[type, Story] = {
    **on_main.STORIES,
    **on_screens.STORIES,
    **in_lists.STORIES,
    **in_questions.STORIES,
    **in_sheets.STORIES,
}


@pytest.fixture
def walk(sample: SampleStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Walk:
    directory = tmp_path / "here"
    directory.mkdir()
    monkeypatch.chdir(directory)
    monkeypatch.setenv("TERM", "xterm-256color")
    return Walk(sample, monkeypatch, directory)


def test_whatever_binds_keys_has_a_story() -> None:
    assert [one.__name__ for one in bindings_everywhere() if one not in STORIES] == []


@pytest.mark.parametrize("owner", STORIES, ids=lambda owner: owner.__name__)
async def test_every_key_of(owner: type, walk: Walk) -> None:
    await STORIES[owner](walk)
    assert walk.pressed.missing(owner, or_refused=owner in on_screens.STORIES) == []
