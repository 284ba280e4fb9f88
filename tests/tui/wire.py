"""What the screen writes to its terminal, and what a terminal makes of it.

Textual's headless driver writes nothing: here it writes as the real one does, into a list.
"""

from __future__ import annotations

import base64
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
from tui.painting import PLAIN_CHARACTERS

_SEQUENCE = re.compile(r"\x1b\[[<=>?]?[0-9;]*\$?[A-Za-z]|\x1b\]22;default\x07")
_TEXTUALS = re.compile(r"\x1b\[([0-9;]*[HCm]|\?[0-9]+[hl]|[<>]?[0-9]*u|\?[0-9]+\$p)|\x1b\]22;default\x07")
"""What Textual and the painter write: moves, looks, modes, the mouse's shape; nothing that clears, titles or copies."""
_CLIPBOARD = re.compile(r"\x1b\]52;c;([A-Za-z0-9+/=]*)\x1b\\")
"""What asks a terminal to take a text: written for ``y`` alone, and only with a text that may be pasted anywhere."""


class Wire:
    """Everything written so far."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.written: list[str] = []
        self._terminal: pyte.Screen | None = None
        self._fed = 0
        monkeypatch.setattr(HeadlessDriver, "is_headless", False)
        monkeypatch.setattr(HeadlessDriver, "write", lambda _driver, data: self.written.append(data))

    @property
    def text(self) -> str:
        return "".join(self.written)

    def assert_inert(self) -> None:
        """Nothing that a terminal acts on, but what Textual itself writes."""
        text = self.text
        text.encode()  # no lone surrogate
        for copied in _CLIPBOARD.findall(text):
            pasted = base64.b64decode(copied).decode()
            assert pasted not in ("", "PWNED"), "a text of the store's copied itself"
            assert display(pasted).replace("\\\\", "\\") == pasted, ascii(pasted)
        text = _CLIPBOARD.sub("", text)
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
        assert not self.differences(app), self.differences(app)

    def differences(self, app: LongshoreApp) -> str:
        """The first line that a terminal shows otherwise than it is meant; empty for none."""
        width, height = app.size
        if self._terminal is None:
            self._terminal = pyte.Screen(width, height)
            self._terminal.reset_mode(pyte.modes.DECAWM >> 5, private=True)
            self._stream = pyte.Stream(self._terminal)
        news, self._fed = self.written[self._fed :], len(self.written)
        self._stream.feed("".join(news))
        # In ASCII mode the painter writes what stands for Textual's own scrollbars.
        text = seen(app) if app.glyphs.unicode else seen(app).translate(PLAIN_CHARACTERS)
        for y, line in enumerate(text.split("\n")):
            wanted = cells(line)
            assert len(wanted) == width, f"line {y} has {len(wanted)} cells: {line}"
            shown = [self._terminal.buffer[y][x].data for x in range(width)]
            if shown != wanted:
                return f"line {y}\n{line}\n{''.join(shown)}"
        return ""


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
