"""The list of the definitions that use an endpoint."""

from __future__ import annotations

from dataclasses import replace

from store.queries.definitions import DefinitionRow
from store.queries.scope import Scope
from store.reader import Reader
from tui.lists.definitions import definitions_list
from tui.lists.spec import ListSpec
from tui.presentation.cells import Row
from tui.presentation.endpoint_view import USER_COLUMNS, user_row
from tui.presentation.glyphs import Glyphs


def users_list(endpoint_id: int, endpoint: str, glyphs: Glyphs) -> ListSpec[DefinitionRow]:
    """The definitions of which an endpoint is the source, the target, or both."""

    def rows(reader: Reader, found: list[DefinitionRow]) -> list[Row]:
        now = reader.now()
        return [user_row(row, endpoint, now, glyphs) for row in found]

    spec = definitions_list(Scope("endpoint", endpoint_id), glyphs)
    return replace(spec, title="Used by", columns=USER_COLUMNS, rows=rows, none="No definition uses this endpoint.")
