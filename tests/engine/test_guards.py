"""The guards: what stops a Mirror's deletes, to the item, and what overrides each."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from agentsim.engine.guards import FEW_ITEMS, DeleteFacts, stops
from store import codes
from store.settings import CopySettings
from store.vocabulary import CopyMode, Guard

from .conftest import Trees
from .driver import assert_sums, copied, differences, order, run

NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
COUNTS = st.integers(0, 60)


def facts(**changes: Any) -> DeleteFacts:
    values = {
        "source_unchanged": True,
        "source_same_as_first": True,
        "source_items": 5,
        "last_source_items": -1,
        "target_items": 8,
        "candidates": 3,
        "doomed": 3,
    }
    return DeleteFacts(**{**values, **changes})


def guards(
    overrides: frozenset[Guard] = frozenset(), *, settings: CopySettings | None = None, **changes: Any
) -> list[Guard]:
    found = stops(facts(**changes), settings or CopySettings(), overrides)
    assert all(stop.code == codes.GUARD_CODES[stop.guard] and stop.guard.value in stop.message for stop in found)
    return [stop.guard for stop in found]


def test_nothing_stops_an_ordinary_run() -> None:
    assert guards() == []


def test_every_reason_is_said_the_gravest_first() -> None:
    everything: dict[str, Any] = {
        "source_unchanged": False,
        "source_same_as_first": False,
        "source_items": 0,
        "last_source_items": 21,
        "doomed": 10_001,
    }
    assert guards(**everything) == [
        Guard.SOURCE_REPLACED,
        Guard.SOURCE_IDENTITY,
        Guard.SOURCE_EMPTY,
        Guard.SOURCE_SHRUNK,
        Guard.DELETE_PERCENT,
        Guard.DELETE_COUNT,
    ]
    for guard in Guard:
        assert guard not in guards(frozenset({guard}), **everything)
        assert len(guards(frozenset({guard}), **everything)) == 5
    assert guards(frozenset(Guard), **everything) == []
    assert guards(**{**everything, "candidates": 0, "doomed": 0}) == []


def test_a_message_has_both_numbers_and_the_limit() -> None:
    (empty,) = stops(facts(source_items=0, last_source_items=12), CopySettings(), ())
    assert "12 items last time" in empty.message
    (shrunk,) = stops(facts(source_items=49, last_source_items=100), CopySettings(), ())
    assert "holds 49 items and held 100 last time: less than the 50 %" in shrunk.message
    (share,) = stops(facts(doomed=26, target_items=103), CopySettings(), ())
    assert "26 of the target's 103 items would be deleted: more than the 25 %" in share.message
    assert (share.target, empty.target) == ("target", "source")
    (count,) = stops(facts(doomed=11, target_items=100), CopySettings(max_deletes=10), ())
    assert "11 items of the target would be deleted: more than the 10 " in count.message


@given(COUNTS, COUNTS, st.integers(0, 100))
def test_a_share_is_exceeded_from_one_item_more_and_never_for_few(doomed: int, items: int, percent: int) -> None:
    stopped = Guard.DELETE_PERCENT in guards(
        doomed=doomed, target_items=items, settings=CopySettings(max_delete_percent=percent)
    )
    assert stopped == (doomed > FEW_ITEMS and percent < 100 and doomed > items * percent / 100)


@given(st.integers(0, 30), st.integers(0, 30))
def test_a_count_is_exceeded_from_one_item_more(doomed: int, limit: int) -> None:
    stopped = Guard.DELETE_COUNT in guards(doomed=doomed, target_items=1000, settings=CopySettings(max_deletes=limit))
    assert stopped == (doomed > limit)


@given(COUNTS, st.integers(-1, 60), st.integers(0, 100))
def test_a_source_has_shrunk_below_its_share_of_the_last_pass(now: int, last: int, percent: int) -> None:
    stopped = Guard.SOURCE_SHRUNK in guards(
        source_items=now, last_source_items=last, settings=CopySettings(min_source_percent=percent)
    )
    assert stopped == (last > FEW_ITEMS and now < last * percent / 100)


def test_all_that_lies_below_a_deleted_directory_counts(trees: Trees) -> None:
    """One candidate, and 25 of the target's 100 items: its directory and what is in it, at every level."""
    _fill(trees.source, "kept", 73)
    _fill(trees.target, "kept", 73)
    deep = trees.target / "gone" / "deeper"
    deep.mkdir(parents=True)
    for number in range(23):
        (deep / f"f{number}").touch()
    agent = run(order(trees.source, trees.target, CopyMode.MIRROR, settings=CopySettings(max_delete_percent=24)))
    assert agent.done is not None
    assert (agent.done["status"], agent.done["code"]) == ("Failed", codes.TOO_LARGE_A_SHARE)
    assert "25 of the target's 99 items" in agent.done["message"]
    assert agent.row(b"gone")[2:4] == ("DeleteWithheld", codes.TOO_LARGE_A_SHARE)
    assert len(list(deep.iterdir())) == 23
    assert_sums(agent.counters)
    copied(
        trees.source,
        trees.target,
        CopyMode.MIRROR,
        settings=CopySettings(max_delete_percent=24),
        overrides=frozenset({Guard.DELETE_PERCENT}),
    )
    assert differences(trees.source, trees.target) == ""


def test_a_directory_in_the_place_of_a_file_counts_too(trees: Trees) -> None:
    _fill(trees.target, "file", 30)
    (trees.source / "file").write_text("now a file")
    agent = run(order(trees.source, trees.target, CopyMode.MIRROR))
    assert agent.done is not None
    assert agent.done["code"] == codes.TOO_LARGE_A_SHARE
    assert {row[2] for row in agent.rows if row[0] == b"file"} == {"DeleteWithheld", "Failed"}
    assert len(os.listdir(trees.target / "file")) == 30


def test_the_count_stops_where_the_share_does_not(trees: Trees) -> None:
    _fill(trees.source, "kept", 200)
    _fill(trees.target, "kept", 206)
    settings = CopySettings(max_deletes=5)
    agent = run(order(trees.source, trees.target, CopyMode.MIRROR, settings=settings))
    assert agent.done is not None
    assert (agent.done["code"], agent.done["target"]) == (codes.TOO_MANY_DELETES, "target")
    assert agent.counters["items_delete_withheld"] == 6
    copied(trees.source, trees.target, CopyMode.MIRROR, settings=CopySettings(max_deletes=6))


def test_a_source_that_shrank_deletes_nothing(trees: Trees) -> None:
    _fill(trees.source, "half", 20)
    _fill(trees.target, "half", 20)
    (trees.target / "only").touch()
    agent = run(order(trees.source, trees.target, CopyMode.MIRROR, last_source_items=43))
    assert agent.done is not None
    assert agent.done["code"] == codes.SOURCE_SHRUNK
    assert (trees.target / "only").exists()
    copied(trees.source, trees.target, CopyMode.MIRROR, last_source_items=42)
    assert not (trees.target / "only").exists()


def test_what_cannot_be_counted_is_counted_as_itself(trees: Trees) -> None:
    """A directory that the agent may not list: the census says nothing of it, and the delete says why it stays."""
    _fill(trees.source, "kept", 3)
    (trees.target / "gone" / "secret").mkdir(parents=True)
    wrapper: tuple[str, ...] = ()
    if os.geteuid() == 0:
        wrapper = NOBODY
        subprocess.run(["chown", "-R", "65534:65534", str(trees.base)], check=True)
    for path, owner in ((trees.target / "gone" / "secret", 0), (trees.target / "gone", 65534)):
        if wrapper:
            os.chown(path, owner, owner)
        path.chmod(0o700)
    agent = run(order(trees.source, trees.target, CopyMode.MIRROR), wrapper)
    assert agent.done is not None
    assert agent.done["code"] == (codes.DELETES_WITHHELD if wrapper else codes.SUCCESS)


def _fill(root: Path, name: str, count: int) -> None:
    (root / name).mkdir(parents=True, exist_ok=True)
    for number in range(count):
        (root / name / f"f{number}").touch()
