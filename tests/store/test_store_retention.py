"""Retention: what goes, when, in which order, and what it never touches."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event, insert, text

from store.db import open_store
from store.errors import Conflict, InvalidInput, StoreUnavailable
from store.execution import claims
from store.execution.trust import AgentIdentity
from store.maintenance import maintain, prune
from store.models import ProgressSample, RunReport
from store.upkeep import retention
from store.upkeep.retention import DAY_MS, Policy, Removed, due, policy, prune_details, set_policy
from store.upkeep.vacuum import SPARE_PAGES, STEP_PAGES, give_back
from store.vocabulary import JobRunStatus, RunKind
from tests.store.server import register, server_world
from tests.store.world import World, refusal

HOUR = 3_600_000


def a_run(
    world: World, identity: AgentIdentity, *, items: int = 3, chunks: int = 2, ends: bool = True, **options: Any
) -> int:
    """A run that took two minutes, with a sample for each second, items and a report."""
    run_id = world.start(**options)
    claim = world.claim(identity)
    assert claim is not None
    began = world.clock.now()
    world.call(identity, claims.report_started, claim)
    world.clock.advance(120_000)
    with world.write() as tx:
        rows = [{"run_id": run_id, "at": began + n * 1000, "items": n, "bytes": n} for n in range(121)]
        tx.session.execute(insert(ProgressSample), rows)
        for number in range(chunks):
            row = {"run_id": run_id, "fence": claim.fence, "items": 1, "data": b"%d" % number, "at": tx.now}
            tx.session.execute(insert(RunReport), [row])
    wrong = [(b"d/\xff%d" % n, "f", "Failed", "EIO", "an error", 1) for n in range(items)]
    world.call(identity, claims.report_items, claim, wrong)
    if ends:
        world.call(identity, claims.finish_run, claim, JobRunStatus.SUCCEEDED, code="AZSM0000", message="", target="")
    return run_id


def kept(world: World, run_id: int) -> tuple[int, int, int]:
    """How many items, report chunks and samples of a run there are."""
    with world.store.read() as session:
        found = [
            session.execute(text(f"SELECT count(*) FROM {table} WHERE run_id = :run"), {"run": run_id}).scalar_one()
            for table in ("run_item", "run_report", "progress_sample")
        ]
    return found[0], found[1], found[2]


def marks(world: World, run_id: int) -> tuple[bool, ...]:
    """Whether a run is marked as thinned, its items, report and samples as removed, and as unfinished."""
    run = world.run(run_id)
    times = (run.thinned_at, run.expired_at, run.report_expired_at, run.samples_expired_at)
    return (*(at is not None for at in times), run.expiring)


def keep(world: World, **days: int) -> Policy:
    with world.write() as tx:
        return set_policy(tx, **days)


@pytest.fixture
def agent(world: World) -> AgentIdentity:
    world.define()
    return world.agent()


def test_details_go_by_age_and_the_run_stays(world: World, agent: AgentIdentity) -> None:
    """For a day all is there; then one sample a minute; after 90 days nothing but the run itself."""
    run_id = a_run(world, agent)
    before, told = world.run(run_id), len(world.events())
    world.clock.advance(DAY_MS)
    assert prune_details(world.store) == Removed()
    world.clock.advance(1)
    assert prune_details(world.store).samples == 117
    assert kept(world, run_id) == (3, 2, 4)
    assert marks(world, run_id) == (True, False, False, False, False)
    world.clock.advance(89 * DAY_MS)
    assert prune_details(world.store) == Removed(3, 2, 4, 1)
    assert kept(world, run_id) == (0, 0, 0)
    assert marks(world, run_id) == (True, True, True, True, False)
    after = world.run(run_id)
    assert after.expired_at == world.clock.now()
    assert (after.status, after.number, after.items_failed) == (before.status, before.number, before.items_failed)
    assert len(world.events()) == told
    assert prune_details(world.store) == Removed()


def test_thinning_keeps_the_first_of_each_minute_and_the_last(world: World, agent: AgentIdentity) -> None:
    run_id = a_run(world, agent)
    with world.reader() as reader:
        every = [row[0] for row in reader.rows("SELECT at FROM progress_sample ORDER BY at")]
    first: dict[int, int] = {}
    for at in every:
        first.setdefault(at // 60_000, at)
    world.clock.advance(DAY_MS + 1)
    prune_details(world.store)
    with world.reader() as reader:
        left = [row[0] for row in reader.rows("SELECT at FROM progress_sample ORDER BY at")]
    assert left == sorted({*first.values(), every[-1]})
    assert world.run(run_id).thinned_at == world.clock.now()


def test_each_kind_has_its_own_age_and_nought_is_for_ever(world: World, agent: AgentIdentity) -> None:
    run_id = a_run(world, agent)
    assert keep(world, items_days=10, reports_days=0) == Policy(10, 0, 90)
    world.clock.advance(11 * DAY_MS)
    prune_details(world.store)
    assert kept(world, run_id)[:2] == (0, 2)
    assert marks(world, run_id) == (True, True, False, False, False)
    world.clock.advance(10_000 * DAY_MS)
    prune_details(world.store)
    assert kept(world, run_id) == (0, 2, 0)
    keep(world, reports_days=90)
    prune_details(world.store)
    assert kept(world, run_id) == (0, 0, 0)


def test_a_run_that_goes_on_keeps_everything(world: World, agent: AgentIdentity) -> None:
    run_id = a_run(world, agent, ends=False)
    world.clock.advance(1_000 * DAY_MS)
    assert due(world.store) == Removed()
    assert prune_details(world.store) == Removed()
    assert kept(world, run_id) == (3, 2, 121)


def test_the_plan_of_a_run_that_goes_on_is_kept_until_it_has_ended(world: World, agent: AgentIdentity) -> None:
    preview = a_run(world, agent, kind=RunKind.PREVIEW)
    world.clock.advance(89 * DAY_MS)
    run_id = world.start(plan=preview)
    world.clock.advance(30 * DAY_MS)
    prune_details(world.store)
    assert kept(world, preview) == (0, 2, 0)
    assert marks(world, preview) == (True, True, False, True, False)
    assert due(world.store) == Removed()
    world.cancel(run_id)
    prune_details(world.store)
    assert kept(world, preview) == (0, 0, 0)


def test_a_preview_whose_report_is_gone_is_no_plan(
    world: World, agent: AgentIdentity, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From its first missing line on: half a plan would copy half, and call it all."""
    monkeypatch.setattr(retention, "CHUNKS", 2)
    monkeypatch.setattr(retention, "_DETAILS", tuple(d._replace(most=2) for d in retention._DETAILS))
    preview = a_run(world, agent, kind=RunKind.PREVIEW, items=0, chunks=5)
    world.clock.advance(91 * DAY_MS)
    prune_details(world.store, batches=1)
    assert kept(world, preview)[1] == 3
    assert marks(world, preview)[2:] == (True, True, True)
    error = refusal(Conflict, lambda: world.start(plan=preview))
    assert error.code == "PlanExpired"
    assert "hr/home#1" in error.sentence
    prune_details(world.store)
    assert kept(world, preview) == (0, 0, 0)
    assert marks(world, preview) == (True, True, True, True, False)


def test_a_transaction_deletes_a_batch_at_most(
    world: World, agent: AgentIdentity, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what is left is found again, also by another process."""
    monkeypatch.setattr(retention, "_DETAILS", tuple(d._replace(most=10) for d in retention._DETAILS))
    runs = [a_run(world, agent, items=7, chunks=1) for _ in range(4)]
    keep(world, samples_days=0)
    world.clock.advance(90 * DAY_MS + HOUR)
    gone = []
    while batch := prune_details(world.store, batches=1):
        if batch == Removed():
            break
        gone.append(batch)
    assert sum(batch.items for batch in gone) == 28
    assert max(batch.items + batch.chunks for batch in gone) <= 11
    assert all(kept(world, run_id)[:2] == (0, 0) for run_id in runs)
    assert not any(world.run(run_id).expiring for run_id in runs)


def test_thinning_goes_on_where_a_batch_ended(
    world: World, agent: AgentIdentity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "ROWS", 50)
    run_id = a_run(world, agent, items=0, chunks=0)
    world.clock.advance(DAY_MS + 1)
    assert due(world.store).samples == 117
    rounds = []
    while (removed := prune_details(world.store, batches=1)) != Removed():
        rounds.append(removed.samples)
    assert sum(rounds) == 117
    assert len(rounds) > 1
    assert kept(world, run_id) == (0, 0, 4)


def test_what_would_go_is_told_without_doing_it(world: World, agent: AgentIdentity) -> None:
    run_id = a_run(world, agent)
    world.clock.advance(2 * DAY_MS)
    assert due(world.store) == Removed(samples=117, runs=1)
    world.clock.advance(90 * DAY_MS)
    expected = Removed(3, 2, 121, 1)
    assert due(world.store) == expected
    assert kept(world, run_id) == (3, 2, 121)
    assert prune_details(world.store) == expected


def test_a_policy_is_told_once_and_checked(world: World) -> None:
    with world.store.read() as session:
        assert policy(session) == Policy(90, 90, 90)
    keep(world, items_days=0)
    keep(world, items_days=0)
    assert [(event.action, event.detail) for event in world.events("retention")] == [
        ("changed", "days: items for ever, reports 90, samples 90")
    ]
    refusal(InvalidInput, lambda: keep(world, items_days=-1))
    refusal(InvalidInput, lambda: keep(world, reports_days=36_501))


def test_work_is_found_without_reading_the_history(file_world: World) -> None:
    """Every look has an index of its own, which holds only what is still to be done."""
    world = file_world
    world.define()
    a_run(world, world.agent())
    asked: list[tuple[str, Any]] = []
    event.listen(world.store.engine, "before_cursor_execute", lambda *args: asked.append((args[2], args[3])))
    world.clock.advance(100 * DAY_MS)
    prune_details(world.store)
    used = set()
    with world.store.engine.connect() as connection:
        for statement, parameters in list(asked):
            if not statement.startswith("SELECT"):
                continue
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters):
                few = "ix_job_run_expiring" in row[3] or "job_run_active" in row[3]
                assert "SCAN job_run" not in row[3] or few, (statement, row[3])
                used |= {word for word in row[3].split() if word.startswith("ix_job_run_")}
    assert used >= {
        "ix_job_run_thin",
        "ix_job_run_expire_items",
        "ix_job_run_expire_report",
        "ix_job_run_expire_samples",
        "ix_job_run_expiring",
    }


# As part of a store's maintenance.


def test_maintenance_removes_a_batch_at_a_time(world: World, agent: AgentIdentity) -> None:
    """Whoever maintains also sends heartbeats, or draws a screen."""
    run_id = a_run(world, agent)
    world.clock.advance(91 * DAY_MS)
    assert maintain(world.store)
    assert kept(world, run_id) == (0, 0, 0)


def test_a_login_of_an_agent_maintains_nothing(store_url: str) -> None:
    """On a server that is the admins' to do: it is left, and not told off."""
    with server_world(store_url) as world:
        world.define()
        login = register(world, "dock-1")
        store = open_store(login.place)
        assert not maintain(store)
        store.close()
        assert maintain(world.store)


def test_the_pages_of_what_was_removed_are_given_back(file_world: World) -> None:
    """A little at each maintenance; all but some spare ones when an admin prunes."""
    world = file_world
    world.define()
    identity = world.agent()
    for _ in range(3):
        run_id = a_run(world, identity, items=0)
        with world.write() as tx:
            rows = [{"run_id": run_id, "fence": 1, "items": 1, "data": b"x" * 20_000, "at": tx.now} for _ in range(800)]
            tx.session.execute(insert(RunReport), rows)

    def pages() -> tuple[int, int]:
        with world.reader() as reader:
            return reader.value("PRAGMA page_count"), reader.value("PRAGMA freelist_count")

    full, _ = pages()
    world.clock.advance(91 * DAY_MS)
    prune_details(world.store)
    size, free = pages()
    assert (size, free > full // 2) == (full, True)
    assert give_back(world.path, steps=1) == STEP_PAGES * 4096
    assert pages() == (full - STEP_PAGES, free - STEP_PAGES)
    pruned = prune(world.store)
    assert pages()[1] == SPARE_PAGES
    assert pruned.freed == (free - STEP_PAGES - SPARE_PAGES) * 4096
    assert prune(world.store).freed == 0
    with world.reader() as reader:
        assert reader.value("PRAGMA integrity_check") == "ok"


def test_a_store_that_is_busy_gives_back_later(file_world: World) -> None:
    with file_world.write():
        assert give_back(file_world.path) == 0


def test_a_place_that_cannot_be_maintained_is_named(file_world: World) -> None:
    """Its lock cannot be made: said as a store's error, by which screens and agents go on."""
    lock = file_world.path.with_name("store.db.ckpt")
    lock.unlink(missing_ok=True)
    lock.mkdir()
    assert refusal(StoreUnavailable, lambda: maintain(file_world.store)).exit_code == 5
