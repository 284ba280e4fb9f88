"""One table and the query behind it: it answers the table's windows from the reader thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from store.queries.window import Page, Window, further, joined
from store.reader import Reader
from tui.following import StoreFollower
from tui.presentation.cells import Row
from tui.widgets.virtual_table import VirtualTable

Item = TypeVar("Item")


class ListPane(Generic[Item]):
    """Feeds a table. ``query`` reads a window; ``to_rows`` makes its rows (reader thread, may read too)."""

    def __init__(
        self,
        table: VirtualTable,
        follower: StoreFollower,
        query: Callable[[Reader, Page, str], Window[Item]],
        to_rows: Callable[[Reader, list[Item]], list[Row]],
        title: str,
    ) -> None:
        self.table = table
        self.title = title
        self.text = ""
        """The filter."""
        self.none = "None here."
        """What is said where the list is empty without a filter."""
        self.items: dict[str, Item] = {}
        """What the loaded rows were made of, by key; it is bounded like the table's buffer."""
        self._follower = follower
        self._query = query
        self._to_rows = to_rows
        self._generation = 0
        self._scope = ""

    @property
    def selected(self) -> Item | None:
        """What the row under the cursor was made of."""
        key = self.table.cursor_key
        return None if key is None else self.items.get(key)

    def show(self, query: Callable[[Reader, Page, str], Window[Item]] | None = None, anchor: str | None = None) -> None:
        """Show another list, or the same one with another filter; answers for the one before are dropped."""
        if query is not None:
            self._query = query
        self._generation += 1
        self.items.clear()
        self.set_title()
        self.table.reload(anchor)

    def set_scope(self, scope: str) -> None:
        """Say in the title what the list is about (``of hr-home``); empty for everything."""
        self._scope = scope
        self.set_title()

    def set_title(self) -> None:
        """Draw the title: what is listed, of what, and the filter."""
        name = f"{self.title} {self._scope}".rstrip()
        self.table.set_title(f"{name} /{self.text}" if self.text else name)
        self.table.set_empty_text(f"Nothing contains '{self.text}'; esc drops the filter." if self.text else self.none)

    async def answer(self, needed: VirtualTable.WindowNeeded) -> None:
        """Read the window that the table asks for, and load it."""
        generation, query, text = self._generation, self._query, self.text
        page = Page(needed.direction, needed.anchor_key, needed.limit)

        window = await self._follower.read(query, page, text)
        # A long search goes on step by step, between which others read, until it is of no use any more.
        while generation == self._generation and (rest := further(window, page)) is not None:
            window = joined(window, rest, await self._follower.read(query, rest, text))
        if generation != self._generation:
            return
        rows = await self._follower.read(self._to_rows, window.rows)
        if generation != self._generation:
            return
        if len(self.items) > 4_096:
            visible = set(self.table.visible_keys)
            self.items = {key: item for key, item in self.items.items() if key in visible}
        self.items.update(zip((row.key for row in rows), window.rows, strict=True))
        self.table.load(needed.direction, needed.anchor_key, rows, window.at_start, window.at_end)

    def visible(self) -> list[Item]:
        """What the rows on the screen were made of."""
        return [self.items[key] for key in self.table.visible_keys if key in self.items]
