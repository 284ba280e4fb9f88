"""Bad input: one sentence on stderr that says what to do, the right exit code, and nothing changed."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from store.db import open_store
from store.errors import TrustRefused
from store.execution.trust import make_token, register_agent
from store.resources.common import find_mover
from store.sqlite.place import SqlitePlace

from .conftest import FACTS, Answer, Site, dump

_ENDPOINT = """\
storageMovers:
  - name: {mover}
    endpoints:
      - name: {name}
        properties: {{endpointType: LocalPath, path: {path}}}
"""
PLANS: dict[str, str | bytes] = {
    "syntax.yaml": "storageMovers:\n  - name: [\n",
    "not-a-plan.yaml": "- 1\n",
    "unknown-field.yaml": "storageMovers:\n  - name: m\n    properties:\n      descripton: x\n",
    "bad-name.yaml": _ENDPOINT.format(mover="m", name="'a b'", path="/x"),
    "relative.yaml": _ENDPOINT.format(mover="m", name="e", path="x"),
    "moved.yaml": _ENDPOINT.format(mover="nas-exit", name="unused", path="/elsewhere"),
    "latin-1.yaml": b"storageMovers:\n  - name: caf\xe9\n",
    "hostile\x1b[31m.yaml": "storageMovers: 3\n",
}

CASES: list[tuple[list[str | bytes], int, list[str]]] = [
    # Unknown names, with what is near or what there is.
    (["mover", "show", "nas-exti"], 2, ["did you mean 'nas-exit'?"]),
    (["endpoint", "show", "hr-odl", "--mover", "nas-exit"], 2, ["no endpoint 'hr-odl'", "did you mean 'hr-old'?"]),
    (["project", "show", "zzz", "--mover", "nas-exit"], 2, ["there is hr-shares"]),
    (["definition", "show", "hr-shares/hr-hom", "--mover", "nas-exit"], 2, ["did you mean 'hr-home'?"]),
    (["definition", "show", "hr-home", "--mover", "nas-exit"], 2, ["PROJECT/DEFINITION"]),
    (["agent", "show", "dock-2", "--mover", "nas-exit"], 2, ["did you mean 'dock-1'?"]),
    (["agent", "list"], 2, ["several storage movers", "--mover"]),
    (["run", "show", "hr-shares/hr-home", "--mover", "nas-exit"], 2, ["has not run yet", "longshore run start"]),
    (["run", "show", "hr-shares/hr-home#9", "--mover", "nas-exit"], 2, ["no run #9"]),
    (["run", "show", "hr-shares/hr-home#" + "9" * 30, "--mover", "nas-exit"], 2, ["no run #999"]),
    (["run", "list", "hr-shares/nope", "--mover", "nas-exit"], 2, ["no job definition 'nope'"]),
    (["mover", "show", b"\xff\x1b[2J"], 2, ["\\xff\\x1b[2J"]),
    (["endpoint", "show", "a\nb\u202e", "--mover", "nas-exit"], 2, ["a\\x0ab\\u202e"]),
    # Starting.
    (["run", "start", "hr-shares/hr-home", "--mover", "nas-exit"], 4, ["No agent was chosen", "--agent"]),
    (["run", "start", "hr-shares/hr-home", "--mover", "nas-exit", "--agent", "dock-7"], 4, ["no agent 'dock-7'"]),
    (["run", "start", "hr-shares/hr-home", "--mover", "nas-exit", "--agent", b"\xfe"], 4, ["no agent '\\xfe'"]),
    (
        ["run", "start", "hr-shares/hr-home", "--mover", "nas-exit", "--agent", "dock-9"],
        4,
        ["'other'", "choose an agent"],
    ),
    (
        [
            *("endpoint", "create", "b", "--mover", "nas-exit", "--type", "AzureStorageBlobContainer"),
            *("--storage-account-resource-id", "/a/b", "--blob-container-name", "hrs"),
            *("--service-url", "http://h/?sig=hunter2!"),
        ],
        2,
        ["'h' is not in a usable service URL"],
    ),
    (
        ["run", "start", "hr-shares/hr-home", "--mover", "nas-exit", "--agent", "dock-1", "--read-only"],
        2,
        ["--read-only"],
    ),
    # Deleting.
    (["mover", "delete", "nas-exit", "--yes"], 2, ["still has", "delete them first"]),
    (["mover", "delete", "other"], 2, ["--yes"]),
    (["endpoint", "delete", "hr-old", "--mover", "nas-exit", "--yes"], 2, ["is used by", "hr-home"]),
    (["endpoint", "delete", "unused", "--mover", "nas-exit"], 2, ["--yes"]),
    (["project", "delete", "hr-shares", "--mover", "nas-exit"], 2, ["2 job definitions", "--yes"]),
    (["definition", "delete", "hr-shares/hr-home", "--mover", "nas-exit"], 2, ["0 runs", "--yes"]),
    (["agent", "unregister", "dock-1", "--mover", "nas-exit"], 2, ["dock-1", "--yes"]),
    (["--read-only", "agent", "token", "nas-exit"], 2, ["--read-only"]),
    # Plan files: file, line and field.
    (["apply", "no-such-file"], 2, ["no-such-file", "cannot be read"]),
    (["apply", "."], 2, ["cannot be read"]),
    (["apply", "syntax.yaml"], 2, ["syntax.yaml, line 3"]),
    (["apply", "not-a-plan.yaml"], 2, ["not-a-plan.yaml", "storageMovers"]),
    (["apply", "unknown-field.yaml"], 2, ["unknown-field.yaml, line 4", "'descripton'"]),
    (["apply", "bad-name.yaml"], 2, ["bad-name.yaml, line 4, storageMovers[0].endpoints[0].name", "'a b'"]),
    (["apply", "relative.yaml"], 2, ["relative.yaml, line 5", "path", "absolute"]),
    (["apply", "moved.yaml"], 2, ["moved.yaml, line 4, storageMovers[0].endpoints[0]", "cannot change"]),
    (["apply", "latin-1.yaml"], 2, ["latin-1.yaml, line 2", "UTF-8"]),
    (["apply", "hostile\x1b[31m.yaml"], 2, ["hostile\\x1b[31m.yaml"]),
]


def one_sentence(answer: Answer, code: int, parts: list[str]) -> None:
    assert answer.code == code, answer
    assert answer.out == ""
    assert answer.err.startswith("longshore: "), answer.err
    assert answer.err.count("\n") == 1, answer.err
    assert answer.err.rstrip("\n").isprintable()
    for part in parts:
        assert part in answer.err


@pytest.mark.parametrize(
    ("arguments", "code", "parts"), CASES, ids=[" ".join(map(ascii, case[0]))[:60] for case in CASES]
)
def test_bad_input(site: Site, arguments: list[str | bytes], code: int, parts: list[str]) -> None:
    for name, text in PLANS.items():
        (site.root / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    before = site.dump()
    one_sentence(site.call(*arguments), code, parts)
    assert site.dump() == before


@pytest.mark.parametrize("number", [2, 11, 14, 20, 28])
def test_bad_input_of_a_process(site: Site, number: int) -> None:
    arguments, code, parts = CASES[number]
    before = site.dump()
    one_sentence(site.run(*arguments), code, parts)
    assert site.dump() == before


def test_the_second_start_is_refused_with_the_run_that_holds_it(site: Site) -> None:
    start = ("run", "start", "hr-shares/hr-home", "--mover", "nas-exit", "--agent", "dock-1")
    first = site.call(*start)
    assert (first.code, first.out) == (0, "hr-shares/hr-home#1\n")
    before = site.dump()
    one_sentence(site.call(*start), 2, ["already has run #1", "'dock-1'", "stop it first"])
    assert site.dump() == before


def test_stopping_twice(site: Site) -> None:
    site.call("run", "start", "hr-shares/hr-home", "--mover", "nas-exit", "--agent", "dock-1")
    stop = ("run", "stop", "hr-shares/hr-home", "--mover", "nas-exit")
    first = site.call(*stop)
    assert (first.code, first.out) == (0, "hr-shares/hr-home#1 Canceled\n")
    before = site.dump()
    one_sentence(site.call(*stop), 2, ["has ended (Canceled)"])
    assert site.dump() == before


@pytest.mark.parametrize(
    ("name", "content", "code", "parts"),
    [
        ("absent/longshore.db", None, 5, ["does not exist", "--store"]),
        ("missing.db", None, 5, ["no store", "longshore apply"]),
        ("text.db", b"this is no database, whatever its name says", 5, ["is not a database"]),
        ("short.db", b"SQLite format 3\0", 5, ["short.db"]),
        (".", None, 5, ["is not a file"]),
    ],
)
def test_a_store_that_cannot_be_used(
    tmp_path: Path, name: str, content: bytes | None, code: int, parts: list[str]
) -> None:
    place = tmp_path / name
    if content is not None:
        place.write_bytes(content)
    before = sorted(tmp_path.iterdir())
    for arguments in (["mover", "list"], ["run", "list"], ["agent", "token", "m"]):
        one_sentence(Site(tmp_path, place).call(*arguments), code, parts)
    assert sorted(tmp_path.iterdir()) == before
    assert content is None or place.read_bytes() == content


def test_another_programs_database(tmp_path: Path) -> None:
    place = tmp_path / "other.db"
    connection = sqlite3.connect(place)
    connection.execute("CREATE TABLE cats (name TEXT)")
    connection.commit()
    connection.close()
    for arguments in (["mover", "list"], ["export"]):
        one_sentence(Site(tmp_path, place).run(*arguments), 5, ["another program's database"])
    assert dump(place) == ["BEGIN TRANSACTION;", "CREATE TABLE cats (name TEXT);", "COMMIT;"]


def test_a_store_of_a_kind_that_is_not_supported(tmp_path: Path) -> None:
    site = Site(tmp_path, Path("unused"))
    answer = site.run("mover", "list", "--store", "mysql://user:secret@host/db")
    one_sentence(answer, 2, ["mysql://…", "postgresql://HOST/DATABASE"])
    assert "secret" not in answer.err


def test_a_store_url_that_holds_a_password(tmp_path: Path) -> None:
    """It is refused before anything connects, and not repeated."""
    for url in ("postgresql://user:secret@host/db", "postgresql://host/db?password=secret"):
        answer = Site(tmp_path, Path("unused")).run("mover", "list", "--store", url)
        one_sentence(answer, 2, ["holds a password", ".pgpass"])
        assert "secret" not in answer.err


def test_a_newer_store(site: Site) -> None:
    connection = sqlite3.connect(site.store)
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    before = site.dump()
    one_sentence(site.run("mover", "list"), 5, ["newer Longshore"])
    assert site.dump() == before


def test_tokens_work_once_for_their_mover_until_they_expire(site: Site) -> None:
    made = site.run("agent", "token", "nas-exit", "--ttl", "1s")
    assert made.code == 0
    assert made.out.startswith("lsr_")
    assert made.out.count("\n") == 1
    assert made.out.strip() not in "\n".join(site.dump())
    store = open_store(SqlitePlace(site.store))
    try:
        with store.write("user/test") as tx:
            used = make_token(tx, find_mover(tx.session, "nas-exit"))
            register_agent(tx, used, "dock-3", FACTS)
            late = make_token(tx, find_mover(tx.session, "nas-exit"), ttl_ms=-1)
            foreign = make_token(tx, find_mover(tx.session, "other"))
        for token, code in ((used, "TokenUsed"), (late, "TokenExpired"), (foreign, "TokenOfAnotherMover")):
            before = site.dump()
            with pytest.raises(TrustRefused) as refused, store.write("agent/x") as tx:
                register_agent(tx, token, "x", FACTS, mover_name="nas-exit")
            assert refused.value.code == code
            assert site.dump() == before
    finally:
        store.close()
