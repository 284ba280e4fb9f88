"""Whole runs between directories and real servers, by real worker processes."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agentsim.engine.order import Order
from store import codes
from store.settings import CopySettings
from store.vocabulary import CopyMode, RunKind
from tests.engine.driver import Agent, assert_sums, differences, local, order
from tests.servers import Server, azurite, s3, samba
from tests.transfer.driving import Run

SERVERS: dict[str, Callable[[], Iterator[Server]]] = {
    "azurite": azurite.running,
    "s3": s3.running,
    "samba": samba.running,
}
ADDITIVE, MIRROR = CopyMode.ADDITIVE, CopyMode.MIRROR

Properties = dict[str, Any]

SECRETS: dict[str, str] = {}
"""Variables that the servers' credentials are in: a worker takes them out of its environment, for each run they are put
back."""


@pytest.fixture(scope="module", params=sorted(SERVERS))
def running(request: pytest.FixtureRequest) -> Iterator[Server]:
    yield from SERVERS[request.param]()


@pytest.fixture
def server(running: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    reveal(monkeypatch, running)
    return running


def reveal(monkeypatch: pytest.MonkeyPatch, *servers: Server) -> None:
    """Let runs know the secrets of these servers, and of no others."""
    SECRETS.clear()
    for server in servers:
        SECRETS.update(server.environment)
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def trees(tmp_path: Path) -> tuple[Path, Path]:
    """A source with something of everything that a server holds, and an empty directory."""
    source, back = tmp_path / "source", tmp_path / "back"
    source.mkdir()
    back.mkdir()
    chance = random.Random(6)
    for name in ("a", "a.txt", "a-b/c", "a-b/d/e", "deep/er/and/deeper", "name with blanks & %41", "caf\u00e9/\u96ea"):
        path = source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
        os.utime(path, ns=(10**18, 10**18 + chance.randrange(10**9) * 100))
    (source / "nothing in it").write_bytes(b"")
    (source / "large").write_bytes(chance.randbytes(9 * 1024 * 1024 + 1))
    (source / "empty").mkdir()
    for number in range(24):
        path = source / f"many/{number % 4}/{number}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(chance.randbytes(number * 10))
    return source, back


def ordered(source: Path | Properties, target: Path | Properties, mode: CopyMode, **changes: Any) -> Order:
    """An order between a directory and a server, or two of either."""
    ends: dict[str, Any] = {}
    for side, end in (("source", source), ("target", target)):
        directory = b"" if isinstance(end, dict) else os.fsencode(end)
        ends[f"{side}_root"] = directory
        ends[side] = end if isinstance(end, dict) else local(directory)
    return replace(order("/", "/", mode, **changes), **ends)


def run(source: Path | Properties, target: Path | Properties, mode: CopyMode = ADDITIVE, **changes: Any) -> Run:
    """A run that ended, in this process: what servers need takes a worker seconds to import."""
    plan = changes.pop("plan", ())
    os.environ.update(SECRETS)
    return Run(ordered(source, target, mode, **changes), plan=plan).finish()


def copied(source: Path | Properties, target: Path | Properties, mode: CopyMode = ADDITIVE, **changes: Any) -> Run:
    """A run that succeeded."""
    done = run(source, target, mode, **changes)
    assert done.done is not None
    assert done.done["status"] == "Succeeded", (done.done, done.rows[:5])
    assert_sums(done.counters)
    return done


def differing(one: Path, other: Path) -> list[str]:
    """What rsync finds to differ, the root itself apart: a container has no metadata of its own."""
    return [line for line in differences(one, other).splitlines() if not line.endswith(" ./")]


def test_there_and_back_again(server: Server, trees: tuple[Path, Path]) -> None:
    source, back = trees
    place = server.fresh_place()
    first = copied(source, place)
    assert first.counters["items_transferred"] == first.counters["items_scanned"] > 40
    again = copied(source, place, MIRROR)
    assert (again.counters["items_transferred"], again.rows) == (0, [])
    copied(place, back)
    # A share keeps modes and owners of nobody; what is there is its own.
    if isinstance(server, samba.Samba):
        assert content(back) == content(source)
    else:
        assert differing(source, back) == []
    assert copied(place, back, MIRROR).counters["items_transferred"] == 0


def content(tree: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(path.relative_to(tree)): (path.stat().st_mtime_ns // 100, path.read_bytes())
        for path in tree.rglob("*")
        if path.is_file()
    }


def test_links_travel_to_what_holds_them_and_are_told_of_otherwise(server: Server, tmp_path: Path) -> None:
    source, back = tmp_path / "source", tmp_path / "back"
    source.mkdir()
    back.mkdir()
    (source / "link").symlink_to("no/where")
    place = server.fresh_place()
    agent = copied(source, place)
    if agent.rows:
        assert agent.row("link")[1] == codes.ITEM_LINK_UNSUPPORTED
        return
    copied(place, back)
    assert os.readlink(back / "link") == "no/where"
    (source / "link").unlink()
    (source / "link").write_text("a file now")
    copied(source, place, MIRROR)
    copied(place, back, MIRROR)
    assert (back / "link").read_text() == "a file now"


def test_a_mirror_follows_every_change(server: Server, trees: tuple[Path, Path]) -> None:
    source, back = trees
    place = server.fresh_place()
    copied(source, place)
    (source / "a").unlink()
    (source / "a").mkdir()
    (source / "a/in the place of a file").write_text("1")
    (source / "a-b/d/e").unlink()
    (source / "a-b/d").rmdir()
    (source / "a-b/d").write_text("in the place of a directory")
    (source / "large").write_bytes(b"small now")
    (source / "many/0/0").unlink()
    (source / "empty").rmdir()
    copied(source, place, MIRROR)
    copied(place, back, MIRROR)
    assert {path: data for path, (_, data) in content(back).items()} == {
        path: data for path, (_, data) in content(source).items()
    }
    assert not (back / "empty").exists()
    assert copied(source, place, MIRROR).counters["items_transferred"] == 0


def test_a_plan_is_carried_out_as_it_was_shown(server: Server, trees: tuple[Path, Path]) -> None:
    source, _ = trees
    place = server.fresh_place()
    copied(source, place)
    (source / "a.txt").write_text("another")
    (source / "new").write_text("new")
    (source / "many/0/0").unlink()
    preview = run(source, place, MIRROR, kind=RunKind.PREVIEW, report=True)
    found = {path: line["action"] for path, line in preview.lines.items() if line["action"] != "skip"}
    assert found["a.txt"] == "replace"
    assert found["new"] == "copy"
    assert found["many/0/0"] == "delete"
    copied(source, place, MIRROR, planned=True, plan=preview.report)
    verified = copied(source, place, MIRROR, kind=RunKind.VERIFY)
    assert verified.rows == []


def test_a_worker_that_was_killed_leaves_nothing_that_the_next_does_not_mend(
    server: Server, trees: tuple[Path, Path]
) -> None:
    source, back = trees
    place = server.fresh_place()
    agent = Agent(ordered(source, place, ADDITIVE))
    agent.until(lambda: agent.started)
    agent.kill()
    copied(source, place, MIRROR)
    copied(place, back)
    assert content(back) == content(source)


def test_a_server_that_is_started_again_is_waited_for(server: Server, trees: tuple[Path, Path]) -> None:
    source, back = trees
    place = server.fresh_place()
    agent = Agent(ordered(source, place, ADDITIVE))
    try:
        agent.until(lambda: agent.started)
        server.kill()
        server.start()
        agent.finish()
    except BaseException:
        agent.kill()
        raise
    assert agent.done is not None
    assert agent.done["status"] == "Succeeded", (agent.done, agent.rows[:3])
    copied(place, back)
    assert content(back) == content(source)


def test_the_trash_of_a_server(server: Server, trees: tuple[Path, Path]) -> None:
    source, back = trees
    place = server.fresh_place()
    copied(source, place)
    (source / "a.txt").write_text("another")
    (source / "many/0/0").unlink()
    copied(source, place, MIRROR, run="job#7", settings=CopySettings(trash=True))
    assert copied(source, place, MIRROR).rows == []
    copied(place, back)
    assert not (back / "many/0/0").exists()
    assert (back / "a.txt").read_text() == "another"


def test_from_a_bucket_to_a_container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for one in s3.running():
        for other in azurite.running():
            reveal(monkeypatch, one, other)
            (tmp_path / "source").mkdir()
            (tmp_path / "source/d").mkdir()
            (tmp_path / "source/d/f").write_text("from one cloud to the other")
            bucket, container = one.fresh_place(), other.fresh_place()
            copied(tmp_path / "source", bucket)
            copied(bucket, container)
            assert copied(bucket, container, MIRROR).counters["items_transferred"] == 0
            assert other.container(container["blobContainerName"]).download_blob("d/f").readall() == (
                b"from one cloud to the other"
            )


def test_sub_paths_are_made_when_something_is_copied_and_never_overlap(
    server: Server, trees: tuple[Path, Path]
) -> None:
    source, back = trees
    place = server.fresh_place()
    below = {"target_subpath": b"a/b"}
    previewed = copied(source, place, MIRROR, kind=RunKind.PREVIEW, report=True, **below)
    assert previewed.counters["items_transferred"] == previewed.counters["items_scanned"] > 40
    verified = run(source, place, MIRROR, kind=RunKind.VERIFY, **below)
    assert verified.done is not None
    assert verified.done["code"] == codes.VERIFY_DIFFERENCES
    copied(source, place, MIRROR, **below)
    copied(place, back, source_subpath=b"a/b")
    assert content(back) == content(source)
    for one, other in ((b"a", b"a/b"), (b"a/b", b""), (b"a", b"a")):
        done = run(place, place, source_subpath=one, target_subpath=other).done
        assert done is not None
        assert done["code"] == codes.OVERLAP
    copied(place, place, source_subpath=b"a/b/many/1", target_subpath=b"a/bc")


def test_names_of_one_spelling_on_a_share_that_ignores_case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for server in samba.running():
        reveal(monkeypatch, server)
        source, back = tmp_path / "source", tmp_path / "back"
        for path in ("DIR/x", "dir/y", "FOO", "foo"):
            (source / path).parent.mkdir(parents=True, exist_ok=True)
            (source / path).write_text(path)
        back.mkdir()
        share = server.properties("rw")
        for _ in range(2):
            done = run(source, share, MIRROR)
            assert {path: code for path, code in done.outcomes().items() if code != codes.SUCCESS} == {
                "dir": codes.ITEM_NAME_COLLIDES,
                "foo": codes.ITEM_NAME_COLLIDES,
            }
        copied(share, back)
        assert {path: data for path, (_, data) in content(back).items()} == {"DIR/x": b"DIR/x", "FOO": b"FOO"}
