"""What the screen asks of the store beyond starting and stopping one run: deletions, tokens, hand-overs, and whether
several starts would be refused.

Each call is one operation, made in a thread. A read goes through the ORM here because it asks the store's own rules.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from store.errors import Conflict, LongshoreError, NotFound, StoreUnavailable
from tui.commands import Commands
from tui.deeds import Doomed, RunToGive, StartToCheck, Token
from tui.subjects import Subject

if TYPE_CHECKING:
    from sqlmodel import Session

    from store.models import JobRun


class DeedCommands:
    """The rarer writes of one screen; each may raise what the store refuses with, ``LongshoreError``."""

    def __init__(self, commands: Commands) -> None:
        self._commands = commands

    # Deleting

    def doomed(self, subjects: Sequence[Subject]) -> list[Doomed]:
        """What each deletion would take along, and what is in its way."""
        from store.resources.deletion import check_delete, find_deletable, goes_along

        found = []
        with self._commands.reading() as (session, _):
            for subject in subjects:
                resource = find_deletable(session, subject.kind, subject.id)
                if resource is None:
                    found.append(Doomed(subject, refusal=_gone(subject)))
                    continue
                along = goes_along(session, resource)
                refusal = _refusal(partial(check_delete, session, resource))
                found.append(Doomed(subject, along.definitions, along.runs, refusal))
        return found

    def delete(self, doomed: Doomed) -> bool:
        """Delete something, or unregister an agent.

        Raises:
            Conflict: something is in the way, or more would go along than was confirmed.
            NotFound: it is gone already.
        """
        from store.resources.deletion import delete_resource, find_deletable, goes_along

        subject = doomed.subject
        with self._commands.writing() as tx:
            resource = find_deletable(tx.session, subject.kind, subject.id)
            if resource is None:
                raise NotFound(_gone(subject))
            along = goes_along(tx.session, resource)
            if along.runs > doomed.runs or along.definitions > doomed.definitions:
                raise Conflict(
                    f"The {subject.words} has more to lose than when you were asked: look again, then delete it.",
                    code="Changed",
                )
            delete_resource(tx, resource)
        return True

    # Starting

    def refused_starts(self, starts: Sequence[StartToCheck]) -> list[str]:
        """Why each of these starts would be refused now; empty for those that would not."""
        with self._commands.reading() as (session, _):
            return [_refusal(partial(_check_start, session, start)) for start in starts]

    # Endpoints

    def request_test(self, subject: Subject, agent: str, writes: bool) -> int:
        """Let an agent try an endpoint; the test's id.

        Raises:
            LongshoreError: the store refused; the sentence says why.
        """
        from store.resources.common import find_mover
        from store.resources.endpoint_tests import request_test

        with self._commands.writing() as tx:
            mover = find_mover(tx.session, subject.mover)
            return request_test(tx, mover, subject.path, agent, writes=writes).id

    # Agents

    def make_token(self, mover: str) -> Token:
        """A one-time registration token for a new agent of a mover."""
        from store.execution.trust import issue_token
        from store.resources.common import find_mover

        with self._commands.writing() as tx:
            row, text = issue_token(tx, find_mover(tx.session, mover))
            return Token(row.id, text, row.expires_at)

    # Handing over

    def run_to_give(self, run_id: int) -> RunToGive:
        """What is to be known of a run before it is given to another agent.

        Raises:
            Conflict: it cannot be given away now. NotFound: it is gone.
        """
        from store.endpoints import place_of
        from store.models import JobRun
        from store.resources.handover import check_lease, check_status
        from store.resources.runs import run_label

        with self._commands.reading() as (session, now):
            run = _found(session.get(JobRun, run_id))
            label = run_label(session, run)
            check_status(run, label)
            check_lease(session, run, label, now)
            source, target = place_of(run.source_properties), place_of(run.target_properties)
            return RunToGive(label, run.agent_name, source, target)

    def hand_over(self, run_id: int, agent: str) -> bool:
        """Give a run to another agent.

        Raises:
            Conflict: it cannot be given away now. AgentUnavailable: the other agent cannot take it.
        """
        from store.models import JobRun, StorageMover
        from store.resources.handover import hand_over

        with self._commands.writing() as tx:
            run = _found(tx.session.get(JobRun, run_id))
            hand_over(tx, tx.session.get_one(StorageMover, run.mover_id), run, agent)
        return True


def _check_start(session: Session, start: StartToCheck) -> None:
    from store.models import JobRun
    from store.resources.common import find_mover
    from store.resources.start_checks import check_start

    launch = start.launch
    plan = None if launch.plan_id is None else _found(session.get(JobRun, launch.plan_id))
    check_start(
        session,
        find_mover(session, start.mover),
        start.definition,
        agent_name=launch.agent or None,
        copy_mode=launch.mode,
        kind=launch.kind,
        plan=plan,
        overrides=launch.overrides,
    )


def _refusal(check: Callable[[], None]) -> str:
    """Why a check refuses; trouble with the store itself is none."""
    try:
        check()
    except StoreUnavailable:
        raise
    except LongshoreError as error:
        return error.sentence
    return ""


def _gone(subject: Subject) -> str:
    return f"The {subject.words} is gone already."


def _found(run: JobRun | None) -> JobRun:
    if run is None:
        raise NotFound("The run was deleted a moment ago.")
    return run
