"""A terminal for measuring: a program in a real pty, each of whose bytes has the time at which it came.

A thread reads, so that the times are those of the arrival and not of whoever looks; pyte says what stands on the
screen. It answers the one question of the set-up sequence that modern terminals answer: whether they know
synchronized output.
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import pyte

LIMIT_SECONDS = 60.0
DRAIN_STEP = 0.02
"""Seconds between two reads of a link that is slow."""

_QUESTION = b"\x1b[?2026$p"
_ANSWER = b"\x1b[?2026;2$y"
# The reader must get its turn at once when bytes come, whatever pyte is at.
sys.setswitchinterval(0.0005)

Chunk = tuple[float, bytes]
Seen = Callable[["BenchTerminal"], bool]


class BenchTerminal:
    """A program in a pty of a size. ``rate``: bytes a second that the link carries; None for all that comes."""

    def __init__(
        self,
        command: Sequence[str],
        columns: int = 80,
        lines: int = 24,
        *,
        rate: float | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.columns, self.lines = columns, lines
        env = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}
        for name in ("COLUMNS", "LINES", "NO_COLOR", "TMUX", "TEXTUAL_FPS", "TEXTUAL_COLOR_SYSTEM", "TEXTUAL_THEME"):
            env.pop(name, None)
        env.update(environment or {})
        self.began = time.monotonic()
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            os.execvpe(command[0], list(command), env)
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self.screen)
        self.chunks: list[Chunk] = []
        self._fed = 0
        self.rate = rate
        self._news = threading.Condition()
        self._ended = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        while True:
            try:
                select.select([self._fd], [], [], 1.0)
                rate = self.rate
                data = os.read(self._fd, 65_536 if rate is None else max(1, int(rate * DRAIN_STEP)))
            except OSError:
                data = b""
            now = time.monotonic()
            if _QUESTION in data:
                for _ in range(data.count(_QUESTION)):
                    os.write(self._fd, _ANSWER)
            with self._news:
                if not data:
                    self._ended = True
                    self._news.notify_all()
                    return
                self.chunks.append((now, data))
                self._news.notify_all()
            if rate is not None:
                time.sleep(DRAIN_STEP)

    # What is seen

    @property
    def text(self) -> str:
        return "\n".join(self.screen.display)

    def line(self, y: int) -> str:
        return "".join(self.screen.buffer[y][x].data for x in range(self.columns))

    def background(self, x: int, y: int) -> str:
        """The background colour of a cell, as pyte names it."""
        return str(self.screen.buffer[y][x].bg)

    def feed(self) -> None:
        """Show all that has come."""
        while self._fed < len(self.chunks):
            self._stream.feed(self.chunks[self._fed][1])
            self._fed += 1

    def until(self, seen: Seen | str, limit: float = LIMIT_SECONDS) -> float:
        """Show what comes until something is seen; when the bytes came that showed it (monotonic seconds).

        Raises:
            TimeoutError: it was not seen.
        """
        found = (lambda at: seen in at.text) if isinstance(seen, str) else seen
        end = time.monotonic() + limit
        if found(self):
            return time.monotonic()
        while True:
            with self._news:
                while self._fed == len(self.chunks):
                    left = end - time.monotonic()
                    if left <= 0 or self._ended:
                        what = repr(seen) if isinstance(seen, str) else getattr(seen, "__name__", "it")
                        raise TimeoutError(f"never seen: {what}\n{self.text}")
                    self._news.wait(left)
            at, data = self.chunks[self._fed]
            self._fed += 1
            self._stream.feed(data)
            if found(self):
                return at

    def still(self, seconds: float = 0.7, limit: float = LIMIT_SECONDS) -> None:
        """Wait until nothing has come for a time."""
        end = time.monotonic() + limit
        while time.monotonic() < end:
            last = self.chunks[-1][0] if self.chunks else self.began
            quiet = time.monotonic() - last
            if quiet >= seconds:
                break
            time.sleep(seconds - quiet)
        self.feed()

    def send(self, keys: str) -> float:
        """Type; when."""
        now = time.monotonic()
        os.write(self._fd, keys.encode())
        return now

    def bytes_between(self, begin: float, end: float) -> int:
        """Bytes that came in a time."""
        return sum(len(data) for at, data in list(self.chunks) if begin <= at < end)

    # What it takes

    def cpu(self) -> float:
        """Processor seconds of the program so far, all its threads."""
        total = 0
        for task in Path(f"/proc/{self.pid}/task").iterdir():
            with suppress(OSError):
                total += int((task / "schedstat").read_text().split()[0])
        return total / 1e9

    def memory_mib(self) -> float:
        """Resident memory of the program."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    def resize(self, columns: int, lines: int) -> None:
        """Make the window another size."""
        self.feed()
        self.columns, self.lines = columns, lines
        self.screen.resize(lines, columns)
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def close(self) -> int:
        """End the program, if it has not ended; its exit code as a shell says it."""
        with suppress(ProcessLookupError):
            if not self._ended:
                os.kill(self.pid, signal.SIGTERM)
        self.rate = None
        self._reader.join(10)
        if self._reader.is_alive():
            os.kill(self.pid, signal.SIGKILL)
        _, status = os.waitpid(self.pid, 0)
        os.close(self._fd)
        return os.waitstatus_to_exitcode(status)
