"""The list of endpoints in a scope."""

from __future__ import annotations

from store.queries import hierarchy
from store.queries.hierarchy import EndpointRow, EndpointSort
from store.queries.scope import Scope
from store.queries.window import Page, Window
from store.reader import Reader
from tui.lists.spec import ListSpec, Order
from tui.presentation.cells import Row
from tui.presentation.rows import ENDPOINT_COLUMNS, endpoint_row
from tui.subjects import ENDPOINT, Subject

ORDERS = (Order(EndpointSort.NAME, "by name"), Order(EndpointSort.TYPE, "by type, then by name"))


def endpoints_list(scope: Scope, mover: str) -> ListSpec[EndpointRow]:
    """The endpoints of a scope, in the mover of that name."""

    def query(reader: Reader, page: Page, text: str, order: str) -> Window[EndpointRow]:
        return hierarchy.endpoints(reader, scope, page, text=text, sort=EndpointSort(order))

    return ListSpec(
        "Endpoints",
        ENDPOINT_COLUMNS,
        query,
        _rows,
        lambda row, order: hierarchy.endpoint_key(row, EndpointSort(order)),
        lambda row: Subject(ENDPOINT, row.id, mover, row.name, row),
        ORDERS,
        ("endpoint", "job_definition", "access_grant"),
    )


def _rows(reader: Reader, found: list[EndpointRow]) -> list[Row]:
    return [endpoint_row(row) for row in found]
