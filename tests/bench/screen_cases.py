"""What is measured of the screen, case by case; ``screen`` prints it."""

from __future__ import annotations

import compileall
import json
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.bench.screen_keys import Presser, story
from tests.bench.screen_terminal import BenchTerminal

if TYPE_CHECKING:
    from tests.bench.screen import Place

ROOT = Path(__file__).resolve().parents[2]
SMALL_RUNS = 8
SIZES = ((80, 24, 1_500.0), (200, 50, 4_500.0))
"""Columns, lines, and the bytes that a tick may have."""

SLOW = 16_000.0
"""Bytes a second of the slow link."""

TICKS_A_SECOND = 2

PEER = """
from textual.app import App
from textual.widgets import Static
class Hello(App):
    def compose(self):
        yield Static("first useful paint")
Hello().run(mouse=False)
"""

AS_TEXTUAL_WRITES = """
import sys
from tui.painting import Painter
Painter.lean = lambda self, update, *rest: update
from tui.__main__ import main
sys.exit(main(["--store", sys.argv[1]]))
"""


class Measured(NamedTuple):
    """One line of the table."""

    what: str
    median: float
    p99: float | None = None
    asked: float | None = None
    by_p99: bool = False
    cpu: float | None = None
    peer: float | None = None


class Case(NamedTuple):
    """A part of the bench."""

    about: str
    measure: Callable[[Place], Sequence[Measured]]
    big: bool
    """Whether it needs the large store."""


class Fleet:
    """The process of the pretended agents."""

    def __init__(self, store: Path, runs: int) -> None:
        command = (sys.executable, "-W", "ignore", str(ROOT / "tests/bench/screen_fleet.py"), str(store), str(runs))
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        self.labels: list[str] = self._answer()["labels"]

    def say(self, words: str) -> dict[str, Any]:
        """Give a command; the answer to it."""
        assert self._process.stdin is not None
        self._process.stdin.write(words + "\n")
        self._process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        """Let all runs end."""
        with self._process:
            self.say("quit")

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the pretended agents have ended")
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextmanager
def fleet(store: Path, runs: int) -> Iterator[Fleet]:
    """Runs that are on, until the end of the block."""
    found = Fleet(store, runs)
    try:
        yield found
    finally:
        found.close()


@contextmanager
def screen(
    store: Path, columns: int = 160, lines: int = 45, *, rate: float | None = None, program: str = ""
) -> Iterator[BenchTerminal]:
    """The program on a store, with the cursor on the mover: all its runs are in the pane."""
    command = [sys.executable, "-c", program, str(store)] if program else ours(store)
    terminal = BenchTerminal(command, columns, lines, environment={"PYTHONPATH": str(ROOT)})
    try:
        terminal.until("Hierarchy")
        terminal.still()
        terminal.send("g")
        terminal.still()
        terminal.rate = rate
        yield terminal
    finally:
        terminal.close()


def ours(store: Path) -> list[str]:
    return [sys.executable, "-m", "tui", "--store", str(store)]


def small_store(directory: Path) -> Path:
    """A mover with a project of eight definitions, none of which has run."""
    from store.db import open_store
    from store.plan import apply_plan, parse_plan

    path = directory / "small.db"
    if not path.exists():
        lines = ["storageMovers:", "- name: nas-exit", "  endpoints:"]
        for name in ("nas1", "nas2"):
            lines.append(f"  - {{name: {name}, properties: {{endpointType: LocalPath, path: /srv/{name}}}}}")
        lines += ["  projects:", "  - name: hr-shares", "    jobDefinitions:"]
        for number in range(SMALL_RUNS):
            places = f"sourceName: nas1, sourceSubpath: s{number}, targetName: nas2, targetSubpath: t{number}"
            lines.append(f"    - {{name: share-{number}, properties: {{copyMode: Mirror, {places}}}}}")
        store = open_store(str(path))
        with store.write("bench") as tx:
            apply_plan(tx, parse_plan("\n".join(lines).encode(), "bench.yaml"))
        store.close()
    return path


# The cases


def start(place: Place) -> list[Measured]:
    """From the start of the process until the tree shows data."""
    # As pip leaves a package: where the environment forbids it, Python itself would compile ours at each start.
    for package in ("store", "tui"):
        compileall.compile_dir(ROOT / package, quiet=1)
    small = small_store(place.directory)
    commands = {
        "peer": ([sys.executable, "-c", PEER], "first useful paint"),
        "small": (ours(small), "hr-shares"),
        "large": (ours(place.big), "-wave-"),
    }
    if not place.big.exists():
        del commands["large"]
    took: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(max(3, place.times // 4)):
        for name, (command, wanted) in commands.items():
            terminal = BenchTerminal(command, environment={"PYTHONPATH": str(ROOT)})
            took[name].append((terminal.until(wanted) - terminal.began) * 1000)
            terminal.close()
    peer = statistics.median(took.pop("peer"))
    words = {"small": "process start -> tree with data", "large": "the same, on the large store"}
    return [
        Measured(words[name], statistics.median(times), None, round(1.5 * peer, 1), peer=peer)
        for name, times in took.items()
    ]


def keys(place: Place) -> list[Measured]:
    """Every key of the story, and the memory at its end."""
    with fleet(place.big, place.runs) as agents, screen(place.big) as terminal:
        agents.say("go")
        presser = Presser(terminal)
        story(presser, place.times)
        memory = terminal.memory_mib()
    rows = []
    every: list[float] = []
    at_once: list[float] = []
    for what, pressed in presser.took.items():
        times = [one.seconds * 1000 for one in pressed]
        opens = what in ("open a run", "close a run")
        if not opens:
            every += times
            # A lone escape is held back for 25 ms: it may be the first byte of another key.
            at_once += [] if what == "filter: esc" else times
        cpu = statistics.median(one.cpu * 1000 for one in pressed)
        rows.append(Measured(what, statistics.median(times), p99(times), None, cpu=cpu))
    for what, all_of_it in (("every key that opens no other screen", every), ("the same without escape", at_once)):
        rows.append(Measured(what, statistics.median(all_of_it), p99(all_of_it), 30, True))
    return [*rows, Measured("resident memory afterwards (MiB)", memory, None, 120)]


def commits(place: Place) -> list[Measured]:
    """From the return of an agent's commit until it is seen."""
    chance = random.Random(7)
    began, ended, numbers = [], [], []
    with fleet(place.big, place.runs) as agents, screen(place.big) as terminal:
        agents.say("go")
        for turn in range(place.times):
            number = place.runs - 1 - turn % min(5, place.runs)
            time.sleep(chance.uniform(0.1, 1.1))
            ended.append(_seen(terminal, agents.say(f"finish {number}"), ("Succeeded",)))
            time.sleep(chance.uniform(0.1, 1.1))
            began.append(_seen(terminal, agents.say(f"start {number}"), ("scanning", "%")))
        agents.say("pause")
        terminal.still()
        for _ in range(place.times):
            time.sleep(chance.uniform(0.6, 1.1))
            before = _row(terminal, agents.say(f"step {number}"))
            numbers.append(_seen_new(terminal, agents.say(f"step {number}"), before))
    return [
        Measured(f"a run began, {place.runs} others live", statistics.median(began), p99(began), 250, True),
        Measured(f"a run ended, {place.runs} others live", statistics.median(ended), p99(ended), 250, True),
        Measured("a number, within half a second of another", statistics.median(numbers), p99(numbers), None),
    ]


def _row(terminal: BenchTerminal, answer: dict[str, Any]) -> str:
    terminal.feed()
    name = _name(answer)
    return next((line for line in terminal.screen.display if name in line), "")


def _name(answer: dict[str, Any]) -> str:
    return str(answer["label"]).rpartition("/")[2].replace("#", " #") + " "


def _seen(terminal: BenchTerminal, answer: dict[str, Any], states: Sequence[str]) -> float:
    name = _name(answer)

    def seen(now: BenchTerminal) -> bool:
        return any(name in line and any(state in line for state in states) for line in now.screen.display)

    return max(0.0, terminal.until(seen) - float(answer["at"])) * 1000


def _seen_new(terminal: BenchTerminal, answer: dict[str, Any], before: str) -> float:
    name = _name(answer)
    at = terminal.until(lambda now: any(name in line and line != before for line in now.screen.display))
    return max(0.0, at - float(answer["at"])) * 1000


def idle(place: Place) -> list[Measured]:
    """Processor time while nothing runs, and the bytes then."""
    seconds = max(3.0, place.times / 4)
    with screen(small_store(place.directory)) as terminal:
        time.sleep(6.0)
        cpu, at = terminal.cpu(), time.monotonic()
        time.sleep(seconds)
        share = (terminal.cpu() - cpu) / (time.monotonic() - at) * 100
        written = terminal.bytes_between(at, time.monotonic())
    return [
        Measured("nothing runs: percent of a core", share, None, 1),
        Measured("nothing changes: bytes", float(written), None, 0),
    ]


def wire(place: Place) -> list[Measured]:
    """What eight live runs cost on the wire, and as Textual by itself writes it."""
    small = small_store(place.directory)
    rows = []
    for columns, lines, asked in SIZES:
        found = []
        for program in ("", AS_TEXTUAL_WRITES):
            with fleet(small, SMALL_RUNS) as agents, screen(small, columns, lines, program=program) as terminal:
                agents.say("go")
                time.sleep(2.0)
                seconds, at = max(3.0, place.times / 4), time.monotonic()
                time.sleep(seconds)
                found.append(terminal.bytes_between(at, at + seconds) / seconds / TICKS_A_SECOND)
        words = f"bytes a tick, {SMALL_RUNS} live runs, {columns}x{lines}"
        rows.append(Measured(words, found[0], None, asked, peer=found[1]))
    return rows


def slow(place: Place) -> list[Measured]:
    """Keys on a link that carries 16 kB a second, while eight runs are live."""
    small = small_store(place.directory)
    rows = []
    for columns, lines, _ in SIZES:
        with fleet(small, SMALL_RUNS) as agents, screen(small, columns, lines, rate=SLOW) as terminal:
            agents.say("go")
            time.sleep(2.0)
            presser = Presser(terminal, gaps=(0.2, 1.0))
            presser.back_and_forth("keys", "j", "k", place.times, run=3)
            times = [one.seconds * 1000 for one in presser.took["keys"]]
            presser.press("", "4", lambda at: True)
            terminal.still(0.3, 3.0)
            presser.back_and_forth("pages", "G", "g", max(2, place.times // 4), run=1)
            pages = [one.seconds * 1000 for one in presser.took["pages"]]
        words = f"{columns}x{lines}, 16 kB/s"
        rows.append(Measured(f"a key, {words}", statistics.median(times), p99(times), 300, True))
        rows.append(Measured(f"end and home of a list, {words}", statistics.median(pages), p99(pages), 300, True))
    return rows


def p99(values: Sequence[float]) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * 0.99))]


CASES = {
    "start": Case("process start -> tree with data", start, False),
    "idle": Case("nothing runs", idle, False),
    "bytes": Case("live runs on the wire", wire, False),
    "slow": Case("a slow link, live runs", slow, False),
    "keys": Case("key -> painted, large store, live runs", keys, True),
    "commits": Case("commit of an agent -> painted, large store, live runs", commits, True),
}
