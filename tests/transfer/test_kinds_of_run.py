"""Previews, plans and verify runs between two places."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from agentsim.places.place import Holds
from store import codes
from store.settings import CopySettings
from store.vocabulary import Outcome, RunKind
from tests.engine.driver import assert_sums
from tests.transfer.driving import ADDITIVE, MIRROR, Run, copied, run
from tests.transfer.memory_place import DIRECTORY, LINK, OBJECTS, TREE, Store

both = pytest.mark.parametrize("holds", [OBJECTS, TREE], ids=["objects", "tree"])


def scene(holds: Holds) -> tuple[Store, Store]:
    """A source, and a target that lacks, differs and has too much."""
    source, target = Store(holds=TREE), Store(holds=holds)
    for name in ("same", "new/file", "changed", "mode", "p", "q/below"):
        source.put(name, name)
    source.put("link", "there", kind=LINK)
    copied(source, target)
    source.put("changed", "changed since", mtime=7)
    source.put("mode", "mode", mode=0o600)
    target.drop(b"new/file")
    target.drop(b"p")
    target.drop(b"q/below")
    target.entries.pop(b"q/", None)
    target.put("p/x", "in the way")
    target.put("q", "in the way")
    target.put("extra/y", "too much")
    return source, target


def preview(source: Store, target: Store, mode: Any = MIRROR) -> Run:
    before = dict(target.entries)
    done = run(source, target, mode, kind=RunKind.PREVIEW, report=True)
    assert target.entries == before
    assert_sums(done.counters)
    assert done.done is not None
    assert done.done["status"] == "Succeeded"
    return done


@both
def test_a_preview_says_what_a_copy_would_do(holds: Holds) -> None:
    source, target = scene(holds)
    found = {path: (line["action"], line["message"]) for path, line in preview(source, target).lines.items()}
    assert found["same"][0] == "skip"
    assert found["changed"] == ("replace", "size differs, modification time differs")
    assert found["mode"] == ("repair", "mode differs")
    assert found["new/file"] == ("copy", "not in the target")
    assert found["q/below"] == ("copy", "not in the target")
    assert found["p/x"] == ("delete", "not in the source")
    assert found["extra/y"] == ("delete", "not in the source")
    assert found["link"][0] == "skip"


@both
def test_a_planned_copy_does_what_the_preview_said_and_no_more(holds: Holds) -> None:
    source, target = scene(holds)
    plan = preview(source, target).report
    done = copied(source, target, MIRROR, planned=True, plan=plan)
    assert target.files() == source.files()
    assert not any(row[2] == Outcome.CHANGED for row in done.rows)


@both
def test_what_changed_since_the_plan_is_left_alone(holds: Holds) -> None:
    source, target = scene(holds)
    plan = preview(source, target).report
    source.put("new/file", "another content", mtime=99)
    source.put("later", "not in the plan")
    source.put("new dir/z", "not in the plan")
    source.drop(b"changed")
    target.put("extra/y", "somebody wants it now", mtime=99)
    target.put("extra2", "not in the plan")
    done = run(source, target, MIRROR, planned=True, plan=plan)
    assert_sums(done.counters)
    assert done.row("new/file")[:2] == (Outcome.CHANGED, codes.ITEM_NOT_AS_PLANNED)
    assert done.row("later")[:2] == (Outcome.CHANGED, codes.ITEM_NOT_IN_PLAN)
    assert done.row("changed")[:2] == (Outcome.CHANGED, codes.ITEM_NOT_AS_PLANNED)
    assert done.row("extra/y")[:2] == (Outcome.DELETE_WITHHELD, codes.ITEM_NOT_AS_PLANNED)
    assert {"extra/y", "extra2", "changed"} <= target.files().keys()
    assert "later" not in target.files()
    assert "new dir/z" not in target.files()


def test_a_preview_of_an_additive_run_names_what_blocks() -> None:
    source, target = scene(TREE)
    done = preview(source, target, ADDITIVE)
    assert done.row("p")[:2] == (Outcome.FAILED, codes.ITEM_BLOCKED_BY_DIRECTORY)
    assert "extra/y" not in done.lines


def test_a_preview_warns_of_what_the_target_cannot_hold() -> None:
    source = Store(holds=replace(TREE, attributes=frozenset({"xattr", "posix_acl"})))
    target = Store(holds=replace(OBJECTS, links=False, folds=True))
    logs = preview(source, target).logs
    assert any("hard links" in text for text in logs)
    assert any("extended attributes" in text and "POSIX access control lists" in text for text in logs)
    assert any("symbolic links" in text for text in logs)
    assert any("case" in text for text in logs)


def test_a_preview_tells_what_the_guards_would_say() -> None:
    source, target = Store(), Store()
    for number in range(40):
        target.put(str(number), "x")
    source.put("one", "1")
    done = run(source, target, MIRROR, kind=RunKind.PREVIEW, report=True)
    assert done.done is not None
    assert (done.done["status"], done.done["code"]) == ("Succeeded", codes.TOO_LARGE_A_SHARE)


@both
def test_a_verify_run_reads_everything_and_names_what_differs(holds: Holds) -> None:
    source, target = Store(holds=TREE), Store(holds=holds)
    for name in ("d/same", "rotten", "missing", "mode", "short"):
        source.put(name, f"content of {name}")
    source.put("link", "there", kind=LINK)
    copied(source, target)
    alike = run(source, target, MIRROR, kind=RunKind.VERIFY)
    assert alike.done is not None
    assert alike.done["status"] == "Succeeded"
    target.entries[b"rotten"].data = b"content of rotteN"
    target.drop(b"missing")
    target.put("short", "con")
    target.entries[b"mode"].item = replace(target.item("mode"), dress=replace(target.item("mode").dress, mode=0o777))
    target.put("extra/x", "too much")
    target.put("link", "elsewhere", kind=LINK)
    before = dict(target.entries)
    done = run(source, target, MIRROR, kind=RunKind.VERIFY)
    assert target.entries == before
    assert_sums(done.counters)
    assert done.done is not None
    assert done.done["code"] == codes.VERIFY_DIFFERENCES
    found = done.outcomes()
    extra = "extra/x" if holds is OBJECTS else "extra"
    assert {path: found[path] for path in found if path != ""} == {
        "rotten": codes.VERIFY_CONTENT,
        "missing": codes.VERIFY_MISSING,
        "short": codes.VERIFY_CONTENT,
        "mode": codes.VERIFY_METADATA,
        "link": codes.VERIFY_CONTENT,
        extra: codes.VERIFY_EXTRA,
    }


def test_a_verify_run_of_an_additive_definition_does_not_mind_more() -> None:
    source, target = Store(), Store(holds=TREE)
    source.put("a", "1")
    copied(source, target)
    target.put("d/b", "2")
    done = run(source, target, kind=RunKind.VERIFY)
    assert done.rows == []


def test_a_verify_run_asks_for_what_a_listing_does_not_say() -> None:
    source, target = Store(holds=TREE), Store(undetailed=True)
    source.put("d/a", "1")
    copied(source, target)
    done = run(source, target, MIRROR, kind=RunKind.VERIFY, settings=CopySettings())
    assert done.rows == []
    assert done.count("no_transfer_needed") == 2


def test_a_full_report_has_a_line_for_everything() -> None:
    source, target = Store(holds=TREE), Store()
    source.put("d/a", "1")
    source.put("b", "2")
    copied(source, target)
    source.put("c", "3")
    done = copied(source, target, report=True)
    assert {path: line["outcome"] for path, line in done.lines.items()} == {
        "d": "NoTransferNeeded",
        "d/a": "NoTransferNeeded",
        "b": "NoTransferNeeded",
        "c": "Transferred",
    }
    assert target.item("d", DIRECTORY)
