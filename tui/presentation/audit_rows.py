"""Events as rows of the audit: when, who, to what, what, and the details."""

from __future__ import annotations

from datetime import datetime

from store.display import display
from store.queries.events import AuditRow
from tui.presentation.cells import Cell, Column, Row
from tui.presentation.rows import ago

AUDIT_COLUMNS = (
    Column("Time", 19, priority=1),
    Column("When", 9, "right", priority=6),
    Column("Who", 14, priority=4),
    Column("Kind", 10, priority=2),
    Column("Of", None, min_width=18, priority=8, keep="#"),
    Column("What", 16, priority=9),
    Column("Detail", None, min_width=12, priority=5),
)

KIND_WORDS = {
    "storage_mover": "mover",
    "job_definition": "definition",
    "job_run": "run",
}
"""Shorter than the tables' names."""

DETAIL_LINES = 3


def audit_row(event: AuditRow, now: int) -> Row:
    """An event's line."""
    return Row(
        str(event.id),
        (
            Cell(moment(event.at), "dim"),
            Cell(ago(now, event.at), "dim"),
            Cell(display(event.actor)),
            Cell(KIND_WORDS.get(event.kind, display(event.kind)), "dim"),
            Cell(display(event.path), "" if event.there else "dim"),
            Cell(display(event.action), "strong"),
            Cell(display(event.detail)),
        ),
    )


def audit_lines(event: AuditRow | None, width: int) -> list[list[Cell]]:
    """One event in full, in ``DETAIL_LINES`` lines: what a row has no room for."""
    if event is None:
        return []
    gone = "" if event.there or event.kind == "retention" else " (gone)"
    head = [
        Cell(f"{moment(event.at)}  ", "dim"),
        Cell(display(event.actor), "strong"),
        Cell(f"  {KIND_WORDS.get(event.kind, display(event.kind))} {display(event.resource)}{gone}  "),
        Cell(display(event.action), "strong"),
    ]
    detail = display(event.detail)
    return [head, *([Cell(detail[at : at + width], "")] for at in range(0, len(detail), width))][:DETAIL_LINES]


def moment(at: int) -> str:
    """A store time in the terminal's time zone: ``2026-11-22 10:15:00``."""
    return datetime.fromtimestamp(at / 1000).astimezone().strftime("%Y-%m-%d %H:%M:%S")
