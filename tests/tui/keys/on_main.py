"""Every key of the registry, on the main screen."""

from __future__ import annotations

from tests.tui.keys.walk import Story, Walk
from tests.tui.test_deeds_hand_over import LONG_AGO, lease_until
from tui.app import LongshoreApp
from tui.screens.main import MainScreen


async def main_screen(walk: Walk) -> None:
    lease_until(walk.sample, LONG_AGO)
    async with walk.begin():
        await opening(walk)
        await saying(walk)
        await lists(walk)
    for key in ("q", "ctrl+q"):
        async with walk.begin():
            await walk.press(key)
        assert walk.app.return_value == 0


async def opening(walk: Walk) -> None:
    """What opens something, on the definition under the tree's cursor."""
    await walk.visits(
        {
            "r": "Start a run of nas1-migration/engineering",
            "p": "Start a preview of nas1-migration/engineering",
            "v": "Start a verify of nas1-migration/engineering",
            "x": "Stop the run nas1-migration/engineering#1",
            "enter": "Iterations",
            "o": "What did not simply transfer",
            "n": "A new job definition",
            "e": "Change the job definition 'nas1-migration/engineering'",
            "c": "A copy of the job definition 'engineering'",
            "A": "Waiting for the agent to register",
            "a": "engineering › events",  # noqa: RUF001
            "colon": "a kind, a part of a name, or both",
            "ctrl+s": "Save this view",
            "question_mark": "Keys here",
            "f1": "Keys here",
        }
    )


async def saying(walk: Walk) -> None:
    """What says what it did, or what is in its way."""
    painted = []
    walk.monkeypatch.setattr(walk.app.painter, "forget", lambda: painted.append(True))
    await walk.shows(
        {
            "ctrl+d": "'engineering' cannot be deleted while its run #1 is Running",
            "y": ": nas1-migration/engineering",
            "M": "The mouse",
        }
    )
    await walk.press("ctrl+l")
    await walk.sees(lambda: bool(painted))


async def lists(walk: Walk) -> None:
    """What concerns the panes."""
    await walk.moves(
        lambda: walk.focus,
        {
            "2": "endpoints",
            "3": "definitions",
            "4": "runs",
            "1": "tree",
            "tab": "endpoints",
            "shift+tab": "tree",
        },
    )
    await walk.to_running()
    await walk.visits({"s": "Order of runs", "H": "Hand the run nas1-migration/engineering#1 over to which agent?"})
    await walk.to_list("2", "archive")
    await walk.visits({"t": "Try the endpoint archive from which agent?"})
    await walk.to_list("3", "hr-shares/hr-archive")
    await walk.shows({"space": "1 marked"})
    await walk.press("escape")
    await walk.lost("marked")
    await walk.press("slash", *"draw", "enter")
    await walk.sees("Definitions /draw")
    await walk.press("escape")
    await walk.lost("/draw")


async def application(walk: Walk) -> None:
    """What it says to whoever leaves programs so; nothing in a dialog is lost by the keys that quit."""
    async with walk.begin():
        await walk.shows({"ctrl+c": "q quits; agents and runs go on."})
        await walk.press("2", "n", "enter")
        await walk.sees("A new LocalPath endpoint")
        await walk.press(*"typed", "ctrl+q", "minus")
        await walk.sees("typed-")


STORIES: dict[type, Story] = {LongshoreApp: application, MainScreen: main_screen}
