"""Writing a story from a seed: who joins, which runs start, and what goes wrong. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Any, Final

from agentsim.engine.guards import Stop
from agentsim.engine.verdict import Verdict, ended
from agentsim.simulate.hierarchy import UNMANNED, mover_names, mover_plan, projects
from agentsim.simulate.parts import AgentPart, RunPart, Scenario, Totals, Trouble
from agentsim.simulate.words import SITES, TIME_ZONES, VERSIONS
from agentsim.simulate.work import lognormal, totals_of
from store import codes
from store.execution.trust import AgentFacts
from store.lifecycle import LEASE_INTERVALS
from store.vocabulary import CopyMode, Guard, JobRunStatus, Outcome, RunKind

HANGS_EVERY: Final = 23
"""One of so many runs is stopped by an admin while its worker hangs."""

AGENTS_PER_MOVER: Final = 400
JOIN_MS: Final = 20
"""Between two registrations: a thousand agents are not switched on in one moment."""

_TROUBLES: Final = tuple(trouble for trouble in Trouble if trouble != Trouble.NONE)
_TROUBLED_SHARE: Final = 0.02
"""Of all agents, for each kind of trouble; at least one when there are enough for all."""

FAILURES: Final = (
    (codes.SOURCE_PATH_INVALID, "'/simulated/nas' is not there: No such file or directory", "source", 0.0),
    (codes.TARGET_PERMISSION, "the target root: Permission denied", "target", 0.0),
    (codes.TARGET_PATH_INVALID, "the target root is not a directory", "target", 0.0),
    (codes.TARGET_FULL, "No space left on device", "target", 0.6),
    (codes.TARGET_READ_ONLY, "Read-only file system", "target", 0.4),
)
"""How a run ends early: code, message, target, and the share of its way at which it does."""

_STOPS: Final = (
    Stop(Guard.DELETE_PERCENT, "38 % of the target's items would be deleted"),
    Stop(Guard.SOURCE_SHRUNK, "the source holds 12 % of the last pass's items"),
)


def write_scenario(seed: int, agents: int, runs: int, length_ms: int, generation: int = 1) -> Scenario:
    """The story of a seed.

    Args:
        seed: the same one tells the same story.
        agents: how many there are.
        runs: how many are started.
        length_ms: from its beginning to when an admin stops what is still active.
        generation: counts the simulations of one store, since a name is given once.
    """
    random = Random(f"longshore {seed}")
    movers = mover_names(generation, max(1, round(agents / AGENTS_PER_MOVER)))
    plans, places = _hierarchy(random, seed, movers, runs)
    names = _agent_names(movers, agents)
    joined = agents * JOIN_MS + 2_000
    parts = _runs(random, places, names, runs, joined, length_ms)
    return Scenario(
        seed=seed,
        length_ms=max(length_ms, joined + 1_000),
        plan={"storageMovers": plans},
        agents=_agents(random, names, parts, joined, length_ms),
        runs=parts,
        unmanned=tuple((mover, UNMANNED) for mover in movers),
    )


def steady_scenario(
    seed: int, agents: int, runs: int, length_ms: int, generation: int = 1, join_ms: int = JOIN_MS
) -> Scenario:
    """An even load: every run lasts as long as the story, and nothing goes wrong.

    Args:
        seed: of names and numbers.
        agents: how many; all have joined before the first run.
        runs: how many, all at the same time.
        length_ms: how long they last; the joining comes before it.
        generation: counts the simulations of one store.
        join_ms: between two registrations.
    """
    random = Random(f"longshore {seed}")
    movers = mover_names(generation, 1)
    plans, places = _hierarchy(random, seed, movers, runs)
    names = _agent_names(movers, agents)
    joined = agents * join_ms + 2_000
    parts = tuple(
        _run(
            random, number, *places[number], names[number % agents], joined + 10 * number, length_ms, RunKind.COPY, True
        )
        for number in range(runs)
    )
    quiet = tuple(
        replace(_agent(random, key, number, Trouble.NONE, 0, 0), joins_at=number * join_ms)
        for number, key in enumerate(names)
    )
    return Scenario(seed, joined + length_ms, {"storageMovers": plans}, quiet, parts, ())


def _hierarchy(
    random: Random, seed: int, movers: Sequence[str], runs: int
) -> tuple[list[dict[str, Any]], list[tuple[str, str, CopyMode]]]:
    """The movers' plans, and the mover, path and mode of every definition that can run."""
    plans, places = [], []
    for mover in movers:
        # Some definitions have not run yet, and a place runs once at a time.
        found = projects(random, mover, -(-max(10, runs * 5 // 4) // len(movers)))
        plans.append(mover_plan(mover, found, seed))
        places += [(mover, f"{one.name}/{d.name}", d.copy_mode) for one in found for d in one.definitions]
    random.shuffle(places)
    return plans, places


def _agent_names(movers: Sequence[str], agents: int) -> list[tuple[str, str]]:
    """Mover and name of every agent, in the order of their joining."""
    width = len(str(agents))
    return [
        (movers[number % len(movers)], f"dock-{SITES[number % len(SITES)]}-{number + 1:0{width}d}")
        for number in range(agents)
    ]


def _runs(
    random: Random,
    places: Sequence[tuple[str, str, CopyMode]],
    names: Sequence[tuple[str, str]],
    runs: int,
    joined: int,
    length_ms: int,
) -> tuple[RunPart, ...]:
    """Starts spread over the first two thirds; the first runs go to the first agents, whom trouble may find."""
    parts: list[RunPart] = []
    of_mover: dict[str, list[tuple[str, str]]] = {}
    for key in names:
        of_mover.setdefault(key[0], []).append(key)
    span = max(1_000, (length_ms - joined) * 2 // 3)
    for number in range(runs):
        again = number % 10 == 9
        # Every tenth is another pass of an earlier run's definition, by the same agent.
        earlier = parts[number // 2] if again else None
        mover, path, mode = (earlier.mover, earlier.definition, earlier.copy_mode) if earlier else places[number]
        agent = (mover, earlier.agent) if earlier else of_mover[mover][number % len(of_mover[mover])]
        kind = RunKind(random.choices(list(RunKind), weights=(84, 10, 6))[0])
        duration = round(lognormal(random, max(3_000, length_ms * 0.12), 0.8, 2_000, max(4_000, length_ms * 0.5)))
        begin = joined + (span * number // max(runs, 1) if not again else span) + random.randrange(500)
        parts.append(_run(random, number, mover, path, mode, agent, begin, duration, kind, False))
    return tuple(parts)


def _run(
    random: Random,
    number: int,
    mover: str,
    path: str,
    mode: CopyMode,
    agent: tuple[str, str],
    starts_at: int,
    duration_ms: int,
    kind: RunKind,
    plain: bool,
) -> RunPart:
    fate = 1.0 if plain else random.random()
    failure: Verdict | None = None
    fails_at, stops, failed = 0.0, tuple[Stop, ...](), 0
    cancel_at = worker_dies_at = None
    deaf = False
    if number % HANGS_EVERY == HANGS_EVERY // 4 and not plain:
        kind, cancel_at, deaf = RunKind.COPY, duration_ms // 3, True
    elif fate < 0.08:
        failed = round(lognormal(random, 6, 1.2, 1, 400))
    elif fate < 0.11 and mode == CopyMode.MIRROR and kind == RunKind.COPY:
        stops = (random.choice(_STOPS),)
    elif fate < 0.17:
        code, message, target, fails_at = random.choice(FAILURES)
        failure = ended(JobRunStatus.FAILED, code, message, target)
    elif fate < 0.24:
        cancel_at = round(duration_ms * random.uniform(0.2, 0.8))
    elif fate < 0.27:
        worker_dies_at = random.uniform(0.2, 0.8)
    if kind == RunKind.PREVIEW:
        items = round(lognormal(random, 400, 0.8, 20, 2_000))
        bytes_ = round(items * lognormal(random, 200_000, 1.0, 1_000, 5e6))
    else:
        bytes_ = round(lognormal(random, 80e6, 0.7, 1e6, 1e9) * duration_ms / 1000)
        items = max(1, round(bytes_ / lognormal(random, 300_000, 1.0, 4_000, 1e9)))
    return RunPart(
        number=number,
        mover=mover,
        definition=path,
        agent=agent[1],
        starts_at=starts_at,
        kind=kind,
        copy_mode=mode,
        preflight_ms=random.randrange(200, 1_500),
        duration_ms=duration_ms,
        totals=run_totals(random, items, bytes_, kind, mode, failed, withheld=bool(stops)),
        stops=stops,
        failure=failure,
        fails_at=fails_at,
        worker_dies_at=worker_dies_at,
        cancel_at=cancel_at,
        deaf=deaf,
        started_twice=not plain and random.random() < 0.03,
        seed=random.getrandbits(40),
    )


def run_totals(
    random: Random, items: int, bytes_: int, kind: RunKind, mode: CopyMode, failed: int, *, withheld: bool = False
) -> Totals:
    """The totals of a run over so many items and bytes; what is recorded one by one stays few."""
    few = {
        Outcome.FAILED: failed,
        Outcome.CHANGED: random.choice((0, 0, 0, 1, 2)),
        Outcome.UNSUPPORTED: random.choice((0, 0, 0, 0, 1)),
        Outcome.EXCLUDED: random.choice((0, 0, 3, 8)),
    }
    if kind == RunKind.VERIFY:
        few = {Outcome.FAILED: failed}
    fits = items > sum(few.values())
    numbers = {outcome: number for outcome, number in few.items() if fits or outcome == Outcome.FAILED}
    rest = max(items - sum(numbers.values()), 1)
    sizes = {outcome: number * random.randrange(200_000) for outcome, number in numbers.items()}
    if mode == CopyMode.MIRROR and kind != RunKind.VERIFY:
        gone = Outcome.DELETE_WITHHELD if withheld else Outcome.DELETED
        numbers[gone] = random.choice((0, 2, 5, 12)) + (40 if withheld else 0)
        sizes[gone] = numbers[gone] * random.randrange(200_000)
    equal = rest if kind == RunKind.VERIFY else round(rest * random.choice((0.0, 0.0, 0.1, 0.8, 0.98)))
    for outcome, number in ((Outcome.NO_TRANSFER_NEEDED, equal), (Outcome.TRANSFERRED, rest - equal)):
        numbers[outcome] = number
        sizes[outcome] = bytes_ * number // rest
    return totals_of(numbers, sizes)


def _agents(
    random: Random, names: Sequence[tuple[str, str]], runs: Sequence[RunPart], joined: int, length_ms: int
) -> tuple[AgentPart, ...]:
    """Trouble finds agents while they work, if they do."""
    first: dict[tuple[str, str], RunPart] = {}
    for run in runs:
        first.setdefault((run.mover, run.agent), run)
    each = round(len(names) * _TROUBLED_SHARE) or int(len(names) >= 2 * len(_TROUBLES))
    troubles = [trouble for trouble in _TROUBLES for _ in range(each)]
    # Those who have a run come first: then it shows.
    order = sorted(names, key=lambda key: (key not in first, random.random()))
    befalls = dict(zip(order, troubles, strict=False))
    found = []
    for number, key in enumerate(names):
        trouble = befalls.get(key, Trouble.NONE)
        work = first.get(key)
        at = (
            work.starts_at + work.preflight_ms + work.duration_ms // 3 if work else joined + random.randrange(length_ms)
        )
        found.append(_agent(random, key, number, trouble, at, length_ms))
    return tuple(found)


def _agent(
    random: Random, key: tuple[str, str], number: int, trouble: Trouble, trouble_at: int, length_ms: int
) -> AgentPart:
    heartbeat = random.randrange(5_000, 10_001, 250)
    lease = LEASE_INTERVALS * heartbeat
    lengths = {
        Trouble.CRASHED: random.randrange(500, 8_000),
        # Shorter than its lease, or so long that its runs are given away.
        Trouble.STALLED: random.choice((lease // 3, lease * 2)),
        Trouble.DUPLICATED: random.randrange(3_000, 12_000),
        Trouble.MOVED: lease,
    }
    skewed = number % 10 == 3
    return AgentPart(
        mover=key[0],
        name=key[1],
        facts=AgentFacts(
            agent_version=random.choice(VERSIONS),
            host=f"{key[1]}.example.net",
            local_ip_address=f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}",
            time_zone=random.choice(TIME_ZONES),
            memory_in_mb=random.choice((4_096, 8_192, 16_384, 32_768)),
            number_of_cores=random.choice((2, 4, 8, 16)),
        ),
        host_key=f"simulated:{key[1]}",
        heartbeat_ms=heartbeat,
        joins_at=number * JOIN_MS,
        drift=random.uniform(-0.02, 0.02) if skewed else 0.0,
        clock_step_ms=random.choice((-7_200_000, -90_000, 90_000, 31_536_000_000)) if skewed else 0,
        trouble=trouble,
        trouble_at=trouble_at,
        trouble_ms=lengths.get(trouble, 0),
        seed=random.getrandbits(40),
    )
