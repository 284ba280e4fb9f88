"""``event``: what happened, the newest first."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from store.clock import rfc3339
from store.queries import events
from store.queries.events import AuditRow
from store.queries.scope import Scope
from store.reader import Reader
from tui.cli import context, exit_codes, output
from tui.cli.shown import since, windows

if TYPE_CHECKING:
    from sqlmodel import Session


def list_events(options: argparse.Namespace) -> int:
    """List what happened everywhere, in a mover, or to a resource and what is below it."""
    with context.existing_store(options) as store:
        with store.read() as session:
            scope = _scope(session, options)
        with context.reader(options) as reader:
            found = _events(reader, scope, options)
            if options.json:
                output.json_list(_as_json(event) for event in found)
                return exit_codes.FINE
            none = True
            for event in found:
                none = False
                output.fields((since(event.at), event.actor, event.kind, event.resource, event.action, event.detail))
    if none:
        output.say("Nothing happened that fits.")
    return exit_codes.FINE


def _events(reader: Reader, scope: Scope | None, options: argparse.Namespace) -> Iterator[AuditRow]:
    return windows(lambda page: events.events(reader, scope, page, text=options.text), events.event_key, options.limit)


def _scope(session: Session, options: argparse.Namespace) -> Scope | None:
    """What was named; None for everything."""
    from store.models import Agent, Endpoint, Project
    from store.resources.common import find_definition, find_in_mover, find_mover
    from store.resources.runs import find_run

    if options.on is None:
        return Scope("mover", find_mover(session, options.mover).id) if options.mover else None
    kind, path = options.on
    if kind == "mover":
        return Scope(kind, find_mover(session, path).id)
    mover = find_mover(session, options.mover)
    match kind:
        case "definition":
            return Scope(kind, find_definition(session, mover, path)[1].id)
        case "run":
            return Scope(kind, find_run(session, mover, path)[2].id)
        case "project":
            return Scope(kind, find_in_mover(session, Project, kind, mover, path).id)
        case "endpoint":
            return Scope(kind, find_in_mover(session, Endpoint, kind, mover, path).id)
        case _:
            return Scope(kind, find_in_mover(session, Agent, kind, mover, path).id)


def _as_json(event: AuditRow) -> dict[str, object]:
    """An event as an object; ARM has no word for it."""
    return {
        "id": event.id,
        "time": rfc3339(event.at),
        "actor": event.actor,
        "mover": event.mover,
        "kind": event.kind,
        "resource": event.resource,
        "action": event.action,
        "detail": event.detail,
    }
