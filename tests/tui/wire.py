"""What the screen writes to its terminal, and what a terminal makes of it.

Textual's headless driver writes nothing: here it writes as the real one does, into a list.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

import pyte
import pytest
from textual.drivers.headless_driver import HeadlessDriver
from wcwidth import wcwidth

from store.display import display
from tests.tui.driving import seen
from tests.tui.hostile_store import HOSTILE_LOOK
from tui.app import LongshoreApp

_SEQUENCE = re.compile(r"\x1b\[[<=>?]?[0-9;]*\$?[A-Za-z]|\x1b\]22;default\x07")
_TEXTUALS = re.compile(r"\x1b\[([0-9;]*[HCm]|\?[0-9]+[hl]|[<>]?[0-9]*u|\?[0-9]+\$p)|\x1b\]22;default\x07")
"""What Textual and the painter write: moves, looks, modes, the mouse's shape; nothing that clears, titles or copies."""


class Wire:
    """Everything written so far."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.written: list[str] = []
        monkeypatch.setattr(HeadlessDriver, "is_headless", False)
        monkeypatch.setattr(HeadlessDriver, "write", lambda _driver, data: self.written.append(data))

    @property
    def text(self) -> str:
        return "".join(self.written)

    def assert_inert(self) -> None:
        """Nothing that a terminal acts on, but what Textual itself writes."""
        text = self.text
        text.encode()  # no lone surrogate
        for found in _SEQUENCE.findall(text):
            assert _TEXTUALS.fullmatch(found), ascii(found)
            assert found != HOSTILE_LOOK
        rest = _SEQUENCE.sub("", text)
        assert "\x1b" not in rest, ascii(rest[rest.index("\x1b") :][:40])
        for character in set(rest):
            # A line feed is Textual's, between two lines; another one would move what follows it.
            assert character in "\\\n" or display(f"a{character}") == f"a{character}", ascii(character)

    def assert_as_meant(self, app: LongshoreApp) -> None:
        """A terminal shows each cell where the application thinks that it stands."""
        width, height = app.size
        terminal = pyte.Screen(width, height)
        terminal.reset_mode(pyte.modes.DECAWM >> 5, private=True)
        pyte.Stream(terminal).feed(self.text)
        for y, line in enumerate(seen(app).split("\n")):
            wanted = cells(line)
            assert len(wanted) == width, f"line {y} has {len(wanted)} cells: {line}"
            shown = [terminal.buffer[y][x].data for x in range(width)]
            assert shown == wanted, f"line {y}\n{line}\n{''.join(shown)}"


def cells(line: str) -> list[str]:
    """The cells of a line as a terminal keeps them: a wide character has an empty one after it."""
    found: list[str] = []
    for character in line:
        width = wcwidth(character)
        if width == 0 and found:
            base = -2 if found[-1] == "" and len(found) > 1 else -1
            found[base] = unicodedata.normalize("NFC", found[base] + character)
        else:
            found += [character, *([""] * (width - 1))]
    return found


def borders(lines: Sequence[str], glyph: str) -> list[set[int]]:
    """At which cells of each line a glyph stands."""
    return [{x for x, character in enumerate(cells(line)) if character == glyph} for line in lines]
