"""``run``: start, list, show, watch, stop and hand over job runs."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from store.errors import Conflict, NotFound
from store.queries import runs as run_queries
from store.queries.runs import RunRow
from store.queries.scope import Scope
from store.reader import Reader
from store.vocabulary import CopyMode, RunKind
from tui.actor import actor
from tui.cli import context, exit_codes, output, run_text, waiting
from tui.cli.shown import windows
from tui.reports import planned_actions

if TYPE_CHECKING:
    from sqlmodel import Session

    from store.db import Store
    from store.models import JobRun

EVENTS_SHOWN = 50
GRANTS_SHOWN = 20


def start(options: argparse.Namespace) -> int:
    """Start a run; with ``--wait`` follow it to its end."""
    with context.existing_store(options, writes=True) as store:
        from store.resources.common import find_mover
        from store.resources.runs import find_run, start_run

        with store.write(actor()) as tx:
            mover = find_mover(tx.session, options.mover)
            run = start_run(
                tx,
                mover,
                options.definition,
                agent_name=options.agent,
                copy_mode=CopyMode(options.mode) if options.mode else None,
                kind=RunKind(options.kind),
                plan=find_run(tx.session, mover, options.plan)[2] if options.plan else None,
                overrides=options.override,
                report=options.report,
            )
        row = row_of(options, run.id)
        if row.agent_offline:
            output.say(waiting.not_running(row))
        else:
            output.say(f"Started {row.label} ({run_text.what(row)}) on the agent '{row.agent_name}'.")
        if options.wait:
            return _follow(options, store, run.id, quiet=options.json)
        if options.json:
            _print_resource(store, run.id)
        else:
            output.data(row.label)
    return exit_codes.FINE


def watch(options: argparse.Namespace) -> int:
    """Follow a run to its end."""
    with context.existing_store(options) as store:
        return _follow(options, store, find(store, options).id, quiet=False)


def stop(options: argparse.Namespace) -> int:
    """Ask for the end of a run; with ``--wait`` until it has ended."""
    with context.existing_store(options, writes=True) as store:
        from store.resources.common import find_mover
        from store.resources.runs import find_run, request_cancel

        run_id = find(store, options).id
        try:
            with store.write(actor()) as tx:
                _, _, run = find_run(tx.session, find_mover(tx.session, options.mover), options.run)
                run_id = request_cancel(tx, run).id
        except Conflict as error:
            if not (options.wait and error.code == "AlreadyCanceling"):
                raise
        row = row_of(options, run_id)
        if options.wait:
            row = waiting.until_end(store, run_id, quiet=False, sweeps=True)
        output.data(f"{row.label} {row.status}")
        if row.active:
            output.say("It ends as soon as its agent has heard of it, or after 30 s without it.")
    return exit_codes.FINE


def hand_over(options: argparse.Namespace) -> int:
    """Give a run whose agent is lost to another one, after a confirmation."""
    with context.existing_store(options, writes=True) as store:
        from store.endpoints import place_of
        from store.resources.common import find_mover
        from store.resources.handover import hand_over as give
        from store.resources.runs import find_run

        run = find(store, options)
        label = row_of(options, run.id).label
        source, target = place_of(run.source_properties), place_of(run.target_properties)
        context.ask(
            options,
            f"This hands {label} from '{run.agent_name}' to '{options.agent}', which must find the same at "
            f"'{source}' and '{target}'",
            options.agent,
        )
        with store.write(actor()) as tx:
            mover = find_mover(tx.session, options.mover)
            # By its number: the latest may be another one by now.
            give(tx, mover, find_run(tx.session, mover, label)[2], options.agent)
        row = row_of(options, run.id)
        output.data(f"{row.label} {row.status} {row.agent_name}")
        if row.agent_offline:
            output.say(waiting.not_running(row))
    return exit_codes.FINE


def list_runs(options: argparse.Namespace) -> int:
    """List runs, the newest first."""
    with context.existing_store(options) as store:
        with store.read() as session:
            scope = _scope(session, options)
        with context.reader(options) as reader:
            rows = _active_runs(reader, scope, options.limit) if options.active else _runs(reader, scope, options.limit)
            now = reader.now()
        if options.json:
            from store import arm_reads

            with store.read() as session:
                output.json_list(arm_reads.runs(session, [row.id for row in rows]))
            return exit_codes.FINE
    output.table(run_text.HEADINGS, [run_text.columns(row, now) for row in rows])
    if not rows:
        output.say("No run has been started there yet." if not options.active else "No run is active there.")
    return exit_codes.FINE


def show(options: argparse.Namespace) -> int:
    """Show one run and what happened to it."""
    with context.existing_store(options) as store:
        run_id = find(store, options).id
        if options.json:
            _print_resource(store, run_id)
            return exit_codes.FINE
    from store.queries.grants import grants
    from store.queries.retention import expired
    from store.queries.window import Page

    with context.reader(options) as reader:
        row = run_queries.run(reader, run_id)
        if row is None:
            raise NotFound(f"The run '{options.run}' was deleted a moment ago.")
        events = run_queries.run_events(reader, run_id, Page(limit=EVENTS_SHOWN)).rows
        actions = planned_actions(reader, row)
        gone = expired(reader, run_id)
        may = grants(reader, Scope("run", run_id), Page(limit=GRANTS_SHOWN)).rows
        now = reader.now()
    output.properties(run_text.facts(row, now, actions, gone))
    output.data("")
    for grant in may:
        output.data(run_text.grant_line(grant))
    output.data("")
    for event in reversed(events):
        output.data(run_text.event_line(event))
    return exit_codes.FINE


def _follow(options: argparse.Namespace, store: Store, run_id: int, *, quiet: bool) -> int:
    """Wait for the end of a run, print what came of it, and return the run's exit code."""
    try:
        row = waiting.until_end(store, run_id, quiet=quiet, sweeps=not options.read_only)
    except KeyboardInterrupt:
        label = row_of(options, run_id).label
        output.say(f"The run goes on: 'longshore run watch {label}' follows it, 'longshore run stop {label}' stops it.")
        return exit_codes.CANCELED
    if options.json:
        _print_resource(store, run_id)
    else:
        with context.reader(options) as reader:
            output.data(run_text.result(row, planned_actions(reader, row)))
    advice = run_text.advice(row)
    if advice:
        output.say(advice)
    return exit_codes.of_run(row)


def find(store: Store, options: argparse.Namespace) -> JobRun:
    """The run that the command line names."""
    from store.resources.common import find_mover
    from store.resources.runs import find_run

    with store.read() as session:
        return find_run(session, find_mover(session, options.mover), options.run)[2]


def _scope(session: Session, options: argparse.Namespace) -> Scope:
    """What ``PROJECT``, ``PROJECT/DEFINITION`` or nothing stands for."""
    from store.models import Project
    from store.resources.common import find_definition, find_in_mover, find_mover

    mover = find_mover(session, options.mover)
    if options.scope is None:
        return Scope("mover", mover.id)
    if "/" in options.scope:
        return Scope("definition", find_definition(session, mover, options.scope)[1].id)
    return Scope("project", find_in_mover(session, Project, "project", mover, options.scope).id)


def row_of(options: argparse.Namespace, run_id: int) -> RunRow:
    with context.reader(options) as reader:
        row = run_queries.run(reader, run_id)
    if row is None:
        raise NotFound("The run was deleted a moment ago.")
    return row


def _print_resource(store: Store, run_id: int) -> None:
    from store import arm_reads

    with store.read() as session:
        for resource in arm_reads.runs(session, [run_id]):
            output.json_data(resource)


def _runs(reader: Reader, scope: Scope, limit: int | None) -> list[RunRow]:
    """The runs in a scope, the newest first."""
    return list(windows(lambda page: run_queries.runs(reader, scope, page), lambda row: str(row.id), limit))


def _active_runs(reader: Reader, scope: Scope, limit: int | None) -> list[RunRow]:
    """Those that have not ended; the history is not read for them."""
    rows = run_queries.runs_by_id(reader, run_queries.active_run_ids(reader))
    inside = [row for row in rows if getattr(row, f"{scope.kind}_id") == scope.id]
    return sorted(inside, key=lambda row: row.id, reverse=True)[:limit]
