"""Copying a name, a path or a message to the terminal's clipboard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual.app import App

from tui import clipboard

if TYPE_CHECKING:
    from tui.screens.base import LongshoreScreen


async def copy(screen: LongshoreScreen) -> None:
    """Copy the message that tells of trouble, or else what is selected, by the name that commands know it by."""
    raw = screen.key_bar.complaint.strip() or screen.copied
    if raw:
        screen.say(to_clipboard(screen.longshore, raw), "ok")
    else:
        screen.say("Select what is to be copied first: nothing here has a name.", "warn")


def to_clipboard(app: App[Any], raw: str | bytes) -> str:
    """Copy a text; the sentence to ``say``, which shows it: no terminal tells whether it took it.

    A text with control characters in it is copied as it is shown, escaped.
    """
    text, escaped = clipboard.clean(raw)
    size = len(text.encode())
    if size > clipboard.MOST_BYTES:
        return f"{size:,} bytes are too much for a clipboard: ctrl+s saves what is shown to a file."
    environment = clipboard.environment()
    asking = clipboard.request(text, environment)
    driver = getattr(app, "_driver", None)
    if asking and driver is not None:
        driver.write(asking)
    clipboard.tell_tmux(text, environment)
    what = f"{size:,} {'byte' if size == 1 else 'bytes'}{', escaped' if escaped else ''}"
    shown = raw.decode("utf-8", "surrogateescape") if isinstance(raw, bytes) else raw
    return f"Copied {what}: {shown}" if asking else f"This terminal has no clipboard; the {what} are: {shown}"
