"""Where the time of a full copy goes: system calls by strace, and Python's functions in one helper."""

from __future__ import annotations

import pstats
import shutil
import tempfile
from pathlib import Path

from tests.bench import ours, report, trees
from tests.bench.cases import SMALL_FILES, Bench

SHOWN_CALLS = 25
SHOWN_FUNCTIONS = 30

PROFILED_WORKER = """
import cProfile, os, sys
from agentsim.engine import crew
from agentsim.worker import main
run_helper = crew.run_helper
def profiled(*arguments, **rest):
    profile = cProfile.Profile()
    try:
        profile.runcall(run_helper, *arguments, **rest)
    finally:
        profile.dump_stats(f"{directory}/{os.getpid()}")
directory = DIRECTORY
crew.run_helper = profiled
sys.exit(main(sys.argv[1:]))
"""
"""A worker whose helpers each leave a profile behind."""


def profile(bench: Bench) -> None:
    """One full copy under strace, and one under cProfile: both slow it down, so no times are compared here."""
    files = bench.scaled(SMALL_FILES)
    report.heading("profile", f"{files:,} files of 4 KiB, empty target", bench.place.kind)
    with bench.place.fresh() as base, tempfile.TemporaryDirectory(prefix="longshore-bench-") as directory:
        source = base / "source"
        source.mkdir()
        trees.small(files)(source)
        bench.place.settle(base, source)
        _system_calls(bench, source, base / "traced", Path(directory) / "calls")
        _functions(bench, source, base / "profiled", Path(directory))


def _system_calls(bench: Bench, source: Path, target: Path, output: Path) -> None:
    if shutil.which("strace") is None:
        report.say("  no strace here")
        return
    target.mkdir()
    wrapper = ("strace", "-f", "-c", "-S", "calls", "-o", str(output))
    ours.finished(source, target, wrapper=wrapper, helpers=bench.helpers)
    report.say("\n".join(output.read_text().splitlines()[: 2 + SHOWN_CALLS]))


def _functions(bench: Bench, source: Path, target: Path, directory: Path) -> None:
    target.mkdir()
    profiles = directory / "profiles"
    profiles.mkdir()
    script = PROFILED_WORKER.replace("DIRECTORY", repr(str(profiles)))
    ours.finished(source, target, script=script, helpers=bench.helpers)
    (first, *_) = sorted(profiles.iterdir(), key=lambda path: path.stat().st_size, reverse=True)
    report.say("")
    pstats.Stats(str(first)).strip_dirs().sort_stats("tottime").print_stats(SHOWN_FUNCTIONS)
