"""What an entry needs, from two stat results."""

from __future__ import annotations

import os
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentsim.engine.decide import (
    TEMPORARY,
    Action,
    Fidelity,
    after_comparison,
    decide,
    directory_differs,
    kind_of,
    moved,
    size_of,
    why,
)
from store.vocabulary import Compare, CopyMode, ItemKind

ROOT = Fidelity(True, frozenset())
USER = Fidelity(False, frozenset({100}))
CONTENT_ONLY = Fidelity(True, frozenset(), permissions=False, umask=0o027)
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
fidelity = st.sampled_from([ROOT, USER, CONTENT_ONLY])
compares = st.sampled_from(list(Compare))
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


@given(source=stats, target=stats, mode=modes, who=fidelity)
def test_nothing_is_done_only_when_all_that_can_be_set_is_equal(
    source: os.stat_result, target: os.stat_result, mode: CopyMode, who: Fidelity
) -> None:
    if decide(source, target, mode, who) is Action.NOTHING:
        assert source.st_size == target.st_size
        assert source.st_mtime_ns == target.st_mtime_ns
        assert who is CONTENT_ONLY or source.st_mode == target.st_mode
        assert who is not ROOT or (source.st_uid, source.st_gid) == (target.st_uid, target.st_gid)


@given(source=stats, target=st.none() | stats, mode=modes, who=fidelity)
def test_special_files_are_never_opened(
    source: os.stat_result, target: os.stat_result | None, mode: CopyMode, who: Fidelity
) -> None:
    special = kind_of(source.st_mode) is ItemKind.SPECIAL
    assert (decide(source, target, mode, who) is Action.UNSUPPORTED) == special


@given(source=stats, mode=modes, who=fidelity)
def test_an_equal_target_needs_nothing(source: os.stat_result, mode: CopyMode, who: Fidelity) -> None:
    expected = {
        ItemKind.FILE: Action.NOTHING,
        ItemKind.DIRECTORY: Action.DESCEND,
        ItemKind.SYMLINK: Action.COMPARE_LINK,
        ItemKind.SPECIAL: Action.UNSUPPORTED,
    }
    assert decide(source, source, mode, who) is expected[kind_of(source.st_mode)]
    assert not directory_differs(source, source, who)


@given(source=stats, target=stats, mode=modes, who=fidelity)
def test_by_checksum_size_alone_tells_files_apart(
    source: os.stat_result, target: os.stat_result, mode: CopyMode, who: Fidelity
) -> None:
    by_time = decide(source, target, mode, who)
    by_content = decide(source, target, mode, who, Compare.CHECKSUM)
    files = stat.S_ISREG(source.st_mode) and stat.S_ISREG(target.st_mode)
    if not files:
        assert by_content is by_time
        return
    same_size = source.st_size == target.st_size
    assert by_content is (Action.COMPARE_CONTENT if same_size else Action.COPY_FILE)
    if not same_size:
        return
    assert after_comparison(source, target, who, False) is Action.COPY_FILE
    after = after_comparison(source, target, who, True)
    if source.st_mtime_ns == target.st_mtime_ns:
        assert after is by_time
    else:
        assert after is (Action.REPAIR_METADATA if target.st_nlink == 1 else Action.COPY_FILE)


def test_a_file_whose_names_are_all_known_is_repaired() -> None:
    source, target = fake(), fake(uid=5, nlink=3)
    for links, expected in ((1, Action.COPY_FILE), (2, Action.COPY_FILE), (3, Action.REPAIR_METADATA)):
        assert decide(source, target, CopyMode.MIRROR, ROOT, links=links) is expected
        assert after_comparison(source, target, ROOT, True, links) is expected


def test_without_permissions_modes_and_owners_are_nobodys_business() -> None:
    source, target = fake(mode=stat.S_IFREG | 0o4777, uid=1, gid=2), fake(uid=3, gid=4, nlink=2)
    assert decide(source, target, CopyMode.MIRROR, CONTENT_ONLY) is Action.NOTHING
    assert why(source, target, CONTENT_ONLY) == ""
    assert CONTENT_ONLY.file_mode(source.st_mode) == 0o750
    assert CONTENT_ONLY.directory_mode(stat.S_IFDIR | 0o2555) == 0o750
    assert ROOT.file_mode(source.st_mode) == 0o4777
    assert ROOT.directory_mode(stat.S_IFDIR | 0o2555) == 0o700
    directory = stat.S_IFDIR | 0o755
    assert not directory_differs(fake(mode=directory), fake(mode=stat.S_IFDIR | 0o700, uid=9), CONTENT_ONLY)
    assert directory_differs(fake(mode=directory), fake(mode=directory, mtime_ns=1), CONTENT_ONLY)


def test_why_in_words() -> None:
    link = stat.S_IFLNK | 0o777
    assert why(fake(), None, ROOT) == "not in the target"
    assert why(fake(), fake(mode=link), ROOT) == "type differs"
    assert why(fake(), fake(), ROOT) == ""
    assert why(fake(), fake(), ROOT, Compare.CHECKSUM) == "content differs"
    assert why(fake(), fake(mtime_ns=1), ROOT, Compare.CHECKSUM) == "modification time differs"
    assert why(fake(), fake(mode=stat.S_IFREG | 0o600, size=1, mtime_ns=2, uid=3), ROOT) == (
        "size differs, modification time differs, mode differs, owner differs"
    )
    assert why(fake(mode=link, size=1), fake(mode=stat.S_IFLNK | 0o700, size=2, gid=1), ROOT) == "owner differs"
    assert why(fake(uid=1), fake(uid=2), USER) == ""


@given(source=stats, target=stats, mode=modes, who=fidelity, compare=compares)
def test_whatever_stat_makes_a_file_need_can_be_said(
    source: os.stat_result, target: os.stat_result, mode: CopyMode, who: Fidelity, compare: Compare
) -> None:
    if decide(source, target, mode, who, compare) in (Action.COPY_FILE, Action.REPAIR_METADATA, Action.COPY_LINK):
        assert why(source, target, who, compare)


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
