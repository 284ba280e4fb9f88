"""The list of a run's items that need a word: failed, changed, unsupported, deleted, excluded."""

from __future__ import annotations

from typing import NamedTuple

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


class Only(NamedTuple):
    """Which items of a run are listed; empty for all of them."""

    outcome: str = ""
    code: str = ""

    @property
    def words(self) -> str:
        """``only Failed AZSM2062``, or nothing."""
        return " ".join(filter(None, ("only", self.outcome, self.code))) if any(self) else ""


ALL = Only()


def items_list(run_id: int, only: Only = ALL) -> ListSpec[ItemRow]:
    """The items of a run, or only those of an outcome and a code."""

    def query(reader: Reader, page: Page, text: str, order: str) -> Window[ItemRow]:
        sort = ItemSort(order)
        return items.items(reader, run_id, page, outcome=only.outcome, code=only.code, text=text, sort=sort)

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
