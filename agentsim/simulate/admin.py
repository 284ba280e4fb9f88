"""The simulated admins, and the upkeep that goes with a store: what screens and people do to it."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from functools import partial
from typing import Final, TypeVar

from sqlmodel import select

from agentsim.simulate.parts import AgentPart, RunPart, Scenario, Trouble
from agentsim.simulate.stage import Stage
from agentsim.simulate.words import ADMINS
from store.db import Write
from store.errors import Conflict, LongshoreError, StoreUnavailable
from store.lifecycle import CANCEL_DEADLINE_MS, LEASE_INTERVALS
from store.maintenance import maintain
from store.models import Agent, JobRun, StorageMover
from store.queries.runs import active_run_ids, work_of
from store.resources.agents import unregister_agent
from store.resources.common import find_mover
from store.resources.handover import hand_over
from store.resources.runs import request_cancel, start_run, sweep

UPKEEP_MS: Final = 1_000
"""Between two looks at what is to be kept up, as real agents and screens do."""

REFUSED: Final = ("RunActive", "RunEnded", "AlreadyCanceling", "AgentNotReady", "AZSM1027", "RunsActive")
"""What an admin is told who does not know what another, or an agent, has just done."""

TRY_AGAIN_MS: Final = 3_000
TRIES: Final = 4

T = TypeVar("T")
Task = Callable[[Stage, int], None]


class Admins:
    """All people of a story: they start runs, stop them, and look after agents that are lost."""

    name = "admins"
    begins = 0

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._agents = {agent.key: agent for agent in scenario.agents}
        self._tasks: list[tuple[int, int, Task]] = []
        self._count = 0
        self._closing = False
        for run in scenario.runs:
            self._at(run.starts_at, partial(self._start, run, 1))
            if run.cancel_at is not None:
                self._at(run.starts_at + run.preflight_ms + run.cancel_at, partial(self._cancel, run))
        for agent in scenario.agents:
            self._look_after(agent)
        for mover, path in scenario.unmanned:
            self._at(scenario.length_ms // 2, partial(self._start_unmanned, mover, path))
        self._at(scenario.length_ms, self._close)

    def act(self, stage: Stage, now: int) -> int | None:
        """Do what is due; when to act again, None at the end of the story."""
        while self._tasks and self._tasks[0][0] <= now:
            at, number, task = heapq.heappop(self._tasks)
            try:
                task(stage, now)
            except StoreUnavailable:
                if now > self._overdue(stage):
                    self._send_home(stage, now)
                    return None
                heapq.heappush(self._tasks, (at, number, task))
                return now + stage.story_ms(500)
        return self._tasks[0][0] if self._tasks else None

    def _at(self, at: int, task: Task) -> None:
        self._count += 1
        heapq.heappush(self._tasks, (at, self._count, task))

    def _look_after(self, agent: AgentPart) -> None:
        lease = LEASE_INTERVALS * agent.heartbeat_ms
        if agent.trouble == Trouble.LOST or (agent.trouble == Trouble.STALLED and agent.trouble_ms > lease):
            self._at(agent.trouble_at + lease + 1_000, partial(self._rescue, agent))
        elif agent.trouble == Trouble.UNREGISTERED:
            self._at(agent.trouble_at, partial(self._unregister, agent, TRIES))

    def _call(
        self, stage: Stage, name: str, number: int, call: Callable[[Write], T], expected: Iterable[str] = REFUSED
    ) -> tuple[T] | None:
        """One admin's operation: what it returned, or None when it was refused."""
        try:
            who = ADMINS[number % len(ADMINS)]
            return (stage.calls.write(name, who, call, serial=True, expected=tuple(expected)),)
        except StoreUnavailable:
            raise
        except LongshoreError:
            return None

    def _start(self, part: RunPart, attempt: int, stage: Stage, now: int) -> None:
        def start(tx: Write) -> int:
            mover = find_mover(tx.session, part.mover)
            run = start_run(tx, mover, part.definition, agent_name=part.agent, copy_mode=part.copy_mode, kind=part.kind)
            # Before the commit: an agent may see the run at once.
            stage.story.playing[part.place] = part
            return run.id

        started = self._call(stage, "start_run", part.number, start, (*REFUSED, *self._not_there(stage, part)))
        if started is not None:
            stage.story.run_ids[part.number] = started[0]
            stage.wake(f"{part.mover}/{part.agent}", now + stage.story_ms(30))
            if part.started_twice:
                self._call(stage, "start_run", part.number + 1, start)
        elif attempt < TRIES and now + TRY_AGAIN_MS < self._scenario.length_ms:
            self._at(now + TRY_AGAIN_MS, partial(self._start, part, attempt + 1))

    def _not_there(self, stage: Stage, part: RunPart) -> tuple[str, ...]:
        """The chosen agent may have been unregistered, or be late in joining."""
        agent = self._agents[f"{part.mover}/{part.agent}"]
        gone = agent.trouble == Trouble.UNREGISTERED or agent.key not in stage.story.agent_ids
        return ("NoAgent", "AgentOfAnotherMover") if gone else ()

    def _start_unmanned(self, mover: str, path: str, stage: Stage, now: int) -> None:
        def start(tx: Write) -> int:
            return start_run(tx, find_mover(tx.session, mover), path).id

        self._call(stage, "start_run", 0, start, ("NoAgent",))

    def _cancel(self, part: RunPart, stage: Stage, now: int) -> None:
        run_id = stage.story.run_ids.get(part.number)
        if run_id is not None:
            self._cancel_run(stage, now, part.number, run_id)

    def _cancel_run(self, stage: Stage, now: int, number: int, run_id: int) -> None:
        def cancel(tx: Write) -> str:
            run = tx.session.get_one(JobRun, run_id)
            request_cancel(tx, run)
            return f"{tx.session.get_one(StorageMover, run.mover_id).name}/{run.agent_name}"

        answer = self._call(stage, "request_cancel", number, cancel)
        if answer is not None:
            stage.wake(answer[0], now + stage.story_ms(30))

    def _rescue(self, agent: AgentPart, stage: Stage, now: int) -> None:
        """The runs of a lost agent go to another one; where there is none, they are stopped."""
        agent_id = stage.story.agent_ids.get(agent.key)
        if agent_id is None:
            return
        other = self._stand_in(agent)
        for run_id in sorted(work_of(stage.calls.reader, agent_id)):
            if other is None:
                self._cancel_run(stage, now, agent.seed, run_id)
            else:
                self._hand_over(agent, other, run_id, TRIES, stage, now)

    def _stand_in(self, agent: AgentPart) -> AgentPart | None:
        """An agent of the same mover whom nothing befalls."""
        able = [a for a in self._scenario.agents if a.mover == agent.mover and a.trouble == Trouble.NONE]
        return able[agent.seed % len(able)] if able else None

    def _hand_over(self, agent: AgentPart, other: AgentPart, run_id: int, tries: int, stage: Stage, now: int) -> None:
        def give(tx: Write) -> None:
            hand_over(tx, find_mover(tx.session, agent.mover), tx.session.get_one(JobRun, run_id), other.name)

        if self._call(stage, "hand_over", agent.seed, give, (*REFUSED, "LeaseRuns", "SameAgent")) is not None:
            stage.wake(other.key, now + stage.story_ms(30))
        elif tries > 1:
            again = partial(self._hand_over, agent, other, run_id, tries - 1)
            self._at(now + agent.heartbeat_ms, again)

    def _unregister(self, agent: AgentPart, tries: int, stage: Stage, now: int) -> None:
        def unregister(tx: Write) -> None:
            mover = find_mover(tx.session, agent.mover)
            found = tx.session.exec(select(Agent).where(Agent.mover_id == mover.id, Agent.name == agent.name)).one()
            unregister_agent(tx, mover, found)

        if self._call(stage, "unregister", agent.seed, unregister) is None and tries > 1:
            self._at(now + TRY_AGAIN_MS * 2, partial(self._unregister, agent, tries - 1))

    def _close(self, stage: Stage, now: int) -> None:
        """The end of the story: what is active is stopped, and when all has ended the agents go home."""
        active = active_run_ids(stage.calls.reader)
        if not active or now > self._overdue(stage):
            self._send_home(stage, now)
            return
        if not self._closing:
            self._closing = True
            for run_id in active:
                self._cancel_run(stage, now, run_id, run_id)
        self._at(now + stage.story_ms(500), self._close)

    def _overdue(self, stage: Stage) -> int:
        """When the story ends, whatever is still active or cannot be asked."""
        return self._scenario.length_ms + stage.story_ms(2 * CANCEL_DEADLINE_MS)

    def _send_home(self, stage: Stage, now: int) -> None:
        stage.story.over = True
        for agent in self._scenario.agents:
            stage.wake(agent.key, now)


class Upkeep:
    """What goes on beside: cancel deadlines run out, and the store is kept in order."""

    name = "upkeep"
    begins = 0

    def act(self, stage: Stage, now: int) -> int | None:
        if stage.story.over:
            return None
        try:
            stage.calls.timed("sweep", lambda: sweep(stage.calls.store))
            stage.calls.timed("maintain", lambda: maintain(stage.calls.store))
        except (Conflict, StoreUnavailable):
            # Counted by the call; the next round tries again.
            return now + stage.story_ms(UPKEEP_MS)
        return now + stage.story_ms(UPKEEP_MS)
