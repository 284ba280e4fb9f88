"""``definition``: what is copied where, and how."""

from __future__ import annotations

import argparse

from store.queries import definitions as definition_queries
from store.queries.definitions import DefinitionRow
from store.queries.scope import Scope
from tui.actor import actor
from tui.cli import context, output
from tui.cli.lost import say_losses
from tui.cli.shown import show_resource, windows


def list_definitions(options: argparse.Namespace) -> int:
    """List the job definitions of a mover or of one project."""
    with context.existing_store(options) as store:
        from store import arm_reads
        from store.models import Project
        from store.resources.common import find_in_mover, find_mover

        with store.read() as session:
            mover = find_mover(session, options.mover)
            project = None
            if options.project is not None:
                project = find_in_mover(session, Project, "project", mover, options.project)
            if options.json:
                output.json_list(arm_reads.definitions(session, mover, project))
                return 0
    scope = Scope("mover", mover.id) if project is None else Scope("project", project.id)
    with context.reader(options) as reader:
        pages = windows(
            lambda page: definition_queries.definitions(reader, scope, page), definition_queries.definition_key
        )
        rows = [
            (
                definition_queries.definition_key(row),
                row.copy_mode,
                _place(row.source, row.source_subpath),
                _place(row.target, row.target_subpath),
                row.agent_name or "-",
                _latest(row),
                row.description,
            )
            for row in pages
        ]
    output.table(("DEFINITION", "MODE", "SOURCE", "TARGET", "AGENT", "LATEST RUN", "DESCRIPTION"), rows)
    return 0


def _latest(row: DefinitionRow) -> str:
    """Its status alone would tell a success that left something undone as a whole one."""
    if not row.run_status:
        return "never run"
    return f"#{row.run_number} {row.run_status}" + (f", {row.to_look_at:,} to look at" if row.to_look_at else "")


def show(options: argparse.Namespace) -> int:
    """Show one job definition."""
    with context.existing_store(options) as store:
        from store import arm_reads
        from store.resources.common import find_definition, find_mover

        with store.read() as session:
            mover = find_mover(session, options.mover)
            project, definition = find_definition(session, mover, options.name)
            (resource,) = arm_reads.definitions(session, mover, project, definition)
            show_resource(resource, as_json=options.json)
            say_losses(session, definition)
    return 0


def delete(options: argparse.Namespace) -> int:
    """Delete a job definition with its history, after a confirmation."""
    with context.existing_store(options, writes=True) as store:
        from store.resources.common import find_definition, find_mover
        from store.resources.definitions import delete_definition

        with store.read() as session:
            mover = find_mover(session, options.mover)
            _, definition = find_definition(session, mover, options.name)
        runs = "1 run" if definition.run_count == 1 else f"{definition.run_count} runs"
        context.confirm(
            options, f"This deletes the job definition '{options.name}' and the history of its {runs}", definition.name
        )
        with store.write(actor()) as tx:
            mover = find_mover(tx.session, options.mover)
            project, definition = find_definition(tx.session, mover, options.name)
            delete_definition(tx, mover, project, definition)
    output.say(f"Deleted the job definition '{options.name}' and the history of its {runs}.")
    return 0


def _place(endpoint: str, sub_path: str) -> str:
    return f"{endpoint}/{sub_path}" if sub_path else endpoint
