"""The sheets of an export: as what and where to, and how far it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, NamedTuple

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from store.queries.runs import RunRow
from tui.presentation.export_view import (
    HEAD_LINES,
    TAIL_LINES,
    WRITING_LINES,
    file_name,
    head_lines,
    renamed,
    tail_lines,
    writing_lines,
)
from tui.presentation.glyphs import Glyphs
from tui.reports import FORMATS
from tui.widgets.file_line import FileLine
from tui.widgets.text_lines import TextLines


class Export(NamedTuple):
    """What an admin chose."""

    form: str
    path: Path


class ExportScreen(ModalScreen[Export | None]):
    """Asks for a format and a file; dismisses with None when it is left."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Write nothing", show=False, id="export.cancel"),
    ]

    DEFAULT_CSS = """
    ExportScreen, WritingScreen {
        align: center middle;
        & > Vertical {
            width: 76; max-width: 96%; height: auto; padding: 0 1;
            background: $surface; border: solid $border;
        }
        & > Vertical.-ascii { border: ascii $border; }
    }
    """

    def __init__(self, run: RunRow, lines: int, directory: str, glyphs: Glyphs) -> None:
        """Ask about a run's report of some ``lines``; a name without a directory is in ``directory``."""
        super().__init__()
        self._run = run
        self._lines = lines
        self._directory = directory
        self._glyphs = glyphs
        self._form = FORMATS[0]
        self._refusal = ""

    def compose(self) -> ComposeResult:
        with Vertical(classes="" if self._glyphs.unicode else "-ascii"):
            yield TextLines(HEAD_LINES, glyphs=self._glyphs, id="head")
            yield FileLine(file_name(self._run, self._form))
            yield TextLines(TAIL_LINES, glyphs=self._glyphs, id="tail")

    def on_mount(self) -> None:
        self.set_focus(self.query_one(FileLine))
        self._draw()

    def _draw(self) -> None:
        self.query_one("#head", TextLines).set_lines(head_lines(self._run, self._lines, self._form, FORMATS))
        self.query_one("#tail", TextLines).set_lines(tail_lines(self._directory, self._refusal))

    def action_other(self) -> None:
        """The other format."""
        before, self._form = self._form, FORMATS[1 - FORMATS.index(self._form)]
        line = self.query_one(FileLine)
        line.value = renamed(line.value, before, self._form)
        self._draw()

    @on(FileLine.Submitted)
    def _submitted(self, event: FileLine.Submitted) -> None:
        event.stop()
        try:
            path = Path(event.value.strip()).expanduser()
        except RuntimeError:
            self._refusal = "Whose home '~' means is not known here: write the directory in full."
        else:
            if path.name:
                self.dismiss(Export(self._form, path))
                return
            self._refusal = "Type the name of a file."
        self._draw()

    def action_cancel(self) -> None:
        self.dismiss(None)


class WritingScreen(ModalScreen[None]):
    """Tells how far an export is; esc asks for its end."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "stop", "End it; no half file stays", show=False, id="export.stop"),
    ]

    def __init__(self, name: str, total: int, stop: Callable[[], None], glyphs: Glyphs) -> None:
        super().__init__()
        self._file = name
        self._total = total
        self._stop = stop
        self._glyphs = glyphs

    def compose(self) -> ComposeResult:
        with Vertical(classes="" if self._glyphs.unicode else "-ascii"):
            yield TextLines(WRITING_LINES, glyphs=self._glyphs)

    def on_mount(self) -> None:
        self.tell(0)

    def tell(self, written: int) -> None:
        """So many lines are written."""
        if self.is_mounted:
            self.query_one(TextLines).set_lines(writing_lines(self._file, written, self._total))

    def action_stop(self) -> None:
        self._stop()
