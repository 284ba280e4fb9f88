"""What is asked of a run that somebody waits for: that it starts at once, and that watching it is free."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agentsim.engine.decide import TEMPORARY
from tests.agent.migration import ROOT, Migration
from tests.bench import ours, report, trees
from tests.bench.cases import SMALL_FILES, Bench
from tests.bench.places import sync
from tests.bench.turn import timed
from tests.bench.waiting_agent import HEARTBEAT_SECONDS, migration, succeeded

FIRST_FILES = 50
LOOK_SECONDS = 0.0005
LIMIT_SECONDS = 60.0

SCREEN_SECONDS = 0.25
"""A screen that follows a run reads it about so often."""

SILENT_WORKER = """
import sys
from agentsim.engine import coordinator
from agentsim.worker import main
coordinator.PROGRESS_SECONDS = 3600.0
sys.exit(main(sys.argv[1:]))
"""
"""A worker that says nothing before its end."""

SILENT_AGENT = f"""
import subprocess, sys
from agentsim import worker_process
from agentsim.cli import main
class Popen(subprocess.Popen):
    def __init__(self, command, **rest):
        if "agentsim.worker" in command:
            command = [command[0], "-c", {SILENT_WORKER!r}, command[-1]]
        super().__init__(command, **rest)
worker_process.subprocess.Popen = Popen
sys.exit(main())
"""
"""An agent whose workers are such."""


def start(bench: Bench) -> None:
    """From the start of a run to the first byte in the target, by an agent that waits for it."""
    what = f"to the first byte by a waiting agent, asked: at most {report.START_SECONDS} s"
    report.heading("start", what, bench.place.kind)
    with bench.place.fresh() as base, migration(base) as found:
        names = {f"file{number:03d}.dat" for number in range(FIRST_FILES)}
        for name in names:
            (found.source / name).write_bytes(os.urandom(trees.SMALL_BYTES))
            os.utime(found.source / name, ns=(trees.PAST_NS, trees.PAST_NS))
        found.start_agent("--heartbeat", HEARTBEAT_SECONDS, "--helpers", str(bench.helpers))
        # The first run also waits for the agent to be there.
        _first_byte(found, names, found.start_run)
        ways: dict[str, Callable[[], object]] = {
            "in the store": found.start_run,
            "by `longshore run start`": lambda: _longshore(found, "run", "start", "p/d", "--mover", "m"),
        }
        for way, begin_run in ways.items():
            waits = [_first_byte(found, names, begin_run) for _ in range(bench.rounds)]
            report.say(f"  started {way:24} median {statistics.median(waits):.3f} s, longest {max(waits):.3f} s")


def _longshore(found: Migration, *arguments: str) -> subprocess.Popen[bytes]:
    """The command line, not waited for; it ends with the migration at the latest."""
    command = (sys.executable, "-m", "tui", "--store", str(found.path), *arguments)
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    found.agents.append(process)
    return process


def _first_byte(found: Migration, names: set[str], begin_run: Callable[[], object]) -> float:
    """Seconds from the call until a file has content; the target is emptied before, and the run ended after."""
    for name in os.listdir(found.target):
        (found.target / name).unlink()
    # Whatever the agent had to do after the last run is done now.
    time.sleep(0.3)
    begin = time.monotonic()
    started = begin_run()
    while not _has_byte(found.target, names):
        if time.monotonic() - begin > LIMIT_SECONDS:
            raise RuntimeError(f"nothing was copied:\n{found.log()}")
        time.sleep(LOOK_SECONDS)
    seconds = time.monotonic() - begin
    if isinstance(started, subprocess.Popen):
        started.wait()
    succeeded(found)
    return seconds


def _has_byte(target: Path, names: set[str]) -> bool:
    for name in os.listdir(target):
        if name in names or TEMPORARY.fullmatch(name):
            try:
                if (target / name).stat().st_size:
                    return True
            except FileNotFoundError:
                continue  # It just got its own name.
    return False


def progress(bench: Bench) -> None:
    """The same copy with and without its progress told: by a worker alone, and through an agent."""
    files = bench.scaled(SMALL_FILES)
    what = f"cost of telling it, {files:,} files of 4 KiB, asked: at most {report.PROGRESS_PERCENT} %"
    report.heading("progress", what, bench.place.kind)
    with bench.place.fresh() as base, migration(base) as found:
        trees.small(files)(found.source)
        for name, run in (("worker alone", _by_worker), ("agent, watched", _by_agent)):
            told: dict[bool, list[tuple[float, float]]] = {True: [], False: []}
            # The first run teaches the store how many items there are: later ones need no survey.
            run(bench, found, True)
            _put_away(bench, found, base / f"{name} first")
            for number in range(bench.rounds):
                bench.place.settle(base, found.source)
                for silent in (number % 2 == 0, number % 2 != 0):
                    told[not silent].append(run(bench, found, not silent))
                    _put_away(bench, found, base / f"{name} {number} {silent}")
            _cost(name, told)


def _put_away(bench: Bench, found: Migration, away: Path) -> None:
    found.target.rename(away)
    if bench.place.removes:
        shutil.rmtree(away)
    found.target.mkdir()
    sync(found.target)


def _cost(name: str, told: dict[bool, list[tuple[float, float]]]) -> None:
    seconds = {live: statistics.median(one[0] for one in turns) for live, turns in told.items()}
    cpu = {live: statistics.median(one[1] for one in turns) for live, turns in told.items()}
    report.say(
        f"  {name:18} told {seconds[True]:7.3f} s, silent {seconds[False]:7.3f} s:"
        f" {100 * (seconds[True] / seconds[False] - 1):+5.1f} %;"
        f"  cpu {cpu[True]:6.3f} and {cpu[False]:6.3f} s: {100 * (cpu[True] / cpu[False] - 1):+5.1f} %"
    )


def _by_worker(bench: Bench, found: Migration, live: bool) -> tuple[float, float]:
    script = "" if live else SILENT_WORKER
    # A known total, as in the runs of an agent that follow: a survey would blur the difference.
    totals: dict[str, Any] = {"expected_items": 1, "expected_bytes": 1}
    return timed(lambda: ours.finished(found.source, found.target, script=script, helpers=bench.helpers, **totals))


def _by_agent(bench: Bench, found: Migration, live: bool) -> tuple[float, float]:
    """Seconds from the run's start to its end by the store; processor time of agent and worker."""
    program = ("-m", "agentsim") if live else ("-c", SILENT_AGENT)
    options = ("--state", str(found.state), "--heartbeat", HEARTBEAT_SECONDS, "--helpers", str(bench.helpers))

    def once() -> None:
        with subprocess.Popen((sys.executable, *program, "run", "--once", "--quiet", *options), cwd=ROOT) as agent:
            while live and agent.poll() is None:
                # Somebody looks on, as often as a screen does.
                found.latest()
                time.sleep(SCREEN_SECONDS)

    found.start_run()
    _, cpu = timed(once)
    run = succeeded(found)
    return ((run.ended or 0) - (run.started or 0)) / 1000, cpu
