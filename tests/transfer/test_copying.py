"""Stories of copies between two places."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from agentsim.engine.errors import ItemChanged, ItemFailed, Side
from agentsim.places.place import Holds, Item
from store import codes
from store.settings import CopySettings
from store.vocabulary import Compare, DataIntegrityValidation, Outcome
from tests.transfer.driving import MIRROR, copied, run
from tests.transfer.memory_place import DIRECTORY, LINK, OBJECTS, SPECIAL, TREE, Store, gone

both = pytest.mark.parametrize("holds", [OBJECTS, TREE], ids=["objects", "tree"])


def sample() -> Store:
    store = Store(holds=TREE, name="sample")
    for name in ("a", "a.txt", "a-b/c", "a-b/d/e", "z/y"):
        store.put(name, f"content of {name}", mode=0o640)
    store.put("link", "a/../z", kind=LINK)
    store.put("empty", kind=DIRECTORY, mode=0o700, mtime=5)
    return store


@both
def test_everything_arrives_and_a_second_pass_finds_nothing_to_do(holds: Holds) -> None:
    source, target = sample(), Store(holds=holds)
    first = copied(source, target)
    assert target.files() == source.files()
    assert first.count("transferred") == len(source.entries)
    assert {key: entry.item.dress for key, entry in target.entries.items()} == {
        key: entry.item.dress for key, entry in source.entries.items()
    }
    target.calls.clear()
    second = copied(source, target, MIRROR)
    assert second.count("no_transfer_needed") == len(source.entries)
    assert {call for call, _ in target.calls} <= {"read_link", "find"}


@both
def test_what_changed_is_copied_and_what_only_differs_in_metadata_is_repaired(holds: Holds) -> None:
    source, target = sample(), Store(holds=holds)
    copied(source, target)
    source.put("a", "another content", mtime=9)
    source.put("a.txt", "content of a.txt", mode=0o600)
    target.calls.clear()
    again = copied(source, target)
    assert again.count("transferred") == 2
    assert sorted(call for call in target.calls if call[0] in ("write", "set_dress")) == [
        ("set_dress", b"a.txt"),
        ("write", b"a"),
    ]
    assert target.item("a.txt").dress.mode == 0o600


def test_a_directory_gets_its_time_after_what_is_written_into_it() -> None:
    source, target = sample(), Store(holds=TREE)
    copied(source, target)
    source.put("a-b/new", "new")
    source.entries[b"a-b/"].item = replace(
        source.item("a-b", DIRECTORY), dress=replace(source.item("a-b", DIRECTORY).dress, mtime_ns=1234)
    )
    copied(source, target)
    assert target.item("a-b", DIRECTORY).dress.mtime_ns == 1234
    source.put("a-b/d/e", "written over", mtime=3)
    copied(source, target)
    assert target.item("a-b/d", DIRECTORY).dress == source.item("a-b/d", DIRECTORY).dress


def test_what_a_listing_does_not_say_is_asked_for_only_where_sizes_are_equal() -> None:
    source, target = sample(), Store(undetailed=True)
    copied(source, target)
    target.calls.clear()
    source.put("z/longer", "new")
    source.put("a", "a longer content than before", mtime=4)
    copied(source, target)
    asked = {path for call, path in target.calls if call == "find"}
    assert b"z/longer" not in asked
    assert b"a" not in asked
    assert b"a.txt" in asked
    assert copied(source, target).count("transferred") == 0


def test_an_implied_directory_is_equal_to_any() -> None:
    source, target = Store(), Store(holds=TREE)
    source.put("d/e/f", "x")
    copied(source, target)
    assert target.item("d/e", DIRECTORY)
    again = copied(source, target, MIRROR)
    assert again.count("no_transfer_needed") == 3
    back = Store()
    copied(target, back)
    assert not back.item("d/e", DIRECTORY).implied
    assert copied(source, back).count("no_transfer_needed") == 3


def test_what_the_target_cannot_hold_is_said_and_the_rest_copied() -> None:
    source = sample()
    source.put("fifo", kind=SPECIAL)
    source.keep(Item(path=b"w//b", kind=SPECIAL, extras=("a part of the name is empty",)), b"")
    source.put("bad?/x/y", "1")
    source.put("huge", "0123456789" * 10)
    target = Store(holds=replace(OBJECTS, links=False, largest=50), refused={b"bad?": "'?' is no letter"})
    done = copied(source, target)
    assert done.outcomes() == {
        "fifo": codes.ITEM_TYPE_UNSUPPORTED,
        "w//b": codes.ITEM_NAME_UNSUPPORTED,
        "bad?": codes.ITEM_NAME_UNSUPPORTED,
        "bad?/x": codes.ITEM_NAME_UNSUPPORTED,
        "bad?/x/y": codes.ITEM_NAME_UNSUPPORTED,
        "huge": codes.ITEM_TOO_LARGE,
        "link": codes.ITEM_LINK_UNSUPPORTED,
    }
    assert {row[2] for row in done.rows} == {Outcome.UNSUPPORTED}
    assert b"z/y" in target.entries


@both
def test_lost_metadata_is_told_once_and_not_in_every_pass(holds: Holds) -> None:
    source, target = Store(), Store(holds=holds)
    source.put("f", "x", extras=("the attribute user.x",))
    source.put("d", kind=DIRECTORY, extras=("an ACL",))
    first = copied(source, target)
    assert first.outcomes() == {"f": codes.ITEM_METADATA_LOST, "d": codes.ITEM_METADATA_LOST}
    assert "user.x" in first.row("f")[2]
    assert copied(source, target).rows == []


def test_names_that_are_one_to_the_target_are_never_merged() -> None:
    source, target = Store(), Store(holds=replace(TREE, folds=True))
    for name, data in (("FOO", "1"), ("Foo", "2"), ("foo", "3"), ("DIR/x", "4"), ("dir/y", "5")):
        source.put(name, data)
    for _ in range(2):
        done = run(source, target)
        assert {"Foo": codes.ITEM_NAME_COLLIDES, "foo": codes.ITEM_NAME_COLLIDES}.items() <= done.outcomes().items()
        assert target.files() == {"FOO": b"1", "DIR/x": b"4"}
        assert done.row("dir")[1] == codes.ITEM_NAME_COLLIDES


def test_the_spelling_that_the_target_has_keeps_its_name() -> None:
    source, target = Store(), Store(holds=replace(TREE, folds=True))
    source.put("foo", "1")
    copied(source, target)
    source.put("FOO", "2")
    done = run(source, target, MIRROR)
    assert done.outcomes() == {"FOO": codes.ITEM_NAME_COLLIDES}
    assert target.files() == {"foo": b"1"}


def test_a_file_that_changes_while_it_is_read_is_tried_again() -> None:
    source, target = Store(), Store()
    source.put("f", "old")
    changes = ["new", "newer"]

    def write_meanwhile(call: str, path: bytes) -> None:
        if call == "read_on" and changes:
            source.put("f", changes.pop(0), mtime=8)

    source.trouble = write_meanwhile
    copied(source, target)
    assert target.files() == {"f": b"newer"}


def test_a_file_that_never_rests_is_recorded_as_changed_and_the_old_one_stays() -> None:
    source, target = Store(), Store()
    source.put("f", "old")
    copied(source, target)
    source.put("f", "a new one")

    def write_meanwhile(call: str, path: bytes) -> None:
        if call == "read_on":
            source.put("f", "again")

    source.trouble = write_meanwhile
    done = copied(source, target)
    assert done.row("f")[:2] == (Outcome.CHANGED, codes.ITEM_CHANGED)
    assert target.files() == {"f": b"old"}


def test_a_target_that_another_writes_to_is_looked_at_again() -> None:
    source, target = Store(), Store()
    source.put("f", "mine")
    others = [True]

    def meddle(call: str, path: bytes) -> None:
        if call == "write" and others:
            others.clear()
            target.put("f", "somebody else's")

    target.trouble = meddle
    copied(source, target)
    assert target.files() == {"f": b"mine"}


def test_a_vanished_file_is_changed_and_a_failing_one_failed() -> None:
    source, target = Store(), Store()
    for name in "abc":
        source.put(name, name)

    def trouble(call: str, path: bytes) -> None:
        if call == "read" and path == b"a" and b"a" in source.entries:
            source.drop(b"a")
        if call == "read" and path == b"b":
            raise ItemFailed(codes.ITEM_SOURCE_IO, "Input/output error")

    source.trouble = trouble
    done = run(source, target)
    assert done.done is not None
    assert (done.done["status"], done.done["code"]) == ("Failed", codes.SOME_ITEMS_FAILED)
    assert done.row("a")[:2] == (Outcome.CHANGED, codes.ITEM_VANISHED)
    assert done.row("b") == (Outcome.FAILED, codes.ITEM_SOURCE_IO, "Input/output error")
    assert target.files() == {"c": b"c"}


def test_a_directory_that_cannot_be_made_fails_with_all_below_it() -> None:
    source, target = Store(), Store(holds=TREE)
    source.put("d/e/f", "x")
    source.put("g", "y")

    def trouble(call: str, path: bytes) -> None:
        if call == "make_directory" and path == b"d/e":
            raise ItemFailed(codes.ITEM_TARGET_PERMISSION, "no")

    target.trouble = trouble
    done = run(source, target)
    assert done.outcomes() == {"d/e": codes.ITEM_TARGET_PERMISSION}
    assert target.files() == {"g": b"y"}


def test_a_file_in_the_place_of_a_directory_gives_way() -> None:
    for holds in (OBJECTS, TREE):
        source, target = Store(), Store(holds=holds)
        source.put("p/x", "new")
        source.put("p-q", "between")
        target.put("p", "a file")
        copied(source, target)
        assert target.files() == {"p/x": b"new", "p-q": b"between"}
        assert copied(source, target, MIRROR).count("transferred") == 0


def test_a_directory_in_the_place_of_a_file_blocks_it() -> None:
    source, target = Store(), Store(holds=TREE)
    source.put("p", "new")
    source.put("p-q", "between")
    target.put("p/x", "there")
    done = run(source, target)
    assert done.row("p")[:2] == (Outcome.FAILED, codes.ITEM_BLOCKED_BY_DIRECTORY)
    assert target.files() == {"p/x": b"there", "p-q": b"between"}


@both
def test_a_file_and_a_directory_of_one_name_do_not_take_turns(holds: Holds) -> None:
    source, target = Store(), Store(holds=holds)
    source.put("p", "file")
    source.put("p/x", "below")
    for _ in range(3):
        done = copied(source, target, MIRROR)
        assert done.outcomes() == {"p": codes.ITEM_NAME_TAKEN}
        assert target.files() == {"p/x": b"below"}


def test_filters_leave_out_on_both_sides() -> None:
    source, target = sample(), Store()
    target.put("z/kept", "1")
    settings = CopySettings(exclude=("z/", "*.txt"), max_size=13)
    done = copied(source, target, MIRROR, settings=settings)
    assert done.outcomes() == {
        "z": codes.ITEM_FILTERED,
        "a.txt": codes.ITEM_FILTERED,
        "a-b/c": codes.ITEM_FILTERED,
        "a-b/d/e": codes.ITEM_FILTERED,
    }
    assert target.files() == {"z/kept": b"1", "a": b"content of a", "link": b"a/../z"}


def test_the_age_of_what_a_listing_does_not_say_is_asked_for() -> None:
    source, target = Store(undetailed=True), Store()
    source.put("old", "1", mtime=10**9)
    source.put("new", "2", mtime=10**18)
    settings = CopySettings(max_age=3600.0)
    done = copied(source, target, settings=settings, moment=10**12)
    assert done.outcomes() == {"old": codes.ITEM_FILTERED}
    assert target.files() == {"new": b"2"}


def test_reserved_names_stay_behind() -> None:
    source, target = Store(), Store()
    source.put(".longshore-trash/r/x", "1")
    source.put("d/.longshore-0123456789abcdef.part", "2")
    source.put("d/f", "3")
    done = copied(source, target)
    assert set(done.outcomes()) == {".longshore-trash", "d/.longshore-0123456789abcdef.part"}
    assert target.files() == {"d/f": b"3"}


def test_what_dead_workers_left_in_the_target_is_removed() -> None:
    source, target = Store(), Store(holds=TREE)
    source.put("d/f", "3")
    target.put("d/.longshore-0123456789abcdef.part", "2")
    target.put("other/.longshore-aaaaaaaaaaaaaaaa.part", "2")
    copied(source, target, MIRROR, settings=CopySettings(max_delete_percent=100))
    assert target.files() == {"d/f": b"3"}
    assert b"other/" not in target.entries


def test_content_decides_where_it_is_asked_for() -> None:
    source, target = Store(holds=TREE), Store(holds=TREE)
    source.put("f", "one")
    source.put("g", "the same")
    target.put("f", "two")
    target.put("g", "the same", mtime=4)
    done = copied(source, target, settings=CopySettings(compare=Compare.CHECKSUM))
    assert target.files() == source.files()
    assert done.count("transferred") == 2
    assert done.counters["bytes_transferred"] == 3


def test_digests_are_made_and_read_back() -> None:
    source, target = Store(holds=TREE), Store(holds=TREE)
    source.put("f", "one")
    settings = CopySettings(validation=DataIntegrityValidation.SAVE_VERIFY_FILE_MD5)
    done = copied(source, target, settings=settings, report=True)
    assert done.lines["f"]["md5"] == hashlib.md5(b"one").hexdigest()
    assert ("read", b"f") in target.calls

    def spoil(call: str, path: bytes) -> None:
        if call == "read":
            target.entries[path].data = b"bad"

    target.trouble = spoil
    source.put("f", "two", mtime=3)
    done = run(source, target, settings=settings)
    assert done.row("f")[:2] == (Outcome.FAILED, codes.ITEM_DIGEST_DIFFERS)
    assert target.files() == {}


def test_with_a_trash_what_is_replaced_is_kept() -> None:
    source, target = Store(), Store(holds=TREE)
    source.put("d/f", "new", mtime=2)
    source.put("p/x", "below")
    target.put("d/f", "old")
    target.put("p", "file")
    settings = CopySettings(trash=True)
    copied(source, target, run="j#1", settings=settings)
    assert target.files() == {
        "d/f": b"new",
        "p/x": b"below",
        ".longshore-trash/j.1/d/f": b"old",
        ".longshore-trash/j.1/p": b"file",
    }
    source.put("d/f", "newer", mtime=3)
    copied(source, target, MIRROR, run="j#1", settings=settings)
    assert target.files()[".longshore-trash/j.1/d/f.1"] == b"new"


def test_what_could_not_be_replaced_comes_back_from_the_trash() -> None:
    source, target = Store(), Store(holds=TREE)
    source.put("f", "new", mtime=2)
    target.put("f", "old")

    def trouble(call: str, path: bytes) -> None:
        if call == "write":
            raise ItemFailed(codes.ITEM_TARGET_PERMISSION, "no")

    target.trouble = trouble
    done = run(source, target, settings=CopySettings(trash=True))
    assert done.outcomes() == {"f": codes.ITEM_TARGET_PERMISSION}
    assert target.files() == {"f": b"old"}


def test_a_server_that_goes_away_ends_the_run_and_the_next_pass_goes_on() -> None:
    source, target = sample(), Store()
    for number in range(100):
        source.put(f"many/{number}", str(number))
    left = [30]

    def trouble(call: str, path: bytes) -> None:
        if call == "write":
            left[0] -= 1
            if left[0] < 0:
                raise gone(Side.TARGET)

    target.trouble = trouble
    done = run(source, target)
    assert done.done == {
        "status": "Failed",
        "code": codes.TARGET_UNREACHABLE,
        "message": "Connection refused",
        "target": "target",
    }
    target.trouble = lambda call, path: None
    copied(source, target)
    assert target.files() == source.files()


def test_a_mistake_of_ours_is_never_swallowed() -> None:
    source, target = sample(), Store()

    def trouble(call: str, path: bytes) -> None:
        if call == "write":
            raise ZeroDivisionError("ours")

    target.trouble = trouble
    with pytest.raises(ZeroDivisionError, match="ours"):
        run(source, target)


def test_an_error_of_the_walk_ends_the_run() -> None:
    source, target = sample(), Store()
    source.trouble = lambda call, path: (_ for _ in ()).throw(gone(Side.SOURCE)) if call == "walk" else None
    done = run(source, target, MIRROR)
    assert done.done is not None
    assert done.done["code"] == codes.SOURCE_UNREACHABLE


def test_item_changed_of_a_directory_is_recorded() -> None:
    source, target = sample(), Store(holds=TREE)

    def trouble(call: str, path: bytes) -> None:
        if call == "make_directory" and path == b"z":
            raise ItemChanged(codes.ITEM_CHANGED, "moved")

    target.trouble = trouble
    assert copied(source, target).row("z")[0] == Outcome.CHANGED
