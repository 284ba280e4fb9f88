"""The list of a run's items that need a word: failed, changed, unsupported, deleted, excluded."""

from __future__ import annotations

from store.queries import items, runs
from store.queries.items import ItemRow, ItemSort
from store.queries.window import Page, Window
from store.reader import Reader
from store.vocabulary import RunKind
from tui.lists.spec import ListSpec, Order
from tui.presentation.cells import Row
from tui.presentation.rows import ITEM_COLUMNS, item_row
from tui.presentation.run_view import LISTED

ORDERS = (Order(ItemSort.RECORDED, "as they were recorded"), Order(ItemSort.SIZE, "largest first"))


def items_list(run_id: int) -> ListSpec[ItemRow]:
    """The items of a run."""

    def query(reader: Reader, page: Page, text: str, order: str) -> Window[ItemRow]:
        return items.items(reader, run_id, page, text=text, sort=ItemSort(order))

    def rows(reader: Reader, found: list[ItemRow]) -> list[Row]:
        run = runs.run(reader, run_id)
        return [item_row(item, run.kind if run is not None else RunKind.COPY) for item in found]

    listed = LISTED[RunKind.COPY]
    return ListSpec(
        listed.title,
        ITEM_COLUMNS,
        query,
        rows,
        lambda row, order: items.item_key(row, ItemSort(order)),
        orders=ORDERS,
        copies=lambda item: item.path,
        none=listed.none,
    )
