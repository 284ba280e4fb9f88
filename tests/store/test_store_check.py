"""``store check``: a sound store passes, and each way of being unsound is found and named."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from store.clock import VirtualClock
from store.db import open_store
from store.errors import StoreUnavailable
from store.execution import claims
from store.place import locate
from store.reader import Reader
from store.upkeep.check.content import CONTENT
from store.upkeep.check.file import has_wal_reset_bug
from store.upkeep.check.invariant import SHOWN, Checked
from store.upkeep.check.run import check
from store.vocabulary import JobRunStatus
from tests.postgres import Cluster
from tests.store.world import NOON, World, refusal, sql


def checked(world: World) -> dict[str, Checked]:
    with world.reader() as reader:
        return {each.name: each for each in check(reader)}


def broken(world: World) -> set[str]:
    return {name for name, each in checked(world).items() if not each.holds}


def behind_its_back(world: World, *statements: str) -> None:
    """Change rows as no operation would."""
    with world.store.engine.connect().execution_options(longshore_write=True) as connection, connection.begin():
        for statement in statements:
            connection.execute(text(statement))


@pytest.fixture
def busy(world: World) -> World:
    """hr/home has a run that succeeded, with an item; hr/arch has one that an agent holds."""
    identity, claim = world.claimed("hr/home")
    world.call(identity, claims.report_started, claim)
    world.call(identity, claims.report_items, claim, [(b"\xff", "F", "Excluded", "", "", 1)])
    numbers = {"items_scanned": 2, "items_transferred": 1, "items_excluded": 1, "bytes_scanned": 1, "bytes_excluded": 1}
    world.call(identity, claims.report_progress, claim, numbers)
    world.call(identity, claims.finish_run, claim, JobRunStatus.SUCCEEDED, code="", message="", target="")
    world.define("arch")
    world.start("hr/arch")
    assert world.claim(identity) is not None
    return world


def test_a_sound_store_passes(busy: World) -> None:
    found = checked(busy)
    assert [name for name, each in found.items() if not each.holds] == []
    assert {each.name for each in CONTENT} < set(found)
    assert all(each.sentence.endswith(".") for each in found.values())


ENDED = "(SELECT id FROM job_run WHERE status = 'Succeeded')"
HELD = "(SELECT id FROM job_run WHERE status <> 'Succeeded')"
WAYS: dict[str, str] = {
    "latest-run": f"UPDATE job_definition SET latest_run_id = {ENDED} WHERE name = 'arch'",
    "run-numbers": f"UPDATE job_run SET number = 3 WHERE id = {ENDED}",
    "one-run-per-target": "UPDATE job_run SET target_key = '/same' WHERE status <> 'Succeeded'",
    "ends": f"UPDATE job_run SET execution_end_time = 5 WHERE id = {HELD}",
    "grants-of-active-runs": f"UPDATE access_grant SET ended_at = 5 WHERE run_id = {HELD} AND permission = 'Write'",
    "grants-of-ended-runs": f"UPDATE access_grant SET ended_at = NULL WHERE run_id = {ENDED}",
    "leases-of-ended-runs": f"UPDATE run_lease SET run_id = {ENDED}",
    "fences": "UPDATE run_lease SET fence = fence + 1",
    "counters": f"UPDATE job_run SET bytes_failed = 1 WHERE id = {ENDED}",
    "movers": f"UPDATE job_run SET mover_id = (SELECT id FROM storage_mover WHERE name = 'other') WHERE id = {ENDED}",
    "expired-items": f"UPDATE job_run SET expired_at = 5 WHERE id = {ENDED}",
    "plans": f"UPDATE job_run SET plan_run_id = {ENDED}, plan_number = 1 WHERE id = {HELD}",
    "totals": "UPDATE run_totals SET items_scanned = items_scanned + 1",
    "latest-state": "UPDATE job_definition SET latest_state = 'Failed' WHERE name = 'arch'",
    "endpoints-of-runs": "UPDATE job_run SET source_id = target_id",
    "retention": "DELETE FROM retention",
    "feed": "UPDATE feed_state SET epoch = ''",
}


@pytest.mark.parametrize("name", WAYS)
def test_what_does_not_hold_is_found_and_named(busy: World, name: str) -> None:
    """By its name, and each sentence says what to do."""
    busy.mover("other")
    if name == "one-run-per-target":
        busy.define("third", target="/elsewhere")
        busy.start("hr/third")
    if name == "plans":
        behind_its_back(busy, f"UPDATE job_run SET report_expired_at = 5 WHERE id = {ENDED}")
    behind_its_back(busy, WAYS[name])
    assert name in broken(busy)
    for finding in checked(busy)[name].findings:
        assert finding.sentence.endswith(".")
        assert ": " in finding.sentence


def test_of_many_findings_some_are_told(busy: World) -> None:
    for number in range(SHOWN + 5):
        busy.define(f"d{number}")
    behind_its_back(busy, "UPDATE job_definition SET run_count = 9")
    found = checked(busy)["run-numbers"].findings
    assert len(found) == SHOWN + 1
    assert "more" in found[-1].sentence


# What is about the file.


def test_a_store_that_others_can_read(file_world: World) -> None:
    file_world.mover()
    file_world.path.chmod(0o644)
    found = checked(file_world)["privacy"]
    assert not found.holds
    assert "chmod 600" in found.findings[0].sentence
    assert stat.S_IMODE(file_world.path.stat().st_mode) == 0o644


def test_a_page_that_rotted(file_world: World) -> None:
    """Found, and the other invariants are looked at all the same."""
    file_world.mover()
    for number in range(200):
        file_world.project(f"p{number}", description="x" * 900)
    path = file_world.path
    file_world.store.close()
    sql(path, "PRAGMA wal_checkpoint(TRUNCATE)")
    (page,) = sql(path, "SELECT rootpage FROM sqlite_master WHERE name = 'project'")[0]
    content = bytearray(path.read_bytes())
    content[(page - 1) * 4096 : page * 4096] = b"\xa5" * 4096
    path.write_bytes(content)
    found = checked(file_world)
    assert not found["integrity"].holds
    assert "backup" in found["integrity"].findings[0].sentence
    assert len(found) > len(CONTENT)


def test_a_reference_that_leads_nowhere(file_world: World) -> None:
    file_world.define()
    sql(file_world.path, "PRAGMA foreign_keys=OFF", "DELETE FROM endpoint WHERE name = 'home-to'")
    assert "references" in broken(file_world)


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("DROP INDEX ix_job_run_mover", "'ix_job_run_mover' is missing"),
        ("DROP TRIGGER feed_project_u", "'feed_project_u' is missing"),
        ("CREATE TABLE mine (a)", "'mine' is none"),
        ("ALTER TABLE project ADD COLUMN more TEXT", "'project' is not as"),
    ],
)
def test_a_schema_that_was_changed_by_hand(file_world: World, statement: str, words: str) -> None:
    sql(file_world.path, statement)
    found = checked(file_world)["schema"]
    assert [words in finding.sentence for finding in found.findings] == [True]


def test_a_file_without_its_mark(file_world: World) -> None:
    sql(file_world.path, "PRAGMA application_id=0")
    assert broken(file_world) == {"application-id"}


@pytest.mark.parametrize(
    ("version", "affected"),
    [
        ((3, 6, 23), False),
        ((3, 40, 1), True),
        ((3, 44, 5), True),
        ((3, 44, 6), False),
        ((3, 45, 0), True),
        ((3, 50, 6), True),
        ((3, 50, 7), False),
        ((3, 51, 2), True),
        ((3, 51, 3), False),
        ((3, 53, 1), False),
    ],
)
def test_versions_with_the_wal_reset_bug(version: tuple[int, int, int], affected: bool) -> None:
    assert has_wal_reset_bug(version) == affected


def test_checking_changes_nothing(busy: World, tmp_path: Path) -> None:
    with busy.reader() as reader:
        tables = [row[0] for row in reader.rows("SELECT kind FROM change")]
        before = [tuple(row) for table in sorted({*tables, "change"}) for row in reader.rows(f"SELECT * FROM {table}")]
        list(check(reader))
        after = [tuple(row) for table in sorted({*tables, "change"}) for row in reader.rows(f"SELECT * FROM {table}")]
    assert after == before


@pytest.mark.parametrize("floor", ["(SELECT max(rev) FROM change) + 1", "(SELECT max(rev) FROM change) - 1"])
def test_a_feed_that_is_out_of_order(file_world: World, floor: str) -> None:
    file_world.define()
    behind_its_back(file_world, f"UPDATE feed_state SET floor = {floor}")
    assert broken(file_world) == {"feed-floor"}


# What is about the server.


@pytest.fixture
def served(store_url: str) -> Iterator[World]:
    """A world on a server."""
    clock = VirtualClock(NOON)
    store = open_store(store_url, clock=clock)
    yield World(store, clock)
    store.close()


@pytest.mark.parametrize(
    ("name", "statement"),
    [
        ("row-level-security", "ALTER TABLE longshore.run_item DISABLE ROW LEVEL SECURITY"),
        ("triggers", "ALTER TABLE longshore.project DISABLE TRIGGER feed_project_u"),
        ("triggers", "ALTER TABLE longshore.job_run DISABLE TRIGGER totals_job_run_u"),
        ("triggers", "DROP TRIGGER feed_job_run_i ON longshore.job_run"),
        ("indexes", "DROP INDEX longshore.ix_job_run_mover"),
        ("columns", "ALTER TABLE longshore.project ADD COLUMN more TEXT"),
        ("columns", "CREATE TABLE longshore.mine (a int)"),
        ("feed-floor", "UPDATE longshore.feed_state SET floor = 9000000000000000"),
        ("feed-floor", "INSERT INTO longshore.change (kind, row_id, op, xid) VALUES ('x', 1, 'I', '9000000000000000')"),
        ("owner", "ALTER TABLE longshore.retention OWNER TO postgres"),
    ],
)
def test_a_server_that_was_changed_by_hand(
    served: World, cluster: Cluster, store_database: str, name: str, statement: str
) -> None:
    assert broken(served) == set()
    cluster.psql(statement, db=store_database)
    assert name in broken(served)


def test_an_agent_without_its_login(served: World) -> None:
    served.define()
    served.agent()
    behind_its_back(served, "UPDATE agent SET db_role = 'longshore_agent_0'")
    found = checked(served)["logins"]
    assert "longshore agent token" in found.findings[0].sentence
    assert not found.holds


def test_who_sees_only_a_part_is_refused(served: World, cluster: Cluster, store_database: str) -> None:
    """Row-level security would show an agent a store without a fault."""
    cluster.login("checker_a", "longshore_agent")
    place = locate(cluster.url(store_database, "checker_a"))
    with Reader(place) as reader:
        assert refusal(StoreUnavailable, lambda: list(check(reader))).code == "StoreForbidden"
