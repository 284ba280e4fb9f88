"""The past of a simulated organisation: years of runs, as the calls of their time would have left them. Pure.

Runs are in the order of their starts. A definition's runs never overlap: each has a slot of the time to
itself, of which it takes at most half. Previews are not among them: nobody keeps a plan for years.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final, NamedTuple

from agentsim.engine.verdict import ended, verdict
from agentsim.simulate.hierarchy import Project, mover_names, projects
from agentsim.simulate.parts import Totals
from agentsim.simulate.scenario import FAILURES, run_totals
from agentsim.simulate.words import ADMINS, SITES
from agentsim.simulate.work import NOTHING, Item, at_share, items_of, lognormal, totals_of
from store.vocabulary import CopyMode, JobRunStatus, Outcome, RunKind

YEAR_MS: Final = 31_557_600_000
DAY_MS: Final = 86_400_000
SHAPES: Final = 2_000
"""Kinds of run that the past is made of; each is used again and again."""

RUNS_PER_DEFINITION: Final = 10
MAX_DEFINITIONS: Final = 100_000
DEFINITIONS_PER_MOVER: Final = 25_000
HOT_EVERY: Final = 97
"""Every so many runs are of one definition that runs all the time."""

HUGE_FROM: Final = 1_000_000
HUGE_ITEMS: Final = 500_000
"""A past of so many runs has one with so many failed items."""

SAMPLED: Final = 200
"""The last runs, whose throughput samples retention has not thinned yet."""


@dataclass(frozen=True)
class History:
    """What past to write.

    Attributes:
        seed: the same one gives the same past.
        runs: how many.
        years: over how long.
        generation: counts the simulations of one store.
        until: the store's time at its end.
    """

    seed: int
    runs: int
    years: float
    generation: int
    until: int

    @property
    def definitions(self) -> int:
        return min(MAX_DEFINITIONS, max(10, self.runs // RUNS_PER_DEFINITION))

    @property
    def agents(self) -> int:
        return min(1_000, max(len(self.movers), self.definitions // 100))

    @property
    def movers(self) -> list[str]:
        return mover_names(self.generation, -(-self.definitions // DEFINITIONS_PER_MOVER))

    @property
    def begin(self) -> int:
        return self.until - round(self.years * YEAR_MS)


class Place(NamedTuple):
    """A definition of the past with the ids of all that its runs refer to."""

    mover_id: int
    project_id: int
    definition_id: int
    source_id: int
    target_id: int
    agent_id: int
    agent: str
    label: str
    source: str
    target: str
    mode: CopyMode
    target_key: str
    snapshot: tuple[str, str, str]
    """Its properties, its source's and its target's as JSON."""


class Shape(NamedTuple):
    """A kind of run: how it went, whatever its definition."""

    kind: RunKind
    status: JobRunStatus
    fence: int
    totals: Totals
    items: Iterable[Item]
    share: float
    """Of half of its slot: how long it takes."""
    message: str
    error: tuple[str, str, str]

    @property
    def waited(self) -> bool:
        """Canceled before an agent took it."""
        return self.fence == 0


class PastRun(NamedTuple):
    """One run of the past."""

    id: int
    place: Place
    number: int
    shape: Shape
    created: int
    started: int | None
    ended: int
    thinned: int | None
    """When retention thinned its samples; None while they are all there."""
    admin: str

    @property
    def label(self) -> str:
        return f"{self.place.label}#{self.number}"


def tree(history: History) -> list[tuple[str, list[Project]]]:
    """The movers of a past and their projects."""
    random = Random(f"longshore past {history.seed}")
    left, found = history.definitions, []
    for mover in history.movers:
        found.append((mover, projects(random, mover, min(left, DEFINITIONS_PER_MOVER))))
        left -= DEFINITIONS_PER_MOVER
    return found


def agent_names(history: History) -> list[tuple[str, str]]:
    """Mover and name of the agents that worked in the past, at least one for each mover."""
    movers = history.movers
    return [
        (movers[number % len(movers)], f"dock-{SITES[number % len(SITES)]}-{number + 1:04d}")
        for number in range(history.agents)
    ]


def _shapes(random: Random, mode: CopyMode) -> list[Shape]:
    """The kinds of run of one mode."""
    return [_shape(random, mode) for _ in range(SHAPES)]


def _shape(random: Random, mode: CopyMode) -> Shape:
    kind = RunKind.COPY if random.random() < 0.93 else RunKind.VERIFY
    fate = random.random()
    failed = round(lognormal(random, 8, 1.0, 1, 400)) if fate < 0.08 else 0
    bytes_ = round(lognormal(random, 20e9, 1.5, 1e6, 4e12))
    items = max(1, round(bytes_ / lognormal(random, 300_000, 1.0, 4_000, 1e9)))
    totals = run_totals(random, items, bytes_, kind, mode, failed)
    end, waited = verdict(totals, (), kind), False
    if 0.08 <= fate < 0.11:
        code, message, target, _ = random.choice(FAILURES)
        end, totals = ended(JobRunStatus.FAILED, code, message, target), NOTHING
    elif 0.11 <= fate < 0.16:
        waited = fate < 0.12
        end = ended(JobRunStatus.CANCELED, "", "no agent had taken it" if waited else "Canceled by request")
        totals = NOTHING if waited else at_share(totals, random.random())
    return Shape(
        kind=kind,
        status=JobRunStatus(end["status"]),
        fence=0 if waited else 1 if random.random() < 0.98 else 2,
        totals=totals,
        items=list(items_of(random.getrandbits(40), totals, kind)),
        share=lognormal(random, 0.1, 0.8, 0.001, 1.0),
        message=end["message"],
        error=(end["code"], end["message"], end["target"]) if end["status"] == JobRunStatus.FAILED else ("", "", ""),
    )


def _huge(random: Random) -> Shape:
    """A run whose source lost half a million files to a change of owner."""
    numbers = {Outcome.FAILED: HUGE_ITEMS, Outcome.TRANSFERRED: 3 * HUGE_ITEMS}
    totals = totals_of(numbers, {outcome: number * 100_000 for outcome, number in numbers.items()})
    end = verdict(totals, ())
    error = (end["code"], end["message"], end["target"])
    # Used once, and never held whole.
    items = items_of(random.getrandbits(40), totals)
    return Shape(RunKind.COPY, JobRunStatus(end["status"]), 1, totals, items, 1.0, end["message"], error)


def past_runs(history: History, places: Sequence[Place], first_id: int, counts: dict[int, int]) -> Iterator[PastRun]:
    """The runs in the order of their starts.

    Args:
        history: what past.
        places: the definitions.
        first_id: the id of the first run.
        counts: how many runs each definition has had, by its id; counted on.
    """
    random = Random(f"longshore runs {history.seed}")
    kinds = {mode: _shapes(random, mode) for mode in CopyMode}
    step = (history.until - DAY_MS // 24 - history.begin) / history.runs
    others = len(places) - 1
    huge_at = history.runs // 2 if history.runs >= HUGE_FROM else -1
    for number in range(history.runs):
        hot = number % HOT_EVERY == 0
        place = places[0] if hot else places[1 + number % others]
        # The time until the same definition's turn comes again.
        slot = step * (HOT_EVERY if hot else others)
        shape = _huge(random) if number == huge_at else random.choice(kinds[place.mode])
        created = history.begin + int(step * number)
        length = max(1, int(min(slot / 2, DAY_MS) * shape.share))
        ended_at = min(created + length, history.until - 1)
        count = counts.get(place.definition_id, 0) + 1
        counts[place.definition_id] = count
        yield PastRun(
            id=first_id + number,
            place=place,
            number=count,
            shape=shape,
            created=created,
            started=None if shape.waited else created + min(800, length // 4),
            ended=ended_at,
            thinned=ended_at + DAY_MS if ended_at < history.until - DAY_MS else None,
            admin=ADMINS[number % len(ADMINS)],
        )
