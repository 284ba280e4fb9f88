"""Listing, showing and deleting: ARM's shape, confirmations, and what is in the way."""

from __future__ import annotations

import subprocess
from typing import Any

import pexpect  # type: ignore[import-untyped]
import pytest

from .conftest import Site, command, environment

M = ("--mover", "nas-exit")
TYPE = "Microsoft.StorageMover/storageMovers"


def shape(resource: dict[str, Any]) -> None:
    assert {"id", "name", "type", "properties"} <= resource.keys()
    assert resource["id"].endswith("/" + resource["name"])
    assert resource["type"].startswith(TYPE)
    for name in resource["properties"]:
        assert name[0].islower()
        assert "_" not in name


@pytest.mark.parametrize(
    ("listing", "name", "kind", "count"),
    [
        (("mover", "list"), "nas-exit", "", 2),
        (("agent", "list", *M), "dock-1", "/agents", 2),
        (("endpoint", "list", *M), "hr-old", "/endpoints", 4),
        (("project", "list", *M), "hr-shares", "/projects", 1),
        (("definition", "list", *M), "hr-shares/hr-home", "/projects/jobDefinitions", 2),
        (("definition", "list", "hr-shares", *M), "hr-shares/hr-nfs", "/projects/jobDefinitions", 2),
    ],
)
def test_lists_and_shows(site: Site, listing: tuple[str, ...], name: str, kind: str, count: int) -> None:
    listed = site.call(*listing, "--json")
    assert (listed.code, listed.err) == (0, "")
    value = listed.json["value"]
    assert len(value) == count
    for resource in value:
        shape(resource)
        assert resource["type"] == TYPE + kind
    where = () if listing[0] == "mover" else M
    shown = site.call(listing[0], "show", name, *where, "--json")
    assert shown.code == 0
    assert shown.json in value
    text = site.call(*listing)
    assert text.code == 0
    assert name in text.out
    assert text.out.count("\n") == count + 1
    assert name.rpartition("/")[2] in site.call(listing[0], "show", name, *where).out


def test_an_agents_credential_is_not_shown(site: Site) -> None:
    answer = site.call("agent", "show", "dock-1", *M, "--json")
    assert answer.json["properties"]["agentStatus"] == "Online"
    assert "credential" not in answer.out.lower()
    assert "hash" not in answer.out.lower()


def test_a_run_in_arms_shape(site: Site) -> None:
    started = site.call("run", "start", "hr-shares/hr-home", *M, "--agent", "dock-1", "--mode", "Additive", "--json")
    assert started.code == 0
    run = started.json
    shape(run)
    assert run["id"] == "/storageMovers/nas-exit/projects/hr-shares/jobDefinitions/hr-home/jobRuns/1"
    properties = run["properties"]
    assert properties["status"] == "Queued"
    assert properties["jobDefinitionProperties"]["copyMode"] == "Additive"
    assert properties["itemsScanned"] == 0
    assert [grant["permission"] for grant in properties["accessGrants"]] == ["Read", "Write"]
    assert run["systemData"]["createdBy"].startswith("user/")
    assert site.call("run", "list", *M, "--json").json["value"] == [run]
    assert site.call("run", "list", "hr-shares", "--active", *M, "--json").json["value"] == [run]
    assert site.call("run", "list", "hr-shares/hr-nfs", *M, "--json").json["value"] == []
    assert site.call("run", "show", "hr-shares/hr-home#1", *M, "--json").json == run
    assert "queued: Additive on dock-1" in site.call("run", "show", "hr-shares/hr-home/1", *M).out
    assert (
        site.call("definition", "show", "hr-shares/hr-home", *M, "--json").json["properties"]["latestJobRunName"] == "1"
    )


def test_deleting_from_the_leaves(site: Site) -> None:
    for arguments in (
        ("project", "delete", "hr-shares"),
        ("endpoint", "delete", "nas1-hr"),
        ("endpoint", "delete", "hr-old"),
        ("endpoint", "delete", "hr-new"),
        ("endpoint", "delete", "unused"),
        ("agent", "unregister", "dock-1"),
        ("agent", "unregister", "fresh"),
    ):
        answer = site.call(*arguments, *M, "--yes")
        assert (answer.code, answer.out) == (0, ""), answer
    assert site.call("mover", "delete", "nas-exit", "--yes").code == 0
    assert [one["name"] for one in site.call("mover", "list", "--json").json["value"]] == ["other"]
    assert (site.root / "old").is_dir()


@pytest.mark.parametrize(("typed", "code"), [("hr-shares", 0), ("hr-share", 2), ("", 2), ("y", 2)])
def test_a_terminal_is_asked_for_the_name(site: Site, typed: str, code: int) -> None:
    before = site.dump()
    arguments = [str(part) for part in command("project", "delete", "hr-shares", *M, store=site.store)]
    child = pexpect.spawn(arguments[0], arguments[1:], env=environment(), timeout=60)
    child.expect("2 job definitions and their history for good. Type 'hr-shares' to confirm:")
    child.sendline(typed)
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == code
    assert (site.dump() == before) == (code != 0)


def test_the_actor_is_the_login_of_the_process(site: Site) -> None:
    # The environment is the caller's to choose; the login is not.
    done = subprocess.run(
        command("agent", "token", "nas-exit", store=site.store),
        check=True,
        capture_output=True,
        env=environment(LOGNAME="mallory", USER="mallory"),
    )
    assert done.stdout.startswith(b"lsr_")
    assert "user/mallory" not in "\n".join(site.dump())


def test_lists_do_not_need_a_utf8_terminal(site: Site) -> None:
    done = subprocess.run(
        command("endpoint", "list", *M, store=site.store),
        check=False,
        capture_output=True,
        env=environment(LC_ALL="C", PYTHONIOENCODING="ascii"),
    )
    assert done.returncode == 0
    assert b"\\xdcber" in done.stdout
