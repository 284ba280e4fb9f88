"""Before anything is written: what the source is, whether the trees are apart, who holds the target."""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agentsim.engine import preflight
from agentsim.engine.errors import RunStopped
from agentsim.engine.lease import Lease, now
from agentsim.engine.mounts import Mount, locations, meet, parse
from agentsim.engine.preflight import NOWHERE, Roots, open_roots
from agentsim.engine.source_identity import same_source, source_identity
from store import codes
from store.vocabulary import CopyMode, Guard, RunKind

from .conftest import Trees
from .driver import copied, order, run

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def look(trees: Trees, mode: CopyMode = CopyMode.MIRROR, **changes: Any) -> Roots:
    """The preflight alone, in this process."""

    def wait(seconds: float) -> None:
        raise AssertionError("nothing to wait for")

    return open_roots(order(trees.source, trees.target, mode, **changes), Lease(now() + 60), wait)


def let_go(roots: Roots) -> None:
    for fd in (roots.source, *roots.held):
        os.close(fd)


@contextlib.contextmanager
def mounted(*command: str | Path) -> Iterator[None]:
    """A mount for the length of a test; its last word is the mount point."""
    words = ["mount", *map(str, command)]
    made = subprocess.run(words, capture_output=True, check=False, text=True)
    if made.returncode:
        pytest.skip(f"cannot mount here: {made.stderr}")
    try:
        yield
    finally:
        subprocess.run(["umount", words[-1]], check=True)


def identity_of(path: Path) -> str:
    fd = os.open(path, os.O_RDONLY)
    try:
        return source_identity(fd)
    finally:
        os.close(fd)


def untouched(trees: Trees) -> bool:
    """Whether the preflight of a run into an empty target left it as it was, with the time it had."""
    return os.listdir(trees.target) == [] and trees.target.stat().st_mtime_ns == 7


@as_root
@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs"])
def test_a_source_is_known_again_after_a_remount(trees: Trees, kind: str) -> None:
    found = []
    for image in (trees.base / "one", trees.base / "other"):
        with open(image, "wb") as file:
            file.truncate(310 << 20)
        made = subprocess.run([f"mkfs.{kind}", "-q", str(image)], capture_output=True, check=False)
        if made.returncode:
            pytest.skip(f"no {kind} can be made here")
        for _ in range(2):
            with mounted("-o", "loop", image, trees.source):
                found.append(identity_of(trees.source))
                (trees.source / "directory").mkdir(exist_ok=True)
                below = identity_of(trees.source / "directory")
                assert not same_source(found[-1], below)
    assert same_source(found[0], found[1])
    assert same_source(found[2], found[3])
    assert not same_source(found[0], found[2])


@as_root
def test_a_source_that_is_not_mounted_is_another_one(trees: Trees) -> None:
    """The bare directory below the mount point: what a Mirror must never take for an emptied source."""
    with mounted("-t", "tmpfs", "tmpfs", trees.source):
        recorded = identity_of(trees.source)
    (trees.target / "precious").touch()
    os.utime(trees.target, ns=(5, 7))
    agent = run(order(trees.source, trees.target, CopyMode.MIRROR, source_identity=recorded, target_subpath=b"new"))
    assert agent.done is not None
    assert (agent.done["status"], agent.done["code"]) == ("Failed", codes.SOURCE_IDENTITY)
    assert "SourceIdentity" in agent.done["message"]
    assert not agent.started
    assert os.listdir(trees.target) == ["precious"]
    assert trees.target.stat().st_mtime_ns == 7


def test_another_source_warns_where_nothing_is_deleted_and_where_it_is_overridden(trees: Trees) -> None:
    other = "type:ext4 fsid:1 inode:2"
    (trees.source / "x").touch()
    for mode, changes in [
        (CopyMode.ADDITIVE, {}),
        (CopyMode.MIRROR, {"overrides": frozenset({Guard.SOURCE_IDENTITY})}),
    ]:
        agent = copied(trees.source, trees.target, mode, source_identity=other, **changes)
        ((level, text),) = agent.logs
        assert level == "warning"
        assert f"it was {other}, it is type:" in text
    same = copied(trees.source, trees.target, CopyMode.MIRROR, source_identity=identity_of(trees.source))
    assert same.logs == []
    roots = look(trees, kind=RunKind.PREVIEW, source_identity=other)
    assert len(roots.warnings) == 1
    let_go(roots)


@pytest.mark.parametrize(
    ("recorded", "found", "same"),
    [
        ("", "type:ext4 fsid:1 inode:2", True),
        ("type:ext4 fsid:1 inode:2", "type:ext4 fsid:1 inode:2", True),
        ("type:ext4 fsid:1 inode:2", "type:ext4 fsid:2 inode:2", False),
        ("type:ext4 fsid:1 inode:2", "type:ext4 fsid:1 inode:3", False),
        ("type:ext4 fsid:1 inode:2", "type:xfs fsid:1 inode:2", False),
        ("type:xfs uuid:a fsid:1 inode:2", "type:xfs uuid:a fsid:7 inode:2", True),
        ("type:xfs uuid:a fsid:1 inode:2", "type:xfs uuid:b fsid:1 inode:2", False),
        ("type:xfs fsid:1 inode:2", "type:xfs uuid:b fsid:1 inode:2", True),
        ("type:nfs fsid:0 from:nas1:/hr inode:2", "type:nfs fsid:0 from:nas2:/hr inode:2", False),
        ("nonsense", "type:nfs fsid:0 inode:2", False),
    ],
)
def test_identities_are_compared_by_what_both_know(recorded: str, found: str, same: bool) -> None:
    assert same_source(recorded, found) is same


def _mount(source: bytes, root: bytes, point: bytes, *, device: bytes = b"8:1", kind: bytes = b"ext4") -> Mount:
    return Mount(number=1, device=device, root=root, point=point, kind=kind, source=source)


def test_a_mount_knows_where_its_directories_really_are() -> None:
    text = (
        b"36 35 98:0 /mnt1/my\\040dir /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue\n"
        b"no mount at all\n"
        b"37 35 0:50 / /nas rw - nfs4 [fe80::1]:/vol/hr rw,vers=4.2\n"
    )
    bind, share = parse(text)
    assert bind.location(b"/sub") == (b"98:0", b"/mnt1/my dir/sub")
    assert share.location(b"/sub") == (b"nfs [fe80::1]", b"/vol/hr/sub")
    assert _mount(b"nas:/", b"/", b"/x", kind=b"nfs").location(b"") == (b"nfs nas", b"")
    assert _mount(b"/dev/sda", b"/", b"/").location(b"/a") == (b"8:1", b"/a")


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (b"/a", b"/a", True),
        (b"/a", b"/a/b", True),
        (b"/a/b", b"/a", True),
        (b"", b"/a", True),
        (b"/a", b"/ab", False),
        (b"/a/b", b"/a/c", False),
    ],
)
def test_places_meet_where_one_holds_the_other(one: bytes, other: bytes, expected: bool) -> None:
    assert meet([(b"8:1", one)], [(b"8:2", one), (b"8:1", other)]) is expected
    assert not meet([(b"8:1", one)], [(b"8:2", other)])
    assert not meet([], [(b"8:2", other)])


@as_root
@pytest.mark.parametrize("mode", list(CopyMode))
@pytest.mark.parametrize(
    ("bound", "point"),
    [
        ("source", "target"),
        ("source/a", "target"),
        ("source", "target/inside"),
        ("source/a", "target/inside/deep"),
        (".", "target/inside"),
        ("target", "source/inside"),
        ("target/inside", "source/inside"),
        (".", "source/inside"),
        ("target", "source"),
        ("source", "elsewhere"),
    ],
)
def test_a_bind_mount_that_joins_the_trees_is_refused_before_anything_is_written(
    trees: Trees, bound: str, point: str, mode: CopyMode
) -> None:
    elsewhere = trees.base / "elsewhere"
    for directory in (trees.source / "a" / "b", trees.source / "inside", trees.target / "inside" / "deep", elsewhere):
        directory.mkdir(parents=True)
    target = trees.target
    if point == "elsewhere":
        # The target is below a second way to the source, and has to be made there.
        target = elsewhere
    listed = sorted(map(str, trees.base.rglob("*")))
    with mounted("--bind", trees.base / bound, trees.base / point):
        agent = run(order(trees.source, target, mode, target_subpath=b"a/new" if point == "elsewhere" else b""))
        assert agent.done is not None
        assert (agent.done["code"], agent.started) == (codes.OVERLAP, False)
    assert sorted(map(str, trees.base.rglob("*"))) == listed


@as_root
def test_mounts_that_join_nothing_are_no_overlap(trees: Trees) -> None:
    """Source and target are side by side on one file system that is mounted a second time."""
    for name in ("x", "inside"):
        (trees.source / name).mkdir()
    (trees.source / "x" / "file").write_text("x")
    (trees.target / "inside").mkdir()
    with mounted("--bind", trees.source / "x", trees.source / "inside"):
        copied(trees.source, trees.target)
    assert (trees.target / "inside" / "file").read_text() == "x"


def test_a_place_that_is_not_known_is_no_overlap(tmp_path: Path) -> None:
    fd = os.open(tmp_path, os.O_RDONLY)
    assert locations(fd, [], []) == []
    os.close(fd)


def test_a_run_that_does_not_write_creates_nothing(trees: Trees) -> None:
    (trees.source / "x").touch()
    os.utime(trees.target, ns=(5, 7))
    for kind in (RunKind.PREVIEW, RunKind.VERIFY):
        roots = look(trees, kind=kind)
        assert os.path.samestat(os.fstat(roots.target), trees.target.stat())
        let_go(roots)
        roots = look(trees, kind=kind, target_subpath=b"not/there")
        assert (roots.target, roots.target_identity) == (-1, NOWHERE)
        assert roots.source_id == identity_of(trees.source)
        let_go(roots)
        with pytest.raises(RunStopped) as stopped:
            look(trees, kind=kind, target_subpath=b"../there")
        assert stopped.value.code == codes.TARGET_PATH_INVALID
    assert untouched(trees)
    roots = look(trees, target_subpath=b"now/there")
    assert (trees.target / "now" / "there").is_dir()
    let_go(roots)


def test_a_missing_target_root_is_refused_by_every_kind_of_run(trees: Trees) -> None:
    trees.target.rmdir()
    for kind in RunKind:
        with pytest.raises(RunStopped) as stopped:
            look(trees, kind=kind)
        assert stopped.value.code == codes.TARGET_PATH_INVALID
    trees.target.mkdir()


def test_a_target_inside_the_source_is_refused_even_where_it_does_not_exist(trees: Trees) -> None:
    for kind in RunKind:
        with pytest.raises(RunStopped) as stopped:
            open_roots(order(trees.source, trees.source, kind=kind, target_subpath=b"new"), Lease(now() + 60), _never)
        assert stopped.value.code == codes.OVERLAP
    assert os.listdir(trees.source) == []


def _never(seconds: float) -> None:
    raise AssertionError("nothing to wait for")


def test_runs_that_do_not_write_share_the_target_and_keep_writers_out(
    trees: Trees, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preflight, "LOCK_SECONDS", 0.0)
    first, second = look(trees, kind=RunKind.PREVIEW), look(trees, kind=RunKind.VERIFY)
    with pytest.raises(RunStopped) as stopped:
        look(trees)
    assert stopped.value.code == codes.TARGET_BUSY
    let_go(first)
    let_go(second)
    fd = os.open(trees.target, os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_EX)
    with pytest.raises(RunStopped) as stopped:
        look(trees, kind=RunKind.PREVIEW)
    assert stopped.value.code == codes.TARGET_BUSY
    os.close(fd)


@as_root
def test_a_read_only_target_can_be_previewed(trees: Trees) -> None:
    with mounted("-t", "tmpfs", "-o", "ro", "tmpfs", trees.target):
        let_go(look(trees, kind=RunKind.PREVIEW))


@as_root
def test_a_first_pass_that_will_not_fit_is_warned_of_and_goes_on(trees: Trees) -> None:
    with mounted("-t", "tmpfs", "-o", "size=1m,nr_inodes=100", "tmpfs", trees.target):
        roots = look(trees, expected_bytes=2 << 20, expected_items=101)
        assert ["bytes left" in text for text in roots.warnings] == [True, False]
        assert "room for 99 items, and 101 are expected" in roots.warnings[1]
        let_go(roots)
        expectations: tuple[dict[str, Any], ...] = (
            {"expected_bytes": 1000, "expected_items": 10},
            {"expected_bytes": -1, "expected_items": -1},
            {"expected_bytes": 2 << 20, "expected_items": 10, "last_source_items": 10},
        )
        for changes in expectations:
            roots = look(trees, **changes)
            assert roots.warnings == ()
            let_go(roots)
        (trees.target / "not empty").touch()
        roots = look(trees, expected_bytes=2 << 20, expected_items=101)
        assert roots.warnings == ()
        let_go(roots)
