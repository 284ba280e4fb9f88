"""A small, realistic store, the same each time."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple, Self

from store.clock import VirtualClock
from store.db import Store, open_store
from store.execution import claims
from store.execution.claims import Claim
from store.execution.trust import AgentFacts, AgentIdentity, connect_agent, make_token, register_agent
from store.plan import apply_plan, parse_plan
from store.resources.common import find_mover
from store.resources.runs import find_run, request_cancel, start_run
from store.sqlite.place import SqlitePlace
from store.vocabulary import Guard, JobRunStatus, RunKind

NOON = 1_795_262_400_000
"""2026-11-21T12:00:00Z."""
HOUR = 3_600_000

PLAN = """
storageMovers:
  - name: nas-exit
    properties: {description: Everything off NAS 1 by June}
    endpoints:
      - {name: nas1-hr, properties: {endpointType: LocalPath, path: /mnt/nas1/hr}}
      - {name: nas1-eng, properties: {endpointType: LocalPath, path: /mnt/nas1/engineering}}
      - {name: nas2-hr, properties: {endpointType: LocalPath, path: /srv/nas2/hr}}
      - {name: nas2-eng, properties: {endpointType: LocalPath, path: /srv/nas2/engineering}}
      - {name: archive, properties: {endpointType: NfsMount, host: nas9.example, export: /archive}}
      - name: payroll-blob
        properties:
          endpointType: AzureStorageBlobContainer
          storageAccountResourceId: /subscriptions/s/providers/Microsoft.Storage/storageAccounts/payacct
          blobContainerName: payroll
    projects:
      - name: hr-shares
        properties: {description: HR shares}
        jobDefinitions:
          - {name: hr-home, properties: {copyMode: Mirror, sourceName: nas1-hr, sourceSubpath: home,
              targetName: nas2-hr, targetSubpath: home, agentName: dock-1}}
          - {name: hr-archive, properties: {copyMode: Additive, sourceName: nas1-hr, sourceSubpath: archive,
              targetName: nas2-hr, targetSubpath: archive, agentName: dock-2}}
      - name: nas1-migration
        properties: {description: NAS 1 migration}
        jobDefinitions:
          - {name: engineering, properties: {copyMode: Additive, sourceName: nas1-eng, targetName: nas2-eng,
              agentName: dock-1}}
          - {name: drawings, properties: {copyMode: Additive, sourceName: nas1-eng, sourceSubpath: cad,
              targetName: archive}}
      - name: payroll-app
        properties: {description: Payroll app}
        jobDefinitions:
          - {name: payroll, properties: {copyMode: Mirror, sourceName: archive, targetName: payroll-blob}}
"""
STOPPED = (
    "38400 of the target's 120400 items would be deleted: more than the 25 % that may be; 38400 deletes withheld; "
    "override with DeletePercent; 38400 items of the target would be deleted: more than the 10000 that may be; "
    "38400 deletes withheld; override with DeleteCount"
)
PREVIEWED = {
    "items_scanned": 120_400,
    "bytes_scanned": 88_000_000_000,
    "items_transferred": 1_204,
    "bytes_transferred": 3_200_000_000,
    "items_no_transfer_needed": 119_195,
    "bytes_no_transfer_needed": 84_800_000_000,
    "items_unsupported": 1,
    "items_deleted": 87,
    "bytes_deleted": 41_000_000,
}
VERIFIED = {
    "items_scanned": 120_400,
    "bytes_scanned": 88_000_000_000,
    "items_no_transfer_needed": 120_398,
    "bytes_no_transfer_needed": 87_999_951_276,
    "items_failed": 2,
    "bytes_failed": 48_724,
    "items_delete_withheld": 1,
    "bytes_delete_withheld": 310,
}
FACTS = AgentFacts("0.1.0", "jump-1", "10.0.0.5", "UTC", 16_384, 8)


class _Told(NamedTuple):
    """The file of a sample, and what its processes remember."""

    content: bytes
    time: int
    agents: dict[str, AgentIdentity]


_TOLD: dict[type[SampleStore], _Told] = {}


@dataclass
class SampleStore:
    """An open store under a clock that stands still, and the agents that are connected to it."""

    place: SqlitePlace
    store: Store
    clock: VirtualClock
    agents: dict[str, AgentIdentity]

    @classmethod
    def make(cls, place: SqlitePlace) -> Self:
        """The whole sample at a place: told once in a process and copied from then on, in a hundredth of the time."""
        if cls not in _TOLD:
            with TemporaryDirectory() as directory:
                first = cls.tell(SqlitePlace((Path(directory) / "told.db").resolve()))
                first.store.close()
                _TOLD[cls] = _Told(first.place.path.read_bytes(), first.clock.time, first.agents)
        told = _TOLD[cls]
        place.path.touch(0o600)
        place.path.write_bytes(told.content)
        clock = VirtualClock(told.time)
        return cls(place, open_store(place, clock=clock), clock, dict(told.agents))

    @classmethod
    def tell(cls, place: SqlitePlace) -> Self:
        """Three ended runs and one at three quarters."""
        clock = VirtualClock(NOON - 30 * HOUR)
        store = open_store(place, clock=clock)
        sample = cls(place, store, clock, {})
        sample.apply(PLAN)
        for name in ("dock-1", "dock-2"):
            sample.connect(name)
        sample.ended_run("hr-shares/hr-home", "dock-1", JobRunStatus.SUCCEEDED, items=120_400, size=88_000_000_000)
        clock.advance(20 * HOUR)
        failed = sample.claim("hr-shares/hr-archive", "dock-2")
        sample.items(failed, [(b"2019/contract [/red].pdf", "AZSM2062", "Permission denied (EACCES)")])
        sample.items(failed, [(b"2020/caf\xe9\x1b]0;owned\x07.txt", "AZSM2063", "Input/output error (EIO)")])
        sample.finish(failed, JobRunStatus.FAILED, items=5_310, size=410_000_000, failed=2)
        clock.time = NOON - 90_000
        live = sample.claim("nas1-migration/engineering", "dock-1")
        sample.started(live)
        for step in range(1, 10):
            clock.advance(9_000)
            sample.progress(live, 2_000 * step, 1_300_000_000 * step, 24_000, 15_600_000_000)
        clock.time = NOON
        sample.beat("dock-1", [live])
        sample.beat("dock-2", [])
        return sample

    def apply(self, plan: str) -> None:
        with self.store.write("user/ana") as tx:
            apply_plan(tx, parse_plan(plan.encode(), "sample.yaml"))

    def connect(self, name: str) -> None:
        with self.store.write("user/ana") as tx:
            token = make_token(tx, find_mover(tx.session, None))
        with self.store.write(f"agent/{name}") as tx:
            mover, _, credential = register_agent(tx, token, name, FACTS)
        self.agents[name] = connect_agent(
            self.store, mover.name, name, credential, host_key=name, heartbeat_ms=5_000, facts=FACTS
        )

    def start(
        self,
        definition: str,
        agent: str,
        *,
        kind: RunKind = RunKind.COPY,
        plan: str = "",
        overrides: Collection[Guard] = (),
    ) -> int:
        with self.store.write("user/ana") as tx:
            mover = find_mover(tx.session, None)
            preview = find_run(tx.session, mover, plan)[2] if plan else None
            return start_run(tx, mover, definition, agent_name=agent, kind=kind, plan=preview, overrides=overrides).id

    def claim(
        self,
        definition: str,
        agent: str,
        *,
        kind: RunKind = RunKind.COPY,
        plan: str = "",
        overrides: Collection[Guard] = (),
    ) -> Claim:
        """A run that the agent has taken; it must have no other one."""
        self.start(definition, agent, kind=kind, plan=plan, overrides=overrides)
        with self.store.write(f"agent/{agent}") as tx:
            claim = claims.claim_run(tx, self.agents[agent], [])
        assert claim is not None
        return claim

    def started(self, claim: Claim) -> None:
        with self.store.write("agent") as tx:
            claims.report_started(tx, self._holder(claim), claim)

    def progress(
        self, claim: Claim, items: int, size: int, total_items: int, total_bytes: int, failed: int = 0
    ) -> None:
        numbers = {
            "items_scanned": items,
            "items_transferred": items - failed,
            "items_failed": failed,
            "bytes_scanned": size,
            "bytes_transferred": size,
            "total_items": total_items,
            "total_bytes": total_bytes,
            "scan_status": "Scanning" if items < total_items else "Completed",
            "phase": "copy",
            "current": ["projects/bridge/north span.dwg", "projects/bridge/south"],
        }
        with self.store.write("agent") as tx:
            claims.report_progress(tx, self._holder(claim), claim, numbers)

    def items(self, claim: Claim, rows: list[tuple[bytes, str, str]]) -> None:
        with self.store.write("agent") as tx:
            claims.report_items(
                tx, self._holder(claim), claim, [(path, "F", "Failed", code, why, 4_096) for path, code, why in rows]
            )

    def finish(self, claim: Claim, status: JobRunStatus, items: int, size: int, failed: int = 0) -> None:
        self.started(claim)
        self.progress(claim, items, size, items, size, failed)
        self.clock.advance(20 * 60_000)
        code, message = ("LSM1010", f"{failed} of {items} items failed") if failed else ("", "")
        with self.store.write("agent") as tx:
            claims.finish_run(tx, self._holder(claim), claim, status, code=code, message=message, target="")

    def ended_run(self, definition: str, agent: str, status: JobRunStatus, items: int, size: int) -> None:
        self.finish(self.claim(definition, agent), status, items, size)

    def end(
        self,
        claim: Claim,
        status: JobRunStatus,
        numbers: dict[str, int],
        *,
        items: Sequence[tuple[bytes, str, str, str, str, int]] = (),
        code: str = "",
        message: str = "",
    ) -> None:
        """End a run with these counters and rows, at once: the clock stands still."""
        with self.store.write("agent") as tx:
            holder = self._holder(claim)
            claims.report_started(tx, holder, claim)
            claims.report_items(tx, holder, claim, items)
            claims.report_progress(tx, holder, claim, {**numbers, "scan_status": "Completed"})
            claims.finish_run(tx, holder, claim, status, code=code, message=message, target="")

    def preview(self, *, overrides: Collection[Guard] = (), code: str = "", message: str = "") -> None:
        """A preview of hr-home that has seen everything: 1,204 to copy, 87 to delete."""
        self.end(
            self.claim("hr-shares/hr-home", "dock-2", kind=RunKind.PREVIEW, overrides=overrides),
            JobRunStatus.SUCCEEDED,
            PREVIEWED,
            items=[
                (b"old/2009/letters", "D", "Deleted", "AZSM0000", "not in the source", 0),
                (b"old/2009/letters/caf\xe9.doc", "F", "Deleted", "AZSM0000", "not in the source", 40_448),
                (b"run/queue.fifo", "S", "Unsupported", "AZSM2021", "A FIFO is not copied", 0),
            ],
            code=code,
            message=message,
        )

    def guarded(
        self, code: str = "LSM1105", message: str = STOPPED, *, overrides: Collection[Guard] = (), plan: str = ""
    ) -> None:
        """A copy of hr-home whose deletes a guard has stopped."""
        self.end(
            self.claim("hr-shares/hr-home", "dock-2", plan=plan, overrides=overrides),
            JobRunStatus.FAILED,
            {"items_scanned": 82_000, "items_no_transfer_needed": 82_000, "items_delete_withheld": 38_400},
            code=code,
            message=message,
        )

    def verify(self) -> None:
        """A verify run of hr-home that found differences."""
        self.end(
            self.claim("hr-shares/hr-home", "dock-2", kind=RunKind.VERIFY),
            JobRunStatus.FAILED,
            VERIFIED,
            items=[
                (b"Accounting/budget.xlsx", "F", "Failed", "LSM2203", "The content differs", 48_212),
                (b"Accounting/locked.xlsx", "F", "Failed", "AZSM2062", "Permission denied (EACCES)", 512),
                (b"old/stray.txt", "F", "DeleteWithheld", "LSM2205", "The source does not have it", 310),
            ],
            code="LSM1201",
            message="2 of 120400 items differ; 1 items are in the target only; 120398 of 120400 items alike",
        )

    def beat(self, agent: str, held: list[Claim]) -> None:
        with self.store.write("agent") as tx:
            claims.beat(tx, self.agents[agent], held, uptime_in_seconds=60)

    def cancel(self, path: str) -> None:
        with self.store.write("user/ana") as tx:
            request_cancel(tx, find_run(tx.session, find_mover(tx.session, None), path)[2])

    def _holder(self, claim: Claim) -> AgentIdentity:
        with self.store.read() as session:
            from store.models import JobRun

            run = session.get_one(JobRun, claim.run_id)
            return self.agents[run.agent_name]
