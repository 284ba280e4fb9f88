"""The cases in which we run beside our peers: each turn in the same round, on the same file system."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tests.bench import report, trees
from tests.bench.places import Place, sync
from tests.bench.turn import Pass, Turn
from tests.engine.driver import differences

SMALL_FILES = 100_000
LARGE_FILES = 4
LARGE_BYTES = 1024**3
MIXED_FILES = 20_000
MIXED_BYTES = 2 * 1024**3
CHANGED_PERCENT = 1.0


class Competitor(Protocol):
    """Somebody who can bring a target to what its source is."""

    @property
    def name(self) -> str: ...

    def can(self, what: Pass) -> bool: ...

    def run(self, what: Pass, source: Path, target: Path) -> Turn: ...


@dataclass(frozen=True, slots=True)
class Bench:
    """What all cases share.

    Attributes:
        place: where they work.
        rounds: turns of each competitor in each case.
        scale: share of the files, or of the bytes of large ones, that is used.
        competitors: ours first.
        helpers: copying processes of one of our runs.
    """

    place: Place
    rounds: int
    scale: float
    competitors: Sequence[Competitor]
    helpers: int

    def scaled(self, number: int) -> int:
        return max(1, round(number * self.scale))

    def able(self, what: Pass) -> list[Competitor]:
        return [one for one in self.competitors if one.can(what)]


def small(bench: Bench) -> None:
    files = bench.scaled(SMALL_FILES)
    _full(bench, "small", f"{files:,} files of 4 KiB, empty target", trees.small(files))


def large(bench: Bench) -> None:
    size = bench.scaled(LARGE_BYTES)
    what = f"{LARGE_FILES} files of {size / 1024**2:,.0f} MiB, empty target"
    # A few files leave no freed inodes behind that matter; their space is needed.
    _full(bench, "large", what, trees.large(LARGE_FILES, size), removes=True)


def mixed(bench: Bench) -> None:
    files, size = bench.scaled(MIXED_FILES), bench.scaled(MIXED_BYTES)
    what = f"{files:,} files log-normal, {size / 1024**2:,.0f} MiB, empty target"
    _full(bench, "mixed", what, trees.log_normal(files, size))


def _full(bench: Bench, case: str, what: str, build: trees.Builder, *, removes: bool = False) -> None:
    """Copies into empty targets."""
    place = bench.place
    report.heading(case, what, place.kind)
    with place.fresh() as base:
        source = _built(base, build)

        def turn(competitor: Competitor, number: int) -> Turn:
            target = base / f"target-{number}-{bench.competitors.index(competitor)}"
            target.mkdir()
            result = competitor.run(Pass.COPY, source, target)
            _judge(bench, competitor, number, source, target)
            sync(base)
            if removes or place.removes:
                shutil.rmtree(target)
                sync(base)
            return result

        turns = _rounds(bench, Pass.COPY, turn, lambda number: place.settle(base, source))
    report.table(turns, report.asked(case, place.kind))


def again(bench: Bench, wanted: Sequence[str]) -> None:
    """Passes over targets that are complete already: of what is wanted, in the order of their harm."""
    files = bench.scaled(SMALL_FILES)
    changes: dict[str, tuple[str, Pass, Callable[[Path, int], None]]] = {
        "unchanged": ("nothing changed", Pass.UPDATE, lambda source, number: None),
        "changed": ("1 % changed", Pass.UPDATE, lambda source, number: trees.rewrite(source, CHANGED_PERCENT, number)),
        "mirror": (
            "mirror, 1 % deleted",
            Pass.MIRROR,
            lambda source, number: trees.remove(source, CHANGED_PERCENT, number),
        ),
    }
    with bench.place.fresh() as base:
        source = _built(base, trees.small(files))
        targets = {one.name: base / f"target-{number}" for number, one in enumerate(bench.competitors)}
        for target in targets.values():
            subprocess.run(("cp", "-a", source, target), check=True)
        for case, (what, kind_of_pass, change) in changes.items():
            if case not in wanted:
                continue
            report.heading(case, f"{files:,} files of 4 KiB, {what}", bench.place.kind)

            def prepare(number: int, change: Callable[[Path, int], None] = change) -> None:
                change(source, number)
                sync(base)

            def turn(competitor: Competitor, number: int, kind_of_pass: Pass = kind_of_pass) -> Turn:
                target = targets[competitor.name]
                result = competitor.run(kind_of_pass, source, target)
                _judge(bench, competitor, number, source, target)
                sync(base)
                return result

            turns = _rounds(bench, kind_of_pass, turn, prepare)
            report.table(turns, report.asked(case, bench.place.kind))


def _built(base: Path, build: trees.Builder) -> Path:
    source = base / "source"
    source.mkdir()
    build(source)
    return source


def _rounds(
    bench: Bench, what: Pass, turn: Callable[[Competitor, int], Turn], prepare: Callable[[int], None]
) -> dict[str, list[Turn]]:
    """Everybody's turns, round by round; who begins changes."""
    able = bench.able(what)
    turns: dict[str, list[Turn]] = {one.name: [] for one in able}
    for number in range(bench.rounds):
        prepare(number)
        first = number % len(able)
        for competitor in (*able[first:], *able[:first]):
            turns[competitor.name].append(turn(competitor, number))
    return turns


def _judge(bench: Bench, competitor: Competitor, number: int, source: Path, target: Path) -> None:
    """A fast copy that is wrong is no copy: look at ours once in each case."""
    if competitor is bench.competitors[0] and number == bench.rounds - 1:
        found = differences(source, target)
        if found:
            raise SystemExit(f"the copy in {target} is wrong:\n{found[:2000]}")
