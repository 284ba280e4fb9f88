"""Measure what reading costs in a store of years: every query of the screens, on SQLite and PostgreSQL.

    python tests/bench/queries.py --dir /var/tmp/longshore-queries
    python tests/bench/queries.py --dir /var/tmp/longshore-queries --only runs,items --times 1000
    python tests/bench/queries.py --dir /var/tmp/longshore-queries --scale 0.01 --store sqlite

The stores are made once in ``--dir`` and kept there (at scale 1: three to four minutes and 2.5 GB for SQLite, 4 GB
for PostgreSQL). Each query is asked ``--times`` times with arguments drawn at random: scope, sort, filter, direction,
key, text. Times are milliseconds from the call to plain rows, in this process; ``<`` marks a p99 above what issue 4
asks. Below: what some queries cost as they are often written, and how many times as long that takes.

The pages are in the system's cache. Machines are shared: a p99 has the neighbours in it. Beside the times stands the
processor time that reading took, here and in the server's process.
"""

from __future__ import annotations

import sys

sys.path.insert(0, __file__.rpartition("/tests/")[0])

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

from store.clock import VirtualClock
from store.place import StorePlace
from store.reader import Reader
from tests import postgres
from tests.bench.big_store import NOW, Sizes, kept_cluster, make_postgres, make_sqlite
from tests.bench.query_cases import CASES, PEERS, Case
from tests.bench.report import say

ASKED = {"sqlite": 10.0, "postgresql": 20.0}
"""Milliseconds of the slowest query in a hundred."""


def main() -> None:
    options = _parser().parse_args()
    options.dir.mkdir(parents=True, exist_ok=True)
    sizes = Sizes(options.scale)
    for dialect in options.store:
        with _place(dialect, options.dir, sizes) as place, Reader(place, VirtualClock(NOW)) as reader:
            say(
                f"\n{dialect}: {sizes.definitions:,} definitions, {sizes.runs:,} runs, {sizes.items:,} items, "
                f"{options.times} times each; asked: p99 {ASKED[dialect]:.0f} ms"
            )
            say(f"  {'':38} {'p50':>8} {'p99':>8}  {'most':>8} | {'cpu p50':>8} {'cpu p99':>8}")
            for name, case in CASES.items():
                if not options.only or any(name.startswith(word) for word in options.only):
                    _table(name, _times(reader, case, sizes, options.times), ASKED[dialect])
            if not options.only:
                _peers(reader, sizes, options.times)


def _times(reader: Reader, case: Case, sizes: Sizes, times: int) -> tuple[list[float], list[float]]:
    """Milliseconds of each call and of its processor time, each sorted; the first ones, which make plans and fill
    caches, are not counted."""
    chance, cpu = Random(7), _processor(reader)
    for _ in range(min(20, times)):
        case(reader, chance, sizes)
    walls, cpus = [], []
    for _ in range(times):
        began, used = time.perf_counter(), cpu()
        case(reader, chance, sizes)
        walls.append((time.perf_counter() - began) * 1000)
        cpus.append((cpu() - used) * 1000)
    return sorted(walls), sorted(cpus)


def _processor(reader: Reader) -> Callable[[], float]:
    """Processor seconds that reading has taken: this thread's, and on a server of this host its process's."""
    if reader.dialect == "sqlite":
        return time.thread_time
    spent = Path(f"/proc/{reader.value('SELECT pg_backend_pid()')}/schedstat")
    return lambda: time.thread_time() + int(spent.read_text().split()[0]) / 1e9


def _part(times: list[float], share: float) -> float:
    return times[min(len(times) - 1, int(len(times) * share))]


def _table(name: str, times: tuple[list[float], list[float]], asked: float) -> None:
    walls, cpus = times
    p99 = _part(walls, 0.99)
    say(
        f"  {name:38} {_part(walls, 0.5):8.2f} {p99:8.2f}{'<' if p99 > asked else ' '} {walls[-1]:8.2f} | "
        f"{_part(cpus, 0.5):8.2f} {_part(cpus, 0.99):8.2f}{'<' if _part(cpus, 0.99) > asked else ' '}"
    )


def _peers(reader: Reader, sizes: Sizes, times: int) -> None:
    say(f"\n  {'as it is often written':38} {'ours':>8} {'theirs':>8}  times")
    for name, (peer, ours, theirs) in PEERS.items():
        our = _part(_times(reader, ours, sizes, times)[0], 0.5)
        found = _times(reader, theirs, sizes, 1)[0][0]
        say(f"  {name:38} {our:8.2f} {found:8.1f}  {found / our:,.0f} ({peer})")


@contextmanager
def _place(dialect: str, directory: Path, sizes: Sizes) -> Iterator[StorePlace]:
    if dialect == "sqlite":
        yield make_sqlite(directory / f"store-{sizes.runs}.db", sizes)
        return
    with kept_cluster(directory / "pg") as cluster:
        yield make_postgres(cluster, sizes)


def _words(text: str) -> list[str]:
    return [word for word in text.split(",") if word]


def _parser() -> argparse.ArgumentParser:
    stores = ["sqlite", *(["postgresql"] if postgres.binaries() else [])]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dir", type=Path, required=True, help="where the stores are made and kept")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the runs and all else (%(default)s)")
    parser.add_argument("--times", type=int, default=200, help="calls of each query (%(default)s)")
    parser.add_argument("--only", type=_words, default=[], help="beginnings of names of queries")
    parser.add_argument("--store", nargs="+", choices=stores, default=stores, help="(%(default)s)")
    return parser


if __name__ == "__main__":
    main()
