"""A screen of one resource: a head of lines, lists below, and what holds once the resource is gone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from tui.actions import action
from tui.presentation.cells import Cell
from tui.presentation.pane_line import pane_line
from tui.screens.fact_panes import FactPanesScreen
from tui.subjects import WORDS, Subject
from tui.widgets.text_lines import TextLines


class ResourceScreen(FactPanesScreen):
    """A subclass composes ``TextLines`` with the ids ``head`` and ``tabs`` (one line) beside its tables.

    On a narrow terminal the line of tabs says which panes there are; tab goes through them.
    """

    RUNS: ClassVar[str] = "runs"
    """The list in which a run stands that was started from here."""

    def __init__(self, subject: Subject) -> None:
        super().__init__()
        self.own: Subject = subject
        self.gone = False
        """Whether the resource was deleted while this was open."""

    # What is shown

    def set_crumbs(self, *names: str) -> None:
        """Say in the first line where one is, outermost first."""
        self.top_bar.set_left([Cell("Longshore", "strong"), *(Cell(name) for name in names)])

    def set_head(self, lines: Sequence[Sequence[Cell]]) -> None:
        self.query_one("#head", TextLines).set_lines(lines)

    def show_front(self) -> None:
        super().show_front()
        tabs = self.query_one("#tabs", TextLines)
        tabs.display = self.narrow
        titles = [(name, pane.title) for name, pane in self.__dict__.get("panes", {}).items()]
        tabs.set_lines([pane_line(titles, {self.front}, self.longshore.glyphs)])

    def tell_gone(self) -> None:
        """Say that there is nothing any more that keys could act on; what was listed goes as it is read again."""
        if self.gone:
            return
        self.gone = True
        text = f"{self._gone_words} esc goes back."
        self.set_head([[Cell(f"{self.longshore.glyphs.attention} {text}", "warn")]])
        for pane in self.__dict__.get("panes", {}).values():
            # What a list says when it is empty tells of keys that start and make something.
            pane.none = "Nothing is left."
            pane.set_title()
        self.refresh_keys()

    @property
    def _gone_words(self) -> str:
        return f"This {WORDS[self.own.kind]} is gone: it was deleted meanwhile."

    # What keys act on

    def reason(self, identity: str) -> str:
        on = action(identity).on
        if self.gone and on and (self.subject is None or self.subject.kind not in on):
            return self._gone_words
        return super().reason(identity)

    def launched(self, run_id: int, words: str) -> None:
        """A run was started from here: put the cursor on it."""
        runs = self.panes[self.RUNS]
        runs.text = ""
        runs.order = runs.spec.orders[0].value
        runs.show(anchor=str(run_id))
        self.focus_pane(self.RUNS)
        self.say(words, "ok")
