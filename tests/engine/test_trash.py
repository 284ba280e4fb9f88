"""The trash: what a run deletes or replaces is still there, and nobody can aim it elsewhere."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from agentsim.engine.attributes import Attributes
from agentsim.engine.board import Board
from agentsim.engine.decide import Fidelity
from agentsim.engine.errors import ItemFailed
from agentsim.engine.lease import Lease, now
from agentsim.engine.metadata import Metadata
from agentsim.engine.sourcefile import Reader
from agentsim.engine.trash import Trash, fitted, folder
from store import codes
from store.settings import CopySettings
from store.vocabulary import CopyMode, Guard, RunKind

from .conftest import Trees
from .driver import LIMIT_SECONDS, Agent, assert_sums, copied, differences, order, run

TRASH = ".longshore-trash"
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
ON = CopySettings(trash=True)
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def mirror(trees: Trees, *, wrapper: tuple[str, ...] = (), script: str = "", **changes: object) -> Agent:
    """A Mirror run with a trash."""
    return run(order(trees.source, trees.target, CopyMode.MIRROR, settings=ON, **changes), wrapper, script=script)


def status(agent: Agent) -> tuple[str, str]:
    assert agent.done is not None
    assert_sums(agent.counters)
    return agent.done["status"], agent.done["code"]


def apart_from_the_trash(trees: Trees) -> str:
    """What rsync finds different, the trash left out."""
    command = ["rsync", "-aHAXn", "--itemize-changes", "--delete", f"--exclude=/{TRASH}"]
    return subprocess.run(
        [*command, f"{trees.source}/", f"{trees.target}/"], capture_output=True, check=True, text=True
    ).stdout


def same_trees(one: Path, other: Path) -> str:
    """What rsync would change to make one tree the other, content, owners and times included."""
    command = ["rsync", "-aHAXcn", "--itemize-changes", "--delete", f"{one}/", f"{other}/"]
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout


def test_what_is_deleted_can_be_copied_back_as_it_was(trees: Trees) -> None:
    gone = trees.target / "d" / "gone"
    (gone / "deep" / "empty").mkdir(parents=True)
    (gone / "deep" / "file").write_bytes(os.urandom(5000))
    (gone / "deep" / "link").symlink_to("nowhere")
    (gone / os.fsdecode(b"bytes\xff\n")).write_text("x")
    os.mkfifo(gone / "fifo")
    (gone / "deep").chmod(0o2751)
    (gone / "deep" / "file").chmod(0o640)
    if os.geteuid() == 0:
        os.chown(gone / "deep", 1234, 1235)
        os.chown(gone / "deep" / "file", 1236, 1237)
    os.setxattr(gone / "deep", "user.note", b"kept")
    for path in (gone / "deep" / "file", gone / "deep" / "empty", gone / "deep", gone):
        os.utime(path, ns=(1, 1_600_000_000_123_456_789))
    twin = trees.base / "twin"
    subprocess.run(["cp", "-a", str(gone), str(twin)], check=True)
    (trees.source / "d").mkdir()
    # Deletes come last: the root has its time by then, and keeps it.
    os.utime(trees.source, ns=(1, 1_500_000_000_000_000_000))
    agent = mirror(trees, run="nas/hr-home#12")
    assert status(agent) == ("Succeeded", codes.SUCCESS)
    assert apart_from_the_trash(trees) == ""
    assert same_trees(twin, trees.target / TRASH / "nas.hr-home.12" / "d" / "gone") == ""
    assert {row[4] for row in agent.rows if row[2] == "Deleted"} == {"Moved to the trash"}
    assert agent.counters["items_deleted"] == 7
    assert (trees.target / TRASH).stat().st_mode & 0o777 == 0o700


def test_what_is_replaced_is_kept_whatever_its_kind(trees: Trees) -> None:
    (trees.source / "file").write_text("new")
    (trees.source / "link").symlink_to("new")
    (trees.source / "to_directory").mkdir()
    (trees.source / "to_file").write_text("a file now")
    (trees.target / "file").write_text("the old one")
    (trees.target / "link").symlink_to("old")
    (trees.target / "to_directory").write_text("was a file")
    (trees.target / "to_file" / "sub").mkdir(parents=True)
    (trees.target / "to_file" / "sub" / "x").write_text("below")
    with open(trees.source / "large", "wb") as file:
        file.truncate(70 << 20)
    (trees.target / "large").write_text("small once")
    assert status(mirror(trees)) == ("Succeeded", codes.SUCCESS)
    assert apart_from_the_trash(trees) == ""
    kept = trees.target / TRASH / "test"
    assert (kept / "file").read_text() == "the old one"
    assert (kept / "link").readlink() == Path("old")
    assert (kept / "to_directory").read_text() == "was a file"
    assert (kept / "to_file" / "sub" / "x").read_text() == "below"
    assert (kept / "large").read_text() == "small once"


def test_an_additive_run_keeps_what_it_replaces(trees: Trees) -> None:
    (trees.source / "file").write_text("new")
    (trees.target / "file").write_text("the old one")
    copied(trees.source, trees.target, settings=ON)
    assert (trees.target / TRASH / "test" / "file").read_text() == "the old one"
    again = copied(trees.source, trees.target, settings=ON)
    assert again.counters["items_transferred"] == 0


def test_a_run_that_replaces_nothing_makes_no_trash(trees: Trees) -> None:
    (trees.source / "file").write_text("new")
    assert status(mirror(trees)) == ("Succeeded", codes.SUCCESS)
    assert differences(trees.source, trees.target) == ""


def test_later_runs_neither_compare_nor_count_nor_delete_the_trash(trees: Trees) -> None:
    (trees.source / "kept").touch()
    (trees.target / TRASH / "earlier").mkdir(parents=True)
    for number in range(30):
        (trees.target / TRASH / "earlier" / f"f{number}").write_text("precious")
    agent = copied(trees.source, trees.target, CopyMode.MIRROR)
    assert len(list((trees.target / TRASH / "earlier").iterdir())) == 30
    assert agent.rows == []
    assert status(mirror(trees)) == ("Succeeded", codes.SUCCESS)
    assert len(list((trees.target / TRASH / "earlier").iterdir())) == 30


def test_a_source_item_of_the_trashs_name_is_left_where_it_is(trees: Trees) -> None:
    (trees.source / TRASH / "x").mkdir(parents=True)
    (trees.source / "sub" / TRASH).mkdir(parents=True)
    (trees.source / "sub" / TRASH / "y").touch()
    (trees.target / TRASH).mkdir()
    (trees.target / TRASH / "kept").touch()
    agent = mirror(trees)
    assert status(agent) == ("Succeeded", codes.SUCCESS)
    assert agent.row(TRASH.encode())[2:4] == ("Unsupported", codes.ITEM_NAME_RESERVED)
    assert os.listdir(trees.target / TRASH) == ["kept"]
    assert (trees.target / "sub" / TRASH / "y").exists()


def test_a_planted_link_takes_nothing_away(trees: Trees) -> None:
    """In the trash's place, and in the place of the run's own directory in it."""
    aim = trees.base / "aim"
    aim.mkdir()
    (trees.source / "kept").write_text("new")
    (trees.source / "new").write_text("new")
    for planted in (trees.target / TRASH, trees.target / TRASH / "test"):
        for name in ("kept", "only"):
            (trees.target / name).write_text("the old one")
        planted.parent.mkdir(exist_ok=True)
        planted.symlink_to(aim)
        agent = mirror(trees)
        assert status(agent) == ("Failed", codes.SOME_ITEMS_FAILED)
        assert agent.row(b"only")[2] == "DeleteWithheld"
        assert "while moving it to the trash" in agent.row(b"only")[4]
        assert agent.row(b"kept")[2] == "Failed"
        assert (trees.target / "only").read_text() == "the old one"
        assert (trees.target / "kept").read_text() == "the old one"
        assert (trees.target / "new").read_text() == "new"
        assert os.listdir(aim) == []
        planted.unlink()


@as_root
def test_a_trash_of_somebody_else_is_not_used(trees: Trees) -> None:
    (trees.target / TRASH).mkdir()
    os.chown(trees.target / TRASH, 1234, 1234)
    (trees.source / "kept").touch()
    (trees.target / "only").write_text("private")
    agent = mirror(trees)
    assert agent.row(b"only")[2:5] == (
        "DeleteWithheld",
        codes.ITEM_TARGET_PERMISSION,
        "The trash directory belongs to another user",
    )
    assert (trees.target / "only").exists()


def test_links_inside_the_trash_are_not_followed(trees: Trees) -> None:
    """A link that was thrown away earlier stands where a directory has to be made."""
    aim = trees.base / "aim"
    aim.mkdir()
    (trees.target / TRASH / "test").mkdir(parents=True)
    (trees.target / TRASH / "test" / "d").symlink_to(aim)
    (trees.source / "kept").touch()
    (trees.target / "d").mkdir()
    (trees.target / "d" / "x").write_text("x")
    assert status(mirror(trees)) == ("Succeeded", codes.SUCCESS)
    assert os.listdir(aim) == []
    assert (trees.target / TRASH / "test" / "d.1" / "x").read_text() == "x"


def test_nothing_in_the_trash_is_written_over(trees: Trees) -> None:
    """A resumed run meets the names that it has used before."""
    (trees.source / "kept").write_text("new")
    long = "n" * 255
    for content in ("first", "second", "third"):
        (trees.target / "only").write_text(content)
        (trees.target / "kept").write_text(content)
        (trees.target / long).write_text(content)
        (trees.target / "d").mkdir()
        (trees.target / "d" / "x").write_text(content)
        assert status(mirror(trees)) == ("Succeeded", codes.SUCCESS)
    kept = trees.target / TRASH / "test"
    for name in ("only", "kept", "d/x"):
        found = [(kept / f"{name}{suffix}").read_text() for suffix in ("", ".1", ".2")]
        assert found == ["first", "second", "third"]
    longest = [path for path in kept.iterdir() if path.name.startswith("nnn")]
    assert sorted(path.read_text() for path in longest) == ["first", "second", "third"]
    assert all(len(path.name) == 255 for path in longest)


@as_root
def test_a_file_on_another_mount_inside_the_target_stays(trees: Trees) -> None:
    for root in (trees.source, trees.target):
        (root / "mount").mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "tmpfs", str(trees.target / "mount")], capture_output=True, check=False
    ).returncode:
        pytest.skip("cannot mount here")
    try:
        (trees.source / "mount" / "kept").write_text("new")
        for name in ("kept", "only"):
            (trees.target / "mount" / name).write_text("the old one")
        agent = mirror(trees)
        for name in ("kept", "only"):
            assert (trees.target / "mount" / name).read_text() == "the old one"
    finally:
        subprocess.run(["umount", str(trees.target / "mount")], check=True)
    assert agent.row(b"mount/only")[2] == "DeleteWithheld"
    assert "EXDEV" in agent.row(b"mount/only")[4]
    assert agent.row(b"mount/kept")[2] == "Failed"


@as_root
def test_a_full_target_ends_the_run_and_loses_nothing(trees: Trees) -> None:
    """The trash needs an inode for each directory: with none left, what is to be deleted stays."""
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m,nr_inodes=40", "tmpfs", str(trees.target)],
        capture_output=True,
        check=False,
    ).returncode:
        pytest.skip("cannot mount here")
    try:
        (trees.source / "kept").touch()
        (trees.target / "kept").touch()
        for number in range(18):
            (trees.target / f"d{number}").mkdir()
            (trees.target / f"d{number}" / "x").write_text("precious")
        agent = mirror(trees, overrides=frozenset(Guard))
        assert status(agent) == ("Failed", codes.TARGET_FULL)
        found = [path for path in trees.target.rglob("x") if path.read_text() == "precious"]
        assert len(found) == 18
        assert not (trees.target / "x").exists()
    finally:
        subprocess.run(["umount", str(trees.target)], check=True)


def test_an_unprivileged_agent_keeps_what_is_in_read_only_directories(trees: Trees) -> None:
    wrapper: tuple[str, ...] = NOBODY if os.geteuid() == 0 else ()
    (trees.source / "kept").touch()
    for content in ("first", "second"):
        directory = trees.target / "gone" / "deep"
        directory.mkdir(parents=True)
        (directory / "x").write_text(content)
        if wrapper:
            subprocess.run(["chown", "-R", "65534:65534", str(trees.base)], check=True)
        directory.chmod(0o555)
        directory.parent.chmod(0o500)
        agent = mirror(trees, wrapper=wrapper)
        assert status(agent) == ("Succeeded", codes.SUCCESS), agent.rows
    kept = trees.target / TRASH / "test" / "gone"
    assert (kept / "deep" / "x").read_text() == "first"
    assert (kept / "deep" / "x.1").read_text() == "second"
    assert (kept / "deep").stat().st_mode & 0o777 == 0o555
    assert kept.stat().st_mode & 0o777 == 0o500


def test_the_old_file_is_there_at_every_moment(trees: Trees) -> None:
    """The run dies right after the old file was kept, before the new one takes its place; then it is resumed."""
    (trees.source / "file").write_text("the new one")
    (trees.target / "file").write_text("the old one")
    script = (
        "import os, sys\n"
        "from agentsim.engine import copyfile\n"
        "original = os.rename\n"
        "def dies(old, new, **where):\n"
        "    if new == 'file':\n"
        "        os.kill(os.getppid(), 9)\n"
        "        os._exit(9)\n"
        "    return original(old, new, **where)\n"
        "os.rename = dies\n"
        "from agentsim.worker import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    task = order(trees.source, trees.target, settings=ON, helpers=1)
    agent = Agent(task, script=script)
    agent.process.wait(LIMIT_SECONDS)
    agent.kill()
    assert (trees.target / "file").read_text() == "the old one"
    copied(trees.source, trees.target, settings=ON)
    assert (trees.target / "file").read_text() == "the new one"
    assert os.listdir(trees.target / TRASH / "test") == ["file"]
    assert (trees.target / TRASH / "test" / "file").read_text() == "the old one"


class Place:
    """A trash in this process, on a directory of its own."""

    def __init__(self, root: Path) -> None:
        lease = Lease(now() + 60)
        self.root = os.open(root, os.O_RDONLY)
        fidelity, slot = Fidelity.of_this_process(), Board(1).slots[0]
        metadata = Metadata(lease, fidelity, slot, Attributes(fidelity, slot), Reader(fidelity.privileged))
        self.trash = Trash(self.root, "run", lease, metadata)


def test_where_links_are_refused_the_old_file_is_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = Place(tmp_path)
    (tmp_path / "file").write_text("old")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "refused")

    monkeypatch.setattr(os, "link", refuse)
    place.trash.keep(place.root, "file", b"file")
    assert not (tmp_path / "file").exists()
    assert (tmp_path / TRASH / "run" / "file").read_text() == "old"
    os.close(place.root)


def test_a_directory_is_never_kept_in_the_place_of_a_file(tmp_path: Path) -> None:
    place = Place(tmp_path)
    (tmp_path / "d").mkdir()
    place.trash.keep(place.root, "d", b"d")
    place.trash.keep(place.root, "missing", b"missing")
    assert os.listdir(tmp_path) == ["d"]
    with pytest.raises(FileNotFoundError):
        place.trash.move(place.root, "missing", b"missing")
    os.close(place.root)


def test_a_trash_that_is_removed_while_it_is_used_is_made_again(tmp_path: Path) -> None:
    place = Place(tmp_path)
    for name in ("one", "two", "three"):
        (tmp_path / name).write_text(name)
    place.trash.move(place.root, "one", b"d/one")
    subprocess.run(["rm", "-r", str(tmp_path / TRASH)], check=True)
    place.trash.move(place.root, "two", b"d/two")
    assert (tmp_path / TRASH / "run" / "d" / "two").read_text() == "two"
    subprocess.run(["rm", "-r", str(tmp_path / TRASH)], check=True)
    place.trash.keep(place.root, "three", b"d/three")
    assert (tmp_path / TRASH / "run" / "d" / "three").read_text() == "three"
    os.close(place.root)


def test_a_trash_that_cannot_be_opened_says_so(tmp_path: Path) -> None:
    place = Place(tmp_path)
    (tmp_path / "file").touch()
    (tmp_path / TRASH).write_text("a file")
    for act in (place.trash.move, place.trash.keep):
        with pytest.raises((NotADirectoryError, ItemFailed)):
            act(place.root, "file", b"file")
    assert (tmp_path / "file").exists()
    os.close(place.root)


def test_names_of_the_trash() -> None:
    assert folder("hr/nas-1#12") == b"hr.nas-1.12"
    assert folder("..") == b"run"
    assert len(folder("x" * 300)) == 255
    assert fitted(b"name", b".1", 255) == b"name.1"
    long = "\u00e9".encode() * 127
    cut = fitted(long, b".1", 255)
    assert len(cut) <= 255
    assert cut.endswith(b".1")
    cut.decode()
    assert fitted(long + b"x", b".1", 255) != fitted(long + b"y", b".1", 255)


def test_replaced_names_of_one_file_are_all_kept_in_their_own_directories(trees: Trees) -> None:
    """Further names of a file are made after all directories were gone through."""
    for directory in ("a", "b/c"):
        for root in (trees.source, trees.target):
            (root / directory).mkdir(parents=True)
    (trees.source / "a" / "one").write_text("new")
    os.link(trees.source / "a" / "one", trees.source / "b" / "c" / "two")
    os.link(trees.source / "a" / "one", trees.source / "b" / "three")
    for name in ("a/one", "b/c/two", "b/three"):
        (trees.target / name).write_text(f"old {name}")
    assert status(mirror(trees)) == ("Succeeded", codes.SUCCESS)
    assert apart_from_the_trash(trees) == ""
    for name in ("a/one", "b/c/two", "b/three"):
        assert (trees.target / TRASH / "test" / name).read_text() == f"old {name}"


def test_a_preview_makes_no_trash(trees: Trees) -> None:
    (trees.source / "kept").write_text("new")
    (trees.target / "kept").write_text("old")
    (trees.target / "only").touch()
    agent = mirror(trees, kind=RunKind.PREVIEW)
    assert agent.done is not None
    assert agent.done["status"] == "Succeeded"
    assert sorted(os.listdir(trees.target)) == ["kept", "only"]
