"""The application: it owns the follower and the commands, and opens screens."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
import traceback
from typing import Any, ClassVar

from rich.text import Text
from textual import events
from textual.app import App

from store.clock import Clock
from store.display import display
from store.errors import StoreUnavailable
from store.place import StorePlace
from store.queries import runs
from tui.commands import Commands
from tui.following import NOTHING, StoreChanges, StoreFollower
from tui.presentation import format as figures
from tui.presentation.glyphs import UNICODE, Glyphs
from tui.screens.base import LongshoreScreen
from tui.screens.main import MainScreen
from tui.typing_ahead import TypingAhead

CLOCK_SECONDS = 5.0
"""How often what only time changes is looked at again: ages, and agents that fell silent."""

UPKEEP_SECONDS = 60.0
"""How often this process offers to do some of the store's upkeep."""

_SIGNALS = {signal.SIGTERM: 143, signal.SIGHUP: 129}


class LongshoreApp(App[int]):
    """The control room. It reads through ``follower`` and writes through ``commands``."""

    TITLE = "Longshore"
    ENABLE_COMMAND_PALETTE = False
    INLINE_PADDING = 0
    BINDINGS: ClassVar = []

    DEFAULT_CSS = """
    Screen { background: $surface; }
    ModalScreen { background: $background 60%; }
    """

    def __init__(
        self, place: StorePlace, *, read_only: bool = False, glyphs: Glyphs = UNICODE, clock: Clock | None = None
    ) -> None:
        super().__init__()
        self.place = place
        self.read_only = read_only
        self.glyphs = glyphs
        self.follower = StoreFollower(place, self._store_changed, self.trouble, clock)
        self.commands = Commands(place, read_only=read_only)
        self.typing_ahead = TypingAhead(self)
        self.time_passed = False
        self._trouble: StoreUnavailable | None = None
        self._trouble_since = 0.0
        self._put_off = NOTHING

    def on_mount(self) -> None:
        self._handle_signals()
        self.push_screen(MainScreen())
        # As a worker: an exception in it ends the application instead of freezing it in silence.
        self.run_worker(self.follower.run(), group="follower", exit_on_error=True)
        self.set_interval(CLOCK_SECONDS, self._clock)
        self.set_interval(1.0, self._show_trouble)
        self.set_interval(UPKEEP_SECONDS, self._upkeep)
        self.call_after_refresh(lambda: self.run_worker(self._warm_up(), group="warm-up", exit_on_error=True))

    def on_unmount(self) -> None:
        self.follower.stop()
        self.commands.close()

    # Keys

    async def on_event(self, event: events.Event) -> None:
        if not isinstance(event, events.Key) or event.is_forwarded:
            await super().on_event(event)
        elif self.typing_ahead.begin(event):
            target = self.focused or self.screen
            await super().on_event(event)
            self.typing_ahead.given_to(target)

    def push_screen(self, screen: Any, *arguments: Any, **options: Any) -> Any:
        """As Textual's, and told to whoever types ahead."""
        pushed = super().push_screen(screen, *arguments, **options)
        self.typing_ahead.flow_asks()
        return pushed

    def _handle_signals(self) -> None:
        """Restore the terminal and exit with the shell's code (fault F30): Textual by itself does neither."""
        loop = asyncio.get_running_loop()
        for number, code in _SIGNALS.items():
            try:
                loop.add_signal_handler(number, self._leave, code)
            except (NotImplementedError, RuntimeError, ValueError):
                return

    def _leave(self, code: int) -> None:
        self.exit(code, return_code=code)

    async def _warm_up(self) -> None:
        """Import the ORM and open the store for writing, so that the first launch does not wait for it."""
        try:
            await asyncio.to_thread(self.commands.warm_up)
        except StoreUnavailable as error:
            self.trouble(error)

    def _fatal_error(self) -> None:
        """After a crash: where it was, without the values of variables (they hold outside text and paths).

        Textual's own prints those raw; it calls this hook for every exception that nobody handled.
        """
        frames = "".join(traceback.format_exc()).splitlines()
        words = [display(line).replace("\\\\", "\\") for line in frames]
        told = "\n".join(
            [*words, "", "Longshore's screen has crashed; agents and runs go on. This is a bug: please report it."]
        )
        self.panic(Text(told))

    # Following the store

    async def _store_changed(self, changes: StoreChanges) -> None:
        # The store was read just now: whoever met trouble before, it is over.
        self.trouble(None)
        self._put_off = self._put_off.merged(changes)
        screen = next((s for s in reversed(self.screen_stack) if isinstance(s, LongshoreScreen)), None)
        if screen is None or not screen.ready or link_is_busy(self):
            # Told again with the next tick; nothing of it is lost.
            self.follower.wake()
            return
        told, self._put_off = self._put_off, NOTHING
        await screen.store_changed(told)
        self.time_passed = False

    def _clock(self) -> None:
        """Time itself changes what is shown; and a cancel past its deadline is the store's to end."""
        self.time_passed = True
        self.follower.wake()
        self.run_worker(self._sweep(), group="sweep", exclusive=True, exit_on_error=True)

    async def _sweep(self) -> None:
        now_due = await self._overdue()
        if now_due:
            try:
                await asyncio.to_thread(self.commands.sweep)
            except StoreUnavailable as error:
                self.trouble(error)

    def _upkeep(self) -> None:
        self.run_worker(self._maintain(), group="upkeep", exclusive=True, exit_on_error=True)

    async def _maintain(self) -> None:
        # Whoever reads or writes meets the same trouble and tells it; upkeep that is late is none.
        with contextlib.suppress(StoreUnavailable):
            await asyncio.to_thread(self.commands.maintain)

    async def _overdue(self) -> bool:
        try:
            return await self.follower.read(runs.cancel_overdue)
        except StoreUnavailable:
            return False

    def trouble(self, error: StoreUnavailable | None) -> None:
        """The store is out of reach (or back): the header says for how long, and what is shown is marked old."""
        if error is None and self._trouble is None:
            return
        if self._trouble is None:
            self._trouble_since = time.monotonic()
        self._trouble = error
        if error is None and isinstance(self.screen, LongshoreScreen) and self.screen.ready:
            self.screen.key_bar.clear_message()
        self._show_trouble()

    def _show_trouble(self) -> None:
        screen = self.screen
        if not isinstance(screen, LongshoreScreen) or not screen.ready:
            return
        if self._trouble is None:
            screen.top_bar.set_stale("")
            return
        age = figures.duration(time.monotonic() - self._trouble_since)
        screen.top_bar.set_stale(f"store out of reach for {age}")
        from tui.presentation.cells import Cell

        screen.key_bar.show_message([Cell(display(self._trouble.sentence), "bad")])


def link_is_busy(app: App[int]) -> bool:
    """Whether the terminal has not taken what was painted last: then a tick is skipped.

    Textual queues thirty screens before it blocks, which on a slow link is half a minute of late
    keys (reference terminal §5b). The attributes are Textual's own: without them nothing is skipped.
    """
    writer = getattr(getattr(app, "_driver", None), "_writer_thread", None)
    queue = getattr(writer, "_queue", None)
    return bool(queue is not None and queue.qsize())
