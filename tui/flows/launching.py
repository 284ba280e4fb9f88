"""Starting a run: the launch sheet, and the start of what was chosen there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from store.queries import runs
from store.queries.definitions import DefinitionRow, definition
from store.queries.runs import RunRow
from store.reader import Reader
from store.vocabulary import RunKind
from tui.launch_source import launch_facts
from tui.presentation.kinds import why_no_plan
from tui.presentation.launch_view import started_words
from tui.subjects import RUN, Subject

if TYPE_CHECKING:
    from tui.screens.base import LongshoreScreen


async def launch(screen: LongshoreScreen, subjects: Sequence[Subject], kind: RunKind) -> None:
    """Offer a run of a definition, or of a run's; of an ended preview exactly what it listed. Or of several."""
    from tui.screens.launch import LaunchScreen

    if len(subjects) > 1:
        from tui.flows.launching_several import launch_several

        await launch_several(screen, subjects, kind)
        return

    found = await screen.read(_launched, subjects[0])
    if found is None:
        return
    wanted, run = found
    if wanted is None:
        screen.say(f"The {subjects[0].words} is gone.", "warn")
        return
    plan = run if run is not None and run.kind == RunKind.PREVIEW and kind == RunKind.COPY else None
    if plan is not None and (reason := why_no_plan(plan)):
        screen.say(reason, "warn")
        return
    facts = await screen.read(launch_facts, wanted, None if plan is None else plan.id)
    if facts is None:
        return
    if plan is not None and facts.plan is None:
        screen.say(f"The preview #{plan.number} is gone, and its plan with it.", "warn")
        return
    chosen = await screen.app.push_screen_wait(LaunchScreen(facts, kind, screen.longshore.glyphs))
    if chosen is None:
        return
    started = await screen.command(
        screen.longshore.commands.start_run, wanted.mover, f"{wanted.project}/{wanted.name}", chosen
    )
    if started is not None:
        screen.drop_marks()
        run_id, label = started
        screen.launched(run_id, started_words(label, chosen.agent, chosen.kind, plan, chosen.overrides))


def _launched(reader: Reader, subject: Subject) -> tuple[DefinitionRow | None, RunRow | None]:
    """The definition that is to be run, and the run that was selected for it."""
    run = runs.run(reader, subject.id) if subject.kind == RUN else None
    if subject.kind == RUN and run is None:
        return None, None
    return definition(reader, subject.id if run is None else run.definition_id), run
