"""What every full screen has: the two bars, the registry's keys, and what follows from the store."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, ClassVar, TypeVar, cast

from textual.binding import Binding, BindingType
from textual.screen import Screen

from store.errors import LongshoreError, StoreUnavailable
from store.queries.runs import Fleet
from tui.actions import action, actions_of, first_key
from tui.following import EVERYTHING, StoreChanges
from tui.presentation.cells import Cell
from tui.presentation.header import fleet_cells
from tui.widgets.key_bar import KeyBar
from tui.widgets.top_bar import TopBar

if TYPE_CHECKING:
    from tui.app import LongshoreApp

Result = TypeVar("Result")
MESSAGE_SECONDS = 6.0


def bindings_of(place: str) -> list[BindingType]:
    """The registry's keys as bindings of a screen."""
    return [
        Binding(found.keys, f"act('{found.id}')", found.description, show=False, id=found.id)
        for found in actions_of(place)
    ]


class LongshoreScreen(Screen[None]):
    """Dispatches actions, follows the store while it is shown, and says what happened.

    A subclass implements ``do_<action>`` for its actions, ``why_not`` for those that cannot be done
    now, and ``follow`` for what to read again when the store has changed.
    """

    PLACE: ClassVar[str] = ""

    @property
    def longshore(self) -> LongshoreApp:
        return cast("LongshoreApp", self.app)

    # Actions

    async def action_act(self, identity: str) -> None:
        """Do an action of the registry, or say why it cannot be done."""
        self.key_bar.clear_message()
        reason = self.reason(identity)
        if reason:
            self.say(reason, "warn")
            return
        method: Callable[[], Awaitable[None] | None] = getattr(self, "do_" + identity.replace(".", "_"))
        try:
            pending = method()
            if pending is not None:
                await pending
        except StoreUnavailable as error:
            self.longshore.trouble(error)

    def reason(self, identity: str) -> str:
        """Why an action is disabled now; empty when it is not."""
        if self.longshore.read_only and action(identity).changes:
            return "This screen was opened with --read-only: it changes nothing."
        return self.why_not(identity)

    def why_not(self, identity: str) -> str:
        """A subclass's reasons."""
        return ""

    def refresh_keys(self) -> None:
        """Show the keys of this place, those that do nothing now dimmed."""
        self.key_bar.set_keys(
            [
                (first_key(found), found.label, not self.reason(found.id))
                for found in actions_of(self.PLACE, read_only=self.longshore.read_only)
                if found.label
            ]
        )

    def do_quit(self) -> None:
        self.app.exit(0)

    def do_help(self) -> None:
        from tui.screens.help import HelpScreen

        self.app.push_screen(HelpScreen(self.PLACE, self.longshore.glyphs, read_only=self.longshore.read_only))

    # What happened

    @property
    def key_bar(self) -> KeyBar:
        return self.query_one(KeyBar)

    @property
    def top_bar(self) -> TopBar:
        return self.query_one(TopBar)

    def say(self, sentence: str, style: str = "") -> None:
        """Show one sentence in place of the keys for a while."""
        from store.display import display

        self.key_bar.show_message([Cell(display(sentence), style)])
        self.set_timer(MESSAGE_SECONDS, self.key_bar.clear_message)

    async def command(self, call: Callable[..., Result], *arguments: object) -> Result | None:
        """Run one of the store's operations in a thread; a refusal is said, and None comes back."""
        import asyncio

        try:
            return await asyncio.to_thread(call, *arguments)
        except LongshoreError as error:
            self.say(error.sentence, "bad")
            return None

    # Following the store

    def on_mount(self) -> None:
        self.begin()
        self._begun = True
        self.refresh_keys()
        self.run_worker(self.store_changed(EVERYTHING), group="resume", exclusive=True)

    def begin(self) -> None:
        """A subclass's part of mounting: its children are there now."""

    _begun = False

    @property
    def ready(self) -> bool:
        """Whether the screen is composed, and not yet taken apart: else there is nothing to tell it."""
        return self._begun and bool(self.query(TopBar))

    async def store_changed(self, changes: StoreChanges) -> None:
        """Something changed while this screen is shown."""
        try:
            fleet: Fleet = await self.longshore.follower.read(_fleet)
            self.top_bar.set_right(fleet_cells(fleet, self.longshore.glyphs))
            self.key_bar.set_right(f"r{self.longshore.follower.revision:,}")
            await self.follow(changes)
        except StoreUnavailable as error:
            self.longshore.trouble(error)

    async def follow(self, changes: StoreChanges) -> None:
        """Read again what is shown and may have changed."""

    async def on_screen_resume(self) -> None:
        """Shown (again): what changed meanwhile was told to another screen."""
        if self.ready:
            self.refresh_keys()
            self.run_worker(self.store_changed(EVERYTHING), group="resume", exclusive=True)


def _fleet(reader: object) -> Fleet:
    from store.queries.runs import fleet
    from store.reader import Reader

    return fleet(cast(Reader, reader))
