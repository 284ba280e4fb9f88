"""The control loop: heartbeat, claim, supervise. It never touches a user's path (fault F26).

One thread waits on everything together: a change in the store, a message of a worker, a signal,
and the next heartbeat. Workers do the copying; a mount that hangs stops a worker, never this loop.
"""

from __future__ import annotations

import contextlib
import logging
import os
import random
import selectors
import signal
import socket
import time
from pathlib import Path

from agentsim.endpoint_tests import EndpointTests, HeldTest
from agentsim.engine.errors import signal_name
from agentsim.held_run import HeldRun, boot_time, safe_deadline, shown_progress
from agentsim.retry import next_delay, was_killed
from agentsim.worker_process import WorkerProcess
from store import codes
from store.db import Store
from store.display import display
from store.errors import LeaseLost, StoreUnavailable
from store.execution import claims
from store.execution.trust import AgentIdentity, disconnect_agent
from store.maintenance import maintain
from store.queries.runs import work_of
from store.reader import Reader
from store.vocabulary import JobRunStatus
from store.watch import Watch

MAX_RUNS = 4
"""Runs that one agent works on at the same time; further ones wait in Queued."""

STORE_RETRY_SECONDS = 0.5
ABORTED = "AZSM1045"
"""Job aborted while running: its worker died again and again."""

PLAN_GONE = {
    "status": JobRunStatus.FAILED.value,
    "code": codes.PLAN_INCOMPLETE,
    "message": "The preview that this run was to carry out is there no more",
}
"""How a run ends whose plan was pruned before an agent took it."""

log = logging.getLogger("longshore.agent")


class Agent:
    """A connected agent. :meth:`run` returns when it is told to stop, or with ``once`` when idle."""

    def __init__(
        self, store: Store, identity: AgentIdentity, state: Path, *, helpers: int, max_runs: int = MAX_RUNS
    ) -> None:
        self._store = store
        self._identity = identity
        self._state = state
        self._helpers = helpers
        self._max_runs = max_runs
        self._actor = f"agent/{identity.name}"
        self._held: dict[int, HeldRun] = {}
        self._reader: Reader | None = None
        self._opened = store.place.identity
        self._selector = selectors.DefaultSelector()
        self._tests = EndpointTests(store, identity, state, self._selector)
        self._wake_in, self._wake_out = socket.socketpair()
        self._stopping = False
        self._look_for_work = True
        self._next_beat = 0.0
        self._retry_store_at: float | None = None
        self._trouble = ""
        self._failures = 0
        self._began = time.monotonic()

    def run(self, *, once: bool = False) -> None:
        """Work until SIGTERM or SIGINT, or with ``once`` until no run waits.

        Raises:
            TrustRefused: the agent was unregistered, or another process took its place.
        """
        for end in (self._wake_in, self._wake_out):
            end.setblocking(False)
        self._selector.register(self._wake_out, selectors.EVENT_READ)
        previous = {s: signal.signal(s, self._on_signal) for s in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
        wake_fd = signal.set_wakeup_fd(self._wake_in.fileno(), warn_on_full_buffer=False)
        watch = Watch(self._store.place, self._wake, agent_id=self._identity.agent_id)
        watch.start()
        try:
            while not self._stopping:
                self._turn()
                if once and not self._held and not self._look_for_work and self._tests.idle:
                    break
            self._say_goodbye()
        finally:
            watch.stop()
            for held in list(self._held.values()):
                self._drop(held)
            self._tests.close()
            signal.set_wakeup_fd(wake_fd)
            for number, handler in previous.items():
                signal.signal(number, handler)
            self._close_reader()
            self._selector.close()

    def _turn(self) -> None:
        """One wait, and all that is due after it. A store that is away is waited for, not died of."""
        woken = self._wait()
        try:
            if self._retry_store_at is None or time.monotonic() >= self._retry_store_at:
                self._retry_store_at = None
                self._follow_store()
                # A wake-up that was lost costs a heartbeat, no more.
                beaten = self._beat_if_due()
                for held in list(self._held.values()):
                    self._work_off(held)
                    if held.wants_plan:
                        held.send_plan(self._reading())
                self._tests.work_off()
                if woken or beaten or self._look_for_work or self._tests.look_again:
                    self._look()
                self._restart_due()
                self._store_answers()
        except StoreUnavailable as error:
            if error.code == "StoreLoginRefused":
                # It was unregistered while it was away: on an embedded store it would be told so.
                raise
            self._store_is_away(error)

    def _store_answers(self) -> None:
        if self._trouble:
            log.info("the store answers again")
        self._trouble, self._failures = "", 0

    def _store_is_away(self, error: StoreUnavailable) -> None:
        """Say so once, and when to ask again: seldom enough that a fleet does not storm a server that starts."""
        if error.sentence != self._trouble:
            log.warning("%s", display(error.sentence))
        self._trouble = error.sentence
        pause = min(
            STORE_RETRY_SECONDS * 2**self._failures, max(STORE_RETRY_SECONDS, self._identity.heartbeat_ms / 1000)
        )
        self._failures = min(self._failures + 1, 10)
        self._retry_store_at = time.monotonic() + pause * random.uniform(0.75, 1.0)

    def _wait(self) -> bool:
        """Sleep until something happens; whether the store has changed."""
        now = time.monotonic()
        due = [self._next_beat, *(h.restart_at for h in self._held.values() if h.restart_at is not None)]
        due += self._tests.due
        if self._retry_store_at is not None:
            due = [self._retry_store_at]
        if any(h.backlog or h.wants_plan for h in self._held.values()) and self._retry_store_at is None:
            due.append(now)
        self._listen_for_room()
        woken = False
        for key, events in self._selector.select(max(0.0, min(due) - now)):
            if key.fileobj is self._wake_out:
                self._wake_out.recv(4096)
                woken = True
            elif isinstance(key.data, HeldRun):
                if events & selectors.EVENT_WRITE and key.data.worker is not None:
                    key.data.worker.flush()
                if events & selectors.EVENT_READ and self._retry_store_at is None:
                    self._receive(key.data)
            elif isinstance(key.data, HeldTest):
                self._tests.receive(key.data)
        if self._retry_store_at is not None and not woken:
            # Workers go unread while the store is away: their pipes fill and hold them back.
            time.sleep(min(0.05, max(0.0, self._retry_store_at - time.monotonic())))
        return woken

    def _listen_for_room(self) -> None:
        """Wait for room in the channels of those workers alone that have not taken all that was sent."""
        for key in list(self._selector.get_map().values()):
            if isinstance(key.data, HeldRun) and key.data.worker is not None:
                full = key.data.worker.channel.has_outgoing
                events = selectors.EVENT_READ | (selectors.EVENT_WRITE if full else 0)
                if key.events != events:
                    self._selector.modify(key.fileobj, events, key.data)

    def _follow_store(self) -> None:
        """A store that was put in another's place is opened anew: writing into the old file would be lost, and where
        there is none a write would make one. On a server only the reader's connection can be lost."""
        found = self._store.place.identity
        if found != self._opened:
            self._store.engine.dispose()
            self._close_reader()
            self._reading()
            self._opened = found
            self._look_for_work = True
        elif self._reader is not None and self._reader.replaced():
            self._close_reader()

    def _close_reader(self) -> None:
        if self._reader is not None:
            self._reader.close()
        self._reader = None

    def _reading(self) -> Reader:
        """The reader, opened anew when the store was away."""
        if self._reader is None:
            self._reader = Reader(self._store.place)
        return self._reader

    def _beat_if_due(self) -> bool:
        """Send a heartbeat when it is time for one; whether it was."""
        now = time.monotonic()
        if now < self._next_beat:
            return False
        before = boot_time()
        held = [run.claim for run in self._held.values()]
        with self._store.write(self._actor, serial=False) as tx:
            statuses, lost = claims.beat(tx, self._identity, held, uptime_in_seconds=int(now - self._began))
        self._next_beat = now + self._identity.heartbeat_ms / 1000
        for run_id in lost:
            self._lose(self._held[run_id])
        for run_id, status in statuses.items():
            self._renewed(self._held[run_id], before, status)
        if self._store.dialect == "sqlite":
            # On a server it is the admins' to do, and asking would cost every heartbeat of every agent.
            maintain(self._store)
        return True

    def _look(self) -> None:
        """Something changed: learn of cancels, of runs taken away, and of runs and tests that wait."""
        self._tests.look(self._reading())
        work = work_of(self._reading(), self._identity.agent_id)
        for run_id, held in list(self._held.items()):
            if run_id not in work:
                self._lose(held)
            elif work[run_id] in claims.CANCEL_STATUSES:
                self._cancel(held)
        self._look_for_work = False
        while len(self._held) < self._max_runs and set(work) - set(self._held):
            before = boot_time()
            with self._store.write(self._actor, serial=False) as tx:
                claim = claims.claim_run(tx, self._identity, [held.claim for held in self._held.values()])
            if claim is None:
                # Somebody is just writing what waits: it is looked at again.
                self._look_for_work = True
                break
            log.info("%s: claimed with fence %d", claim.label, claim.fence)
            held = HeldRun(claim, safe_deadline(before, self._identity.heartbeat_ms))
            self._held[claim.run_id] = held
            self._start_worker(held)

    def _start_worker(self, held: HeldRun) -> None:
        held.restart_at = None
        held.progressed = False
        if held.claim.planned and held.claim.plan_run_id is None:
            held.backlog.append(("done", PLAN_GONE))
            return
        held.worker = WorkerProcess(("order", held.order(self._helpers).to_message()), self._state)
        held.plan_after = 0 if held.claim.planned else None
        self._selector.register(held.worker.channel, selectors.EVENT_READ, held)

    def _receive(self, held: HeldRun) -> None:
        """Take one message of a worker, or learn of its end; the store hears of it in ``_work_off``."""
        if held.worker is None:
            return
        try:
            message = held.worker.channel.recv_nowait()
        except BlockingIOError:
            return
        if message is None:
            self._selector.unregister(held.worker.channel)
            held.backlog.append(("end",))
        else:
            held.backlog.append(message)

    def _work_off(self, held: HeldRun) -> None:
        """Tell the store what a worker said, in order; what the store does not take stays first."""
        try:
            while held.backlog and held.claim.run_id in self._held:
                self._tell_store(held, held.backlog[0])
                held.backlog.popleft()
                held.uncertain = False
        except StoreUnavailable:
            # A commit whose answer is lost may have been made.
            held.uncertain = True
            raise
        except LeaseLost as error:
            log.warning("%s", display(error.sentence))
            self._lose(held)

    def _tell_store(self, held: HeldRun, message: tuple[object, ...]) -> None:
        match message:
            case ("log", str(level), str(text)):
                log.log(
                    logging.getLevelNamesMapping().get(level.upper(), logging.INFO), "%s: %s", held.claim.label, text
                )
            case ("started", dict(facts)):
                with self._store.write(self._actor, serial=False) as tx:
                    claims.report_started(tx, self._identity, held.claim, str(facts["source_identity"]))
            case ("progress", dict(numbers)):
                held.progressed = held.progressed or numbers.get("items_transferred", 0) > 0
                before = boot_time()
                with self._store.write(self._actor, serial=False) as tx:
                    status = claims.report_progress(tx, self._identity, held.claim, shown_progress(numbers))
                self._renewed(held, before, status)
            case ("items", list(items)):
                with self._store.write(self._actor, serial=False) as tx:
                    claims.report_items(tx, self._identity, held.claim, items, again=held.uncertain)
            case ("report", int(items), bytes(data)):
                with self._store.write(self._actor, serial=False) as tx:
                    claims.report_chunk(tx, self._identity, held.claim, items, data, again=held.uncertain)
            case ("done", dict(result)):
                self._finish(held, result)
            case ("end",):
                self._died(held)
            case _:
                log.warning("%s: a message that is not understood: %r", held.claim.label, message[:1])

    def _renewed(self, held: HeldRun, before: float, status: JobRunStatus) -> None:
        held.lease_deadline = safe_deadline(before, self._identity.heartbeat_ms)
        if held.worker is not None:
            held.worker.renew(held.lease_deadline)
        if status in claims.CANCEL_STATUSES:
            self._cancel(held)

    def _cancel(self, held: HeldRun) -> None:
        if held.canceling:
            return
        try:
            with self._store.write(self._actor, serial=False) as tx:
                claims.acknowledge_cancel(tx, self._identity, held.claim)
        except LeaseLost:
            self._lose(held)
            return
        held.canceling = True
        log.info("%s: canceling", held.claim.label)
        if held.worker is not None:
            held.worker.cancel()

    def _finish(self, held: HeldRun, result: dict[str, str]) -> None:
        with self._store.write(self._actor, serial=False) as tx:
            status = claims.finish_run(
                tx,
                self._identity,
                held.claim,
                JobRunStatus(result["status"]),
                code=result.get("code", ""),
                message=result.get("message", ""),
                target=result.get("target", ""),
            )
        log.info("%s: %s %s", held.claim.label, status, result.get("message", ""))
        self._drop(held)

    def _died(self, held: HeldRun) -> None:
        """The worker is gone without a result: start another under a higher fence, or give up."""
        assert held.worker is not None
        # Its own end first, for the cause; then whatever of its group is left.
        code = held.worker.reap()
        held.worker.kill()
        words = display(held.worker.last_words(), 300)
        why = f"its worker was killed by {signal_name(-code)}" if code is not None and code < 0 else "its worker failed"
        why += f" ({words})" if words else ""
        if held.progressed:
            held.deaths = held.crashes = 0
        held.deaths += 1
        held.crashes += not was_killed(code)
        delay = next_delay(held.deaths, held.crashes)
        if delay is None:
            message = f"Given up after {held.deaths} attempts: {why}."
            with self._store.write(self._actor, serial=False) as tx:
                claims.finish_run(
                    tx, self._identity, held.claim, JobRunStatus.FAILED, code=ABORTED, message=message, target=""
                )
            log.error("%s: %s", held.claim.label, message)
            self._drop(held)
            return
        with self._store.write(self._actor, serial=False) as tx:
            claim = claims.reclaim_run(tx, self._identity, held.claim, why)
        log.warning("%s: %s", held.claim.label, why)
        if claim is None:
            self._drop(held)
            return
        self._close_worker(held)
        held.claim = claim
        held.restart_at = time.monotonic() + delay

    def _restart_due(self) -> None:
        now = time.monotonic()
        for held in list(self._held.values()):
            if held.restart_at is not None and now >= held.restart_at:
                if held.canceling:
                    with contextlib.suppress(LeaseLost), self._store.write(self._actor, serial=False) as tx:
                        claims.reclaim_run(tx, self._identity, held.claim, "it was canceled between two attempts")
                    self._drop(held)
                else:
                    self._start_worker(held)

    def _lose(self, held: HeldRun) -> None:
        """A run is not to be worked on any more. Its worker ends first: then the run may be told to have ended."""
        self._close_worker(held)
        held.backlog.clear()
        with self._store.write(self._actor, serial=False) as tx:
            ungranted = claims.end_ungranted(tx, self._identity, held.claim)
        why = "its access grant has ended" if ungranted else "no longer this agent's"
        log.warning("%s: %s; its worker was stopped", held.claim.label, why)
        self._drop(held)

    def _drop(self, held: HeldRun) -> None:
        """Let go of a run: whatever still works on it ends now."""
        self._close_worker(held)
        self._held.pop(held.claim.run_id, None)
        self._look_for_work = True

    def _close_worker(self, held: HeldRun) -> None:
        if held.worker is None:
            return
        if self._selector.get_map().get(held.worker.channel.fileno()) is not None:
            self._selector.unregister(held.worker.channel)
        held.worker.kill()
        held.worker.reap()
        held.worker.close()
        held.worker = None

    def _say_goodbye(self) -> None:
        try:
            with self._store.write(self._actor, serial=False) as tx:
                disconnect_agent(tx, self._identity)
        except StoreUnavailable as error:
            log.warning("%s", display(error.sentence))

    def _wake(self) -> None:
        # A full socket means that a wake-up is pending already.
        try:
            self._wake_in.send(b"\0")
        except (BlockingIOError, OSError):
            return

    def _on_signal(self, number: int, frame: object) -> None:
        self._stopping = True


def default_helpers() -> int:
    """Two copying processes for each run are best on two cores; more cores carry more (measurements-copy)."""
    return max(2, min(8, os.cpu_count() or 2))
