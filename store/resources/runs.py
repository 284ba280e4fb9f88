"""Starting and stopping job runs: the moment when an agent is granted access, and the one when it ends."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import update
from sqlmodel import Session, col, delete, func, select

from store import arm
from store.db import Store, Write
from store.errors import Conflict, InvalidInput, NotFound
from store.lifecycle import CANCEL_DEADLINE_MS, CANCELLABLE, ENDED, check_move, target_permission
from store.models import (
    COUNTER_FIELDS,
    RUN_IS_ACTIVE,
    AccessGrant,
    Agent,
    Endpoint,
    JobDefinition,
    JobRun,
    Project,
    RunLease,
    RunProgress,
    StorageMover,
)
from store.resources.common import find_definition
from store.resources.common import run_label as run_label
from store.resources.start_checks import agent_for_runs as agent_for_runs
from store.resources.start_checks import check_start
from store.vocabulary import CopyMode, DataIntegrityValidation, GrantPermission, Guard, JobRunStatus, RunKind

STORE_ACTOR = "store"
"""The actor of what the store does by itself."""


def start_run(
    tx: Write,
    mover: StorageMover,
    definition_path: str,
    *,
    agent_name: str | None = None,
    copy_mode: CopyMode | None = None,
    kind: RunKind = RunKind.COPY,
    plan: JobRun | None = None,
    overrides: Collection[Guard] = (),
    report: bool = False,
) -> JobRun:
    """Create a run in Queued for the chosen agent, with its grants and its snapshots.

    Args:
        tx: the transaction.
        mover: the mover of both the definition and the agent.
        definition_path: ``PROJECT/DEFINITION``.
        agent_name: the chosen agent; by default the definition's last one.
        copy_mode: another mode for this run only.
        kind: what the run is for.
        plan: the preview to carry out, and nothing else.
        overrides: guards that are not to stop it.
        report: keep a line for every item; a preview does, and so does a run that makes digests.

    Raises:
        AgentUnavailable: no agent to choose, or one that cannot take runs.
        Conflict: the definition or its target is held by a run that has not ended, or the plan is not of
            the definition as it is now.
        InvalidInput: the definition asks for what this version does not carry out, or kind, plan and
            overrides do not go together.
    """
    expire_cancellations(tx)
    found = check_start(
        tx.session,
        mover,
        definition_path,
        agent_name=agent_name,
        copy_mode=copy_mode,
        kind=kind,
        plan=plan,
        overrides=overrides,
    )
    project, definition, agent, source, target, target_key, mode, properties = found
    definition.run_count += 1
    definition.agent_name = agent.name
    run = JobRun(
        mover_id=mover.id,
        project_id=project.id,
        definition_id=definition.id,
        source_id=source.id,
        target_id=target.id,
        number=definition.run_count,
        kind=kind,
        plan_run_id=plan.id if plan else None,
        plan_number=plan.number if plan else None,
        overrides=sorted(str(guard) for guard in set(overrides)),
        report=report
        or kind == RunKind.PREVIEW
        or definition.data_integrity_validation != DataIntegrityValidation.NONE,
        agent_id=agent.id,
        agent_name=agent.name,
        copy_mode=mode,
        target_key=target_key,
        created_at=tx.now,
        created_by=tx.actor,
        last_status_update=tx.now,
        definition_properties=properties,
        source_properties={"name": source.name, **arm.endpoint_properties(source)},
        target_properties={"name": target.name, **arm.endpoint_properties(target)},
    )
    tx.session.add(run)
    tx.session.flush()
    definition.latest_run_id = run.id
    tx.session.add(definition)
    _grant(tx, run, agent, source, target)
    tx.tell_agent(agent.id)
    tell(
        tx,
        run,
        f"{project.name}/{definition.name}#{run.number}",
        "queued",
        _started_words(run, source.name, target.name),
    )
    return run


def request_cancel(tx: Write, run: JobRun) -> JobRun:
    """Ask for the end of a run: at once when no agent has it yet, else within the cancel deadline.

    Raises:
        Conflict: the run has ended or is being canceled already.
        NotFound: it was deleted meanwhile.
    """
    run = lock_run(tx, run.id)
    if run.status in ENDED:
        raise Conflict(f"The run #{run.number} has ended ({run.status}): there is nothing to stop.", code="RunEnded")
    if run.status not in CANCELLABLE:
        raise Conflict(f"The run #{run.number} is being canceled already.", code="AlreadyCanceling")
    queued = run.status == JobRunStatus.QUEUED
    label = run_label(tx.session, run)
    move(tx, run, JobRunStatus.CANCEL_REQUESTED, label)
    run.cancel_deadline = tx.now + CANCEL_DEADLINE_MS
    if queued:
        end_run(tx, run, JobRunStatus.CANCELED, label, detail="no agent had taken it")
    tx.tell_agent(run.agent_id)
    return run


def expire_cancellations(tx: Write, *, agent_id: int | None = None) -> int:
    """End the runs whose cancel deadline has passed, with the fence raised (fault F39).

    A run that another transaction is just writing is left to the next one that looks: waiting for it
    here could deadlock with a heartbeat.

    Args:
        tx: the transaction.
        agent_id: the agent in whose heartbeat this happens: its own runs it ends in its own name.

    Returns:
        How many runs were ended.
    """
    query = (
        select(JobRun)
        .where(
            RUN_IS_ACTIVE,
            col(JobRun.status).in_((JobRunStatus.CANCEL_REQUESTED, JobRunStatus.CANCELING)),
            col(JobRun.cancel_deadline) < tx.now,
        )
        .order_by(col(JobRun.id))
        .with_for_update(key_share=True, skip_locked=True)
        .execution_options(populate_existing=True)
    )
    late = tx.session.exec(query).all()
    for run in late:
        by = tx if run.agent_id is not None and run.agent_id == agent_id else tx.by(STORE_ACTOR)
        run.fence += 1
        detail = f"'{run.agent_name}' did not end it in {CANCEL_DEADLINE_MS // 1000} s"
        end_run(by, run, JobRunStatus.CANCELED, run_label(tx.session, run), detail=detail)
        tx.tell_agent(run.agent_id)
    return len(late)


def sweep(store: Store) -> int:
    """Expire cancellations in a transaction of its own, only when there is one to expire."""
    with store.read() as session:
        due = session.exec(
            select(func.count())
            .select_from(JobRun)
            .where(
                RUN_IS_ACTIVE,
                col(JobRun.status).in_((JobRunStatus.CANCEL_REQUESTED, JobRunStatus.CANCELING)),
                col(JobRun.cancel_deadline) < store.clock.now(),
            )
        ).one()
    if not due:
        return 0
    with store.write(STORE_ACTOR) as tx:
        return expire_cancellations(tx)


def lock_run(tx: Write, run_id: int) -> JobRun:
    """The run as it is now, its row held to the end of the transaction: what follows from its status is decided on it.

    Whoever needs several rows takes those of runs first, by their ids, then leases, then agents: nobody waits in a
    circle. SQLite has one writer at a time and holds nothing more.

    Raises:
        NotFound: it was deleted.
    """
    query = select(JobRun).where(JobRun.id == run_id).with_for_update(key_share=True)
    run = tx.session.exec(query.execution_options(populate_existing=True)).first()
    if run is None:
        raise NotFound("The run was deleted a moment ago.")
    return run


def move(tx: Write, run: JobRun, status: JobRunStatus, label: str, *, detail: str = "") -> None:
    """Move a run along the table of allowed moves; every move is an event."""
    check_move(run.status, status)
    run.status = status
    run.last_status_update = tx.now
    tx.session.add(run)
    tell(tx, run, label, status, detail)


def end_run(
    tx: Write,
    run: JobRun,
    status: JobRunStatus,
    label: str,
    *,
    detail: str = "",
    error: tuple[str, str, str] = ("", "", ""),
) -> None:
    """End a run: final counters, the end of its grants and of its lease, and the event.

    Args:
        error: code, message and target of what went wrong, empty when nothing did.
    """
    if status not in ENDED:
        raise Conflict(f"A run cannot end as {status}.", code="InvalidRunMove")
    # Read first: the run ends in one UPDATE, since an agent may not touch one that has ended.
    progress = tx.session.get(RunProgress, run.id, populate_existing=True)
    move(tx, run, status, label, detail=detail or error[1])
    run.error_code, run.error_message, run.error_target = error
    run.execution_end_time = tx.now
    if progress is not None:
        for name in COUNTER_FIELDS:
            setattr(run, name, getattr(progress, name))
        run.items_deleted += progress.items_deleted_before
        run.bytes_deleted += progress.bytes_deleted_before
    tx.session.add(run)
    tx.session.execute(
        update(AccessGrant)
        .where(col(AccessGrant.run_id) == run.id, col(AccessGrant.ended_at).is_(None))
        .values(ended_at=tx.now)
        .execution_options(synchronize_session=False)
    )
    tx.session.exec(delete(RunLease).where(col(RunLease.run_id) == run.id))


def find_run(session: Session, mover: StorageMover, path: str) -> tuple[Project, JobDefinition, JobRun]:
    """The run at ``PROJECT/DEFINITION/NUMBER`` (or ``#NUMBER``); without a number, the latest."""
    definition_path, number = path, ""
    if "#" in path:
        definition_path, _, number = path.partition("#")
    elif path.count("/") == 2:
        definition_path, _, number = path.rpartition("/")
    project, definition = find_definition(session, mover, definition_path)
    query = select(JobRun).where(JobRun.definition_id == definition.id)
    if number:
        if not (number.isascii() and number.isdecimal()):
            raise InvalidInput(f"'{path}' does not name a run: write {definition_path}#NUMBER.")
        # No run has a number that the database could not hold.
        query = query.where(JobRun.number == (int(number) if len(number) < 19 else -1))
    run = session.exec(query.order_by(col(JobRun.id).desc()).limit(1)).first()
    if run is None:
        if not number:
            raise NotFound(f"'{definition_path}' has not run yet: 'longshore run start {definition_path}' runs it.")
        raise NotFound(f"'{definition_path}' has no run #{number}: its latest is #{definition.run_count}.")
    return project, definition, run


def _grant(tx: Write, run: JobRun, agent: Agent, source: Endpoint, target: Endpoint) -> None:
    """Let the chosen agent read the source, and write or only read the target, until the run ends."""
    for endpoint, permission in ((source, GrantPermission.READ), (target, target_permission(run.kind))):
        tx.session.add(
            AccessGrant(
                run_id=run.id,
                agent_id=agent.id,
                endpoint_id=endpoint.id,
                endpoint_name=endpoint.name,
                permission=permission,
                granted_at=tx.now,
                granted_by=tx.actor,
            )
        )


def _started_words(run: JobRun, source: str, target: str) -> str:
    """What was started, for its event."""
    what = run.copy_mode if run.kind == RunKind.COPY else f"{run.kind} of {run.copy_mode}"
    words = f"{what} on {run.agent_name}; read {source}, {target_permission(run.kind).lower()} {target}"
    if run.plan_number is not None:
        words += f"; plan of #{run.plan_number}"
    return words + (f"; overridden: {', '.join(run.overrides)}" if run.overrides else "")


def tell(tx: Write, run: JobRun, label: str, action: str, detail: str) -> None:
    """Record what happened to a run."""
    tx.event("job_run", run.id, label, action, mover_id=run.mover_id, detail=detail)
