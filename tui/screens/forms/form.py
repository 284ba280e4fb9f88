"""The screen of every form: its pages, one field at a time, checked as one types; dismissed with what was saved."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.suggester import Suggester
from textual.widgets import Input

from store.display import display
from store.errors import LongshoreError, StoreUnavailable
from tui.forms.change import Change, Changed, Loaded
from tui.forms.completer import Completer
from tui.forms.field import Field
from tui.forms.form import Form, Page
from tui.forms.layout import LABEL_CELLS, Drawn, State, draw
from tui.forms.tail import TAIL_LINES, head_line, tail_lines
from tui.presentation.glyphs import Glyphs
from tui.screens.confirm import ConfirmScreen
from tui.widgets.form_lines import FormLines
from tui.widgets.text_field import TextField
from tui.widgets.text_lines import TextLines

Read = Callable[..., Awaitable[Any]]


class FormScreen(ModalScreen[Changed | None]):
    """Dismisses with what the store did, or with None. Nothing that was typed is lost before."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab,down", "move(1)", "The next field", show=False, id="form.next", priority=True),
        Binding("shift+tab,up", "move(-1)", "The field before", show=False, id="form.previous", priority=True),
        Binding("enter", "enter", "The next field, or save after the last", show=False, id="form.enter", priority=True),
        Binding("pagedown", "page(1)", "The next page", show=False, id="form.page_next", priority=True),
        Binding("pageup", "page(-1)", "The page before", show=False, id="form.page_previous", priority=True),
        Binding("ctrl+s", "save", "Save, or review what will be", show=False, id="form.save", priority=True),
        Binding("escape", "leave", "Leave; asks if something was changed", show=False, id="form.leave", priority=True),
    ]

    DEFAULT_CSS = """
    FormScreen {
        align: center middle;
        & > Vertical {
            layers: base typing;
            width: 100; max-width: 100%; height: 40; max-height: 100%;
            background: $surface; border: solid $border; padding: 0 1;
            border-title-color: $text-accent;
        }
        & > Vertical.-ascii { border: ascii $border; }
    }
    """

    def __init__(
        self,
        form: Form,
        completer: Completer,
        read: Read,
        save: Callable[[Change], Changed],
        load: Callable[[], Loaded],
        glyphs: Glyphs,
    ) -> None:
        """Open a form.

        Args:
            form: what is made or changed.
            completer: completes what is typed.
            read: runs a query on the reader thread.
            save: asks the store, in a thread.
            load: the resource as it is now, in a thread.
            glyphs: the set to draw with.
        """
        super().__init__()
        self._form = form
        self._completer = completer
        self._read, self._save, self._load = read, save, load
        self._glyphs = glyphs
        self._texts = dict(form.start)
        self._told: dict[str, str] = {}
        self._touched: set[str] = set()
        self._page = 0
        self._current = ""
        self._completions: list[str] = []
        self._taken: str | None = None
        """The completion that was taken last: those beside it stay on offer."""
        self._says: tuple[str, str] = ("", "")
        self._saving = False
        self._drawn = Drawn([], {}, {})
        self._wrong: dict[str, str] = {}

    def compose(self) -> ComposeResult:
        box = Vertical(classes="" if self._glyphs.unicode else "-ascii")
        box.border_title = Content(display(self._form.title))
        with box:
            if len(self._pages) > 1:
                yield TextLines(2, glyphs=self._glyphs, id="head")
            yield FormLines(glyphs=self._glyphs)
            yield TextLines(TAIL_LINES, glyphs=self._glyphs, id="tail")
            yield TextField(_Completions(self))

    def on_mount(self) -> None:
        self._check()
        self._go_to(self._first_key())

    # Where one is

    @property
    def _pages(self) -> tuple[Page, ...]:
        return self._form.pages

    def _stops(self) -> list[str]:
        """The fields of this page that can be changed."""
        return [key for key in self._pages[self._page].keys if not self._form.field(key).fixed]

    def _first_key(self) -> str:
        """The first field of this page; the first that is still empty, where one is needed."""
        stops = self._stops()
        empty = [key for key in stops if self._form.field(key).required and not self._texts[key]]
        return (empty or stops or [""])[0]

    @property
    def _field(self) -> Field | None:
        return self._form.field(self._current) if self._current else None

    def _go_to(self, key: str) -> None:
        """Give a field the focus."""
        if self._current:
            self._touched.add(self._current)
        self._current = key
        self._completions, self._taken = [], None
        field = self._field
        line = self.query_one(TextField)
        line.display = field is not None and field.typed
        if field is not None and field.typed:
            line.begin(self._texts[key])
            self.set_focus(line)
            self._complete()
        else:
            self.set_focus(self.query_one(FormLines))
        self._draw()

    def action_move(self, step: int) -> None:
        """To the next field or the one before; on a page without fields, scroll."""
        stops = self._stops()
        if not stops:
            lines = self.query_one(FormLines)
            at = lines.top + step if step < 0 else lines.top + lines.size.height - 1 + step
            lines.show(self._drawn.lines, max(0, at), min(len(self._drawn.lines) - 1, at))
            return
        here = stops.index(self._current) if self._current in stops else 0
        self._go_to(stops[(here + step) % len(stops)])

    def action_page(self, step: int) -> None:
        """To another step of the form; nothing that was typed is lost on the way."""
        page = self._page + step
        if 0 <= page < len(self._pages):
            self._show_page(page)

    def _show_page(self, page: int) -> None:
        self._touched.update(self._pages[self._page].keys if page > self._page else ())
        self._says = ("", "")
        self._page = page
        self.query_one(FormLines).top = 0
        self._go_to(self._first_key())

    def action_enter(self) -> None:
        """To the next field; from the last one on, and at the end save."""
        stops = self._stops()
        if stops and self._current != stops[-1]:
            self.action_move(1)
        elif self._page + 1 < len(self._pages):
            self._show_page(self._page + 1)
        else:
            self.action_save()

    # What is typed

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        if self._current and event.value != self._texts[self._current]:
            self._change(event.value)
            self._complete()

    @on(FormLines.Chosen)
    def _chosen(self, event: FormLines.Chosen) -> None:
        event.stop()
        field = self._field
        if field is None or field.typed:
            return
        choices = field.choices
        here = choices.index(self._texts[field.key]) if self._texts[field.key] in choices else 0
        if event.letter:
            places = [*range(here + 1, len(choices)), *range(here + 1)]
            begins = [n for n in places if (choices[n] or "none").lower().startswith(event.letter.lower())]
            here = begins[0] if begins else here
        else:
            here = (here + event.step) % len(choices)
        self._change(choices[here])

    def _change(self, text: str) -> None:
        """A field holds another text now."""
        self._texts[self._current] = text
        self._touched.add(self._current)
        self._told.pop(self._current, None)
        self._says = ("", "")
        self._check()
        self._draw()

    def _check(self) -> None:
        """Ask the store's rules; and the store itself for what they need to know."""
        self._wrong = self._form.check(self._texts)
        asked = self._form.asks(self._texts)
        if asked:
            self._look_up(asked)

    @work(group="look-up", exclusive=True)
    async def _look_up(self, asked: frozenset[tuple[str, str]]) -> None:
        try:
            self._form.learn(await self._read(self._form.look_up, asked))
        except StoreUnavailable as error:
            self._say(error.sentence, "bad")
            return
        self._check()
        self._draw()

    # Completion

    def _complete(self) -> None:
        """Offer something for an empty field; where something stands, the line itself asks for what it shows."""
        field = self._field
        if field is not None and field.completes and not self._texts[field.key]:
            self._offer()

    @work(group="complete", exclusive=True)
    async def _offer(self) -> None:
        await self.complete("")

    async def complete(self, text: str) -> str | None:
        """Look for what the present field's text may go on to, and offer it; the first one comes back."""
        field = self._field
        if field is None or not field.completes:
            return None
        try:
            found = await self._completer.complete(field.completes, text, self._texts)
        except StoreUnavailable:
            return None
        found = [one for one in found if one != text]
        if self._field is field and self._texts[field.key] == text and text != self._taken:
            self._completions = found
            self._draw()
        return found[0] if found else None

    @on(TextField.NextCompletion)
    def _next_completion(self, event: TextField.NextCompletion) -> None:
        event.stop()
        if self._completions:
            # The ones that were offered stay: the key goes through them and comes back to what was typed.
            self._taken, *rest = self._completions
            self._completions = [*rest, self._texts[self._current]]
            self._change(self._taken)
            self.query_one(TextField).begin(self._taken)

    # Drawing

    def _draw(self) -> None:
        lines = self.query_one(FormLines)
        if not lines.size.height:
            return
        shown = {key: words for key, words in self._wrong.items() if key in self._touched or not key}
        if self._completions and self._current in self._form.unfinished(self._texts):
            shown.pop(self._current, None)
        doubts = self._form.doubts(self._texts, self._glyphs)
        state = State(self._texts, shown, doubts, self._told, self._current)
        self._drawn = drawn = draw(self._form, self._pages[self._page], state, lines.size.width, self._glyphs)
        at = drawn.at.get(self._current, 0)
        lines.show(drawn.lines, at, drawn.ends.get(self._current, at))
        line = self.query_one(TextField)
        if line.display:
            line.styles.offset = (LABEL_CELLS, lines.virtual_region.y + at - lines.top)
            line.styles.width = lines.size.width - LABEL_CELLS
        for head in self.query("#head").results(TextLines):
            head.set_line(0, head_line(self._form, self._page, self._wrong, self._glyphs))
        last = self._page == len(self._pages) - 1
        text = self._texts.get(self._current, "")
        at_end = self._current == (self._stops() or [""])[-1]
        tail = tail_lines(
            self._form,
            self._field,
            text,
            self._completions,
            self._says,
            lines.size.width,
            last=last,
            at_end=at_end,
        )
        self.query_one("#tail", TextLines).set_lines(tail)

    @on(FormLines.Resized)
    def _resized(self, event: FormLines.Resized) -> None:
        event.stop()
        self._draw()

    def _say(self, sentence: str, style: str) -> None:
        self._says = (display(sentence), style)
        self._draw()

    # The end

    def action_save(self) -> None:
        """Ask the store; before the last page, go there first: it tells what will be made."""
        wrong = self._form.check(self._texts)
        if wrong:
            self._show_wrong(wrong)
        elif self._page + 1 < len(self._pages):
            self._show_page(len(self._pages) - 1)
        elif not self._saving:
            self._saving = True
            self._say("Saving ...", "dim")
            self.run_worker(self._ask(self._form.change(self._texts)), group="save", exit_on_error=True)

    def _show_wrong(self, wrong: dict[str, str]) -> None:
        """Go to the first field that is wrong."""
        self._wrong = wrong
        self._touched.update(wrong)
        keys = [(n, key) for n, page in enumerate(self._pages) for key in page.keys if key in wrong]
        if keys:
            page, key = keys[0]
            if page != self._page:
                self._show_page(page)
            self._go_to(key)
        self._touched.update(wrong)
        self._say("Nothing was saved: correct what is marked first.", "bad")

    async def _ask(self, change: Change) -> None:
        try:
            changed = await asyncio.to_thread(self._save, change)
        except LongshoreError as error:
            if error.code == "ChangedMeanwhile":
                await self._take_others()
            else:
                self._say(error.sentence, "bad")
        else:
            self.dismiss(changed)
        finally:
            self._saving = False

    async def _take_others(self) -> None:
        """Somebody changed it while this was open: go on from what it is now, with both values shown."""
        try:
            loaded = await asyncio.to_thread(self._load)
        except LongshoreError as error:
            self._say(error.sentence, "bad")
            return
        self._texts, self._told = self._form.rebase(loaded, self._texts)
        self._check()
        self._go_to(next(iter(self._told), self._current))
        self._say(f"{loaded.changed_by} changed it meanwhile: look at what is marked, then save again.", "warn")

    def action_leave(self) -> None:
        """Leave; asked first when something was typed."""
        if self._texts == self._form.start:
            self.dismiss(None)
            return
        lines = ["Leave without saving?", "What was typed is lost."]
        self.app.push_screen(ConfirmScreen(lines, "Leave it", self._glyphs), self._left)

    def _left(self, leave: bool | None) -> None:
        if leave:
            self.dismiss(None)


class _Completions(Suggester):
    """Shows the first completion behind what was typed."""

    def __init__(self, screen: FormScreen) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._screen = screen

    async def get_suggestion(self, value: str) -> str | None:
        return await self._screen.complete(value)
