"""The passes of a definition, and all that is known of a definition or an endpoint: on both kinds of store."""

from __future__ import annotations

from typing import Any

import pytest

from store.execution.claims import finish_run, report_started
from store.queries import passes as queries
from store.queries.details import definition_detail, endpoint_detail
from store.queries.passes import passes
from store.queries.runs import run
from store.vocabulary import CopyMode, JobRunStatus, RunKind
from tests.store.world import World


def ended(world: World, kind: RunKind = RunKind.COPY, status: JobRunStatus = JobRunStatus.SUCCEEDED) -> int:
    """One run of hr/home, ended on dock-1."""
    run_id = world.start(kind=kind)
    identity = world.connect()
    claim = world.claim(identity)
    assert claim is not None
    world.call(identity, report_started, claim)
    world.call(identity, finish_run, claim, status, code="", message="", target="")
    return run_id


@pytest.fixture
def home(world: World) -> World:
    world.define(description="Home directories", agentName="dock-1")
    world.agent()
    return world


def test_the_latest_copies_come_oldest_first_with_the_last_preview_and_verify(home: World) -> None:
    first = ended(home)
    ended(home, RunKind.PREVIEW)
    second = ended(home, status=JobRunStatus.FAILED)
    preview = ended(home, RunKind.PREVIEW)
    verify = ended(home, RunKind.VERIFY)
    third = home.start()
    with home.reader() as reader:
        found = passes(reader, 1)
        nothing = passes(reader, 4711)
    assert [run.id for run in found.copies] == [first, second, third]
    assert found.preview is not None
    assert found.verify is not None
    assert (found.preview.id, found.verify.id) == (preview, verify)
    assert found.active is not None
    assert found.active.id == third
    assert nothing == queries.Passes([], None, None)
    assert nothing.active is None


def test_a_long_history_is_read_up_to_a_bound(home: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "PASSES", 2)
    monkeypatch.setattr(queries, "RUNS_AT_ONCE", 4)
    ids = [ended(home) for _ in range(4)]
    with home.reader() as reader:
        assert [run.id for run in passes(reader, 1).copies] == ids[-2:]
        for _ in range(4):
            ended(home, RunKind.VERIFY)
    with home.reader() as reader:
        assert passes(reader, 1).copies == [], "copies behind so many others are not looked for"


def test_a_run_takes_the_place_of_what_it_was(home: World) -> None:
    first, preview = ended(home), ended(home, RunKind.PREVIEW)
    with home.reader() as reader:
        found = passes(reader, 1)
        copy, looked = run(reader, first), run(reader, preview)
    assert copy is not None
    assert looked is not None
    newer = found.with_run(copy._replace(phase="copy")).with_run(looked._replace(phase="scan"))
    assert [one.phase for one in newer.copies] == ["copy"]
    assert newer.preview is not None
    assert newer.preview.phase == "scan"
    assert newer.verify is None


def test_a_definition_tells_its_ends_and_its_settings(home: World) -> None:
    home.define(
        "docs",
        source={"endpointType": "NfsMount", "host": "nas1", "export": "/docs"},
        sourceSubpath="a/b",
        copyMode="Additive",
        filters={"include": ["*.docx"]},
        trash=True,
        preservePermissions=False,
        schedule={"frequency": "Daily", "isActive": True, "executionTime": {"hour": 22}},
    )
    with home.reader() as reader:
        found = definition_detail(reader, home.definition("hr/docs").id)
        assert definition_detail(reader, 4711) is None
    assert found is not None
    assert found.source._replace(id=0) == (0, "docs-from", "NfsMount", "nas1:/docs", "a/b")
    assert (found.target.type, found.target.place, found.row.copy_mode) == ("LocalPath", "/to/nas/hr/docs", "Additive")
    assert found.properties["filters"] == {"include": ["*.docx"]}
    assert found.properties["schedule"]["frequency"] == "Daily"
    assert found.properties["copyMode"] == CopyMode.ADDITIVE
    assert (found.properties["trash"], found.properties["preservePermissions"]) == (True, False)
    assert (found.made.created_by, found.made.created_at, found.run_count) == ("ann", home.clock.time, 0)


def test_an_endpoint_tells_what_it_is_and_who_uses_it(home: World) -> None:
    credentials = {"type": "AzureKeyVaultSmb", "usernameUri": "env:USER_OF_NAS", "passwordUri": "file:/run/nas.pw"}
    share: dict[str, Any] = {"endpointType": "SmbMount", "host": "nas1", "shareName": "hr", "credentials": credentials}
    home.endpoint("share", description="Old NAS", endpointKind="Source", **share)
    home.define("one", source=share)
    with home.reader() as reader:
        ids = {name: number for number, name in home.sql("SELECT id, name FROM endpoint")}
        alone, used, target = (endpoint_detail(reader, ids[name]) for name in ("share", "one-from", "one-to"))
        assert endpoint_detail(reader, 4711) is None
    assert alone is not None
    assert used is not None
    assert target is not None
    assert (alone.mover, alone.kind, alone.row.description) == ("nas", "Source", "Old NAS")
    assert alone.properties["credentials"]["passwordUri"] == "file:/run/nas.pw"
    assert (alone.as_source, alone.as_target, alone.row.definitions) == (0, 0, 0)
    assert (used.as_source, used.as_target) == (1, 0)
    assert (target.as_source, target.as_target) == (0, 1)
    assert alone.made.created_by == "ann"
