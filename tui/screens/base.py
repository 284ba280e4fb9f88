"""What every full screen has: the two bars, the registry's keys, and what follows from the store."""

from __future__ import annotations

from asyncio import Task
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from rich.cells import cell_len
from textual import events
from textual.binding import Binding, BindingsMap, BindingType
from textual.css.query import NoMatches
from textual.reactive import Reactive
from textual.screen import Screen
from textual.timer import Timer
from textual.widget import Widget

from store.errors import LongshoreError, StoreUnavailable
from store.queries.fleet import Fleet
from tui.actions import Action, first_key
from tui.following import EVERYTHING, StoreChanges
from tui.keymap import DEFAULT, Keymap
from tui.presentation.cells import Cell
from tui.presentation.header import fleet_cells
from tui.presentation.reasons import why_never, why_not
from tui.screens.acts import Acts, Creates
from tui.subjects import RUN, Subject, any_of
from tui.widgets.key_bar import KeyBar
from tui.widgets.top_bar import TopBar

if TYPE_CHECKING:
    from tui.app import LongshoreApp

Result = TypeVar("Result")
MESSAGE_SECONDS = 6.0
WAIT_SECONDS = 1.0
"""How long an operation of the store may take before it is said that it goes on."""

NO_ANSWER_YET = "The store has not answered yet: what comes of it is said here."


def bindings_of(place: str, keymap: Keymap = DEFAULT) -> list[BindingType]:
    """The keys of a place's actions as bindings of a screen."""
    return [
        Binding(found.keys, f"act('{found.id}')", found.description, show=False, id=found.id)
        for found in keymap.actions_of(place)
        if found.keys
    ]


def rebind(screen: Screen[Any], bindings: Sequence[BindingType], keymap: Keymap) -> None:
    """Give a screen other keys for what it does; each binding replaces those of its id.

    Textual's own way to do this loses actions without a word (reference terminal §9), so the map of the screen is
    made anew.
    """
    if not keymap.changed:
        return
    given = BindingsMap(bindings).key_to_bindings
    ids = {binding.id for found in given.values() for binding in found} | set(keymap.changed)
    made = {key: list(found) for key, found in given.items()}
    for key, found in screen._bindings.key_to_bindings.items():
        made.setdefault(key, []).extend(binding for binding in found if binding.id not in ids)
    screen._bindings = BindingsMap.from_keys(made)


class LongshoreScreen(Acts, Screen[None]):
    """Dispatches actions, follows the store while it is shown, and says what happened.

    A subclass says what its keys act on (``subject``, ``own``, ``marked``), implements ``do_<action>`` for
    actions of its own, ``why_not`` for those that cannot be done now, and ``follow`` for what to read
    again when the store has changed.
    """

    PLACE: ClassVar[str] = ""

    _operations: ClassVar[set[Task[Any]]] = set()
    """What the store was asked to do and has not answered; a task that nobody holds may vanish."""
    focused: Reactive[Widget | None] = Reactive(None, repaint=False)
    """Textual's own paints the whole screen with each change; the two widgets that it concerns paint themselves."""

    own: Subject | None = None
    """What the whole screen is about: keys act on it where nothing under the cursor fits."""

    @property
    def subject(self) -> Subject | None:
        """What the cursor is on."""
        return None

    @property
    def copied(self) -> str | bytes | None:
        """What ``y`` copies, raw."""
        subject = self.subject
        return None if subject is None else subject.path

    @property
    def marked(self) -> list[Subject]:
        """What was marked in the pane with the focus."""
        return []

    @property
    def creates(self) -> Creates:
        """What ``n`` makes where the cursor is."""
        return Creates()

    @property
    def longshore(self) -> LongshoreApp:
        return cast("LongshoreApp", self.app)

    @property
    def keymap(self) -> Keymap:
        """The keys of this session."""
        return self.longshore.keymap

    # Actions

    async def action_act(self, identity: str) -> None:
        """Do an action of the registry, or say why it cannot be done."""
        if identity != "copy":
            # What was refused may be what is to be copied.
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
        found = self.keymap.action(identity)
        subject = self.subject_of(identity)
        edits = identity == "resource.edit" and (subject is None or subject.kind != RUN)
        if self.longshore.read_only and (found.changes or edits):
            return "This screen was opened with --read-only: it changes nothing."
        subjects = self.subjects_of(identity)
        if found.on and not subjects:
            return why_never(identity, self.subject) or (
                f"Select {any_of(found.on)} first: {self.keymap.key(identity)} {found.does}."
            )
        if identity == "open" and self.own is not None and subjects[0].key == self.own.key:
            return "This is its screen already: select something else to open."
        return self.why_not(identity) or (why_not(identity, subjects[0]) if len(subjects) == 1 else "")

    def why_not(self, identity: str) -> str:
        """A subclass's reasons; what the action acts on is there."""
        return ""

    def subject_of(self, identity: str) -> Subject | None:
        """What an action acts on: what the cursor is on, or what the screen is about."""
        found, subject, own = self.keymap.action(identity), self.subject, self.own
        if found.id == "resource.edit" and own is not None and subject is not None and subject.kind == RUN:
            # On a screen of its own a resource is edited; the runs that it lists have screens of their own.
            return own
        return next((one for one in (subject, own) if one is not None and one.kind in found.on), None)

    def subjects_of(self, identity: str) -> list[Subject]:
        """What an action acts on: all that is marked, if it can and something is."""
        found = self.keymap.action(identity)
        if found.several and self.marked:
            return [one for one in self.marked if one.kind in found.on]
        one = self.subject_of(identity)
        return [] if one is None else [one]

    def drop_marks(self) -> None:
        """What was marked has been acted on."""

    def refresh_keys(self) -> None:
        """Show the keys of this place, those that do nothing now dimmed."""
        if not self.ready:
            return
        self.key_bar.set_keys(
            [
                (first_key(found), self._label(found), not self.reason(found.id))
                for found in self.keymap.actions_of(self.PLACE, read_only=self.longshore.read_only)
                if found.label and found.keys
            ]
        )

    def _label(self, action: Action) -> str:
        subject = self.subject_of(action.id) if action.label_of_run else None
        return action.label_on(subject.kind if subject is not None else None)

    def launched(self, run_id: int, words: str) -> None:
        """A run was started from here; a subclass shows it."""
        self.say(words, "ok")

    # What happened

    @property
    def key_bar(self) -> KeyBar:
        return self.query_one(KeyBar)

    @property
    def top_bar(self) -> TopBar:
        return self.query_one(TopBar)

    def say(self, sentence: str, style: str = "") -> None:
        """Show one sentence in place of the keys for a while: on whichever screen is in front by now."""
        from store.display import display

        screen = self.longshore.front_screen or self
        for key_bar in screen.query(KeyBar):
            key_bar.show_message([Cell(display(sentence), style)])
            if screen._telling is not None:
                # The sentence before had its time; this one has a time of its own.
                screen._telling.stop()
            screen._telling = screen.set_timer(MESSAGE_SECONDS, key_bar.clear_message)

    _telling: Timer | None = None

    def _unsay(self, sentence: str) -> None:
        """Take back what :meth:`say` has said, where it still stands: it is true no more."""
        for screen in self.longshore.screen_stack:
            for key_bar in screen.query(KeyBar):
                if key_bar.message == sentence:
                    key_bar.clear_message()

    def refuse(self, sentence: str, style: str = "bad") -> None:
        """Say why something was not done, to its end: what to do stands there, and a narrow key bar cuts it off."""
        from store.display import display

        told = display(sentence)
        if cell_len(told) + 2 <= self.app.size.width:
            self.say(sentence, style)
            return
        from tui.screens.confirm import ConfirmScreen

        self.app.push_screen(ConfirmScreen([told], "", self.longshore.glyphs))

    async def command(self, call: Callable[..., Result], *arguments: object) -> Result | None:
        """Run one of the store's operations in a thread; a refusal is said, and None comes back.

        It is said as well when whoever asked has left this screen, or begun something else.
        """
        import asyncio

        operation = asyncio.create_task(self._operation(call, *arguments))
        self._operations.add(operation)
        operation.add_done_callback(self._operations.discard)
        done, _ = await asyncio.wait({operation}, timeout=WAIT_SECONDS)
        if done:
            return operation.result()
        self.say(NO_ANSWER_YET, "warn")
        answer = await asyncio.shield(operation)
        self._unsay(NO_ANSWER_YET)
        return answer

    async def _operation(self, call: Callable[..., Result], *arguments: object) -> Result | None:
        import asyncio

        try:
            return await asyncio.to_thread(call, *arguments)
        except LongshoreError as error:
            self.refuse(error.sentence)
            return None

    async def read(self, query: Callable[..., Result], *arguments: object) -> Result | None:
        """Read for a flow; when the store is out of reach that is told, and None comes back."""
        try:
            return await self.longshore.follower.read(query, *arguments)
        except StoreUnavailable as error:
            self.longshore.trouble(error)
            return None

    # Following the store

    def on_mount(self) -> None:
        rebind(self, bindings_of(self.PLACE, self.keymap), self.keymap)
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
        # Among the children only: a query of the whole screen takes a third of a millisecond, and keys ask often.
        return self._begun and any(isinstance(child, TopBar) for child in self.children)

    async def store_changed(self, changes: StoreChanges) -> None:
        """Something changed while this screen is shown."""
        try:
            fleet: Fleet = await self.longshore.follower.read(_fleet)
            if not self.ready:
                return
            self.top_bar.set_right(fleet_cells(fleet, self.longshore.glyphs))
            self.key_bar.set_right(f"r{self.longshore.follower.revision:,}")
            await self.follow(changes)
        except StoreUnavailable as error:
            self.longshore.trouble(error)
        except NoMatches:
            # The answer came while the screen was being taken apart: there is nothing left to show it on.
            if self.is_attached and not self._pruning:
                raise

    async def follow(self, changes: StoreChanges) -> None:
        """Read again what is shown and may have changed."""

    _resumed = False

    async def on_screen_resume(self, event: events.ScreenResume) -> None:
        """Shown (again): what changed meanwhile was told to another screen."""
        if not self._resumed:
            # All its widgets got their styles a moment ago, when they were made.
            event.refresh_styles = False
            self._resumed = True
        if self.ready:
            self.refresh_keys()
            self.run_worker(self.store_changed(EVERYTHING), group="resume", exclusive=True)


def _fleet(reader: object) -> Fleet:
    from store.queries.fleet import fleet
    from store.reader import Reader

    return fleet(cast(Reader, reader))
