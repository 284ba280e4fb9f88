"""Who is next: the actors of a story in the order of their times, for one thread or several."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from agentsim.simulate.stage import Stage

POLL_SECONDS: Final = 0.5
"""How long a thread waits at most before it looks whether the story was stopped."""


class Actor(Protocol):
    """Somebody in a story. One thread at a time lets it act, so that its calls are in order."""

    @property
    def name(self) -> str: ...

    @property
    def begins(self) -> int:
        """When it acts first, story time."""

    def act(self, stage: Stage, now: int) -> int | None:
        """Do what is due at a time of the story; when to act again, None when there is no more to do."""


class Schedule:
    """The actors that wait for their time. Safe for several threads.

    Args:
        actors: all of them, by names that differ.
    """

    def __init__(self, actors: Sequence[Actor]) -> None:
        self._actors = {actor.name: actor for actor in actors}
        self._due = {actor.name: actor.begins for actor in actors}
        self._order = {actor.name: number for number, actor in enumerate(actors)}
        self._heap = [(actor.begins, self._order[actor.name], actor.name) for actor in actors]
        heapq.heapify(self._heap)
        self._acting: set[str] = set()
        self._woken: dict[str, int] = {}
        self._changed = threading.Condition()
        self._stopped = False

    @property
    def over(self) -> bool:
        """Whether nobody waits and nobody acts any more."""
        with self._changed:
            return self._stopped or not (self._due or self._acting)

    def next(self) -> tuple[int, Actor] | None:
        """Take the next actor out, whenever its time is; None at the end. For a virtual clock."""
        with self._changed:
            return self._take() if self._next_due() is not None else None

    def wait(self, now: Callable[[], int], seconds: Callable[[int], float]) -> tuple[int, Actor] | None:
        """Take the next actor out when its time has come; None at the end.

        Args:
            now: story time.
            seconds: how long so many milliseconds of the story take.
        """
        with self._changed:
            while not self._stopped and (self._due or self._acting):
                due = self._next_due()
                early = POLL_SECONDS if due is None else seconds(due - now())
                if early <= 0:
                    return self._take()
                self._changed.wait(min(early, POLL_SECONDS))
            self._changed.notify_all()
            return None

    def put_back(self, actor: Actor, due: int | None) -> None:
        """An actor has acted and wants to again, or has no more to do (None)."""
        with self._changed:
            self._acting.discard(actor.name)
            woken = self._woken.pop(actor.name, None)
            if due is not None:
                self._push(actor.name, due if woken is None else min(due, woken))
            self._changed.notify()

    def wake(self, name: str, at: int) -> None:
        """Let an actor act at a time, if it would only later; one that is no more is left alone."""
        with self._changed:
            if name in self._acting:
                self._woken[name] = min(at, self._woken.get(name, at))
            elif at < self._due.get(name, at):
                self._push(name, at)
                self._changed.notify()

    def stop(self) -> None:
        """End the story for every thread, as soon as its actor has acted."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def _push(self, name: str, due: int) -> None:
        self._due[name] = due
        heapq.heappush(self._heap, (due, self._order[name], name))

    def _next_due(self) -> int | None:
        """When the next one is due; entries that an earlier wake-up has overtaken are dropped."""
        while self._heap:
            due, _, name = self._heap[0]
            if self._due.get(name) == due:
                return due
            heapq.heappop(self._heap)
        return None

    def _take(self) -> tuple[int, Actor]:
        due, _, name = heapq.heappop(self._heap)
        del self._due[name]
        self._acting.add(name)
        return due, self._actors[name]
