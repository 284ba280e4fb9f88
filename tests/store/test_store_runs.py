"""Runs: what a start promises, who may write to a run, and how each kind of end ends it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from agentsim.held_run import HeldRun
from store.errors import AgentUnavailable, Conflict, LeaseLost, LongshoreError
from store.execution.claims import (
    Claim,
    acknowledge_cancel,
    finish_run,
    guard,
    reclaim_run,
    report_chunk,
    report_items,
    report_progress,
    report_started,
)
from store.execution.trust import AgentIdentity
from store.models import COUNTER_FIELDS, JobRun
from store.queries import items as item_queries
from store.queries import runs
from store.queries.window import Page
from store.resources.runs import expire_cancellations, request_cancel, sweep
from store.vocabulary import AgentStatus, CopyMode, JobRunStatus, Outcome
from tests.store.world import World, refusal

FINE = {"code": "", "message": "", "target": ""}
ITEM = (b"a/\xff", "F", Outcome.FAILED, "AZSM2080", "No such device", 7)


@pytest.fixture
def ready(world: World) -> World:
    """A definition and an agent that is alive."""
    world.define()
    world.agent()
    return world


def succeed(world: World, identity: AgentIdentity, claim: Claim) -> None:
    world.call(identity, finish_run, claim, JobRunStatus.SUCCEEDED, **FINE)


# The start.


def test_a_start_queues_a_run_with_its_two_grants_and_its_snapshots(world: World) -> None:
    """Read on the source and write on the target, for the chosen agent, by whom, from now on."""
    world.define(description="before", sourceSubpath="in", targetSubpath="out")
    world.agent()
    run_id = world.start()
    run = world.run(run_id)
    assert (run.status, run.scan_status, run.number, run.fence) == ("Queued", "NotStarted", 1, 0)
    assert (run.agent_name, run.copy_mode, run.created_by, run.created_at) == ("dock-1", "Mirror", "ann", 1790000000000)
    grants = [(g.endpoint_name, g.permission, g.granted_by, g.granted_at, g.ended_at) for g in world.grants(run_id)]
    assert grants == [
        ("home-from", "Read", "ann", run.created_at, None),
        ("home-to", "Write", "ann", run.created_at, None),
    ]
    assert run.source_properties["path"] == "/from/nas/hr/home"
    assert run.target_properties["path"] == "/to/nas/hr/home"
    assert run.definition_properties["sourceSubpath"] == "in"
    assert run.definition_properties["description"] == "before"
    definition = world.definition()
    assert (definition.latest_run_id, definition.run_count, definition.agent_name) == (run_id, 1, "dock-1")
    event = world.events("job_run")[-1]
    assert (event.action, event.actor, event.resource) == ("queued", "ann", "hr/home#1")


def test_later_edits_do_not_touch_a_run(ready: World) -> None:
    """The claim holds what the definition and endpoints were when the run was started."""
    run_id = ready.start()
    before = ready.run(run_id)
    ready.define(copyMode="Additive", description="after", agentName="dock-9")
    ready.endpoint("home-from", path="/from/nas/hr/home", description="after")
    claim = ready.claim(ready.connect())
    assert claim is not None
    assert claim.copy_mode == CopyMode.MIRROR
    after = ready.run(run_id)
    for name in ("copy_mode", "agent_name", "definition_properties", "source_properties", "target_properties"):
        assert getattr(after, name) == getattr(before, name), name


def test_a_mode_for_one_run_leaves_the_definition_alone(ready: World) -> None:
    run = ready.run(ready.start(copy_mode=CopyMode.ADDITIVE))
    assert (run.copy_mode, run.definition_properties["copyMode"]) == ("Additive", "Additive")
    assert ready.definition().copy_mode == "Mirror"


def test_a_second_start_names_the_run_that_holds_the_definition(ready: World) -> None:
    """Whatever state the first is in, until it has ended; the refusal changes nothing."""
    ready.start()
    for taken in (False, True):
        if taken:
            ready.claim(ready.connect())
        before = ready.dump()
        error = refusal(Conflict, ready.start)
        assert error.code == "RunActive"
        assert "#1" in error.sentence
        assert "'dock-1'" in error.sentence
        assert ready.dump() == before


def test_numbers_go_on_after_each_end(ready: World) -> None:
    for number in (1, 2, 3):
        run_id = ready.start()
        assert ready.run(run_id).number == number
        ready.cancel(run_id)


@pytest.mark.parametrize(
    ("target", "sub", "mover"),
    [
        ("/srv/in", "", "nas"),
        ("/srv/in/a", "", "nas"),
        ("/srv", "", "nas"),
        ("/srv", "in", "nas"),
        ("/srv", "in/x", "nas"),
        ("/srv/in", "", "san"),
        ("/srv", "in/x/y", "san"),
        ("/", "", "san"),
    ],
)
def test_one_run_at_a_time_writes_to_a_place(world: World, target: str, sub: str, mover: str) -> None:
    """Equal, inside or around it; by another definition or of another mover: refused with the run that holds it."""
    world.define(source="/a", target="/srv", targetSubpath="in")
    world.agent()
    # A source of another type overlaps with nothing here; it is swapped before the start.
    nfs = {"endpointType": "NfsMount", "host": "h", "export": "/x"}
    world.define("other", mover=mover, source=nfs, target=target, targetSubpath=sub)
    local = (
        """UPDATE endpoint SET endpoint_type = 'LocalPath', properties = '{"path": "/x"}' WHERE name = 'other-from'"""
    )
    world.sql(local)
    world.agent("dock-2", mover)
    world.start()
    error = refusal(LongshoreError, lambda: start_other(world, mover))
    assert error.code == "AZSM1027"
    assert "'hr/home#1'" in error.sentence


def start_other(world: World, mover: str) -> None:
    world.start("hr/other", "dock-2", mover=mover)


def test_neighbouring_targets_run_side_by_side(world: World) -> None:
    world.define(source="/a", target="/srv/in")
    world.define("other", source="/b", target="/srv/in2")
    world.agent()
    world.start()
    world.start("hr/other")


def test_a_target_is_free_again_when_its_run_has_ended(world: World) -> None:
    world.define(source="/a", target="/srv")
    world.define("other", source="/b", target="/srv/in")
    world.agent()
    world.cancel(world.start())
    world.start("hr/other")


def test_an_agent_of_another_mover_takes_no_run(ready: World) -> None:
    """An agent of one mover can never be used in another."""
    ready.mover("san")
    ready.agent("pier-1", "san")
    error = refusal(AgentUnavailable, lambda: ready.start(agent="pier-1"))
    assert (error.code, error.exit_code) == ("AgentOfAnotherMover", 4)
    assert "'san'" in error.sentence


def test_a_run_needs_an_agent(world: World) -> None:
    """None chosen, and an unknown one: each is said. One that only registered may be chosen: the run waits for it."""
    world.define()
    assert refusal(AgentUnavailable, lambda: world.start(agent=None)).code == "NoAgent"
    assert refusal(AgentUnavailable, lambda: world.start(agent="dock-7")).code == "NoAgent"
    world.register()
    assert "dock-1" in refusal(AgentUnavailable, lambda: world.start(agent=None)).sentence
    world.connect()
    world.start()


def test_the_last_agent_is_chosen_by_itself(ready: World) -> None:
    ready.cancel(ready.start())
    assert ready.run(ready.start(agent=None)).agent_name == "dock-1"


ACCOUNT = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/acct"
KEY = {"type": "AzureStorageAccount", "accountKeyUri": "env:KEY"}
HMAC = {"type": "AzureKeyVaultS3WithHMAC", "accessKeyUri": "env:ID", "secretKeyUri": "env:KEY"}
LOGIN = {"type": "AzureKeyVaultSmb", "usernameUri": "env:U", "passwordUri": "file:/run/p"}
EVERY_TYPE: list[dict[str, Any]] = [
    {"endpointType": "LocalPath", "path": "/srv"},
    {"endpointType": "NfsMount", "host": "h", "export": "/x", "nfsVersion": "NFSauto"},
    {"endpointType": "SmbMount", "host": "h", "shareName": "x", "port": 1445, "credentials": LOGIN},
    {
        "endpointType": "AzureStorageBlobContainer",
        "storageAccountResourceId": ACCOUNT,
        "blobContainerName": "hrs",
        "serviceUrl": "http://127.0.0.1:10000/acct",
        "credentials": KEY,
    },
    {
        "endpointType": "AzureStorageSmbFileShare",
        "storageAccountResourceId": ACCOUNT,
        "fileShareName": "hr",
        "serviceUrl": "127.0.0.1:1445",
        "credentials": KEY,
    },
    {"endpointType": "AzureStorageNfsFileShare", "storageAccountResourceId": ACCOUNT, "fileShareName": "hr"},
    {
        "endpointType": "S3WithHMAC",
        "sourceUri": "https://s3.example.com/bucket/in",
        "sourceType": "MINIO",
        "serviceUrl": "http://127.0.0.1:9000",
        "credentials": HMAC,
    },
    {
        "endpointType": "AzureMultiCloudConnector",
        "multiCloudConnectorId": "/a/b",
        "awsS3BucketId": "/a/buckets/hr",
        "serviceUrl": "http://127.0.0.1:9000",
        "credentials": HMAC,
    },
]


@pytest.mark.parametrize("properties", EVERY_TYPE, ids=lambda properties: str(properties["endpointType"]))
@pytest.mark.parametrize("end", ["source", "target"])
def test_a_run_moves_any_type_and_its_worker_is_told_all_of_it(
    world: World, properties: dict[str, Any], end: str
) -> None:
    """Credentials are references, and travel in the run's snapshot to the agent that was granted access."""
    other = {"endpointType": "LocalPath", "path": "/elsewhere"}
    ends: dict[str, Any] = {"source": other, "target": other, end: properties}
    world.define(**ends)
    world.agent()
    world.start()
    claim = world.claim(world.connect())
    assert claim is not None
    order = HeldRun(claim, 0.0).order(2)
    name = "home-from" if end == "source" else "home-to"
    assert getattr(order, end) == {"name": name, "description": "", **properties}


# Claim, lease and fence.


def test_a_claim_raises_the_fence_and_sets_the_lease(ready: World) -> None:
    run_id = ready.start()
    identity = ready.connect()
    claim = ready.claim(identity)
    assert claim is not None
    run, lease = ready.run(run_id), ready.lease(run_id)
    assert lease is not None
    assert (run.status, run.fence, claim.fence, lease.fence) == ("Started", 1, 1, 1)
    assert run.execution_start_time == ready.clock.now()
    assert lease.lease_until == ready.clock.now() + 30_000
    assert (claim.label, claim.source["path"], claim.resumed) == ("hr/home#1", "/from/nas/hr/home", False)
    assert (claim.last_items, claim.last_bytes) == (-1, -1)
    assert ready.claim(identity, claim) is None


def test_a_run_waits_for_the_agent_that_was_chosen(ready: World) -> None:
    other = ready.agent("dock-2")
    ready.start()
    assert ready.claim(other) is None


def test_runs_are_taken_in_the_order_of_their_start(ready: World) -> None:
    ready.define("second")
    first, second = ready.start(), ready.start("hr/second")
    identity = ready.connect()
    one = ready.claim(identity)
    assert one is not None
    two = ready.claim(identity, one)
    assert two is not None
    assert (one.run_id, two.run_id) == (first, second)


def test_a_heartbeat_renews_the_lease_and_says_that_the_agent_executes(world: World) -> None:
    identity, claim = world.claimed()
    world.clock.advance(10_000)
    statuses, lost = world.beat(identity, claim)
    lease = world.lease(claim.run_id)
    assert (statuses, lost) == ({claim.run_id: "Started"}, [])
    assert lease is not None
    assert lease.lease_until == world.clock.now() + 30_000
    assert world.found_agent().status == AgentStatus.EXECUTING
    world.call(identity, report_started, claim)
    world.call(identity, finish_run, claim, JobRunStatus.SUCCEEDED, **FINE)
    assert world.found_agent().status == AgentStatus.ONLINE, "at once, not with the next heartbeat"


AGENT_CALLS: dict[str, Callable[[World, AgentIdentity, Claim], object]] = {
    "guard": lambda w, i, c: w.call(i, guard, c),
    "started": lambda w, i, c: w.call(i, report_started, c),
    "progress": lambda w, i, c: w.call(i, report_progress, c, {"items_scanned": 9}),
    "items": lambda w, i, c: w.call(i, report_items, c, [ITEM]),
    "chunk": lambda w, i, c: w.call(i, report_chunk, c, 1, b"lines"),
    "identity": lambda w, i, c: w.call(i, report_started, c, "fs/1/2"),
    "acknowledge": lambda w, i, c: w.call(i, acknowledge_cancel, c),
    "finish": lambda w, i, c: w.call(i, finish_run, c, JobRunStatus.FAILED, **FINE),
    "cancel": lambda w, i, c: w.call(i, finish_run, c, JobRunStatus.CANCELED, **FINE),
    "reclaim": lambda w, i, c: w.call(i, reclaim_run, c, "why"),
}


@pytest.mark.parametrize("call", AGENT_CALLS)
@pytest.mark.parametrize("why", ["resumed", "older", "newer", "ended", "other agent", "no grant", "half a grant"])
def test_a_stale_fence_is_refused_and_changes_nothing(world: World, call: str, why: str) -> None:
    """Every write of an agent to a run proves that the run is still its own."""
    identity, claim = world.claimed()
    other = world.agent("dock-2")
    if why == "resumed":
        world.call(identity, reclaim_run, claim, "the worker died")
    elif why in ("older", "newer"):
        claim = replace(claim, fence=claim.fence + (1 if why == "newer" else -1))
    elif why == "ended":
        world.call(identity, finish_run, claim, JobRunStatus.FAILED, **FINE)
    elif why == "other agent":
        identity = other
    else:
        with world.write() as tx:
            for grant in world.grants(claim.run_id)[: 1 if why == "half a grant" else 2]:
                grant.ended_at = tx.now
                tx.session.merge(grant)
    before = world.dump()
    error = refusal(LeaseLost, lambda: AGENT_CALLS[call](world, identity, claim))
    ungranted = "grant" in why or why == "other agent"
    assert (error.code, error.exit_code) == ("GrantEnded" if ungranted else "LeaseLost", 4)
    assert world.dump() == before


def test_a_heartbeat_tells_which_runs_are_lost(world: World) -> None:
    """One stale run does not stop the others from being renewed."""
    identity, stale = world.claimed()
    held = world.call(identity, reclaim_run, stale, "the worker died")
    statuses, lost = world.beat(identity, stale, held)
    assert (statuses, lost) == ({held.run_id: "Started"}, [stale.run_id])


def test_an_agent_that_stays_away_loses_its_run_to_view(world: World) -> None:
    """When lease and heartbeats have run out the run says since when; one renewed lease takes it back."""
    identity, claim = world.claimed()
    world.clock.advance(5_000)
    world.beat(identity, claim)
    seen = world.clock.now()

    def lost() -> int | None:
        with world.reader() as reader:
            row = runs.run(reader, claim.run_id)
        assert row is not None
        return row.lost_since

    world.clock.advance(15_001)
    with world.reader() as reader:
        row = runs.run(reader, claim.run_id)
    assert row is not None
    assert row.agent_offline
    assert lost() is None
    world.clock.advance(15_000)
    assert lost() == seen
    world.beat(identity, claim)
    assert lost() is None


def test_a_resumed_run_keeps_its_status_and_raises_its_fence(world: World) -> None:
    """An agent that restarts finds its run and goes on; its start time and grants stay."""
    identity, claim = world.claimed()
    world.call(identity, report_started, claim)
    started = world.run(claim.run_id).execution_start_time
    world.clock.advance(1_000)
    again = world.connect()
    second = world.claim(again)
    assert second is not None
    run = world.run(claim.run_id)
    assert (second.run_id, second.fence, second.resumed) == (claim.run_id, 2, True)
    assert (run.status, run.fence, run.scan_status, run.execution_start_time) == ("Running", 2, "NotStarted", started)
    assert [grant.ended_at for grant in world.grants(run.id)] == [None, None]
    assert refusal(LeaseLost, lambda: world.call(identity, report_started, claim))
    assert world.events("job_run")[-1].action == "resumed"


def test_a_dead_worker_is_replaced_under_a_higher_fence(world: World) -> None:
    identity, claim = world.claimed()
    second = world.call(identity, reclaim_run, claim, "the worker was killed")
    assert (second.fence, second.resumed) == (2, True)
    assert world.events("job_run")[-1].detail == "the worker was killed"
    world.cancel(claim.run_id)
    assert world.call(identity, reclaim_run, second, "killed again") is None
    assert world.run(claim.run_id).status == "Canceled"


def test_the_items_of_an_earlier_attempt_are_hidden_except_deletes(world: World) -> None:
    """They are found anew by the present attempt; what was deleted is not found again."""
    identity, claim = world.claimed()
    deleted = (b"gone", "F", Outcome.DELETED, "", "", 3)
    world.call(identity, report_items, claim, [ITEM, deleted])
    world.call(identity, report_progress, claim, {"items_deleted": 1, "bytes_deleted": 3, "items_failed": 1})
    second = world.call(identity, reclaim_run, claim, "died")
    world.call(identity, report_items, second, [(b"new", "F", Outcome.FAILED, "AZSM2080", "m", 1)])
    world.call(identity, report_progress, second, {"items_deleted": 2, "bytes_deleted": 5, "items_scanned": 4})
    with world.reader() as reader:
        shown = [(item.path, item.outcome) for item in item_queries.items(reader, claim.run_id, Page()).rows]
    assert shown == [(b"gone", "Deleted"), (b"new", "Failed")]
    third = world.call(identity, reclaim_run, second, "died again")
    world.call(identity, report_progress, third, {"items_deleted": 4})
    succeed(world, identity, third)
    run = world.run(claim.run_id)
    assert (run.items_deleted, run.bytes_deleted, run.items_failed, run.items_scanned) == (7, 8, 0, 0)


def test_a_name_of_any_bytes_survives(world: World) -> None:
    """An item's path is bytes: all but the separator and NUL come back as they were."""
    identity, claim = world.claimed()
    path = bytes(range(1, 256))
    world.call(identity, report_items, claim, [(path, "F", Outcome.FAILED, "AZSM2080", "\x1b[31m", 0)])
    with world.reader() as reader:
        (row,) = item_queries.items(reader, claim.run_id, Page()).rows
    assert (row.path, row.message) == (path, "\x1b[31m")


def test_the_final_counters_are_the_last_ones_reported(world: World) -> None:
    identity, claim = world.claimed()
    numbers = {name: position for position, name in enumerate(COUNTER_FIELDS, 100)}
    world.call(identity, report_progress, claim, dict.fromkeys(COUNTER_FIELDS, 1))
    world.call(identity, report_progress, claim, {**numbers, "current": ["a"], "scan_status": "Completed"})
    succeed(world, identity, claim)
    run = world.run(claim.run_id)
    assert {name: getattr(run, name) for name in COUNTER_FIELDS} == numbers
    assert (run.scan_status, run.execution_end_time) == ("Completed", world.clock.now())
    assert world.lease(run.id) is None
    second = world.start()
    claim = world.claim(identity) or claim
    assert (claim.run_id, claim.last_items, claim.last_bytes) == (
        second,
        numbers["items_scanned"],
        numbers["bytes_scanned"],
    )


def test_samples_are_at_most_one_a_second(world: World) -> None:
    identity, claim = world.claimed()
    for _ in range(12):
        world.call(identity, report_progress, claim, {"items_scanned": 1, "bytes_transferred": 2})
        world.clock.advance(250)
    with world.reader() as reader:
        assert len(runs.samples(reader, claim.run_id)) <= 4


# The ends.


def test_a_queued_run_is_canceled_at_once(ready: World) -> None:
    """No agent has it: nobody need be waited for; the agent does not get it any more."""
    run_id = ready.start()
    assert ready.cancel(run_id) == "Canceled"
    assert ready.run(run_id).execution_end_time == ready.clock.now()
    assert ready.claim(ready.connect()) is None
    assert [e.action for e in ready.events("job_run")] == ["queued", "CancelRequested", "Canceled"]


def test_a_running_run_is_asked_to_stop_and_stops(world: World) -> None:
    """CancelRequested, learned with the next report; Canceling, Canceled; each with its actor."""
    identity, claim = world.claimed()
    world.call(identity, report_started, claim)
    assert world.cancel(claim.run_id) == "CancelRequested"
    assert world.run(claim.run_id).cancel_deadline == world.clock.now() + 30_000
    assert refusal(Conflict, lambda: world.cancel(claim.run_id)).code == "AlreadyCanceling"
    assert world.call(identity, report_progress, claim, {}) == "CancelRequested"
    assert world.beat(identity, claim)[0] == {claim.run_id: "CancelRequested"}
    world.call(identity, acknowledge_cancel, claim)
    world.call(identity, finish_run, claim, JobRunStatus.CANCELED, **FINE)
    assert [(e.action, e.actor) for e in world.events("job_run")][-3:] == [
        ("CancelRequested", "ann"),
        ("Canceling", "agent/dock-1"),
        ("Canceled", "agent/dock-1"),
    ]
    assert refusal(Conflict, lambda: world.cancel(claim.run_id)).code == "RunEnded"


def test_a_run_that_was_done_before_it_heard_of_the_cancel_succeeds(world: World) -> None:
    identity, claim = world.claimed()
    world.call(identity, report_started, claim)
    world.cancel(claim.run_id)
    succeed(world, identity, claim)
    assert world.run(claim.run_id).status == "Succeeded"


@pytest.mark.parametrize("acknowledged", [False, True])
def test_past_its_deadline_a_cancel_is_carried_out_by_the_store(world: World, acknowledged: bool) -> None:
    """Fence raised, grants and lease ended, the store as actor; the late agent's writes are refused."""
    identity, claim = world.claimed()
    world.cancel(claim.run_id)
    if acknowledged:
        world.call(identity, acknowledge_cancel, claim)
    world.clock.advance(30_000)
    assert sweep(world.store) == 0
    world.clock.advance(1)
    with world.reader() as reader:
        assert runs.cancel_overdue(reader)
    assert sweep(world.store) == 1
    run = world.run(claim.run_id)
    assert (run.status, run.fence) == ("Canceled", 2)
    assert all(grant.ended_at == world.clock.now() for grant in world.grants(run.id))
    assert world.lease(run.id) is None
    assert world.events("job_run")[-1].actor == "store"
    before = world.dump()
    for call in AGENT_CALLS.values():
        refusal(LeaseLost, lambda call=call: call(world, identity, claim))  # type: ignore[misc]
    assert world.dump() == before
    assert sweep(world.store) == 0
    with world.reader() as reader:
        assert not runs.cancel_overdue(reader)


def test_a_start_and_a_heartbeat_also_end_what_is_overdue(world: World) -> None:
    """A definition is not held for ever by an agent that died with a cancel pending."""
    _, claim = world.claimed()
    world.cancel(claim.run_id)
    world.clock.advance(30_001)
    assert world.run(world.start()).number == 2
    assert world.run(claim.run_id).status == "Canceled"


def test_an_agent_that_restarts_with_a_cancel_pending_ends_the_run(world: World) -> None:
    """It is canceled under a higher fence and not taken up again; the next run in the queue is."""
    identity, claim = world.claimed()
    world.define("second")
    second = world.start("hr/second")
    world.cancel(claim.run_id)
    again = world.connect()
    taken = world.claim(again)
    assert taken is not None
    assert taken.run_id == second
    run = world.run(claim.run_id)
    assert (run.status, run.fence) == ("Canceled", 2)
    assert all(grant.ended_at is not None for grant in world.grants(run.id))
    refusal(LeaseLost, lambda: world.call(identity, report_started, claim))


ENDS: dict[str, tuple[str, Callable[[World, AgentIdentity, Claim], object]]] = {
    "succeeded": ("Succeeded", succeed),
    "failed": ("Failed", AGENT_CALLS["finish"]),
    "canceled by the agent": ("Canceled", AGENT_CALLS["cancel"]),
    "canceled past its deadline": ("Canceled", lambda w, i, c: overdue(w, c)),
    "canceled after a restart": ("Canceled", lambda w, i, c: (w.cancel(c.run_id), w.claim(w.connect()))),
    "canceled with a dead worker": ("Canceled", lambda w, i, c: (w.cancel(c.run_id), AGENT_CALLS["reclaim"](w, i, c))),
}


def overdue(world: World, claim: Claim) -> None:
    world.cancel(claim.run_id)
    world.clock.advance(30_001)
    with world.write() as tx:
        assert expire_cancellations(tx) == 1


@pytest.mark.parametrize("end", ENDS)
def test_grants_and_lease_end_with_every_kind_of_end(world: World, end: str) -> None:
    """And so does the hold on definition and target: the next start is free."""
    identity, claim = world.claimed()
    world.clock.advance(2_000)
    status, call = ENDS[end]
    call(world, identity, claim)
    run = world.run(claim.run_id)
    assert run.status == status
    assert [grant.ended_at for grant in world.grants(run.id)] == [run.execution_end_time] * 2
    assert run.execution_end_time == world.clock.now()
    assert world.lease(run.id) is None
    world.start()


def test_what_went_wrong_is_kept_with_the_run(world: World) -> None:
    identity, claim = world.claimed()
    world.call(identity, finish_run, claim, JobRunStatus.FAILED, code="AZSM1004", message="no /x", target="/x")
    run = world.run(claim.run_id)
    assert (run.error_code, run.error_message, run.error_target) == ("AZSM1004", "no /x", "/x")
    identity2 = world.connect()
    world.start()
    claim2 = world.claim(identity2)
    assert claim2 is not None
    world.call(identity2, finish_run, claim2, JobRunStatus.SUCCEEDED, code="AZSM0000", message="", target="")
    assert world.run(claim2.run_id).error_code == ""


def test_a_run_that_ended_cannot_be_stopped_or_ended_again(world: World) -> None:
    identity, claim = world.claimed()
    succeed(world, identity, claim)
    with world.write() as tx:
        run = tx.session.get_one(JobRun, claim.run_id)
        assert refusal(Conflict, lambda: request_cancel(tx, run)).code == "RunEnded"
