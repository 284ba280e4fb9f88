"""``run items``: what did not simply transfer, item by item."""

from __future__ import annotations

import argparse
import base64
from typing import Any

from store import arm
from store.clock import rfc3339
from store.display import display
from store.queries import items as item_queries
from store.queries import retention
from store.queries.items import ItemRow
from store.queries.runs import RunRow
from store.vocabulary import ItemKind
from tui.cli import context, output
from tui.cli.run import find, row_of
from tui.cli.shown import since, windows

_KINDS = {
    ItemKind.FILE: "File",
    ItemKind.DIRECTORY: "Directory",
    ItemKind.SYMLINK: "Symlink",
    ItemKind.SPECIAL: "Special",
}


def items(options: argparse.Namespace) -> int:
    """List the items of a run that did not simply transfer, in the order of their recording."""
    with context.existing_store(options) as store:
        run_id = find(store, options).id
    run = row_of(options, run_id)
    with context.reader(options) as reader:
        removed_at = retention.expired(reader, run_id).items
        if removed_at is not None:
            output.say(f"Retention removed the items of {run.label} on {since(removed_at)}; its counters stay.")
        rows = windows(
            lambda page: item_queries.items(reader, run_id, page, outcome=options.outcome or ""),
            lambda row: str(row.id),
            options.limit,
        )
        if options.json:
            output.json_list(_resource(run, row) for row in rows)
            return 0
        count = 0
        for count, row in enumerate(rows, 1):  # noqa: B007 (used after the loop)
            output.fields((row.outcome, row.code, _kind(row), row.path, row.message))
    if options.limit is not None and count == options.limit:
        output.say(f"These are the first {count:,}: --limit all lists every one.")
    return 0


def _resource(run: RunRow, item: ItemRow) -> dict[str, Any]:
    """An item in ARM's shape; ``pathBase64`` has the bytes of a path that is not plain text."""
    identity = arm.run_id(run.mover, run.project, run.definition, run.number)
    properties: dict[str, Any] = {"path": display(item.path)}
    if not item.path.isascii() or display(item.path).encode() != item.path:
        properties["pathBase64"] = base64.b64encode(item.path).decode()
    properties |= {
        "kind": _kind(item),
        "outcome": item.outcome,
        "code": item.code,
        "message": item.message,
        "size": item.size,
        "recordedAt": rfc3339(item.at),
    }
    return {
        "id": f"{identity}/items/{item.id}",
        "name": str(item.id),
        "type": f"{arm.TYPE}/projects/jobDefinitions/jobRuns/items",
        "properties": properties,
    }


def _kind(item: ItemRow) -> str:
    return _KINDS.get(ItemKind(item.kind), item.kind) if item.kind in set(ItemKind) else item.kind
