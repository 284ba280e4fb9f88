"""Stopping runs: asked first, the default answer is no."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from store.queries import runs
from store.queries.definitions import definition
from store.queries.runs import RunRow
from store.reader import Reader
from tui.subjects import DEFINITION, Subject

if TYPE_CHECKING:
    from tui.screens.base import LongshoreScreen


async def stop(screen: LongshoreScreen, subjects: Sequence[Subject]) -> None:
    """Ask, and request the end of a run, or of a definition's latest."""
    from tui.screens.confirm import ConfirmScreen

    found = await screen.read(_runs, subjects)
    if found is None:
        return
    if not found:
        screen.say(f"This definition has not run yet: {screen.keymap.key('run.start')} starts a run.", "warn")
        return
    run = found[0]
    if not run.active:
        screen.say(f"The run {run.definition} #{run.number} has ended ({run.status}): nothing to stop.", "warn")
        return
    lines = [
        f"Stop the run {run.label} on {run.agent_name}?",
        "What was copied stays; a new run copies only what is missing.",
    ]
    if await screen.app.push_screen_wait(ConfirmScreen(lines, "Stop it", screen.longshore.glyphs)):
        await screen.command(screen.longshore.commands.stop_run, run.mover, run.label)


def _runs(reader: Reader, subjects: Sequence[Subject]) -> list[RunRow]:
    found = []
    for subject in subjects:
        row = definition(reader, subject.id) if subject.kind == DEFINITION else None
        run_id = row.run_id if row is not None else subject.id if subject.kind != DEFINITION else None
        run = None if run_id is None else runs.run(reader, run_id)
        if run is not None:
            found.append(run)
    return found
