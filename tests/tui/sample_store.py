"""A small, realistic store, the same each time."""

from __future__ import annotations

from dataclasses import dataclass

from store.clock import VirtualClock
from store.db import Store, open_store
from store.execution import claims
from store.execution.claims import Claim
from store.execution.trust import AgentFacts, AgentIdentity, connect_agent, make_token, register_agent
from store.place import StorePlace
from store.plan import apply_plan, parse_plan
from store.resources.common import find_mover
from store.resources.runs import find_run, request_cancel, start_run
from store.vocabulary import JobRunStatus

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
FACTS = AgentFacts("0.1.0", "jump-1", "10.0.0.5", "UTC", 16_384, 8)


@dataclass
class SampleStore:
    """An open store under a clock that stands still, and the agents that are connected to it."""

    place: StorePlace
    store: Store
    clock: VirtualClock
    agents: dict[str, AgentIdentity]

    @classmethod
    def make(cls, place: StorePlace) -> SampleStore:
        """The whole sample: three ended runs and one at three quarters."""
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

    def start(self, definition: str, agent: str) -> int:
        with self.store.write("user/ana") as tx:
            return start_run(tx, find_mover(tx.session, None), definition, agent_name=agent).id

    def claim(self, definition: str, agent: str) -> Claim:
        self.start(definition, agent)
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
