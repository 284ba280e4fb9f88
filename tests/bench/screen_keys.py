"""Keys as people press them, and how one sees on the screen that each was painted."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from tests.bench.screen_terminal import BenchTerminal, Seen

CURSOR = "0178d4"
"""The background of the cursor in the pane that has the focus, and the colour of that pane's border."""

TOP_LINE = 2
"""The line of the first node of the tree, below the bar and the frame."""

PANES = ("Hierarchy", "Endpoints", "Definitions", "Runs")


class Pressed(NamedTuple):
    """One key and what it took."""

    seconds: float
    cpu: float
    bytes: int


def cursor(terminal: BenchTerminal) -> tuple[int, str] | None:
    """The line of the cursor and its text; None when none is to be seen."""
    for y in range(1, terminal.lines - 1):
        row = terminal.screen.buffer[y]
        text = "".join(row[x].data for x in range(terminal.columns) if row[x].bg == CURSOR)
        if text:
            return y, text
    return None


def focused(terminal: BenchTerminal) -> str:
    """The title of the pane that has the focus; empty when that is not just one pane."""
    found = []
    for y in range(1, terminal.lines):
        row, line = terminal.screen.buffer[y], terminal.line(y)
        for name in PANES:
            x = line.find(f"─ {name}")
            if x > 0 and row[x].fg == CURSOR:
                found.append(name)
    return found[0] if len(found) == 1 else ""


def moved(terminal: BenchTerminal) -> Seen:
    """The cursor is on another row than now, and that row is there."""
    before = cursor(terminal)

    def seen(at: BenchTerminal) -> bool:
        found = cursor(at)
        return found is not None and found != before and "loading" not in found[1]

    return seen


def into(name: str) -> Seen:
    """The focus is in a pane, and in no other."""
    return lambda at: focused(at) == name


class Presser:
    """Presses keys, at moments that no tick knows of, and keeps what each took."""

    def __init__(self, terminal: BenchTerminal, seed: int = 7, gaps: tuple[float, float] = (0.03, 0.25)) -> None:
        self.terminal = terminal
        self.took: dict[str, list[Pressed]] = {}
        self._gaps = gaps
        self._chance = random.Random(seed)

    def press(self, what: str, keys: str, seen: Callable[[BenchTerminal], Seen] | Seen | str) -> None:
        """Press and wait for what is to be seen; then let the screen come to rest for a moment.

        Args:
            what: the name to keep it under; empty for none.
            keys: what is typed.
            seen: what shows that it was painted; a maker of it, when it depends on what is there before.
        """
        terminal = self.terminal
        time.sleep(self._chance.uniform(*self._gaps))
        terminal.feed()
        wanted = moved(terminal) if seen is moved else seen
        cpu, sent = terminal.cpu(), terminal.send(keys)
        try:
            shown = terminal.until(wanted)  # type: ignore[arg-type]
        except TimeoutError as error:
            raise TimeoutError(f"{what or 'on the way'}, {keys!r}: {error}") from None
        if what:
            spent = Pressed(shown - sent, terminal.cpu() - cpu, terminal.bytes_between(sent, shown + 1e-6))
            self.took.setdefault(what, []).append(spent)

    def back_and_forth(self, what: str, there: str, back: str, times: int, run: int = 5) -> None:
        """Press a key some times and then the one that goes back, as often."""
        for number in range(times):
            self.press(what, there if number // run % 2 == 0 else back, moved)


def story(presser: Presser, times: int) -> None:
    """Everything that is pressed in the main screen and on a run: at ``times`` 10 some 120 keys."""
    terminal = presser.terminal
    presser.press("", "1", into("Hierarchy"))
    presser.press("", "G", moved)
    presser.back_and_forth("tree: k, j", "k", "j", times)
    presser.back_and_forth("tree: page up, down", "\x1b[5~", "\x1b[6~", times, run=1)
    presser.back_and_forth("tree: home, end", "g", "G", times, run=1)
    presser.press("", "g", _at_top)
    for name in _around(times):
        presser.press("tab", "\t", into(name))
    presser.press("", "4", into("Runs"))
    presser.back_and_forth("runs: j, k", "j", "k", times)
    presser.back_and_forth("runs: page down, up", "\x1b[6~", "\x1b[5~", times, run=3)
    presser.back_and_forth("runs: end, home", "G", "g", times, run=1)
    presser.press("", "3", into("Definitions"))
    presser.back_and_forth("definitions: j, k", "j", "k", times)
    presser.back_and_forth("definitions: page down, up", "\x1b[6~", "\x1b[5~", times, run=3)
    presser.press("", "4", into("Runs"))
    for _ in range(max(1, times // 6)):
        presser.press("filter: /", "/", lambda at: "filter: type" in at.text)
        for typed in itertools.accumulate("user"):
            presser.press("filter: a letter", typed[-1], _typed(typed))
        terminal.until(lambda at: "/user" in at.text and "loading" not in at.text)
        presser.press("filter: esc", "\x1b", lambda at: "/user" not in at.text and "loading" not in at.text)
    # The rows of the list before stay for a moment; enter is for those that come.
    terminal.still(0.3, 2.0)
    for _ in range(max(1, times // 3)):
        presser.press("open a run", "\r", lambda at: "Hierarchy" not in at.text)
        presser.press("close a run", "\x1b", "Hierarchy")


def _at_top(terminal: BenchTerminal) -> bool:
    found = cursor(terminal)
    return found is not None and found[0] == TOP_LINE


def _around(times: int) -> Iterator[str]:
    return itertools.islice(itertools.cycle((*PANES[1:], PANES[0])), times)


def _typed(text: str) -> Seen:
    return lambda at: any(at.line(y).strip() == text for y in range(at.lines - 3, at.lines))
