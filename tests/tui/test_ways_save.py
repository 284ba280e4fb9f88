"""Saving what is on the screen, from full screens and from dialogs."""

from __future__ import annotations

import re
import stat
from pathlib import Path
from typing import ClassVar

import pytest
from textual.pilot import Pilot
from textual.screen import ModalScreen

from tests.tui.driving import app_of, seen, still, until
from tests.tui.sample_store import SampleStore
from tui.presentation.glyphs import ASCII
from tui.screens.confirm import ConfirmScreen
from tui.screens.launch import LaunchScreen

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    place = tmp_path / "here"
    place.mkdir()
    monkeypatch.chdir(place)
    return place


async def asked(pilot: Pilot[int], name: str = "") -> None:
    """The dialog, with a name typed in place of the one that is offered."""
    await until(pilot, "Save this view")
    if name:
        await pilot.press("ctrl+u", *name)
        await until(pilot, name)


async def test_the_text_is_what_was_seen(sample: SampleStore, here: Path) -> None:
    app = app_of(sample)
    async with app.run_test(size=(160, 45)) as pilot:
        await until(pilot, "Runs of engineering")
        await until(pilot, "1 running")
        await still(pilot)
        before = seen(app)
        await pilot.press("ctrl+s")
        await asked(pilot)
        assert re.search(r"longshore-\d{8}-\d{6}\.txt", seen(app))
        await pilot.press("enter")
        await until(pilot, "Saved to 'longshore-")
    (saved,) = here.iterdir()
    assert stat.S_IMODE(saved.stat().st_mode) == 0o600
    assert saved.read_text().splitlines() == [line.rstrip() for line in before.splitlines()]


async def test_tab_saves_a_picture_that_names_no_server(sample: SampleStore, here: Path) -> None:
    app = app_of(sample)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, "Runs of engineering")
        await pilot.press("ctrl+s")
        await asked(pilot)
        await pilot.press("tab")
        await until(pilot, "[ picture (SVG) ]")
        await pilot.press("tab", "tab", "enter")
        await until(pilot, "Saved to")
    (saved,) = here.iterdir()
    text = saved.read_text()
    assert saved.suffix == ".svg"
    assert text.startswith("<svg")
    assert "engineering" in text
    assert set(re.findall(r"https?://([a-z0-9.]*)", text)) <= {"www.w3.org", "www.textualize.io"}


async def test_in_ascii_the_file_is_ascii(sample: SampleStore, here: Path) -> None:
    app = app_of(sample, glyphs=ASCII)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, "Runs of engineering")
        await pilot.press("ctrl+s")
        await asked(pilot, "view.txt")
        await pilot.press("enter")
        await until(pilot, "Saved to 'view.txt'")
    assert (here / "view.txt").read_text(encoding="ascii").count("\n") == 24


async def test_a_file_is_replaced_only_after_a_yes(sample: SampleStore, here: Path) -> None:
    (here / "old.txt").write_text("dear to me")
    app = app_of(sample)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, "Runs of engineering")
        await pilot.press("ctrl+s")
        await asked(pilot, "old.txt")
        await pilot.press("enter")
        await until(pilot, "Replace the file 'old.txt'?")
        await pilot.press("enter")
        await until(pilot, "Nothing was saved.")
        assert (here / "old.txt").read_text() == "dear to me"
        await pilot.press("ctrl+s")
        await asked(pilot, "old.txt")
        await pilot.press("enter")
        await until(pilot, "Replace the file 'old.txt'?")
        await pilot.press("y")
        await until(pilot, "Saved to 'old.txt'")
    assert "Runs of engineering" in (here / "old.txt").read_text()


@pytest.mark.parametrize("name", ["none/view.txt", "../here"])
async def test_what_cannot_be_written_is_one_sentence(sample: SampleStore, here: Path, name: str) -> None:
    app = app_of(sample)
    async with app.run_test(size=(160, 45)) as pilot:
        await until(pilot, "Runs of engineering")
        await pilot.press("ctrl+s")
        await asked(pilot, name)
        await pilot.press("enter")
        await until(pilot, "name another one.")
    assert list(here.iterdir()) == []


async def test_esc_saves_nothing(sample: SampleStore, here: Path) -> None:
    app = app_of(sample)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, "Runs of engineering")
        await pilot.press("ctrl+s")
        await asked(pilot)
        await pilot.press("escape")
        await until(pilot, "Save this view", absent=True)
    assert list(here.iterdir()) == []


async def test_a_dialog_is_saved_with_what_lies_behind_it(sample: SampleStore, here: Path) -> None:
    app = app_of(sample)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, "Runs of engineering")
        await pilot.press("r")
        await until(pilot, "Start a run of")
        await pilot.press("ctrl+s")
        await asked(pilot, "sheet.txt")
        await pilot.press("enter")
        await until(pilot, "Save this view", absent=True)
        assert isinstance(app.screen, LaunchScreen)
        await until(pilot, "Saved to 'sheet.txt'")
    text = (here / "sheet.txt").read_text()
    assert "Start a run of nas1-migration/engineering" in text
    assert "Hierarchy" in text


class Secret(ModalScreen[None]):
    """Shows what must be in no file."""

    HOLDS_SECRET: ClassVar[bool] = True


async def test_a_secret_is_saved_neither_itself_nor_behind_a_dialog(sample: SampleStore, here: Path) -> None:
    app = app_of(sample)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, "Runs of engineering")
        app.push_screen(Secret())
        await until(pilot, lambda: isinstance(app.screen, Secret))
        await pilot.press("ctrl+s")
        await until(pilot, "This view holds a secret: it is not saved.")
        app.push_screen(ConfirmScreen(["Sure?"], "Yes", app.glyphs))
        await until(pilot, "Sure?")
        await pilot.press("ctrl+s")
        await pilot.pause()
        assert "Save this view" not in seen(app)
    assert list(here.iterdir()) == []
