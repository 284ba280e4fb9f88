"""Textual's driver of a terminal, with what a link asks for that is slow, or frozen, or gone."""

from __future__ import annotations

import os
import selectors
import sys
import time
from codecs import getincrementaldecoder
from contextlib import suppress
from queue import Full
from typing import TYPE_CHECKING, Any, TextIO, cast

from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver

if TYPE_CHECKING:
    from textual.app import App

LOOK_SECONDS = 0.1
"""How often the thread that reads keys looks whether the program ends."""

BEHIND_SECONDS = 0.01
"""How long a write may take before the terminal counts as behind: one to a terminal that keeps up takes a tenth."""

PATIENCE_SECONDS = 2.0
"""How long the end of the program waits for a terminal that takes nothing."""


class WatchedFile:
    """The terminal to write to, and whether it keeps up: a write that is under way waits for the link."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._since: float | None = None
        self.gone = False
        """Nothing can be written any more: the terminal was closed."""

    def write(self, text: str) -> None:
        """Write, for as long as there is a terminal."""
        if self._since is None:
            self._since = time.monotonic()
        try:
            if not self.gone:
                self._file.write(text)
        except OSError:
            self.gone = True

    def flush(self) -> None:
        """Wait until the terminal has taken what was written."""
        try:
            if not self.gone:
                self._file.flush()
        except OSError:
            # The program learns of it by a signal; the thread that writes must live to empty its queue.
            self.gone = True
        self._since = None

    @property
    def behind(self) -> bool:
        """Whether a write has been under way for longer than one takes."""
        since = self._since
        return since is not None and time.monotonic() - since > BEHIND_SECONDS

    def fileno(self) -> int:
        return self._file.fileno()

    def isatty(self) -> bool:
        return self._file.isatty()


class TerminalDriver(LinuxDriver):
    """Writes to a ``WatchedFile``, hands on a lone escape key when its time is over, and always comes to an end.

    Textual's own looks at a lone escape ten times a second only, whatever ``ESCDELAY`` says, and waits at its end
    until the terminal has taken everything.
    """

    def __init__(
        self, app: App[Any], *, debug: bool = False, mouse: bool = True, size: tuple[int, int] | None = None
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        assert sys.__stderr__ is not None
        self.watched = WatchedFile(sys.__stderr__)
        self._file = cast(Any, self.watched)

    def _get_terminal_size(self) -> tuple[int, int]:
        """The terminal's own word: COLUMNS and LINES, which a shell may export, do not follow it."""
        try:
            width, height = os.get_terminal_size(self.fileno)
        except OSError:
            return super()._get_terminal_size()
        return (width, height) if width and height else super()._get_terminal_size()

    def run_input_thread(self) -> None:
        """Read keys until the program ends."""
        parser = XTermParser(self._debug)
        decode = getincrementaldecoder("utf-8")(errors="replace").decode
        with selectors.SelectSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                due = parser._timeout_time
                wait = LOOK_SECONDS if due is None else min(LOOK_SECONDS, max(0.0, due - time.monotonic()))
                if selector.select(wait):
                    try:
                        data = os.read(self.fileno, 4_096)
                    except OSError:
                        data = b""
                    if not data:
                        # The terminal is gone: a signal says so, or it does not (nohup).
                        self._app.call_later(self._app.exit, return_code=129)
                        return
                    for message in parser.feed(decode(data)):
                        self.process_message(message)
                for message in parser.tick():
                    self.process_message(message)

    stuck = False
    """Nothing came through to the terminal until the end: the thread that writes still waits."""

    def close(self) -> None:
        """End the thread that writes; a terminal that takes nothing is waited for in vain, and not for long."""
        writer = self._writer_thread
        if writer is None:
            return
        with suppress(Full):
            writer._queue.put_nowait(None)
        writer.join(PATIENCE_SECONDS)
        self.stuck = writer.is_alive()
