"""``demo --headless``: one migration from end to end, and a comparison that owes nothing to the copy engine."""

from __future__ import annotations

from store.errors import LongshoreError
from store.queries.runs import RunRow
from tui.actor import actor
from tui.cli import exit_codes, output, run_text, waiting
from tui.demo.agents import Agents
from tui.demo.compare import differences
from tui.demo.place import DemoDirectory
from tui.demo.trees import TreeMaker
from tui.presentation import format as figures

DEFINITION = "nas1-migration/project-shares"
TARGET = "new-nas/projects"
SHOWN = 20
"""Differences that are named; the rest is counted."""


def migrate(directory: DemoDirectory, source: str, trees: TreeMaker, agents: Agents) -> int:
    """Run one definition, print what came of it, and compare both sides: 0 when they are equal."""
    output.say(f"Making sample trees in {directory.path}.")
    if not trees.wait_for(source):
        return exit_codes.RUN_FAILED
    try:
        row = _run(directory)
    except LongshoreError:
        for name in agents.ended():
            output.say(f"The agent {name} has ended; the last it said:")
            for line in agents.log(name).read_text(errors="replace").splitlines()[-10:]:
                output.say(f"  {line}")
        raise
    seconds = max((row.ended or 0) - (row.started or 0), 1) / 1000
    copied = row.counters["bytes_transferred"]
    output.data(run_text.result(row))
    output.data(
        f"{figures.count(row.counters['items_transferred'])} items, {figures.size(copied)} in {seconds:.2f} s: "
        f"{figures.rate(copied / seconds)}, {figures.count(int(row.counters['items_transferred'] / seconds))} items/s"
    )
    compared, found = differences(directory.path / source, directory.path / TARGET)
    for line in found[:SHOWN]:
        output.data(f"differs: {line}")
    code = exit_codes.of_run(row)
    if found:
        output.data(f"Source and target differ in {len(found):,} places.")
        return exit_codes.RUN_FAILED
    output.data(f"Source and target are equal: {compared:,} names, types, sizes, modes, times and link targets.")
    return exit_codes.RUN_FAILED if code else exit_codes.FINE


def _run(directory: DemoDirectory) -> RunRow:
    from store.db import open_store
    from store.resources.common import find_mover
    from store.resources.runs import start_run
    from store.sqlite.place import SqlitePlace

    store = open_store(SqlitePlace(directory.store))
    try:
        with store.write(actor()) as tx:
            run_id = start_run(tx, find_mover(tx.session, None), DEFINITION).id
        return waiting.until_end(store, run_id, quiet=False, sweeps=True)
    finally:
        store.close()
