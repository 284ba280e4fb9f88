"""The keys of what asks and is answered: yes or no, one of several, a name, and what waits for the answer's end."""

from __future__ import annotations

import threading

from tests.tui.keys.walk import Story, Walk
from tests.tui.test_deeds_hand_over import LONG_AGO, lease_until
from tui.commands import Commands
from tui.screens.choice import ChoiceScreen
from tui.screens.confirm import ConfirmScreen
from tui.screens.doing import DoingScreen
from tui.screens.help import HelpScreen
from tui.screens.item import ItemScreen
from tui.screens.pick import PickScreen
from tui.screens.typed_confirm import TypedConfirmScreen

STOP = "Stop the run nas1-migration/engineering#1"


async def confirm(walk: Walk) -> None:
    async with walk.begin():
        await walk.leaves("x", STOP, "n", "escape", "q", "enter")
        await walk.press("x")
        await walk.sees("[ No ]")
        for key in ("left", "right", "tab", "shift+tab", "h", "l"):
            there, gone = ("[ No ]", "[ Stop it ]") if "[ Stop it ]" in walk.text else ("[ Stop it ]", "[ No ]")
            await walk.press(key)
            assert gone not in await walk.sees(there)
        await walk.press("y")
        await walk.sees("Cancel requested")


async def typed_confirm(walk: Walk) -> None:
    async with walk.begin():
        await walk.to_list("3", "hr-shares/hr-archive")
        await walk.press(*["space"] * 5)
        await walk.sees("5 marked")
        await walk.press("ctrl+d")
        await walk.sees("To confirm, type")
        table = walk.table
        await walk.moves(lambda: table.position, {"down": 1, "up": 0, "pagedown": 4, "pageup": 0})
        await walk.press("escape")
        await walk.lost("To confirm, type")
        await walk.sees("5 marked")


async def choice(walk: Walk) -> None:
    async with walk.begin():
        await walk.to_running()
        await walk.leaves("s", "Order of runs", "escape", "q")


async def pick(walk: Walk) -> None:
    lease_until(walk.sample, LONG_AGO)
    async with walk.begin():
        await walk.to_running()
        await walk.leaves("H", "over to which agent?", "escape", "q")


async def doing(walk: Walk) -> None:
    """The first of two starts takes its time."""
    going_on, start = threading.Event(), Commands.start_run

    def slow(*arguments: object) -> object:
        going_on.wait(60)
        return start(*arguments)  # type: ignore[arg-type]

    walk.monkeypatch.setattr(Commands, "start_run", slow)
    async with walk.begin():
        await walk.to_list("3", "hr-shares/hr-archive")
        await walk.press("space", "space", "r")
        await walk.sees("Start 2 runs?")
        await walk.press("enter")
        await walk.sees("Starting 1 of 2: ")
        await walk.press("escape")
        await walk.sees("The rest is left as it is.")
        going_on.set()
        await walk.sees("1 started")


async def helping(walk: Walk) -> None:
    async with walk.begin():
        await walk.leaves("question_mark", "Keys here", "escape", "f1")
        await walk.press("question_mark")
        await walk.sees("Keys here")
        table = walk.table
        await walk.sees("Quit; agents and runs go on")
        first = table.position or 0
        await walk.moves(lambda: table.position, {"down": first + 1, "up": first})
        await walk.press("pagedown")
        await walk.sees(lambda: (table.position or 0) > first + 10)
        await walk.press("pageup")
        await walk.sees(lambda: (table.position or 0) < first + 10)


async def item(walk: Walk) -> None:
    async with walk.begin():
        await walk.to_run("hr-archive#1", "contract [/red].pdf")
        await walk.leaves("enter", "esc goes back", "escape", "q", "enter")


STORIES: dict[type, Story] = {
    ChoiceScreen: choice,
    ConfirmScreen: confirm,
    DoingScreen: doing,
    HelpScreen: helping,
    ItemScreen: item,
    PickScreen: pick,
    TypedConfirmScreen: typed_confirm,
}
