"""Measure the feed and the watch on both kinds of store, beside readers that poll.

    python tests/bench/feed.py
    python tests/bench/feed.py --stores postgresql --rounds 1 --seconds 3

How to read it. A writer process commits 20 times a second through the store; readers in processes of their own
follow it all together. "commit → row" is the time from the return of a commit until a reader has the row that it
changed, in milliseconds, over all rounds. "idle" is the share of a core, in percent, that a reader takes which waits
while nothing is written. "poll 1 s" asks the feed once a second; "poll 50 ms" looks for a greater revision twenty
times a second, which on a server loses changes (measurements-store §3.2) and is here for its costs. The ratios say
how many times as long a poller takes as ours, and how many times as much of a core. "asked" is what issue 4 asks;
``>`` marks what is above it. The server keeps its data on disk with ``fsync`` on, as in earnest.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, __file__.rpartition("/tests/")[0])

from tests.bench import feed_roles as roles
from tests.bench.report import say

OURS, *PEERS = KINDS = ("ours", "poll 1 s", "poll 50 ms")
STORES = ("sqlite", "postgresql")
Pairs = Sequence[tuple[int, float]]
"""Numbers of the writer, with when."""

ASKED_P99_MS = 30.0
ASKED_IDLE_PERCENT = 1.0
ASKED_OPEN_MS = {"sqlite": 30.0, "postgresql": 100.0}


def main(arguments: Sequence[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    for kind in options.stores:
        with _store(kind) as url:
            _heading(kind)
            _readers(url, options.rounds, options.seconds, options.idle)
            _costs(kind, url, options.rounds)


def _readers(url: str, rounds: int, seconds: float, idle: float) -> None:
    """The table of readers: how late they are, and what their waiting costs."""
    late: dict[str, list[float]] = {kind: [] for kind in KINDS}
    idles: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for turn in range(rounds):
        # A poller may be a second behind the last commit.
        following = [roles.start(roles.follow, url, kind, seconds + 1.5) for kind in KINDS]
        done, *found = roles.answers(roles.start(roles.write, url, seconds, turn * 1_000_000), *following)
        for kind, answer in zip(KINDS, found, strict=True):
            late[kind] += _late(done, answer["seen"])
        for kind in KINDS:
            [answer] = roles.answers(roles.start(roles.follow, url, kind, idle))
            idles[kind].append(answer["cpu"] * 100)
    ours = (statistics.median(late[OURS]), _p99(late[OURS]), statistics.median(idles[OURS]))
    say(f"  {'':10} {'commit → row':>15} {'':9}{'idle':>7}   | times as ours")
    say(f"  {'':10} {'p50':>7} {'p99':>7} {'asked':>6} {'%':>8} {'asked':>5}  {'p50':>7} {'p99':>7} {'idle':>6}")
    for kind in KINDS:
        p50, p99, cpu = statistics.median(late[kind]), _p99(late[kind]), statistics.median(idles[kind])
        line = f"  {kind:10} {p50:7.1f} {p99:7.1f}"
        if kind == OURS:
            line += f"{_mark(p99, ASKED_P99_MS)}{ASKED_P99_MS:5.0f} {cpu:8.2f}{_mark(cpu, ASKED_IDLE_PERCENT)}"
            say(f"{line}{ASKED_IDLE_PERCENT:4.0f}")
        else:
            say(f"{line} {'':5} {cpu:8.2f} {'':4} | {p50 / ours[0]:7.1f} {p99 / ours[1]:7.1f} {cpu / ours[2]:6.1f}")


def _late(done: Pairs, seen: Pairs) -> list[float]:
    """Milliseconds from each number's commit until it or a later one was read."""
    read = [number for number, _ in seen]
    return [(seen[bisect_left(read, number)][1] - at) * 1e3 for number, at in done]


def _costs(kind: str, url: str, rounds: int) -> None:
    [asking] = roles.answers(roles.start(roles.ask, url, 500))
    say(f"  asking when there is nothing new: {asking:.0f} µs")
    opened = [roles.answers(roles.start(roles.open_up, url))[0] for _ in range(rounds * 3)]
    middle, asked = statistics.median(opened), ASKED_OPEN_MS[kind]
    say(f"  opening a store that is up to date: {middle:.1f} ms{_mark(middle, asked)}(asked: {asked:.0f})")


def _p99(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.99)]


def _mark(value: float, most: float) -> str:
    return ">" if value > most else " "


def _heading(kind: str) -> None:
    one, five, _ = os.getloadavg()
    say(f"\n{kind}: 20 commits a second (load before: {one:.1f} {five:.1f})")


@contextmanager
def _store(kind: str) -> Iterator[str]:
    """A new store of a kind with one mover in it; its URL."""
    if kind == "sqlite":
        with tempfile.TemporaryDirectory(prefix="longshore-bench-") as directory:
            url = str(Path(directory) / "longshore.db")
            _fill(url)
            yield url
        return
    from tests import postgres

    cluster = postgres.start(fsync="on", synchronous_commit="on", full_page_writes="on")
    os.environ["PGPASSFILE"] = str(cluster.pgpass)
    try:
        url = cluster.url(cluster.store_database())
        _fill(url)
        yield url
    finally:
        cluster.stop()


def _fill(url: str) -> None:
    from store.bodies import MoverProperties
    from store.db import open_store
    from store.resources.movers import put_mover

    store = open_store(url)
    with store.write("bench") as tx:
        put_mover(tx, "m", MoverProperties())
    store.close()


def _names(text: str) -> list[str]:
    names = [name for name in text.split(",") if name]
    if unknown := set(names) - set(STORES):
        raise argparse.ArgumentTypeError(f"not among {', '.join(STORES)}: {', '.join(sorted(unknown))}")
    return names


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stores", type=_names, default=list(STORES), help=f"of {','.join(STORES)}")
    parser.add_argument("--rounds", type=int, default=3, help="(%(default)s)")
    parser.add_argument("--seconds", type=float, default=10.0, help="of writing, each round (%(default)s)")
    parser.add_argument("--idle", type=float, default=10.0, help="of waiting, each round and reader (%(default)s)")
    return parser


if __name__ == "__main__":
    main()
