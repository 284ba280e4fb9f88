"""``endpoint``: the storage locations of a mover."""

from __future__ import annotations

import argparse

from store.queries.scope import Scope
from tui.actor import actor
from tui.cli import context, output
from tui.cli.shown import show_resource, windows


def list_endpoints(options: argparse.Namespace) -> int:
    """List the endpoints of a mover."""
    with context.existing_store(options) as store:
        from store import arm_reads
        from store.queries import hierarchy
        from store.resources.common import find_mover

        with store.read() as session:
            mover = find_mover(session, options.mover)
            if options.json:
                output.json_list(arm_reads.endpoints(session, mover))
                return 0
    scope = Scope("mover", mover.id)
    with context.reader(options) as reader:
        pages = windows(lambda page: hierarchy.endpoints(reader, scope, page), lambda row: row.name)
        rows = [(r.name, r.endpoint_type, str(r.definitions), r.place, r.description) for r in pages]
    output.table(("NAME", "TYPE", "USES", "PLACE", "DESCRIPTION"), rows)
    return 0


def show(options: argparse.Namespace) -> int:
    """Show one endpoint."""
    with context.existing_store(options) as store:
        from store import arm
        from store.models import Endpoint
        from store.resources.common import find_in_mover, find_mover

        with store.read() as session:
            mover = find_mover(session, options.mover)
            endpoint = find_in_mover(session, Endpoint, "endpoint", mover, options.name)
            resource = arm.endpoint(mover.name, endpoint)
    show_resource(resource, as_json=options.json)
    return 0


def delete(options: argparse.Namespace) -> int:
    """Delete an endpoint that no definition uses, after a confirmation."""
    with context.existing_store(options, writes=True) as store:
        from store.models import Endpoint
        from store.resources.common import find_in_mover, find_mover
        from store.resources.endpoints import delete_endpoint

        with store.read() as session:
            mover = find_mover(session, options.mover)
            found = find_in_mover(session, Endpoint, "endpoint", mover, options.name)
        context.confirm(options, f"This deletes the endpoint '{found.name}' ({found.place})", found.name)
        with store.write(actor()) as tx:
            mover = find_mover(tx.session, options.mover)
            delete_endpoint(tx, mover, find_in_mover(tx.session, Endpoint, "endpoint", mover, options.name))
    output.say(f"Deleted the endpoint '{options.name}'. Its files were not touched.")
    return 0
