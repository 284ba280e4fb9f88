"""The feed under load: writers in processes of their own, and readers that know the store by its feed alone."""

from __future__ import annotations

import os
from collections import Counter

from store.maintenance import maintain, prune_feed
from tests.store.feed_load import Follower, versions, while_writing, writer
from tests.store.world import World

SECONDS = float(os.environ.get("LONGSHORE_FEED_SECONDS", "5"))
"""How long the writers write; 60 for the long run."""

PAUSES = (0.0, 0.02, 0.5)
"""Of an eager reader, of a quick one and of a slow one."""


def test_nothing_is_lost_and_nothing_told_twice(world: World) -> None:
    """Eight processes insert, update, delete and roll back, on a server with transactions that overlap and stay open;
    each of three replicas equals the table at the end, and was told each change exactly once."""
    world.mover()
    followers = [Follower(world.store.place, pause) for pause in PAUSES]
    for follower in followers:
        follower.start()
    committed = while_writing([writer(world.store.place, seed, SECONDS) for seed in range(1, 9)], lambda: None, 0.05)
    for follower in followers:
        follower.finish()
    with world.reader() as reader:
        table = versions(reader)
    report(world, committed, len(table), followers)
    for follower in followers:
        assert follower.replica == table
        assert follower.resyncs == 1, "the first answer, and never again"
        by_row: dict[int, Counter[str]] = {}
        for (row, op), times in follower.told.items():
            by_row.setdefault(row, Counter())[op] = times
        for row, ops in by_row.items():
            assert ops["I"] == 1
            assert ops["D"] == (row not in table)
            assert row not in table or ops["U"] == table[row] - 1
        assert by_row.keys() >= table.keys()
    assert committed > 20 * SECONDS


def test_a_reader_too_slow_for_pruning_starts_anew_and_is_right(world: World) -> None:
    """Few changes are kept, and the log of a file is checkpointed: who asks often follows, who does not resyncs, and
    both have the table's rows in the end."""
    world.mover()
    quick, slow = Follower(world.store.place, 0.02), Follower(world.store.place, 1.0)
    quick.start()
    slow.start()

    def prune() -> None:
        prune_feed(world.store, keep=300)
        maintain(world.store)

    committed = while_writing([writer(world.store.place, seed, SECONDS) for seed in range(1, 5)], prune, 0.1)
    quick.finish()
    slow.finish()
    with world.reader() as reader:
        table = versions(reader)
    report(world, committed, len(table), [quick, slow])
    assert quick.replica == slow.replica == table
    assert slow.resyncs > max(1, quick.resyncs - 1)


def report(world: World, committed: int, rows: int, followers: list[Follower]) -> None:
    """For who runs it with ``-s``: the numbers behind the assertions."""
    told = " ".join(f"{f.pause:g}s:{f.told.total()}told,{f.pages}pages,{f.resyncs}resyncs" for f in followers)
    os.write(1, f"\n{world.store.dialect} {SECONDS:g}s: {committed} commits, {rows} rows at the end; {told}\n".encode())
