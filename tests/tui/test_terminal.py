"""The screen in a real terminal: what only a pty can show."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pexpect  # type: ignore[import-untyped]
import pyte
import pytest

from tests.tui.sample_store import SampleStore

ROOT = Path(__file__).parents[2]
LIMIT = 60
"""Seconds that anything may take on a busy machine."""


class Terminal:
    """A program in a pty, its screen as a terminal would show it, and the raw bytes it wrote."""

    def __init__(self, arguments: list[str], columns: int = 80, lines: int = 24, **environment: str) -> None:
        env = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8", **environment}
        self.child = pexpect.spawn(
            sys.executable, arguments, dimensions=(lines, columns), env=env, cwd=str(ROOT), timeout=LIMIT
        )
        self.screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self.screen)
        self.raw = b""

    def read(self, seconds: float = 0.05) -> bytes:
        """What comes within a time."""
        got = b""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                got += self.child.read_nonblocking(65_536, timeout=0.05)
            except pexpect.TIMEOUT:
                continue
            except pexpect.EOF:
                break
        self.raw += got
        self._stream.feed(got)
        return got

    @property
    def text(self) -> str:
        return "\n".join(self.screen.display)

    def until(self, wanted: str | Callable[[], object]) -> None:
        """Read until a text is on the screen, or something holds."""
        end = time.monotonic() + LIMIT
        while wanted not in self.text if isinstance(wanted, str) else not wanted():
            assert time.monotonic() < end, f"no '{wanted}' in\n{self.text}"
            self.read()

    def end(self, limit: float = LIMIT) -> int:
        """Read to the end, which is to come within so many seconds; the exit code as a shell reports it."""
        late = time.monotonic() + limit
        while self.child.isalive():
            assert time.monotonic() < late, f"it goes on:\n{self.text}"
            self.read(0.2)
        self.read(0.2)
        self.child.close()
        return self.child.exitstatus if self.child.exitstatus is not None else 128 + int(self.child.signalstatus or 0)


@contextmanager
def screen(sample: SampleStore) -> Iterator[Terminal]:
    terminal = Terminal(["-m", "tui", "--store", str(sample.place.path)])
    try:
        yield terminal
    finally:
        terminal.child.close(force=True)


def restored(raw: bytes) -> bool:
    """Whether the alternate screen was left and the cursor shown, after it was entered."""
    left = raw.rfind(b"\x1b[?1049l") > raw.rfind(b"\x1b[?1049h") >= 0
    return left and raw.rfind(b"\x1b[?25h") > raw.rfind(b"\x1b[?25l")


def test_q_leaves_with_0_and_a_clean_terminal(sample: SampleStore) -> None:
    with screen(sample) as terminal:
        terminal.until("Runs of engineering")
        terminal.child.send("q")
        assert terminal.end() == 0
        assert restored(terminal.raw)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_signals_restore_the_terminal(sample: SampleStore, number: signal.Signals, code: int) -> None:
    with screen(sample) as terminal:
        terminal.until("Runs of engineering")
        terminal.child.kill(number)
        assert terminal.end() == code
        assert restored(terminal.raw)


def test_a_crash_exits_non_zero_and_leaves_a_readable_message(sample: SampleStore) -> None:
    program = (
        "import sys; sys.path.insert(0, '.');"
        "from tui.screens.main import MainScreen;"
        "MainScreen.do_help = lambda self: (_ for _ in ()).throw(RuntimeError('a\\x1b]0;owned\\x07b'));"
        "from tui.launch import run_screen;"
        f"sys.exit(run_screen({str(sample.place.path)!r}))"
    )
    terminal = Terminal(["-c", program])
    terminal.until("Runs of engineering")
    terminal.child.send("?")
    assert terminal.end() == 1
    assert restored(terminal.raw)
    after = terminal.raw[terminal.raw.rfind(b"\x1b[?1049l") :]
    assert b"Longshore's screen has crashed" in after
    assert b"\x1b]0;" not in after
    assert rb"\x1b]0;owned" in after


def test_nothing_raw_from_names_reaches_the_terminal(sample: SampleStore) -> None:
    """A failed item's name holds an escape sequence that would set the terminal's title."""
    with screen(sample) as terminal:
        terminal.until("Runs of engineering")
        terminal.child.send("g4")
        terminal.until("hr-archive")
        terminal.until("hr-home #1")
        terminal.child.send("j\r")
        terminal.until("\\xe9")
        assert b"owned\x07" not in terminal.raw
        assert "contract [/red].pdf" in terminal.text


def test_an_idle_screen_writes_nothing(sample: SampleStore) -> None:
    with screen(sample) as terminal:
        terminal.until("Runs of engineering")
        # It comes to rest, however long its first pictures take.
        terminal.until(lambda: terminal.read(2.5) == b"")


def test_no_mouse_reporting_unless_asked(sample: SampleStore) -> None:
    with screen(sample) as terminal:
        terminal.until("Runs of engineering")
        assert b"\x1b[?1003h" not in terminal.raw
        assert b"\x1b[?1000h" not in terminal.raw


@pytest.mark.parametrize("term", ["dumb", ""])
def test_a_dumb_terminal_is_refused_with_the_twin(sample: SampleStore, term: str) -> None:
    terminal = Terminal(["-m", "tui", "--store", str(sample.place.path)], TERM=term)
    assert terminal.end() == 2
    assert b"longshore run list" in terminal.raw
    assert b"\x1b" not in terminal.raw


def test_no_terminal_is_refused(sample: SampleStore) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tui", "--store", str(sample.place.path)],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert re.fullmatch(r"longshore: There is no terminal .*\n", done.stderr)
    assert done.stdout == ""


def test_the_first_frame_needs_no_orm(sample: SampleStore) -> None:
    """The way to the first paint imports neither SQLAlchemy nor pydantic: they cost half a second."""
    program = (
        "import sys, tui.launch, tui.app;"
        f"tui.launch.ready_store({str(sample.place.path)!r}, read_only=False);"
        "print(sorted(set(sys.modules) & {'sqlalchemy', 'sqlmodel', 'pydantic', 'alembic', 'watchfiles', 'agentsim'}))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
