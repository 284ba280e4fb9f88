"""Letting a story happen: on a virtual clock by one thread, or in real time by a few."""

from __future__ import annotations

import threading
import time
from array import array
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from typing import Final

from agentsim.simulate.admin import Admins, Upkeep
from agentsim.simulate.calls import Calls, Tally
from agentsim.simulate.fleet_agent import FleetAgent
from agentsim.simulate.parts import Scenario
from agentsim.simulate.schedule import Schedule
from agentsim.simulate.stage import Stage, Story
from store.clock import VirtualClock
from store.db import open_store
from store.place import StorePlace
from store.plan import Plan, PlanFile, apply_plan
from store.reader import Reader

THREADS: Final = 4
"""Threads that share the agents: a process of Python gains nothing by more."""

AWAY: Final = 200
"""Calls of one thread that fail one after the other because of the store, after which the story is given up."""


@dataclass
class Performance:
    """What a story came to.

    Attributes:
        tally: its calls.
        seconds: how long it took.
        late: by how many seconds each act was late, in real time.
        story: the state in which it ended.
    """

    story: Story
    tally: Tally = field(default_factory=Tally)
    seconds: float = 0.0
    late: array[float] = field(default_factory=lambda: array("d"))


def apply_scenario(place: StorePlace, scenario: Scenario, clock: VirtualClock | None = None) -> None:
    """Make the hierarchy of a story, as an admin applies a plan.

    Raises:
        LongshoreError: what the store refused.
    """
    with closing(open_store(place, clock=clock)) as store, store.write("ann") as tx:
        apply_plan(tx, PlanFile("the simulated plan", Plan.model_validate(scenario.plan)))


def perform_virtually(place: StorePlace, scenario: Scenario, start_ms: int) -> Performance:
    """Play a story at once, by one thread, on a clock that jumps from act to act.

    Args:
        place: the store.
        scenario: the story.
        start_ms: the store's time at its beginning; the same one gives the same contents.

    Raises:
        LongshoreError: the store cannot be used.
    """
    clock = VirtualClock(start_ms)
    begin = time.perf_counter()
    apply_scenario(place, scenario, clock)
    found = Performance(Story(scenario))
    schedule = Schedule(_actors(scenario))
    with closing(open_store(place, clock=clock)) as store, Reader(place, clock) as reader:
        calls = Calls(store, reader)
        stage = Stage(calls, found.story, 1.0, schedule.wake)
        now = 0
        while (turn := schedule.next()) is not None:
            due, actor = turn
            now = max(now, due)
            clock.time = start_ms + now
            following = actor.act(stage, now)
            # Time moves on with every act of one actor: two samples of one moment would be one.
            schedule.put_back(actor, None if following is None else max(following, now + 1))
            _give_up_if_away(calls)
        found.tally = calls.tally
    found.seconds = time.perf_counter() - begin
    return found


def perform(
    place: StorePlace,
    scenario: Scenario,
    *,
    speed: float = 1.0,
    threads: int = THREADS,
    look: Callable[[float, Sequence[Tally]], None] | None = None,
) -> Performance:
    """Play a story in real time, by a few threads, each with a connection of its own.

    Args:
        place: the store.
        scenario: the story.
        speed: how many seconds of it pass in one.
        threads: how many share the agents.
        look: called about once a second with the story's seconds and the threads' tallies.

    Raises:
        LongshoreError: the store cannot be used. KeyboardInterrupt: after all threads have ended.
    """
    apply_scenario(place, scenario)
    found = Performance(Story(scenario))
    schedule = Schedule(_actors(scenario))
    begin = time.monotonic()

    def now() -> int:
        return round((time.monotonic() - begin) * 1000 * speed)

    def seconds(story_ms: int) -> float:
        return story_ms / 1000 / speed

    failures: list[BaseException] = []
    tallies: list[Tally] = []

    def play() -> None:
        try:
            with ExitStack() as stack:
                store = stack.enter_context(closing(open_store(place)))
                calls = Calls(store, stack.enter_context(Reader(place)))
                tallies.append(calls.tally)
                stage = Stage(calls, found.story, speed, schedule.wake)
                while (turn := schedule.wait(now, seconds)) is not None:
                    due, actor = turn
                    found.late.append(max(0.0, seconds(now() - due)))
                    schedule.put_back(actor, actor.act(stage, now()))
                    _give_up_if_away(calls)
        except BaseException as error:
            failures.append(error)
            schedule.stop()

    crew = [threading.Thread(target=play, name=f"fleet-{number}") for number in range(threads)]
    for thread in crew:
        thread.start()
    try:
        while any(thread.is_alive() for thread in crew):
            crew[0].join(1.0)
            for thread in crew[1:]:
                thread.join(0.01)
            if look is not None:
                look(now() / 1000, tuple(tallies))
    finally:
        schedule.stop()
        for thread in crew:
            thread.join()
    found.seconds = time.monotonic() - begin
    for tally in tallies:
        found.tally.add(tally)
    if failures:
        raise failures[0]
    return found


def _actors(scenario: Scenario) -> list[Admins | Upkeep | FleetAgent]:
    return [Admins(scenario), Upkeep(), *(FleetAgent(part) for part in scenario.agents)]


def _give_up_if_away(calls: Calls) -> None:
    """End a story whose store does not answer any more."""
    if calls.away >= AWAY:
        assert calls.trouble is not None
        raise calls.trouble
