"""The list of what happened: the audit of everything, or of a resource and what is below it."""

from __future__ import annotations

from store.queries import events
from store.queries.events import KINDS, AuditRow
from store.queries.scope import Scope
from store.queries.window import Page, Window
from store.reader import Reader
from tui.lists.spec import ListSpec
from tui.presentation.audit_rows import AUDIT_COLUMNS, audit_row
from tui.presentation.cells import Row
from tui.subjects import WORDS, Subject

_KIND_OF = {table: kind for kind, table in KINDS.items() if kind in WORDS}


def events_list(scope: Scope | None, title: str = "What happened") -> ListSpec[AuditRow]:
    """The events of a resource, newest first, or all of them; its columns are ``AUDIT_COLUMNS``."""

    def query(reader: Reader, page: Page, text: str, order: str) -> Window[AuditRow]:
        return events.events(reader, scope, page, text=text)

    def rows(reader: Reader, found: list[AuditRow]) -> list[Row]:
        now = reader.now()
        return [audit_row(event, now) for event in found]

    return ListSpec(
        title,
        AUDIT_COLUMNS,
        query,
        rows,
        lambda row, order: events.event_key(row),
        event_subject,
        # What it tells of may be deleted, too, which no row of the list's own says.
        touched_by=("event",),
        ages=True,
        copies=lambda event: event.detail or event.path,
        none="Nothing has happened yet.",
    )


def event_subject(event: AuditRow) -> Subject | None:
    """The resource that an event is of, if it is still there and has a screen."""
    kind = _KIND_OF.get(event.kind)
    return Subject(kind, event.resource_id, event.mover, event.path) if kind and event.there else None
