"""The list of what a run was started with."""

from __future__ import annotations

from store.queries import runs
from store.queries.snapshots import snapshot
from store.queries.window import Page, Window
from store.reader import Reader
from tui.lists.spec import ListSpec
from tui.presentation.cells import Row
from tui.presentation.snapshot_view import SETTING_COLUMNS, Setting, setting_row, settings_of


def snapshot_list(run_id: int) -> ListSpec[Setting]:
    """The snapshot of a run: some twenty lines, which never change."""

    def query(reader: Reader, page: Page, text: str, order: str) -> Window[Setting]:
        run, taken = runs.run(reader, run_id), snapshot(reader, run_id)
        found = settings_of(run, taken) if run is not None and taken is not None else []
        wanted = text.casefold()
        return Window([one for one in found if wanted in f"{one.name} {one.value}".casefold()], True, True)

    return ListSpec("As it was started", SETTING_COLUMNS, query, _rows, lambda setting, order: setting.name)


def _rows(reader: Reader, found: list[Setting]) -> list[Row]:
    return [setting_row(place, setting) for place, setting in enumerate(found)]
