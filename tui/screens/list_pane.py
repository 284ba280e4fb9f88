"""One table and the list behind it: it answers the table's windows from the reader thread."""

from __future__ import annotations

from typing import Generic, TypeVar

from store.queries.window import Page, further, joined
from store.reader import Reader
from tui.following import StoreChanges, StoreFollower
from tui.lists.spec import ListSpec
from tui.presentation.cells import Row
from tui.subjects import Subject
from tui.widgets.virtual_table import VirtualTable

Item = TypeVar("Item")

MOST_ITEMS = 4_096
"""Items kept beside the table's rows; beyond, only those of the rows on the screen stay."""

MOST_MARKS = 500
"""Marked at most: a confirmation lists them, and each is one operation."""


class ListPane(Generic[Item]):
    """Feeds a table with a list: its filter, its order, its marks, and the numbers that tick."""

    def __init__(self, table: VirtualTable, follower: StoreFollower, spec: ListSpec[Item]) -> None:
        self.table = table
        self.text = ""
        """The filter."""
        self.items: dict[str, Item] = {}
        """What the loaded rows were made of, by key; it is bounded like the table's buffer."""
        self.marks: dict[tuple[str, int], Subject] = {}
        """What was marked, in the order of marking."""
        self._follower = follower
        self._generation = 0
        self._scope = ""
        self._take(spec)

    def _take(self, spec: ListSpec[Item]) -> None:
        self.spec = spec
        self.title = spec.title
        self.none = spec.none
        if self.order not in [order.value for order in spec.orders]:
            self.order = spec.orders[0].value if spec.orders else ""
        self.set_title()

    order = ""
    """The value of the order it is shown in."""

    @property
    def selected(self) -> Item | None:
        """What the row under the cursor was made of."""
        key = self.table.cursor_key
        return None if key is None else self.items.get(key)

    @property
    def subject(self) -> Subject | None:
        """What keys act on: the resource under the cursor."""
        item = self.selected
        return None if item is None or self.spec.subject is None else self.spec.subject(item)

    @property
    def copied(self) -> str | bytes | None:
        """What ``y`` copies: the path of the resource under the cursor, what the list says of such an item, raw, or
        else the row itself."""
        item, subject = self.selected, self.subject
        if subject is not None:
            return subject.path
        return self.table.cursor_text if item is None or self.spec.copies is None else self.spec.copies(item)

    # What is shown

    def show(self, spec: ListSpec[Item] | None = None, anchor: str | None = None) -> None:
        """Show another list, or the same one with another filter or order; answers for the one before are dropped."""
        if spec is not None:
            self._take(spec)
            self.marks.clear()
        self._generation += 1
        self.items.clear()
        self.set_title()
        self.table.reload(anchor)

    def filter(self, text: str) -> None:
        """Show only what contains a text."""
        if text != self.text:
            self.text = text
            self.show()

    def sort(self, order: str) -> None:
        """Show it in another order, with the cursor still on its item."""
        item = self.selected
        self.order = order
        self.show(anchor=None if item is None else self.spec.key(item, order))

    def set_scope(self, scope: str) -> None:
        """Say in the title what the list is about (``of hr-home``); empty for everything."""
        self._scope = scope
        self.set_title()

    def set_title(self) -> None:
        """Draw the title: what is listed, of what, the order unless it is the usual one, and the filter."""
        parts = [self.title, self._scope]
        words = {order.value: order.words for order in self.spec.orders[1:]}
        if self.order in words:
            parts.append(f"({words[self.order].partition(':')[0]})")
        if self.text:
            parts.append(f"/{self.text}")
        self.table.set_title(" ".join(filter(None, parts)))
        self.table.set_subtitle(f"{len(self.marks)} marked" if self.marks else "")
        self.table.set_empty_text(f"Nothing contains '{self.text}'; esc drops the filter." if self.text else self.none)

    # Marks

    def mark(self) -> str:
        """Mark the row under the cursor, or take its mark away, and go on to the next; or say why not."""
        subject = self.subject
        if subject is None:
            return "There is nothing to mark here."
        if subject.key in self.marks:
            del self.marks[subject.key]
        elif len(self.marks) >= MOST_MARKS:
            return f"{MOST_MARKS} are marked: act on them first."
        else:
            self.marks[subject.key] = subject
        self._show_marks()
        self.table.action_cursor_down()
        return ""

    def unmark(self) -> None:
        """Take all marks away."""
        self.marks.clear()
        self._show_marks()

    def _show_marks(self) -> None:
        make = self.spec.subject
        subjects = {key: make(item) for key, item in self.items.items()} if make is not None else {}
        keys = [key for key, subject in subjects.items() if subject is not None and subject.key in self.marks]
        self.table.set_marked(frozenset(keys) if self.marks else frozenset())
        self.set_title()

    # Following the store

    def follow(self, changes: StoreChanges, *, time_passed: bool) -> None:
        """Ask again for what is on the screen, if it may have changed."""
        if (self.spec.ages and time_passed) or changes.touches(*self.spec.touched_by):
            self.table.refresh_window()

    async def tick(self) -> list[Item]:
        """Draw again the lines whose numbers are live; what they show now comes back."""
        live, reread = self.spec.live, self.spec.reread
        if live is None or reread is None or not self.table.display:
            return []
        wanted = [item for item in self.visible() if live(item)]
        if not wanted:
            return []

        def read(reader: Reader) -> tuple[list[Item], list[Row]]:
            found = reread(reader, wanted)
            return found, self._keyed(found, self.spec.rows(reader, found))

        found, rows = await self._follower.read(read)
        for item, row in zip(found, rows, strict=True):
            if self.table.update_row(row):
                self.items[row.key] = item
        return found

    async def answer(self, needed: VirtualTable.WindowNeeded) -> None:
        """Read the window that the table asks for, and load it."""
        generation, query, text, order = self._generation, self.spec.query, self.text, self.order
        page = Page(needed.direction, needed.anchor_key, needed.limit)

        window = await self._follower.read(query, page, text, order)
        # A long search goes on step by step, between which others read, until it is of no use any more.
        while generation == self._generation and (rest := further(window, page)) is not None:
            window = joined(window, rest, await self._follower.read(query, rest, text, order))
        if generation != self._generation:
            return
        rows = self._keyed(window.rows, await self._follower.read(self.spec.rows, window.rows))
        if generation != self._generation:
            return
        if len(self.items) > MOST_ITEMS:
            visible = set(self.table.visible_keys)
            self.items = {key: item for key, item in self.items.items() if key in visible}
        self.items.update(zip((row.key for row in rows), window.rows, strict=True))
        if self.marks:
            self._show_marks()
        self.table.load(needed.direction, needed.anchor_key, rows, window.at_start, window.at_end, serial=needed.serial)

    def _keyed(self, found: list[Item], rows: list[Row]) -> list[Row]:
        key, order = self.spec.key, self.order
        return [row._replace(key=key(item, order)) for item, row in zip(found, rows, strict=True)]

    def visible(self) -> list[Item]:
        """What the rows on the screen were made of."""
        return [self.items[key] for key in self.table.visible_keys if key in self.items]
