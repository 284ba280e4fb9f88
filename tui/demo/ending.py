"""Being asked to end: signals become an exception, so that what was made is removed, and never at a bad moment."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


class Terminated(BaseException):
    """A signal asked this process to end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number


class Endings:
    """Turns ending signals into :class:`Terminated` in the main thread while it is entered."""

    def __init__(self) -> None:
        self._held = 0
        self._pending = 0

    @contextlib.contextmanager
    def raising(self) -> Iterator[None]:
        """Raise where the signal meets the code."""
        before = {number: signal.signal(number, self._on_signal) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextlib.contextmanager
    def held_back(self) -> Iterator[None]:
        """Raise only at the end: for a step that must not be left half done, such as starting a process."""
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1
        if self._pending and not self._held:
            raise Terminated(self._pending)

    @contextlib.contextmanager
    def ignored(self) -> Iterator[None]:
        """Let nothing interrupt the putting away; whoever is asked to end twice is ending already."""
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        yield

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self._pending = number
        if not self._held:
            raise Terminated(number)
