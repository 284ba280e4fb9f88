"""Screens made of lists: which one has the focus, its filter, order and marks, and what follows the store."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, ClassVar

from textual import on
from textual.widget import Widget

from store.errors import StoreUnavailable
from tui.following import StoreChanges
from tui.lists.spec import ListSpec
from tui.screens.base import LongshoreScreen
from tui.screens.list_pane import ListPane
from tui.subjects import Subject
from tui.widgets.filter_line import FilterLine
from tui.widgets.virtual_table import VirtualTable


class PanesScreen(LongshoreScreen):
    """A subclass composes tables, and gives each table its list with ``pane`` in ``begin``.

    On a terminal narrower than ``WIDE`` only one of the panes is shown, the one that had the focus last.
    """

    DEFAULT_CSS = """
    PanesScreen { layers: base above; }
    """

    WIDE: ClassVar[int] = 100
    """Cells from which on all panes are shown together."""
    FRONT: ClassVar[str] = ""
    """The table that a narrow terminal shows first."""

    panes: dict[str, ListPane[Any]]
    """The lists by the ids of their tables, in the order in which tab goes through them."""

    _front = ""
    _filtering: Widget | None = None

    def pane(self, name: str, spec: ListSpec[Any]) -> ListPane[Any]:
        """Give a table its list."""
        if "panes" not in self.__dict__:
            self.panes = {}
        made = self.panes[name] = ListPane(self.table(name), self.longshore.follower, spec)
        return made

    def table(self, name: str) -> VirtualTable:
        return self.query_one(f"#{name}", VirtualTable)

    @property
    def focused_pane(self) -> ListPane[Any] | None:
        """The list that has the focus; None where something else has it."""
        focused = self.focused
        return self.panes.get(focused.id or "") if isinstance(focused, VirtualTable) and self.ready else None

    # What keys act on

    @property
    def subject(self) -> Subject | None:
        pane = self.focused_pane
        return None if pane is None else pane.subject

    @property
    def copied(self) -> str | bytes | None:
        pane = self.focused_pane
        return super().copied if pane is None else pane.copied

    @property
    def marked(self) -> list[Subject]:
        pane = self.focused_pane
        return [] if pane is None else list(pane.marks.values())

    def reason(self, identity: str) -> str:
        if identity in ("pane.next", "pane.previous") and len(self.stops) < 2:
            return "There is one pane here only."
        pane = self.focused_pane
        if pane is not None:
            if identity == "filter" and not pane.spec.filters:
                return "This list cannot be filtered: tab goes to another."
            if identity == "sort" and len(pane.spec.orders) < 2:
                return "This list has one order only."
            if identity == "mark" and pane.spec.subject is None:
                return "Nothing in this list can be marked."
        return super().reason(identity)

    # The panes

    @on(VirtualTable.WindowNeeded)
    def _window_needed(self, event: VirtualTable.WindowNeeded) -> None:
        event.stop()
        self.run_worker(self._answer(event), group="windows", exit_on_error=True)

    async def _answer(self, event: VirtualTable.WindowNeeded) -> None:
        await self.guarded(self.panes[event.table.id or ""].answer(event))

    async def guarded(self, work: Awaitable[None]) -> None:
        """Await what reads the store; trouble with it is told by the header."""
        try:
            await work
        except StoreUnavailable as error:
            self.longshore.trouble(error)

    @on(VirtualTable.RowHighlighted)
    def _row_highlighted(self, event: VirtualTable.RowHighlighted) -> None:
        event.stop()
        self.refresh_keys()

    @on(VirtualTable.RowChosen)
    async def _row_chosen(self, event: VirtualTable.RowChosen) -> None:
        event.stop()
        await self.action_act("open")

    def on_descendant_focus(self) -> None:
        focused = self.focused
        if isinstance(focused, VirtualTable) and focused.id:
            self._front = focused.id
            self.show_front()
        self.refresh_keys()

    def on_compose(self) -> None:
        # Before there are children: later, all of them would be styled anew.
        self.set_class(self.app.size.width < self.WIDE, "-narrow")

    def on_resize(self) -> None:
        self.set_class(self.narrow, "-narrow")
        self.show_front()

    @property
    def narrow(self) -> bool:
        return self.size.width < self.WIDE

    @property
    def front(self) -> str:
        """The pane that a narrow terminal shows."""
        return self._front or self.FRONT

    def show_front(self) -> None:
        """Show what belongs on a terminal of this width."""
        for name in self.__dict__.get("panes", ()):
            self.table(name).display = not self.narrow or name == self.front

    @property
    def stops(self) -> list[str]:
        """Where tab goes, in its order: ids of widgets."""
        return list(self.panes)

    def focus_pane(self, name: str) -> None:
        """Give a pane the focus; on a narrow terminal it must be shown before it can have it."""
        if name in self.panes:
            self._front = name
            self.show_front()
        self.set_focus(self.query_one(f"#{name}"))

    def _focus_by(self, step: int) -> None:
        order = self.stops
        current = self.focused.id if self.focused is not None else None
        here = order.index(current) if current in order else 0
        self.focus_pane(order[(here + step) % len(order)])

    def do_pane_next(self) -> None:
        self._focus_by(1)

    def do_pane_previous(self) -> None:
        self._focus_by(-1)

    # Filter, order and marks

    def filter_text(self, widget: Widget | None) -> str:
        """The present filter of what a widget shows."""
        pane = self.panes.get(widget.id or "") if widget is not None else None
        return "" if pane is None else pane.text

    async def filter_by(self, widget: Widget | None, text: str) -> None:
        """Filter what a widget shows."""
        pane = self.panes.get(widget.id or "") if widget is not None else None
        if pane is not None:
            pane.filter(text)

    async def do_filter(self) -> None:
        self._filtering = self.focused
        if not self.query(FilterLine):
            # Most screens are looked at without it, and it costs a twentieth of opening one.
            await self.mount(FilterLine())
        self.query_one(FilterLine).begin(self.filter_text(self._filtering))

    @on(FilterLine.Typed)
    async def _typed(self, event: FilterLine.Typed) -> None:
        await self.filter_by(self._filtering, event.text)
        if event.done:
            self.query_one(FilterLine).end()
            self.set_focus(self._filtering or self.query_one(f"#{self.stops[0]}"))

    def do_sort(self) -> None:
        from tui.flows.sorting import sort

        pane = self.focused_pane
        if pane is None:
            self.say("Only lists are sorted: tab goes to one.", "warn")
        else:
            self._flow(sort(self, pane))

    def do_mark(self) -> None:
        pane = self.focused_pane
        if pane is None:
            self.say("Only rows of lists are marked: tab goes to one.", "warn")
        elif words := pane.mark():
            self.say(words, "warn")

    def drop_marks(self) -> None:
        for pane in self.panes.values():
            if pane.marks:
                pane.unmark()
        self.refresh_keys()

    async def do_back(self) -> None:
        """Drop the marks, then the filter, of the focused pane; then go back."""
        pane = self.focused_pane
        if pane is not None and pane.marks:
            pane.unmark()
        elif self.filter_text(self.focused):
            await self.filter_by(self.focused, "")
        else:
            self.leave()

    def leave(self) -> None:
        """Go back to the screen before."""
        self.app.pop_screen()

    # Following the store

    async def follow(self, changes: StoreChanges) -> None:
        for pane in self.panes.values():
            pane.follow(changes, time_passed=self.longshore.time_passed)
        if changes.live:
            for pane in self.panes.values():
                await pane.tick()
        if changes.rows or changes.resync:
            self.refresh_keys()
