"""A table over a list of any size, of which it holds only the rows around the viewport."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from textual import events
from textual.actions import SkipAction
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip

from tui.presentation.cells import Cell, Column, Row
from tui.presentation.glyphs import UNICODE, Glyphs
from tui.widgets.framed_widget import FramedWidget
from tui.widgets.row_window import Direction, Request, RowWindow
from tui.widgets.table_lines import TableLines

HEADER_LINES = 1
"""Lines above the first row."""

WHEEL_LINES = 3
"""Rows per turn of the mouse wheel."""

HOLD_SECONDS = 0.15
"""How long the rows of the list before stay while those of another one are read: most come sooner, and a table that
is blanked in between is painted twice."""


class VirtualTable(FramedWidget, can_focus=True):
    """Asks its owner for windows of rows and shows them.

    The owner answers each ``WindowNeeded`` with ``load``, at once or later. Whatever changes, only
    lines whose cells changed are painted, each once and as a whole (a line painted in two parts
    costs more bytes than the line).
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "cursor_up", "Up", show=False, id="table.up"),
        Binding("down,j", "cursor_down", "Down", show=False, id="table.down"),
        Binding("pageup", "page_up", "Page up", show=False, id="table.page_up"),
        Binding("pagedown", "page_down", "Page down", show=False, id="table.page_down"),
        Binding("home,g", "home", "First", show=False, id="table.home"),
        Binding("end,G", "end", "Last", show=False, id="table.end"),
        Binding("enter", "choose", "Open", show=False, id="table.choose"),
    ]

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "virtual-table--header",
        "virtual-table--cursor",
        "virtual-table--note",
    }
    """
    | Class | Description |
    | :- | :- |
    | `virtual-table--header` | The line of column titles. |
    | `virtual-table--cursor` | The line of the cursor; see `:focus`. |
    | `virtual-table--note` | The text in place of rows: empty or loading. |
    """

    DEFAULT_CSS = """
    VirtualTable {
        width: 1fr;
        height: 1fr;
        background: $surface;
        color: $foreground;
        & > .virtual-table--header { color: $text-muted; text-style: bold; }
        & > .virtual-table--note { color: $text-muted; }
        & > .virtual-table--cursor {
            background: $block-cursor-blurred-background;
            color: $block-cursor-blurred-foreground;
        }
        &:focus > .virtual-table--cursor {
            background: $block-cursor-background;
            color: $block-cursor-foreground;
            text-style: $block-cursor-text-style;
        }
        &:ansi > .virtual-table--cursor { text-style: underline; }
        &:ansi:focus > .virtual-table--cursor { text-style: bold; }
        &:nocolor:focus > .virtual-table--cursor { text-style: reverse; }
    }
    """

    class WindowNeeded(Message):
        """The table wants rows; the owner answers with ``load``."""

        def __init__(self, table: VirtualTable, request: Request) -> None:
            super().__init__()
            self.table = table
            self.anchor_key = request.anchor_key
            """The row ``direction`` refers to; None for ``start`` and ``end``."""
            self.direction: Direction = request.direction
            self.limit = request.limit
            """Rows wanted at most."""
            self.serial = request.serial
            """Tells it from others that ask the same; whoever answers later gives it back."""

        @property
        def control(self) -> VirtualTable:
            return self.table

    class RowHighlighted(Message):
        """The cursor is on another row; of several in the queue only the newest is delivered."""

        def __init__(self, table: VirtualTable, key: str | None) -> None:
            super().__init__()
            self.table = table
            self.key = key
            """None if there are no rows any more."""

        @property
        def control(self) -> VirtualTable:
            return self.table

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, VirtualTable.RowHighlighted) and message.table is self.table

    class Loaded(Message):
        """The rows that were read for the cursor to go to are there: of another list, or of another part of it."""

        def __init__(self, table: VirtualTable) -> None:
            super().__init__()
            self.table = table

    class RowChosen(Message):
        """A row was opened: enter, or a double click."""

        def __init__(self, table: VirtualTable, key: str) -> None:
            super().__init__()
            self.table = table
            self.key = key

        @property
        def control(self) -> VirtualTable:
            return self.table

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        empty_text: str = "Nothing here.",
        glyphs: Glyphs = UNICODE,
        name: str | None = None,
        id: str | None = None,  # noqa: A002 (Textual's own name)
        classes: str | None = None,
    ) -> None:
        """Create a table that asks for the start of its list when it is mounted.

        Args:
            columns: The columns, left to right.
            empty_text: Shown, as plain text, when the list has no rows.
            glyphs: The set to draw with.
            name: Name of the widget.
            id: ID of the widget.
            classes: CSS classes of the widget.
        """
        super().__init__(glyphs=glyphs, name=name, id=id, classes=classes)
        self._lines = TableLines(self, columns)
        self._empty_text = empty_text
        self._window = RowWindow()
        self._highlighted: str | None = None
        self._marked: frozenset[str] = frozenset()
        # What each line of the viewport showed when it was last drawn: cells or a note, and
        # whether the cursor was on it.
        self._painted: dict[int, tuple[tuple[Cell, ...] | str, bool]] = {}
        self._holding = 0
        """Which reload the lines of the list before are held for; 0 for none."""
        self._reloads = 0
        self._ahead = 0
        """Lines that the cursor was moved by while there were no rows."""

    # What the owner asks and tells

    @property
    def cursor_key(self) -> str | None:
        """Key of the row under the cursor; None without rows."""
        return self._window.cursor_key

    @property
    def cursor_text(self) -> str:
        """What the row under the cursor says, whatever of it is cut off on the screen."""
        rows, cursor = self._window.rows, self._window.cursor
        return "  ".join(filter(None, (cell.text for cell in rows[cursor].cells))) if rows else ""

    @property
    def position(self) -> int | None:
        """Place of the cursor in the whole list, from 0; None where it is not known."""
        return self._window.position if self._window.rows else None

    @property
    def total(self) -> int | None:
        """Rows of the whole list, as the owner last said."""
        return self._window.total

    @property
    def reading(self) -> int:
        """Which reading is under way that the cursor goes where it brings; 0 when there is none."""
        return self._window.jump

    @property
    def visible_keys(self) -> list[str]:
        """Keys of the rows on the screen, top to bottom."""
        return [row.key for row in self._window.visible()]

    def reload(self, anchor_key: str | None = None) -> None:
        """Drop all rows, for another list, filter or order, and ask for new ones.

        Args:
            anchor_key: A row of the new list to put the cursor on; its start if None.
        """
        request = self._window.reset(anchor_key)
        self._ahead = 0
        if self.is_mounted:
            self._reloads += 1
            if any(not isinstance(content, str) for content, _ in self._painted.values()):
                self._holding = self._reloads
                self.set_timer(HOLD_SECONDS, partial(self._let_go, self._reloads))
            self._changed(request)

    def _let_go(self, reload: int) -> None:
        if self._holding == reload:
            self._holding = 0
            self._refresh_changed_lines()

    def refresh_window(self) -> None:
        """Ask for the visible rows again: what a tick does when the store has changed."""
        self._changed(self._window.refresh())

    def load(
        self,
        direction: Direction,
        anchor_key: str | None,
        rows: Sequence[Row],
        at_start: bool,
        at_end: bool,
        total: int | None = None,
        serial: int | None = None,
    ) -> bool:
        """Answer a ``WindowNeeded``.

        Args:
            direction: As asked. ``around`` wants rows on both sides of the anchor, itself included;
                if it is gone, those around the place where it stood.
            anchor_key: As asked.
            rows: Consecutive rows in the list's order.
            at_start: The first of them is the first of the list.
            at_end: The last of them is the last of the list.
            total: Rows in the whole list, if that is known cheaply.
            serial: As asked, where the rows were read some time ago; None for rows of now.

        Returns:
            False if nothing waits for this answer any more, and it was dropped.
        """
        reading = self.reading
        # A list that cannot have the focus is acted on by keys of whatever has it.
        self._window.unattended = self.can_focus and not self.has_focus
        taken = self._window.load(direction, anchor_key, rows, at_start, at_end, total, serial)
        if taken:
            if self._window.loaded:
                if reading and not self.reading:
                    self.post_message(self.Loaded(self))
                self._holding = 0
                self._window.move(self._ahead)
                self._ahead = 0
            self._changed()
        return taken

    def update_row(self, row: Row) -> bool:
        """Change one row in place; False if it is not loaded, which is no error."""
        held = self._window.update(row)
        if held:
            self._refresh_changed_lines()
        return held

    def go_to(self, key: str) -> None:
        """Put the cursor on a row, wherever in the list it is."""
        self._changed(self._window.go_to(key))

    def set_columns(self, columns: Sequence[Column]) -> None:
        """Show other columns; the rows that fit them must be loaded by ``reload``."""
        self._lines.set_columns(columns)
        self._lay_out()

    def set_marked(self, keys: frozenset[str]) -> None:
        """Show a mark before the rows of these keys."""
        self._marked = keys
        self._refresh_changed_lines()

    def set_empty_text(self, text: str) -> None:
        """Set what is shown when the list has no rows, such as why."""
        self._empty_text = text
        self._refresh_changed_lines()

    # Drawing

    def render_line(self, y: int) -> Strip:
        if y < HEADER_LINES:
            return self._lines.header()
        content, is_cursor = self._painted[y] = self._line_shown(y)
        if isinstance(content, str):
            return self._lines.note(content)
        return self._lines.row(content, ("focus" if self.has_focus else "cursor") if is_cursor else "")

    def render_lines(self, crop: Region) -> list[Strip]:
        self._lines.check_looks()
        return super().render_lines(crop)

    def _line_shown(self, y: int) -> tuple[tuple[Cell, ...] | str, bool]:
        """Return what belongs on a line, or what stands there while the rows of another list are read."""
        held = self._painted.get(y) if self._holding else None
        return held or self._line_content(y)

    def _line_content(self, y: int) -> tuple[tuple[Cell, ...] | str, bool]:
        """Return what belongs on a line: the cells of a row or a note, and if the cursor is there."""
        window = self._window
        index = window.top + y - HEADER_LINES
        if index < len(window.rows):
            key, cells = window.rows[index]
            if key in self._marked:
                cells = (Cell(f"{self.glyphs.mark} {cells[0].text}", "accent"), *cells[1:])
            return cells, index == window.cursor
        if window.rows or y > HEADER_LINES:
            return "", False
        return self._empty_text if window.loaded else f"loading{self.glyphs.ellipsis}", False

    def _lay_out(self) -> None:
        self._lines.lay_out(self.size.width)
        self._painted.clear()
        self._holding = 0
        self.refresh()

    def _refresh_changed_lines(self) -> None:
        width, height = self.size
        for y in range(HEADER_LINES, height):
            if self._painted.get(y) != self._line_shown(y):
                self.refresh(Region(0, y, width, 1))

    # Events and actions

    def on_mount(self) -> None:
        self._post(self._window.refresh())

    def on_resize(self) -> None:
        self._window.resize(self.size.height - HEADER_LINES)
        self._lay_out()
        self._changed()

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is None or offset.y < HEADER_LINES:
            return
        index = self._window.top + offset.y - HEADER_LINES
        if index < len(self._window.rows):
            self._window.move(index - self._window.cursor)
            self._changed()
            if event.chain == 2:
                self.action_choose()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self._window.scroll(WHEEL_LINES)
        self._changed()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self._window.scroll(-WHEEL_LINES)
        self._changed()

    def action_cursor_up(self) -> None:
        self._move(-1)

    def action_cursor_down(self) -> None:
        self._move(1)

    def _move(self, lines: int) -> None:
        if self._window.loaded:
            self._window.move(lines)
            self._changed()
        else:
            # Meant for the rows that are coming.
            self._ahead += lines

    def action_page_up(self) -> None:
        self._window.page(-1)
        self._changed()

    def action_page_down(self) -> None:
        self._window.page(1)
        self._changed()

    def action_home(self) -> None:
        self._changed(self._window.home())

    def action_end(self) -> None:
        self._changed(self._window.end())

    def action_choose(self) -> None:
        if (key := self.cursor_key) is None:
            # The screen's own key says what is to be selected first.
            raise SkipAction
        self.post_message(self.RowChosen(self, key))

    def _changed(self, request: Request | None = None) -> None:
        """Paint what is different, and send the requests and the cursor message that follow."""
        self._refresh_changed_lines()
        if request is not None:
            self._post(request)
        for due in self._window.missing():
            self._post(due)
        if self.cursor_key != self._highlighted:
            self._highlighted = self.cursor_key
            self.post_message(self.RowHighlighted(self, self._highlighted))

    def _post(self, request: Request) -> None:
        self.post_message(self.WindowNeeded(self, request))
