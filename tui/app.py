"""The application: it owns the follower and the commands, and opens screens."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import traceback
from pathlib import Path
from typing import Any, ClassVar

from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from store.clock import Clock
from store.display import display
from store.errors import StoreUnavailable
from store.place import StorePlace
from store.queries import runs
from tui.commands import Commands
from tui.config import Config
from tui.flows.mouse import report_less
from tui.following import EVERYTHING, NOTHING, StoreChanges, StoreFollower
from tui.keymap import use
from tui.lean_app import LeanApp
from tui.presentation import format as figures
from tui.presentation.glyphs import UNICODE, Glyphs
from tui.screens.base import LongshoreScreen
from tui.screens.following_sheet import FollowingSheet
from tui.screens.main import MainScreen
from tui.threads import LooseThreads
from tui.tidying import PAUSE_SECONDS, Tidying
from tui.tree_source import first_page
from tui.typing_ahead import TypingAhead
from tui.widgets.virtual_table import VirtualTable

CLOCK_SECONDS = 5.0
"""How often what only time changes is looked at again: ages, and agents that fell silent."""

UPKEEP_SECONDS = 60.0
"""How often this process offers to do some of the store's upkeep."""

PATIENCE_SECONDS = 3.0
"""How long the store may owe an answer before what is shown is marked old."""

WARM_UP_SECONDS = 1.0
"""When the ORM is imported: half a second of processor time, which the first page and the first keys come before."""

_SIGNALS = {signal.SIGTERM: 143, signal.SIGHUP: 129}


class LongshoreApp(LeanApp[int], inherit_bindings=False):
    """The control room. It reads through ``follower`` and writes through ``commands``.

    Textual's own keys are left out: its ``ctrl+q`` comes before any dialog's keys, and would quit a form without a
    word on what was typed there.
    """

    TITLE = "Longshore"
    ENABLE_COMMAND_PALETTE = False
    INLINE_PADDING = 0
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c", "help_quit", show=False, id="app.help_quit"),
    ]

    DEFAULT_CSS = """
    Screen { background: $surface; }
    ModalScreen { background: $background 60%; }
    """

    def __init__(
        self,
        place: StorePlace,
        *,
        read_only: bool = False,
        glyphs: Glyphs = UNICODE,
        clock: Clock | None = None,
        config: Config | None = None,
        tidying: Tidying | None = None,
    ) -> None:
        """Prepare the screen.

        Args:
            place: the store.
            read_only: refuse whatever changes the store.
            glyphs: the set to draw with.
            clock: another clock than the store's (tests).
            config: what the config file says.
            tidying: looks for garbage, in a process that has no other work; None for Python's own ways.
        """
        super().__init__(unicode=glyphs.unicode)
        self.place = place
        self.read_only = read_only
        self.glyphs = glyphs
        settings = config or Config(Path())
        self.keymap = settings.keymap
        use(self.keymap)
        if settings.theme:
            self.theme = settings.theme
        self.follower = StoreFollower(place, self._store_changed, self.trouble, clock, settings.refresh)
        self.commands = Commands(place, read_only=read_only, clock=clock)
        self.typing_ahead = TypingAhead(self)
        self.tidying = tidying
        self.time_passed = False
        self._trouble: StoreUnavailable | None = None
        self._put_off = NOTHING

    def on_load(self) -> None:
        # Read while the screen is being made, so that the first picture has it.
        self.first_page = self.follower.ahead(first_page, self.glyphs)

    def get_default_screen(self) -> MainScreen:
        """The one below all others. Textual's own is an empty one, which would be laid out as often as ours."""
        return MainScreen()

    def on_mount(self) -> None:
        asyncio.get_running_loop().set_default_executor(LooseThreads(thread_name_prefix="store-writer"))
        self._handle_signals()
        report_less(self)
        # As a worker: an exception in it ends the application instead of freezing it in silence.
        self.run_worker(self.follower.run(), group="follower", exit_on_error=True)
        self.set_interval(CLOCK_SECONDS, self._clock)
        self.set_interval(1.0, self._show_trouble)
        if self.tidying is not None:
            self.set_interval(1.0, self.tidying.tidy)
        self.set_interval(UPKEEP_SECONDS, self._upkeep)
        self.set_timer(WARM_UP_SECONDS, self._begin_to_warm_up)

    def on_key(self, event: events.Key) -> None:
        """What no dialog took for itself: help on it, and saving it; full screens have keys of their own for that."""
        if not isinstance(self.screen, ModalScreen) or event.key in self.screen.active_bindings:
            return
        if event.key in self.keymap.action("help").keys.split(","):
            event.prevent_default()
            from tui.flows.helping import show_help

            show_help(self.screen)
        elif event.key in self.keymap.action("save").keys.split(","):
            below = next((s for s in reversed(self.screen_stack) if isinstance(s, LongshoreScreen)), None)
            if below is not None:
                event.prevent_default()
                below.do_save()

    def action_help_quit(self) -> None:
        """Whoever is used to leave programs so reads how to leave this one."""
        if (screen := self.front_screen) is not None:
            screen.say(f"{self.keymap.key('quit')} quits; agents and runs go on.")

    def on_unmount(self) -> None:
        self.follower.stop()
        self.commands.close()

    # Keys

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Key) and self.tidying is not None:
            self.tidying.key()
        if not isinstance(event, events.Key) or event.is_forwarded:
            await super().on_event(event)
        elif self.typing_ahead.begin(event):
            target = self.focused or self.screen
            await super().on_event(event)
            self.typing_ahead.given_to(target)

    def on_virtual_table_loaded(self, event: VirtualTable.Loaded) -> None:
        event.stop()
        self.typing_ahead.rows_came(event.table)

    def push_screen(self, screen: Any, *arguments: Any, **options: Any) -> Any:
        """As Textual's, and told to whoever types ahead."""
        pushed = super().push_screen(screen, *arguments, **options)
        self.typing_ahead.flow_asks()
        return pushed

    def pop_screen(self) -> Any:
        """As Textual's, and told to whoever tidies up."""
        popped = super().pop_screen()
        if self.tidying is not None:
            self.tidying.left()
            self.set_timer(2 * PAUSE_SECONDS, self.tidying.tidy)
        return popped

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

    def _begin_to_warm_up(self) -> None:
        # The method and not its coroutine: a screen that is closing makes no worker, and nobody would await it.
        self.run_worker(self._warm_up, group="warm-up", exit_on_error=True)  # type: ignore[arg-type]

    async def _warm_up(self) -> None:
        """Import the ORM and open the store for writing, so that the first launch does not wait for it."""
        with contextlib.suppress(StoreUnavailable):
            await asyncio.to_thread(self.commands.warm_up)
        if self.tidying is not None:
            self.tidying.keep()

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
        # The store was read just now: whoever met trouble before, it is over, and may have missed an answer.
        if self._trouble is not None:
            changes = EVERYTHING
        self.trouble(None)
        self._put_off = self._put_off.merged(changes)
        screen = self.front_screen
        if screen is None or self.link_is_busy:
            # Told again with the next tick; nothing of it is lost.
            self.follower.wake()
            return
        told, self._put_off = self._put_off, NOTHING
        await screen.store_changed(told)
        for sheet in self.screen_stack:
            if isinstance(sheet, FollowingSheet):
                await sheet.store_changed(told)
        self.time_passed = False

    def _clock(self) -> None:
        """Time itself changes what is shown; and a cancel past its deadline is the store's to end."""
        self.time_passed = True
        self.follower.wake()
        self.run_worker(self._sweep(), group="sweep", exclusive=True, exit_on_error=True)

    async def _sweep(self) -> None:
        if await self._overdue():
            with contextlib.suppress(StoreUnavailable):
                await asyncio.to_thread(self.commands.sweep)

    def _upkeep(self) -> None:
        self.run_worker(self._maintain(), group="upkeep", exclusive=True, exit_on_error=True)

    async def _maintain(self) -> None:
        with contextlib.suppress(StoreUnavailable):
            await asyncio.to_thread(self.commands.maintain)

    async def _overdue(self) -> bool:
        try:
            return await self.follower.read(runs.cancel_overdue)
        except StoreUnavailable:
            return False

    def trouble(self, error: StoreUnavailable | None) -> None:
        """The store cannot be read (or can again): the header says how old what is shown is, the key bar why.

        A store that cannot be written is no such trouble: who writes is told, and what the store does by itself
        (upkeep, ending what overstays a cancel) is done when it can be.
        """
        if error is None and self._trouble is None:
            return
        if self._trouble is None:
            # One list may have met what is over already.
            self.follower.wake()
        told, self._trouble = self._trouble, error
        screen = self.front_screen
        if screen is not None and (error is None or told is None or told.sentence != error.sentence):
            screen.key_bar.clear_message()
        self._show_trouble()

    def _show_trouble(self) -> None:
        screen = self.front_screen
        if screen is None:
            return
        error, waits = self._trouble, self.follower.unanswered > PATIENCE_SECONDS
        what = "store out of reach" if error is not None else "no answer from the store"
        age = self.follower.age
        old = "" if age is None else f", data {figures.duration(age)} old"
        screen.top_bar.set_stale(what + old if error is not None or waits else "")
        if error is not None and not screen.key_bar.has_message:
            from tui.presentation.cells import Cell

            screen.key_bar.show_message([Cell(display(error.sentence), "bad")])

    @property
    def front_screen(self) -> LongshoreScreen | None:
        """The topmost full screen, with or without a sheet over it; None while it is not ready."""
        found = next((s for s in reversed(self.screen_stack) if isinstance(s, LongshoreScreen)), None)
        return found if found is not None and found.ready else None
