"""Going through the screen by keys, and seeing what each of them does."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot

from tests.tui.driving import app_of, seen, until
from tests.tui.keys.pressed import Pressed
from tests.tui.sample_store import SampleStore
from tui.app import LongshoreApp
from tui.screens.panes import PanesScreen
from tui.widgets.virtual_table import VirtualTable

SIZE = (160, 45)


class Walk:
    """One application over the sample store at a time."""

    app: LongshoreApp
    pilot: Pilot[int]

    def __init__(self, sample: SampleStore, monkeypatch: pytest.MonkeyPatch, directory: Path) -> None:
        self.sample = sample
        self.monkeypatch = monkeypatch
        self.directory = directory
        """Empty, and the working directory."""
        self.pressed = Pressed(monkeypatch)

    @asynccontextmanager
    async def begin(self, opened: str = "Runs of engineering") -> AsyncIterator[None]:
        """The application as it starts: the tree has the focus, its cursor on the definition that ran last."""
        self.app = app_of(self.sample)
        async with self.app.run_test(size=SIZE) as self.pilot:
            await self.sees(opened)
            yield

    # Keys, and what is seen

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def sees(self, wanted: str | Callable[[], bool]) -> str:
        return await until(self.pilot, wanted)

    async def lost(self, gone: str) -> str:
        return await until(self.pilot, gone, absent=True)

    async def differs(self, before: tuple[str, str], key: str) -> None:
        """Another widget has the focus, or another text is shown, than before a key."""
        try:
            await self.sees(lambda: (self.focus, self.text) != before)
        except AssertionError as error:
            raise AssertionError(f"nothing is seen of {key}\n{error}") from None

    async def shows(self, told: Mapping[str, str]) -> None:
        """Each key makes its text appear."""
        for key, text in told.items():
            await self.press(key)
            await self.sees(text)

    async def visits(self, told: Mapping[str, str], back: str = "escape") -> None:
        """Each key opens something with its text, which ``back`` leaves."""
        for key, text in told.items():
            await self.press(key)
            await self.sees(text)
            await self.press(back)
            try:
                await self.lost(text)
            except AssertionError as error:
                raise AssertionError(f"{back} does not leave what {key} opens\n{error}") from None

    async def leaves(self, way_in: str, text: str, *ways_out: str) -> None:
        """What a key opens is left by each of the other ones."""
        for way_out in ways_out:
            await self.visits({way_in: text}, back=way_out)

    async def moves(self, where: Callable[[], object], places: Mapping[str, object]) -> None:
        """Each key leads to its place."""
        for key, place in places.items():
            await self.press(key)
            try:
                await self.sees(lambda place=place: where() == place)  # type: ignore[misc]
            except AssertionError as error:
                raise AssertionError(f"{key} leads to {where()!r}, not to {place!r}\n{error}") from None

    # Where one is

    @property
    def text(self) -> str:
        return seen(self.app)

    @property
    def focus(self) -> str:
        """The id of the widget with the focus."""
        return (self.app.focused.id if self.app.focused is not None else None) or ""

    @property
    def table(self) -> VirtualTable:
        """The list with the focus, or the only one of a dialog."""
        focused = self.app.focused
        return focused if isinstance(focused, VirtualTable) else self.app.screen.query_one(VirtualTable)

    @property
    def subject(self) -> str:
        """The path of what keys act on."""
        screen = self.app.screen
        found = screen.subject if isinstance(screen, PanesScreen) else None
        return "" if found is None else found.path

    async def to_list(self, key: str, first: str) -> None:
        """From the tree to a list of the whole mover, the cursor on its first row."""
        await self.press("1", "g")
        await self.lost("Runs of engineering")
        await self.press(key, "g")
        await self.sees(lambda: self.subject == first)

    async def to_running(self) -> None:
        """From the tree to the list with the run that is on."""
        await self.press("4")
        await self.sees(lambda: self.subject == "nas1-migration/engineering#1")

    async def to_run(self, label: str, text: str) -> None:
        """To the screen of a run."""
        await self.to_anything(f"runs {label}", text)

    async def to_anything(self, words: str, text: str) -> None:
        """To what is named so; its screen has the text."""
        await self.press("colon", *words, "enter")
        await self.sees(text)


Story = Callable[[Walk], Awaitable[None]]
