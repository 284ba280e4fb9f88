"""``event list``: the audit as lines and as JSON."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import Site

M = ("--mover", "nas-exit")


def told(site: Site, *arguments: str) -> list[dict[str, Any]]:
    answer = site.call("event", "list", *arguments, "--json")
    assert (answer.code, answer.err) == (0, "")
    value = answer.json["value"]
    assert isinstance(value, list)
    return value


def test_everything_that_happened_newest_first(site: Site) -> None:
    assert site.call("run", "start", "hr-shares/hr-home", *M, "--agent", "dock-1").code == 0
    rows = told(site)
    assert [row["id"] for row in rows] == sorted((row["id"] for row in rows), reverse=True)
    first = rows[0]
    assert (first["kind"], first["resource"], first["action"]) == ("job_run", "hr-shares/hr-home#1", "queued")
    assert first["actor"].startswith("user/")
    assert first["mover"] == "nas-exit"
    assert first["time"].endswith("Z")
    assert {row["mover"] for row in rows} >= {"nas-exit", "other"}
    assert {row["mover"] for row in told(site, *M)} == {"nas-exit"}
    assert told(site, "--limit", "2") == rows[:2]
    lines = site.call("event", "list", "--limit", "all").out.splitlines()
    assert len(lines) == len(rows)
    assert lines[0].split("\t")[2:5] == ["job_run", "hr-shares/hr-home#1", "queued"]


@pytest.mark.parametrize(
    ("on", "resource"),
    [
        (("mover", "other"), "other"),
        (("agent", "dock-1"), "nas-exit/agents/dock-1"),
        (("endpoint", "hr-old"), "nas-exit/endpoints/hr-old"),
        (("project", "hr-shares"), "nas-exit/hr-shares"),
        (("definition", "hr-shares/hr-nfs"), "nas-exit/hr-shares/hr-nfs"),
    ],
)
def test_what_happened_to_one_thing(site: Site, on: tuple[str, str], resource: str) -> None:
    rows = told(site, "--on", *on, *M)
    assert resource in {row["resource"] for row in rows}
    assert len(rows) < len(told(site))


def test_of_a_run_and_by_a_text(site: Site) -> None:
    site.call("run", "start", "hr-shares/hr-home", *M, "--agent", "dock-1")
    (row,) = told(site, "--on", "run", "hr-shares/hr-home#1", *M)
    assert told(site, "--text", "write hr-new") == [row]
    assert told(site, "--text", "write hr-new", "--on", "agent", "dock-1", *M) == []
    nothing = site.call("event", "list", "--text", "nowhere")
    assert (nothing.code, nothing.out) == (0, "")
    assert "Nothing happened that fits." in nothing.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--on", "share", "x"), "write one of mover, agent, endpoint, project, definition, run before the path"),
        (("--on", "agent", "dock-9", *M), "dock-9"),
        (("--on", "agent"), "--on"),
        (("--limit", "0"), "write a number from 1, or all"),
    ],
)
def test_what_is_not_there_is_said_in_one_sentence(site: Site, arguments: tuple[str, ...], said: str) -> None:
    answer = site.run("event", "list", *arguments)
    assert answer.code == 2
    assert said in answer.err
    assert answer.out == ""
    assert answer.err.count("\n") == 1
