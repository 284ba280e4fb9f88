"""A directory of this machine as a place: what it lists, keeps and refuses."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from agentsim.engine.errors import Canceled, ItemChanged, ItemFailed, RunStopped, Side
from agentsim.engine.source_identity import same_source
from agentsim.places import posix_root
from agentsim.places.place import Dress, Item, Unlisted, walk_key
from agentsim.places.posix import PosixPlace
from agentsim.places.posix_items import extras_of
from agentsim.places.posix_walk import Walk
from store import codes
from store.vocabulary import ItemKind
from tests.engine import mounts
from tests.faultfs.faults import Fault
from tests.faultfs.mount import fault_fs

from .posix_trees import Bytes, entered, item, opening

TIME = 1_500_000_000_123_456_789
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    found = tmp_path / "root"
    found.mkdir()
    return found


@pytest.fixture
def target(root: Path) -> Iterator[PosixPlace]:
    place = entered(root)
    yield place
    place.close()
    assert not [name for name in os.listdir(root) if name.startswith(".longshore-") and name.endswith(".part")]


def walked(place: PosixPlace) -> list[bytes]:
    found = list(place.walk(lambda path: True))
    assert all(isinstance(entry, Item) for entry in found)
    return [entry.path for entry in found]


class TestListing:
    def test_items_come_in_the_order_of_their_keys(self, root: Path) -> None:
        for name in (b"a", b"a/b", b"a/b.c", b"z", b"a b"):
            os.mkdir(os.fsencode(root) + b"/" + name)
        for name in (b"a.txt", b"a0", b"a/b!", b"a/b/x", b"\xff\n", b"Z", b"a/\xc3\xa9"):
            Path(os.fsdecode(os.fsencode(root) + b"/" + name)).write_text("x")
        place = entered(root, Side.SOURCE)
        found = [entry for entry in place.walk(lambda path: True) if isinstance(entry, Item)]
        keys = [walk_key(entry.path, entry.kind) for entry in found]
        assert len(keys) == 12
        assert keys == sorted(keys)
        assert keys.index(b"a.txt") < keys.index(b"a/") < keys.index(b"a/b!") < keys.index(b"a/b/x") < keys.index(b"a0")
        place.close()

    def test_a_directory_that_is_not_wanted_is_not_gone_into(self, root: Path) -> None:
        (root / "d" / "e").mkdir(parents=True)
        place = entered(root, Side.SOURCE)
        asked: list[bytes] = []

        def descend(path: bytes) -> bool:
            asked.append(path)
            return False

        assert [entry.path for entry in place.walk(descend)] == [b"d"]
        assert asked == [b"d"]
        place.close()

    def test_more_names_than_are_sorted_in_memory(self, root: Path) -> None:
        names = sorted(f"{number * 7919 % 100}".encode() for number in range(100))
        for name in names:
            (root / os.fsdecode(name)).touch()
        fd = os.open(root, os.O_RDONLY)
        found = [entry.path for entry in Walk(fd, Side.SOURCE, None, limit=10).items(lambda path: True)]
        os.close(fd)
        assert found == names

    def test_a_deep_tree_costs_no_recursion_and_few_descriptors(self, root: Path) -> None:
        at = os.open(root, os.O_RDONLY)
        for _ in range(1500):
            os.mkdir("d", dir_fd=at)
            deeper = os.open("d", os.O_RDONLY, dir_fd=at)
            os.close(at)
            at = deeper
        os.close(at)
        place = entered(root, Side.SOURCE)
        assert len(walked(place)) == 1500
        deepest = b"/".join([b"d"] * 1500)
        assert item(place, deepest).kind is ItemKind.DIRECTORY
        place.close()
        # Python's own way to remove a tree is recursive.
        subprocess.run(["rm", "-r", str(root / "d")], check=True)

    def test_what_an_item_says(self, root: Path) -> None:
        (root / "f").write_text("1234")
        os.chmod(root / "f", 0o640)
        os.utime(root / "f", ns=(7, TIME))
        os.link(root / "f", root / "g")
        os.symlink("elsewhere", root / "l")
        os.mkfifo(root / "p")
        place = entered(root, Side.SOURCE)
        file, link = item(place, b"f"), item(place, b"l")
        assert (file.kind, file.size, file.names, file.detailed) == (ItemKind.FILE, 4, 2, True)
        wanted = Dress(mtime_ns=TIME, atime_ns=7, mode=0o640, uid=os.geteuid(), gid=os.getegid())
        assert file.dress == wanted
        assert (link.kind, link.size, link.dress.mode) == (ItemKind.SYMLINK, 0, None)
        assert item(place, b"p").kind is ItemKind.SPECIAL
        assert [entry for entry in place.walk(lambda path: True) if entry.path == b"f"] == [file]
        assert place.find(b"missing") is None
        assert place.find(b"f/below a file") is None
        assert place.find(b"x" * 300) is None
        root_item = place.find(b"")
        assert root_item is not None
        assert root_item.kind is ItemKind.DIRECTORY
        place.close()

    def test_a_version_changes_with_the_content_alone_for_directories(self, root: Path) -> None:
        (root / "d").mkdir()
        (root / "f").write_text("one")
        place = entered(root)
        directory, file = item(place, b"d"), item(place, b"f")
        (root / "d" / "new").touch()
        (root / "f").write_text("two")
        assert item(place, b"d").version == directory.version
        assert item(place, b"f").version != file.version
        place.close()

    def test_extras_are_told_of_a_source(self, root: Path) -> None:
        (root / "f").touch()
        try:
            os.setxattr(root / "f", "user.colour", b"green")
        except OSError:
            pytest.skip("needs extended attributes")
        for side, wanted in ((Side.SOURCE, ("the attribute user.colour",)), (Side.TARGET, ())):
            place = entered(root, side)
            assert item(place, b"f").extras == wanted
            assert [entry.extras for entry in place.walk(lambda path: True) if isinstance(entry, Item)] == [wanted]
            place.close()

    def test_extras_in_words(self) -> None:
        names = ["system.posix_acl_access", "user.a\u202eb", "security.selinux", "system.nfs4_acl", "trusted.x"]
        assert extras_of(names, privileged=False) == (
            "the attribute user.a\\u202eb",
            "an ACL",
            "an ACL of another kind",
        )
        assert "the attribute trusted.x" in extras_of(names, privileged=True)

    def test_a_directory_that_cannot_be_listed_is_told_as_such(self, root: Path, tmp_path: Path) -> None:
        for name in ("a", "d", "d/below", "z"):
            (root / name).mkdir()
        there = tmp_path / "mounted"
        there.mkdir()
        with fault_fs(root, there) as faulty:
            place = entered(there, Side.SOURCE)
            faulty.order(Fault(operation="opendir,readdir", path="d", error="EIO"))
            found = list(place.walk(lambda path: True))
            place.close()
        assert [entry.path for entry in found] == [b"a", b"d", b"d", b"z"]
        assert isinstance(found[2], Unlisted)
        assert found[2].error.code == codes.ITEM_SOURCE_IO

    def test_an_entry_that_cannot_be_looked_at_is_told_as_such(self, root: Path, tmp_path: Path) -> None:
        for name in ("a", "b", "c"):
            (root / name).touch()
        there = tmp_path / "mounted"
        there.mkdir()
        with fault_fs(root, there) as faulty:
            place = entered(there, Side.SOURCE)
            faulty.order(Fault(operation="getattr", path="b", error="EIO"))
            found = list(place.walk(lambda path: True))
            with pytest.raises(ItemFailed, match="EIO"):
                place.find(b"b")
            place.close()
        assert [(entry.path, type(entry)) for entry in found] == [(b"a", Item), (b"b", Unlisted), (b"c", Item)]


class TestOpening:
    def test_roots_that_are_none(self, root: Path) -> None:
        (root / "f").touch()
        for side, code in ((Side.SOURCE, codes.SOURCE_PATH_INVALID), (Side.TARGET, codes.TARGET_PATH_INVALID)):
            for path in (root / "missing", root / "f"):
                with pytest.raises(RunStopped) as stopped:
                    entered(path, side)
                assert (stopped.value.code, stopped.value.target) == (code, side.value)

    def test_the_sub_path_of_a_target_is_made_and_of_a_source_is_not(self, root: Path) -> None:
        with pytest.raises(RunStopped):
            entered(root, Side.SOURCE, sub_path=b"a/b")
        assert not (root / "a").exists()
        entered(root, sub_path=b"a/b").close()
        assert (root / "a" / "b").is_dir()

    def test_a_target_that_does_not_exist_is_empty_for_who_does_not_write(self, root: Path) -> None:
        place = entered(root, writes=False, sub_path=b"a/b")
        assert walked(place) == []
        assert place.find(b"x") is None
        assert place.find(b"") is None
        assert place.identity()
        assert list(root.iterdir()) == []
        place.close()

    @pytest.mark.parametrize("side", list(Side))
    def test_a_sub_path_over_a_link_is_refused(self, root: Path, tmp_path: Path, side: Side) -> None:
        (tmp_path / "outside").mkdir()
        (root / "a").symlink_to(tmp_path / "outside")
        with pytest.raises(RunStopped):
            entered(root, side, sub_path=b"a")
        with pytest.raises(RunStopped):
            entered(root, side, sub_path=b"a/b")
        assert list((tmp_path / "outside").iterdir()) == []

    def test_a_target_has_one_writer(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("agentsim.engine.preflight.LOCK_SECONDS", 0.2)
        first = entered(root)
        with pytest.raises(RunStopped) as stopped:
            entered(root)
        assert stopped.value.code == codes.TARGET_BUSY
        first.close()
        first.close()
        entered(root).close()

    def test_a_directory_that_hangs_is_given_up(
        self, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(posix_root, "REACH_SECONDS", 0.3)
        there = tmp_path / "mounted"
        there.mkdir()
        with fault_fs(root, there) as faulty:
            for side, code in ((Side.SOURCE, codes.SOURCE_UNREACHABLE), (Side.TARGET, codes.TARGET_UNREACHABLE)):
                faulty.order(Fault(operation="getattr", path="", hang=True))
                with pytest.raises(RunStopped) as stopped:
                    PosixPlace(opening(side), os.fsencode(there)).reach()
                assert stopped.value.code == code
                faulty.order()

    def test_a_cancel_ends_the_wait_for_a_directory_that_hangs(self, root: Path, tmp_path: Path) -> None:
        there = tmp_path / "mounted"
        there.mkdir()
        with fault_fs(root, there) as faulty:
            faulty.order(Fault(operation="getattr", path="", hang=True))
            given = opening()
            given.lease.stop()
            with pytest.raises(Canceled):
                PosixPlace(given, os.fsencode(there)).reach()

    def test_the_identity_is_the_directory_s(self, root: Path) -> None:
        (root / "a").mkdir()
        place, again, other = entered(root, Side.SOURCE), entered(root, Side.SOURCE), entered(root / "a", Side.SOURCE)
        assert same_source(place.identity(), again.identity())
        assert not same_source(place.identity(), other.identity())
        for each in (place, again, other):
            each.close()

    def test_what_the_target_makes_of_names_and_times_is_found_out(self, root: Path, tmp_path: Path) -> None:
        there = tmp_path / "mounted"
        there.mkdir()
        with fault_fs(root, there) as faulty:
            faulty.order(fold="case", time_step=1_000_000_000)
            place = entered(there)
            assert place.holds.folds
            assert place.holds.time_step == 1_000_000_000
            place.close()
        place = entered(root)
        assert (place.holds.folds, place.holds.time_step) == (False, 1)
        place.close()

    def test_a_place_that_is_only_read_changes_nothing(self, root: Path) -> None:
        (root / "f").write_text("old")
        place = entered(root, writes=False)
        there = item(place, b"f")
        for act in (
            lambda: place.write(b"g", Bytes(b"x"), Dress(), None),
            lambda: place.make_link(b"l", b"x", Dress(), None),
            lambda: place.make_directory(b"d", Dress()),
            lambda: place.set_dress(there, Dress(mode=0o600)),
            lambda: place.delete(there),
            lambda: place.set_aside(there, b"g"),
        ):
            with pytest.raises(RunStopped):
                act()
        assert os.listdir(root) == ["f"]
        place.close()


class TestReading:
    def test_a_file_comes_whole_and_in_the_pieces_that_are_asked_for(self, root: Path) -> None:
        (root / "d").mkdir()
        (root / "d" / "f").write_bytes(b"0123456789")
        place = entered(root, Side.SOURCE)
        with place.read(item(place, b"d/f")) as content:
            assert [content.read(4), content.read(4), content.read(4), content.read(4)] == [
                b"0123",
                b"4567",
                b"89",
                b"",
            ]
            content.settle()
            assert content.item.version == item(place, b"d/f").version
        place.close()

    def test_a_file_that_changes_meanwhile_is_told(self, root: Path) -> None:
        (root / "f").write_text("old")
        place = entered(root, Side.SOURCE)
        with place.read(item(place, b"f")) as content:
            content.read(3)
            (root / "f").write_text("new")
            with pytest.raises(ItemChanged):
                content.settle()
        place.close()

    def test_a_file_that_grows_without_end_is_given_up(self, root: Path) -> None:
        (root / "f").write_text("old")
        place = entered(root, Side.SOURCE)
        with place.read(item(place, b"f")) as content, open(root / "f", "a") as more:
            more.write("er")
            more.flush()
            with pytest.raises(ItemChanged):
                content.read(100)
        place.close()

    def test_a_file_that_was_not_read_to_its_end_does_not_settle(self, root: Path) -> None:
        (root / "f").write_text("old")
        place = entered(root, Side.SOURCE)
        with place.read(item(place, b"f")) as content, pytest.raises(ItemChanged):
            content.settle()
        place.close()

    def test_another_version_than_was_listed_is_refused(self, root: Path) -> None:
        (root / "f").write_text("old")
        place = entered(root, Side.SOURCE)
        listed = item(place, b"f")
        (root / "f").write_text("new")
        with pytest.raises(ItemChanged):
            place.read(listed)
        (root / "f").unlink()
        with pytest.raises(ItemChanged):
            place.read(listed)
        place.close()

    def test_a_fifo_in_its_place_is_not_waited_for(self, root: Path) -> None:
        (root / "f").write_text("old")
        place = entered(root, Side.SOURCE)
        listed = item(place, b"f")
        (root / "f").unlink()
        os.mkfifo(root / "f")
        with pytest.raises(ItemChanged):
            place.read(listed)
        place.close()

    def test_a_link_is_read_as_text(self, root: Path) -> None:
        os.symlink(b"../\xff", os.fsencode(root) + b"/l")
        place = entered(root, Side.SOURCE)
        listed = item(place, b"l")
        assert place.read_link(listed) == b"../\xff"
        (root / "l").unlink()
        (root / "l").symlink_to("other")
        with pytest.raises(ItemChanged):
            place.read_link(listed)
        place.close()

    def test_an_error_of_the_source_is_its_own(self, root: Path, tmp_path: Path) -> None:
        (root / "f").write_text("old")
        there = tmp_path / "mounted"
        there.mkdir()
        with fault_fs(root, there) as faulty:
            place = entered(there, Side.SOURCE)
            faulty.order(Fault(operation="read", path="f", error="EIO"))
            with place.read(item(place, b"f")) as content, pytest.raises(ItemFailed) as failed:
                content.read(3)
            assert failed.value.code == codes.ITEM_SOURCE_IO
            place.close()

    def test_an_error_that_passes_is_waited_for(self, root: Path, tmp_path: Path) -> None:
        (root / "f").write_text("old")
        (root / "l").symlink_to("text")
        there = tmp_path / "mounted"
        there.mkdir()
        with fault_fs(root, there) as faulty:
            place = entered(there)
            for operation, error, act in (
                ("getattr", "EIO", lambda: item(place, b"f")),
                ("open", "EREMOTEIO", lambda: place.read(item(place, b"f")).close()),
                ("readlink", "EAGAIN", lambda: place.read_link(item(place, b"l"))),
                ("chmod", "ETIMEDOUT", lambda: place.set_dress(item(place, b"f"), Dress(mode=0o600))),
                ("mkdir", "EBUSY", lambda: place.make_directory(b"d", Dress())),
                ("rename", "EBUSY", lambda: place.set_aside(item(place, b"l"), b"t/l")),
                ("unlink", "EBUSY", lambda: place.delete(item(place, b"f"))),
            ):
                passing = Fault(operation=operation, error=error, times=1)
                faulty.order(passing)
                act()
                assert faulty.hits(passing)
            place.close()


class TestWriting:
    def test_a_new_file_is_as_it_is_to_be(self, root: Path, target: PosixPlace) -> None:
        (root / "d").mkdir()
        dress = Dress(mtime_ns=TIME, atime_ns=TIME + 1, mode=0o4751, uid=os.geteuid(), gid=os.getegid())
        written = target.write(b"d/f", Bytes(b"new"), dress, None)
        found = item(target, b"d/f")
        assert (found.dress, found.size, (root / "d" / "f").read_bytes()) == (dress, 3, b"new")
        assert (written.size, written.version, written.remark) == (3, found.version, "")

    def test_what_is_not_said_is_as_for_any_new_file(self, root: Path, target: PosixPlace) -> None:
        before = os.umask(0o027)
        try:
            target.write(b"f", Bytes(b"new"), Dress(), None)
            target.make_directory(b"d", Dress())
        finally:
            os.umask(before)
        assert item(target, b"f").dress.mode == 0o640
        assert item(target, b"d").dress.mode == 0o750

    def test_a_file_that_is_replaced_hands_its_mode_down_where_none_is_said(
        self, root: Path, target: PosixPlace
    ) -> None:
        (root / "f").write_text("old")
        os.chmod(root / "f", 0o4604)
        target.write(b"f", Bytes(b"new"), Dress(mtime_ns=TIME), item(target, b"f"))
        found = item(target, b"f")
        assert (found.dress.mode, found.dress.mtime_ns) == (0o604, TIME)

    @needs_root
    def test_owners_travel(self, root: Path, target: PosixPlace) -> None:
        dress = Dress(mode=0o6755, uid=1234, gid=2345)
        assert target.write(b"f", Bytes(b"new"), dress, None).remark == ""
        found = item(target, b"f").dress
        assert (found.uid, found.gid, found.mode) == (1234, 2345, 0o6755)
        target.make_link(b"l", b"f", Dress(uid=1234, gid=2345, mtime_ns=TIME), None)
        found = item(target, b"l").dress
        assert (found.uid, found.gid, found.mtime_ns) == (1234, 2345, TIME)
        assert item(target, b"f").dress.uid == 1234

    def test_set_id_bits_need_the_owner_they_are_meant_for(self, target: PosixPlace) -> None:
        """An object's metadata is anybody's: it must not make programs that run as the agent's user."""
        written = target.write(b"f", Bytes(b"evil"), Dress(mode=0o4755), None)
        assert item(target, b"f").dress.mode == 0o755
        assert "set-id" in written.remark
        assert target.set_dress(item(target, b"f"), Dress(mode=0o2755, uid=os.geteuid())) != ""
        assert item(target, b"f").dress.mode == 0o755

    def test_numbers_that_no_owner_can_have_are_told(self, target: PosixPlace) -> None:
        for uid in (2**40, -1):
            written = target.write(b"f%d" % (uid > 0), Bytes(b"x"), Dress(mode=0o644, uid=uid, gid=0), None)
            assert written.remark or not target.holds.owners or uid == -1
        written = target.write(b"g", Bytes(b"x"), Dress(mtime_ns=2**120), None)
        assert "times" in written.remark

    @pytest.mark.parametrize("failure", [ItemFailed("c", "m"), ItemChanged("c", "m"), Canceled(), RunStopped("c", "m")])
    def test_what_was_there_survives_any_failure(self, root: Path, target: PosixPlace, failure: Exception) -> None:
        (root / "f").write_text("old")

        def fail() -> None:
            raise failure

        for content in (Bytes(b"new", before_read=fail), Bytes(b"new", before_settling=fail)):
            with pytest.raises(type(failure)):
                target.write(b"f", content, Dress(), item(target, b"f"))
            assert os.listdir(root) == ["f"]
            assert (root / "f").read_text() == "old"

    def test_a_content_of_another_length_than_it_said_is_not_put_in_place(self, root: Path, target: PosixPlace) -> None:
        content = Bytes(b"new")
        content.item = Item(path=b"f", kind=ItemKind.FILE, size=4)
        with pytest.raises(ItemChanged):
            target.write(b"f", content, Dress(), None)
        assert os.listdir(root) == []

    def test_another_s_work_is_not_written_over(self, root: Path, target: PosixPlace) -> None:
        (root / "f").write_text("old")
        seen = item(target, b"f")

        def write() -> None:
            (root / "f").write_text("another's")

        with pytest.raises(ItemChanged):
            target.write(b"f", Bytes(b"new", before_settling=write), Dress(), seen)
        with pytest.raises(ItemChanged):
            target.write(b"f", Bytes(b"new"), Dress(), None)
        with pytest.raises(ItemChanged):
            target.make_link(b"f", b"text", Dress(), None)
        assert (root / "f").read_text() == "another's"
        (root / "f").unlink()
        with pytest.raises(ItemChanged):
            target.write(b"f", Bytes(b"new"), Dress(), seen)

    def test_a_directory_in_its_place_stays(self, root: Path, target: PosixPlace) -> None:
        (root / "d").mkdir()
        for replacing in (None, item(target, b"d")):
            with pytest.raises(ItemFailed) as failed:
                target.write(b"d", Bytes(b"new"), Dress(), replacing)
            assert failed.value.code == codes.ITEM_BLOCKED_BY_DIRECTORY

    def test_long_runs_of_zeros_are_holes(self, root: Path, target: PosixPlace) -> None:
        zeros = bytes(3 << 20)
        for name, data in ((b"f", b"begin" + zeros + b"end"), (b"g", bytes(1 << 20)), (b"h", b"")):
            target.write(name, Bytes(data), Dress(), None)
            assert (root / os.fsdecode(name)).read_bytes() == data
        assert (root / "f").stat().st_blocks * 512 < 3 << 20

    def test_a_full_target_ends_the_run_and_leaves_nothing(self, root: Path) -> None:
        with mounts.tmpfs(root, size="1m"):
            place = entered(root)
            with pytest.raises(RunStopped) as stopped:
                place.write(b"f", Bytes(os.urandom(2 << 20)), Dress(), None)
            assert stopped.value.code == codes.TARGET_FULL
            assert os.listdir(root) == []
            place.close()

    def test_a_name_that_is_too_long(self, target: PosixPlace) -> None:
        with pytest.raises(ItemFailed) as failed:
            target.write(b"x" * 256, Bytes(b""), Dress(), None)
        assert failed.value.code == codes.ITEM_NAME_TOO_LONG
        assert "255" in target.refuses(b"a/" + b"x" * 256, ItemKind.FILE)
        assert target.refuses(b"a/" + b"x" * 255, ItemKind.FILE) == ""
        for path in (b"", b"a//b", b"../a", b"a\0b", b"a/.", b"/a"):
            assert target.refuses(path, ItemKind.FILE)

    @pytest.mark.parametrize("path", [b"../out", b"a/../../out", b"/tmp/out", b"", b".", b"a\0b"])
    def test_no_path_leads_out_of_the_root(self, root: Path, target: PosixPlace, path: bytes) -> None:
        (root / "a").mkdir()
        for act in (
            lambda: target.write(path, Bytes(b"x"), Dress(), None),
            lambda: target.make_link(path, b"x", Dress(), None),
            lambda: target.make_directory(path, Dress()),
            lambda: target.delete(Item(path=path, kind=ItemKind.FILE)),
            lambda: target.set_aside(Item(path=path, kind=ItemKind.FILE), b"b"),
        ):
            with pytest.raises(ItemFailed):
                act()
        assert os.listdir(root) == ["a"]

    def test_durable_files_are_synced_before_they_are_visible(
        self, root: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        place = PosixPlace(opening(), os.fsencode(root), durable=True)
        place.enter()
        synced: list[bool] = []
        monkeypatch.setattr(os, "fsync", lambda fd: synced.append((root / "f").exists()))
        place.write(b"f", Bytes(b"x"), Dress(), None)
        assert synced == [False]
        place.sync()
        place.close()

    def test_directories_can_be_worked_in_until_they_are_dressed(self, root: Path, target: PosixPlace) -> None:
        for name, mode, wanted in ((b"d", 0o700, 0o700), (b"e", 0o555, 0o755)):
            assert target.make_directory(name, Dress(mode=mode)) == ""
            assert item(target, name).dress.mode == wanted
        assert target.make_directory(b"d", Dress(mode=0o755)) == ""
        target.write(b"d/f", Bytes(b"x"), Dress(), None)
        target.set_dress(item(target, b"d"), Dress(mode=0o755, mtime_ns=TIME))
        found = item(target, b"d").dress
        assert (found.mode, found.mtime_ns) == (0o755, TIME)
        with pytest.raises(ItemFailed):
            target.make_directory(b"d/f", Dress())

    def test_the_root_is_dressed_too(self, root: Path, target: PosixPlace) -> None:
        target.set_dress(item(target, b""), Dress(mode=0o750, mtime_ns=TIME))
        assert stat.S_IMODE(root.stat().st_mode) == 0o750
        assert root.stat().st_mtime_ns == TIME

    def test_a_file_without_any_rights_is_dressed(self, root: Path, target: PosixPlace) -> None:
        (root / "f").touch()
        os.chmod(root / "f", 0)
        target.set_dress(item(target, b"f"), Dress(mode=0o600, mtime_ns=TIME))
        assert item(target, b"f").dress.mode == 0o600

    def test_links_are_made_and_replaced(self, root: Path, target: PosixPlace) -> None:
        target.make_link(b"l", b"one", Dress(mtime_ns=TIME), None)
        written = target.make_link(b"l", b"two", Dress(mtime_ns=TIME), item(target, b"l"))
        found = item(target, b"l")
        assert (os.readlink(root / "l"), found.dress.mtime_ns, written.version) == ("two", TIME, found.version)
        for text in (b"", b"a\0b"):
            with pytest.raises(ItemFailed):
                target.make_link(b"m", text, Dress(), None)
        target.write(b"l", Bytes(b"a file"), Dress(), found)
        assert item(target, b"l").kind is ItemKind.FILE

    def test_a_metadata_change_needs_the_version_that_was_seen(self, root: Path, target: PosixPlace) -> None:
        (root / "f").write_text("old")
        seen = item(target, b"f")
        (root / "f").write_text("newer")
        with pytest.raises(ItemChanged):
            target.set_dress(seen, Dress(mode=0o600))
        (root / "f").unlink()
        with pytest.raises(ItemChanged):
            target.set_dress(seen, Dress(mode=0o600))


class TestRemoving:
    def test_files_links_and_empty_directories_go(self, root: Path, target: PosixPlace) -> None:
        (root / "d").mkdir()
        (root / "d" / "f").touch()
        (root / "l").symlink_to("d")
        directory, file, link = (item(target, path) for path in (b"d", b"d/f", b"l"))
        with pytest.raises(ItemFailed) as failed:
            target.delete(directory)
        assert failed.value.code == codes.DELETE_NOT_EMPTY
        assert [target.delete(each) for each in (file, link, directory)] == [True] * 3
        assert [target.delete(each) for each in (file, link, directory)] == [False] * 3
        assert os.listdir(root) == []

    def test_what_changed_since_it_was_looked_at_stays(self, root: Path, target: PosixPlace) -> None:
        (root / "f").write_text("old")
        (root / "d").mkdir()
        file, directory = item(target, b"f"), item(target, b"d")
        (root / "f").write_text("newer")
        (root / "d").rename(root / "e")
        (root / "d").mkdir()
        for each in (file, directory):
            with pytest.raises(ItemChanged):
                target.delete(each)
        with pytest.raises(ItemChanged):
            target.set_aside(file, b"t/f")
        assert (root / "f").read_text() == "newer"

    def test_nothing_is_deleted_across_a_mount(self, root: Path) -> None:
        (root / "m").mkdir()
        (root / "d").mkdir()
        with mounts.tmpfs(root / "m"):
            (root / "m" / "f").touch()
            place = entered(root)
            for path in (b"m/f", b"m"):
                with pytest.raises(ItemFailed) as failed:
                    place.delete(item(place, path))
                assert failed.value.code == codes.DELETE_MOUNT
            with pytest.raises(ItemFailed):
                place.set_aside(item(place, b"m/f"), b"trash/f")
            place.close()
            assert (root / "m" / "f").exists()

    def test_a_bind_mount_of_the_same_file_system_is_one_too(self, root: Path) -> None:
        (root / "m").mkdir()
        (root / "d").mkdir()
        (root / "d" / "f").touch()
        with mounts.bind(root / "d", root / "m"):
            place = entered(root)
            for path in (b"m/f", b"m"):
                with pytest.raises(ItemFailed) as failed:
                    place.delete(item(place, path))
                assert failed.value.code in (codes.DELETE_MOUNT, codes.DELETE_NOT_EMPTY)
            place.close()
            assert (root / "d" / "f").exists()

    def test_what_is_set_aside_is_never_written_over(self, root: Path, target: PosixPlace) -> None:
        for content in ("one", "two", "three"):
            (root / "f").write_text(content)
            target.set_aside(item(target, b"f"), b"trash/run/f")
        kept = {path.name: path.read_text() for path in (root / "trash" / "run").iterdir()}
        assert kept == {"f": "one", "f.1": "two", "f.2": "three"}
        assert stat.S_IMODE((root / "trash").stat().st_mode) == 0o700
        assert not (root / "f").exists()

    def test_a_directory_is_not_set_aside(self, root: Path, target: PosixPlace) -> None:
        (root / "d").mkdir()
        with pytest.raises(ItemFailed):
            target.set_aside(item(target, b"d"), b"trash/d")

    def test_another_file_system_has_no_trash_here(self, root: Path) -> None:
        (root / "f").touch()
        (root / "trash").mkdir()
        with mounts.tmpfs(root / "trash"):
            place = entered(root)
            with pytest.raises(ItemFailed, match=errno.errorcode[errno.EXDEV]):
                place.set_aside(item(place, b"f"), b"trash/f")
            assert (root / "f").exists()
            place.close()

    def test_nothing_is_touched_after_a_cancel(self, root: Path, target: PosixPlace) -> None:
        (root / "f").touch()
        there = item(target, b"f")
        target.opening.lease.stop()
        for act in (
            lambda: target.write(b"g", Bytes(b"x"), Dress(), None),
            lambda: target.make_link(b"g", b"x", Dress(), None),
            lambda: target.make_directory(b"g", Dress()),
            lambda: target.set_dress(there, Dress(mode=0)),
            lambda: target.delete(there),
            lambda: target.set_aside(there, b"g"),
        ):
            with pytest.raises(Canceled):
                act()
        assert os.listdir(root) == ["f"]


class TestManyCalls:
    def test_threads_work_side_by_side_and_no_descriptor_is_left(self, root: Path, target: PosixPlace) -> None:
        held = len(os.listdir("/proc/self/fd"))
        for number in range(4):
            target.make_directory(b"d%d" % number, Dress())

        def work(number: int) -> None:
            path = b"d%d/f%d" % (number % 4, number)
            data = b"%d" % number * 100
            target.write(path, Bytes(data), Dress(mode=0o640, mtime_ns=TIME), None)
            with target.read(item(target, path)) as content:
                assert content.read(1 << 20) == data
            with pytest.raises(ItemChanged):
                target.write(path, Bytes(b"x"), Dress(), None)
            with pytest.raises(ItemFailed):
                target.write(path + b"/below", Bytes(b"x"), Dress(), None)
            target.make_link(path + b".l", path, Dress(), None)
            target.set_aside(item(target, path + b".l"), b"trash/" + path)
            if number % 2:
                assert target.delete(item(target, path))

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(work, range(200)))
        files = [entry for entry in target.walk(lambda path: path != b"trash") if entry.path.startswith(b"d")]
        assert len(files) == 4 + 100
        next(target.walk(lambda path: True))  # One that is not gone through to its end.
        assert len(os.listdir("/proc/self/fd")) == held
