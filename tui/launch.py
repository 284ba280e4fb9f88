"""Opening the screen: is this a terminal, is there a store, and then the application."""

from __future__ import annotations

import gc
import os
import sys

from store.errors import InvalidInput, StoreUnavailable
from store.place import StorePlace, locate
from store.reader import Reader
from tui import terminal
from tui.config import read_config

SWITCH_SECONDS = 0.001
"""How long one thread may keep another one waiting; Python's own is five times as long."""


def run_screen(
    store_url: str | None, read_only: bool = False, ascii_only: bool = False, config_file: str | None = None
) -> int:
    """Open the screen and stay until it is left.

    Args:
        store_url: The store; None for the usual one.
        read_only: Refuse whatever changes the store.
        ascii_only: Draw with ASCII characters only.
        config_file: The config file; None for the usual one.

    Returns:
        The exit code: 0, 128 + the signal that ended it, or 1 after a crash.

    Raises:
        InvalidInput: there is no terminal to draw on. ConfigInvalid: what is wrong with the config file.
        StoreUnavailable: no usable store.
    """
    check_terminal()
    config = read_config(config_file)
    place = ready_store(store_url, read_only=read_only)
    terminal.prepare(os.environ)
    # The thread that paints waits so long at most for one that reads: a key must not, several times over.
    sys.setswitchinterval(SWITCH_SECONDS)
    # Importing makes objects that stay; collecting in between costs a tenth of the start.
    gc.disable()
    from tui.app import LongshoreApp
    from tui.presentation.glyphs import choose
    from tui.tidying import Tidying

    glyphs = choose(ascii_only or config.ascii, terminal.encoding(os.environ), os.environ.get("TERM", ""))
    tidying = Tidying()
    app = LongshoreApp(place, read_only=read_only, glyphs=glyphs, config=config, tidying=tidying)
    tidying.begin()
    gc.enable()
    result = app.run(mouse=config.mouse)
    # A crash leaves no result; Textual has then set a return code and printed what happened.
    code = app.return_code or 0 if result is None else result
    if app.terminal_is_stuck:
        # The interpreter's own end would wait for it, too. The store is closed; nothing else is open.
        os._exit(code)
    return code


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
