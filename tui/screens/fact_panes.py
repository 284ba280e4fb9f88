"""Screens with lists of facts: long ones go on in the next line, which depends on how wide the list is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from store.reader import Reader
from tui.lists.facts import facts_list
from tui.presentation.facts import Fact
from tui.screens.panes import PanesScreen


class Facts(NamedTuple):
    """A list of facts."""

    title: str
    read: Callable[[Reader], Iterable[Fact]]
    """What is known now; nothing where the resource is gone."""
    touched_by: tuple[str, ...] = ()
    """The tables whose changes may change it."""


class FactPanesScreen(PanesScreen):
    """A subclass says in ``facts`` which of its tables show facts, and calls ``wrap_facts`` in ``begin``."""

    _fact_cells = 0
    """Width that the facts were wrapped for."""

    def facts(self) -> dict[str, Facts]:
        """The lists of facts, by the ids of their tables. On a wide terminal each takes two fifths of it."""
        return {}

    def on_resize(self) -> None:
        self.wrap_facts()

    def wrap_facts(self) -> None:
        """List the facts anew for another width."""
        cells = self.size.width if self.narrow else self.size.width * 2 // 5
        if "panes" not in self.__dict__ or not cells or cells == self._fact_cells:
            return
        self._fact_cells = cells
        for name, (title, read, touched_by) in self.facts().items():
            spec = facts_list(title, read, cells, touched_by)
            if name in self.panes:
                self.panes[name].show(spec)
            else:
                self.pane(name, spec)
