"""The list of what needs an admin in a mover."""

from __future__ import annotations

from store.queries import attention
from store.queries.attention import AGENTS, RUNS, AttentionRow
from store.queries.window import Page, Window
from store.reader import Reader
from tui.lists.spec import ListSpec
from tui.presentation.attention_rows import ATTENTION_COLUMNS, attention_row
from tui.presentation.cells import Row
from tui.presentation.glyphs import Glyphs
from tui.subjects import AGENT, DEFINITION, RUN, Subject


def attention_list(mover_id: int, glyphs: Glyphs) -> ListSpec[AttentionRow]:
    """What needs an admin, the most urgent first; its columns are ``ATTENTION_COLUMNS``."""

    def query(reader: Reader, page: Page, text: str, order: str) -> Window[AttentionRow]:
        return attention.attention(reader, mover_id, page)

    def rows(reader: Reader, found: list[AttentionRow]) -> list[Row]:
        now = reader.now()
        return [attention_row(row, now, glyphs) for row in found]

    return ListSpec(
        "Needs attention",
        ATTENTION_COLUMNS,
        query,
        rows,
        lambda row, order: row.key,
        attention_subject,
        touched_by=("agent", "job_run", "job_definition"),
        ages=True,
        none="Nothing needs attention.",
        filters=False,
    )


def attention_subject(row: AttentionRow) -> Subject:
    """The agent, the run or the definition that it is about."""
    kind = AGENT if row.why in AGENTS else RUN if row.why in RUNS else DEFINITION
    return Subject(kind, row.id, row.mover, row.path, row)
