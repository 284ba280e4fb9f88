"""Driving the screen in tests: waiting for what is to be seen, never for time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from textual._context import visible_screen_stack
from textual.app import App
from textual.pilot import Pilot
from textual.strip import Strip

from tests.tui.sample_store import SampleStore
from tui.app import LongshoreApp
from tui.following import TICK_SECONDS
from tui.presentation.glyphs import UNICODE, Glyphs

LIMIT_SECONDS = 60.0
"""What a busy machine may take to show anything; none of it is waited for on one that is not."""

FOLLOWED_SECONDS = TICK_SECONDS + 0.1
"""Longer than what changed may be held back until it is told."""

ANSWERED_SECONDS = 0.5
"""What a screen that shows what was wanted may still wait for the rest of it."""

LOOKS = 20
"""So many times nothing may have changed: on a machine that gives us no time, seconds pass in which nothing could."""


def app_of(sample: SampleStore, *, read_only: bool = False, glyphs: Glyphs = UNICODE) -> LongshoreApp:
    """The application over a sample store, under the sample's clock."""
    return LongshoreApp(sample.place, read_only=read_only, glyphs=glyphs, clock=sample.clock)


def painted(app: App[int]) -> list[Strip]:
    """The lines of the screen, with what stands behind a dialog.

    Textual is told what that is with each painting. To look without saying it would leave the dialog on a blank
    background, and Textual keeps that.
    """
    visible_screen_stack.set(app._background_screens)
    return app.screen._compositor.render_strips()


def seen(app: App[int]) -> str:
    """The text of the screen as it is painted."""
    return "\n".join(strip.text for strip in painted(app))


async def still(pilot: Pilot[int]) -> None:
    """Wait until every question to the store is answered and no tick, owed or to come, changes the screen."""
    app = pilot.app
    assert isinstance(app, LongshoreApp)

    loop = asyncio.get_running_loop()
    # Colours, too: that a key has become of no use shows in nothing else.
    since, before, looks = loop.time(), painted(app), 0
    while loop.time() - since < FOLLOWED_SECONDS or looks < LOOKS:
        await pilot.pause(0.02)
        looks += 1
        if (now := painted(app)) != before or app.follower.unanswered:
            since, before, looks = loop.time(), now, 0


async def until(pilot: Pilot[int], wanted: str | Callable[[], bool], *, absent: bool = False) -> str:
    """Wait until a text is (or is no longer) on the screen, or a condition holds; the screen's text.

    A title may be painted before what stands below it is read: the text is that of a moment later, when the store
    owes no answer, unless what was wanted has gone by then.
    """
    deadline = asyncio.get_running_loop().time() + LIMIT_SECONDS
    app = pilot.app
    assert isinstance(app, LongshoreApp)
    app.screen._on_timer_update()

    def done(text: str) -> bool:
        return (wanted in text) != absent if isinstance(wanted, str) else wanted()

    while not done(text := seen(app)):
        await pilot.pause()
        assert asyncio.get_running_loop().time() < deadline, f"never {'gone' if absent else 'seen'}: {wanted}\n{text}"
    end = asyncio.get_running_loop().time() + ANSWERED_SECONDS
    while app.is_running and app.follower.unanswered and asyncio.get_running_loop().time() < end:
        await pilot.pause(0.005)
    later = seen(app) if app.is_running else text
    return later if done(later) else text
