"""Driving the screen in tests: waiting for what is to be seen, never for time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from textual.pilot import Pilot

from tests.tui.sample_store import SampleStore
from tui.app import LongshoreApp
from tui.presentation.glyphs import UNICODE, Glyphs

LIMIT_SECONDS = 15.0


def app_of(sample: SampleStore, *, read_only: bool = False, glyphs: Glyphs = UNICODE) -> LongshoreApp:
    """The application over a sample store, under the sample's clock."""
    return LongshoreApp(sample.place, read_only=read_only, glyphs=glyphs, clock=sample.clock)


def seen(app: LongshoreApp) -> str:
    """The text of the screen as it is painted."""
    lines = app.screen._compositor.render_strips()
    return "\n".join(strip.text for strip in lines)


async def still(pilot: Pilot[int], seconds: float = 0.8) -> None:
    """Wait until the screen has not changed for longer than a tick: then everything that comes has come."""
    app = pilot.app
    assert isinstance(app, LongshoreApp)
    loop = asyncio.get_running_loop()
    since, before = loop.time(), seen(app)
    while loop.time() - since < seconds:
        await pilot.pause(0.05)
        if (now := seen(app)) != before:
            since, before = loop.time(), now


async def until(pilot: Pilot[int], wanted: str | Callable[[], bool], *, absent: bool = False) -> str:
    """Wait until a text is (or is no longer) on the screen, or a condition holds; the screen's text."""
    deadline = asyncio.get_running_loop().time() + LIMIT_SECONDS
    app = pilot.app
    assert isinstance(app, LongshoreApp)
    while True:
        await pilot.pause()
        text = seen(app)
        done = (wanted in text) != absent if isinstance(wanted, str) else wanted()
        if done:
            return text
        assert asyncio.get_running_loop().time() < deadline, f"never {'gone' if absent else 'seen'}: {wanted}\n{text}"
        await asyncio.sleep(0.02)
