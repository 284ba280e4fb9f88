"""Runs on a real agent: started, watched, stopped and looked at from the command line."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from store.db import open_store
from store.sqlite.place import SqlitePlace
from tui.demo.agents import Agents
from tui.demo.compare import differences

from .conftest import Answer, Site, command, wait_until

M = ("--mover", "nas-exit")
HOME = "hr-shares/hr-home"
START = ("run", "start", HOME, *M, "--agent", "fresh")
Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def working(site: Site) -> Any:
    """A site whose agent ``fresh`` runs."""
    agents = Agents(site.root / "agents")
    agents.start(site.store, "nas-exit", {"fresh": site.credentials["fresh"]})
    wait_until(lambda: status(site) == "Online")
    yield site
    agents.stop()


def status(site: Site) -> str:
    from store.queries.hierarchy import agents, movers
    from store.reader import Reader

    with Reader(SqlitePlace(site.store)) as reader:
        mover = next(row for row in movers(reader) if row.name == "nas-exit")
        return str(next(row for row in agents(reader, mover.id) if row.name == "fresh").status)


def fill(root: Path, files: int, size: int) -> None:
    for number in range(files):
        (root / f"file {number}").write_bytes(os.urandom(size))


def test_a_run_from_start_to_end(working: Site) -> None:
    fill(working.root / "old", 200, 5_000)
    (working.root / "old" / "later").touch()
    answer = working.run(*START, "--wait", "--json")
    assert answer.code == 0, answer
    properties = answer.json["properties"]
    assert properties["status"] == "Succeeded"
    assert properties["itemsTransferred"] == properties["itemsScanned"]
    assert properties["bytesTransferred"] == 1_000_000
    assert all(grant["until"] for grant in properties["accessGrants"])
    assert differences(working.root / "old", working.root / "new") == (201, [])
    again = working.call(*START, "--wait")
    assert again.code == 0
    assert again.out.startswith(f"{HOME}#2 Succeeded in ")
    assert "0 items, 0 B copied" in again.out
    assert "Started hr-shares/hr-home#2" in again.err
    watched = working.run("run", "watch", HOME, *M)
    assert (watched.code, watched.out) == (0, again.out)
    listed = working.call("run", "list", *M)
    assert [line.split()[0] for line in listed.out.splitlines()] == ["RUN", f"{HOME}#2", f"{HOME}#1"]


def test_items_with_hostile_names(working: Site) -> None:
    names = [b"fifo \x1b[31m\ncaf\xe9", b"plain", "\u202ebidi".encode(), b"[/red]"[:1] + b"red]"]
    for name in names:
        os.mkfifo(os.fsencode(working.root / "old") + b"/" + name)
    assert working.run(*START, "--wait").code in (0, 1)
    answer = working.call("run", "items", HOME, *M, "--limit", "all", "--json")
    found = {}
    for item in answer.json["value"]:
        properties = item["properties"]
        assert item["id"].startswith("/storageMovers/nas-exit/projects/hr-shares/jobDefinitions/hr-home/jobRuns/1/")
        coded = properties.get("pathBase64")
        found[base64.b64decode(coded) if coded else properties["path"].encode()] = properties
    assert set(found) == set(names)
    assert {properties["outcome"] for properties in found.values()} == {"Unsupported"}
    assert "pathBase64" not in found[b"plain"]
    text = working.call("run", "items", HOME, *M, "--limit", "2")
    assert text.out.count("\n") == 2
    assert "--limit all" in text.err
    everything = working.call("run", "items", HOME, *M, "--limit", "all", "--outcome", "Unsupported").out
    assert "fifo \\x1b[31m\\x0acaf\\xe9" in everything
    assert "\x1b" not in everything
    assert working.call("run", "items", HOME, *M, "--outcome", "Failed").out == ""


def test_a_run_that_fails(working: Site) -> None:
    (working.root / "old").rmdir()
    answer = working.run(*START, "--wait")
    assert answer.code == 1
    assert " Failed" in answer.out
    assert "AZSM1004" in answer.err
    assert "what to do" in working.call("run", "show", HOME, *M).out


def test_a_guard_has_its_own_exit_code(working: Site) -> None:
    fill(working.root / "new", 3, 10)
    answer = working.run(*START, "--wait")
    assert answer.code == 3, answer
    assert "LSM1102" in answer.err
    assert len(list((working.root / "new").iterdir())) == 3


def big(working: Site) -> None:
    """A source that takes a while."""
    subprocess.run(
        [sys.executable, "-m", "agentsim.sample", str(working.root / "old"), "--files", "9000", "--megabytes", "900"],
        check=True,
        capture_output=True,
    )


def test_stopping_a_run_that_is_being_waited_for(working: Site, processes: Start) -> None:
    big(working)
    waiting = processes(command(*START, "--wait", store=working.store), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert waiting.stderr is not None
    while b"Running" not in (line := waiting.stderr.readline()):
        assert line, "it ended before it ran"
    # In this process: starting another one takes long enough on a busy machine for the run to end by itself.
    stopped = working.call("run", "stop", HOME, *M, "--wait")
    assert (stopped.code, stopped.out) == (0, f"{HOME}#1 Canceled\n")
    out, _ = waiting.communicate(timeout=60)
    assert waiting.returncode == 130
    assert b"Canceled" in out
    assert working.run(*START, "--wait").code == 0
    assert differences(working.root / "old", working.root / "new")[1] == []


def test_an_interrupt_leaves_the_run_alone(working: Site, processes: Start) -> None:
    big(working)
    waiting = processes(command(*START, "--wait", store=working.store), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert waiting.stderr is not None
    while b"Running" not in (line := waiting.stderr.readline()):
        assert line, "it ended before it ran"
    waiting.send_signal(signal.SIGINT)
    _, err = waiting.communicate(timeout=60)
    assert waiting.returncode == 130
    assert f"longshore run stop {HOME}#1".encode() in err
    watched = working.run("run", "watch", HOME, *M, "--json")
    assert watched.code == 0
    assert watched.json["properties"]["status"] == "Succeeded"


def test_an_agent_that_does_not_run(site: Site) -> None:
    make_silent(site)
    started = site.call("run", "start", HOME, *M, "--agent", "dock-1")
    assert started.code == 0
    assert "The agent 'dock-1' is not running" in started.err
    waited = site.run("run", "watch", HOME, *M)
    assert waited.code == 4
    assert waited.err.splitlines()[-1].startswith("longshore: The agent 'dock-1' is not running")
    assert site.call("run", "show", HOME, *M, "--json").json["properties"]["status"] == "Queued"


def make_silent(site: Site) -> None:
    """Let the last heartbeat of ``dock-1`` be long ago."""
    from sqlmodel import select

    from store.models import Agent

    store = open_store(SqlitePlace(site.store))
    with store.write("user/test") as tx:
        agent = tx.session.exec(select(Agent).where(Agent.name == "dock-1")).one()
        agent.heartbeat_ms = 1
        tx.session.add(agent)
    store.close()


# Previews, plans and verifies.


def lines(answer: Answer) -> dict[str, dict[str, Any]]:
    """The lines of a report by their paths."""
    return {item["path"]: item for item in map(json.loads, answer.out.splitlines())}


def test_a_preview_is_carried_out_as_it_was_shown(working: Site) -> None:
    """Exactly that plan: what changed since is left alone, what came since waits, and the rest is done."""
    old, new = working.root / "old", working.root / "new"
    fill(old, 30, 1_000)
    assert working.run(*START, "--wait").code == 0
    (old / "file 1").write_bytes(b"replaced")
    (old / "file 2").chmod(0o600)
    (old / "file 3").unlink()
    (old / "added").write_bytes(b"new")
    (old / "added later").write_bytes(b"also in the plan")
    before = tree(new)
    preview = working.run(*START, "--preview", "--wait")
    assert preview.code == 0, preview
    assert "would copy 2, replace 1, repair " in preview.out, preview
    assert "delete 1" in preview.out
    assert tree(new) == before, "a preview changes nothing"
    report = lines(working.run("run", "report", HOME, *M))
    assert {name: report[name]["action"] for name in ("added", "file 1", "file 2", "file 3", "file 4")} == {
        "added": "copy",
        "file 1": "replace",
        "file 2": "repair",
        "file 3": "delete",
        "file 4": "skip",
    }
    (old / "added later").write_bytes(b"changed since the preview")
    (old / "not in the plan").write_bytes(b"came since the preview")
    planned = working.run(*START, "--plan", f"{HOME}#2", "--wait")
    assert f"{HOME}#3" in planned.out, planned
    assert (new / "added").read_bytes() == b"new"
    assert (new / "file 1").read_bytes() == b"replaced"
    assert (new / "file 2").stat().st_mode & 0o777 == 0o600
    assert not (new / "file 3").exists()
    assert not (new / "added later").exists()
    assert not (new / "not in the plan").exists()
    assert working.run(*START, "--wait").code == 0
    assert differences(old, new)[1] == []


def test_a_preview_says_that_a_guard_would_stop_it(working: Site) -> None:
    fill(working.root / "old", 2, 10)
    fill(working.root / "new", 60, 10)
    answer = working.run(*START, "--preview", "--wait")
    assert (answer.code, "LSM1105" in answer.err) == (3, True), answer
    stopped = working.run(*START, "--wait")
    assert stopped.code == 3, stopped
    assert len(list((working.root / "new").iterdir())) == 60
    assert working.run(*START, "--override", "DeletePercent", "--wait").code == 0
    assert len(list((working.root / "new").iterdir())) == 2


def test_a_verify_finds_what_no_time_and_size_tells(working: Site) -> None:
    old, new = working.root / "old", working.root / "new"
    fill(old, 20, 1_000)
    assert working.run(*START, "--wait").code == 0
    alike = working.run(*START, "--verify", "--wait")
    assert (alike.code, " 0 differ" in alike.out) == (0, True), alike
    times = (new / "file 7").stat()
    with (new / "file 7").open("r+b") as file:
        file.write(b"stealth")
    os.utime(new / "file 7", ns=(times.st_atime_ns, times.st_mtime_ns))
    before = tree(new)
    differs = working.run(*START, "--verify", "--wait")
    assert (differs.code, " 1 differ" in differs.out) == (1, True), differs
    assert tree(new) == before
    items = working.call("run", "items", HOME, *M, "--outcome", "Failed")
    assert "file 7" in items.out
    assert "LSM2203" in items.out


def test_a_full_report_has_every_item_and_its_digest(working: Site) -> None:
    fill(working.root / "old", 40, 500)
    plan = working.root / "plan.yaml"
    exported = working.call("export", "nas-exit").out
    plan.write_text(exported.replace("dataIntegrityValidation: None", "dataIntegrityValidation: SaveVerifyFileMD5"))
    assert working.call("apply", str(plan)).code == 0
    done = working.run(*START, "--wait", "--json")
    assert done.code == 0, done
    report = lines(working.run("run", "report", HOME, *M))
    assert len(report) == done.json["properties"]["itemsScanned"]
    for number in range(40):
        content = (working.root / "old" / f"file {number}").read_bytes()
        assert report[f"file {number}"]["md5"] == hashlib.md5(content).hexdigest()


def tree(root: Path) -> dict[str, tuple[Any, ...]]:
    """Everything below a directory: names, times of change, content."""
    return {
        str(path): (path.lstat().st_ctime_ns, path.lstat().st_mode, path.read_bytes() if path.is_file() else b"")
        for path in [root, *root.rglob("*")]
    }
