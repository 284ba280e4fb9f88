"""What a store takes: a thousand agents' heartbeats and a hundred runs' progress, on SQLite and PostgreSQL.

    python tests/bench/fleet.py --dir DIR [--seconds 60] [--agents 1000] [--runs 100] [--only sqlite,postgresql]

Several processes share the agents, as on hosts of their own. Measured is the time in which the load is even, not the
joining before and the going home after it; errors count always. Beside each store stands the same load by somebody who
has not met the traps (``fleet_peers``): a lighter one, of two statements a write. Exit code 1 when something failed or
took too long.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from agentsim.simulate.calls import Tally  # noqa: E402
from agentsim.simulate.performance import perform  # noqa: E402
from agentsim.simulate.scenario import steady_scenario  # noqa: E402
from store.db import open_store  # noqa: E402
from store.place import locate  # noqa: E402
from tests import postgres  # noqa: E402
from tests.bench import fleet_peers  # noqa: E402
from tests.bench.report import say  # noqa: E402

WRITE_MS = 50
"""The longest that the slowest write of a hundred may take."""

READS = ("look", "sweep", "maintain")
SEED = 7

JOIN_MS = {"sqlite": 20, "postgresql": 60}
"""Between two registrations of one process: a server makes a login for each agent."""

STORES = ("sqlite", "postgresql")


class Window:
    """The calls of the time in which the load is even: neither the joining nor the going home."""

    def __init__(self, begin: float, seconds: float) -> None:
        self._begin, self._end = begin, begin + seconds
        self._begun = False
        self.seconds: dict[str, list[float]] = {}

    def __call__(self, now: float, tallies: Sequence[Tally]) -> None:
        """Called about once a second while the threads go on."""
        if not self._begun and now >= self._begin:
            self._begun = True
            for tally in tallies:
                for values in list(tally.seconds.values()):
                    del values[:]
        elif now < self._end and self._begun:
            self.seconds = {}
            for tally in tallies:
                for name, values in list(tally.seconds.items()):
                    self.seconds.setdefault(name, []).extend(values)


def play(url: str, agents: int, runs: int, seconds: float, generation: int) -> None:
    """One process's share of the load; its figures as JSON on stdout."""
    join = JOIN_MS["sqlite" if url.startswith("/") else "postgresql"]
    scenario = steady_scenario(SEED, agents, runs, round(seconds * 1000), generation, join)
    window = Window((scenario.length_ms / 1000) - seconds, seconds)
    found = perform(locate(url), scenario, threads=2, look=window)
    answer = {
        "seconds": window.seconds,
        "errors": [[*key, number] for key, number in found.tally.errors.items()],
        "late": list(found.late),
    }
    sys.stdout.write(json.dumps(answer))


def load(url: str, options: argparse.Namespace) -> bool:
    """Play the load with several processes and print what it came to; whether it is as asked."""
    open_store(locate(url)).close()
    shares = [
        (options.agents // options.processes, options.runs // options.processes, number + 1)
        for number in range(options.processes)
    ]
    crew = [
        subprocess.Popen(
            (sys.executable, __file__, "--dir", ".", "--play", url, *map(str, (*share, options.seconds))),
            stdout=subprocess.PIPE,
            text=True,
        )
        for share in shares
    ]
    answers = []
    for process in crew:
        out, _ = process.communicate()
        if process.returncode != 0:
            raise RuntimeError(f"a part of the fleet ended with {process.returncode}")
        answers.append(json.loads(out))
    seconds: dict[str, list[float]] = {}
    for answer in answers:
        for name, values in answer["seconds"].items():
            seconds.setdefault(name, []).extend(values)
    errors = sum(number for answer in answers for *_, number in answer["errors"])
    writes = [value for name, values in seconds.items() if name not in READS for value in values]
    for name in sorted(name for name, values in seconds.items() if values):
        _row(name, seconds[name])
    _row("every write", writes)
    late = [value for answer in answers for value in answer["late"]]
    say(f"  errors {errors}; the fleet itself was late by p99 {1000 * _share(late, 0.99):.1f} ms")
    for answer in answers:
        for name, code, number in answer["errors"]:
            say(f"    {name}: {code} {number}")
    return errors == 0 and _share(writes, 0.99) * 1000 <= WRITE_MS


def _row(name: str, values: Sequence[float]) -> None:
    figures = "  ".join(f"{word} {1000 * _share(values, part):8.2f}" for word, part in _PARTS.items())
    say(f"  {name:18} {len(values):8,}  {figures} ms")


_PARTS = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}


def _share(values: Sequence[float], part: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] if ordered else 0.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dir", type=Path, required=True, help="where the SQLite store is made, and removed")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--agents", type=int, default=1_000)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--only", default=",".join(STORES), help="%(default)s")
    parser.add_argument("--play", nargs=5, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.play:
        url, agents, runs, generation, seconds = options.play
        play(url, int(agents), int(runs), float(seconds), int(generation))
        return 0
    wanted = options.only.split(",")
    if not set(wanted) <= set(STORES):
        parser.error(f"--only {options.only}: not among {', '.join(STORES)}")
    good = [_on_sqlite(options) if store == "sqlite" else _on_postgres(options) for store in wanted]
    return 0 if all(good) else 1


def _heading(store: str, options: argparse.Namespace) -> None:
    load_before = os.getloadavg()[0]
    say(
        f"\n{store}: {options.agents:,} agents, {options.runs} runs, {options.seconds:.0f} s, asked: no errors, "
        f"p99 of a write at most {WRITE_MS} ms (load before: {load_before:.1f})"
    )


def _peer(name: str, answer: tuple[list[float], dict[str, int]]) -> None:
    times, failed = answer
    _row(name, times)
    say(f"    failed: {', '.join(f'{key} {number}' for key, number in failed.items()) or 'none'}")


def _on_sqlite(options: argparse.Namespace) -> bool:
    _heading("sqlite", options)
    with tempfile.TemporaryDirectory(dir=options.dir, prefix="fleet-") as directory:
        good = load(f"{directory}/store.db", options)
        time.sleep(1)
        threads = 4 * options.processes
        _peer(
            "read, then write",
            fleet_peers.naive_sqlite(
                f"{directory}/naive.db", options.agents, options.runs, min(options.seconds, 20), threads
            ),
        )
    return good


def _on_postgres(options: argparse.Namespace) -> bool:
    _heading("postgresql", options)
    cluster = postgres.start()
    try:
        os.environ["PGPASSFILE"] = str(cluster.pgpass)
        database = cluster.store_database()
        good = load(cluster.url(database), options)
        threads = 4 * options.processes
        peer = cluster.url(cluster.database(), postgres.SUPERUSER)
        _peer(
            "connect each time",
            fleet_peers.naive_postgres(peer, options.agents, options.runs, min(options.seconds, 20), threads),
        )
    finally:
        cluster.stop()
    return good


if __name__ == "__main__":
    sys.exit(main())
