"""Extended attributes and ACLs: whole trees through a real worker, and the parts one by one."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentsim.engine import board
from agentsim.engine.attributes import sort_out
from agentsim.engine.errors import RunStopped
from store import codes
from store.settings import CopySettings

from ..faultfs.faults import Fault
from ..faultfs.mount import FaultFs
from .conftest import Trees
from .driver import copied, differences, order, run
from .test_mirror import NOBODY, as_root
from .workbench import workbench

CAPABILITY = bytes.fromhex("0100000200040000000000000000000000000000")
"""``cap_net_bind_service=ep``, as the kernel keeps it."""

PLAIN = CopySettings(preserve_permissions=False)


def setfacl(path: Path, *entries: str) -> None:
    for entry in entries:
        subprocess.run(["setfacl", *entry.split(), str(path)], check=True)


def getfacl(path: Path) -> str:
    command = ["getfacl", "--omit-header", "--numeric", "--absolute-names", str(path)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def getfattr(path: Path) -> list[str]:
    """All attributes, ACLs too, by a tool that is not ours."""
    command = ["getfattr", "--no-dereference", "--absolute-names", "--dump", "--match=-", "--encoding=hex", str(path)]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return [line for line in lines if line and not line.startswith("#")]


@pytest.fixture(autouse=True)
def _attributes(trees: Trees) -> None:
    try:
        os.setxattr(trees.source, "user.probe", b"")
    except OSError as error:
        pytest.skip(f"the file system of the tests keeps no attributes: {error}")
    os.removexattr(trees.source, "user.probe")


def attributed(root: Path) -> None:
    """Files and directories with attributes and ACLs of every kind that this process may set."""
    for mode in (0o444, 0o644, 0o600, 0o755):
        file = root / f"file{mode:o}"
        file.write_text(file.name)
        os.setxattr(file, "user.one", b"\0binary\xff")
        os.setxattr(file, "user.empty", b"")
        file.chmod(mode)
    (root / "bare").write_text("bare")
    shared = root / "shared"
    shared.write_text("shared")
    setfacl(shared, "-m u:1234:rw,g:4321:r")
    (root / "narrow").write_text("the mask is less than its group")
    setfacl(root / "narrow", "-m u:1234:rwx,g::---,m::r")
    inside = root / "dir"
    inside.mkdir()
    (inside / "before").write_text("made before the default ACL")
    setfacl(inside, "-m u:1234:rwx", "-d -m u:1234:rx,g::-")
    (inside / "after").write_text("inherits")
    (inside / "below").mkdir()
    os.setxattr(inside, "user.directory", b"d")
    inside.chmod(0o2755)
    if os.geteuid() == 0:
        os.setxattr(root / "bare", "trusted.secret", b"t")
        tool = root / "tool"
        tool.write_text("tool")
        os.chown(tool, 1234, 4321)
        tool.chmod(0o755)
        os.setxattr(tool, "security.capability", CAPABILITY)
        (root / "link").symlink_to("nowhere")
        os.setxattr(root / "link", "trusted.link", b"l", follow_symlinks=False)


def test_attributes_and_acls_travel(trees: Trees) -> None:
    attributed(trees.source)
    agent = copied(trees.source, trees.target)
    assert differences(trees.source, trees.target) == ""
    for path in sorted(trees.source.rglob("*")):
        twin = trees.target / path.relative_to(trees.source)
        assert getfattr(twin) == getfattr(path)
        if not path.is_symlink():
            assert getfacl(twin) == getfacl(path)
    assert agent.counters["items_transferred"] == agent.counters["items_scanned"]
    stamps = {path: path.lstat().st_ctime_ns for path in trees.target.rglob("*")}
    assert copied(trees.source, trees.target).counters["items_transferred"] == 0
    assert {path: path.lstat().st_ctime_ns for path in trees.target.rglob("*")} == stamps


@as_root
def test_an_unprivileged_agent_carries_what_it_may(trees: Trees) -> None:
    """A read-only file takes no attribute, so they come before the mode."""
    for path in (trees.base, trees.source, trees.target):
        os.chown(path, 65534, 65534)
    file = trees.source / "file"
    file.write_text("x")
    os.setxattr(file, "user.one", b"1")
    os.setxattr(file, "trusted.secret", b"out of its sight")
    setfacl(file, "-m u:1234:r")
    directory = trees.source / "dir"
    directory.mkdir()
    setfacl(directory, "-d -m u:1234:rx")
    os.setxattr(directory, "user.directory", b"d")
    for path, mode in ((file, 0o444), (directory, 0o555)):
        path.chmod(mode)
        os.chown(path, 65534, 65534)
    agent = run(order(trees.source, trees.target), NOBODY)
    assert agent.done is not None
    assert agent.done["status"] == "Succeeded", agent.rows
    os.removexattr(file, "trusted.secret")
    assert differences(trees.source, trees.target) == ""
    # Later the attribute alone changes, on files that are read-only by then.
    os.setxattr(file, "user.one", b"2")
    os.setxattr(directory, "user.directory", b"e")
    child = os.fork()
    if not child:
        code = 1
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            with workbench(trees.source, trees.target) as at:
                assert at.differing("dir", "file") == ["dir", "file"]
                assert at.repair("file") == (True, "")
            with workbench(directory, trees.target / "dir") as at:
                assert at.finish() == ""
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert differences(trees.source, trees.target) == ""


def test_a_default_acl_of_the_target_leaves_no_trace(trees: Trees) -> None:
    for name in ("one", "two"):
        (trees.source / name).write_text(name)
    (trees.source / "dir").mkdir()
    (trees.source / "dir" / "file").write_text("x")
    os.setxattr(trees.source / "two", "user.own", b"2")
    setfacl(trees.target, "-d -m u:1234:rwx")
    copied(trees.source, trees.target)
    assert differences(trees.source, trees.target) == ""
    assert "1234" not in "".join(getfacl(path) for path in [trees.target, *trees.target.rglob("*")])


def test_only_what_differs_is_found_and_repaired_in_place(trees: Trees) -> None:
    names = ["same", "other", "more", "less", "acl", "bare"]
    for side in (trees.source, trees.target):
        for name in names:
            (side / name).write_text(name)
            os.utime(side / name, ns=(5, 5))
        for name in names[:-1]:
            os.setxattr(side / name, "user.one", b"1")
    os.setxattr(trees.source / "other", "user.one", b"2")
    os.setxattr(trees.source / "more", "user.two", b"2")
    os.removexattr(trees.source / "less", "user.one")
    setfacl(trees.target / "acl", "-m u:1234:rw")
    inodes = {name: (trees.target / name).stat().st_ino for name in names}
    with workbench(trees.source, trees.target) as at:
        found = at.differing(*names)
        assert found == ["other", "more", "less", "acl"]
        assert [at.repair(name) for name in found] == [(True, "")] * 4
        assert at.differing(*names) == []
        assert os.getcwd() == "/"
    for name in names:
        assert getfattr(trees.target / name) == getfattr(trees.source / name)
        assert (trees.target / name).stat().st_ino == inodes[name]
        assert (trees.target / name).stat().st_mode == (trees.source / name).stat().st_mode


def test_an_entry_that_vanished_counts_as_different_only_if_the_source_has_something(trees: Trees) -> None:
    (trees.source / "file").write_text("x")
    with workbench(trees.source, trees.target) as at:
        assert at.differing("file") == ["file"]


@as_root
def test_capabilities_survive_a_repair_of_the_owner(trees: Trees) -> None:
    for side, owner in ((trees.source, 1234), (trees.target, 0)):
        tool = side / "tool"
        tool.write_text("tool")
        os.chown(tool, owner, owner)
        tool.chmod(0o4755)
        os.utime(tool, ns=(5, 5))
        os.setxattr(tool, "security.capability", CAPABILITY)
    with workbench(trees.source, trees.target) as at:
        assert at.repair("tool") == (True, "")
    assert getfattr(trees.target / "tool") == getfattr(trees.source / "tool")
    assert stat.S_IMODE((trees.target / "tool").stat().st_mode) == 0o4755
    assert (trees.target / "tool").stat().st_uid == 1234


@as_root
def test_a_target_without_attributes_gets_the_rest_and_a_remark(trees: Trees) -> None:
    subprocess.run(["mount", "-t", "ramfs", "none", str(trees.target)], check=True)
    try:
        attributed(trees.source)
        with workbench(trees.source, trees.target) as at:
            at.files.copy("file444")
            assert at.files.remark == (
                "Extended attributes not carried over: user.empty, user.one (Operation not supported, ENOTSUP)"
            )
            at.files.copy_link("link", os.lstat(trees.source / "link"))
            assert "trusted.link" in at.files.remark
            (trees.source / "bare2").write_text("x")
            at.files.copy("bare2")
            assert at.files.remark == ""
            assert at.differing("file444", "bare2") == ["file444"]
            repaired, remark = at.repair("file444")
            assert repaired
            assert "ENOTSUP" in remark
        (trees.target / "dir").mkdir()
        with workbench(trees.source / "dir", trees.target / "dir") as at:
            assert "system.posix_acl_default" in at.finish()
        assert (trees.target / "file444").read_text() == "file444"
        assert stat.S_IMODE((trees.target / "file444").stat().st_mode) == 0o444
    finally:
        subprocess.run(["umount", str(trees.target)], check=True)


def test_an_attribute_that_is_too_large_is_not_a_full_disk(trees: Trees) -> None:
    memory = Path("/dev/shm") / trees.base.name
    if not Path("/dev/shm").is_dir():
        pytest.skip("needs /dev/shm")
    memory.mkdir()
    try:
        (memory / "file").write_text("content")
        try:
            os.setxattr(memory / "file", "user.large", b"x" * 20_000)
            os.setxattr(memory / "file", "user.odd\x1b[31m", b"1")
        except OSError as error:
            pytest.skip(f"/dev/shm keeps no large attributes: {error}")
        try:
            os.setxattr(trees.target, "user.large", b"x" * 20_000)
        except OSError:
            pass
        else:
            pytest.skip("the file system of the tests takes large attributes")
        with workbench(memory, trees.target) as at:
            at.files.copy("file")
            assert "user.large (" in at.files.remark
            assert "odd" not in at.files.remark
        assert (trees.target / "file").read_text() == "content"
        assert os.listxattr(trees.target / "file") == ["user.odd\x1b[31m"]
    finally:
        for path in memory.iterdir():
            path.unlink()
        memory.rmdir()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_is_full_ends_the_run_and_leaves_no_temporary(
    trees: Trees, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    (trees.source / "file").write_text("x")
    os.setxattr(trees.source / "file", "user.one", b"1")

    def refuse(*args: object, **kwargs: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "setxattr", refuse)
    monkeypatch.setattr("agentsim.engine.attributes._SPACE_BYTES", 1 << 62)
    with workbench(trees.source, trees.target) as at, pytest.raises(RunStopped) as stop:
        at.files.copy("file")
    assert stop.value.code in (codes.TARGET_FULL, codes.TARGET_QUOTA)
    assert os.listdir(trees.target) == []


def test_lists_of_another_kind_are_counted_once_for_each_item(trees: Trees, monkeypatch: pytest.MonkeyPatch) -> None:
    """No such file system is here: the list is what its kernel would answer."""
    (trees.source / "file").write_text("x")
    real = os.listxattr

    def listxattr(path: int | str, *, follow_symlinks: bool = True) -> list[str]:
        return ["system.nfs4_acl", *real(path, follow_symlinks=follow_symlinks)]

    monkeypatch.setattr(os, "listxattr", listxattr)
    with workbench(trees.source, trees.target) as at:
        at.files.copy("file")
        assert (at.files.remark, at.cells[board.ACLS_LOST]) == ("", 1)
        assert at.differing("file") == []
        assert at.cells[board.ACLS_LOST] == 2
        at.finish()
        assert at.cells[board.ACLS_LOST] == 3
    with workbench(trees.source, trees.target, PLAIN) as at:
        at.files.copy("file")
        assert at.cells[board.ACLS_LOST] == 0


@as_root
def test_without_permissions_modes_owners_and_acls_stay_the_targets_own(trees: Trees) -> None:
    for name, mode in (("new", 0o6777), ("old", 0o777), ("secret", 0o400)):
        file = trees.source / name
        file.write_text(name)
        os.setxattr(file, "user.kept", b"k")
        setfacl(file, "-m u:1234:rwx")
        os.chown(file, 1234, 1234)
        file.chmod(mode)
    directory = trees.source / "dir"
    directory.mkdir(0o777)
    directory.chmod(0o7555)
    (directory / "inside").write_text("x")
    os.setxattr(trees.source / "new", "security.capability", CAPABILITY)
    (trees.target / "old").write_text("older")
    setfacl(trees.target / "old", "-m u:4321:r")
    (trees.target / "old").chmod(0o640)
    os.chown(trees.target / "old", 77, 77)
    acl = getfacl(trees.target / "old")
    (trees.target / "olddir").mkdir(0o711)
    (trees.source / "olddir").mkdir(0o755)
    masked = ("sh", "-c", 'umask 027; exec "$@"', "sh")
    agent = run(order(trees.source, trees.target, settings=PLAIN), masked)
    assert agent.done is not None
    assert agent.done["status"] == "Succeeded", agent.rows
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in trees.target.rglob("*")}
    assert modes == {"new": 0o750, "old": 0o640, "secret": 0o400, "dir": 0o750, "inside": 0o640, "olddir": 0o711}
    assert {path.name: path.stat().st_uid for path in trees.target.rglob("*")} == {**dict.fromkeys(modes, 0), "old": 77}
    assert getfacl(trees.target / "old") == acl
    assert (trees.target / "old").read_text() == "old"
    assert os.listxattr(trees.target / "new") == ["user.kept"]
    assert os.listxattr(trees.target / "secret") == ["user.kept"]
    assert run(order(trees.source, trees.target, settings=PLAIN)).counters["items_transferred"] == 0


@given(
    names=st.lists(
        st.sampled_from(
            [
                "user.a",
                "user.",
                "trusted.a",
                "trusted.overlay.opaque",
                "security.capability",
                "security.selinux",
                "security.ima",
                "security.evm",
                "system.posix_acl_access",
                "system.posix_acl_default",
                "system.nfs4_acl",
                "system.other",
            ]
        ),
        unique=True,
    ),
    privileged=st.booleans(),
    permissions=st.booleans(),
)
def test_what_travels(names: list[str], privileged: bool, permissions: bool) -> None:
    found = sort_out(names, privileged, permissions)
    assert set(found.carried) <= set(names)
    assert not {"trusted.overlay.opaque", "security.selinux", "security.ima", "security.evm"} & set(found.carried)
    assert ("trusted.a" in found.carried) == ("trusted.a" in names and privileged)
    assert ("security.capability" in found.carried) == ("security.capability" in names and privileged and permissions)
    acls = [name for name in found.carried if name.startswith("system.")]
    assert set(acls) == ({name for name in names if "posix_acl" in name} if permissions else set())
    assert found.carried[len(found.carried) - len(acls) :] == tuple(acls)
    assert found.foreign == ("system.nfs4_acl" in names and permissions)


def test_a_target_without_acls_grants_the_owning_group_no_more_than_the_source_does(
    trees: Trees, faulty_target: FaultFs
) -> None:
    """With an ACL the mode's group bits are its mask: alone, they would let the owning group write."""
    faulty_target.order(Fault(operation="setxattr", error="EOPNOTSUPP"))
    (trees.source / "file").write_text("x")
    (trees.source / "file").chmod(0o640)
    subprocess.run(["setfacl", "-m", "u:nobody:rw", str(trees.source / "file")], check=True)
    assert (trees.source / "file").stat().st_mode & 0o777 == 0o660
    for _ in range(2):
        agent = run(order(trees.source, trees.target))
        assert agent.row(b"file")[2:4] == ("Unsupported", codes.ITEM_METADATA_LOST)
        assert (trees.target / "file").stat().st_mode & 0o777 == 0o640
