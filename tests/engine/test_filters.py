"""What the definition's filters leave out is counted, not copied, and never deleted."""

from __future__ import annotations

import os
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentsim.engine.filters import Filters
from store import codes
from store.settings import CopySettings
from store.vocabulary import CopyMode, RunKind
from tests.engine.conftest import Trees
from tests.engine.driver import Agent, assert_sums, order, run


def filtered(trees: Trees, mode: CopyMode = CopyMode.ADDITIVE, kind: RunKind = RunKind.COPY, **values: Any) -> Agent:
    settings = CopySettings(max_delete_percent=100, **values)
    agent = run(order(trees.source, trees.target, mode, kind=kind, settings=settings))
    assert agent.done is not None
    assert agent.done["status"] == "Succeeded", (agent.done, agent.rows)
    assert_sums(agent.counters)
    return agent


def present(trees: Trees) -> set[str]:
    return {str(path.relative_to(trees.target)) for path in trees.target.rglob("*")}


def grown(trees: Trees) -> None:
    for name in ("keep.txt", "drop.tmp", "deep/keep.txt", "deep/drop.tmp", "cache/in.txt", "deep/cache/in.txt"):
        path = trees.source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


def test_excluded_files_and_whole_directories_stay_behind_and_are_counted(trees: Trees) -> None:
    grown(trees)
    agent = filtered(trees, exclude=("*.tmp", "/cache/"))
    assert present(trees) == {"keep.txt", "deep", "deep/keep.txt", "deep/cache", "deep/cache/in.txt"}
    assert agent.counters["items_excluded"] == 3
    assert agent.counters["bytes_excluded"] == len("drop.tmp") + len("deep/drop.tmp")
    assert agent.row(b"cache")[1:4] == ("D", "Excluded", codes.ITEM_FILTERED)


def test_an_exclusion_can_be_taken_back_as_in_gitignore(trees: Trees) -> None:
    grown(trees)
    filtered(trees, exclude=("*.txt", "!/deep/keep.txt", "cache/"))
    assert present(trees) == {"drop.tmp", "deep", "deep/keep.txt", "deep/drop.tmp"}


def test_includes_name_the_files_that_are_wanted(trees: Trees) -> None:
    grown(trees)
    agent = filtered(trees, include=("keep.*", "/cache/**"))
    assert {name for name in present(trees) if (trees.target / name).is_file()} == {
        "keep.txt",
        "deep/keep.txt",
        "cache/in.txt",
    }
    assert agent.counters["items_excluded"] == 3


def test_size_and_age_choose_files_and_never_directories(trees: Trees) -> None:
    now = time.time_ns()
    for name, size, days in (
        ("small", 1, 1),
        ("right", 100, 1),
        ("big", 10_000, 1),
        ("old", 100, 100),
        ("new", 100, 0),
    ):
        (trees.source / name).write_bytes(b"x" * size)
        os.utime(trees.source / name, ns=(now, now - days * 86_400 * 10**9))
    (trees.source / "empty").mkdir()
    os.utime(trees.source / "empty", ns=(now, now - 1000 * 86_400 * 10**9))
    agent = filtered(trees, min_size=50, max_size=1000, min_age=3600.0, max_age=30 * 86_400.0)
    assert present(trees) == {"right", "empty"}
    assert agent.counters["items_excluded"] == 4


@pytest.mark.parametrize("values", [{"exclude": ("*.tmp",)}, {"max_size": 5}])
def test_a_mirror_never_deletes_the_twin_of_what_is_left_out(trees: Trees, values: dict[str, Any]) -> None:
    (trees.source / "long.tmp").write_text("longer than five bytes")
    (trees.target / "long.tmp").write_text("the target's own")
    (trees.target / "gone").write_text("x")
    agent = filtered(trees, CopyMode.MIRROR, **values)
    assert present(trees) == {"long.tmp"}
    assert (trees.target / "long.tmp").read_text() == "the target's own"
    assert agent.counters["items_deleted"] == 1


def test_a_mirror_leaves_alone_what_the_patterns_name_on_the_target_only(trees: Trees) -> None:
    (trees.source / "a").write_text("x")
    (trees.target / "gone" / "deep").mkdir(parents=True)
    (trees.target / "gone" / "deep" / "mine.tmp").write_text("x")
    (trees.target / "gone" / "deep" / "yours").write_text("x")
    (trees.target / "gone" / "other").mkdir()
    (trees.target / "mine.tmp").write_text("x")
    filtered(trees, CopyMode.MIRROR, exclude=("*.tmp",))
    assert present(trees) == {"a", "mine.tmp", "gone", "gone/deep", "gone/deep/mine.tmp"}


def test_a_preview_and_a_verify_run_leave_out_the_same(trees: Trees) -> None:
    grown(trees)
    preview = filtered(trees, kind=RunKind.PREVIEW, exclude=("*.tmp", "/cache/"))
    copy = filtered(trees, exclude=("*.tmp", "/cache/"))
    verify = filtered(trees, kind=RunKind.VERIFY, exclude=("*.tmp", "/cache/"))
    excluded = copy.counters["items_excluded"]
    assert (preview.counters["items_excluded"], verify.counters["items_excluded"]) == (excluded, excluded)
    assert verify.counters["items_no_transfer_needed"] == copy.counters["items_transferred"]


def test_names_that_are_no_text_pass_through_patterns(trees: Trees) -> None:
    name = b"caf\xe9\xff.tmp"
    for entry in (name, b"caf\xe9\xff.txt"):
        (trees.source / os.fsdecode(entry)).write_text("x")
    agent = filtered(trees, exclude=("*.tmp",))
    assert [row[0] for row in agent.rows] == [name]


@given(st.integers(0, 100), st.integers(0, 100), st.integers(0, 200))
def test_limits_include_their_bounds(low: int, more: int, size: int) -> None:
    filters = Filters(CopySettings(min_size=low, max_size=low + more), 0)
    assert filters.leaves_out_file(size, 0) == (not low <= size <= low + more)
