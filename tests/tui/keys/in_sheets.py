"""The keys of sheets and forms: starts, registration, going to, saving, reports, and what is made and changed."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable

from store.execution.trust import register_agent
from tests.tui.keys.walk import Story, Walk
from tests.tui.sample_store import FACTS
from tests.tui.test_deeds_endpoint_test import PretendAgent
from tui.screens.endpoint_test import EndpointTestScreen
from tui.screens.export import ExportScreen, WritingScreen
from tui.screens.find import FindScreen
from tui.screens.forms.form import FormScreen
from tui.screens.launch import LaunchScreen
from tui.screens.register import RegisterScreen
from tui.screens.save import SaveScreen
from tui.widgets.line_input import LineInput

WAITING = "Waiting for the agent to register"
TRYING = "Try the endpoint nas1-eng"
REPORT = "Write the report of hr-shares/hr-archive#1"


async def launch(walk: Walk) -> None:
    walk.sample.guarded()
    async with walk.begin("Runs of "):
        await walk.to_list("3", "hr-shares/hr-archive")
        await walk.press("j")
        await walk.leaves("r", "Start a run of hr-shares/hr-home", "escape", "q", "ctrl+q")
        await walk.press("r")
        await walk.shows(
            {
                "p": "Start a preview of",
                "v": "Start a verify of",
                "r": "Start a run of",
                "m": "Additive (for this run only)",
            }
        )
        await walk.visits({"o": "leave every guard on", "question_mark": "Keys here", "f1": "Keys here"})
        await walk.sees("Start a run of")


async def register(walk: Walk) -> None:
    async with walk.begin():
        await walk.leaves("A", WAITING, "escape", "q")
        await walk.press("A")
        await walk.sees(WAITING)
        await walk.visits({"n": "take this name", "s": "register and start it"})
        await walk.shows({"y": "Copied", "ctrl+s": "This view holds a secret: it is not saved."})
        sheet = walk.app.screen
        assert isinstance(sheet, RegisterScreen)
        with walk.sample.store.write("agent/dock-3") as tx:
            register_agent(tx, sheet._token.text, "dock-3", FACTS)
        await walk.sees("dock-3 registered")
        await walk.press("enter")
        await walk.sees("The agent 'dock-3' of 'nas-exit' is")


async def endpoint_test(walk: Walk) -> None:
    async def begun() -> None:
        await walk.press("t")
        await walk.sees("from which agent?")
        await walk.press("enter")
        await walk.sees("What may the agent do?")
        await walk.press("1")
        await walk.sees(TRYING)

    async with walk.begin():
        await walk.press("2", "g")
        await begun()
        await walk.press("escape")
        await walk.lost(TRYING)
        PretendAgent(walk.sample, "dock-1").give_up()
        await begun()
        await walk.press("q")
        await walk.lost(TRYING)
        PretendAgent(walk.sample, "dock-1").give_up()
        await begun()
        PretendAgent(walk.sample, "dock-1").give_up()
        await walk.sees("did not answer in time")
        await walk.press("t")
        await walk.sees("Waiting for dock-1 to take it")
        PretendAgent(walk.sample, "dock-1").give_up()
        await walk.sees("did not answer in time")
        await walk.press("enter")
        await walk.lost(TRYING)


async def find(walk: Walk) -> None:
    async with walk.begin():
        await walk.leaves("colon", "a kind, a part of a name, or both", "escape")
        await walk.press("colon", *"jobs ")
        await walk.sees("hr-shares/hr-archive")
        table, line = walk.table, walk.app.screen.query_one(LineInput)
        steps = {"down": 1, "up": 0, "ctrl+n": 1, "ctrl+p": 0, "pagedown": 4, "pageup": 0}
        await walk.moves(lambda: table.position, steps)
        await walk.press("tab")
        await walk.sees(lambda: line.value == "definitions nas1-migration/drawings")
        await walk.press("ctrl+t")
        await walk.sees("Runs of drawings")


async def save(walk: Walk) -> None:
    async with walk.begin():
        await walk.leaves("ctrl+s", "Save this view", "escape")
        await walk.press("ctrl+s")
        await walk.sees("[ text ]")
        picture = "[ picture (SVG) ]"
        await walk.shows({"tab": picture, "shift+tab": "[ text ]", "ctrl+t": picture})


async def export(walk: Walk) -> None:
    async with walk.begin():
        await walk.to_run("hr-archive#1", "What did not simply transfer")
        await walk.leaves("e", REPORT, "escape")


async def writing(walk: Walk) -> None:
    """A report that never comes to its end."""

    def endless(*arguments: object, told: Callable[[int], None]) -> int:
        for written in itertools.count(1):
            told(written)
            threading.Event().wait(0.01)
        return 0

    walk.monkeypatch.setattr("tui.flows.exporting.write_report", endless)
    async with walk.begin():
        await walk.to_run("hr-archive#1", "What did not simply transfer")
        for key in ("escape", "q"):
            await walk.press("e")
            await walk.sees(REPORT)
            await walk.press("enter")
            await walk.sees(lambda: isinstance(walk.app.screen, WritingScreen))
            await walk.press(key)
            await walk.sees("Stopped: no file was written.")
    assert list(walk.directory.iterdir()) == []


async def form(walk: Walk) -> None:
    async with walk.begin():
        await walk.press("n")
        await walk.shows({"pagedown": "[2 Source]", "pageup": "[1 Basics]"})
        await walk.press("escape")
        await walk.lost("[1 Basics]")
        await walk.press("2", "n", "enter")
        await walk.shows({"down": "▶ Path", "tab": "▶ Description", "enter": "▶ Endpoint kind", "up": "▶ Description"})
        await walk.shows({"shift+tab": "▶ Path", "ctrl+s": "Nothing was saved: correct what is marked first."})


STORIES: dict[type, Story] = {
    EndpointTestScreen: endpoint_test,
    ExportScreen: export,
    FindScreen: find,
    FormScreen: form,
    LaunchScreen: launch,
    RegisterScreen: register,
    SaveScreen: save,
    WritingScreen: writing,
}
