"""Stories of Mirror runs: what goes, and above all what stays."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from agentsim.engine.errors import ItemFailed, RunStopped
from agentsim.places.place import Holds, Opening, Place
from store import codes
from store.settings import CopySettings
from store.vocabulary import Guard, ItemKind, Outcome
from tests.engine.driver import assert_sums
from tests.transfer.driving import MIRROR, copied, run
from tests.transfer.memory_place import DIRECTORY, OBJECTS, TREE, MemoryPlace, Store

both = pytest.mark.parametrize("holds", [OBJECTS, TREE], ids=["objects", "tree"])


def keeping(count: int = 3) -> Store:
    """A source with a few files."""
    store = Store()
    for number in range(count):
        store.put(f"keep/{number}", str(number))
    return store


@both
def test_what_only_the_target_has_goes_contents_first(holds: Holds) -> None:
    source, target = keeping(), Store(holds=holds)
    copied(source, target)
    for name in ("extra/a", "extra/deep/b", "keep/old"):
        target.put(name, name)
    target.put("extra/hollow", kind=DIRECTORY)
    done = copied(source, target, MIRROR)
    assert target.files() == source.files()
    assert not any(key.startswith(b"extra") for key in target.entries)
    assert {row[2] for row in done.rows} == {Outcome.DELETED}
    assert done.count("deleted") == len(done.rows)


def test_an_additive_run_deletes_nothing() -> None:
    source, target = keeping(), Store(holds=TREE)
    target.put("extra/a", "a")
    copied(source, target)
    assert "extra/a" in target.files()


@both
def test_a_file_takes_the_place_of_a_directory_when_it_is_gone(holds: Holds) -> None:
    source, target = keeping(), Store(holds=holds)
    source.put("p", "file")
    source.put("p.txt", "between")
    target.put("p/x/y", "1")
    copied(source, target, MIRROR)
    assert target.files() == source.files()
    assert copied(source, target, MIRROR).count("transferred") == 0


def test_below_a_directory_that_could_not_be_listed_everything_stays() -> None:
    source, target = keeping(), Store(holds=TREE)
    source.put("dark/known", "1")
    copied(source, target, MIRROR)
    target.put("dark/only here/x", "2")
    target.put("gone", "3")
    source.unlisted = {b"dark"}
    done = run(source, target, MIRROR)
    assert_sums(done.counters)
    assert done.row("dark")[:2] == (Outcome.FAILED, codes.ITEM_SOURCE_PERMISSION)
    assert done.row("dark/known")[:2] == (Outcome.DELETE_WITHHELD, codes.DELETE_UNLISTED)
    assert done.row("dark/only here")[:2] == (Outcome.DELETE_WITHHELD, codes.DELETE_UNLISTED)
    assert {"dark/known", "dark/only here/x"} <= target.files().keys()
    assert "gone" not in target.files()


def test_an_unlisted_target_directory_fails_and_nothing_below_it_is_touched() -> None:
    source, target = keeping(), Store(holds=TREE)
    copied(source, target)
    target.unlisted = {b"keep"}
    target.calls.clear()
    done = run(source, target, MIRROR)
    assert done.outcomes() == {"keep": codes.ITEM_SOURCE_PERMISSION}
    assert not [call for call in target.calls if call[0] in ("write", "delete")]


def test_a_source_root_that_cannot_be_listed_ends_the_run() -> None:
    source, target = Store(), keeping()

    def trouble(call: str, path: bytes) -> None:
        if call == "walk":
            raise RunStopped(codes.SOURCE_SCAN, "no", "source")

    source.trouble = trouble
    done = run(source, target, MIRROR)
    assert done.done is not None
    assert done.done["code"] == codes.SOURCE_SCAN
    assert len(target.files()) == 3


def test_an_empty_source_empties_nothing() -> None:
    source, target = Store(), keeping()
    done = run(source, target, MIRROR)
    assert done.done is not None
    assert done.done["code"] == codes.SOURCE_EMPTY
    assert len(target.files()) == 3
    assert copied(source, target, MIRROR, overrides=frozenset({Guard.SOURCE_EMPTY})).count("deleted") == 3


def test_too_many_deletes_are_withheld_and_so_is_what_waits_for_them() -> None:
    source, target = keeping(), Store(holds=TREE)
    source.put("p", "file")
    copied(source, target)
    target.drop(b"p")
    for number in range(50):
        target.put(f"p/{number}", "x")
    done = run(source, target, MIRROR)
    assert_sums(done.counters)
    assert done.done is not None
    assert done.done["code"] == codes.TOO_LARGE_A_SHARE
    assert [row[1:4] for row in done.rows if row[0] == b"p"] == [
        (ItemKind.DIRECTORY.value, Outcome.DELETE_WITHHELD.value, codes.TOO_LARGE_A_SHARE),
        (ItemKind.FILE.value, Outcome.FAILED.value, codes.ITEM_REPLACE_WITHHELD),
    ]
    assert len(target.files()) == 53


def test_another_source_than_at_first_stops_a_mirror_before_anything_is_touched() -> None:
    source, target = keeping(), Store()
    done = run(source, target, MIRROR, source_identity="type:memory place:another")
    assert done.done is not None
    assert done.done["code"] == codes.SOURCE_IDENTITY
    assert not target.entries
    assert copied(source, target, source_identity="type:memory place:another").logs
    assert copied(source, target, MIRROR, source_identity=f"type:memory place:{source.name}").identity


def test_a_source_that_is_another_at_the_end_deletes_nothing() -> None:
    source, target = keeping(), Store()
    target.put("extra", "x")
    opened = []

    def place(opening: Opening) -> Place:
        found = MemoryPlace(opening, source)
        opened.append(found)
        if len(opened) > 1:
            source.name = "another"
        return found

    done = run(place, target, MIRROR)
    assert done.done is not None
    assert done.done["code"] == codes.SOURCE_REPLACED
    assert "extra" in target.files()
    assert all(found.closed for found in opened)


def test_each_delete_is_confirmed_by_the_source() -> None:
    source, target = keeping(), Store(holds=TREE)
    copied(source, target)
    for name in ("came back", "unknown", "gone"):
        target.put(name, "x")

    def trouble(call: str, path: bytes) -> None:
        if call == "find" and path == b"came back" and path not in source.entries:
            source.put(path, "new")
        if call == "find" and path == b"unknown":
            raise ItemFailed(codes.ITEM_SOURCE_IO, "no answer")

    source.trouble = trouble
    done = run(source, target, MIRROR)
    assert {"came back", "unknown"} <= target.files().keys()
    assert "gone" not in target.files()
    assert done.row("unknown")[:2] == (Outcome.DELETE_WITHHELD, codes.DELETE_UNCHECKED)


def test_what_cannot_be_deleted_keeps_the_directories_that_lead_to_it() -> None:
    source, target = keeping(), Store(holds=TREE)
    copied(source, target)
    target.put("d/e/stuck", "x")
    target.put("d/goes", "y")

    def trouble(call: str, path: bytes) -> None:
        if call == "delete" and path == b"d/e/stuck":
            raise ItemFailed(codes.ITEM_TARGET_PERMISSION, "no")

    target.trouble = trouble
    done = run(source, target, MIRROR)
    assert done.outcomes() == {
        "d/goes": codes.SUCCESS,
        "d/e/stuck": codes.ITEM_TARGET_PERMISSION,
        "d/e": codes.DELETE_NOT_EMPTY,
        "d": codes.DELETE_NOT_EMPTY,
    }


def test_a_target_item_that_somebody_writes_to_is_not_deleted() -> None:
    source, target = keeping(), Store()
    copied(source, target)
    target.put("x", "old")

    def trouble(call: str, path: bytes) -> None:
        if call == "delete" and target.entries[path].data == b"old":
            target.put("x", "new and wanted")

    target.trouble = trouble
    done = run(source, target, MIRROR)
    assert target.files()["x"] == b"new and wanted"
    assert done.row("x")[0] == Outcome.DELETE_WITHHELD


@both
def test_filters_shelter_what_they_name_and_the_way_to_it(holds: Holds) -> None:
    source, target = keeping(), Store(holds=holds)
    copied(source, target)
    target.put("d/kept.log", "1")
    target.put("d/e/f", "2")
    done = copied(source, target, MIRROR, settings=CopySettings(exclude=("*.log",)))
    assert target.files() == {**source.files(), "d/kept.log": b"1"}
    assert b"d/" in target.entries
    assert b"d" not in [row[0] for row in done.rows]


def test_the_trash_takes_what_is_deleted_and_is_never_looked_into() -> None:
    source, target = keeping(), Store(holds=TREE)
    copied(source, target)
    target.put("d/x", "1")
    settings = CopySettings(trash=True)
    copied(source, target, MIRROR, run="job#2", settings=settings)
    assert target.files() == {**source.files(), ".longshore-trash/job.2/d/x": b"1"}
    assert b"d/" not in target.entries
    again = copied(source, target, MIRROR, run="job#3")
    assert again.rows == []
    assert ".longshore-trash/job.2/d/x" in target.files()


@both
def test_directories_that_lost_something_get_their_time_again(holds: Holds) -> None:
    source, target = keeping(), Store(holds=holds)
    source.put("keep", kind=DIRECTORY, mtime=123)
    copied(source, target)
    target.put("keep/old", "x")
    target.entries[b"keep/"].item = source.item("keep", DIRECTORY)
    copied(source, target, MIRROR)
    assert target.item("keep", DIRECTORY).dress.mtime_ns == 123
    assert "keep/old" not in target.files()


@pytest.mark.parametrize("seed", range(6))
def test_a_wrong_order_is_slow_and_never_wrong(seed: int) -> None:
    chance = random.Random(seed)
    source, target = Store(), Store(holds=TREE if seed % 2 else OBJECTS)
    for number in range(60):
        name = f"{chance.choice('abc')}/{chance.choice('de')}/{number}"
        if chance.random() < 0.8:
            source.put(name, str(number))
        if chance.random() < 0.7:
            target.put(name, str(number) if chance.random() < 0.7 else "other")
    salt = str(seed).encode()

    def shuffled(key: bytes) -> object:
        # Parents stay before what is in them, as every walk has it.
        parts = key.rstrip(b"/").split(b"/")
        return [hash((salt, part)) for part in parts]

    chosen = source if seed < 3 else target
    chosen.order = shuffled
    done = copied(source, target, MIRROR, settings=CopySettings(max_delete_percent=100))
    assert target.files() == source.files()
    before = dict(target.entries)
    copied(source, target, MIRROR)
    assert target.entries == before
    assert done.count("deleted") == len([row for row in done.rows if row[2] == Outcome.DELETED])


def test_a_wrong_order_does_not_trip_a_guard() -> None:
    source = keeping(100)
    target = Store(order=lambda key: [-byte for byte in key])
    copied(source, target)
    assert copied(source, target, MIRROR).count("deleted") == 0


def test_a_folding_target_does_not_lose_what_it_spells_otherwise() -> None:
    source, target = Store(), Store(holds=replace(TREE, folds=True))
    source.put("caf\u00e9", "1")
    target.put("cafe\u0301", "1")
    run(source, target, MIRROR)
    assert "cafe\u0301" in target.files()
