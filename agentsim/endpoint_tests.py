"""Tests of endpoints that this agent makes for an admin: each in a process of its own, within a minute.

A place that hangs stops that process and nothing else. The test in the store is the agent's grant: when it ends
there, whoever still works on it is killed.
"""

from __future__ import annotations

import logging
import selectors
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from agentsim.held_run import boot_time
from agentsim.worker_process import WorkerProcess
from store import codes
from store.db import Store
from store.display import display
from store.execution.endpoint_tests import Trial, report_steps, take_test
from store.execution.trust import AgentIdentity
from store.queries.endpoint_tests import open_tests
from store.reader import Reader
from store.vocabulary import EndpointTestStatus

MAX_TESTS: Final = 4
"""Tests that one agent makes at the same time; further ones wait."""

TEST_SECONDS: Final = 60.0
"""How long a test may take: what takes longer does not answer."""

STEPS: Final = ("reach", "authenticate", "list", "write", "read", "delete")

log = logging.getLogger("longshore.agent")


@dataclass
class HeldTest:
    """One test in the hands of this agent."""

    trial: Trial
    worker: WorkerProcess
    kill_at: float
    """When it has taken too long, monotonic seconds."""
    steps: list[dict[str, Any]] = field(default_factory=list)
    outcome: EndpointTestStatus | None = None
    untold: bool = False
    """Whether there is something that the store does not know yet."""

    @property
    def label(self) -> str:
        return f"test of '{display(str(self.trial.properties['name']))}'"

    def receive(self) -> bool:
        """Take what the worker said; False when its channel is at its end."""
        try:
            message = self.worker.channel.recv_nowait()
        except BlockingIOError:
            return True
        match message:
            case ("step", dict(step)):
                self.steps.append(step)
                self.untold = True
            case ("done", _):
                fine = bool(self.steps) and all(step["ok"] for step in self.steps)
                self._end(EndpointTestStatus.SUCCEEDED if fine else EndpointTestStatus.FAILED)
            case None:
                if self.outcome is None:
                    words = display(self.worker.last_words(), 300)
                    self.fail(codes.ITEM_FAILED, f"Its worker failed{f' ({words})' if words else ''}")
                return False
        return True

    def fail(self, code: str, message: str) -> None:
        """End it with a step that nothing was heard of."""
        name = STEPS[min(len(self.steps), len(STEPS) - 1)]
        took = round((TEST_SECONDS - max(0.0, self.kill_at - time.monotonic())) * 1000)
        took = max(0, took - sum(int(step["milliseconds"]) for step in self.steps))
        self.steps.append({"name": name, "ok": False, "code": code, "message": message, "milliseconds": took})
        self._end(EndpointTestStatus.FAILED)

    def _end(self, outcome: EndpointTestStatus) -> None:
        if self.outcome is None:
            self.outcome = outcome
            self.untold = True


class EndpointTests:
    """All tests of one agent. Used from its one thread; the store may be away in any call, and then nothing is lost."""

    def __init__(self, store: Store, identity: AgentIdentity, state: Path, selector: selectors.BaseSelector) -> None:
        self._store = store
        self._identity = identity
        self._state = state
        self._selector = selector
        self._held: dict[int, HeldTest] = {}
        self.look_again = False
        """Whether there may be another test to take although nothing has changed."""

    @property
    def idle(self) -> bool:
        return not self._held and not self.look_again

    @property
    def due(self) -> list[float]:
        """The moments at which something is to be done, monotonic seconds."""
        return [0.0 if held.untold else held.kill_at for held in self._held.values()]

    def look(self, reader: Reader) -> None:
        """Take the tests that wait, and let go of those that were ended.

        Raises:
            StoreUnavailable: the store cannot be used now.
        """
        self.look_again = False
        found = open_tests(reader, self._identity.agent_id)
        for test_id in self._held.keys() - found.keys():
            log.info("%s: it was ended", self._held[test_id].label)
            self._drop(test_id)
        for test_id, status in found.items():
            if status == EndpointTestStatus.QUEUED and test_id not in self._held and len(self._held) < MAX_TESTS:
                self._take(test_id)

    def receive(self, held: HeldTest) -> None:
        """A worker's channel can be read; the store hears of it in :meth:`work_off`."""
        if not held.receive():
            self._selector.unregister(held.worker.channel)

    def work_off(self) -> None:
        """End what takes too long, and tell the store what it does not know yet.

        Raises:
            StoreUnavailable: the store cannot be used now; it is told later.
        """
        now = time.monotonic()
        for test_id, held in list(self._held.items()):
            if held.outcome is None and now >= held.kill_at:
                held.worker.kill()
                code = codes.TARGET_UNREACHABLE if held.trial.writes else codes.SOURCE_UNREACHABLE
                held.fail(code, f"No answer within {TEST_SECONDS:.0f} s: the mount or the server does not answer")
            if held.untold:
                with self._store.write(f"agent/{self._identity.name}", serial=False) as tx:
                    granted = report_steps(tx, self._identity, test_id, held.steps, held.outcome)
                held.untold = False
                if not granted:
                    log.info("%s: %s", held.label, held.outcome or "it was ended")
                    self._drop(test_id)

    def close(self) -> None:
        """End them all; the store ends what is left of them in its time."""
        for test_id in list(self._held):
            self._drop(test_id)

    def _take(self, test_id: int) -> None:
        before = boot_time()
        with self._store.write(f"agent/{self._identity.name}", serial=False) as tx:
            trial = take_test(tx, self._identity, test_id)
        if trial is None:
            return
        seconds = min(TEST_SECONDS, trial.remaining_ms / 1000)
        errand = {"properties": dict(trial.properties), "writes": trial.writes, "deadline": before + seconds}
        worker = WorkerProcess(("test", errand), self._state)
        held = HeldTest(trial, worker, time.monotonic() + seconds)
        self._held[test_id] = held
        self._selector.register(worker.channel, selectors.EVENT_READ, held)
        log.info("%s: begun", held.label)

    def _drop(self, test_id: int) -> None:
        worker = self._held.pop(test_id).worker
        if self._selector.get_map().get(worker.channel.fileno()) is not None:
            self._selector.unregister(worker.channel)
        worker.kill()
        worker.reap()
        worker.close()
        self.look_again = True
