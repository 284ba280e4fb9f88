"""Measure copies to a blob container beside rclone: what issue 6 asks, and what was reached.

    python tests/bench/cloud.py --dir /var/tmp
    python tests/bench/cloud.py --dir /var/tmp --only small,large --rounds 5
    python tests/bench/cloud.py --dir /dev/shm --only memory,listing

How to read it. One Azurite, on loopback, with its data in ``--dir`` as well, serves both; each round gives both a turn,
in an order that changes, into a container of its own. A turn is timed from the start of the program to its end: ours is
a real worker with its order. "ratio" is how many times as fast we are, by the medians; ``<`` marks what is below the
asked. Machines are shared: quote ratios, and only those of a quiet machine. The server is a single thread of JavaScript
that takes about half of all processor time, and on two cores whatever else runs takes its part from all three. After
each turn the names and sizes of what was copied are compared.

"memory" is the peak resident size of our worker, for one large file and for one of twice the size. "listing" is that of
a process that walks a container through the same adapter; a server of our own makes the pages up as they are asked
for, since Azurite would take many minutes to be filled.
"""

from __future__ import annotations

import sys

sys.path.insert(0, __file__.rpartition("/tests/")[0])

import argparse
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from agentsim.engine.lease import now
from tests.bench.cloud_listing import peak_of_walk
from tests.bench.report import say
from tests.engine.driver import Agent, order
from tests.servers.azurite import Azurite

ASKED: Final = {"small": 2.0, "large": 1.0}
"""How many times as fast as ``rclone copy`` a run must at least be."""

SMALL_FILES: Final = 5000
SMALL_BYTES: Final = 4096
LARGE_FILES: Final = 2
LARGE_BYTES: Final = 256 << 20
LISTED: Final = (10_000, 100_000)
HELPERS: Final = 16
LIMIT_SECONDS: Final = 1800.0
SAMPLE_SECONDS: Final = 0.02


def main() -> None:
    options = _parser().parse_args()
    wanted = options.only.split(",")
    if unknown := set(wanted) - set(CASES):
        raise SystemExit(f"not among {','.join(CASES)}: {','.join(sorted(unknown))}")
    base = Path(tempfile.mkdtemp(prefix="cloud-", dir=options.dir))
    server = Azurite(base=base)
    os.environ.update(server.environment)
    try:
        server.start()
        bench = Bench(server, base, options.rounds, options.scale)
        for name in wanted:
            CASES[name](bench)
    finally:
        server.stop()
        shutil.rmtree(base)


class Bench:
    """The server, a directory for sources, and how much of everything."""

    def __init__(self, server: Azurite, base: Path, rounds: int, scale: float) -> None:
        self.server = server
        self.base = base
        self.rounds = rounds
        self.scale = scale
        self._config = base / "rclone.conf"
        self._config.write_text(f"[az]\ntype = azureblob\nsas_url = {server.url}?{server.sas()}\n")

    def scaled(self, number: int) -> int:
        """A number of files or bytes, at least one."""
        return max(1, int(number * self.scale))

    def source(self, name: str, files: int, size: int) -> Path:
        """A tree of files of random bytes, a hundred to a directory."""
        root = self.base / name
        root.mkdir()
        for number in range(files):
            directory = root / f"d{number // 100:04d}"
            directory.mkdir(exist_ok=True)
            with (directory / f"f{number:06d}").open("wb") as stream:
                for start in range(0, size, 1 << 20):
                    stream.write(os.urandom(min(1 << 20, size - start)))
        return root

    def ours(self, source: Path, place: dict[str, Any]) -> tuple[float, float]:
        """One run of our worker: its seconds, and its peak resident size in MiB."""
        task = replace(order(source, "", deadline=now() + LIMIT_SECONDS, helpers=HELPERS), target=place)
        peak = 0
        begin = time.perf_counter()
        agent = Agent(task)
        try:
            while agent.done is None and agent.process.poll() is None:
                agent.step(SAMPLE_SECONDS)
                peak = max(peak, _peak_kib(agent.process.pid))
            agent.finish()
        except BaseException:
            agent.kill()
            raise
        if agent.done is None or agent.done["status"] != "Succeeded":
            raise RuntimeError(f"the run did not succeed: {agent.done} {agent.rows[:5]}")
        return time.perf_counter() - begin, peak / 1024

    def rclone(self, source: Path, place: dict[str, Any]) -> float:
        """One ``rclone copy`` as it comes: its seconds."""
        command = ["rclone", "--config", str(self._config), "copy", str(source), f"az:{place['blobContainerName']}"]
        begin = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        return time.perf_counter() - begin

    def check(self, source: Path, place: dict[str, Any]) -> None:
        """Raises unless each file is there with its size; empties the container."""
        container = self.server.container(place["blobContainerName"])
        blobs = container.list_blobs(include=["metadata"])
        found = {blob.name: blob.size for blob in blobs if "hdi_isfolder" not in (blob.metadata or {})}
        expected = {str(path.relative_to(source)): path.stat().st_size for path in source.rglob("*") if path.is_file()}
        if found != expected:
            raise RuntimeError(f"copied were {len(found)} files and not {len(expected)}")
        container.delete_container()


def small(bench: Bench) -> None:
    """Many small files."""
    _beside(bench, "small", bench.scaled(SMALL_FILES), SMALL_BYTES)


def large(bench: Bench) -> None:
    """A few large files."""
    _beside(bench, "large", LARGE_FILES, bench.scaled(LARGE_BYTES))


def memory(bench: Bench) -> None:
    """The worker's memory by the size of a file."""
    say(f"memory: the worker's peak resident size{_load()}")
    for times in (1, 2):
        size = bench.scaled(LARGE_BYTES) * times
        source = bench.source(f"memory-{times}", 1, size)
        place = bench.server.fresh_place()
        seconds, peak = bench.ours(source, place)
        bench.check(source, place)
        say(f"  1 x {size >> 20:6,} MiB  {peak:7.1f} MiB  {seconds:7.2f} s")
        shutil.rmtree(source)


def listing(bench: Bench) -> None:
    """The memory of a walk by the number of blobs."""
    say(f"listing: the peak resident size of a walk{_load()}")
    for number in LISTED:
        count = bench.scaled(number)
        peak, seconds = peak_of_walk(count)
        say(f"  {count:9,} blobs  {peak / 1024:7.1f} MiB  {seconds:7.2f} s")


CASES: Final[dict[str, Callable[[Bench], None]]] = {
    "small": small,
    "large": large,
    "memory": memory,
    "listing": listing,
}


def _beside(bench: Bench, case: str, files: int, size: int) -> None:
    say(f"{case}: {files:,} x {size:,} bytes, {bench.rounds} rounds{_load()}")
    source = bench.source(case, files, size)
    times: dict[str, list[float]] = {"longshore": [], "rclone": []}
    for turn in range(bench.rounds):
        names = list(times) if turn % 2 == 0 else list(reversed(times))
        for name in names:
            place = bench.server.fresh_place()
            times[name].append(bench.ours(source, place)[0] if name == "longshore" else bench.rclone(source, place))
            bench.check(source, place)
    shutil.rmtree(source)
    for name, seconds in times.items():
        say(f"  {name:10} {statistics.median(seconds):8.2f} s   each {' '.join(f'{one:.2f}' for one in seconds)}")
    ratio = statistics.median(times["rclone"]) / statistics.median(times["longshore"])
    say(f"  ratio {ratio:13.2f}     asked {ASKED[case]}{' <' if ratio < ASKED[case] else ''}")


def _peak_kib(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    except OSError:
        pass
    return 0


def _load() -> str:
    return f" (load before: {os.getloadavg()[0]:.1f})"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Measure copies to a blob container beside rclone.")
    parser.add_argument("--dir", required=True, help="where sources and the server's data are, for a while")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0, help="a part of the files and bytes")
    parser.add_argument("--only", default=",".join(CASES), help="cases, with commas")
    return parser


if __name__ == "__main__":
    main()
