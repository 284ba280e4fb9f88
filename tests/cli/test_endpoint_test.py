"""``endpoint test`` and what stands beside a definition: what is said, and the exit codes."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections.abc import Iterator

import pytest

from tests.cli.conftest import Site, wait_until
from tests.cli.test_with_agent import status
from tui.demo.agents import Agents

M = ("--mover", "nas-exit")
TEST = ("endpoint", "test", "hr-new", *M, "--agent")


@pytest.fixture
def working(site: Site) -> Iterator[Site]:
    """A site whose agent ``fresh`` runs."""
    agents = Agents(site.root / "agents")
    agents.start(site.store, "nas-exit", {"fresh": site.credentials["fresh"]})
    wait_until(lambda: status(site) == "Online")
    yield site
    agents.stop()


def test_each_step_is_a_line_and_the_exit_code_says_how_it_went(working: Site) -> None:
    answer = working.run(*TEST, "fresh")
    assert answer.code == 0, answer
    steps = [line.split()[:2] for line in answer.out.splitlines()]
    assert steps == [["ok", name] for name in ("reach", "authenticate", "list", "write", "read", "delete")]
    assert list((working.root / "new").iterdir()) == []
    read = working.call(*TEST, "fresh", "--no-probe")
    assert (read.code, len(read.out.splitlines())) == (0, 3)
    shutil.rmtree(working.root / "new")
    gone = working.call(*TEST, "fresh")
    assert gone.code == 1
    assert gone.out.splitlines()[-1].startswith("FAILED")
    assert gone.err.startswith("AZSM1022 The target path is missing")
    shown = working.call(*TEST, "fresh", "--json")
    assert shown.code == 1
    assert (shown.json["status"], shown.json["permission"]) == ("Failed", "Write")
    assert shown.json["steps"][-1]["code"] == "AZSM1022"
    assert "never created" in shown.json["steps"][-1]["advice"]


def test_an_agent_that_is_not_there_is_not_waited_for(site: Site) -> None:
    """And it is granted nothing any longer."""
    with contextlib.closing(sqlite3.connect(site.store)) as connection:
        connection.execute("UPDATE agent_beat SET at = 1")
        connection.commit()
    answer = site.call(*TEST, "fresh", "--timeout", "1s")
    assert (answer.code, answer.out) == (4, "")
    assert "'fresh' is not running" in answer.err
    with contextlib.closing(sqlite3.connect(site.store)) as connection:
        assert connection.execute("SELECT status, ended_at IS NULL FROM endpoint_test").fetchall() == [("Expired", 0)]


@pytest.mark.parametrize(
    ("arguments", "code", "part"),
    [
        ((*TEST, "dock-7"), 4, "no agent 'dock-7'"),
        ((*TEST, "dock-9"), 4, "'other'"),
        (("endpoint", "test", "hr-mew", *M, "--agent", "fresh"), 2, "did you mean 'hr-new'?"),
        ((*TEST, "fresh", "--read-only"), 2, "--read-only"),
    ],
)
def test_what_cannot_be_tested(site: Site, arguments: tuple[str, ...], code: int, part: str) -> None:
    before = site.dump()
    answer = site.call(*arguments)
    assert (answer.code, answer.out) == (code, "")
    assert part in answer.err
    assert site.dump() == before


@pytest.mark.parametrize("arguments", [TEST[:-1], (*TEST, "fresh", "--timeout", "soon")])
def test_what_is_no_command(site: Site, arguments: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as end:
        site.call(*arguments)
    assert end.value.code == 2


def test_a_definition_says_what_its_pair_loses(site: Site) -> None:
    account = "/subscriptions/s/storageAccounts/acct"
    blob = ("--type", "AzureStorageBlobContainer", "--storage-account-resource-id", account)
    more = ("--blob-container-name", "hrs", "--service-url", "http://127.0.0.1:10000/acct", "--sas-token-uri", "env:S")
    assert site.call("endpoint", "create", "blob", *M, *blob, *more).code == 0
    pair = ("--copy-mode", "Additive", "--source-name", "hr-old", "--target-name", "blob")
    made = site.call("definition", "create", "hr-shares/to-blob", *M, *pair)
    assert made.code == 0, made.err
    assert "From LocalPath to AzureStorageBlobContainer:" in made.err
    assert "Hard links become separate files" in made.err
    shown = site.call("definition", "show", "hr-shares/to-blob", *M)
    assert "Hard links become separate files" in shown.err
    assert "Hard links" not in shown.out
    assert site.call("definition", "show", "hr-shares/hr-home", *M).err == ""


def test_a_run_shows_who_may_touch_what_and_until_when(site: Site) -> None:
    assert site.call("run", "start", "hr-shares/hr-home", "--agent", "dock-1", *M).code == 0
    shown = site.call("run", "show", "hr-shares/hr-home", *M).out
    assert "dock-1 may read hr-old" in shown
    assert "until the run's end" in shown
    assert site.call("run", "stop", "hr-shares/hr-home", *M).code == 0
    shown = site.call("run", "show", "hr-shares/hr-home", *M).out
    assert "dock-1 might write hr-new" in shown
    assert "until the run's end" not in shown
