"""Opening the screen: is this a terminal, is there a store, and then the application."""

from __future__ import annotations

import gc
import locale
import os
import sys

from store.errors import InvalidInput, StoreUnavailable
from store.place import StorePlace, locate
from store.reader import Reader

DEFAULTS = {
    # Smooth scrolling costs 200 ms a page; an escape key should not wait 100 ms (reference terminal §2).
    "TEXTUAL_ANIMATIONS": "none",
    "ESCDELAY": "25",
}

SWITCH_SECONDS = 0.001


def run_screen(store_url: str | None, read_only: bool = False, ascii_only: bool = False) -> int:
    """Open the screen and stay until it is left.

    Returns:
        The exit code: 0, 128 + the signal that ended it, or 1 after a crash.

    Raises:
        InvalidInput: there is no terminal to draw on. StoreUnavailable: no usable store.
    """
    check_terminal()
    place = ready_store(store_url, read_only=read_only)
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)
    # The thread that paints waits so long at most for one that reads: a key must not, several times over.
    sys.setswitchinterval(SWITCH_SECONDS)
    # Importing makes objects that stay; collecting in between costs a tenth of the start.
    gc.disable()
    from tui.app import LongshoreApp
    from tui.presentation.glyphs import choose

    glyphs = choose(
        ascii_only, locale.getencoding() if not sys.flags.utf8_mode else "utf-8", os.environ.get("TERM", "")
    )
    app = LongshoreApp(place, read_only=read_only, glyphs=glyphs)
    gc.freeze()
    gc.enable()
    result = app.run(mouse=False)
    # A crash leaves no result; Textual has then set a return code and printed what happened.
    return app.return_code or 0 if result is None else result


def check_terminal() -> None:
    """Refuse what cannot be drawn on, and name the twin that works there.

    Raises:
        InvalidInput: stdin or stderr is not a terminal, or it is a dumb one.
    """
    twin = "use the command line: longshore run list, longshore --help"
    if not (sys.stdin.isatty() and sys.__stderr__ is not None and sys.__stderr__.isatty()):
        raise InvalidInput(f"There is no terminal to draw the screen on: {twin}.", code="NoTerminal")
    if os.environ.get("TERM", "") in ("", "dumb"):
        raise InvalidInput(f"This terminal (TERM=dumb) cannot show the screen: {twin}.", code="NoTerminal")


def ready_store(store_url: str | None, *, read_only: bool) -> StorePlace:
    """The place of a store that is there and up to date; makes the embedded one when there is none.

    The check is a plain SQLite read: the ORM is imported only when a schema must be made.
    """
    place = locate(store_url)
    try:
        Reader(place).close()
    except StoreUnavailable as error:
        if error.code not in ("StoreMissing", "StoreOutdated") or read_only:
            raise
        from store.db import open_store

        open_store(place).close()
    return place
