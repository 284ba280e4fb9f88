"""The application as far as it deals with a terminal and the link to it: it writes little, and never ahead of it."""

from __future__ import annotations

import time
from functools import lru_cache
from typing import Any, TypeVar

from textual import messages
from textual._compositor import CompositorUpdate
from textual._styles_cache import StylesCache
from textual.app import App
from textual.color import Color
from textual.driver import Driver
from textual.screen import Screen
from textual.style import Style

from tui.painting import Painted, Painter
from tui.terminal_driver import TerminalDriver

Result = TypeVar("Result")

QUESTION = "\x1b[?2026$p"
"""What a terminal that knows synchronized output answers, once it has come to it: so it tells how far it is."""

ANSWER_SECONDS = 2.0
"""How long an answer is waited for before numbers tick again without it."""

UNANSWERED = 3
"""Questions in a row without an answer, after which no more are asked until one comes."""

CATCH_UP_SECONDS = 0.02
"""How soon it is looked again whether a terminal that was behind has caught up."""


@lru_cache(1024)
def _backgrounds(base: Color, background: Color) -> tuple[Style, Style]:
    return Style(background=base + background), Style(background=base)


# Textual remembers the answers by the widget that asked, too: a thousand widgets that are long gone stay, with all the
# lines that they drew (2 MB for each run that is looked at).
StylesCache.get_inner_outer = lambda _, base, background: _backgrounds(base, background)  # type: ignore[assignment]


class LeanApp(App[Result]):
    """Writes to the terminal what differs from what it shows, and nothing while it is behind.

    A picture that is not written is made up for by the next one: on a slow link one sees fewer, and the newest.
    """

    def __init__(self, *, unicode: bool) -> None:
        super().__init__()
        self.painter = Painter(color=not self.no_color, unicode=unicode)
        self._late = False
        """A picture was not written, and is to be made up for."""
        self._asked_at: float | None = None
        self._unanswered = 0

    def get_driver_class(self) -> type[Driver]:
        return TerminalDriver

    def on_mount(self) -> None:
        self.app_resume_signal.subscribe(self, lambda _: self.painter.forget())

    def on_resize(self) -> None:
        self.painter.forget()

    @property
    def terminal_is_stuck(self) -> bool:
        """Whether the terminal did not take what was to restore it: nothing that waits for it will end."""
        return isinstance(self._driver, TerminalDriver) and self._driver.stuck

    @property
    def link_is_busy(self) -> bool:
        """Whether the terminal has not taken what was painted last: then a tick is skipped.

        The queues on the way (of Textual, of the system, of ssh) hold half a minute of a slow link's bytes; whatever
        is in them comes before the next key's echo (reference terminal §5b).
        """
        if self._behind:
            return True
        if self._asked_at is None:
            return False
        if time.monotonic() - self._asked_at < ANSWER_SECONDS:
            return True
        self._unanswered += 1
        self._asked_at = None
        return False

    @property
    def _behind(self) -> bool:
        return isinstance(self._driver, TerminalDriver) and self._driver.watched.behind

    def _display(self, screen: Screen[object], renderable: Any) -> None:
        """Textual calls this with each picture that is to be written."""
        if isinstance(renderable, CompositorUpdate) and not self.is_headless and not self._batch_count:
            renderable = self._lean(renderable)
        super()._display(screen, renderable)

    def _lean(self, update: CompositorUpdate) -> CompositorUpdate | None:
        if self._behind:
            if not self._late:
                self._late = True
                self.set_timer(CATCH_UP_SECONDS, self._catch_up)
            return None
        found = self.painter.lean(update, self.console, *self.size)
        if isinstance(found, Painted) and self._sync_available and self._unanswered < UNANSWERED:
            found.text += QUESTION
            self._asked_at = time.monotonic()
        return found

    def _catch_up(self) -> None:
        self._late = False
        # Painted in full by Textual; of that, only what differs from the last picture written goes out.
        self.screen.refresh()

    def on_terminal_supports_synchronized_output(self, _: messages.TerminalSupportsSynchronizedOutput) -> None:
        """The terminal has answered: it has shown all that was written before the question."""
        self._asked_at = None
        self._unanswered = 0
