"""What a Mirror's deletes leave alone: what the filters name, other mounts, and whatever a swapped directory hides."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from agentsim.engine import board
from agentsim.engine.board import Board
from agentsim.engine.census import Census
from agentsim.engine.channel import Channel
from agentsim.engine.context import Context
from agentsim.engine.errors import Canceled
from agentsim.engine.lease import Lease, now
from agentsim.engine.preflight import open_roots
from store import codes
from store.settings import CopySettings
from store.vocabulary import CopyMode, Guard

from .conftest import Trees
from .driver import assert_sums, copied, order, run

NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def make(root: Path, *paths: str) -> None:
    """Files at these paths; a path that ends in a slash is an empty directory."""
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        if path.endswith("/"):
            (root / path).mkdir(exist_ok=True)
        else:
            (root / path).write_text("only here")


def tree(root: Path) -> set[str]:
    return {str(path.relative_to(root)) + ("/" if path.is_dir() else "") for path in root.rglob("*")}


def rsync_mirror(source: Path, target: Path, *filters: str) -> None:
    command = ["rsync", "-a", "--delete", *filters, f"{source}/", f"{target}/"]
    # Exit code 23 or 25 would say that something was not done; it keeps excluded items without a word.
    subprocess.run(command, check=True, capture_output=True)


@pytest.mark.parametrize("trash", [False, True])
def test_what_an_exclude_names_is_never_deleted(trees: Trees, trash: bool) -> None:
    make(trees.source, "kept/file", "cache/new")
    make(
        trees.target,
        "kept/old.bak",
        "kept/extra",
        "old.bak",
        "cache/theirs",
        "gone/deep/x.bak",
        "gone/deep/y",
        "gone/other/z",
        "gone/cache/inside",
        "empty/deep/",
    )
    twin = trees.base / "twin"
    subprocess.run(["cp", "-a", str(trees.target), str(twin)], check=True)
    agent = copied(
        trees.source,
        trees.target,
        CopyMode.MIRROR,
        settings=CopySettings(exclude=("*.bak", "cache/"), trash=trash),
        overrides=frozenset(Guard),
    )
    found = {path for path in tree(trees.target) if not path.startswith(".longshore-trash")}
    rsync_mirror(trees.source, twin, "--exclude=*.bak", "--exclude=cache/")
    assert found == tree(twin)
    assert {"gone/deep/x.bak", "gone/cache/inside", "cache/theirs", "old.bak"} < found
    deleted = {row[0] for row in agent.rows if row[2] == "Deleted"}
    assert deleted == {b"kept/extra", b"gone/deep/y", b"gone/other/z", b"gone/other", b"empty", b"empty/deep"}
    assert {row[2] for row in agent.rows} == {"Deleted", "Excluded"}
    assert agent.counters["items_delete_withheld"] == 0


def test_an_include_protects_all_that_it_does_not_name(trees: Trees) -> None:
    make(trees.source, "a.txt", "b.doc")
    make(trees.target, "old.txt", "old.doc", "gone/x.txt", "gone/y.doc", "all/x.txt")
    copied(
        trees.source,
        trees.target,
        CopyMode.MIRROR,
        settings=CopySettings(include=("*.txt",)),
        overrides=frozenset(Guard),
    )
    assert tree(trees.target) == {"a.txt", "old.doc", "gone/", "gone/y.doc"}


def test_a_limit_on_size_protects_nothing(trees: Trees) -> None:
    """As rsync's ``--max-size``: it says what to copy. The source's own items stay in the target all the same."""
    make(trees.source, "large")
    make(trees.target, "large", "gone")
    agent = copied(trees.source, trees.target, CopyMode.MIRROR, settings=CopySettings(max_size=3))
    assert tree(trees.target) == {"large"}
    assert agent.row(b"large")[2] == "Excluded"


def test_a_file_cannot_take_the_place_of_a_directory_that_holds_something_protected(trees: Trees) -> None:
    make(trees.source, "place", "named")
    make(trees.target, "place/x.bak", "place/y", "named/z")
    agent = run(order(trees.source, trees.target, CopyMode.MIRROR, settings=CopySettings(exclude=("*.bak", "named/"))))
    assert_sums(agent.counters)
    assert tree(trees.target) == {"place/", "place/x.bak", "named/", "named/z"}
    for path in (b"place", b"named"):
        assert agent.row(path)[2:4] == ("Failed", codes.ITEM_REPLACE_WITHHELD)


def test_a_read_only_directory_that_is_kept_stays_read_only(trees: Trees) -> None:
    make(trees.source, "kept")
    make(trees.target, "gone/x.bak", "gone/y")
    wrapper: tuple[str, ...] = ()
    if os.geteuid() == 0:
        wrapper = NOBODY
        subprocess.run(["chown", "-R", "65534:65534", str(trees.base)], check=True)
    (trees.target / "gone").chmod(0o555)
    run(order(trees.source, trees.target, CopyMode.MIRROR, settings=CopySettings(exclude=("*.bak",))), wrapper)
    assert (trees.target / "gone").stat().st_mode & 0o777 == 0o555
    assert tree(trees.target) == {"kept", "gone/", "gone/x.bak"}


SWAPS = {
    "between the scan and the deletes": ("agentsim.engine.deferred", "DeferredWork", "run"),
    "right before a delete": ("agentsim.engine.removal", "Remover", "_remove_plain"),
    "before a directory is removed": ("agentsim.engine.removal", "Remover", "_remove_emptied"),
    "before the census": ("agentsim.engine.census", "Census", "count"),
}


@pytest.mark.parametrize("trash", [False, True])
@pytest.mark.parametrize("moment", list(SWAPS))
def test_a_parent_that_is_swapped_for_a_link_aims_no_delete(trees: Trees, moment: str, trash: bool) -> None:
    """At one exact moment, a directory of the target becomes a link to somebody else's (faults F5)."""
    victim = trees.base / "victim"
    make(victim, "only", "gone/x", "gone/deep/y")
    (victim / "empty").mkdir()
    make(trees.source, "d/kept")
    make(trees.target, "d/only", "d/gone/x", "d/gone/deep/y")
    (trees.target / "d" / "empty").mkdir()
    before = tree(victim)
    module, name, method = SWAPS[moment]
    script = (
        "import os, sys\n"
        f"from {module} import {name}\n"
        f"original = {name}.{method}\n"
        "def swapped(*arguments, **named):\n"
        f"    if not os.path.islink({str(trees.target / 'd')!r}):\n"
        f"        os.rename({str(trees.target / 'd')!r}, {str(trees.base / 'aside')!r})\n"
        f"        os.symlink({str(victim)!r}, {str(trees.target / 'd')!r})\n"
        "    return original(*arguments, **named)\n"
        f"{name}.{method} = swapped\n"
        "from agentsim.worker import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    agent = run(
        order(
            trees.source,
            trees.target,
            CopyMode.MIRROR,
            settings=CopySettings(trash=trash),
            overrides=frozenset(Guard),
        ),
        script=script,
    )
    assert agent.done is not None
    assert (trees.base / "aside").is_dir()
    assert tree(victim) == before
    assert_sums(agent.counters)


def test_a_source_directory_that_is_swapped_for_another_deletes_nothing(trees: Trees) -> None:
    """Its own names are looked up in the directory that is there now: an emptied one proves nothing."""
    make(trees.source, "d/kept")
    make(trees.target, "d/kept", "d/only")
    script = (
        "import os, shutil, sys\n"
        "from agentsim.engine import deferred\n"
        "original = deferred.DeferredWork._candidate\n"
        "def swapped(self, path, name, withheld):\n"
        "    self._context.source.open(path)\n"
        f"    shutil.rmtree({str(trees.source / 'd')!r})\n"
        "    return original(self, path, name, withheld)\n"
        "deferred.DeferredWork._candidate = swapped\n"
        "from agentsim.worker import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    agent = run(order(trees.source, trees.target, CopyMode.MIRROR), script=script)
    assert agent.row(b"d/only")[2:4] == ("DeleteWithheld", codes.DELETE_UNCHECKED)
    assert (trees.target / "d" / "only").exists()


class Counted:
    """A census in this process, of a target that a test has filled."""

    def __init__(self, trees: Trees, settings: CopySettings | None = None) -> None:
        lease = Lease(now() + 60)
        task = order(trees.source, trees.target, CopyMode.MIRROR, settings=settings or CopySettings())
        self.roots = open_roots(task, lease, lambda seconds: None)
        self.ours, self.theirs = Channel.pair()
        self.lease = lease
        whole = Board(1)
        self.slot = whole.slots[0]
        self.census = Census(Context(self.roots, task, lease, whole, self.slot, self.ours, plan=None, umask=0o022))

    def count(self, path: bytes, *names: bytes) -> tuple[int, int]:
        for cell in (board.DOOMED, board.TARGET_ITEMS):
            self.slot.cells[cell] = 0
        self.census.count(path, list(names))
        return self.slot.cells[board.DOOMED], self.slot.cells[board.TARGET_ITEMS]

    def close(self) -> None:
        for fd in (self.roots.source, *self.roots.held):
            os.close(fd)
        self.ours.close()
        self.theirs.close()


def test_a_census_counts_what_lies_below_and_changes_nothing(trees: Trees) -> None:
    make(trees.target, "d/gone/deep/x", "d/gone/y", "d/gone/empty/", "d/file", "d/other/z")
    outside = trees.base / "outside"
    make(outside, "a", "b")
    (trees.target / "d" / "gone" / "link").symlink_to(outside)
    (trees.target / "d" / "link").symlink_to(outside)
    before = tree(trees.target)
    counted = Counted(trees)
    assert counted.count(b"d", b"gone") == (5, 5)
    assert counted.count(b"d", b"gone", b"other", b"file", b"link", b"missing") == (6, 6)
    assert counted.count(b"missing", b"gone") == (0, 0)
    assert tree(trees.target) == before
    counted.close()


def test_a_census_leaves_out_what_the_filters_protect(trees: Trees) -> None:
    make(trees.target, "gone/x.bak", "gone/y", "gone/cache/a", "gone/cache/b", "cache/c")
    counted = Counted(trees, CopySettings(exclude=("*.bak", "cache/")))
    assert counted.count(b"", b"gone", b"cache") == (1, 1)
    counted.close()


def test_a_census_ends_with_the_run(trees: Trees) -> None:
    make(trees.target, "gone/x")
    counted = Counted(trees)
    counted.lease.stop()
    with pytest.raises(Canceled):
        counted.count(b"", b"gone")
    counted.close()


@as_root
def test_a_census_stays_on_its_mount(trees: Trees) -> None:
    make(trees.target, "gone/mount/", "gone/x")
    mount = trees.target / "gone" / "mount"
    if subprocess.run(["mount", "--bind", "/usr", str(mount)], capture_output=True, check=False).returncode:
        pytest.skip("cannot mount here")
    try:
        counted = Counted(trees)
        assert counted.count(b"", b"gone") == (2, 2)
        assert counted.count(b"gone", b"mount") == (0, 0)
        counted.close()
    finally:
        subprocess.run(["umount", "-l", str(mount)], check=True)
