"""``mover``: storage movers, the top-level resources."""

from __future__ import annotations

import argparse

from tui.actor import actor
from tui.cli import context, output
from tui.cli.shown import show_resource


def list_movers(options: argparse.Namespace) -> int:
    """List every storage mover."""
    if not options.json:
        with context.reader(options) as reader:
            from store.queries.hierarchy import movers

            rows = movers(reader)
        output.table(
            ("NAME", "AGENTS", "ENDPOINTS", "PROJECTS", "DESCRIPTION"),
            [(row.name, str(row.agents), str(row.endpoints), str(row.projects), row.description) for row in rows],
        )
        if not rows:
            output.say("There is no storage mover yet: 'longshore apply FILE' makes one from a plan file.")
        return 0
    with context.existing_store(options) as store:
        from store import arm, arm_reads

        with store.read() as session:
            output.json_list(arm.mover(mover) for mover in arm_reads.all_movers(session))
    return 0


def show(options: argparse.Namespace) -> int:
    """Show one storage mover."""
    with context.existing_store(options) as store:
        from store import arm
        from store.resources.common import find_mover

        with store.read() as session:
            resource = arm.mover(find_mover(session, options.name))
    show_resource(resource, as_json=options.json)
    return 0


def delete(options: argparse.Namespace) -> int:
    """Delete an empty storage mover, after a confirmation."""
    with context.existing_store(options, writes=True) as store:
        from store.resources.common import find_mover
        from store.resources.movers import delete_mover

        with store.read() as session:
            find_mover(session, options.name)
        context.confirm(options, f"This deletes the storage mover '{options.name}'", options.name)
        with store.write(actor()) as tx:
            delete_mover(tx, find_mover(tx.session, options.name))
    output.say(f"Deleted the storage mover '{options.name}'.")
    return 0
