"""Saving what is on the screen to a file."""

from __future__ import annotations

import asyncio
import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.screen import Screen

from store.display import display
from store.errors import LongshoreError
from store.upkeep.newfile import new_file
from tui.saved_view import PICTURE, picture_of, suggested_name, text_of

if TYPE_CHECKING:
    from tui.app import LongshoreApp
    from tui.screens.base import LongshoreScreen


async def save(screen: LongshoreScreen) -> None:
    """Save the view as it was when the key was pressed, whatever is shown while the name is asked for."""
    from tui.screens.save import SaveScreen

    app = screen.longshore
    if any(holds_secret(shown) for shown in (app.screen, *app._background_screens)):
        screen.say("This view holds a secret: it is not saved.", "warn")
        return
    text, picture = text_of(app, app.glyphs), picture_of(app)
    named = await app.push_screen_wait(SaveScreen(suggested_name(datetime.now()), app.glyphs))
    if named is None:
        return
    path = Path(os.path.expanduser(named))
    content = picture if named.lower().endswith(PICTURE) else text
    replace = await asyncio.to_thread(path.is_file)
    if replace and not await _replaces(app, named):
        screen.say("Nothing was saved.")
        return
    try:
        await asyncio.to_thread(_write, path, content, replace)
    except LongshoreError as error:
        screen.say(error.sentence, "bad")
    else:
        screen.say(f"Saved to '{named}'.", "ok")


def holds_secret(screen: Screen[Any]) -> bool:
    """Whether a screen shows what must be in no file."""
    return bool(getattr(screen, "HOLDS_SECRET", False))


async def _replaces(app: LongshoreApp, name: str) -> bool:
    from tui.screens.confirm import ConfirmScreen

    lines = [f"Replace the file '{display(name, 50)}'?", "What it holds now is lost."]
    return await app.push_screen_wait(ConfirmScreen(lines, "Replace it", app.glyphs))


def _write(path: Path, content: str, replace: bool) -> None:
    with new_file(path, replace=replace) as part:
        part.write_text(content, encoding="utf-8", newline="")
