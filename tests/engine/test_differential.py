"""Generated trees into generated targets, beside rsync: what both make of them is the same.

``LONGSHORE_EXAMPLES=2000`` tries so many random ones; without it the same sixty each time.
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st

from store.vocabulary import CopyMode, Guard

from .driver import assert_sums, order, run, temporaries
from .generated import Item, build, earlier, trees

EXAMPLES = int(os.environ.get("LONGSHORE_EXAMPLES", "0"))

# Times to the nanosecond, which rsync looks at only when told to.
RSYNC = ("rsync", "-aHAX", "--delete", "--modify-window=-1")

pytestmark = pytest.mark.skipif(not shutil.which("rsync"), reason="needs rsync")


def rsync_differences(one: Path, other: Path, *options: str) -> str:
    """What rsync would do to make ``other`` like ``one``, every byte compared."""
    command = [
        *RSYNC,
        "--dry-run",
        "--itemize-changes",
        "--checksum",
        "--info=nonreg0",
        *options,
        f"{one}/",
        f"{other}/",
    ]
    found = subprocess.run(command, capture_output=True, check=False)
    return (found.stdout + found.stderr).decode(errors="backslashreplace")


def linked(root: Path) -> set[frozenset[bytes]]:
    """Every two names of a tree that are one file."""
    groups: dict[tuple[int, int], list[bytes]] = {}
    top = os.fsencode(root)
    for directory, _, names in os.walk(top):
        for name in names:
            path = os.path.join(directory, name)
            found = os.lstat(path)
            groups.setdefault((found.st_dev, found.st_ino), []).append(os.path.relpath(path, top))
    return {frozenset(pair) for group in groups.values() for pair in itertools.combinations(group, 2)}


def holes_filled(source: Path, target: Path) -> list[bytes]:
    """Sparse files that take more space in the target than in the source, beyond what a block of attributes needs."""
    found = []
    for directory, _, names in os.walk(os.fsencode(source)):
        for name in names:
            path = os.path.join(directory, name)
            was = os.lstat(path)
            relative = os.path.relpath(path, os.fsencode(source))
            if (
                was.st_blocks * 512 < was.st_size
                and os.lstat(os.path.join(os.fsencode(target), relative)).st_blocks > was.st_blocks + 16
            ):
                found.append(relative)
    return found


@settings(
    max_examples=EXAMPLES or 60,
    derandomize=not EXAMPLES,
    database=None,
    deadline=None,
    phases=(Phase.generate, Phase.shrink),
    report_multiple_bugs=False,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
@given(st.data())
def test_a_mirror_makes_of_any_target_what_rsync_makes_of_it(data: st.DataObject) -> None:
    source_tree: Item = data.draw(trees, "source")
    target_tree: Item = data.draw(st.one_of(earlier(source_tree), trees), "target before")
    with tempfile.TemporaryDirectory(prefix="longshore-test-") as place:
        source, ours, theirs = (Path(place) / name for name in ("source", "ours", "theirs"))
        for root, tree in ((source, source_tree), (ours, target_tree), (theirs, target_tree)):
            root.mkdir()
            build(tree, os.fsencode(root))
        # It says 23 where it asks what is no directory yet for a default ACL, and goes on.
        peer = subprocess.run([*RSYNC, "-S", "--no-D", f"{source}/", f"{theirs}/"], check=False, capture_output=True)
        assert peer.returncode in (0, 23), peer.stderr
        agent = run(order(source, ours, CopyMode.MIRROR, overrides=frozenset(Guard)))
        assert agent.done is not None
        assert agent.done["status"] == "Succeeded", (agent.done, agent.rows)
        assert_sums(agent.counters)
        assert rsync_differences(source, ours, "--no-D") == ""
        assert linked(source) <= linked(ours)
        # Names that were one file before and are equal anyway stay one, as rsync leaves them.
        assert linked(ours) - linked(source) <= linked(theirs)
        assert holes_filled(source, ours) == []
        assert temporaries(ours) == []
        if rsync_differences(source, theirs, "--no-D") == "":
            event("rsync's result is like the source")
            assert rsync_differences(ours, theirs) == rsync_differences(theirs, ours) == ""
        else:
            # Of two names of one file in the target that are two files in the source, it repairs one after the other.
            event("rsync's result is not like the source")
        again = run(order(source, ours, CopyMode.MIRROR, overrides=frozenset(Guard)))
        assert again.counters["items_transferred"] == again.counters["items_deleted"] == 0, again.rows
