"""Previews, the plans they make, and verify runs."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from store import codes
from store.settings import CopySettings
from store.vocabulary import Compare, CopyMode, DataIntegrityValidation, Guard, RunKind
from tests.engine.conftest import Trees
from tests.engine.driver import Agent, assert_sums, copied, differences, order, run

ANYTHING = CopySettings(max_delete_percent=100)


def snapshot(root: Path) -> dict[str, tuple[object, ...]]:
    """Everything that a run could have changed below a directory."""
    found: dict[str, tuple[object, ...]] = {}
    for path in [root, *sorted(root.rglob("*"))]:
        stat = path.lstat()
        content = path.read_bytes() if path.is_file() and not path.is_symlink() else None
        found[str(path)] = (stat.st_mode, stat.st_uid, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino, content)
    return found


def before_and_after(trees: Trees) -> None:
    """A target that an earlier pass left, and a source in which something of each kind has happened since."""
    for name in ("same", "newer", "mode", "gone", "to-directory", "linked"):
        (trees.source / name).write_text(name)
    (trees.source / "old-tree" / "below").mkdir(parents=True)
    (trees.source / "old-tree" / "below" / "file").write_text("x")
    (trees.source / "to-file").mkdir()
    (trees.source / "to-file" / "inside").write_text("x")
    (trees.source / "arrow").symlink_to("same")
    os.link(trees.source / "linked", trees.source / "linked-again")
    copied(trees.source, trees.target)
    (trees.source / "newer").write_text("newer content")
    (trees.source / "mode").chmod(0o600)
    for name in ("gone", "to-directory"):
        (trees.source / name).unlink()
    subprocess.run(["rm", "-r", trees.source / "old-tree", trees.source / "to-file"], check=True)
    (trees.source / "to-directory").mkdir()
    (trees.source / "to-directory" / "new").write_text("new")
    (trees.source / "to-file").write_text("a file now")
    (trees.source / "arrow").unlink()
    (trees.source / "arrow").symlink_to("newer")
    (trees.source / "new-tree" / "deep").mkdir(parents=True)
    (trees.source / "new-tree" / "deep" / "file").write_text("fresh")
    os.link(trees.source / "linked", trees.source / "new-tree" / "linked-too")


def previewed(trees: Trees, mode: CopyMode, settings: CopySettings = ANYTHING) -> Agent:
    """A preview that ended well."""
    agent = run(order(trees.source, trees.target, mode, kind=RunKind.PREVIEW, report=True, settings=settings))
    assert agent.done is not None
    assert agent.done["status"] == "Succeeded", agent.done
    assert_sums(agent.counters)
    return agent


def planned(trees: Trees, preview: Agent, mode: CopyMode, settings: CopySettings = ANYTHING) -> Agent:
    """The run that carries out a preview's plan."""
    task = order(trees.source, trees.target, mode, planned=True, settings=settings, report=True)
    agent = run(task, plan=preview.report)
    assert_sums(agent.counters)
    return agent


def test_a_preview_says_what_a_mirror_would_do_and_changes_nothing(trees: Trees) -> None:
    before_and_after(trees)
    untouched = snapshot(trees.base)
    agent = previewed(trees, CopyMode.MIRROR)
    assert snapshot(trees.base) == untouched
    said = {
        path.decode(): (line["action"], line["message"]) for path, line in agent.lines().items() if "action" in line
    }
    assert said == {
        "same": ("skip", ""),
        "linked": ("skip", ""),
        "linked-again": ("skip", ""),
        "newer": ("replace", "size differs, modification time differs"),
        "mode": ("repair", "mode differs"),
        "gone": ("delete", "not in the source"),
        "old-tree": ("delete", "not in the source"),
        "old-tree/below": ("delete", "not in the source"),
        "old-tree/below/file": ("delete", "not in the source"),
        "to-directory": ("copy", "not in the target"),
        "to-directory/new": ("copy", "not in the target"),
        "to-file": ("replace", "type differs"),
        "to-file/inside": ("delete", "not in the source"),
        "arrow": ("replace", "modification time differs"),
        "new-tree": ("copy", "not in the target"),
        "new-tree/deep": ("copy", "not in the target"),
        "new-tree/deep/file": ("copy", "not in the target"),
        "new-tree/linked-too": ("link", "another name of a file that has several"),
    }


@pytest.mark.parametrize("mode", CopyMode)
def test_a_preview_counts_what_the_copy_then_counts(trees: Trees, mode: CopyMode) -> None:
    before_and_after(trees)
    preview = run(order(trees.source, trees.target, mode, kind=RunKind.PREVIEW, report=True, settings=ANYTHING))
    agent = run(order(trees.source, trees.target, mode, settings=ANYTHING))
    names = [name for name in agent.counters if name.startswith(("items_", "bytes_")) and name != "bytes_in_flight"]
    assert {name: preview.counters[name] for name in names} == {name: agent.counters[name] for name in names}


def test_a_preview_of_a_target_that_is_not_there_yet(trees: Trees) -> None:
    before_and_after(trees)
    task = order(trees.source, trees.target, kind=RunKind.PREVIEW, report=True, target_subpath=b"not/yet")
    agent = run(task)
    assert agent.done is not None
    assert agent.done["status"] == "Succeeded"
    assert not (trees.target / "not").exists()
    assert {line["action"] for line in agent.lines().values()} <= {"copy", "link"}


def test_a_plan_is_carried_out_exactly(trees: Trees) -> None:
    before_and_after(trees)
    preview = previewed(trees, CopyMode.MIRROR)
    agent = planned(trees, preview, CopyMode.MIRROR)
    assert agent.done is not None
    assert agent.done["status"] == "Succeeded", (agent.done, agent.rows)
    assert differences(trees.source, trees.target) == ""


def test_what_changed_after_the_preview_is_left_alone(trees: Trees) -> None:
    before_and_after(trees)
    preview = previewed(trees, CopyMode.MIRROR)
    (trees.source / "newer").write_text("newer still")
    (trees.source / "brand-new").write_text("not in the plan")
    (trees.source / "new-tree" / "deep" / "file").unlink()
    (trees.target / "gone").write_text("somebody works on it")
    (trees.target / "old-tree" / "below" / "kept").write_text("new here")
    (trees.target / "extra").write_text("new there")
    agent = planned(trees, preview, CopyMode.MIRROR)
    assert agent.row(b"newer")[2:4] == ("Changed", codes.ITEM_NOT_AS_PLANNED)
    assert agent.row(b"brand-new")[2:4] == ("Changed", codes.ITEM_NOT_IN_PLAN)
    assert agent.row(b"new-tree/deep/file")[2:4] == ("Changed", codes.ITEM_NOT_AS_PLANNED)
    assert agent.row(b"gone")[2:4] == ("DeleteWithheld", codes.ITEM_NOT_AS_PLANNED)
    assert (trees.target / "newer").read_text() == "newer"
    assert not (trees.target / "brand-new").exists()
    assert (trees.target / "gone").read_text() == "somebody works on it"
    assert (trees.target / "old-tree" / "below" / "kept").read_text() == "new here"
    assert not (trees.target / "old-tree" / "below" / "file").exists()
    assert (trees.target / "extra").read_text() == "new there"
    assert (trees.target / "mode").stat().st_mode & 0o777 == 0o600
    assert (trees.target / "to-file").read_text() == "a file now"


def test_a_plan_of_nothing_is_no_plan(trees: Trees) -> None:
    agent = run(order(trees.source, trees.target, planned=True), plan=[])
    assert agent.done is not None
    assert (agent.done["status"], agent.done["code"]) == ("Failed", codes.PLAN_INCOMPLETE)


def test_a_preview_says_that_a_guard_would_stop_the_deletes(trees: Trees) -> None:
    for number in range(40):
        (trees.target / f"only-here-{number}").write_text("x")
    (trees.source / "one").write_text("x")
    agent = run(order(trees.source, trees.target, CopyMode.MIRROR, kind=RunKind.PREVIEW, report=True))
    assert agent.done is not None
    assert (agent.done["status"], agent.done["code"]) == ("Succeeded", codes.TOO_LARGE_A_SHARE)
    overrides = frozenset({Guard.DELETE_PERCENT})
    task = order(trees.source, trees.target, CopyMode.MIRROR, kind=RunKind.PREVIEW, report=True, overrides=overrides)
    agent = run(task)
    assert agent.done is not None
    assert agent.done["code"] == codes.SUCCESS


def test_verify_finds_every_kind_of_difference_and_changes_nothing(trees: Trees) -> None:
    for name in ("alike", "content", "shorter", "mode", "missing", "type"):
        (trees.source / name).write_text(f"{name} of the source")
    (trees.source / "directory").mkdir()
    (trees.source / "directory" / "inside").write_text("x")
    (trees.source / "arrow").symlink_to("alike")
    copied(trees.source, trees.target)
    stat = (trees.target / "content").stat()
    (trees.target / "content").write_text("content of the SOURCE")
    os.utime(trees.target / "content", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    (trees.target / "shorter").write_text("short")
    (trees.target / "mode").chmod(0o600)
    (trees.target / "missing").unlink()
    (trees.target / "type").unlink()
    (trees.target / "type").mkdir()
    (trees.target / "arrow").unlink()
    (trees.target / "arrow").symlink_to("elsewhere")
    (trees.target / "extra").write_text("x")
    subprocess.run(["rm", "-r", trees.target / "directory"], check=True)
    untouched = snapshot(trees.base)
    agent = run(order(trees.source, trees.target, CopyMode.MIRROR, kind=RunKind.VERIFY))
    assert snapshot(trees.base) == untouched
    assert {row[0].decode(): row[3] for row in agent.rows} == {
        "content": codes.VERIFY_CONTENT,
        "shorter": codes.VERIFY_CONTENT,
        "mode": codes.VERIFY_METADATA,
        "missing": codes.VERIFY_MISSING,
        "type": codes.VERIFY_TYPE,
        "arrow": codes.VERIFY_CONTENT,
        "directory": codes.VERIFY_MISSING,
        "directory/inside": codes.VERIFY_MISSING,
        "extra": codes.VERIFY_EXTRA,
    }
    assert agent.done is not None
    assert (agent.done["status"], agent.done["code"]) == ("Failed", codes.VERIFY_DIFFERENCES)
    assert_sums(agent.counters)


def test_a_stealthy_change_is_found_by_checksum_only(trees: Trees) -> None:
    (trees.source / "file").write_text("one content")
    copied(trees.source, trees.target)
    stat = (trees.source / "file").stat()
    (trees.source / "file").write_text("two content")
    os.utime(trees.source / "file", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    copied(trees.source, trees.target)
    assert (trees.target / "file").read_text() == "one content"
    checksum = CopySettings(compare=Compare.CHECKSUM)
    agent = copied(trees.source, trees.target, settings=checksum)
    assert (trees.target / "file").read_text() == "two content"
    agent = copied(trees.source, trees.target, settings=checksum)
    assert agent.counters["items_transferred"] == 0


def test_a_new_time_alone_does_not_copy_the_content_again_by_checksum(trees: Trees) -> None:
    (trees.source / "file").write_text("the content")
    copied(trees.source, trees.target)
    os.utime(trees.source / "file", ns=(5, 5_000_000_005))
    agent = copied(trees.source, trees.target, settings=CopySettings(compare=Compare.CHECKSUM))
    assert agent.counters["bytes_transferred"] == 0
    assert agent.counters["items_transferred"] == 1
    assert differences(trees.source, trees.target) == ""


def test_a_preview_sees_names_of_one_file_below_what_is_no_directory_yet(trees: Trees) -> None:
    (trees.source / "place").mkdir()
    (trees.source / "place" / "one").write_text("x")
    os.link(trees.source / "place" / "one", trees.source / "place" / "other")
    (trees.target / "place").write_text("a file is in the way")
    agent = previewed(trees, CopyMode.MIRROR)
    assert agent.counters["items_failed"] == 0
    assert agent.lines()[b"place/other"]["action"] == "link"


def test_names_of_one_file_that_changed_after_the_preview_are_left_alone(trees: Trees) -> None:
    (trees.source / "one").write_text("as it was")
    os.link(trees.source / "one", trees.source / "two")
    copied(trees.source, trees.target)
    os.link(trees.source / "one", trees.source / "three")
    preview = previewed(trees, CopyMode.ADDITIVE)
    assert {path: line["action"] for path, line in preview.lines().items()} == {
        b"one": "skip",
        b"two": "skip",
        b"three": "link",
    }
    (trees.source / "one").write_text("somebody went on with it")
    agent = planned(trees, preview, CopyMode.ADDITIVE)
    assert {row[0] for row in agent.rows if row[2:4] == ("Changed", codes.ITEM_NOT_AS_PLANNED)} == {
        b"one",
        b"two",
        b"three",
    }
    assert (trees.target / "two").read_text() == "as it was"
    assert not (trees.target / "three").exists()


def test_a_preview_counts_no_protected_items_for_its_guards(trees: Trees) -> None:
    """As many are protected as would go: they must not be taken off."""
    (trees.source / "a").write_text("x")
    (trees.target / "gone").mkdir()
    (trees.target / "gone" / "file").write_text("x")
    for number in range(2):
        (trees.target / "gone" / f"{number}.keep").write_text("x")
    (trees.target / "gone too").write_text("x")
    agent = previewed(trees, CopyMode.MIRROR, CopySettings(exclude=("*.keep",), max_deletes=2))
    assert agent.done is not None
    assert agent.done["code"] == codes.TOO_MANY_DELETES
    assert "3 items of the target would be deleted" in agent.done["message"]


def test_what_is_found_alike_by_its_bytes_has_its_digest_in_the_report(trees: Trees) -> None:
    (trees.source / "file").write_text("content")
    copied(trees.source, trees.target)
    settings = CopySettings(compare=Compare.CHECKSUM, validation=DataIntegrityValidation.SAVE_FILE_MD5)
    agent = run(order(trees.source, trees.target, settings=settings, report=True))
    assert agent.lines()[b"file"]["md5"] == hashlib.md5(b"content").hexdigest()
