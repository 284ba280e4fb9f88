"""Measure the screen as a person meets it: the real program in a real terminal, on a store of years and on a small one.

    python tests/bench/screen.py --dir /var/tmp/longshore-screen
    python tests/bench/screen.py --dir /var/tmp/longshore-screen --only start,bytes
    python tests/bench/screen.py --dir /var/tmp/longshore-screen --scale 0.01 --times 20

The large store is made once in ``--dir`` and kept there (at scale 1: 100,000 definitions and a million runs, a minute
and 2.5 GB). Agents are pretended, their calls are real (``screen_fleet``): 50 runs report their progress twice a second
each while keys are pressed at moments that no tick knows of. "Painted" is when the bytes come that make the screen show
the effect of a key or of a commit; the screen is pyte's.

How to read it. Milliseconds unless it says otherwise; ``>`` marks what is above what issue 5 asks. "cpu" is the
processor time that the program took from the key until then: machines are shared, and a p99 has the neighbours in it.
The peer of the start is a Textual application with one Static, started in turn with ours; that of the bytes is our
screen as Textual by itself writes it.
"""

from __future__ import annotations

import sys

sys.path.insert(0, __file__.rpartition("/tests/")[0])

import argparse
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.bench.big_store import Sizes, make_sqlite
from tests.bench.report import say
from tests.bench.screen_cases import CASES, Measured

HEAD = ("what", "median", "p99", "asked", "cpu", "peer", "times")


class Place(NamedTuple):
    """Where the stores are, and how much is measured."""

    directory: Path
    big: Path
    sizes: Sizes
    runs: int
    """Live at a time in the large store."""
    times: int


def main(arguments: Sequence[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    options.dir.mkdir(parents=True, exist_ok=True)
    sizes = Sizes(options.scale)
    big = options.dir / f"store-{sizes.runs}.db"
    if any(case.big for name, case in CASES.items() if _wanted(name, options.only)):
        make_sqlite(big, sizes)
    with tempfile.TemporaryDirectory(prefix="longshore-screen-") as directory:
        place = Place(Path(directory), big, sizes, min(options.runs, sizes.definitions // 8), options.times)
        say(f"  {HEAD[0]:52} {HEAD[1]:>9} {HEAD[2]:>9} {HEAD[3]:>9} {HEAD[4]:>7} | {HEAD[5]:>9} {HEAD[6]:>6}")
        for name, case in CASES.items():
            if _wanted(name, options.only):
                one, five, _ = os.getloadavg()
                say(f"{name}: {case.about} (load before: {one:.1f} {five:.1f})")
                _table(case.measure, place)


def _table(measure: Callable[[Place], Sequence[Measured]], place: Place) -> None:
    for row in measure(place):
        judged = row.p99 if row.by_p99 and row.p99 is not None else row.median
        above = row.asked is not None and judged > row.asked
        asked = "" if row.asked is None else f"{row.asked:g}"
        cpu = "" if row.cpu is None else f"{row.cpu:.1f}"
        peer = "" if row.peer is None else f"{row.peer:.1f}"
        times = "" if row.peer is None or not row.median else f"{row.median / row.peer:.2f}"
        p99 = "" if row.p99 is None else f"{row.p99:.1f}"
        say(
            f"  {row.what:52} {row.median:9.1f} {p99:>9} {'>' if above else ' '}{asked:>8} {cpu:>7} | "
            f"{peer:>9} {times:>6}"
        )


def _wanted(name: str, only: Sequence[str]) -> bool:
    return not only or name in only


def _names(text: str) -> list[str]:
    names = [name for name in text.split(",") if name]
    if unknown := set(names) - set(CASES):
        raise argparse.ArgumentTypeError(f"not among {', '.join(CASES)}: {', '.join(sorted(unknown))}")
    return names


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dir", type=Path, required=True, help="where the large store is made and kept")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the runs and all else (%(default)s)")
    parser.add_argument("--runs", type=int, default=50, help="live in the large store (%(default)s)")
    parser.add_argument("--times", type=int, default=60, help="how much of each is measured (%(default)s)")
    parser.add_argument("--only", type=_names, default=[], help=f"of {','.join(CASES)}")
    return parser


if __name__ == "__main__":
    main()
