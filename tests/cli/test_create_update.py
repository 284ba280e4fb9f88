"""Making, changing and cloning by options: the store's models say which there are, and its rules what they may hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from store.vocabulary import EndpointType

from .conftest import Answer, Site

M = ("--mover", "nas-exit")
ACCOUNT = "/subscriptions/s/providers/Microsoft.Storage/storageAccounts/acct"

OF_TYPES: dict[EndpointType, list[str]] = {
    EndpointType.LOCAL_PATH: ["--path", "/srv/made"],
    EndpointType.NFS_MOUNT: ["--host", "nas7.example", "--export", "/export/made", "--nfs-version", "NFSv4"],
    EndpointType.SMB_MOUNT: ["--host", "nas7", "--share-name", "made", "--password-uri", "env:SMB_PASSWORD"],
    EndpointType.AZURE_STORAGE_BLOB_CONTAINER: [
        "--storage-account-resource-id", ACCOUNT, "--blob-container-name", "made"],
    EndpointType.AZURE_STORAGE_SMB_FILE_SHARE: ["--storage-account-resource-id", ACCOUNT, "--file-share-name", "made"],
    EndpointType.AZURE_STORAGE_NFS_FILE_SHARE: ["--storage-account-resource-id", ACCOUNT, "--file-share-name", "made"],
    EndpointType.S3_WITH_HMAC: ["--source-uri", "https://s3.example.com/made", "--source-type", "MINIO",
                                "--access-key-uri", "keyring:s3/key"],
    EndpointType.AZURE_MULTI_CLOUD_CONNECTOR: [
        "--multi-cloud-connector-id", "/subscriptions/s/c", "--aws-s3-bucket-id", "/subscriptions/s/b"],
}  # fmt: skip


def properties(site: Site, noun: str, name: str) -> dict[str, Any]:
    where = () if noun == "mover" else M
    found = site.call(noun, "show", name, *where, "--json")
    assert found.code == 0, found.err
    shown: dict[str, Any] = found.json["properties"]
    return shown


def refused(site: Site, *arguments: str) -> Answer:
    """Run what the store must refuse: exit code 2, one sentence, nothing changed."""
    before = site.dump()
    answer = site.call(*arguments)
    assert (answer.code, answer.out) == (2, ""), answer
    assert answer.err.startswith("longshore: ")
    assert answer.err.count("\n") == 1
    assert site.dump() == before
    return answer


@pytest.mark.parametrize("kind", OF_TYPES, ids=str)
def test_an_endpoint_of_every_type(site: Site, kind: EndpointType) -> None:
    made = site.call("endpoint", "create", "made", "--type", kind, *OF_TYPES[kind], *M, "--json")
    assert (made.code, made.err) == (0, "Created the endpoint 'made'.\n")
    assert made.json["properties"]["endpointType"] == kind
    assert made.json["properties"] == properties(site, "endpoint", "made")


def test_no_type_of_endpoint_was_forgotten() -> None:
    assert set(OF_TYPES) == set(EndpointType)


def test_create_refuses_a_name_that_is_taken(site: Site) -> None:
    answer = refused(site, "endpoint", "create", "hr-old", "--type", "LocalPath", "--path", "/srv/x", *M)
    assert "There is an endpoint 'hr-old' already: choose another name." in answer.err
    assert "already" in refused(site, "mover", "create", "nas-exit").err
    assert "already" in refused(site, "project", "create", "hr-shares", *M).err
    ends = ("--source-name", "hr-old", "--target-name", "hr-new")
    assert "already" in refused(site, "definition", "create", "hr-shares/hr-home", *ends, *M).err


@pytest.mark.parametrize(
    "arguments",
    [
        ("mover", "update", "nas-exot"),
        ("endpoint", "update", "hr-olt", *M),
        ("project", "update", "hr-share", *M),
        ("agent", "update", "dock-2", *M),
        ("definition", "update", "hr-shares/hr-hom", *M),
        ("definition", "clone", "hr-shares/hr-hom", "copy", *M),
    ],
    ids=lambda arguments: arguments[0],
)
def test_what_is_missing_is_not_made(site: Site, arguments: tuple[str, ...]) -> None:
    assert "did you mean" in refused(site, *arguments, "--description", "x").err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ("endpoint", "create", "a b", "--type", "LocalPath", "--path", "/x"),
            "The endpoint name 'a b' is not allowed",
        ),
        (
            ("endpoint", "create", "x", "--type", "LocalPath", "--path", "srv"),
            "--path: The path 'srv' must be absolute",
        ),
        (("endpoint", "create", "x", "--type", "LocalPath"), "--path: 'path' is missing: add it."),
        (("endpoint", "create", "x", "--type", "LocalPath", "--path", "/x", "--host", "h"), "has no --host"),
        (("definition", "update", "hr-shares/hr-home", "--max-delete-percent", "101"), "--max-delete-percent: "),
        (("definition", "update", "hr-shares/hr-home", "--include", "'*.a"), "A quote is not closed"),
        (("definition", "update", "hr-shares/hr-home", "--min-age", "old"), "'old' is no age"),
        (("definition", "clone", "hr-shares/hr-home", "copy", "--target-name", "hr-old"), "overlap"),
        (("definition", "create", "hr-shares/x", "--source-name", "hr-olt", "--target-name", "hr-new"), "hr-old"),
        (("project", "create", "x", "--description", "y" * 1025), "1,025 characters"),
        (("agent", "update", "dock-1", "--weekly-recurrences", "Mon 8-9 1"), "is no limit"),
        (("agent", "update", "dock-1", "--weekly-recurrences", "Mon 08:00-09:00 1; Mon 08:30-10:00 2"), "overlap"),
    ],
)
def test_the_stores_rules_are_said(site: Site, arguments: tuple[str, ...], sentence: str) -> None:
    assert sentence in refused(site, *arguments, *M).err


@pytest.mark.parametrize(
    "arguments",
    [
        ("endpoint", "update", "nas1-hr", "--path", "/y"),
        ("definition", "update", "hr-shares/hr-home", "--source-name", "x"),
        ("definition", "update", "hr-shares/hr-home", "--target-subpath", "x"),
        ("mover", "update", "nas-exit", "--location", "x"),
    ],
)
def test_what_is_fixed_is_no_option_of_update(site: Site, arguments: tuple[str, ...]) -> None:
    answer = site.run(*arguments)
    assert (answer.code, answer.out) == (2, "")
    assert f"unrecognized arguments: {arguments[3]}" in answer.err


def test_update_changes_what_is_named_and_nothing_else(site: Site) -> None:
    before = properties(site, "definition", "hr-shares/hr-home")
    name = "hr-shares/hr-home"
    done = site.call("definition", "update", name, *M, "--exclude", "*.tmp '~$ *'", "--max-deletes", "5", "--trash=yes")
    assert (done.code, done.err) == (0, f"Changed the job definition '{name}'.\n")
    after = properties(site, "definition", name)
    assert after == {**before, "filters": {"exclude": ["*.tmp", "~$ *"]}, "guards": {"maxDeletes": 5}, "trash": True}
    assert site.call("definition", "update", name, *M, "--exclude", "", "--max-deletes", "", "--trash=no").code == 0
    assert properties(site, "definition", name) == before
    again = site.call("definition", "update", name, *M, "--description", "")
    assert (again.code, again.err) == (0, f"Nothing changed of the job definition '{name}'.\n")


def test_a_mover_with_tags_and_what_is_in_it(site: Site) -> None:
    made = site.call("mover", "create", "third", "--location", "room 2", "--tags", "team=hr 'cost centre=7'", "--json")
    assert (made.code, made.json["location"]) == (0, "room 2")
    assert made.json["tags"] == {"team": "hr", "cost centre": "7"}
    assert site.call("mover", "update", "third", "--description", "By June").code == 0
    shown = site.call("mover", "show", "third", "--json").json
    assert (shown["properties"]["description"], shown["tags"]) == ("By June", made.json["tags"])
    third = ("--mover", "third")
    for name in ("a", "b"):
        assert site.call("endpoint", "create", name, "--type", "LocalPath", "--path", f"/{name}", *third).code == 0
    assert site.call("project", "create", "p", *third).code == 0
    arguments = (
        "--source-name",
        "a",
        "--target-name",
        "b",
        "--copy-mode",
        "Mirror",
        "--frequency",
        "Daily",
        "--hour",
        "2",
    )
    made = site.call("definition", "create", "p/d", *arguments, *third, "--json")
    assert made.json["properties"]["copyMode"] == "Mirror"
    assert made.json["properties"]["schedule"]["executionTime"] == {"hour": 2, "minute": 0}


def test_an_agent_is_described_and_limited(site: Site) -> None:
    limits = "Mon-Fri 08:00-18:00 50; Sat,Sun 00:00-24:00 200"
    done = site.call(
        "agent", "update", "dock-1", *M, "--description", "In the basement", "--weekly-recurrences", limits
    )
    assert (done.code, done.err) == (0, "Changed the agent 'dock-1'.\n")
    found = properties(site, "agent", "dock-1")
    first, second = found["uploadLimitSchedule"]["weeklyRecurrences"]
    assert (found["description"], first["limitInMbps"], second["days"]) == (
        "In the basement", 50, ["Saturday", "Sunday"])  # fmt: skip
    assert second["endTime"] == {"hour": 24, "minute": 0}
    assert site.call("agent", "update", "dock-1", *M, "--weekly-recurrences", "").code == 0
    assert properties(site, "agent", "dock-1")["uploadLimitSchedule"] is None


def test_a_clone_may_differ_in_everything(site: Site) -> None:
    done = site.call("definition", "clone", "hr-shares/hr-home", "hr-two", *M, "--target-name", "unused", "--json")
    assert (done.code, done.err) == (0, "Created the job definition 'hr-shares/hr-two'.\n")
    found = done.json["properties"]
    assert (found["sourceName"], found["targetName"], found["copyMode"]) == ("hr-old", "unused", "Mirror")
    done = site.call("endpoint", "clone", "hr-old", "hr-older", *M, "--path", str(site.root / "older"))
    assert done.code == 0
    assert properties(site, "endpoint", "hr-older")["description"] == 'Über "alles"'
    done = site.call("project", "clone", "hr-shares", "wave-2", *M)
    assert done.err == "Created the project 'wave-2' with 3 job definitions.\n"
    assert properties(site, "definition", "wave-2/hr-home")["copyMode"] == "Mirror"
    assert site.call("project", "clone", "hr-shares", "wave-3", *M, "--without-definitions").code == 0
    assert site.call("definition", "list", "wave-3", *M, "--json").json["value"] == []


def test_what_was_typed_is_stored_as_it_was_typed(site: Site) -> None:
    text = "[/red] \x1b]0;owned\x07 \u202e caf\u00e9 \\n"
    assert site.call("project", "update", "hr-shares", *M, "--description", text).code == 0
    assert properties(site, "project", "hr-shares")["description"] == text


def test_read_only_changes_nothing(site: Site) -> None:
    assert "--read-only was given" in refused(site, "project", "create", "x", *M, "--read-only").err


def test_no_store_is_made(tmp_path: Path) -> None:
    site = Site(tmp_path, tmp_path / "none.db")
    assert site.call("mover", "create", "x").code == 5
    assert list(tmp_path.iterdir()) == []


def test_text_that_is_no_utf8_is_refused(site: Site) -> None:
    for arguments in (("project", "update", "hr-shares", *M, "--description"), ("mover", "create", "x", "--location"),
                      ("mover", "create", "x", "--tags")):  # fmt: skip
        answer = site.call(*arguments, b"a=\xff")
        assert answer.code == 2
        assert "not valid UTF-8" in answer.err
