"""Claim, lease and fence, and all that an agent writes about a run (DESIGN §4, faults F8 and F9).

Claiming a run raises its fence; every later write carries the fence and is refused when it is
stale. Heartbeats renew the lease by the store's clock.

Nothing serialises these calls but the rows they hold, always in this order: the run (several by their
ids), its lease, the agent, the agent's heartbeat. What is read before its row is held decides nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import CursorResult, Update, insert, update
from sqlalchemy import select as columns
from sqlmodel import col, delete, select

from store import codes
from store.db import Write
from store.errors import GrantEnded, LeaseLost
from store.execution.trust import AgentIdentity, live_agent
from store.lifecycle import SCAN_MOVES, lease_ms, target_permission
from store.models import (
    COUNTER_FIELDS,
    RUN_IS_ACTIVE,
    AccessGrant,
    AgentBeat,
    JobDefinition,
    JobRun,
    ProgressSample,
    RunItem,
    RunLease,
    RunProgress,
    RunReport,
    StorageMover,
)
from store.resources.runs import end_run, expire_cancellations, move, run_label, tell
from store.settings import CopySettings
from store.vocabulary import AgentStatus, CopyMode, GrantPermission, Guard, JobRunStatus, RunKind, ScanStatus

CANCEL_STATUSES = (JobRunStatus.CANCEL_REQUESTED, JobRunStatus.CANCELING)
_ITEM_FIELDS = ("path", "kind", "outcome", "code", "message", "size")
_PROGRESS_FIELDS = (*COUNTER_FIELDS, "phase", "total_items", "total_bytes", "bytes_in_flight", "current")


@dataclass(frozen=True)
class Claim:
    """A run that this agent holds: what to copy, and the fence that proves it."""

    run_id: int
    fence: int
    label: str
    kind: RunKind
    copy_mode: CopyMode
    source: Mapping[str, Any]
    source_subpath: str
    target: Mapping[str, Any]
    target_subpath: str
    settings: CopySettings
    overrides: frozenset[Guard]
    report: bool
    """Whether a line is wanted for every item."""
    planned: bool
    """Whether only what a plan says may be done."""
    plan_run_id: int | None
    """The preview that is the plan; None without a plan, or when it is there no more."""
    source_identity: str
    """What told the source root from others when a copy first read it; empty before."""
    started_at: int
    """When the run's first attempt began, store time."""
    last_items: int
    """Items and bytes that the definition's last complete copy scanned, -1 when there is none."""
    last_bytes: int
    resumed: bool
    """Whether an earlier attempt of the same run went before."""


def beat(
    tx: Write, identity: AgentIdentity, held: Iterable[Claim], *, uptime_in_seconds: int
) -> tuple[dict[int, JobRunStatus], list[int]]:
    """A heartbeat: it renews the leases of the runs that this process holds.

    Returns:
        The status of each held run (a cancel request is learned here), and the ids of those lost.
    """
    expire_cancellations(tx, agent_id=identity.agent_id)
    statuses: dict[int, JobRunStatus] = {}
    lost = []
    for claim in sorted(held, key=lambda claim: claim.run_id):
        try:
            statuses[claim.run_id] = guard(tx, identity, claim).status
        except LeaseLost:
            lost.append(claim.run_id)
    _show_work(tx, identity)
    values = {"at": tx.now, "uptime_in_seconds": uptime_in_seconds}
    beaten = update(AgentBeat).where(col(AgentBeat.agent_id) == identity.agent_id).values(**values)
    if not _hit(tx, beaten):
        tx.session.add(AgentBeat(agent_id=identity.agent_id, **values))
    return statuses, lost


def guard(tx: Write, identity: AgentIdentity, claim: Claim) -> JobRun:
    """The first statement of every write to a run: it renews the lease, or proves that it is lost.

    Raises:
        LeaseLost: the fence is stale; nothing more may be touched.
        GrantEnded: it is not, but a grant of the run has ended: the same, and :func:`end_ungranted` is next.
    """
    run = _hold(tx, claim)
    if run is not None and (missing := _ungranted(tx, identity, run, claim.kind)):
        raise GrantEnded(f"The grant of the run {claim.label} on '{missing}' has ended.")
    if run is None or not _renewed(tx, identity, claim):
        raise LeaseLost(f"The run {claim.label} is no longer this agent's (fence {claim.fence} is stale).")
    return run


def end_ungranted(tx: Write, identity: AgentIdentity, claim: Claim) -> bool:
    """End a run as Failed because its agent may not touch its endpoints any more; whether that is so.

    For after its worker was stopped, when the run was lost: one that is somebody else's is left alone.
    """
    run = _hold(tx, claim)
    if run is None or run.agent_id != identity.agent_id or not (missing := _ungranted(tx, identity, run, run.kind)):
        return False
    _end_ungranted(tx, run, claim.label, missing)
    _show_work(tx, identity)
    return True


def claim_run(tx: Write, identity: AgentIdentity, held: Iterable[Claim]) -> Claim | None:
    """Take one run that waits for this agent: first those an earlier process of it left, then the queue.

    Args:
        held: the runs that this process has already.

    Returns:
        The claim, or None when no run waits.
    """
    live_agent(tx, identity)
    mine = [claim.run_id for claim in held]
    while (run := _next_run(tx, identity, mine, queued=False)) is not None:
        if run.status not in CANCEL_STATUSES:
            if missing := _ungranted(tx, identity, run, run.kind):
                run.fence += 1
                _end_ungranted(tx, run, run_label(tx.session, run), missing)
                continue
            left = tx.session.exec(select(RunLease.run_id).where(RunLease.run_id == run.id)).first() is not None
            why = "the agent had restarted" if left else "it was handed over"
            return _take(tx, identity, run, resumed=True, why=why)
        run.fence += 1
        end_run(tx, run, JobRunStatus.CANCELED, run_label(tx.session, run), detail="the agent had restarted")
    while (queued := _next_run(tx, identity, mine, queued=True)) is not None:
        if not (missing := _ungranted(tx, identity, queued, queued.kind)):
            return _take(tx, identity, queued, resumed=False)
        _end_ungranted(tx, queued, run_label(tx.session, queued), missing)
    return None


def reclaim_run(tx: Write, identity: AgentIdentity, claim: Claim, why: str) -> Claim | None:
    """Raise the fence of a run whose worker died, to start another; None if it was canceled meanwhile.

    Raises:
        LeaseLost: the run is no longer this agent's.
    """
    live_agent(tx, identity)
    run = guard(tx, identity, claim)
    if run.status in CANCEL_STATUSES:
        end_run(tx, run, JobRunStatus.CANCELED, run_label(tx.session, run), detail=why)
        return None
    return _take(tx, identity, run, resumed=True, why=why)


def report_started(tx: Write, identity: AgentIdentity, claim: Claim, source_identity: str = "") -> None:
    """Preflight has passed: Started becomes Running.

    Args:
        source_identity: what tells the source root from others. The definition keeps that of its first
            copy, and takes another one only from a copy whose admin overrode the guard.
    """
    run = guard(tx, identity, claim)
    if run.status == JobRunStatus.STARTED:
        move(tx, run, JobRunStatus.RUNNING, claim.label)
    if source_identity and claim.kind == RunKind.COPY:
        _keep_source_identity(tx, run, source_identity, overridden=Guard.SOURCE_IDENTITY in claim.overrides)


def report_progress(tx: Write, identity: AgentIdentity, claim: Claim, numbers: Mapping[str, Any]) -> JobRunStatus:
    """Write the live numbers (at most twice a second) and, at most once a second, a sample.

    Returns:
        The run's status, by which the agent learns of a cancel request.
    """
    run = guard(tx, identity, claim)
    last = tx.session.exec(select(RunProgress.at).where(RunProgress.run_id == claim.run_id)).first()
    values = {name: numbers[name] for name in _PROGRESS_FIELDS if name in numbers}
    tx.session.execute(
        update(RunProgress)
        .where(col(RunProgress.run_id) == claim.run_id)
        .values(at=tx.now, **values)
        .execution_options(synchronize_session=False)
    )
    scan = ScanStatus(numbers.get("scan_status", run.scan_status))
    if scan in SCAN_MOVES[run.scan_status]:
        run.scan_status = scan
        tx.session.add(run)
    if last is None or last // 1000 != tx.now // 1000:
        tx.session.merge(
            ProgressSample(
                run_id=claim.run_id,
                at=tx.now,
                items=int(numbers.get("items_scanned", 0)),
                bytes=int(numbers.get("bytes_transferred", 0)) + int(numbers.get("bytes_in_flight", 0)),
            )
        )
    return run.status


def report_items(
    tx: Write,
    identity: AgentIdentity,
    claim: Claim,
    items: Sequence[tuple[bytes, str, str, str, str, int]],
    *,
    again: bool = False,
) -> None:
    """Record items that did not simply transfer: path, kind, outcome, code, message, size.

    Args:
        tx: the transaction.
        identity: the process.
        claim: the run.
        items: what to record.
        again: the same was told before and no answer came: if it is there already, it is not recorded twice.
    """
    guard(tx, identity, claim)
    if not items or (again and _last_items(tx, claim, len(items)) == [tuple(item) for item in items]):
        return
    rows = [
        {**dict(zip(_ITEM_FIELDS, item, strict=True)), "run_id": claim.run_id, "fence": claim.fence, "at": tx.now}
        for item in items
    ]
    tx.session.execute(insert(RunItem), rows)


def report_chunk(
    tx: Write, identity: AgentIdentity, claim: Claim, items: int, data: bytes, *, again: bool = False
) -> None:
    """Keep a part of the full report: so many lines of ``store.report_lines``, packed; ``again`` as above."""
    guard(tx, identity, claim)
    last = select(RunReport.data).where(RunReport.run_id == claim.run_id, RunReport.fence == claim.fence)
    if again and tx.session.exec(last.order_by(col(RunReport.id).desc()).limit(1)).first() == data:
        return
    tx.session.execute(
        insert(RunReport), [{"run_id": claim.run_id, "fence": claim.fence, "items": items, "data": data, "at": tx.now}]
    )


def acknowledge_cancel(tx: Write, identity: AgentIdentity, claim: Claim) -> None:
    """The agent has told its worker to stop."""
    run = guard(tx, identity, claim)
    if run.status == JobRunStatus.CANCEL_REQUESTED:
        move(tx, run, JobRunStatus.CANCELING, claim.label)


def finish_run(
    tx: Write, identity: AgentIdentity, claim: Claim, status: JobRunStatus, *, code: str, message: str, target: str
) -> JobRunStatus:
    """End a run as its worker says: Succeeded, Failed or Canceled, with what went wrong if anything did.

    Returns:
        The status it ended with.
    """
    run = guard(tx, identity, claim)
    if run.status == JobRunStatus.STARTED and status == JobRunStatus.SUCCEEDED:
        move(tx, run, JobRunStatus.RUNNING, claim.label)
    if status == JobRunStatus.CANCELED and run.status not in CANCEL_STATUSES:
        move(tx, run, JobRunStatus.CANCEL_REQUESTED, claim.label)
    error = (code, message, target) if code not in ("", codes.SUCCESS) else ("", "", "")
    end_run(tx, run, status, claim.label, detail=message, error=error)
    _show_work(tx, identity)
    return run.status


def _next_run(tx: Write, identity: AgentIdentity, mine: Collection[int], *, queued: bool) -> JobRun | None:
    """The first run that this agent does not hold yet, its row held; one that somebody is just writing is left out."""
    status = col(JobRun.status)
    query = (
        select(JobRun)
        .where(
            JobRun.agent_id == identity.agent_id,
            RUN_IS_ACTIVE,
            col(JobRun.id).not_in(mine),
            status == JobRunStatus.QUEUED if queued else status != JobRunStatus.QUEUED,
        )
        .order_by(col(JobRun.id))
        .limit(1)
        .with_for_update(key_share=True, skip_locked=True)
        .execution_options(populate_existing=True)
    )
    return tx.session.exec(query).first()


def _renewed(tx: Write, identity: AgentIdentity, claim: Claim) -> bool:
    """Renew the lease of a claim; whether it was there."""
    lease = (
        col(RunLease.run_id) == claim.run_id,
        col(RunLease.fence) == claim.fence,
        col(RunLease.agent_id) == identity.agent_id,
    )
    return _hit(tx, update(RunLease).where(*lease).values(lease_until=tx.now + lease_ms(identity.heartbeat_ms)))


def _hit(tx: Write, statement: Update) -> bool:
    """Carry out an UPDATE of one row; whether that row is there."""
    done = tx.session.execute(statement.execution_options(synchronize_session=False))
    return isinstance(done, CursorResult) and done.rowcount == 1


def _take(tx: Write, identity: AgentIdentity, run: JobRun, *, resumed: bool, why: str = "") -> Claim:
    label = run_label(tx.session, run)
    run.fence += 1
    if run.execution_start_time is None:
        run.execution_start_time = tx.now
    if resumed:
        tell(tx, run, label, "resumed", why)
    else:
        move(tx, run, JobRunStatus.STARTED, label, detail=f"by {identity.name}")
    run.scan_status = ScanStatus.NOT_STARTED
    tx.session.add(run)
    tx.session.exec(delete(RunLease).where(col(RunLease.run_id) == run.id))
    tx.session.add(
        RunLease(
            run_id=run.id,
            agent_id=identity.agent_id,
            fence=run.fence,
            lease_until=tx.now + lease_ms(identity.heartbeat_ms),
        )
    )
    before = tx.session.get(RunProgress, run.id)
    deleted = (
        (before.items_deleted_before + before.items_deleted, before.bytes_deleted_before + before.bytes_deleted)
        # Only a copy has really deleted: what another kind found is found again.
        if before and run.kind == RunKind.COPY
        else (0, 0)
    )
    tx.session.merge(
        RunProgress(run_id=run.id, at=tx.now, items_deleted_before=deleted[0], bytes_deleted_before=deleted[1])
    )
    tx.session.flush()
    _show_work(tx, identity)
    last = tx.session.exec(
        select(JobRun.items_scanned, JobRun.bytes_scanned)
        .where(
            JobRun.definition_id == run.definition_id,
            JobRun.id != run.id,
            JobRun.kind == RunKind.COPY,
            JobRun.status == JobRunStatus.SUCCEEDED,
        )
        .order_by(col(JobRun.id).desc())
        .limit(1)
    ).first()
    definition = run.definition_properties
    return Claim(
        run_id=run.id,
        fence=run.fence,
        label=label,
        kind=run.kind,
        copy_mode=run.copy_mode,
        source=run.source_properties,
        source_subpath=str(definition.get("sourceSubpath", "")),
        target=run.target_properties,
        target_subpath=str(definition.get("targetSubpath", "")),
        settings=CopySettings.from_properties(definition),
        overrides=frozenset(Guard(name) for name in run.overrides),
        report=run.report,
        planned=run.plan_number is not None,
        plan_run_id=run.plan_run_id,
        source_identity=tx.session.get_one(JobDefinition, run.definition_id).source_identity,
        started_at=run.execution_start_time,
        last_items=last[0] if last else -1,
        last_bytes=last[1] if last else -1,
        resumed=resumed,
    )


def _show_work(tx: Write, identity: AgentIdentity) -> None:
    """Executing while the agent holds a lease, Online while it holds none; what requires attention still does.

    Raises:
        TrustRefused: another process took its place meanwhile: nothing of this transaction may stay.
    """
    agent = live_agent(tx, identity, hold=True)
    held = tx.session.exec(select(RunLease.run_id).where(RunLease.agent_id == agent.id).limit(1)).first()
    status = AgentStatus.ONLINE if held is None else AgentStatus.EXECUTING
    if agent.status not in (status, AgentStatus.REQUIRES_ATTENTION):
        agent.status = status
        tx.session.add(agent)


def _hold(tx: Write, claim: Claim) -> JobRun | None:
    """The row of a claim's run, held; None when the fence is stale or the run has ended."""
    query = select(JobRun).where(JobRun.id == claim.run_id, JobRun.fence == claim.fence, RUN_IS_ACTIVE)
    return tx.session.exec(query.with_for_update(key_share=True).execution_options(populate_existing=True)).first()


def _ungranted(tx: Write, identity: AgentIdentity, run: JobRun, kind: RunKind) -> str:
    """The name of an endpoint of the run that the agent holds no grant on; empty when it holds both: on the source,
    and on the target as a run of this kind needs it."""
    found = tx.session.exec(
        select(AccessGrant.endpoint_name, AccessGrant.permission).where(
            AccessGrant.run_id == run.id,
            AccessGrant.agent_id == identity.agent_id,
            col(AccessGrant.ended_at).is_(None),
        )
    )
    held = {(name, permission) for name, permission in found}
    needed = (
        (str(run.source_properties["name"]), GrantPermission.READ),
        (str(run.target_properties["name"]), target_permission(kind)),
    )
    return next((name for name, permission in needed if (name, permission) not in held), "")


def _end_ungranted(tx: Write, run: JobRun, label: str, missing: str) -> None:
    message = f"The agent '{run.agent_name}' holds no access grant on '{missing}' any more"
    end_run(tx, run, JobRunStatus.FAILED, label, error=(codes.GRANT_ENDED, message, ""))


def _last_items(tx: Write, claim: Claim, count: int) -> list[tuple[Any, ...]]:
    """The newest items of this attempt, in the order of their recording."""
    rows = tx.session.execute(
        columns(*(col(getattr(RunItem, name)) for name in _ITEM_FIELDS))
        .where(col(RunItem.run_id) == claim.run_id, col(RunItem.fence) == claim.fence)
        .order_by(col(RunItem.id).desc())
        .limit(count)
    )
    return [tuple(row) for row in reversed(rows.all())]


def _keep_source_identity(tx: Write, run: JobRun, found: str, *, overridden: bool) -> None:
    definition = tx.session.get_one(
        JobDefinition, run.definition_id, with_for_update={"key_share": True}, populate_existing=True
    )
    before = definition.source_identity
    if before == found or (before and not overridden):
        return
    definition.source_identity = found
    tx.session.add(definition)
    path = f"{tx.session.get_one(StorageMover, run.mover_id).name}/{run_label(tx.session, run).partition('#')[0]}"
    detail = f"by run #{run.number}: {found}" + (f" instead of {before}" if before else "")
    tx.event(
        "job_definition",
        definition.id,
        path,
        "source identified",
        mover_id=definition.mover_id,
        detail=detail,
    )
