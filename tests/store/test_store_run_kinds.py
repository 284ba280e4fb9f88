"""Copies, previews, verifies and plans: what each may do, what it is told, and what is kept of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from store import arm_reads
from store.errors import Conflict, InvalidInput, LeaseLost
from store.execution.claims import (
    Claim,
    finish_run,
    guard,
    reclaim_run,
    report_chunk,
    report_items,
    report_progress,
    report_started,
)
from store.execution.trust import AgentIdentity
from store.models import JobRun
from store.queries import definitions as definition_queries
from store.queries import items as item_queries
from store.queries import reports, runs
from store.queries.window import Page
from store.vocabulary import CopyMode, Guard, JobRunStatus, RunKind
from tests.store.world import World, refusal


@pytest.fixture
def ready(world: World) -> World:
    """A definition and an agent that is alive."""
    world.define()
    world.agent()
    return world


def end(
    world: World,
    identity: AgentIdentity,
    claim: Claim,
    status: JobRunStatus = JobRunStatus.SUCCEEDED,
    scanned: int = 10,
) -> int:
    """A run comes to its end after it has scanned so many items of ten bytes."""
    world.call(identity, report_started, claim)
    world.call(identity, report_progress, claim, {"items_scanned": scanned, "bytes_scanned": scanned * 10})
    world.call(identity, finish_run, claim, status, code="", message="", target="")
    return claim.run_id


def taken(world: World, identity: AgentIdentity, **options: Any) -> Claim:
    """A run that was just started, in the agent's hands."""
    world.start(**options)
    claim = world.claim(identity)
    assert claim is not None
    return claim


def previewed(world: World, identity: AgentIdentity, **options: Any) -> int:
    return end(world, identity, taken(world, identity, kind=RunKind.PREVIEW, **options))


# What a kind may do.


@pytest.mark.parametrize(
    ("kind", "target"), [(RunKind.COPY, "Write"), (RunKind.PREVIEW, "Read"), (RunKind.VERIFY, "Read")]
)
def test_only_a_copy_may_write_the_target(ready: World, kind: RunKind, target: str) -> None:
    """A preview and a verify are granted nothing that they do not need."""
    identity = ready.connect()
    claim = taken(ready, identity, kind=kind)
    assert [(grant.endpoint_name, grant.permission) for grant in ready.grants(claim.run_id)] == [
        ("home-from", "Read"),
        ("home-to", target),
    ]
    assert ready.call(identity, guard, claim).id == claim.run_id
    forged = replace(claim, kind=RunKind.PREVIEW if kind == RunKind.COPY else RunKind.COPY)
    refusal(LeaseLost, lambda: ready.call(identity, guard, forged))


@pytest.mark.parametrize("half", [0, 1])
def test_a_preview_needs_both_of_its_grants(ready: World, half: int) -> None:
    identity = ready.connect()
    claim = taken(ready, identity, kind=RunKind.PREVIEW)
    with ready.write() as tx:
        grant = ready.grants(claim.run_id)[half]
        grant.ended_at = tx.now
        tx.session.merge(grant)
    refusal(LeaseLost, lambda: ready.call(identity, guard, claim))


def test_two_sub_paths_of_one_endpoint_can_be_previewed(world: World) -> None:
    """Both grants are then on the same endpoint."""
    world.define("home", source="/data", target="/data2")
    world.endpoint("both", path="/share")
    world.apply(
        {
            "storageMovers": [
                {
                    "name": "nas",
                    "projects": [
                        {
                            "name": "hr",
                            "jobDefinitions": [
                                {
                                    "name": "inside",
                                    "properties": {
                                        "copyMode": "Mirror",
                                        "sourceName": "both",
                                        "sourceSubpath": "a",
                                        "targetName": "both",
                                        "targetSubpath": "b",
                                    },
                                }
                            ],
                        }
                    ],
                }
            ]
        }
    )
    identity = world.agent()
    claim = taken(world, identity, definition="hr/inside", kind=RunKind.PREVIEW)
    assert world.call(identity, guard, claim).id == claim.run_id


@pytest.mark.parametrize("kind", RunKind)
def test_whatever_its_kind_a_run_holds_its_definition_and_target(ready: World, kind: RunKind) -> None:
    ready.start(kind=kind)
    for other in RunKind:
        assert refusal(Conflict, lambda other=other: ready.start(kind=other)).code == "RunActive"  # type: ignore[misc]


def test_what_was_started_is_told_in_its_event(ready: World) -> None:
    identity = ready.connect()
    preview = previewed(ready, identity)
    ready.start(plan=preview, overrides=[Guard.DELETE_COUNT])
    queued = [event.detail for event in ready.events("job_run") if event.action == "queued"]
    assert queued == [
        "Preview of Mirror on dock-1; read home-from, read home-to",
        "Mirror on dock-1; read home-from, write home-to; plan of #1; overridden: DeleteCount",
    ]


# What a run is told.


def test_a_claim_says_all_that_its_worker_must_know(ready: World) -> None:
    identity = ready.connect()
    preview = previewed(ready, identity)
    ready.clock.advance(5_000)
    ready.start(plan=preview, overrides=[Guard.SOURCE_SHRUNK, Guard.DELETE_COUNT, Guard.DELETE_COUNT], report=True)
    ready.clock.advance(1_000)
    claim = ready.claim(identity)
    assert claim is not None
    assert (claim.kind, claim.report, claim.planned, claim.plan_run_id) == (RunKind.COPY, True, True, preview)
    assert claim.overrides == {Guard.SOURCE_SHRUNK, Guard.DELETE_COUNT}
    began = ready.clock.now()
    ready.clock.advance(9_000)
    again = ready.call(identity, reclaim_run, claim, "the worker died")
    assert (claim.started_at, again.started_at) == (began, began), "ages count from the first attempt on"


@pytest.mark.parametrize(
    ("options", "settings", "expected"),
    [
        ({}, {}, False),
        ({"report": True}, {}, True),
        ({"kind": RunKind.PREVIEW}, {}, True),
        ({"kind": RunKind.VERIFY}, {}, False),
        ({}, {"dataIntegrityValidation": "SaveFileMD5"}, True),
        ({}, {"dataIntegrityValidation": "SaveVerifyFileMD5"}, True),
    ],
)
def test_a_report_is_kept_where_it_was_asked_for_or_is_needed(
    world: World, options: dict[str, Any], settings: dict[str, Any], expected: bool
) -> None:
    world.define(**settings)
    claim = taken(world, world.agent(), **options)
    assert (claim.report, world.run(claim.run_id).report) == (expected, expected)


def test_the_last_pass_is_the_last_copy(ready: World) -> None:
    """What previews and verifies scanned says nothing about a copy, and one that failed was not complete."""
    identity = ready.connect()
    assert taken_and_ended(ready, identity, 10) == -1
    assert taken_and_ended(ready, identity, 20, kind=RunKind.PREVIEW) == 10
    assert taken_and_ended(ready, identity, 30, kind=RunKind.VERIFY) == 10
    assert taken_and_ended(ready, identity, 40, status=JobRunStatus.FAILED) == 10
    assert taken_and_ended(ready, identity, 50) == 10
    assert taken_and_ended(ready, identity, 1) == 50


def taken_and_ended(
    world: World,
    identity: AgentIdentity,
    scanned: int,
    *,
    status: JobRunStatus = JobRunStatus.SUCCEEDED,
    **options: Any,
) -> int:
    """Run once; the items of the last pass, as the run was told."""
    claim = taken(world, identity, **options)
    end(world, identity, claim, status, scanned)
    return claim.last_items


# The identity of the source.


def test_the_first_copy_records_what_the_source_is(ready: World) -> None:
    """Later copies are told; one that finds another source changes nothing by itself."""
    identity = ready.connect()
    first = taken(ready, identity)
    assert first.source_identity == ""
    ready.call(identity, report_started, first, "ext4/1/2")
    assert ready.definition().source_identity == "ext4/1/2"
    assert "ext4/1/2" in ready.events("job_definition")[-1].detail
    end(ready, identity, first)
    second = taken(ready, identity)
    assert second.source_identity == "ext4/1/2"
    before = len(ready.events())
    ready.call(identity, report_started, second, "nfs/3/4")
    assert ready.definition().source_identity == "ext4/1/2"
    assert [event.action for event in ready.events()[before:]] == ["Running"]


@pytest.mark.parametrize("kind", [RunKind.PREVIEW, RunKind.VERIFY])
def test_only_a_copy_records_what_the_source_is(ready: World, kind: RunKind) -> None:
    identity = ready.connect()
    claim = taken(ready, identity, kind=kind)
    ready.call(identity, report_started, claim, "ext4/1/2")
    assert ready.definition().source_identity == ""


def test_an_override_makes_the_new_source_the_right_one(ready: World) -> None:
    identity = ready.connect()
    for found, overrides in (("ext4/1/2", ()), ("nfs/3/4", (Guard.SOURCE_IDENTITY,))):
        claim = taken(ready, identity, overrides=overrides)
        ready.call(identity, report_started, claim, found)
        end(ready, identity, claim)
    assert ready.definition().source_identity == "nfs/3/4"
    event = next(e for e in reversed(ready.events("job_definition")) if e.action == "source identified")
    assert (event.resource, event.detail) == ("nas/hr/home", "by run #2: nfs/3/4 instead of ext4/1/2")
    ready.define()
    assert ready.definition().source_identity == "nfs/3/4", "applying the plan again leaves it"


# Plans.


def test_a_plan_can_be_carried_out_again_and_again(ready: World) -> None:
    identity = ready.connect()
    preview = previewed(ready, identity)
    for _ in range(2):
        claim = taken(ready, identity, plan=preview)
        assert (claim.planned, claim.plan_run_id) == (True, preview)
        end(ready, identity, claim)


def test_a_change_that_no_copy_would_notice_leaves_a_plan_valid(ready: World) -> None:
    identity = ready.connect()
    preview = previewed(ready, identity)
    ready.define(description="new words", agentName="dock-1", filters={}, trash=False)
    ready.start(plan=preview)


@pytest.mark.parametrize(
    "change",
    [
        {"filters": {"exclude": ["*.tmp"]}},
        {"compare": "checksum"},
        {"trash": True},
        {"preservePermissions": False},
        {"guards": {"maxDeletes": 5}},
    ],
)
def test_a_plan_of_other_settings_is_refused(ready: World, change: dict[str, Any]) -> None:
    identity = ready.connect()
    preview = previewed(ready, identity)
    ready.define(**change)
    error = refusal(Conflict, lambda: ready.start(plan=preview))
    assert error.code == "PlanOutdated"
    assert "make a new preview" in error.sentence


def test_a_plan_of_another_mode_is_refused_and_the_refusal_says_how(ready: World) -> None:
    identity = ready.connect()
    preview = previewed(ready, identity, copy_mode=CopyMode.ADDITIVE)
    error = refusal(Conflict, lambda: ready.start(plan=preview))
    assert (error.code, "--mode Additive" in error.sentence) == ("PlanOutdated", True)
    ready.start(plan=preview, copy_mode=CopyMode.ADDITIVE)


def test_what_is_no_finished_preview_of_the_definition_is_no_plan(ready: World) -> None:
    identity = ready.connect()
    ready.define("other")
    copied = end(ready, identity, taken(ready, identity))
    verified = end(ready, identity, taken(ready, identity, kind=RunKind.VERIFY))
    failed = end(ready, identity, taken(ready, identity, kind=RunKind.PREVIEW), JobRunStatus.FAILED)
    elsewhere = previewed(ready, identity, definition="hr/other")
    before = ready.dump()
    for plan, error, code in (
        (copied, InvalidInput, "NotAPreview"),
        (verified, InvalidInput, "NotAPreview"),
        (failed, Conflict, "PlanIncomplete"),
        (elsewhere, InvalidInput, "PlanOfAnother"),
    ):
        assert refusal(error, lambda plan=plan: ready.start(plan=plan)).code == code  # type: ignore[misc]
    assert ready.dump() == before


def test_only_a_copy_carries_out_a_plan(ready: World) -> None:
    preview = previewed(ready, ready.connect())
    for kind in (RunKind.PREVIEW, RunKind.VERIFY):
        refusal(InvalidInput, lambda kind=kind: ready.start(plan=preview, kind=kind))  # type: ignore[misc]


def test_a_verify_has_no_guard_to_override(ready: World) -> None:
    refusal(InvalidInput, lambda: ready.start(kind=RunKind.VERIFY, overrides=[Guard.SOURCE_EMPTY]))
    ready.start(kind=RunKind.PREVIEW, overrides=[Guard.SOURCE_EMPTY])


def test_a_run_with_a_plan_never_turns_into_one_without(ready: World) -> None:
    """The preview is gone when the run is claimed: it is still a planned one, with no plan to be had."""
    identity = ready.connect()
    preview = previewed(ready, identity)
    ready.start(plan=preview)
    with ready.write() as tx:
        tx.session.delete(tx.session.get_one(JobRun, preview))
    claim = ready.claim(identity)
    assert claim is not None
    assert (claim.planned, claim.plan_run_id) == (True, None)
    with ready.reader() as reader:
        row = runs.run(reader, claim.run_id)
    assert row is not None
    assert row.plan_number == 1


# Reports.


def test_a_report_is_read_chunk_by_chunk_in_its_order(ready: World) -> None:
    identity = ready.connect()
    claim = taken(ready, identity, report=True)
    for number in range(5):
        ready.call(identity, report_chunk, claim, number, b"chunk %d \xff" % number)
    with ready.reader() as reader:
        first = reports.report_chunks(reader, claim.run_id, 0, 3)
        rest = reports.report_chunks(reader, claim.run_id, first[-1].id, 3)
        assert [(chunk.items, chunk.data, chunk.final) for chunk in first + rest] == [
            (number, b"chunk %d \xff" % number, True) for number in range(5)
        ]
        assert reports.report_chunks(reader, claim.run_id, rest[-1].id, 3) == []
        assert reports.reported_items(reader, claim.run_id) == 10
        assert reports.report_chunks(reader, claim.run_id + 1, 0, 3) == []


def test_a_plan_consists_of_what_the_last_attempt_found(ready: World) -> None:
    """A preview whose worker died begins anew: what the first one found may no longer be so."""
    identity = ready.connect()
    claim = taken(ready, identity, kind=RunKind.PREVIEW)
    ready.call(identity, report_chunk, claim, 1, b"of the first")
    claim = ready.call(identity, reclaim_run, claim, "the worker died")
    ready.call(identity, report_chunk, claim, 1, b"of the second")
    ready.call(identity, report_chunk, claim, 1, b"the end")
    end(ready, identity, claim)
    with ready.reader() as reader:
        chunks = reports.plan_chunks(reader, claim.run_id, 0, 1)
        chunks += reports.plan_chunks(reader, claim.run_id, chunks[-1][0], 9)
        assert [data for _, data in chunks] == [b"of the second", b"the end"]
        assert [chunk.final for chunk in reports.report_chunks(reader, claim.run_id, 0, 9)] == [False, True, True]


def test_a_report_goes_with_its_run(ready: World) -> None:
    identity = ready.connect()
    claim = taken(ready, identity, report=True)
    ready.call(identity, report_chunk, claim, 1, b"chunk")
    end(ready, identity, claim)
    with ready.write() as tx:
        tx.session.delete(tx.session.get_one(JobRun, claim.run_id))
    assert ready.sql("SELECT count(*) FROM run_report") == [(0,)]


# What screens and command lines are told.


def test_rows_tell_the_kind_and_the_plan(ready: World) -> None:
    identity = ready.connect()
    preview = previewed(ready, identity)
    copy = end(ready, identity, taken(ready, identity, plan=preview, overrides=[Guard.DELETE_PERCENT]))
    verify = end(ready, identity, taken(ready, identity, kind=RunKind.VERIFY))
    with ready.reader() as reader:
        rows = {row.id: row for row in runs.runs_by_id(reader, [preview, copy, verify])}
        definition = definition_queries.definition(reader, ready.definition().id)
        last = runs.last_copy(reader, ready.definition().id)
    facts = [
        (row.kind, row.plan_number, row.overrides, row.report) for row in (rows[preview], rows[copy], rows[verify])
    ]
    assert facts == [
        (RunKind.PREVIEW, None, [], True),
        (RunKind.COPY, 1, ["DeletePercent"], False),
        (RunKind.VERIFY, None, [], False),
    ]
    assert definition is not None
    assert (definition.run_number, definition.run_kind, definition.run_status) == (3, "Verify", "Succeeded")
    assert last is not None
    assert last.id == copy, "the latest iteration is the latest copy"


def test_before_the_first_copy_there_is_no_last_one(ready: World) -> None:
    previewed(ready, ready.connect())
    with ready.reader() as reader:
        assert runs.last_copy(reader, ready.definition().id) is None


def test_arm_resources_tell_the_kind_and_the_plan(ready: World) -> None:
    identity = ready.connect()
    preview = previewed(ready, identity)
    copy = end(ready, identity, taken(ready, identity, plan=preview, overrides=[Guard.DELETE_PERCENT]))
    with ready.store.read() as session:
        properties = [resource["properties"] for resource in arm_reads.runs(session, [preview, copy])]
    wanted = ("kind", "planJobRunName", "overrides", "report")
    assert [tuple(one[name] for name in wanted) for one in properties] == [
        ("Preview", None, [], True),
        ("Copy", "1", ["DeletePercent"], False),
    ]


@pytest.mark.parametrize(("kind", "deleted"), [(RunKind.COPY, 5), (RunKind.PREVIEW, 3)])
def test_only_a_copy_has_deleted_what_its_broken_attempt_counted(ready: World, kind: RunKind, deleted: int) -> None:
    """A preview that begins anew finds all that it would delete once more."""
    identity = ready.connect()
    claim = taken(ready, identity, kind=kind)
    item = (b"gone", "F", "Deleted", "AZSM0000", "Not in the source", 7)
    ready.call(identity, report_items, claim, [item] * 2)
    ready.call(identity, report_progress, claim, {"items_deleted": 2, "bytes_deleted": 14})
    claim = ready.call(identity, reclaim_run, claim, "the worker died")
    ready.call(identity, report_items, claim, [item] * 3)
    ready.call(identity, report_progress, claim, {"items_deleted": 3, "bytes_deleted": 21})
    ready.call(identity, finish_run, claim, JobRunStatus.FAILED, code="LSM1106", message="", target="")
    run = ready.run(claim.run_id)
    assert (run.items_deleted, run.bytes_deleted) == (deleted, deleted * 7)
    with ready.reader() as reader:
        assert len(item_queries.items(reader, claim.run_id, Page()).rows) == deleted
