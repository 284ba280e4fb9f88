"""Going to anything by its kind and a part of its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from store.queries.find import Found
from store.queries.find import find as find_named
from tui.flows.opening import open_subject, show_in_tree
from tui.goto import EVENTS, Wanted

if TYPE_CHECKING:
    from tui.screens.base import LongshoreScreen

MOST_FOUND = 20
"""Completions at most: who needs more types another letter."""


async def find(screen: LongshoreScreen) -> None:
    """Let something be named, and go there; leaving that changes nothing."""
    from tui.screens.find import FindScreen

    follower = screen.longshore.follower

    async def search(asked: Wanted) -> list[Found]:
        if not asked.text and not asked.kinds:
            return []
        return await follower.read(find_named, asked.text, MOST_FOUND, asked.kinds)

    going = await screen.app.push_screen_wait(FindScreen(search, screen.longshore.glyphs))
    if going is None:
        return
    subject = going.goal.subject
    if subject is None:
        if going.goal.kind == EVENTS:
            from tui.screens.events import EventsScreen

            screen.app.push_screen(EventsScreen(None))
        else:
            screen.do_quit()
    elif going.in_tree:
        await show_in_tree(screen, subject)
    else:
        await open_subject(screen, subject)
