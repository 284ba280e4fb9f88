"""The keys of what has the focus: lists, the tree, and lines to type on."""

from __future__ import annotations

from textual import events

from tests.tui.keys.walk import Story, Walk
from tui.widgets.file_line import FileLine
from tui.widgets.filter_line import FilterLine
from tui.widgets.form_lines import FormLines
from tui.widgets.override_line import OverrideLine
from tui.widgets.resource_tree import ResourceTree
from tui.widgets.text_field import TextField
from tui.widgets.virtual_table import VirtualTable


async def virtual_table(walk: Walk) -> None:
    async with walk.begin():
        await walk.to_list("3", "hr-shares/hr-archive")
        table = walk.table
        steps = {"j": 1, "k": 0, "down": 1, "up": 0, "G": 4, "g": 0, "end": 4, "home": 0, "pagedown": 4, "pageup": 0}
        await walk.moves(lambda: table.position, steps)
        await walk.visits({"enter": "Iterations"})


async def resource_tree(walk: Walk) -> None:
    async with walk.begin():
        tree = walk.app.screen.query_one(ResourceTree)
        steps = {"g": 0, "j": 1, "k": 0, "G": tree.last_line, "home": 0, "end": tree.last_line}
        await walk.moves(lambda: tree.cursor_line, steps)
        await walk.press("g")
        for close, reopen in (("h", "l"), ("left", "right")):
            await walk.press(close)
            await walk.lost("Agents 2")
            await walk.press(reopen)
            await walk.sees("Agents 2")


async def filter_line(walk: Walk) -> None:
    async with walk.begin():
        await walk.to_list("3", "hr-shares/hr-archive")
        await walk.press("slash", *"draw")
        await walk.sees("Definitions /draw")
        await walk.press("escape")
        await walk.lost("Definitions /draw")
        assert walk.focus == "definitions"


async def override_line(walk: Walk) -> None:
    walk.sample.guarded()
    async with walk.begin("Runs of "):
        await walk.to_list("3", "hr-shares/hr-archive")
        await walk.press("j", "r")
        await walk.sees("was stopped (LSM1105)")
        await walk.press("o", *"DeletePercent")
        await walk.sees("leave every guard on")
        await walk.press("escape")
        assert "On for this run too" in await walk.lost("leave every guard on")


async def file_line(walk: Walk) -> None:
    async with walk.begin():
        await walk.to_run("hr-archive#1", "What did not simply transfer")
        await walk.press("e")
        await walk.sees("[jsonl]")
        await walk.shows({"tab": "[csv]", "shift+tab": "[jsonl]"})


async def text_field(walk: Walk) -> None:
    for name in ("alpha", "alps"):
        (walk.directory / name).mkdir()
    async with walk.begin():
        await walk.press("2", "n", "enter")
        await walk.sees("A new LocalPath endpoint")
        await walk.press("tab")
        line = walk.app.screen.query_one(TextField)
        line.post_message(events.Paste(f"{walk.directory}/al"))
        await walk.sees("alpha/  alps/")
        for name in ("alpha/", "alps/"):
            await walk.press("ctrl+n")
            await walk.sees(lambda name=name: line.value == f"{walk.directory}/{name}")  # type: ignore[misc]


async def form_lines(walk: Walk) -> None:
    async with walk.begin():
        await walk.press("2", "n", "enter")
        await walk.sees("A new LocalPath endpoint")
        await walk.press("up")
        await walk.shows({"right": "← Source →", "space": "← Target →", "left": "← Source →"})


STORIES: dict[type, Story] = {
    FileLine: file_line,
    FilterLine: filter_line,
    FormLines: form_lines,
    OverrideLine: override_line,
    ResourceTree: resource_tree,
    TextField: text_field,
    VirtualTable: virtual_table,
}
