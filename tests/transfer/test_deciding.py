"""What an item needs, by what both places say of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from agentsim.places.place import Dress, Holds, Item
from agentsim.transfer.deciding import Action, Rules, decide, decide_directory, facts, why
from store import codes
from store.settings import CopySettings
from store.vocabulary import Compare, CopyMode, ItemKind
from tests.transfer.memory_place import OBJECTS

FILE, DIRECTORY, LINK = ItemKind.FILE, ItemKind.DIRECTORY, ItemKind.SYMLINK


def file(**changes: Any) -> Item:
    dress: dict[str, Any] = {"mtime_ns": 1000, "mode": 0o644, "uid": 1, "gid": 2}
    dress.update({name: changes.pop(name) for name in list(changes) if name in {*dress, "dos", "nt_acl"}})
    return Item(path=b"f", **{"kind": FILE, "size": 3, "dress": Dress(**dress), **changes})


def rules(
    source: Holds = OBJECTS, target: Holds = OBJECTS, mode: CopyMode = CopyMode.ADDITIVE, **settings: Any
) -> Rules:
    return Rules.of(source, target, mode, CopySettings(**settings), local=False)


@pytest.mark.parametrize(
    ("target", "action", "words"),
    [
        (None, Action.COPY, "not in the target"),
        (file(), Action.NOTHING, ""),
        (file(size=4), Action.COPY, "size differs"),
        (file(mtime_ns=1001), Action.COPY, "modification time differs"),
        (file(mode=0o600), Action.REPAIR, "mode differs"),
        (file(uid=9), Action.REPAIR, "owner differs"),
        (file(mode=0o600, names=2), Action.COPY, "mode differs"),
        (file(kind=LINK, size=0), Action.COPY, "type differs"),
        (file(mtime_ns=None), Action.COPY, "modification time differs"),
        (file(detailed=False), Action.LOOK, ""),
        (file(detailed=False, size=9), Action.COPY, "size differs"),
    ],
)
def test_a_file(target: Item | None, action: Action, words: str) -> None:
    found = decide(file(), target, rules())
    assert found.action is action
    assert found.why.startswith(words)


def test_a_directory_in_the_way_waits_in_a_mirror_and_blocks_otherwise() -> None:
    there = Item(path=b"f", kind=DIRECTORY)
    assert decide(file(), there, rules(mode=CopyMode.MIRROR)).action is Action.LATE
    blocked = decide(file(), there, rules())
    assert (blocked.action, blocked.code) == (Action.BLOCKED, codes.ITEM_BLOCKED_BY_DIRECTORY)


def test_times_are_compared_as_exactly_as_both_sides_can() -> None:
    coarse = rules(target=replace(OBJECTS, time_step=100))
    assert decide(file(), file(mtime_ns=1099), coarse).action is Action.NOTHING
    assert decide(file(), file(mtime_ns=1100), coarse).action is Action.COPY


def test_an_unknown_time_is_made_known_where_the_content_is_the_same() -> None:
    same = {"md5": "a" * 32}
    assert decide(file(**same), file(mtime_ns=None, **same), rules()).action is Action.REPAIR
    assert decide(file(mtime_ns=None, **same), file(**same), rules()).action is Action.NOTHING
    assert decide(file(**same), file(mtime_ns=None, md5="b" * 32), rules()).action is Action.COPY


def test_checksums_are_taken_from_the_listing_where_both_have_them() -> None:
    by_content = rules(compare=Compare.CHECKSUM)
    assert decide(file(md5="a"), file(md5="a"), by_content).action is Action.NOTHING
    assert decide(file(md5="a"), file(md5="a", mtime_ns=5), by_content).action is Action.REPAIR
    assert decide(file(md5="a"), file(md5="b"), by_content).action is Action.COPY
    assert decide(file(md5="a"), file(), by_content).action is Action.COMPARE


def test_permissions_that_do_not_travel_are_not_compared_and_are_kept() -> None:
    plain = rules(preserve_permissions=False)
    assert decide(file(), file(mode=0o600, uid=9), plain).action is Action.NOTHING
    dress = plain.dress(file(), file(mode=0o600, uid=9, gid=8))
    assert (dress.mode, dress.uid, dress.gid) == (0o600, 9, 8)
    assert plain.dress(file(), None) == Dress(mtime_ns=1000)


def test_what_the_target_does_not_hold_is_not_sent() -> None:
    poor = replace(OBJECTS, permissions=False, owners=False, time_step=0)
    assert rules(target=poor).dress(file(dos=1), None) == Dress()


def test_dos_attributes_travel_where_both_hold_them() -> None:
    windows = replace(OBJECTS, attributes=frozenset({"dos", "nt_acl"}))
    both = rules(source=windows, target=windows)
    assert decide(file(dos=1), file(dos=0), both).action is Action.REPAIR
    assert decide(file(dos=1), file(dos=0), rules(source=windows)).action is Action.NOTHING


def test_links_and_sizes_that_the_target_cannot_hold() -> None:
    link = Item(path=b"l", kind=LINK, dress=Dress(mtime_ns=1))
    assert decide(link, None, rules(target=replace(OBJECTS, links=False))).code == codes.ITEM_LINK_UNSUPPORTED
    assert decide(file(), None, rules(target=replace(OBJECTS, largest=2))).code == codes.ITEM_TOO_LARGE
    assert decide(link, link, rules()).action is Action.COMPARE
    assert decide(link, None, rules()).action is Action.COPY


def test_directories() -> None:
    there = Item(path=b"d", kind=DIRECTORY, dress=Dress(mtime_ns=1, mode=0o755))
    implied = Item(path=b"d", kind=DIRECTORY, implied=True)
    assert decide_directory(there, None, rules()).action is Action.MAKE
    assert decide_directory(there, file(), rules()).action is Action.REPLACE
    assert decide_directory(there, there, rules()).action is Action.NOTHING
    assert decide_directory(implied, there, rules()).action is Action.NOTHING
    assert decide_directory(there, implied, rules()).action is Action.MAKE
    newer = replace(there, dress=Dress(mtime_ns=2, mode=0o755))
    assert decide_directory(newer, there, rules()).action is Action.REPAIR


def test_facts_of_a_plan_change_with_the_version() -> None:
    one, other = facts(file(version="a")), facts(file(version="b"))
    assert one is not None
    assert other is not None
    assert one.inode != other.inode
    assert 0 <= one.inode < 2**53
    assert why(file(), file(size=1, mtime_ns=2), rules()) == "size differs, modification time differs"
