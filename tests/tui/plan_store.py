"""The sample store with a definition, finance, that was passed over many times."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Self

from store.execution import claims
from store.execution.claims import Claim
from store.sqlite.place import SqlitePlace
from store.vocabulary import JobRunStatus, RunKind
from tests.tui.sample_store import HOUR, NOON, SampleStore

TREE_ITEMS, TREE_BYTES = 120_400, 88_000_000_000
DAY = 24 * HOUR


class PastPass(NamedTuple):
    """A pass of finance that has ended."""

    days_ago: float
    minutes: float
    items: int
    bytes: int
    deleted: int = 0
    status: JobRunStatus = JobRunStatus.SUCCEEDED
    code: str = ""
    kind: RunKind = RunKind.COPY


PLAN = """
storageMovers:
  - name: nas-exit
    endpoints:
      - {name: nas1-fin, properties: {endpointType: LocalPath, path: /mnt/nas1/finance, description: Old finance share}}
      - {name: nas2-fin, properties: {endpointType: LocalPath, path: /srv/nas2/finance}}
    projects:
      - name: hr-shares
        jobDefinitions:
          - name: finance
            properties:
              copyMode: Mirror
              description: Finance goes first, at the end of June; ask Asha before the cut-over
              sourceName: nas1-fin
              targetName: nas2-fin
              targetSubpath: fy26
              agentName: dock-2
              filters: {exclude: ["~$*", "/cache/"], maxSize: 5000000000}
              trash: true
"""
HOSTILE = """
storageMovers:
  - name: nas-exit
    endpoints:
      - name: bad-from
        properties: {endpointType: LocalPath, path: "/a\\e]0;owned\\a[/red]", description: "[@click=app.quit]x\\u202e"}
      - {name: bad-to, properties: {endpointType: LocalPath, path: "/b/日本語"}}
    projects:
      - name: hr-shares
        jobDefinitions:
          - name: bad
            properties:
              copyMode: Additive
              sourceName: bad-from
              targetName: bad-to
              sourceSubpath: "x\\e[31m"
              description: "\\e[2J[/] \\u202e 日本語 and words that go on and on, until the line is full and beyond it"
              filters: {exclude: ["*\\e[31m[b]"]}
"""
"""Words from outside that would draw, reorder or act, if they came to the terminal as they are."""
FINANCE = "hr-shares/finance"
PAST = (
    PastPass(9, 20, 61_000, 44_000_000_000, status=JobRunStatus.FAILED, code="LSM1011"),
    PastPass(8, 260, TREE_ITEMS, TREE_BYTES, status=JobRunStatus.FAILED, code="LSM1010"),
    PastPass(7, 31, 4_100, 9_800_000_000, 12),
    PastPass(6, 24, 2_700, 6_100_000_000, 87),
    PastPass(5, 9, 900, 1_900_000_000, status=JobRunStatus.CANCELED),
    PastPass(4, 29, 3_300, 7_400_000_000, 40),
    PastPass(3, 22, 2_150, 5_000_000_000, 3),
    PastPass(2.5, 6, TREE_ITEMS, TREE_BYTES, kind=RunKind.VERIFY),
    PastPass(2, 18, 1_204, 3_200_000_000, 9),
    PastPass(1, 17, 1_100, 2_900_000_000, 5),
)


def tell(sample: SampleStore, past: Iterable[PastPass] = PAST, definition: str = FINANCE) -> None:
    """Write these passes on dock-2; the clock is at noon again after it."""
    if definition == FINANCE:
        sample.apply(PLAN)
    for one in past:
        sample.clock.time = NOON - int(one.days_ago * DAY)
        claim = sample.claim(definition, "dock-2", kind=one.kind)
        with sample.store.write("agent") as tx:
            claims.report_started(tx, sample.agents["dock-2"], claim)
            claims.report_progress(tx, sample.agents["dock-2"], claim, _numbers(one))
        sample.clock.advance(int(one.minutes * 60_000))
        with sample.store.write("agent") as tx:
            message = "3 of 120400 items failed" if one.code else ""
            holder = sample.agents["dock-2"]
            claims.finish_run(tx, holder, claim, one.status, code=one.code, message=message, target="")
    sample.clock.time = NOON
    sample.beat("dock-2", [])


class FinanceStore(SampleStore):
    """The sample with all these passes."""

    @classmethod
    def tell(cls, place: SqlitePlace) -> Self:
        found = super().tell(place)
        tell(found)
        return found


def _numbers(one: PastPass) -> dict[str, object]:
    whole = one.status != JobRunStatus.CANCELED and one.code != "LSM1011"
    scanned = (TREE_ITEMS, TREE_BYTES) if whole else (one.items, one.bytes)
    if one.kind == RunKind.VERIFY:
        return {
            "items_scanned": scanned[0],
            "bytes_scanned": scanned[1],
            "items_no_transfer_needed": scanned[0],
            "bytes_no_transfer_needed": scanned[1],
            "scan_status": "Completed",
        }
    return {
        "items_scanned": scanned[0],
        "bytes_scanned": scanned[1],
        "items_transferred": one.items,
        "bytes_transferred": one.bytes,
        "items_no_transfer_needed": scanned[0] - one.items,
        "bytes_no_transfer_needed": scanned[1] - one.bytes,
        "items_deleted": one.deleted,
        "bytes_deleted": one.deleted * 40_000,
        "scan_status": "Completed" if whole else "Scanning",
    }


def running(sample: SampleStore, definition: str = FINANCE, share: float = 0.4) -> Claim:
    """A pass of a definition that is on, that far, since three minutes."""
    sample.clock.time = NOON - 180_000
    claim = sample.claim(definition, "dock-2")
    sample.started(claim)
    sample.clock.time = NOON
    moves(sample, claim, share)
    sample.beat("dock-2", [claim])
    return claim


def moves(sample: SampleStore, claim: Claim, share: float) -> None:
    """It is that far now."""
    numbers = {
        "items_scanned": int(TREE_ITEMS * share),
        "bytes_scanned": int(TREE_BYTES * share),
        "items_transferred": int(1_500 * share),
        "bytes_transferred": int(3_000_000_000 * share),
        "total_items": TREE_ITEMS,
        "total_bytes": TREE_BYTES,
        "scan_status": "Scanning",
        "phase": "copy",
        "current": ["home/ana/mail"],
    }
    with sample.store.write("agent") as tx:
        claims.report_progress(tx, sample.agents["dock-2"], claim, numbers)
