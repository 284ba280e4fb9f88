"""Stopping runs: asked first, the default answer is no."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from store.queries import runs
from store.queries.definitions import definition
from store.queries.runs import RunRow
from store.reader import Reader
from tui.keymap import key
from tui.subjects import DEFINITION, Subject

if TYPE_CHECKING:
    from tui.screens.base import LongshoreScreen


async def stop(screen: LongshoreScreen, subjects: Sequence[Subject]) -> None:
    """Ask, and request the end of a run, or of a definition's latest; or of several."""
    from tui.screens.confirm import ConfirmScreen

    found = await screen.read(_runs, subjects)
    if found is None:
        return
    if len(subjects) > 1:
        await _stop_several(screen, found)
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
        screen.drop_marks()


async def _stop_several(screen: LongshoreScreen, found: Sequence[RunRow]) -> None:
    from tui.flows.several import do_each
    from tui.presentation.several_view import Stop, ended_words, stopped_question, stops_listed
    from tui.screens.confirm import ConfirmScreen
    from tui.screens.doing import Job

    if not found:
        screen.say(f"None of these has run yet: {key('run.start')} starts runs.", "warn")
        return
    glyphs, commands = screen.longshore.glyphs, screen.longshore.commands
    stops = [Stop(run, ended_words(run)) for run in found]
    going = [one.run for one in stops if not one.refusal]
    asked = ConfirmScreen(
        stopped_question(stops), f"Stop {len(going):,}" if going else "", glyphs, listed=stops_listed(stops, glyphs)
    )
    if await screen.app.push_screen_wait(asked):
        jobs = [Job(run.label, partial(commands.stop_run, run.mover, run.label)) for run in going]
        await do_each(screen, jobs, "Stopping", "asked to stop")


def _runs(reader: Reader, subjects: Sequence[Subject]) -> list[RunRow]:
    """The runs that are meant, each once; a definition that has not run yet has none."""
    found: dict[int, RunRow] = {}
    for subject in subjects:
        row = definition(reader, subject.id) if subject.kind == DEFINITION else None
        run_id = row.run_id if row is not None else subject.id if subject.kind != DEFINITION else None
        run = None if run_id is None else runs.run(reader, run_id)
        if run is not None:
            found[run.id] = run
    return list(found.values())
