"""Registering an agent: which mover it is for, a token, and the sheet that waits for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from store.queries import hierarchy
from store.queries.hierarchy import MoverRow
from store.queries.registration import TokenState, token_state
from store.reader import Reader
from tui.keymap import key
from tui.presentation.cells import Cell, Column, Row
from tui.presentation.listed import Listed
from tui.presentation.registration_view import next_name

if TYPE_CHECKING:
    from tui.screens.base import LongshoreScreen

MOVER_COLUMNS = (
    Column("Storage mover", None, min_width=20, priority=9),
    Column("Agents", 7, "right", priority=5),
    Column("Projects", 8, "right", priority=4),
)


async def register(screen: LongshoreScreen, mover: str) -> None:
    """Make a token and wait for the agent that registers with it.

    Args:
        screen: where it was asked for.
        mover: the storage mover that it is for; empty to ask, if there are several.
    """
    from tui.deed_commands import DeedCommands
    from tui.screens.register import RegisterScreen

    name = mover or (screen.own.mover if screen.own is not None else "") or await _chosen(screen)
    if not name:
        return
    token = await screen.command(DeedCommands(screen.longshore.commands).make_token, name)
    found = await screen.read(_facts, name, token.id) if token is not None else None
    if token is None or found is None:
        return
    state, suggestion = found
    if state is None:
        return
    words = await screen.app.push_screen_wait(RegisterScreen(name, suggestion, token, state))
    if words:
        screen.say(words)


async def _chosen(screen: LongshoreScreen) -> str:
    """The only mover, or the one that is chosen of several; empty when there is none, or none was chosen."""
    movers = await screen.read(hierarchy.movers)
    if movers is None:
        return ""
    if not movers:
        screen.refuse(
            f"There is no storage mover yet: {key('resource.new')} makes one, and agents are registered with it.",
            "warn",
        )
        return ""
    if len(movers) == 1:
        return movers[0].name
    from tui.screens.pick import PickScreen

    listed = Listed(MOVER_COLUMNS, tuple(map(_mover_row, movers)), {})
    lines = ["Register an agent with which storage mover?", "An agent works for one, for as long as it is registered."]
    return await screen.app.push_screen_wait(PickScreen(lines, listed, "choose it", screen.longshore.glyphs)) or ""


def _facts(reader: Reader, mover: str, token_id: int) -> tuple[TokenState | None, str]:
    """The token as it is, and a name for the agent."""
    mover_id = next((row.id for row in hierarchy.movers(reader) if row.name == mover), 0)
    names = [agent.name for agent in hierarchy.agents(reader, mover_id)]
    return token_state(reader, token_id), next_name(names)


def _mover_row(mover: MoverRow) -> Row:
    return Row(mover.name, (Cell(mover.name, "strong"), Cell(str(mover.agents)), Cell(str(mover.projects))))
