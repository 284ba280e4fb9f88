"""Moving house: from a file to a server and back, with every table filled, and nothing left after a failure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import insert

from store import report_lines
from store.clock import VirtualClock
from store.db import open_store
from store.errors import Conflict, InvalidInput, StoreUnavailable
from store.execution import claims
from store.execution.endpoint_tests import report_steps
from store.execution.trust import AgentIdentity
from store.feed import head, since
from store.models import RunLease
from store.place import StorePlace, locate
from store.postgres.bulk import PostgresTarget
from store.reader import Reader
from store.resources.endpoint_tests import request_test
from store.sqlite.place import SqlitePlace
from store.upkeep.check.run import check
from store.upkeep.copying import Copied, copy_store
from store.vocabulary import EndpointTestStatus, ItemKind, JobRunStatus, RunKind
from tests.postgres import Cluster
from tests.store.world import NOON, World, refusal, sql

ODD = "tab\t, line\n, \\N \\., \"quoted\" 'so', ünïcode ☃ 𝄞, \x01\x7f\u202e, {json}"
BIG = 2**63 - 1


@pytest.fixture
def full(file_world: World) -> World:
    """A store with rows in every table, and with what is hard to carry in them."""
    world = file_world
    world.define("home", description=ODD, filters={"exclude": ["*.tmp", "ü\\ "]}, trash=True)
    world.define("arch", copyMode="Additive")
    world.connection("private")
    with world.mover_write() as (tx, mover):
        mover.tags = {"owner": ODD, "ü": "é"}
        tx.session.add(mover)
    agent = world.agent()
    world.beat(agent)
    preview = _run(world, agent, kind=RunKind.PREVIEW)
    _run(world, agent, plan=preview, report=True)
    world.token()
    with world.mover_write() as (tx, mover):
        test = request_test(tx, mover, "home-from", "dock-1")
    step = {"name": "reach", "ok": False, "code": "LSM1021", "message": ODD, "milliseconds": BIG}
    world.call(agent, report_steps, test.id, [step], EndpointTestStatus.FAILED)
    # Of a run that ended: no operation leaves it, and its table is not to stay empty.
    with world.write() as tx:
        tx.session.execute(insert(RunLease), [{"run_id": preview, "agent_id": 1, "fence": 1, "lease_until": BIG}])
    return world


def _run(world: World, agent: AgentIdentity, **options: object) -> int:
    run_id = world.start(**options)  # type: ignore[arg-type]
    claim = world.claim(agent)
    assert claim is not None
    world.call(agent, claims.report_started, claim)
    world.clock.advance(1_000)
    world.call(agent, claims.report_progress, claim, {"items_scanned": BIG, "items_transferred": BIG, "phase": ODD})
    every_byte = bytes(range(1, 256)) * 2
    items = [(every_byte, "F", "Failed", "EIO", ODD, BIG), (b"\xff\xfe/\xc3", "D", "Excluded", "", "", 0)]
    world.call(agent, claims.report_items, claim, items)
    chunk = report_lines.pack([report_lines.line(every_byte, ItemKind.FILE, "Transferred", 5, 1)])
    world.call(agent, claims.report_chunk, claim, 1, b"\0\\x" + chunk)
    world.call(
        agent, claims.finish_run, claim, JobRunStatus.SUCCEEDED, code="AZSM0000", message=ODD, target="\u2028 target"
    )
    world.clock.advance(1_000)
    return run_id


def totals(done: list[Copied]) -> dict[str, tuple[int, str]]:
    assert all(each.source == each.target for each in done)
    return {each.table: each.target for each in done}


def comparable(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """All rows of the tables that travel."""
    world = World(open_store(str(path)), VirtualClock(NOON))
    found = world.dump()
    world.store.close()
    return {table: rows for table, rows in found.items() if table not in ("change", "feed_state", "sqlite_sequence")}


@pytest.fixture
def server(store_url: str) -> StorePlace:
    """An empty store on a server."""
    return locate(store_url)


@pytest.fixture
def served(full: World, server: StorePlace) -> Iterator[World]:
    """The full store, moved to the server."""
    copy_store(full.store.place, server)
    store = open_store(server, clock=full.clock)
    yield World(store, full.clock)
    store.close()


def test_there_and_back_again_is_the_same(full: World, server: StorePlace, tmp_path: Path) -> None:
    """Every table has rows, every digest is equal on all three, and so is every value."""
    there = totals(copy_store(full.store.place, server))
    assert [table for table, (rows, _) in there.items() if not rows] == []
    back = totals(copy_store(server, SqlitePlace(tmp_path / "back.db")))
    assert back == there
    assert comparable(tmp_path / "back.db") == comparable(full.path)
    again = totals(copy_store(SqlitePlace(tmp_path / "back.db"), SqlitePlace(tmp_path / "again.db")))
    assert again == there


def test_what_arrived_is_a_sound_store(served: World, full: World, tmp_path: Path) -> None:
    """With everything that a store has beside its rows; but for the lease that no operation would have left."""
    with served.reader() as reader:
        assert {each.name for each in check(reader) if not each.holds} == {"leases-of-ended-runs"}
    copy_store(full.store.place, SqlitePlace(tmp_path / "there.db"))
    assert (tmp_path / "there.db").stat().st_mode & 0o777 == 0o600
    with Reader(SqlitePlace(tmp_path / "there.db")) as reader:
        assert {each.name for each in check(reader) if not each.holds} == {"leases-of-ended-runs"}


def test_life_goes_on_where_it_arrived(served: World, full: World) -> None:
    """New rows get new numbers, and the feed tells of them."""
    with served.reader() as reader:
        before = head(reader)
        served.project("after")
        served.define("third")
        told = {(change.kind, change.op) for change in since(reader, before).rows}
    assert ("project", "I") in told
    assert served.run(1).number == 1
    run_id = served.start("hr/arch", "dock-1")
    assert run_id == 3


def test_readers_of_another_store_start_anew(full: World, served: World) -> None:
    """A cursor of the store that was left says nothing about the new one."""
    with full.reader() as reader:
        cursor = head(reader)
    with served.reader() as reader:
        assert since(reader, cursor).resync


def test_logins_do_not_travel(served: World, tmp_path: Path) -> None:
    """They are of one server; the trust itself, as a hash, is carried."""
    served.sql("UPDATE agent SET db_role = 'longshore_agent_1'")
    served.sql("UPDATE registration_token SET db_role = 'longshore_token_1' WHERE used_at IS NULL")
    done = copy_store(served.store.place, SqlitePlace(tmp_path / "back.db"))
    assert all(each.source == each.target for each in done)
    assert sql(tmp_path / "back.db", "SELECT db_role, length(credential_hash) > 0 FROM agent") == [("", 1)]
    assert {row[0] for row in sql(tmp_path / "back.db", "SELECT db_role FROM registration_token")} == {""}
    assert served.sql("SELECT db_role FROM agent") == [("longshore_agent_1",)]


def test_json_arrives_as_it_was_written(served: World, full: World) -> None:
    statement = "SELECT settings FROM job_definition WHERE name = 'home'"
    (before,) = full.sql(statement)[0]
    (after,) = served.sql(statement)[0]
    assert (after if isinstance(after, dict) else json.loads(after)) == json.loads(before)
    assert served.definition().description == ODD


# Refusals, after which nothing has changed.


def test_a_store_with_a_mover_is_not_written_over(full: World, served: World, tmp_path: Path) -> None:
    before = served.dump()
    assert refusal(Conflict, lambda: copy_store(full.store.place, served.store.place)).code == "StoreNotEmpty"
    assert served.dump() == before
    other = World(open_store(str(tmp_path / "other.db")), VirtualClock(NOON))
    other.mover("mine")
    assert refusal(Conflict, lambda: copy_store(full.store.place, other.store.place)).code == "StoreNotEmpty"
    other.mover("still-mine")
    other.store.close()


def test_a_file_that_is_there_and_holds_no_mover_is_filled(full: World, tmp_path: Path) -> None:
    """And one that is empty."""
    (tmp_path / "empty.db").touch()
    open_store(str(tmp_path / "fresh.db")).close()
    for name in ("empty.db", "fresh.db"):
        copy_store(full.store.place, SqlitePlace(tmp_path / name))
        assert comparable(tmp_path / name) == comparable(full.path)


def test_a_store_whose_runs_go_on_stays_where_it_is(full: World, server: StorePlace, tmp_path: Path) -> None:
    run_id = full.start()
    for destination in (server, SqlitePlace(tmp_path / "to.db")):
        error = refusal(Conflict, lambda to=destination: copy_store(full.store.place, to))  # type: ignore[misc]
        assert error.code == "RunsActive"
    assert not (tmp_path / "to.db").exists()
    full.cancel(run_id)
    copy_store(full.store.place, server)


def test_a_store_is_not_copied_into_itself(full: World, tmp_path: Path) -> None:
    (tmp_path / "link.db").symlink_to(full.path)
    for url in (str(full.path), str(tmp_path / "link.db")):
        error = refusal(InvalidInput, lambda url=url: copy_store(full.store.place, locate(url)))  # type: ignore[misc]
        assert error.code == "SamePlace"


def test_a_store_that_is_not_there(tmp_path: Path, server: StorePlace) -> None:
    error = refusal(StoreUnavailable, lambda: copy_store(SqlitePlace(tmp_path / "no.db"), server))
    assert error.code == "StoreMissing"
    assert not (tmp_path / "no.db").exists()


def test_text_that_a_server_cannot_keep_is_named(full: World, server: StorePlace) -> None:
    """PostgreSQL has no NUL in text: the row is named, and nothing of the others has arrived."""
    with full.write() as tx:
        tx.event("project", 1, "nas/hr", "told", mover_id=1, detail="a\0b")
    error = refusal(InvalidInput, lambda: copy_store(full.store.place, server))
    assert error.code == "NotStorable"
    assert "detail" in error.sentence
    assert "'event'" in error.sentence
    with Reader(server) as reader:
        assert reader.value("SELECT count(*) FROM event") == 0
        assert reader.value("SELECT count(*) FROM retention") == 1
        assert {each.name for each in check(reader) if not each.holds} == set()


def test_a_row_that_gets_lost_is_noticed(
    full: World, server: StorePlace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The comparison is of what is there, and a copy that differs is not kept."""
    load = PostgresTarget.load

    def loses(self: PostgresTarget, table: object, rows: object) -> None:
        kept = list(rows)  # type: ignore[call-overload]
        load(self, table, kept[:-1] if table.name == "run_item" else kept)  # type: ignore[arg-type, attr-defined]

    monkeypatch.setattr(PostgresTarget, "load", loses)
    error = refusal(StoreUnavailable, lambda: copy_store(full.store.place, server))
    assert error.code == "CopyDiffers"
    assert "run_item" in error.sentence
    with Reader(server) as reader:
        assert reader.value("SELECT count(*) FROM storage_mover") == 0


def test_a_failure_leaves_no_file(full: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from store.sqlite.bulk import SqliteTarget

    def fails(self: SqliteTarget, epoch: str) -> None:
        raise StoreUnavailable("The disk is full: free space.", code="StoreFull")

    monkeypatch.setattr(SqliteTarget, "commit", fails)
    before = sorted(p.name for p in tmp_path.iterdir())
    refusal(StoreUnavailable, lambda: copy_store(full.store.place, SqlitePlace(tmp_path / "to.db")))
    assert sorted(p.name for p in tmp_path.iterdir()) == before


def test_who_sees_only_a_part_of_a_server_copies_nothing(
    served: World, cluster: Cluster, store_database: str, tmp_path: Path
) -> None:
    """What row-level security hides would be missing without a word."""
    cluster.login("copier_a", "longshore_agent")
    place = locate(cluster.url(store_database, "copier_a"))
    error = refusal(StoreUnavailable, lambda: copy_store(place, SqlitePlace(tmp_path / "to.db")))
    assert error.code == "StoreForbidden"
    assert not (tmp_path / "to.db").exists()
