"""The registration sheet: a line to paste with its token, or an agent started on this machine; it waits for both."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen

from store.display import display
from store.errors import InvalidInput, LongshoreError, StoreUnavailable
from store.queries.registration import TokenState, token_state
from store.rules import valid_name
from tui import local_agents
from tui.deeds import Token
from tui.following import StoreChanges
from tui.local_agents import LocalAgent
from tui.presentation.registration_view import Paste, Sheet, keys_line, leaving_words, pasted, sheet_lines
from tui.screens.following_sheet import FollowingSheet
from tui.widgets.cell_widget import inert
from tui.widgets.line_input import LineInput
from tui.widgets.text_lines import TextLines

if TYPE_CHECKING:
    from tui.app import LongshoreApp

NAME, STATE = "name", "state"
"""What the line is typed for."""


class RegisterScreen(FollowingSheet, ModalScreen[str]):
    """Dismisses with what is to be said. The token is nowhere but here, and goes with the sheet."""

    AUTO_FOCUS = ""

    HOLDS_SECRET: ClassVar[bool] = True
    """No view of it is saved."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", "Leave the sheet; the token is shown no more", show=False, id="register.leave"),
        Binding("enter", "done", "Leave, once the agent is there", show=False, id="register.done"),
        Binding("y", "copy", "Copy the line to the clipboard", show=False, id="register.copy"),
        Binding("n", "name", "Another name for the agent", show=False, id="register.name"),
        Binding("s", "here", "Start an agent on this machine", show=False, id="register.here"),
        Binding("ctrl+s", "refuse_saving", show=False, id="register.save"),
    ]

    DEFAULT_CSS = """
    RegisterScreen {
        align: center middle;
        & > Vertical {
            /* Without sides, and from edge to edge: then a terminal selects the line and nothing else. */
            width: 100%; height: auto; padding: 0;
            background: $surface; border-top: solid $border; border-bottom: solid $border;
            border-title-color: $text-accent;
        }
        & > Vertical.-ascii { border-top: ascii $border; border-bottom: ascii $border; }
        & Input, & Input:focus { height: 1; border: none; padding: 0; background: $boost; }
    }
    """

    def __init__(self, mover: str, name: str, token: Token, state: TokenState) -> None:
        """Offer a token of a mover, for an agent that might be called ``name``."""
        super().__init__()
        self._mover = mover
        self._agent_name = name
        self._token = token
        self._state: TokenState | None = state
        self._local: LocalAgent | None = None
        self._here: tuple[str, ...] = ()
        self._note = ("", "")
        self._asking = ""
        self._starting = False
        self._ended = False

    @property
    def longshore(self) -> LongshoreApp:
        return cast("LongshoreApp", self.app)

    def compose(self) -> ComposeResult:
        glyphs = self.longshore.glyphs
        box = Vertical(classes="" if glyphs.unicode else "-ascii")
        box.border_title = Content(inert(f"Register an agent with {self._mover}", glyphs))
        with box:
            yield TextLines(1, glyphs=glyphs, id="told")
            line = LineInput(compact=True, select_on_focus=False)
            line.cursor_blink = False
            line.display = False
            yield line
            yield TextLines(1, glyphs=glyphs, id="keys")

    def on_mount(self) -> None:
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    @property
    def _sheet(self) -> Sheet:
        place = self.longshore.place
        paste = Paste(place.shared_url, self._mover, self._agent_name, self._token.text)
        return Sheet(paste, place.local, self._state, self._here, self._ended, *self._note)

    def _draw(self) -> None:
        width = self.app.size.width
        lines = sheet_lines(self._sheet, width, self.longshore.glyphs)
        told = self.query_one("#told", TextLines)
        told.resize_block(len(lines))
        told.set_lines(lines)
        asking = {"": "", NAME: "take this name", STATE: "register and start it; its files go there"}
        self.query_one("#keys", TextLines).set_lines([keys_line(self._state, asking[self._asking])])

    def _tell(self, sentence: str, style: str = "") -> None:
        self._note = display(sentence), style
        self._draw()

    # Following the store

    async def store_changed(self, changes: StoreChanges) -> None:
        try:
            state = await self.longshore.follower.read(token_state, self._token.id)
        except StoreUnavailable as error:
            self.longshore.trouble(error)
            return
        if not self.is_attached:
            return
        self._state = state
        if state is not None and state.used_by and not self._starting:
            self._end_asking()
        self._draw()

    # What keys do

    @property
    def _waits(self) -> bool:
        """Whether the token can be used still."""
        state = self._state
        return state is not None and not state.used_by and state.now < state.expires_at and not self._starting

    def action_leave(self) -> None:
        if self._asking:
            self._end_asking()
            self._draw()
        else:
            self.dismiss(leaving_words(self._sheet))

    def action_done(self) -> None:
        if self._state is None or self._state.used_by:
            self.action_leave()

    def action_refuse_saving(self) -> None:
        self._tell("This view holds a secret: it is not saved.", "warn")

    def action_copy(self) -> None:
        if self._waits:
            from tui.flows.copying import to_clipboard

            # The sentence ends in what was copied, which stands above.
            said = to_clipboard(self.app, pasted(self._sheet.paste)).partition(": ")[0]
            copied = said.startswith("Copied")
            self._tell(f"{said}." if copied else "This terminal has no clipboard: select the lines above in it.", "ok")

    def action_name(self) -> None:
        if self._waits:
            self._ask(NAME, self._agent_name)

    def action_here(self) -> None:
        if self._waits:
            self._ask(STATE, str(local_agents.default_state(self._agent_name)))

    def _ask(self, what: str, value: str) -> None:
        self._asking, self._note = what, ("", "")
        line = self.query_one(LineInput)
        line.value = value
        line.cursor_position = len(value)
        self._draw()
        # At once, not by a class: what is not displayed yet cannot take the focus, and keys come fast.
        line.display = True
        self.set_focus(line)

    def _end_asking(self) -> None:
        self._asking = ""
        line = self.query_one(LineInput)
        line.display = False
        self.set_focus(None)

    def on_input_submitted(self, event: LineInput.Submitted) -> None:
        event.stop()
        value = event.value.strip()
        if self._asking == NAME:
            try:
                self._agent_name = valid_name("agent", value)
            except InvalidInput as error:
                self._tell(error.sentence, "bad")
                return
            self._end_asking()
            self._draw()
        elif self._asking == STATE and value:
            self._end_asking()
            self.run_worker(self._start_here(Path(value).expanduser().absolute()), exit_on_error=True)

    # An agent on this machine

    async def _start_here(self, state: Path) -> None:
        self._starting = True
        name, paste = self._agent_name, self._sheet.paste
        self._tell(f"Registering '{name}' on this machine{self.longshore.glyphs.ellipsis}")
        loop = asyncio.get_running_loop()

        def ended(code: int) -> None:
            try:
                loop.call_soon_threadsafe(self._process_ended, code)
            except RuntimeError:
                return  # the screen is gone: nobody waits

        try:
            await asyncio.to_thread(local_agents.register, paste.store_url, paste.mover, name, state, paste.token)
            self._local = await asyncio.to_thread(local_agents.start, state, ended)
        except LongshoreError as error:
            self._tell(error.sentence, "bad")
        else:
            self._here = (
                f"It runs on this machine as process {self._local.pid} and goes on when this screen is left.",
                f"Its log: {display(self._local.log)}",
            )
            self._tell("")
        finally:
            self._starting = False

    def _process_ended(self, code: int) -> None:
        """The agent's process ended while the sheet is open."""
        if not self.is_attached or self._local is None:
            return
        self._ended = True
        words = local_agents.last_words(self._local.log)
        self._here = (f"Its log: {display(self._local.log)}",)
        self._tell(f"It ended with the exit code {code}: {words or 'its log says nothing'}", "bad")
