"""Starting several runs: each on its definition's own agent and in its own mode, after one confirmation of them all."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from store.queries import hierarchy, runs
from store.queries.definitions import DefinitionRow, definition
from store.queries.hierarchy import AgentRow
from store.queries.runs import RunRow
from store.reader import Reader
from store.vocabulary import CopyMode, RunKind
from tui.commands import Launch
from tui.deeds import StartToCheck
from tui.presentation.kinds import why_no_plan
from tui.presentation.several_view import Start, started_question, starts_listed
from tui.subjects import RUN, Subject

if TYPE_CHECKING:
    from tui.screens.base import LongshoreScreen


async def launch_several(screen: LongshoreScreen, subjects: Sequence[Subject], kind: RunKind) -> None:
    """Offer a run of each definition, or of each run's; of ended previews exactly what they listed."""
    from tui.deed_commands import DeedCommands
    from tui.flows.several import do_each
    from tui.screens.confirm import ConfirmScreen
    from tui.screens.doing import Job

    glyphs, commands = screen.longshore.glyphs, screen.longshore.commands
    screen.say(f"Looking whether {len(subjects):,} runs can be started{glyphs.ellipsis}")
    found = await screen.read(starts_of, subjects, kind)
    if found is None:
        return
    checked = await screen.command(DeedCommands(commands).refused_starts, [one.start for one in found])
    if checked is None:
        return
    starts = [one._replace(refusal=one.refusal or said) for one, said in zip(found, checked, strict=True)]
    going = [one.start for one in starts if not one.refusal]
    screen.key_bar.clear_message()
    asked = ConfirmScreen(
        started_question(starts, kind),
        f"Start {len(going):,}" if going else "",
        glyphs,
        listed=starts_listed(starts, glyphs),
        default=True,
    )
    if await screen.app.push_screen_wait(asked):
        jobs = [Job(one.definition, partial(commands.start_run, *one)) for one in going]
        await do_each(screen, jobs, "Starting", "started")


def starts_of(reader: Reader, subjects: Sequence[Subject], kind: RunKind) -> list[Start]:
    """What would be started, each definition once; those that are gone are left out."""
    found: dict[int, Start] = {}
    agents: dict[tuple[int, str], AgentRow | None] = {}
    for subject in subjects:
        run = runs.run(reader, subject.id) if subject.kind == RUN else None
        if subject.kind == RUN and run is None:
            continue
        row = definition(reader, subject.id if run is None else run.definition_id)
        if row is None or row.id in found:
            continue
        key = row.mover_id, row.agent_name
        if key not in agents:
            agents[key] = _agent(reader, *key)
        found[row.id] = _start(row, run, kind, agents[key])
    return list(found.values())


def _start(row: DefinitionRow, run: RunRow | None, kind: RunKind, agent: AgentRow | None) -> Start:
    plan = run if run is not None and run.kind == RunKind.PREVIEW and kind == RunKind.COPY else None
    mode = CopyMode(row.copy_mode if plan is None else plan.copy_mode)
    launch = Launch(row.agent_name, kind, mode, None if plan is None else plan.id, ())
    return Start(
        StartToCheck(row.mover, f"{row.project}/{row.name}", launch),
        agent,
        None if plan is None else plan.number,
        _refusal(row, plan),
    )


def _refusal(row: DefinitionRow, plan: RunRow | None) -> str:
    """What is known against a start before the store is asked."""
    if not row.agent_name:
        return f"No agent was chosen for '{row.name}' yet: start it once by itself, there it is chosen."
    return "" if plan is None else why_no_plan(plan)


def _agent(reader: Reader, mover_id: int, name: str) -> AgentRow | None:
    """The agent of that name, among those whose names contain it."""
    if not name:
        return None
    return next((one for one in hierarchy.agents(reader, mover_id, text=name) if one.name == name), None)
