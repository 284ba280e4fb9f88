"""The screen in every kind of terminal: colours, glyphs and sizes, with pyte as the judge of what is seen."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

import pytest

from tests.tui.sample_store import SampleStore
from tests.tui.test_terminal import ROOT, Terminal, restored

MOUSE = re.compile(rb"\x1b\[\?(?:1000|1002|1003|1005|1006|1015|1016)(?:;\d+)*h")
SGR = re.compile(rb"\x1b\[([\d;]*)m")


@contextmanager
def opened(
    sample: SampleStore,
    *options: str,
    columns: int = 80,
    lines: int = 24,
    environment: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Terminal]:
    arguments = ["-m", "tui", "--store", str(sample.place.path), *options]
    terminal = Terminal(arguments, columns, lines, **environment)
    try:
        yield terminal
    finally:
        terminal.child.close(force=True)


def colours(raw: bytes) -> set[str]:
    """The kinds of colour that a stream sets: ``16``, ``256``, ``truecolor``."""
    found = set()
    for sequence in SGR.findall(raw):
        codes = [int(code or 0) for code in sequence.split(b";")]
        while codes:
            code = codes.pop(0)
            if code in (38, 48):
                found.add("truecolor" if codes.pop(0) == 2 else "256")
                del codes[: 3 if "truecolor" in found and len(codes) >= 3 else 1]
            elif 30 <= code <= 37 or 40 <= code <= 47 or 90 <= code <= 107:
                found.add("16")
    return found


TOP = 2
"""The line of the first thing in the tree, below the header and its frame."""


def cursor_lines(terminal: Terminal) -> list[int]:
    """The lines that have cells on another background than the line's first cells, or reversed ones."""
    found = []
    for y in range(2, terminal.screen.lines - 1):
        row = terminal.screen.buffer[y]
        looks = {(row[x].bg, row[x].reverse) for x in range(2, 20)}
        if any(reverse for _, reverse in looks) or len({bg for bg, _ in looks}) > 1:
            found.append(y)
    return found


def walk_and_quit(terminal: Terminal) -> None:
    """See the tree, go to its top, one down and up again, and leave; the cursor is seen wherever it is."""
    terminal.until("engineering")
    terminal.until("nas-exit")
    terminal.child.send("g")
    terminal.until(lambda: cursor_lines(terminal) == [TOP])
    terminal.child.send("j")
    terminal.until(lambda: cursor_lines(terminal) == [TOP + 1])
    terminal.child.send("q")
    assert terminal.end() == 0
    assert restored(terminal.raw)
    assert not MOUSE.search(terminal.raw)


@pytest.mark.parametrize(
    ("term", "colorterm", "kind"),
    [
        ("xterm-256color", "truecolor", "truecolor"),
        ("xterm-256color", "", "256"),
        ("tmux-256color", "", "256"),
        ("putty-256color", "", "256"),
        ("xterm", "", "16"),
        ("screen", "", "16"),
        ("linux", "", "16"),
        ("putty", "", "16"),
    ],
)
def test_each_terminal_gets_the_colours_that_it_has(sample: SampleStore, term: str, colorterm: str, kind: str) -> None:
    with opened(sample, environment={"TERM": term, "COLORTERM": colorterm}) as terminal:
        walk_and_quit(terminal)
        assert colours(terminal.raw) == {kind}


@pytest.mark.parametrize(
    "environment",
    [
        {"NO_COLOR": "1"},
        {"NO_COLOR": "1", "TERM": "xterm", "COLORTERM": ""},
        {"TEXTUAL_COLOR_SYSTEM": "none"},
        {"TERM": "vt100", "COLORTERM": ""},
        {"TERM": "vt220", "COLORTERM": "truecolor"},
        {"TERM": "xterm-mono", "COLORTERM": ""},
    ],
    ids=lambda environment: " ".join(f"{name}={value}" for name, value in environment.items() if value),
)
def test_where_no_colours_are_wanted_or_known_there_are_none(sample: SampleStore, environment: dict[str, str]) -> None:
    with opened(sample, environment=environment) as terminal:
        walk_and_quit(terminal)
        assert colours(terminal.raw) == set()


def test_an_empty_no_color_counts_for_nothing_and_an_unknown_colour_system_for_the_usual(sample: SampleStore) -> None:
    with opened(sample, environment={"NO_COLOR": "", "TEXTUAL_COLOR_SYSTEM": "lots"}) as terminal:
        walk_and_quit(terminal)
        assert colours(terminal.raw) == {"truecolor"}


@pytest.mark.parametrize(
    ("options", "environment"),
    [
        (("--ascii",), {}),
        ((), {"LANG": "C"}),
        ((), {"LANG": "en_US.UTF-8", "LC_ALL": "POSIX"}),
        ((), {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}),
        ((), {"TERM": "linux", "COLORTERM": ""}),
    ],
    ids=["--ascii", "LANG=C", "LC_ALL=POSIX", "without Python's UTF-8", "TERM=linux"],
)
def test_an_ascii_terminal_gets_nothing_else(
    sample: SampleStore, options: tuple[str, ...], environment: dict[str, str]
) -> None:
    with opened(sample, *options, columns=130, lines=30, environment=environment) as terminal:
        terminal.until("engineering")
        for keys, wanted in (("/", "filter: type"), ("\x1b", "? keys"), ("?", "Keys here"), ("\x1b", "? keys")):
            terminal.child.send(keys)
            terminal.until(wanted)
        walk_and_quit(terminal)
        assert max(terminal.raw) < 0x80
        assert "\\u" not in terminal.text


def test_a_utf8_terminal_gets_its_glyphs(sample: SampleStore) -> None:
    with opened(sample, environment={"LANG": "C.UTF-8"}) as terminal:
        terminal.until("┌─ Hierarchy")
        terminal.child.send("q")
        assert terminal.end() == 0


SIZES = ((300, 100), (120, 34), (81, 25), (160, 45), (80, 24))


def test_the_window_may_take_any_size_at_any_time(sample: SampleStore) -> None:
    with opened(sample) as terminal:
        terminal.until("engineering")
        for columns, lines in SIZES:
            resize(terminal, columns, lines)
            terminal.until("? keys")
            terminal.until("Hierarchy")
            assert last_frame_line(terminal, columns).startswith("└")
        walk_and_quit(terminal)


def test_a_window_that_is_too_small_is_no_end_and_one_that_grows_again_shows_all(sample: SampleStore) -> None:
    with opened(sample, columns=40, lines=10) as terminal:
        terminal.until("engineering")
        terminal.child.send("j")
        for columns, lines in ((20, 5), (8, 3), (2, 2), (1, 1), (300, 2), (3, 100), (80, 24)):
            resize(terminal, columns, lines)
            terminal.read(0.3)
            terminal.child.send("\t")
        terminal.until("? keys")
        terminal.child.send("1")
        walk_and_quit(terminal)


def resize(terminal: Terminal, columns: int, lines: int) -> None:
    terminal.read(0.1)
    terminal.screen.resize(lines, columns)
    terminal.screen.reset()
    terminal.child.setwinsize(lines, columns)


def last_frame_line(terminal: Terminal, columns: int) -> str:
    """The line above the key bar, once it reaches to the window's edge."""
    for _ in range(400):
        line = terminal.screen.display[terminal.screen.lines - 2].rstrip()
        if line.endswith("┘") and len(line) == columns:
            return line
        terminal.read()
    raise AssertionError(f"never so:\n{terminal.text}")


@pytest.mark.parametrize(("given", "wanted"), [(None, 0.025), ("80", 0.08)])
def test_a_lone_escape_waits_a_fortieth_of_a_second_unless_the_user_says_otherwise(
    given: str | None, wanted: float
) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "ESCDELAY"}
    if given is not None:
        environment["ESCDELAY"] = given
    program = (
        "import os; from tui import terminal; terminal.prepare(os.environ);"
        "from textual import constants; print(constants.ESCAPE_DELAY)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert float(done.stdout) == wanted
