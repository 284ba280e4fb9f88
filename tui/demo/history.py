"""The demo's past: three weeks of runs, written through the store's own operations with a clock that is moved."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from store.clock import VirtualClock
from store.db import Store
from store.execution import claims
from store.execution.claims import Claim
from store.execution.trust import AgentFacts, AgentIdentity, connect_agent, make_token, register_agent
from store.resources.common import find_mover
from store.resources.runs import find_run, request_cancel, start_run
from store.vocabulary import JobRunStatus, Outcome, ScanStatus

ADMINS = ("user/mkoch", "user/asha")
AGENTS = {"dock-1": "rack-04", "dock-2": "rack-11"}
HOUR = 3_600_000
DAY = 24 * HOUR
HEARTBEAT_MS = 5_000
STEPS = 4
"""Progress reports of one past run: its throughput has a shape to draw."""

Item = tuple[bytes, str, str, str, str, int]


class PastRun(NamedTuple):
    """A run to be told of: when, what it met, and how it ended."""

    days_ago: float
    definition: str
    agent: str
    seconds: int
    items: int
    bytes: int
    copied: float
    """The share that had to be copied; the rest was there already."""
    status: JobRunStatus = JobRunStatus.SUCCEEDED
    failed: tuple[Item, ...] = ()
    code: str = ""
    message: str = ""


def _failed(path: bytes, kind: str, code: str, message: str, size: int = 0) -> Item:
    return (path, kind, Outcome.FAILED.value, code, message, size)


_DENIED = "Permission denied (EACCES) when opening the source file"
_HOME_FAILURES = (
    _failed(b"Accounting/2021/budget 00412.xlsx", "F", "AZSM2062", _DENIED, 48_212),
    _failed("Projects/Müller GmbH/contract 00713.pdf".encode(), "F", "AZSM2062", _DENIED, 912_004),
    _failed(
        b"Public/caf\xe9\x1b[31m.txt", "F", "AZSM2063", "Input/output error (EIO) when reading the source file", 310
    ),
)
_FAILED = "Some items failed"

PAST = (
    PastRun(
        20.9,
        "nas1-migration/home-directories",
        "dock-1",
        940,
        8_160,
        667_600_000,
        1.0,
        JobRunStatus.FAILED,
        _HOME_FAILURES,
        "LSM1010",
        _FAILED,
    ),
    PastRun(20.2, "nas1-migration/home-directories", "dock-1", 31, 8_160, 667_600_000, 0.01),
    PastRun(17.4, "hr-shares/personnel-files", "dock-2", 210, 760, 19_800_000, 1.0),
    PastRun(14.1, "nas1-migration/project-shares", "dock-1", 77, 1_204, 26_000_000, 1.0, JobRunStatus.CANCELED),
    PastRun(13.9, "nas1-migration/project-shares", "dock-1", 402, 2_590, 59_100_000, 0.6),
    PastRun(12.0, "hr-shares/recruiting", "dock-2", 66, 338, 9_600_000, 1.0),
    PastRun(
        9.5,
        "payroll-app/payroll-data",
        "dock-1",
        2,
        0,
        0,
        0.0,
        JobRunStatus.FAILED,
        (),
        "AZSM1004",
        "The source path is missing or not a directory",
    ),
    PastRun(9.4, "payroll-app/payroll-data", "dock-1", 388, 341, 39_100_000, 1.0),
    PastRun(2.3, "hr-shares/personnel-files", "dock-2", 18, 768, 20_000_000, 0.03),
    # The last one is where the screen opens: its tree is the largest, so that there is something to watch.
    PastRun(1.2, "nas1-migration/home-directories", "dock-1", 44, 9_400, 698_000_000, 0.06),
)


@dataclass
class Past:
    """Writes the past of one mover; afterwards it knows the agents' credentials."""

    store: Store
    clock: VirtualClock
    mover: str
    credentials: dict[str, str] = field(default_factory=dict)
    _agents: dict[str, AgentIdentity] = field(default_factory=dict)

    def register(self) -> None:
        """Register and connect the agents, as they would have done it."""
        for name, host in AGENTS.items():
            facts = AgentFacts("0.1.0", host, "", "UTC", 65_536, 16)
            with self.store.write(ADMINS[0]) as tx:
                token = make_token(tx, find_mover(tx.session, self.mover))
            with self.store.write(f"agent/{name}") as tx:
                _, _, self.credentials[name] = register_agent(tx, token, name, facts, mover_name=self.mover)
            self._agents[name] = connect_agent(
                self.store,
                self.mover,
                name,
                self.credentials[name],
                host_key=host,
                heartbeat_ms=HEARTBEAT_MS,
                facts=facts,
            )

    def tell(self, now: int, runs: Iterable[PastRun] = PAST) -> None:
        """Write these runs; the clock only ever moves forward."""
        for number, run in enumerate(runs):
            self.clock.time = now - int(run.days_ago * DAY)
            self._tell(run, ADMINS[number % len(ADMINS)])

    def _tell(self, past: PastRun, admin: str) -> None:
        agent = self._agents[past.agent]
        actor = f"agent/{past.agent}"
        with self.store.write(admin) as tx:
            start_run(tx, find_mover(tx.session, self.mover), past.definition, agent_name=past.agent)
        self.clock.advance(1_100)
        with self.store.write(actor) as tx:
            claim = claims.claim_run(tx, agent, ())
            assert claim is not None, "the run that was just queued"
            if not past.code.startswith("AZSM1"):
                claims.report_started(tx, agent, claim)
        ended = past.status == JobRunStatus.CANCELED
        for step in range(1, STEPS + 1):
            self.clock.advance(past.seconds * 1_000 // STEPS)
            with self.store.write(actor) as tx:
                claims.report_progress(tx, agent, claim, _numbers(past, step / STEPS, last=step == STEPS))
        if ended:
            with self.store.write(admin) as tx:
                request_cancel(tx, find_run(tx.session, find_mover(tx.session, self.mover), past.definition)[2])
            self.clock.advance(700)
        self._finish(past, agent, actor, claim)

    def _finish(self, past: PastRun, agent: AgentIdentity, actor: str, claim: Claim) -> None:
        with self.store.write(actor) as tx:
            claims.report_items(tx, agent, claim, past.failed)
            if past.status == JobRunStatus.CANCELED:
                claims.acknowledge_cancel(tx, agent, claim)
            claims.finish_run(tx, agent, claim, past.status, code=past.code, message=past.message, target="")
        with self.store.write(actor) as tx:
            claims.beat(tx, agent, (), uptime_in_seconds=int((tx.now - self.clock.time) / 1000) + 86_400)


def _numbers(past: PastRun, share: float, *, last: bool) -> dict[str, object]:
    """The counters of a run that is this far; they add up at its end."""
    items, size = int(past.items * share), int(past.bytes * share)
    failed_items = len(past.failed) if last else 0
    failed_bytes = sum(item[5] for item in past.failed) if last else 0
    copied_items, copied_bytes = int(items * past.copied), int(size * past.copied)
    if last and past.copied == 1.0:
        copied_items, copied_bytes = items - failed_items, size - failed_bytes
    return {
        "items_scanned": items,
        "bytes_scanned": size,
        "items_transferred": copied_items,
        "bytes_transferred": copied_bytes,
        "items_no_transfer_needed": items - copied_items - failed_items,
        "bytes_no_transfer_needed": size - copied_bytes - failed_bytes,
        "items_failed": failed_items,
        "bytes_failed": failed_bytes,
        "total_items": past.items,
        "total_bytes": past.bytes,
        "scan_status": ScanStatus.COMPLETED if share >= 0.5 else ScanStatus.SCANNING,
    }
