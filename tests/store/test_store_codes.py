"""A run's items by status code: counted as far as it is told, on both kinds of store, by an index."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from store.codes import DELETE_MOUNT, ITEM_CHANGED, ITEM_SOURCE_IO, ITEM_SOURCE_PERMISSION, SUCCESS
from store.execution.claims import reclaim_run, report_items, report_started
from store.queries.codes import CodeRow, codes
from store.queries.items import items
from store.queries.window import Page, complete
from store.vocabulary import Outcome
from tests.store.test_store_queries import Explaining, scanned
from tests.store.world import World

FAILED, DELETED = Outcome.FAILED, Outcome.DELETED


def rows(outcome: Outcome, code: str, count: int, size: int = 10) -> list[tuple[bytes, str, str, str, str, int]]:
    return [(f"{outcome}/{code}/{n}".encode(), "F", outcome, code, "why", size) for n in range(count)]


def counted(world: World, run_id: int, most: int = 10_000) -> list[CodeRow]:
    with world.reader() as reader:
        return codes(reader, run_id, most=most)


def paths(world: World, run_id: int, outcome: str = "", code: str = "") -> list[bytes]:
    with world.reader() as reader:
        found = complete(lambda page: items(reader, run_id, page, outcome=outcome, code=code), Page(limit=10_000))
    return [row.path for row in found.rows]


def test_items_are_counted_by_code_what_needs_an_admin_first(world: World) -> None:
    identity, claim = world.claimed()
    world.call(identity, report_started, claim)
    recorded = [
        *rows(DELETED, SUCCESS, 3),
        *rows(FAILED, ITEM_SOURCE_IO, 2, 500),
        *rows(FAILED, ITEM_SOURCE_PERMISSION, 5),
        *rows(Outcome.CHANGED, ITEM_CHANGED, 1),
        *rows(Outcome.DELETE_WITHHELD, DELETE_MOUNT, 1),
    ]
    world.call(identity, report_items, claim, recorded)
    assert counted(world, claim.run_id) == [
        CodeRow(FAILED, ITEM_SOURCE_PERMISSION, 5, 50, True),
        CodeRow(FAILED, ITEM_SOURCE_IO, 2, 1_000, True),
        CodeRow(Outcome.CHANGED, ITEM_CHANGED, 1, 10, True),
        CodeRow(Outcome.DELETE_WITHHELD, DELETE_MOUNT, 1, 10, True),
        CodeRow(DELETED, SUCCESS, 3, 30, True),
    ]
    assert counted(world, claim.run_id + 1) == []


def test_of_very_many_the_first_are_counted_and_it_is_told(world: World) -> None:
    identity, claim = world.claimed()
    world.call(identity, report_started, claim)
    world.call(identity, report_items, claim, rows(FAILED, ITEM_SOURCE_IO, 6) + rows(FAILED, ITEM_CHANGED, 9))
    world.call(identity, report_items, claim, rows(DELETED, SUCCESS, 2))
    assert counted(world, claim.run_id, most=10) == [
        CodeRow(FAILED, ITEM_SOURCE_IO, 6, 60, False),
        CodeRow(FAILED, ITEM_CHANGED, 4, 40, False),
        CodeRow(DELETED, SUCCESS, 2, 20, True),
    ]


def test_sizes_whose_sum_is_beyond_every_integer_are_summed(world: World) -> None:
    """An agent may say any size: SQLite refuses a sum of integers that overflows, and with it the run's screen."""
    identity, claim = world.claimed()
    world.call(identity, report_started, claim)
    world.call(identity, report_items, claim, rows(FAILED, ITEM_SOURCE_IO, 3, 2**63 - 1))
    assert counted(world, claim.run_id) == [CodeRow(FAILED, ITEM_SOURCE_IO, 3, 3 * (2**63 - 1), True)]


def test_what_an_earlier_attempt_found_is_counted_no_more_but_what_it_deleted_is(world: World) -> None:
    """As the list of the items shows it."""
    identity, claim = world.claimed()
    world.call(identity, report_started, claim)
    world.call(identity, report_items, claim, rows(FAILED, ITEM_SOURCE_IO, 4) + rows(DELETED, SUCCESS, 2))
    again = world.call(identity, reclaim_run, claim, "its worker was killed")
    world.call(identity, report_items, again, rows(FAILED, ITEM_SOURCE_IO, 1) + rows(DELETED, SUCCESS, 3))
    found = counted(world, claim.run_id)
    assert [(row.outcome, row.items) for row in found] == [(FAILED, 1), (DELETED, 5)]
    assert len(paths(world, claim.run_id)) == 6


def test_the_items_of_one_code_are_all_that_is_listed(world: World) -> None:
    identity, claim = world.claimed()
    world.call(identity, report_started, claim)
    wanted = rows(FAILED, ITEM_SOURCE_IO, 3)
    same_code = rows(Outcome.CHANGED, ITEM_SOURCE_IO, 2)
    world.call(identity, report_items, claim, rows(FAILED, ITEM_CHANGED, 1_500) + wanted + same_code)
    path = [row[0] for row in wanted]
    assert paths(world, claim.run_id, FAILED, ITEM_SOURCE_IO) == path
    assert paths(world, claim.run_id, code=ITEM_SOURCE_IO) == path + [row[0] for row in same_code]
    assert paths(world, claim.run_id, FAILED, "AZSM20") == [], "a code is meant as a whole"


@pytest.mark.parametrize("attempts", [1, 3])
def test_counting_reads_its_items_by_an_index_in_their_order(world: World, attempts: int) -> None:
    """Neither all items, nor a sort of them: the run may have a million among five million."""
    identity, claim = world.claimed()
    world.call(identity, report_started, claim)
    for _ in range(attempts - 1):
        claim = world.call(identity, reclaim_run, claim, "again")
    world.call(identity, report_items, claim, rows(FAILED, ITEM_SOURCE_IO, 3) + rows(DELETED, SUCCESS, 3))
    with Explaining(world) as reader:
        codes(reader, claim.run_id)
        counts = {sql: plan for sql, plan in reader.plans.items() if "GROUP BY" in sql}
    assert len(counts) == len(Outcome)
    for statement, plan in counts.items():
        for line in plan:
            assert not scanned(line) & {"run_item"}, (line, statement)
        assert sum("ix_run_item_" in line for line in plan) == statement.count("FROM run_item"), plan
        assert not list(sorts_of_items(plan)), plan


def sorts_of_items(plan: Iterable[str]) -> Iterable[str]:
    """Lines that sort what is read of the items, rather than the counts of the codes."""
    lines = list(plan)
    for place, line in enumerate(lines):
        if "FOR ORDER BY" in line and any("GROUP BY" in later for later in lines[place + 1 :]):
            yield line
        if "Sort Key: i." in line:
            yield line
