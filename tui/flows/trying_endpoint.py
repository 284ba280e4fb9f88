"""Trying an endpoint from an agent: which one, whether a probe is written, and then the sheet with its steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from store.queries import details, hierarchy
from store.queries.completion import mover_id_of
from store.queries.details import EndpointDetail
from store.queries.endpoint_tests import endpoint_tests
from store.queries.hierarchy import AgentRow
from store.reader import Reader
from store.vocabulary import EndpointKind
from tui.keymap import key
from tui.presentation import endpoint_test_view as view
from tui.subjects import Subject

if TYPE_CHECKING:
    from tui.screens.base import LongshoreScreen

READ, WRITE = "read", "write"


class _Known(NamedTuple):
    detail: EndpointDetail | None
    agents: list[AgentRow]
    now: int


async def try_endpoint(screen: LongshoreScreen, subject: Subject) -> None:
    """Let an agent try an endpoint, and show how that goes; the sheet may be left, and the test goes on."""
    from tui.deed_commands import DeedCommands
    from tui.screens.endpoint_test import EndpointTestScreen
    from tui.screens.pick import PickScreen

    glyphs = screen.longshore.glyphs
    found = await screen.read(_known, subject.id)
    if found is None or found.detail is None:
        return
    if not found.agents:
        screen.refuse(f"'{subject.mover}' has no agent yet: {key('agent.register')} registers one.", "warn")
        return
    listed = view.agents_listed(found.agents, found.now, glyphs)
    lines = view.choice_lines(subject.path, found.detail.row.place)
    agent = await screen.app.push_screen_wait(PickScreen(lines, listed, "choose it", glyphs))
    if agent is None:
        return
    writes = await _writes(screen, found.detail)
    if writes is None:
        return
    deeds = DeedCommands(screen.longshore.commands)
    while True:
        test_id = await screen.command(deeds.request_test, subject, agent, writes)
        if test_id is None:
            return
        test = await screen.app.push_screen_wait(EndpointTestScreen(subject.path, test_id))
        if not isinstance(test, str):
            screen.say(*view.leaving_words(test))
            return


async def _writes(screen: LongshoreScreen, detail: EndpointDetail) -> bool | None:
    """Whether a probe is to be written; None when it was left at that."""
    from tui.screens.choice import Choice, ChoiceScreen

    if detail.kind == EndpointKind.SOURCE:
        return False
    options = [
        Choice(READ, "Only read: find it, be let in, list it"),
        Choice(WRITE, "Write, too: a small probe is written, read and deleted"),
    ]
    if not detail.as_source and detail.as_target:
        options.reverse()
    chosen = await screen.app.push_screen_wait(ChoiceScreen("What may the agent do?", options, screen.longshore.glyphs))
    return None if chosen is None else chosen == WRITE


def _known(reader: Reader, endpoint_id: int) -> _Known:
    """The endpoint, and the mover's agents: first who tried it last, then those that are there."""
    detail = details.endpoint_detail(reader, endpoint_id)
    if detail is None:
        return _Known(None, [], 0)
    last = [test.agent for test in endpoint_tests(reader, endpoint_id, 1)]
    mover = mover_id_of(reader, detail.mover)
    agents = [] if mover is None else hierarchy.agents(reader, mover)
    agents.sort(key=lambda agent: (agent.name not in last, agent.status in _AWAY, agent.name))
    return _Known(detail, agents, reader.now())


_AWAY = frozenset({"Offline", "RequiresAttention", "Unregistering"})
