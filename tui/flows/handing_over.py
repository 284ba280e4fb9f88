"""Giving a run to another agent: which one is chosen first, and then confirmed by typing its name."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from store.queries import hierarchy, runs
from store.queries.hierarchy import AgentRow
from store.reader import Reader
from tui.keymap import key
from tui.presentation import hand_over_view as view
from tui.subjects import Subject

if TYPE_CHECKING:
    from tui.screens.base import LongshoreScreen


class _Others(NamedTuple):
    agents: list[AgentRow]
    now: int


async def hand_over(screen: LongshoreScreen, subject: Subject) -> None:
    """Offer the mover's other agents, and hand the run over; what is in the way is said before."""
    from tui.deed_commands import DeedCommands
    from tui.screens.pick import PickScreen
    from tui.screens.typed_confirm import TypedConfirmScreen

    deeds, glyphs = DeedCommands(screen.longshore.commands), screen.longshore.glyphs
    run = await screen.command(deeds.run_to_give, subject.id)
    others = await screen.read(_others, subject.id) if run is not None else None
    if run is None or others is None:
        return
    if not others.agents:
        screen.refuse(
            f"'{run.agent}' is the only agent of '{subject.mover}': {key('agent.register')} registers another.", "warn"
        )
        return
    listed = view.agents_listed(others.agents, others.now, glyphs)
    name = await screen.app.push_screen_wait(PickScreen(view.choice_lines(run), listed, "choose it", glyphs))
    if name is None:
        return
    if await screen.app.push_screen_wait(
        TypedConfirmScreen(view.question(run, name), name, "hand it over", glyphs)
    ) and await screen.command(deeds.hand_over, subject.id, name):
        agent = next((one for one in others.agents if one.name == name), None)
        screen.say(view.done_words(run, agent, name), "ok")


def _others(reader: Reader, run_id: int) -> _Others:
    """The agents that the run is not given to; none when it is gone."""
    run = runs.run(reader, run_id)
    found = [] if run is None else hierarchy.agents(reader, run.mover_id)
    return _Others([one for one in found if run is None or one.name != run.agent_name], reader.now())
