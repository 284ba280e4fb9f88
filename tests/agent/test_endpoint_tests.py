"""Endpoints tried by a real agent: step by step, within its grant, and whatever hangs or dies, nothing else does."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable

from store import codes
from store.queries.endpoint_tests import EndpointTestRow, endpoint_test
from store.resources.common import find_mover
from store.resources.endpoint_tests import give_up_test, request_test
from store.vocabulary import EndpointTestStatus, JobRunStatus
from tests.agent.migration import LIMIT, Migration

ALL = ["reach", "authenticate", "list", "write", "read", "delete"]
HANGS = """
import sys

if "agentsim.worker" in sys.orig_argv:
    import time
    from agentsim.places import probing

    probing.try_place = lambda place, writes: time.sleep(600)
else:
    import agentsim.endpoint_tests

    agentsim.endpoint_tests.TEST_SECONDS = {seconds}
"""
DIES = """
import sys

if "agentsim.worker" in sys.orig_argv:
    from agentsim.places import probing

    def fall(*arguments):
        raise SystemError("the floor gave way")

    probing.try_place = fall
"""


def request(migration: Migration, name: str, **options: bool) -> int:
    with migration.store.write("user/test") as tx:
        return request_test(tx, find_mover(tx.session, "m"), name, "dock-1", **options).id


def until(migration: Migration, test_id: int, condition: Callable[[EndpointTestRow], bool]) -> EndpointTestRow:
    end = time.monotonic() + LIMIT
    while True:
        with migration.reader() as reader:
            row = endpoint_test(reader, test_id)
        assert row is not None
        if condition(row):
            return row
        assert time.monotonic() < end, f"still {row}\n{migration.log()}"
        time.sleep(0.02)


def ended(migration: Migration, test_id: int) -> EndpointTestRow:
    return until(migration, test_id, lambda row: not row.active)


def test_a_directory_is_tried_with_a_probe_of_which_nothing_stays(migration: Migration) -> None:
    migration.start_agent()
    row = ended(migration, request(migration, "to"))
    assert row.status == EndpointTestStatus.SUCCEEDED, row
    assert [step.name for step in row.steps] == ALL
    assert all(step.ok and step.milliseconds >= 0 for step in row.steps)
    assert list(migration.target.iterdir()) == []
    assert row.ended_at is not None
    with migration.reader() as reader:
        events = reader.rows("SELECT actor, action FROM event WHERE kind = 'endpoint' ORDER BY id DESC LIMIT 2")
    assert [tuple(event) for event in events] == [
        ("agent/dock-1", "test succeeded"),
        ("user/test", "test requested"),
    ]


def test_without_a_probe_nothing_is_written(file_migration: Migration) -> None:
    before = os.stat(file_migration.source).st_mtime_ns
    file_migration.start_agent()
    row = ended(file_migration, request(file_migration, "from", writes=False))
    assert (row.status, [step.name for step in row.steps]) == (EndpointTestStatus.SUCCEEDED, ALL[:3])
    assert os.stat(file_migration.source).st_mtime_ns == before


def test_a_place_that_is_not_there_fails_with_the_step_and_the_code(migration: Migration) -> None:
    shutil.rmtree(migration.target)
    migration.start_agent()
    row = ended(migration, request(migration, "to"))
    assert row.status == EndpointTestStatus.FAILED
    assert row.failed is not None
    assert row.failed.code == codes.TARGET_PATH_INVALID
    assert row.failed == row.steps[-1]


def test_a_test_waits_for_an_agent_and_once_makes_it(file_migration: Migration) -> None:
    test_id = request(file_migration, "to")
    assert file_migration.start_agent("--once").wait(20) == 0
    assert ended(file_migration, test_id).status == EndpointTestStatus.SUCCEEDED


def test_a_place_that_hangs_is_given_up_and_a_run_goes_on_beside_it(file_migration: Migration) -> None:
    file_migration.fill(50)
    file_migration.start_agent(changed=HANGS.format(seconds=3))
    test_id = request(file_migration, "to")
    file_migration.start_run()
    assert file_migration.ended().status == JobRunStatus.SUCCEEDED
    row = ended(file_migration, test_id)
    assert row.status == EndpointTestStatus.FAILED
    assert row.failed is not None
    assert row.failed.code == codes.TARGET_UNREACHABLE
    assert "does not answer" in row.failed.message
    _gone(file_migration)


def test_a_test_that_nobody_waits_for_any_longer_stops_its_worker(migration: Migration) -> None:
    migration.start_agent(changed=HANGS.format(seconds=60))
    test_id = request(migration, "to")
    until(migration, test_id, lambda row: row.status == EndpointTestStatus.RUNNING)
    with migration.store.write("user/test") as tx:
        assert give_up_test(tx, test_id)
    _gone(migration)
    assert ended(migration, test_id).status == EndpointTestStatus.EXPIRED


def test_a_worker_that_dies_says_why(file_migration: Migration) -> None:
    file_migration.start_agent(changed=DIES)
    row = ended(file_migration, request(file_migration, "to"))
    assert row.failed is not None
    assert "the floor gave way" in row.failed.message


def test_a_grant_that_is_ended_in_mid_run_stops_the_worker_and_fails_the_run(migration: Migration) -> None:
    migration.fill(2_000)
    migration.start_agent(slow=True)
    migration.start_run()
    migration.until(lambda run: run.counters["items_transferred"] > 20)
    with migration.store.connect() as connection, connection.begin():
        connection.exec_driver_sql("UPDATE access_grant SET ended_at = 1790000000000 WHERE permission = 'Write'")
    run = migration.ended()
    assert (run.status, run.error_code) == (JobRunStatus.FAILED, codes.GRANT_ENDED)
    before = migration.target_state()
    _gone(migration)
    assert migration.target_state() == before
    with migration.reader() as reader:
        assert reader.value("SELECT count(*) FROM access_grant WHERE ended_at IS NULL") == 0
        assert reader.value("SELECT count(*) FROM run_lease") == 0
    # A new run grants it anew.
    migration.start_run()
    migration.until(lambda run: run.number == 2 and run.counters["items_transferred"] > 0)


def _gone(migration: Migration) -> None:
    end = time.monotonic() + LIMIT
    while migration.workers():
        assert time.monotonic() < end, migration.log()
        time.sleep(0.02)
