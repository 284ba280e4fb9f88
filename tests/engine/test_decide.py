"""What an entry needs, from two stat results."""

from __future__ import annotations

import os
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentsim.engine.decide import TEMPORARY, Action, Owners, decide, directory_differs, kind_of, moved, size_of
from store.vocabulary import CopyMode, ItemKind

ROOT = Owners(True, frozenset())
USER = Owners(False, frozenset({100}))
KINDS = [stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK, stat.S_IFIFO, stat.S_IFSOCK, stat.S_IFCHR, stat.S_IFBLK]


def fake(
    mode: int = stat.S_IFREG | 0o644,
    size: int = 5,
    mtime_ns: int = 1_000_000_007,
    uid: int = 0,
    gid: int = 0,
    nlink: int = 1,
    ctime_ns: int = 0,
    ino: int = 1,
) -> os.stat_result:
    values = {"st_mtime_ns": mtime_ns, "st_ctime_ns": ctime_ns, "st_atime_ns": 0}
    return os.stat_result((mode, ino, 1, nlink, uid, gid, size, 0, 0, 0), values)


stats = st.builds(
    fake,
    mode=st.builds(lambda kind, bits: kind | bits, st.sampled_from(KINDS), st.integers(0, 0o7777)),
    size=st.integers(0, 3),
    mtime_ns=st.integers(0, 2),
    uid=st.integers(0, 2),
    gid=st.integers(99, 101),
    nlink=st.integers(1, 2),
)
owners = st.sampled_from([ROOT, USER])
modes = st.sampled_from(list(CopyMode))


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        (fake(), None, Action.COPY_FILE),
        (fake(), fake(), Action.NOTHING),
        (fake(), fake(size=6), Action.COPY_FILE),
        (fake(), fake(mtime_ns=1_000_000_008), Action.COPY_FILE),
        (fake(), fake(mode=stat.S_IFREG | 0o600), Action.REPAIR_METADATA),
        (fake(), fake(uid=5), Action.REPAIR_METADATA),
        (fake(), fake(uid=5, nlink=2), Action.COPY_FILE),
        (fake(), fake(mode=stat.S_IFLNK | 0o777), Action.COPY_FILE),
        (fake(), fake(mode=stat.S_IFIFO | 0o644), Action.COPY_FILE),
        (fake(mode=stat.S_IFDIR | 0o755), None, Action.MAKE_DIRECTORY),
        (fake(mode=stat.S_IFDIR | 0o755), fake(mode=stat.S_IFDIR), Action.DESCEND),
        (fake(mode=stat.S_IFDIR | 0o755), fake(), Action.REPLACE_BY_DIRECTORY),
        (fake(mode=stat.S_IFDIR | 0o755), fake(mode=stat.S_IFLNK | 0o777), Action.REPLACE_BY_DIRECTORY),
        (fake(mode=stat.S_IFLNK | 0o777), None, Action.COPY_LINK),
        (fake(mode=stat.S_IFLNK | 0o777), fake(mode=stat.S_IFLNK | 0o777), Action.COMPARE_LINK),
        (fake(mode=stat.S_IFLNK | 0o777), fake(mode=stat.S_IFLNK | 0o777, mtime_ns=1), Action.COPY_LINK),
        (fake(mode=stat.S_IFLNK | 0o777), fake(), Action.COPY_LINK),
    ],
)
def test_actions(source: os.stat_result, target: os.stat_result | None, expected: Action) -> None:
    for mode in CopyMode:
        assert decide(source, target, mode, ROOT) is expected


@pytest.mark.parametrize("kind", [stat.S_IFREG, stat.S_IFLNK])
def test_a_directory_in_the_way_waits_for_the_deletes_or_blocks(kind: int) -> None:
    directory = fake(mode=stat.S_IFDIR | 0o755)
    assert decide(fake(mode=kind | 0o644), directory, CopyMode.ADDITIVE, ROOT) is Action.BLOCKED
    assert decide(fake(mode=kind | 0o644), directory, CopyMode.MIRROR, ROOT) is Action.AFTER_DELETES


@given(source=stats, target=stats, mode=modes, who=owners)
def test_nothing_is_done_only_when_all_that_can_be_set_is_equal(
    source: os.stat_result, target: os.stat_result, mode: CopyMode, who: Owners
) -> None:
    if decide(source, target, mode, who) is Action.NOTHING:
        assert source.st_size == target.st_size
        assert source.st_mtime_ns == target.st_mtime_ns
        assert source.st_mode == target.st_mode
        assert who is USER or (source.st_uid, source.st_gid) == (target.st_uid, target.st_gid)


@given(source=stats, target=st.none() | stats, mode=modes, who=owners)
def test_special_files_are_never_opened(
    source: os.stat_result, target: os.stat_result | None, mode: CopyMode, who: Owners
) -> None:
    special = kind_of(source.st_mode) is ItemKind.SPECIAL
    assert (decide(source, target, mode, who) is Action.UNSUPPORTED) == special


@given(source=stats, mode=modes, who=owners)
def test_an_equal_target_needs_nothing(source: os.stat_result, mode: CopyMode, who: Owners) -> None:
    expected = {
        ItemKind.FILE: Action.NOTHING,
        ItemKind.DIRECTORY: Action.DESCEND,
        ItemKind.SYMLINK: Action.COMPARE_LINK,
        ItemKind.SPECIAL: Action.UNSUPPORTED,
    }
    assert decide(source, source, mode, who) is expected[kind_of(source.st_mode)]
    assert not directory_differs(source, source, who)


def test_an_unprivileged_process_compares_only_the_groups_it_can_give() -> None:
    assert USER.equal(fake(uid=1, gid=5), fake(uid=2, gid=6))
    assert not USER.equal(fake(gid=100), fake(gid=6))
    assert USER.settable(1, 100) == (-1, 100)
    assert USER.settable(1, 5) == (-1, -1)
    assert ROOT.settable(1, 5) == (1, 5)


@pytest.mark.parametrize("change", [{"mtime_ns": 1}, {"ctime_ns": 1}, {"size": 6}, {"ino": 2}])
def test_any_trace_of_a_write_counts_as_moved(change: dict[str, int]) -> None:
    assert moved(fake(), fake(**change))
    assert not moved(fake(), fake())


def test_only_files_have_a_size() -> None:
    assert size_of(fake()) == 5
    assert size_of(fake(mode=stat.S_IFLNK | 0o777)) == 0


def test_temporaries_are_matched_whole() -> None:
    assert TEMPORARY.fullmatch(".longshore-0123456789abcdef.part")
    for name in (".longshore-0123456789abcdef.part2", ".longshore-0123456789ABCDEF.part", ".longshore-1.part"):
        assert not TEMPORARY.fullmatch(name)
