"""What the actors of one story share, and what each thread gives them to act with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from agentsim.simulate.calls import Calls
from agentsim.simulate.held_work import HeldWork
from agentsim.simulate.parts import RunPart, Scenario


@dataclass
class Story:
    """The state of a story that all actors see. Each entry is written by one actor.

    Attributes:
        scenario: what is to happen.
        playing: the part of the run that is active at a place (mover and definition path).
        run_ids: the id of each run that was started, by its part's number.
        agent_ids: the id of each agent that has registered, by its key.
        work: the latest attempt of each run, by its id: what it has done is done, whoever goes on.
        over: whether the agents are to go home.
    """

    scenario: Scenario
    playing: dict[tuple[str, str], RunPart] = field(default_factory=dict)
    run_ids: dict[int, int] = field(default_factory=dict)
    agent_ids: dict[str, int] = field(default_factory=dict)
    work: dict[int, HeldWork] = field(default_factory=dict)
    over: bool = False


@dataclass
class Stage:
    """One thread's.

    Attributes:
        calls: the way to the store.
        story: what all share.
        speed: how many milliseconds of the story pass in one of the store's clock.
        wake: lets an actor, by its name, act at a time.
    """

    calls: Calls
    story: Story
    speed: float
    wake: Callable[[str, int], None]

    def store_ms(self, story_ms: int) -> int:
        """A length of the story's time by the store's clock."""
        return round(story_ms / self.speed)

    def story_ms(self, store_ms: int) -> int:
        """A length of the store's time in the story's."""
        return round(store_ms * self.speed)
