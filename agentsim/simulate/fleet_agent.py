"""A simulated agent: the calls of the control loop (``agentsim.agent``), without workers and without data."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Final, TypeVar

from agentsim.engine.verdict import Verdict, ended
from agentsim.simulate.held_work import HeldWork
from agentsim.simulate.parts import AgentPart, Trouble
from agentsim.simulate.stage import Stage
from agentsim.simulate.words import ADMINS
from agentsim.simulate.work import NOTHING
from store.db import Write
from store.errors import LeaseLost, LongshoreError, StoreUnavailable, TrustRefused
from store.execution import claims
from store.execution.trust import AgentIdentity, connect_agent, disconnect_agent, make_token, register_agent
from store.queries.runs import work_of
from store.resources.common import find_mover
from store.vocabulary import JobRunStatus

RETRY_MS: Final = 500
"""A store that is away is asked again after this, as by a real agent."""

REPORT_MS: Final = 500
"""Between two reports of a run's progress, as a real worker makes them."""

MAX_RUNS: Final = 4
"""Runs that one agent works on at the same time, as a real one."""

JITTER: Final = 0.05
"""A heartbeat is up to this share of its interval early: hosts are never in step."""

T = TypeVar("T")


class FleetAgent:
    """One agent of the fleet. :meth:`act` does what is due and says when it wants to act again."""

    def __init__(self, part: AgentPart) -> None:
        self.part = part
        self._random = Random(part.seed)
        self._actor = f"agent/{part.name}"
        self._credential = ""
        self._identity: AgentIdentity | None = None
        self._host_key = part.host_key
        self._held: dict[int, HeldWork] = {}
        self._next_beat = 0
        self._due: int | None = 0
        """When it wanted to act next; whoever has it act earlier has something for it."""
        self._troubled = part.trouble == Trouble.NONE
        self._away_until = 0
        """Until when it neither hears nor says anything."""
        self._frozen = False
        """Whether it has been away: what it held may be another's."""
        self._moving = False
        """Whether its copy comes up on another host when it acts next."""
        self._restart_at: int | None = None

    @property
    def name(self) -> str:
        return self.part.key

    @property
    def begins(self) -> int:
        return self.part.joins_at

    def act(self, stage: Stage, now: int) -> int | None:
        """Do what is due; the story's time of the next act, or None when there is none.

        Args:
            stage: the calls of this thread.
            now: the story's time.
        """
        if now < self._away_until:
            # Who is still frozen when all others go home stays so.
            return None if stage.story.over else self._away_until
        try:
            self._due = self._act(stage, now)
            return self._due
        except StoreUnavailable:
            # What was to be told stays first; the next act begins with it.
            return None if stage.story.over else now + stage.story_ms(RETRY_MS)
        except TrustRefused:
            # Counted by the call that was refused: a process whose identity is worth nothing ends.
            return None
        except LongshoreError:
            # Counted too, and never part of the story: whatever it was is tried again.
            return None if stage.story.over else now + self.part.heartbeat_ms

    def _act(self, stage: Stage, now: int) -> int | None:
        if self._identity is None:
            self._come_online(stage, now)
        if self._moving:
            self._move(stage)
        if stage.story.over:
            self._call(stage, "disconnect", disconnect_agent)
            return None
        if self._restart_at is not None and now >= self._restart_at:
            # The copy was stopped: its owner starts the right process again.
            self._restart_at = None
            self._call(stage, "disconnect", disconnect_agent)
            self._forget()
            return now + stage.story_ms(200)
        if not self._troubled and now >= self.part.trouble_at:
            self._troubled = True
            following = self._suffer(stage, now)
            if following is None or following > now:
                self._away_until = following or 0
                return following
        if now >= self._next_beat:
            self._beat(stage, now)
            self._look(stage, now)
            pace = self.part.heartbeat_ms / (1 + self.part.drift) * (1 - JITTER * self._random.random())
            self._next_beat = now + round(pace)
        elif self._due is not None and now < self._due:
            self._look(stage, now)
        for held in list(self._held.values()):
            self._go_on(stage, now, held)
        due = [self._next_beat, *(held.due for held in self._held.values())]
        if self._restart_at is not None:
            due.append(self._restart_at)
        if not self._troubled:
            due.append(max(self.part.trouble_at, now + 1))
        return min(due)

    # Trust.

    def _come_online(self, stage: Stage, now: int) -> None:
        part = self.part
        if not self._credential:
            admin = ADMINS[part.seed % len(ADMINS)]
            token = stage.calls.write(
                "make_token", admin, lambda tx: make_token(tx, find_mover(tx.session, part.mover)), serial=True
            )
            _, agent, self._credential = stage.calls.write(
                "register", self._actor, lambda tx: register_agent(tx, token, part.name, part.facts)
            )
            stage.story.agent_ids[part.key] = agent.id
        self._identity = self._connect(stage, self._host_key)
        # Not in step with those who joined at the same time.
        self._next_beat = now + round(part.heartbeat_ms * self._random.random())

    def _connect(self, stage: Stage, host_key: str, *, expected: tuple[str, ...] = ()) -> AgentIdentity:
        part = self.part

        def connect() -> AgentIdentity:
            return connect_agent(
                stage.calls.store,
                part.mover,
                part.name,
                self._credential,
                host_key=host_key,
                heartbeat_ms=stage.store_ms(part.heartbeat_ms),
                facts=part.facts,
            )

        return stage.calls.timed("connect", connect, expected=(*expected, *self._trust_codes()))

    def _forget(self) -> None:
        """The process is gone, and with it what it held."""
        self._held.clear()
        self._identity = None

    # Trouble.

    def _suffer(self, stage: Stage, now: int) -> int | None:
        """What befalls this agent now; when it acts again, None if it never does, ``now`` to go on at once."""
        part = self.part
        match part.trouble:
            case Trouble.LOST:
                return None
            case Trouble.CRASHED:
                self._forget()
                return now + part.trouble_ms
            case Trouble.STALLED:
                self._frozen = True
                return now + part.trouble_ms
            case Trouble.DUPLICATED:
                try:
                    self._connect(stage, f"{part.host_key}:copy", expected=("DuplicateIdentity",))
                except TrustRefused:
                    self._restart_at = now + part.trouble_ms
                return now
            case Trouble.MOVED:
                self._moving = self._frozen = True
                return now + part.trouble_ms
            case _:
                return now

    def _move(self, stage: Stage) -> None:
        """The copy takes the place of this process, which wakes once more, finds so, and ends."""
        self._moving = False
        frozen, held = self._identity, [work.claim for work in self._held.values()]
        assert frozen is not None
        self._host_key = f"{self.part.host_key}:copy"
        self._forget()
        self._identity = self._connect(stage, self._host_key)
        with contextlib.suppress(TrustRefused):
            stage.calls.write(
                "beat",
                self._actor,
                lambda tx: claims.beat(tx, frozen, held, uptime_in_seconds=0),
                expected=("Superseded",),
            )

    def _trust_codes(self) -> tuple[str, ...]:
        """Refusals of this process's identity that the story brings about."""
        return ("AgentUnknown",) if self.part.trouble == Trouble.UNREGISTERED else ()

    # Heartbeats and runs.

    def _call(self, stage: Stage, name: str, function: Callable[[Write, AgentIdentity], T]) -> T:
        identity = self._identity
        assert identity is not None
        return stage.calls.write(name, self._actor, lambda tx: function(tx, identity), expected=self._trust_codes())

    def _uptime(self, now: int) -> int:
        """As this host's clock has it: the store keeps it, and decides nothing by it."""
        stepped = self.part.clock_step_ms if now > self.part.joins_at + 60_000 else 0
        elapsed = (now - self.part.joins_at) * (1 + self.part.drift)
        return max(0, int(elapsed + stepped) // 1000)

    def _beat(self, stage: Stage, now: int) -> None:
        held = [work.claim for work in self._held.values()]
        uptime = self._uptime(now)
        statuses, lost = self._call(stage, "beat", lambda tx, who: claims.beat(tx, who, held, uptime_in_seconds=uptime))
        for run_id in lost:
            self._drop(run_id)
        for run_id, status in statuses.items():
            self._hear(stage, now, self._held[run_id], status)

    def _look(self, stage: Stage, now: int) -> None:
        """Learn of runs that wait, were taken away, or are to be canceled."""
        identity = self._identity
        assert identity is not None
        work = stage.calls.timed("look", lambda: work_of(stage.calls.reader, identity.agent_id))
        for run_id, held in list(self._held.items()):
            if run_id not in work:
                self._drop(run_id)
            else:
                self._hear(stage, now, held, work[run_id])
        while len(self._held) < MAX_RUNS and set(work) - set(self._held):
            mine = [held.claim for held in self._held.values()]
            claim = self._call(stage, "claim", partial(claims.claim_run, held=mine))
            if claim is None:
                break
            part = stage.story.playing[self.part.mover, claim.label.rpartition("#")[0]]
            before = stage.story.work.get(claim.run_id)
            self._hold(stage, HeldWork(part, claim, before.done if before else NOTHING, now))

    def _hold(self, stage: Stage, held: HeldWork) -> None:
        self._held[held.claim.run_id] = stage.story.work[held.claim.run_id] = held

    def _drop(self, run_id: int) -> None:
        self._held.pop(run_id, None)

    def _hear(self, stage: Stage, now: int, held: HeldWork, status: JobRunStatus) -> None:
        """The store says how a run stands: a cancel is acknowledged, unless the worker hangs."""
        if status not in claims.CANCEL_STATUSES or held.canceling:
            return
        if held.part.deaf:
            held.hang()
        elif self._tell(stage, "acknowledge_cancel", held, claims.acknowledge_cancel) is not None:
            held.cancel(now)

    def _tell(
        self,
        stage: Stage,
        name: str,
        held: HeldWork,
        function: Callable[[Write, AgentIdentity, claims.Claim], T],
    ) -> tuple[T] | None:
        """One call about a run: what it returned, or None when the run is another's by now and was let go."""
        expected = ("LeaseLost",) if self._frozen else ()
        identity = self._identity
        assert identity is not None
        try:
            answer = stage.calls.write(
                name,
                self._actor,
                lambda tx: function(tx, identity, held.claim),
                expected=(*expected, *self._trust_codes()),
            )
        except LeaseLost:
            self._drop(held.claim.run_id)
            return None
        return (answer,)

    def _go_on(self, stage: Stage, now: int, held: HeldWork) -> None:
        """The next that a run has to tell, if it is time."""
        if now < held.due or held.claim.run_id not in self._held:
            return
        share = held.share(now)
        if held.canceling:
            self._finish(stage, held, ended(JobRunStatus.CANCELED, "", "Canceled by request"))
        elif held.part.failure is not None and share >= held.part.fails_at:
            self._finish(stage, held, held.part.failure)
        elif not held.started:
            source = f"simulated {held.claim.source['name']}/{held.claim.source_subpath}"
            if self._tell(
                stage, "report_started", held, lambda tx, who, claim: claims.report_started(tx, who, claim, source)
            ):
                held.start(now)
        elif held.worker_dies(share):
            self._restart_worker(stage, now, held, share)
        else:
            self._report(stage, now, held, share)

    def _report(self, stage: Stage, now: int, held: HeldWork, share: float) -> None:
        """Progress, the items that came since, and at the end all the rest."""
        numbers = held.attempt.numbers(share)
        answer = self._tell(
            stage, "report_progress", held, lambda tx, who, claim: claims.report_progress(tx, who, claim, numbers)
        )
        if answer is None:
            return
        held.told(now, share, stage.story_ms(REPORT_MS))
        items = held.attempt.untold_items(share)
        if items:
            if not self._tell(
                stage, "report_items", held, lambda tx, who, claim: claims.report_items(tx, who, claim, items)
            ):
                return
            held.attempt.told_items(len(items))
        if share < 1:
            self._hear(stage, now, held, answer[0])
        elif self._report_all(stage, held):
            self._finish(stage, held, held.attempt.verdict())

    def _report_all(self, stage: Stage, held: HeldWork) -> bool:
        """The full report, where one is wanted; whether the run is still this agent's."""
        if held.claim.report and not held.reported:
            lines, data = held.attempt.report(held.claim.fence)
            if not self._tell(
                stage, "report_chunk", held, lambda tx, who, claim: claims.report_chunk(tx, who, claim, lines, data)
            ):
                return False
            held.reported = True
        return True

    def _restart_worker(self, stage: Stage, now: int, held: HeldWork, share: float) -> None:
        """Its worker died: another one goes on under a higher fence, unless it was canceled meanwhile."""
        why = "its worker was killed by SIGKILL"
        answer = self._tell(stage, "reclaim", held, lambda tx, who, claim: claims.reclaim_run(tx, who, claim, why))
        if answer is None:
            return
        self._drop(held.claim.run_id)
        if answer[0] is not None:
            again = HeldWork(held.part, answer[0], held.attempt.done(share), now)
            again.has_died = True
            self._hold(stage, again)

    def _finish(self, stage: Stage, held: HeldWork, end: Verdict) -> None:
        status, code, message, target = JobRunStatus(end["status"]), end["code"], end["message"], end["target"]
        if self._tell(
            stage,
            "finish",
            held,
            lambda tx, who, claim: claims.finish_run(tx, who, claim, status, code=code, message=message, target=target),
        ):
            self._drop(held.claim.run_id)
