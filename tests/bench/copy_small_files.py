"""Measure the worker against ``rsync -a`` on many small files: full copy and nothing changed.

    .venv/bin/python tests/bench/copy_small_files.py --dir /var/tmp --rounds 5

The rounds are interleaved, since machines are shared: quote the ratio, not the seconds.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.engine.driver import Agent, copied


def build(root: Path, directories: int, files: int, size: int) -> None:
    """Make the source: ``directories`` times ``files`` of ``size`` random bytes."""
    block = os.urandom(size + files)
    for directory in range(directories):
        path = root / f"dir{directory:05d}"
        path.mkdir()
        for number in range(files):
            with open(path / f"file{number:05d}.dat", "wb") as file:
                file.write(block[number : number + size])


def timed(action: Callable[[], object]) -> float:
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


def rsync(source: Path, target: Path) -> None:
    subprocess.run(["rsync", "-a", f"{source}/", f"{target}/"], check=True)


def sync_file_system(target: Path) -> float:
    """Seconds until what was written is on the disk: rsync leaves that to the kernel, a run of ours does not."""
    return timed(lambda: subprocess.run(["sync", "-f", str(target)], check=True))


def longshore(source: Path, target: Path, helpers: int, syncs: list[float]) -> None:
    """One run; appends how long its last phase, the ``syncfs``, took."""
    agent: Agent = copied(source, target, helpers=helpers)
    syncs.append(agent.finish_seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dir", type=Path, default=Path(tempfile.gettempdir()), help="where to work")
    parser.add_argument("--directories", type=int, default=1000)
    parser.add_argument("--files", type=int, default=100, help="files in each directory")
    parser.add_argument("--size", type=int, default=4096, help="bytes of each file")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--helpers", type=int, default=2)
    options = parser.parse_args()
    base = Path(tempfile.mkdtemp(prefix="longshore-bench-", dir=options.dir))
    full: dict[str, list[float]] = {"longshore": [], "rsync": []}
    again: dict[str, list[float]] = {"longshore": [], "rsync": []}
    syncs: list[float] = []
    theirs_synced: list[float] = []
    try:
        source = base / "source"
        source.mkdir()
        build(source, options.directories, options.files, options.size)
        os.sync()
        for number in range(options.rounds):
            for name in ("longshore", "rsync") if number % 2 else ("rsync", "longshore"):
                target = base / f"target-{name}-{number}"
                target.mkdir()

                def once(name: str = name, target: Path = target) -> None:
                    if name == "rsync":
                        rsync(source, target)
                    else:
                        longshore(source, target, options.helpers, syncs)

                full[name].append(timed(once))
                sync_of_full = syncs[-1] if name == "longshore" else 0.0
                if name == "rsync":
                    theirs_synced.append(full[name][-1] + sync_file_system(target))
                os.sync()
                again[name].append(timed(once))
                if name == "longshore":
                    syncs[-1:] = []
                    syncs[-1] = sync_of_full
                # Not removed before the end: ext4 walks around inodes that were freed a moment ago,
                # and that would be measured instead.
                os.sync()
    finally:
        shutil.rmtree(base, ignore_errors=True)
    dry = [one - sync for one, sync in zip(full["longshore"], syncs, strict=True)]
    told("every file in place", dry, full["rsync"])
    told("all on the disk", full["longshore"], theirs_synced)
    told("ours on the disk, theirs not", full["longshore"], full["rsync"])
    told("nothing changed", again["longshore"], again["rsync"])


def told(what: str, ours: list[float], theirs: list[float]) -> None:
    """One line: medians, and how often as fast as rsync we are."""
    us, them = statistics.median(ours), statistics.median(theirs)
    sys.stdout.write(f"{what:30} longshore {us:.2f} s  rsync -a {them:.2f} s  ratio {them / us:.2f}\n")


if __name__ == "__main__":
    main()
