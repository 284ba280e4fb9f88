"""What is on the screen as a file: its text, or a picture of it."""

from __future__ import annotations

import io
import re
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from textual.app import App

from tui.presentation.glyphs import Glyphs
from tui.widgets.cell_widget import inert

TEXT, PICTURE = ".txt", ".svg"

_FONTS = re.compile(r"@font-face\s*\{[^}]*\}\s*")
"""A picture names fonts of a server of others: whoever opens it would ask there."""

_NOT_ASCII = re.compile("[^\n -~]")


def text_of(app: App[Any], glyphs: Glyphs) -> str:
    """The lines of the screen as they are seen, with what lies behind a dialog; ASCII where the screen is."""
    width, height = app.size
    console = Console(
        width=width, height=height, file=io.StringIO(), record=True, legacy_windows=False, force_terminal=True
    )
    # Textual's own: its pictures are made in this way.
    console.print(app.screen._compositor.render_update(full=True, screen_stack=app._background_screens))
    lines = [inert(line).rstrip() for line in console.export_text().splitlines()]
    text = "\n".join(lines).rstrip("\n") + "\n"
    return text if glyphs.unicode else _NOT_ASCII.sub(lambda found: _escaped(found.group()), text)


def picture_of(app: App[Any]) -> str:
    """The screen as SVG."""
    return _FONTS.sub("", app.export_screenshot(title="Longshore"))


def suggested_name(now: datetime) -> Path:
    """The file name that is offered: sorts by time, and two in one second are asked about."""
    return Path(f"longshore-{now:%Y%m%d-%H%M%S}{TEXT}")


def _escaped(character: str) -> str:
    return f"\\u{ord(character):04x}" if ord(character) <= 0xFFFF else f"\\U{ord(character):08x}"
