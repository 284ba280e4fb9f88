"""Whether a run can be started, and why not: asked before it is offered, and again when it is started."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from sqlmodel import Session, col, select

from store import arm
from store.errors import AgentUnavailable, Conflict, InvalidInput, NotFound
from store.models import RUN_IS_ACTIVE, Agent, Endpoint, JobDefinition, JobRun, Project, StorageMover
from store.pairs import location
from store.resources.common import active_run, find_definition, find_in_mover, run_label
from store.rules import NAME, location_overlaps
from store.settings import CopySettings
from store.vocabulary import AgentStatus, CopyMode, Guard, JobRunStatus, RunKind


class Startable(NamedTuple):
    """What a run would be made of."""

    project: Project
    definition: JobDefinition
    agent: Agent
    source: Endpoint
    target: Endpoint
    target_key: str
    mode: CopyMode
    properties: dict[str, Any]


def check_start(
    session: Session,
    mover: StorageMover,
    definition_path: str,
    *,
    agent_name: str | None,
    copy_mode: CopyMode | None,
    kind: RunKind,
    plan: JobRun | None,
    overrides: Collection[Guard],
) -> Startable:
    """Refuse a run that :func:`store.resources.runs.start_run` would refuse now; its arguments and errors are those."""
    project, definition = find_definition(session, mover, definition_path)
    label = f"{project.name}/{definition.name}"
    held = active_run(session, definition.id)
    if held is not None:
        raise Conflict(
            f"The job definition '{label}' already has run #{held.number} on '{held.agent_name}' ({held.status}): "
            "wait for it, or stop it first.",
            code="RunActive",
        )
    agent = _choose_agent(session, mover, definition, agent_name)
    source = session.get_one(Endpoint, definition.source_id)
    target = session.get_one(Endpoint, definition.target_id)
    target_key = location(target, definition.target_subpath)
    _refuse_busy_target(session, target_key, target.name)

    mode = copy_mode or definition.copy_mode
    properties = {**arm.definition_properties(definition, source, target), "copyMode": mode}
    if kind == RunKind.VERIFY and overrides:
        raise InvalidInput("A verify run deletes nothing, so it has no guard to override: leave that out.")
    if plan is not None:
        _check_plan(session, kind, plan, definition.id, properties)
    return Startable(project, definition, agent, source, target, target_key, mode, properties)


def _choose_agent(session: Session, mover: StorageMover, definition: JobDefinition, name: str | None) -> Agent:
    chosen = name or definition.agent_name
    if not chosen:
        names = session.exec(select(Agent.name).where(Agent.mover_id == mover.id).order_by(Agent.name).limit(5)).all()
        hint = f"choose one of {', '.join(names)} with --agent." if names else "register one first."
        raise AgentUnavailable(f"No agent was chosen for '{definition.name}': {hint}", code="NoAgent")
    return agent_for_runs(session, mover, chosen)


def agent_for_runs(session: Session, mover: StorageMover, name: str) -> Agent:
    """The agent of that name, which can be given runs of this mover.

    Raises:
        AgentUnavailable: there is none, it is another mover's, or it requires attention.
    """
    try:
        agent = find_in_mover(session, Agent, "agent", mover, name)
    except NotFound as error:
        query = select(StorageMover.name).join(Agent, col(Agent.mover_id) == StorageMover.id)
        elsewhere = session.exec(query.where(Agent.name == name)).first() if NAME.fullmatch(name) else None
        if elsewhere is None:
            raise AgentUnavailable(error.sentence, code="NoAgent") from error
        raise AgentUnavailable(
            f"The agent '{name}' belongs to the storage mover '{elsewhere}' and cannot work for '{mover.name}': "
            "choose an agent of this one.",
            code="AgentOfAnotherMover",
        ) from error
    if agent.status in (AgentStatus.REQUIRES_ATTENTION, AgentStatus.UNREGISTERING):
        why = f" ({agent.error_message})" if agent.error_message else ""
        raise AgentUnavailable(
            f"The agent '{agent.name}' is {agent.status}{why}: set it right, or choose another.", code="AgentNotReady"
        )
    return agent


def _check_plan(
    session: Session, kind: RunKind, plan: JobRun, definition_id: int, properties: Mapping[str, Any]
) -> None:
    """Refuse a plan that is none, or that was made of something else than what is to run now."""
    label = run_label(session, plan)
    if kind != RunKind.COPY:
        raise InvalidInput(f"A {kind.lower()} run carries out no plan: leave the plan out, or start a copy.")
    if plan.definition_id != definition_id:
        raise InvalidInput(f"The plan '{label}' is of another job definition: start that one.", code="PlanOfAnother")
    if plan.kind != RunKind.PREVIEW:
        raise InvalidInput(
            f"The run '{label}' is no preview and has no plan: make one with --preview.", code="NotAPreview"
        )
    if plan.status != JobRunStatus.SUCCEEDED:
        raise Conflict(
            f"The preview '{label}' is {plan.status}, and only one that Succeeded is a plan: make another.",
            code="PlanIncomplete",
        )
    if plan.report_expired_at is not None:
        raise Conflict(
            f"Retention has removed the plan of the preview '{label}': make a new preview.", code="PlanExpired"
        )
    if plan.copy_mode != properties["copyMode"]:
        raise Conflict(
            f"The plan '{label}' was made for {plan.copy_mode}, and this run would be {properties['copyMode']}: "
            f"start it with --mode {plan.copy_mode}, or make a new preview.",
            code="PlanOutdated",
        )
    if CopySettings.from_properties(plan.definition_properties) != CopySettings.from_properties(properties):
        raise Conflict(
            f"The settings of the job definition have changed since the plan '{label}' was made: make a new preview.",
            code="PlanOutdated",
        )


def _refuse_busy_target(session: Session, target_key: str, name: str) -> None:
    # Hundreds may be active while the others' writes wait: nothing but what is compared is read of them.
    for run_id, key in session.exec(select(JobRun.id, JobRun.target_key).where(RUN_IS_ACTIVE)).all():
        if location_overlaps(key, target_key):
            run = session.get_one(JobRun, run_id)
            raise Conflict(
                f"The target '{name}' is being written by '{run_label(session, run)}' ({run.status}): "
                "wait for it, or stop it first.",
                code="AZSM1027",
            )
