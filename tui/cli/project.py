"""``project``: groups of job definitions."""

from __future__ import annotations

import argparse

from tui.actor import actor
from tui.cli import context, output
from tui.cli.shown import show_resource


def list_projects(options: argparse.Namespace) -> int:
    """List the projects of a mover."""
    with context.existing_store(options) as store:
        from store import arm_reads
        from store.queries import hierarchy
        from store.resources.common import find_mover

        with store.read() as session:
            mover = find_mover(session, options.mover)
            if options.json:
                output.json_list(arm_reads.projects(session, mover))
                return 0
    with context.reader(options) as reader:
        rows = hierarchy.projects(reader, mover.id, limit=1_000_000)
    output.table(
        ("NAME", "DEFINITIONS", "ACTIVE", "DESCRIPTION"),
        [(row.name, str(row.definitions), str(row.active_runs), row.description) for row in rows],
    )
    return 0


def show(options: argparse.Namespace) -> int:
    """Show one project."""
    with context.existing_store(options) as store:
        from store import arm
        from store.models import Project
        from store.resources.common import find_in_mover, find_mover

        with store.read() as session:
            mover = find_mover(session, options.mover)
            resource = arm.project(mover.name, find_in_mover(session, Project, "project", mover, options.name))
    show_resource(resource, as_json=options.json)
    return 0


def delete(options: argparse.Namespace) -> int:
    """Delete a project with its definitions and their history, after a confirmation that counts them."""
    with context.existing_store(options, writes=True) as store:
        from store import arm_reads
        from store.models import Project
        from store.resources.common import find_in_mover, find_mover
        from store.resources.projects import delete_project

        with store.read() as session:
            mover = find_mover(session, options.mover)
            project = find_in_mover(session, Project, "project", mover, options.name)
            count = arm_reads.definition_count(session, project)
        inside = "1 job definition and its" if count == 1 else f"{count} job definitions and their"
        context.confirm(options, f"This deletes the project '{options.name}' with {inside} history", options.name)
        with store.write(actor()) as tx:
            mover = find_mover(tx.session, options.mover)
            delete_project(tx, mover, find_in_mover(tx.session, Project, "project", mover, options.name))
    output.say(f"Deleted the project '{options.name}' with {inside} history.")
    return 0
