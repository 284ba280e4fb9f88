"""A mover and an agent at a glance, and how much was copied when, on both kinds of store."""

from __future__ import annotations

from store.execution.claims import finish_run, report_progress, report_started
from store.queries.overview import agent_overview, mover_overview
from store.queries.scope import Scope
from store.queries.throughput import copied, copying
from store.resources.agents import unregister_agent
from store.resources.common import find_in_mover
from store.vocabulary import AgentStatus, JobRunStatus, RunKind
from tests.store.world import World

STEP = 5_000


def test_a_mover_counts_its_agents_and_its_runs(world: World) -> None:
    identity, claim = world.claimed()
    world.define("media")
    world.start("hr/media")
    world.agent("dock-2", host_key="host-2")
    world.register("dock-3")
    world.define("other", mover="san")
    world.agent("dock-9", "san", "host-9")
    world.start("hr/other", "dock-9", mover="san")
    world.clock.advance(20_000)
    world.beat(identity, claim)
    world.call(identity, report_started, claim)
    world.mover("nas", "Off NAS 1")
    with world.reader() as reader:
        found = mover_overview(reader, 1)
    assert found is not None
    assert (found.name, found.description) == ("nas", "Off NAS 1")
    assert found.agents == {AgentStatus.EXECUTING: 1, AgentStatus.OFFLINE: 1, AgentStatus.REGISTERING: 1}
    assert found.active == {JobRunStatus.RUNNING: 1, JobRunStatus.QUEUED: 1}
    assert found.ended == []
    with world.reader() as reader:
        assert mover_overview(reader, 99) is None


def test_an_agent_in_full(world: World) -> None:
    identity, claim = world.claimed()
    world.clock.advance(2_000)
    world.beat(identity, claim)
    world.sql("UPDATE agent SET upload_limit_schedule = '{\"weeklyRecurrences\": []}'")
    with world.reader() as reader:
        found = agent_overview(reader, identity.agent_id)
    assert found is not None
    assert (found.mover, found.name, found.status, found.version, found.host) == (
        "nas", "dock-1", AgentStatus.EXECUTING, "1.0", "dock",
    )  # fmt: skip
    assert (found.address, found.time_zone, found.memory_mb, found.cores) == ("10.0.0.7", "UTC", 4096, 2)
    assert (found.last_beat, found.heartbeat_ms, found.uptime_seconds) == (world.clock.now(), 5_000, 1)
    assert (found.registered_at, found.active) == (world.clock.now() - 2_000, {JobRunStatus.STARTED: 1})
    assert found.upload_limit == {"weeklyRecurrences": []}
    world.clock.advance(60_000)
    with world.reader() as reader:
        silent = agent_overview(reader, identity.agent_id)
    assert silent is not None
    assert silent.status == AgentStatus.OFFLINE
    world.call(world.connect(), finish_run, claim, JobRunStatus.SUCCEEDED, code="", message="", target="")
    with world.mover_write() as (tx, mover):
        from store.models import Agent

        unregister_agent(tx, mover, find_in_mover(tx.session, Agent, "agent", mover, "dock-1"))
    with world.reader() as reader:
        assert agent_overview(reader, identity.agent_id) is None


def test_what_was_copied_in_each_step(world: World) -> None:
    """Bytes count in the step in which they were reported; a restart from zero adds nothing by itself."""
    identity, claim = world.claimed()
    world.call(identity, report_started, claim)
    world.clock.advance(1_000)
    since = world.clock.now()
    for done in (0, 1_000, 3_000, 3_500, 100, 900):
        world.call(identity, report_progress, claim, {"bytes_transferred": done, "items_scanned": 1})
        world.clock.advance(4_000)
    now = world.clock.now()
    with world.reader() as reader:
        runs = copying(reader, Scope("mover", 1), since)
        assert runs == copying(reader, Scope("agent", identity.agent_id), since) == [claim.run_id]
        assert copied(reader, runs, since, now, STEP) == [1_000, 2_000, 500, 800, 0]
        # A later time looks back for what its first sample is compared to.
        assert copied(reader, runs, since + 10_000, now, STEP) == [500, 800, 0]
        # What comes seldom was copied evenly since the last time.
        assert copied(reader, runs, since, now, 2_000) == [500, 500, 1_000, 1_000, 250, 250, 0, 0, 400, 400, 0, 0]
        assert copied(reader, [], since, now, STEP) == [0] * 5
        assert copied(reader, runs, now, now, STEP) == []


def test_a_run_that_was_over_at_once_was_copied_too(world: World) -> None:
    """It has no sample yet: its start and its end tell."""
    since = world.clock.now() - 1
    identity, claim = world.claimed()
    world.call(identity, report_started, claim)
    world.clock.advance(400)
    world.call(identity, report_progress, claim, {"bytes_transferred": 98_000_000, "items_scanned": 1})
    world.call(identity, finish_run, claim, JobRunStatus.SUCCEEDED, code="", message="", target="")
    with world.reader() as reader:
        runs = copying(reader, Scope("mover", 1), since)
        assert copied(reader, runs, since, since + STEP, STEP) == [98_000_000]
        assert copied(reader, runs, since + STEP, since + 2 * STEP, STEP) == [0]


def test_what_has_just_ended_was_copied_too_and_a_preview_never(world: World) -> None:
    identity, claim = world.claimed()
    began = world.clock.now()
    world.call(identity, finish_run, claim, JobRunStatus.SUCCEEDED, code="", message="", target="")
    world.define("media")
    world.start("hr/media", kind=RunKind.PREVIEW)
    preview = world.claim(identity)
    assert preview is not None
    world.call(identity, report_started, preview)
    with world.reader() as reader:
        assert copying(reader, Scope("mover", 1), began - 1) == [claim.run_id]
        assert copying(reader, Scope("mover", 1), began) == []
        assert copying(reader, Scope("agent", identity.agent_id), began - 1) == [claim.run_id]
