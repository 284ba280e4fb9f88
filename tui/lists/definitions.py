"""The list of job definitions in a scope."""

from __future__ import annotations

from store.queries import definitions
from store.queries.definitions import DefinitionRow, DefinitionSort
from store.queries.scope import Scope
from store.queries.window import Page, Window
from store.reader import Reader
from tui.lists.spec import ListSpec, Order
from tui.presentation.cells import Row
from tui.presentation.glyphs import Glyphs
from tui.presentation.rows import DEFINITION_COLUMNS, definition_row
from tui.subjects import DEFINITION, Subject

ORDERS = (
    Order(DefinitionSort.NAME, "by name"),
    Order(DefinitionSort.STATE, "by the state of the latest run: what needs an admin first"),
    Order(DefinitionSort.RECENT, "latest run first"),
    Order(DefinitionSort.STALE, "longest without a run first"),
)


def definitions_list(scope: Scope, glyphs: Glyphs) -> ListSpec[DefinitionRow]:
    """The definitions of a scope."""

    def query(reader: Reader, page: Page, text: str, order: str) -> Window[DefinitionRow]:
        return definitions.definitions(reader, scope, page, text=text, sort=DefinitionSort(order))

    def rows(reader: Reader, found: list[DefinitionRow]) -> list[Row]:
        now = reader.now()
        return [definition_row(row, now, glyphs) for row in found]

    return ListSpec(
        "Definitions",
        DEFINITION_COLUMNS,
        query,
        rows,
        lambda row, order: definitions.definition_key(row, DefinitionSort(order)),
        definition_subject,
        ORDERS,
        ("job_definition", "project", "job_run"),
    )


def definition_subject(row: DefinitionRow) -> Subject:
    """A definition as what keys act on."""
    return Subject(DEFINITION, row.id, row.mover, f"{row.project}/{row.name}", row)
