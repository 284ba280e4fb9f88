"""The list of a mover's agents."""

from __future__ import annotations

from store.queries import hierarchy
from store.queries.hierarchy import AgentRow, AgentSort
from store.queries.window import Page, Window
from store.reader import Reader
from tui.keymap import key
from tui.lists.spec import ListSpec, Order
from tui.presentation.cells import Row
from tui.presentation.glyphs import Glyphs
from tui.presentation.rows import AGENT_COLUMNS, agent_row
from tui.subjects import AGENT, Subject

ORDERS = (
    Order(AgentSort.STATE, "by state: what needs an admin first"),
    Order(AgentSort.NAME, "by name"),
)


def agents_list(mover_id: int, mover: str, glyphs: Glyphs) -> ListSpec[AgentRow]:
    """The agents of the mover of that id and name."""

    def query(reader: Reader, page: Page, text: str, order: str) -> Window[AgentRow]:
        return hierarchy.agent_window(reader, mover_id, page, text=text, sort=AgentSort(order))

    def rows(reader: Reader, found: list[AgentRow]) -> list[Row]:
        now = reader.now()
        return [agent_row(row, now, glyphs) for row in found]

    return ListSpec(
        "Agents",
        AGENT_COLUMNS,
        query,
        rows,
        lambda row, order: hierarchy.agent_key(row, AgentSort(order)),
        lambda row: Subject(AGENT, row.id, mover, row.name, row),
        ORDERS,
        ("agent", "job_run"),
        ages=True,
        none=f"No agent yet: {key('agent.register')} registers one.",
    )
