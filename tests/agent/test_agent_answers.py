"""An agent whose store takes what it is told and does not answer: nothing is lost, and nothing is kept twice."""

from __future__ import annotations

import os
import sys
from collections import Counter

from store import report_lines
from store.queries.reports import report_chunks
from store.vocabulary import JobRunStatus
from tests.agent.migration import Migration

LOSING = """
import contextlib, random, sys
from store.db import Store
from store.errors import StoreUnavailable

write, chance, told = Store.write, random.Random(7), []

@contextlib.contextmanager
def losing(store, actor, **options):
    with write(store, actor, **options) as tx:
        yield tx
    told.append(actor)
    # Not of the first: a process that cannot connect ends.
    if len(told) > 1 and chance.random() < 0.2:
        raise StoreUnavailable(f"The answer to write {len(told)} is lost.")

Store.write = losing
from agentsim.cli import main
sys.exit(main())
"""


def test_each_item_and_each_line_is_kept_once_whatever_answers_are_lost(migration: Migration) -> None:
    """The last attempt's: an answer to a claim that is lost makes the agent take the run again."""
    migration.fill(600, directories=10, size=500)
    for directory in migration.source.iterdir():
        for number in range(40):
            os.mkfifo(directory / f"pipe{number}")
    run_id = migration.start_run(report=True)
    migration.start_agent(program=(sys.executable, "-c", LOSING), slow=True)
    run = migration.ended()
    assert run.status == JobRunStatus.SUCCEEDED, migration.log()
    assert migration.log().count("is lost") > 5
    paths: Counter[str] = Counter()
    with migration.reader() as reader:
        for chunk in report_chunks(reader, run_id, 0, 1_000):
            if chunk.final:
                paths.update(str(item["path"]) for item in report_lines.read(chunk.data))
        items = Counter(row[0] for row in reader.rows(f"SELECT path FROM run_item WHERE fence = {run.fence}"))
    assert len(items) == run.counters["items_unsupported"] == 400
    assert len(paths) == 600 + 400 + 10
    assert set(items.values()) == set(paths.values()) == {1}
