"""Runs on a real agent: started, watched, stopped and looked at from the command line."""

from __future__ import annotations

import base64
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from store.db import open_store
from store.place import StorePlace
from tui.demo.agents import Agents
from tui.demo.compare import differences

from .conftest import Site, command, wait_until

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

    with Reader(StorePlace(site.store)) as reader:
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
    stopped = working.run("run", "stop", HOME, *M, "--wait")
    assert (stopped.code, stopped.out) == (0, f"{HOME}#1 Canceled\n")
    out, _ = waiting.communicate(timeout=30)
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
    _, err = waiting.communicate(timeout=30)
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

    store = open_store(StorePlace(site.store))
    with store.write("user/test") as tx:
        agent = tx.session.exec(select(Agent).where(Agent.name == "dock-1")).one()
        agent.heartbeat_ms = 1
        tx.session.add(agent)
    store.close()
