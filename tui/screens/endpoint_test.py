"""The sheet of a test of an endpoint: its steps as the agent makes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen

from store.errors import StoreUnavailable
from store.queries.endpoint_tests import EndpointTestRow, endpoint_test
from store.reader import Reader
from tui.following import EVERYTHING, StoreChanges
from tui.presentation.endpoint_test_view import keys_line, sheet_lines
from tui.screens.following_sheet import FollowingSheet
from tui.widgets.cell_widget import inert
from tui.widgets.text_lines import TextLines

if TYPE_CHECKING:
    from tui.app import LongshoreApp

AGAIN: Final = "again"
WIDTH = 78


class EndpointTestScreen(FollowingSheet, ModalScreen["EndpointTestRow | str | None"]):
    """Dismisses with the test as it was last seen, or with ``AGAIN``; None when it is gone."""

    AUTO_FOCUS = ""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", "Leave the sheet; a test goes on", show=False, id="endpoint_test.leave"),
        Binding("enter", "done", "Leave, once it has ended", show=False, id="endpoint_test.done"),
        Binding("t", "again", "Try again, once it has ended", show=False, id="endpoint_test.again"),
    ]

    DEFAULT_CSS = """
    EndpointTestScreen {
        align: center middle;
        & > Vertical {
            width: 80; max-width: 100%; height: auto; max-height: 100%; padding: 0 1;
            background: $surface; border: solid $border; border-title-color: $text-accent;
        }
        & > Vertical.-ascii { border: ascii $border; }
    }
    """

    def __init__(self, endpoint: str, test_id: int) -> None:
        """Follow a test; the endpoint's name is safe to show."""
        super().__init__()
        self._endpoint = endpoint
        self._test_id = test_id
        self._seen = False
        self._test: EndpointTestRow | None = None
        self._now = 0

    @property
    def longshore(self) -> LongshoreApp:
        return cast("LongshoreApp", self.app)

    def compose(self) -> ComposeResult:
        glyphs = self.longshore.glyphs
        box = Vertical(classes="" if glyphs.unicode else "-ascii")
        box.border_title = Content(inert(f"Try the endpoint {self._endpoint}", glyphs))
        with box:
            yield TextLines(1, glyphs=glyphs, id="told")
            yield TextLines(2, glyphs=glyphs, id="keys")

    async def on_mount(self) -> None:
        await self.store_changed(EVERYTHING)

    def on_resize(self) -> None:
        self._draw()

    async def store_changed(self, changes: StoreChanges) -> None:
        if self._test is not None and not self._test.active:
            return
        try:
            self._test, self._now = await self.longshore.follower.read(_read, self._test_id)
        except StoreUnavailable as error:
            self.longshore.trouble(error)
            return
        self._seen = True
        if self.is_attached:
            self._draw()

    def _draw(self) -> None:
        if not self._seen:
            return
        width = min(WIDTH, self.app.size.width) - 4
        lines = sheet_lines(self._test, self._now, width, self.longshore.glyphs)
        told = self.query_one("#told", TextLines)
        told.resize_block(len(lines))
        told.set_lines(lines)
        self.query_one("#keys", TextLines).set_lines([[], keys_line(self._test)])

    @property
    def _going(self) -> bool:
        return not self._seen or (self._test is not None and self._test.active)

    def action_leave(self) -> None:
        self.dismiss(self._test)

    def action_done(self) -> None:
        if not self._going:
            self.dismiss(self._test)

    def action_again(self) -> None:
        if not self._going and self._test is not None:
            self.dismiss(AGAIN)


def _read(reader: Reader, test_id: int) -> tuple[EndpointTestRow | None, int]:
    return endpoint_test(reader, test_id), reader.now()
