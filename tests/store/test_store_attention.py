"""What needs an admin: each reason once, the most urgent first, and gone when it is over."""

from __future__ import annotations

from store.execution.claims import finish_run, report_started
from store.queries.attention import Attention, AttentionRow, attention
from store.queries.window import Page
from store.resources.runs import sweep
from store.vocabulary import JobRunStatus
from tests.store.world import World


def needed(world: World, page: Page = Page()) -> list[AttentionRow]:  # noqa: B008 (immutable)
    mover = int(world.sql("SELECT id FROM storage_mover WHERE name = 'nas'")[0][0])
    with world.reader() as reader:
        return attention(reader, mover, page).rows


def reasons(world: World) -> list[tuple[Attention, str]]:
    return [(row.why, row.path) for row in needed(world)]


def test_nothing_is_needed_while_all_goes_well(world: World) -> None:
    identity, claim = world.claimed()
    assert reasons(world) == []
    world.call(identity, finish_run, claim, JobRunStatus.SUCCEEDED, code="", message="", target="")
    assert reasons(world) == []


def test_a_silent_agent_with_nothing_to_do_is_no_trouble(world: World) -> None:
    world.mover()
    world.agent()
    world.clock.advance(3_600_000)
    assert reasons(world) == []


def test_a_lost_run_its_agent_and_what_waits_for_it(world: World) -> None:
    """The agent is silent at once; the run is lost when its lease has run out."""
    _, claim = world.claimed()
    world.define("media")
    world.start("hr/media")
    world.clock.advance(16_000)
    assert reasons(world) == [(Attention.AGENT_OFFLINE, "dock-1"), (Attention.RUN_WAITS, "hr/media#1")]
    world.clock.advance(30_000)
    lost, offline, waits = needed(world)
    assert [(row.why, row.path) for row in (lost, offline, waits)] == [
        (Attention.RUN_LOST, "hr/home#1"),
        (Attention.AGENT_OFFLINE, "dock-1"),
        (Attention.RUN_WAITS, "hr/media#1"),
    ]
    assert (lost.agent, lost.id, lost.mover, offline.runs) == ("dock-1", claim.run_id, "nas", 2)
    assert lost.since == offline.since == world.clock.now() - 46_000
    world.connect()
    assert reasons(world) == []


def test_an_agent_that_says_so_itself_comes_first(world: World) -> None:
    world.define()
    world.agent()
    world.start()
    world.sql(
        "UPDATE agent SET status = 'RequiresAttention', error_code = 'DuplicateIdentity', error_message = 'two of it'"
    )
    world.clock.advance(60_000)
    rows = needed(world)
    assert [row.why for row in rows] == [Attention.AGENT_ATTENTION, Attention.RUN_WAITS]
    assert (rows[0].code, rows[0].message, rows[0].runs) == ("DuplicateIdentity", "two of it", 1)


def test_a_cancel_that_is_overdue(world: World) -> None:
    identity, claim = world.claimed()
    world.call(identity, report_started, claim)
    world.cancel(claim.run_id)
    assert reasons(world) == []
    world.clock.advance(60_000)
    assert (Attention.CANCEL_OVERDUE, "hr/home#1") in reasons(world)
    assert Attention.RUN_LOST not in [why for why, _ in reasons(world)]
    sweep(world.store)
    assert reasons(world) == []


def test_a_definition_whose_latest_run_failed_until_the_next_goes_well(world: World) -> None:
    identity, claim = world.claimed()
    world.call(identity, finish_run, claim, JobRunStatus.FAILED, code="LSM1105", message="40 % would go", target="/to")
    (row,) = needed(world)
    assert (row.why, row.path, row.number, row.code, row.message) == (
        Attention.LATEST_FAILED, "hr/home", 1, "LSM1105", "40 % would go",
    )  # fmt: skip
    assert row.since == world.clock.now()
    world.start()
    assert reasons(world) == []


def test_it_is_read_a_window_at_a_time_and_of_one_mover(world: World) -> None:
    """However much has failed: pages meet, and nothing of another mover is in them."""
    world.define("other", mover="san")
    world.agent("dock-9", "san")
    world.start("hr/other", "dock-9", mover="san")
    identity = None
    for name in "abcdefg":
        world.define(name)
        identity = identity or world.agent()
        world.start(f"hr/{name}")
        if name < "f":
            claim = world.claim(identity)
            assert claim is not None
            world.call(identity, finish_run, claim, JobRunStatus.FAILED, code="", message="", target="")
            world.clock.advance(1_000)
    world.clock.advance(60_000)
    full = needed(world)
    assert [row.path for row in full] == [
        "dock-1", "hr/g#1", "hr/f#1", "hr/e", "hr/d", "hr/c", "hr/b", "hr/a"
    ]  # fmt: skip
    for at, row in enumerate(full):
        assert needed(world, Page("after", row.key, 3)) == full[at + 1 : at + 4]
        assert needed(world, Page("before", row.key, 3)) == full[max(0, at - 3) : at]
    assert needed(world, Page("end", None, 2)) == full[-2:]
