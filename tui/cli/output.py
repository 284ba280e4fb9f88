"""The one place where the command line writes: stdout is data, stderr is narration.

Every line passes ``display()`` here, so that no command can forget it; JSON and plan files leave
as ASCII, in which nothing raw can hide.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

from store.display import display

GAP = "  "


def prepare() -> None:
    """Let no character that the terminal's encoding lacks end a command."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def data(line: str) -> None:
    """One line of data."""
    sys.stdout.write(display(line) + "\n")


def verbatim(text: str) -> None:
    """Data that is safe already, with its own line ends: JSON or a plan file."""
    sys.stdout.write(text)


def say(line: str) -> None:
    """One line of narration."""
    sys.stderr.write(display(line) + "\n")
    sys.stderr.flush()


def complain(sentence: str) -> None:
    """What went wrong, in the form that every command uses."""
    say(f"longshore: {sentence}")


def json_text(value: Any, *, indent: int | None = 2) -> str:
    """A value as JSON in printable ASCII."""
    return json.dumps(value, indent=indent).replace("\x7f", "\\u007f")


def json_data(value: Any) -> None:
    """One JSON document on stdout."""
    verbatim(json_text(value) + "\n")


def json_list(values: Iterable[Any]) -> None:
    """ARM's list ``{"value": […]}``, written as it is read: a long one is never held whole."""
    verbatim('{"value": [')
    separator = "\n"
    for value in values:
        verbatim(separator + json_text(value, indent=None))
        separator = ",\n"
    verbatim("\n]}\n")


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Aligned columns under headings; the last column is never padded nor cut."""
    shown = [[display(cell) for cell in row] for row in rows]
    if not shown:
        return
    lines = [list(headings), *shown]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headings) - 1)]
    for line in lines:
        padded = [cell.ljust(width) for cell, width in zip(line, widths, strict=False)]
        sys.stdout.write(GAP.join((*padded, line[-1])).rstrip() + "\n")


def fields(values: Iterable[str | bytes]) -> None:
    """One thing as fields with tabs between them, for lists of any length."""
    sys.stdout.write("\t".join(display(value) for value in values) + "\n")


def properties(pairs: Iterable[tuple[str, str]]) -> None:
    """One thing as ``word  value`` lines."""
    shown = [(word, display(value)) for word, value in pairs if value]
    width = max((len(word) for word, _ in shown), default=0)
    for word, value in shown:
        sys.stdout.write(f"{word.ljust(width)}{GAP}{value}\n")


class LiveLine:
    """One line on stderr that is written again in place; on something that is no terminal, a line now and then."""

    def __init__(self, stream: TextIO | None = None, *, term: str = "") -> None:
        self._stream = stream or sys.stderr
        self.live = self._stream.isatty() and term not in ("", "dumb")

    def show(self, line: str) -> None:
        """Replace the line, cut to the terminal's width."""
        if self.live:
            width = shutil.get_terminal_size().columns - 1
            self._stream.write(f"\r\x1b[K{display(line, limit=max(width, 10))}")
        else:
            self._stream.write(display(line) + "\n")
        self._stream.flush()

    def clear(self) -> None:
        """Take the line away, so that something else can be said."""
        if self.live:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
