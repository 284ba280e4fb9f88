"""Every key of the other full screens: it does something that is seen, or says why it does not."""

from __future__ import annotations

from tests.tui.keys.pressed import bound_by
from tests.tui.keys.walk import Story, Walk
from tui.screens.agent import AgentScreen
from tui.screens.base import LongshoreScreen
from tui.screens.definition import DefinitionScreen
from tui.screens.endpoint import EndpointScreen
from tui.screens.events import EventsScreen
from tui.screens.mover import MoverScreen
from tui.screens.run import RunScreen
from tui.widgets.filter_line import FilterLine

LAST = ("escape", "ctrl+q", "q")
"""These leave the screen, and the application."""

SILENT = ("ctrl+l",)
"""What paints the same again."""


async def mover(walk: Walk) -> None:
    await sweep(walk, MoverScreen, "movers", "nas-exit", "Recent runs")


async def agent(walk: Walk) -> None:
    await sweep(walk, AgentScreen, "agents", "dock-1", "Runs now")


async def endpoint(walk: Walk) -> None:
    await sweep(walk, EndpointScreen, "endpoints", "nas1-eng", "Running now")


async def definition(walk: Walk) -> None:
    await sweep(walk, DefinitionScreen, "definitions", "engineering", "Iterations")


async def run(walk: Walk) -> None:
    await sweep(walk, RunScreen, "runs", "engineering#1", "What did not simply transfer")


async def events(walk: Walk) -> None:
    await sweep(walk, EventsScreen, "events", "", "What happened anywhere")


async def sweep(walk: Walk, place: type[LongshoreScreen], kind: str, name: str, text: str) -> None:
    """Go there, and press every key of the place, each from where the screen was opened."""
    async with walk.begin():
        await walk.to_anything(f"{kind} {name}".strip(), text)
        screen = walk.app.screen
        assert isinstance(screen, place)
        for key in sorted(one.key for one in bound_by(place) if one.key not in LAST):
            before = walk.focus, walk.text
            await walk.press(key)
            if key not in SILENT:
                await walk.differs(before, key)
            await come_back(walk, screen)
        exits: list[object] = []
        walk.monkeypatch.setattr(walk.app, "exit", exits.append)
        await walk.press("q", "ctrl+q")
        await walk.sees(lambda: exits == [0, 0])
        await walk.press("escape")
        await walk.sees("Runs of engineering")


async def come_back(walk: Walk, screen: LongshoreScreen) -> None:
    """Leave what a key opened, end what it began, and take its message away."""
    while walk.app.screen is not screen or screen.marked or isinstance(screen.focused, FilterLine):
        top, marked, focused = walk.app.screen, len(screen.marked), screen.focused
        await walk.press("escape")
        await walk.sees(lambda now=(top, marked, focused): (walk.app.screen, len(screen.marked), screen.focused) != now)  # type: ignore[misc]
    screen.key_bar.clear_message()
    screen.set_focus(screen.query_one(str(screen.AUTO_FOCUS)))


STORIES: dict[type, Story] = {
    AgentScreen: agent,
    DefinitionScreen: definition,
    EndpointScreen: endpoint,
    EventsScreen: events,
    MoverScreen: mover,
    RunScreen: run,
}
