"""What the server itself refuses an agent and the holder of a token, whatever program they log in with.

Every attempt here is plain SQL through psycopg: none of our code stands between it and the tables.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import psycopg
import pytest
from psycopg import errors
from sqlmodel import SQLModel

from store.execution import claims
from store.execution.claims import Claim
from store.postgres.logins import token_login
from store.postgres.place import PostgresPlace
from store.resources.endpoint_tests import request_test
from store.vocabulary import RunKind
from tests.postgres import Cluster
from tests.store.server import AgentLogin, log_in, register, renewing, server_world
from tests.store.world import World

REFUSED = errors.InsufficientPrivilege
"""Both a missing right and a row that a policy does not let pass."""


@dataclass
class Scene:
    """Two movers; ``mallory`` and ``dock-2`` work for ``nas``, ``pier-1`` for ``san``. Each has a run that it holds."""

    world: World
    mallory: AgentLogin
    other: AgentLogin
    foreign: AgentLogin
    claims: dict[str, Claim]
    sql: psycopg.Connection[Any]
    """Mallory's connection."""

    def run(self, name: str = "mallory") -> int:
        return self.claims[name].run_id

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        return self.sql.execute(statement.encode()).fetchall()

    def refused(self, statement: str, kind: type[psycopg.Error] = REFUSED) -> None:
        """It raises, and changes nothing."""
        with pytest.raises(kind):
            self.sql.execute(statement.encode())

    def in_vain(self, statement: str) -> None:
        """It finds no row to change."""
        assert self.sql.execute(statement.encode()).rowcount == 0


@contextmanager
def connected(place: PostgresPlace) -> Iterator[psycopg.Connection[Any]]:
    """Plain psycopg, each statement a transaction."""
    with psycopg.connect(place.url, password=place.password, autocommit=True) as connection:
        connection.execute("SET search_path TO longshore")
        yield connection


@contextmanager
def told(url: str) -> Iterator[Scene]:
    with server_world(url) as world:
        agents, held = {}, {}
        for name, mover, definition in (
            ("mallory", "nas", "hr/home"),
            ("dock-2", "nas", "hr/archive"),
            ("pier-1", "san", "lab/data"),
        ):
            project, _, short = definition.partition("/")
            world.define(short, mover=mover, project=project)
            agents[name] = register(world, name, mover)
            world.start(definition, name, mover=mover)
            with log_in(agents[name]) as (store, identity):
                with store.write(f"agent/{name}", serial=False) as tx:
                    claim = claims.claim_run(tx, identity, [])
                assert claim is not None
                held[name] = claim
                with store.write(f"agent/{name}", serial=False) as tx:
                    claims.beat(tx, identity, [claim], uptime_in_seconds=1)
                    claims.report_progress(tx, identity, claim, {"items_scanned": 1})
                    claims.report_items(tx, identity, claim, [(b"x", "f", "Failed", "EIO", "no", 1)])
                    claims.report_chunk(tx, identity, claim, 1, b"lines")
            with world.mover_write(mover) as (tx, parent):
                request_test(tx, parent, f"{short}-to", name)
        world.sql("INSERT INTO progress_sample (run_id, at, items, bytes) SELECT id, 1, 1, 1 FROM job_run")
        world.token("nas")
        with connected(agents["mallory"].place) as connection:
            yield Scene(world, agents["mallory"], agents["dock-2"], agents["pier-1"], held, connection)


@pytest.fixture
def scene(store_url: str) -> Iterator[Scene]:
    with told(store_url) as found:
        yield found


@pytest.fixture(scope="module")
def one_scene(cluster: Cluster) -> Iterator[Scene]:
    name = cluster.store_database()
    try:
        with told(cluster.url(name)) as found:
            yield found
    finally:
        cluster.drop(name)


@pytest.fixture
def unchanged(one_scene: Scene) -> Iterator[Scene]:
    """For attempts each of which is one refused statement: they share the scene, and each logs in for itself."""
    with connected(one_scene.mallory.place) as connection:
        yield replace(one_scene, sql=connection)


def test_no_row_of_another_mover_or_agent_is_shown(scene: Scene) -> None:
    """In every table of the schema: what is shown is the agent's own, or nothing can be read at all."""
    me, nas = scene.mallory.agent_id, 1
    own = {
        "storage_mover": ("id", {nas}),
        "agent": ("id", {me}),
        "agent_beat": ("agent_id", {me}),
        "endpoint": ("name", {"home-from", "home-to"}),
        "project": ("name", {"hr"}),
        "job_definition": ("name", {"home"}),
        "job_run": ("id", {scene.run()}),
        "run_lease": ("run_id", {scene.run()}),
        "run_progress": ("run_id", {scene.run()}),
        "progress_sample": ("run_id", {scene.run()}),
        "run_item": ("run_id", {scene.run()}),
        "run_report": ("run_id", {scene.run()}),
        "access_grant": ("run_id", {scene.run()}),
        "endpoint_test": ("agent_id", {me}),
        "event": ("actor", {"agent/mallory"}),
    }
    tables = {name for (name,) in scene.world.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'longshore'")}
    assert tables >= set(SQLModel.metadata.tables)
    for table in sorted(tables - {"alembic_version", "feed_state"}):
        if table in own:
            column, expected = own[table]
            assert {value for (value,) in scene.rows(f"SELECT {column} FROM {table}")} == expected, table
            assert scene.world.sql(f"SELECT count(*) FROM {table}")[0][0] > len(expected) or table == "project", table
        else:
            scene.refused(f"SELECT * FROM {table}")


def test_every_table_is_under_row_level_security(scene: Scene) -> None:
    """Those that a later version adds, too; the one that is forgotten is closed."""
    open_ones = scene.world.sql(
        "SELECT relname FROM pg_class WHERE relnamespace = 'longshore'::regnamespace AND relkind IN ('r', 'p') "
        "AND NOT relrowsecurity"
    )
    assert open_ones == []


def test_what_runs_with_an_owners_rights_is_not_anybodys_to_call(scene: Scene) -> None:
    """Of all functions in the store's schemas an agent may call one, a token's holder another; and no path misleads
    any of them."""
    found = scene.world.sql(
        "SELECT p.proname, has_function_privilege('longshore_agent', p.oid, 'EXECUTE'), "
        "has_function_privilege('longshore_registrar', p.oid, 'EXECUTE'), p.prosecdef, "
        "'search_path=pg_catalog, pg_temp' = ANY (p.proconfig) FROM pg_proc p JOIN pg_namespace n "
        "ON n.oid = p.pronamespace WHERE n.nspname IN ('longshore', 'longshore_trust') ORDER BY 1"
    )
    assert {row[0] for row in found if row[1]} == {"definitions_at_work"}
    assert {row[0] for row in found if row[2]} == {"admit"}
    assert [row[0] for row in found if not (row[3] and row[4])] == []


def test_another_agents_run_cannot_be_taken(scene: Scene) -> None:
    """Nor given away, nor can a run be made."""
    for name in ("dock-2", "pier-1"):
        run = scene.run(name)
        scene.in_vain(f"UPDATE job_run SET fence = fence + 1, status = 'Started' WHERE id = {run}")
        scene.refused(f"UPDATE job_run SET agent_id = {scene.mallory.agent_id} WHERE id = {run}")
        scene.in_vain(f"UPDATE run_lease SET agent_id = {scene.mallory.agent_id} WHERE run_id = {run}")
        scene.in_vain(f"DELETE FROM run_lease WHERE run_id = {run}")
        scene.refused(
            "INSERT INTO run_lease (run_id, agent_id, fence, lease_until) "
            f"VALUES ({run}, {scene.mallory.agent_id}, 2, 9)"
        )
        scene.in_vain(f"UPDATE run_progress SET items_failed = 0 WHERE run_id = {run}")
        scene.refused(f"INSERT INTO progress_sample (run_id, at, items, bytes) VALUES ({run}, 1, 1, 1)")
        scene.refused(
            "INSERT INTO run_item (run_id, fence, path, kind, outcome, code, message, size, at) "
            f"VALUES ({run}, 1, 'x', 'f', 'Failed', 'E', 'm', 1, 1)"
        )
        scene.refused(f"INSERT INTO run_report (run_id, fence, items, data, at) VALUES ({run}, 1, 1, 'x', 1)")
    scene.refused(f"UPDATE job_run SET agent_id = {scene.other.agent_id} WHERE id = {scene.run()}")
    scene.refused(f"UPDATE run_lease SET agent_id = {scene.other.agent_id} WHERE run_id = {scene.run()}")
    scene.refused(f"INSERT INTO job_run SELECT * FROM job_run WHERE id = {scene.run()}")
    scene.refused(f"DELETE FROM job_run WHERE id = {scene.run()}")


@pytest.mark.parametrize(
    "change",
    [
        "kind = 'Copy'",
        "copy_mode = 'Mirror'",
        "overrides = '[\"max-deletes\"]'",
        "target_key = 'x'",
        "definition_properties = '{}'",
        "source_properties = '{}'",
        "target_properties = '{}'",
        "plan_run_id = NULL",
        "plan_number = 1",
        "cancel_deadline = 9999999999999",
        "mover_id = 2",
        "definition_id = 2",
        "number = 9",
        "created_by = 'ann'",
        "report = false",
        "expired_at = 1",
    ],
)
def test_its_own_run_stays_what_an_admin_started(unchanged: Scene, change: str) -> None:
    unchanged.refused(f"UPDATE job_run SET {change} WHERE id = {unchanged.run()}")


def test_a_run_that_has_ended_stays_so(scene: Scene) -> None:
    """And takes no items, no lease, and no grant any more."""
    finish(scene)
    run = scene.run()
    scene.in_vain(f"UPDATE job_run SET status = 'Running' WHERE id = {run}")
    scene.in_vain(f"UPDATE job_run SET items_failed = 0 WHERE id = {run}")
    scene.in_vain(f"UPDATE access_grant SET ended_at = NULL WHERE run_id = {run}")
    scene.refused(
        "INSERT INTO run_item (run_id, fence, path, kind, outcome, code, message, size, at) "
        f"VALUES ({run}, 1, 'x', 'f', 'Failed', 'E', 'm', 1, 1)"
    )
    scene.refused(
        f"INSERT INTO run_lease (run_id, agent_id, fence, lease_until) VALUES ({run}, {scene.mallory.agent_id}, 1, 9)"
    )
    assert scene.rows("SELECT name FROM endpoint") == []
    assert scene.rows("SELECT name FROM job_definition") == []


def test_a_grant_can_only_be_ended(scene: Scene) -> None:
    """Not raised, not made, not re-opened, not deleted, not turned to another endpoint."""
    scene.refused(f"UPDATE access_grant SET permission = 'Write' WHERE run_id = {scene.run()}")
    scene.refused(f"UPDATE access_grant SET endpoint_id = 1 WHERE run_id = {scene.run()}")
    scene.refused(
        "INSERT INTO access_grant (run_id, agent_id, endpoint_id, endpoint_name, permission, granted_at, granted_by) "
        f"VALUES ({scene.run()}, {scene.mallory.agent_id}, 4, 'archive-to', 'Write', 1, 'ann')"
    )
    scene.refused(f"DELETE FROM access_grant WHERE run_id = {scene.run()}")
    scene.in_vain(f"UPDATE access_grant SET ended_at = 1 WHERE run_id = {scene.run('dock-2')}")
    assert scene.sql.execute(f"UPDATE access_grant SET ended_at = 1 WHERE run_id = {scene.run()}").rowcount == 2
    scene.in_vain(f"UPDATE access_grant SET ended_at = NULL WHERE run_id = {scene.run()}")
    assert scene.rows("SELECT name FROM endpoint") == []


def test_a_test_of_an_endpoint_is_the_agents_to_answer_and_no_more(scene: Scene) -> None:
    """It lets nothing be touched but what an admin asked for, and once it has ended it stays so."""
    mine = f"agent_id = {scene.mallory.agent_id}"
    for change in ("permission = 'Write'", "until = 20000000000000", "properties = '{}'", "agent_id = 2"):
        scene.refused(f"UPDATE endpoint_test SET {change}")
    scene.refused(f"INSERT INTO endpoint_test (agent_id) VALUES ({scene.mallory.agent_id})")
    scene.refused("DELETE FROM endpoint_test")
    for change in ("status = 'Queued'", "status = 'Expired'", "steps = '{}'", f"steps = '[\"{'x' * 20_000}\"]'"):
        scene.refused(f"UPDATE endpoint_test SET {change}")
    scene.in_vain(f"UPDATE endpoint_test SET status = 'Failed' WHERE agent_id = {scene.other.agent_id}")
    scene.sql.execute(f"UPDATE endpoint_test SET status = 'Succeeded', ended_at = 7 WHERE {mine}".encode())
    scene.in_vain("UPDATE endpoint_test SET status = 'Running', ended_at = NULL")


def test_definitions_and_endpoints_are_not_an_agents_to_change(scene: Scene) -> None:
    for change in ("copy_mode = 'Additive'", "target_id = 1", "settings = '{}'", "agent_name = 'x'", "name = 'x'"):
        scene.refused(f"UPDATE job_definition SET {change}")
    scene.in_vain("UPDATE job_definition SET source_identity = 'x' WHERE name <> 'home'")
    scene.refused("INSERT INTO job_definition SELECT * FROM job_definition")
    for table in ("storage_mover", "project", "endpoint"):
        scene.refused(f"UPDATE {table} SET description = 'x'")
        scene.refused(f"DELETE FROM {table}")


def test_another_agents_row_and_heartbeat_are_out_of_reach(scene: Scene) -> None:
    """And of its own row, what an admin decides, or trust rests on."""
    other = scene.other.agent_id
    scene.in_vain(f"UPDATE agent SET status = 'RequiresAttention' WHERE id = {other}")
    scene.in_vain(f"UPDATE agent_beat SET at = 9 WHERE agent_id = {other}")
    scene.in_vain(f"DELETE FROM agent_beat WHERE agent_id = {other}")
    scene.refused(f"INSERT INTO agent_beat (agent_id, at, uptime_in_seconds) VALUES ({scene.foreign.agent_id}, 1, 1)")
    scene.refused(f"UPDATE agent_beat SET agent_id = {other}")
    for change in (
        "credential_hash = 'x'",
        "mover_id = 2",
        "name = 'ann'",
        f"db_role = '{scene.other.role}'",
        "id = 9",
    ):
        scene.refused(f"UPDATE agent SET {change} WHERE id = {scene.mallory.agent_id}")
    scene.refused("DELETE FROM agent")
    scene.refused("INSERT INTO agent SELECT * FROM agent")


def test_a_stale_attempt_records_nothing(scene: Scene) -> None:
    """The fence is looked at by the server, too: what a claim before this one found is not taken."""
    scene.world.sql(f"UPDATE job_run SET fence = fence + 1 WHERE id = {scene.run()}")
    scene.refused(
        "INSERT INTO run_item (run_id, fence, path, kind, outcome, code, message, size, at) "
        f"VALUES ({scene.run()}, 1, 'x', 'f', 'Failed', 'E', 'm', 1, 1)"
    )
    scene.refused(
        f"INSERT INTO run_report (run_id, fence, items, data, at) VALUES ({scene.run()}, 1, 1, 'x', 1)",
    )


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE agent SET status = 'King'",
        "UPDATE agent SET heartbeat_ms = 2147483647",
        "UPDATE agent_beat SET at = 9000000000000000000",
        "UPDATE job_run SET fence = 2147483647",
        "UPDATE job_run SET fence = -1",
        "UPDATE job_run SET status = 'Bogus'",
        "UPDATE job_run SET bytes_scanned = 9000000000000000000",
        "UPDATE job_run SET items_failed = -9",
        "UPDATE job_run SET execution_end_time = 9000000000000000000",
        "UPDATE run_lease SET lease_until = 9000000000000000000",
        "UPDATE run_progress SET total_bytes = 9000000000000000000",
        "UPDATE run_progress SET current = '{}'",
        "UPDATE access_grant SET ended_at = 9000000000000000000",
        "INSERT INTO event (id, at, actor, mover_id, kind, resource_id, resource, action, detail) "
        "VALUES (1000000, 1, 'agent/mallory', 1, 'job_run', 1, 'a', 'b', '')",
    ],
)
def test_what_an_agent_says_breaks_nothing_that_others_read(unchanged: Scene, statement: str) -> None:
    """No sum overflows, no date is beyond all calendars, no fence is too high to be raised, no id is taken."""
    unchanged.refused(statement)


def test_an_event_cannot_be_forged(scene: Scene) -> None:
    """Only in its own name, of its own mover; what was written stays."""
    insert = (
        "INSERT INTO event (at, actor, mover_id, kind, resource_id, resource, action, detail) "
        "VALUES (1, {}, 'a', 'b', '')"
    )
    for values in (
        "'ann', 1, 'job_run', 1",
        "'store', 1, 'job_run', 1",
        "'agent/dock-2', 1, 'job_run', 1",
        "'agent/mallory', 2, 'job_run', 1",
        "'agent/mallory', NULL, 'job_run', 1",
        "'agent/mallory', 1, 'storage_mover', 1",
    ):
        scene.refused(insert.format(values))
    scene.sql.execute(insert.format("'agent/mallory', 1, 'job_run', 1").encode())
    scene.refused("UPDATE event SET actor = 'ann'")
    scene.refused("DELETE FROM event")


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO change (kind, row_id, op) VALUES ('agent', 1, 'D')",
        "UPDATE feed_state SET epoch = 'x'",
        "UPDATE alembic_version SET version_num = '9999'",
        "SELECT nextval('change_rev_seq')",
        "SELECT setval('event_id_seq', 1)",
        "SELECT token_hash FROM registration_token",
        "SELECT * FROM longshore_trust.login",
        "CREATE TABLE longshore.mine (a int)",
        "CREATE TABLE public.mine (a int)",
        "CREATE SCHEMA mine",
        "CREATE ROLE mine",
        "CREATE FUNCTION longshore.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE TRIGGER mine AFTER UPDATE ON agent FOR EACH ROW EXECUTE FUNCTION longshore.feed()",
        "CREATE POLICY mine ON job_run USING (true)",
        "ALTER TABLE job_run DISABLE ROW LEVEL SECURITY",
        "TRUNCATE event",
        "BEGIN; LOCK TABLE job_run IN ACCESS EXCLUSIVE MODE",
        "COPY job_run TO PROGRAM 'true'",
        "SELECT rolpassword FROM pg_authid",
        "SET ROLE longshore_admin",
        "SET ROLE longshore_trust",
        "SET ROLE longshore_registrar",
        "SET SESSION AUTHORIZATION ann",
        "GRANT longshore_admin TO CURRENT_USER",
        "SELECT longshore_trust.issue('01234567', 'x', 1000, NULL)",
        "SELECT longshore_trust.admit('x')",
        "SELECT longshore_trust.admit_by('x', 'x')",
        "SELECT longshore_trust.revoke('longshore_agent_00000000')",
        "SELECT longshore_trust.make('longshore_agent_00000000', 'agent', 'x', NULL)",
        "SELECT longshore_trust.end_login('x')",
        "SELECT longshore_trust.sweep()",
    ],
)
def test_an_agent_is_no_administrator(unchanged: Scene, statement: str) -> None:
    unchanged.refused(statement)


def test_the_feeds_function_does_not_serve_a_table_of_ones_own(scene: Scene) -> None:
    """A trigger on a temporary table would write the feed with its owner's rights."""
    scene.sql.execute("CREATE TEMP TABLE agent_ (id bigint)")
    scene.refused("CREATE TRIGGER t AFTER INSERT ON agent_ FOR EACH ROW EXECUTE FUNCTION longshore.feed()")


def test_names_in_a_temporary_schema_do_not_mislead_a_function(scene: Scene) -> None:
    """A table, an operator or a function of the caller's own is not what ours looks at."""
    scene.sql.execute("CREATE TEMP TABLE agent AS SELECT 2::bigint AS id, session_user::text AS db_role")
    scene.sql.execute("CREATE TEMP TABLE job_run AS SELECT 2::bigint AS definition_id, 2 AS agent_id, 'x' AS status")
    scene.sql.execute("SET search_path TO pg_temp, longshore")
    assert scene.rows("SELECT name FROM longshore.job_definition") == [("home",)]
    assert scene.rows("SELECT id FROM longshore.agent") == [(scene.mallory.agent_id,)]


def test_being_another_role_for_a_moment_changes_nothing(scene: Scene) -> None:
    """Rows are found by who logged in, not by whom one says to be."""
    scene.sql.execute("SET ROLE longshore_agent")
    assert scene.rows("SELECT id FROM agent") == [(scene.mallory.agent_id,)]


def test_a_condition_with_side_effects_sees_only_its_own_rows(scene: Scene) -> None:
    """A function in WHERE that tells what it is shown is not called on rows that the policy hides."""
    seen: list[str] = []
    scene.sql.add_notice_handler(lambda notice: seen.append(notice.message_primary or ""))
    scene.sql.execute(
        "CREATE FUNCTION pg_temp.tell(t text) RETURNS bool LANGUAGE plpgsql COST 0.0000001 AS "
        "$$ BEGIN RAISE NOTICE '%', t; RETURN true; END $$"
    )
    scene.rows("SELECT 1 FROM agent WHERE pg_temp.tell(name)")
    scene.rows("SELECT 1 FROM job_definition WHERE pg_temp.tell(name)")
    assert set(seen) == {"mallory", "home"}


def test_a_preview_is_shown_to_whom_it_is_the_plan_of_and_to_nobody_else(scene: Scene) -> None:
    finish(scene, "dock-2")
    preview = scene.world.start("hr/archive", "dock-2", kind=RunKind.PREVIEW)
    scene.claims["dock-2"] = claimed(scene.other)
    finish(scene, "dock-2", chunk=b"plan")
    assert scene.rows(f"SELECT * FROM job_run WHERE id = {preview}") == []
    run = scene.world.start("hr/archive", "mallory", plan=preview)
    shown = [(id_,) for id_ in sorted({preview, scene.run("dock-2"), scene.run(), run} | first_runs(scene, "dock-2"))]
    assert sorted(scene.rows("SELECT id FROM job_run")) == shown
    assert scene.rows(f"SELECT data FROM run_report WHERE run_id = {preview}") == [(b"plan",)]
    scene.in_vain(f"UPDATE job_run SET items_deleted = 7 WHERE id = {preview}")
    scene.refused(f"INSERT INTO run_report (run_id, fence, items, data, at) VALUES ({preview}, 1, 1, 'more', 1)")


def test_what_a_tokens_holder_may_is_to_register_one_agent(scene: Scene) -> None:
    """It sees its own token and its mover's name; it cannot register twice, elsewhere, or as somebody else."""
    scene.world.token("san")
    login = token_login(scene.world.token("nas"))
    assert login is not None
    ours = f"longshore_agent_{login.role[-8:]}"
    # All the other columns as mallory's row has them.
    given = ("id", "mover_id", "name", "db_role")
    others = [str(c.name) for c in SQLModel.metadata.tables["agent"].columns if c.name not in given]
    names = f"(mover_id, name, db_role, {', '.join(others)})"
    values = ", ".join(repr(v) for v in scene.world.sql(f"SELECT {', '.join(others)} FROM agent WHERE id = 1")[0])
    insert = f"INSERT INTO agent {names} VALUES ({{}}, {values.replace('None', 'NULL')})"
    place = scene.world.store.place
    assert isinstance(place, PostgresPlace)
    with connected(place.for_user(*login)) as sql:
        attempt = Scene(scene.world, scene.mallory, scene.other, scene.foreign, scene.claims, sql)
        assert attempt.rows("SELECT db_role FROM registration_token") == [(login.role,)]
        assert attempt.rows("SELECT name FROM storage_mover") == [("nas",)]
        assert attempt.rows("SELECT * FROM agent") == []
        for table in ("job_run", "endpoint", "job_definition", "access_grant", "change", "agent_beat"):
            attempt.refused(f"SELECT * FROM {table}")
        attempt.refused(insert.format(f"2, 'eve', '{ours}'"))
        attempt.refused(insert.format(f"1, 'eve', '{scene.mallory.role}'"))
        attempt.refused(insert.format("1, 'eve', ''"))
        attempt.refused("UPDATE registration_token SET expires_at = 9999999999999")
        attempt.refused("UPDATE registration_token SET used_at = NULL")
        attempt.refused("UPDATE registration_token SET mover_id = 2")
        attempt.refused("SELECT longshore_trust.admit_by('x', 'x')")
        attempt.refused("SELECT longshore_trust.admit('hello')", errors.InvalidParameterValue)
        attempt.refused("SELECT longshore_trust.admit('md5' || md5('x'))", errors.InvalidParameterValue)
        attempt.in_vain("UPDATE agent SET db_role = 'x'")
        sql.execute(insert.format(f"1, 'eve', '{ours}'").encode())
        attempt.refused(insert.format(f"1, 'eve2', '{ours}'"), errors.UniqueViolation)
        attempt.refused(
            "INSERT INTO event (at, actor, mover_id, kind, resource_id, resource, action, detail) "
            "VALUES (1, 'ann', 1, 'agent', 1, 'a', 'b', '')"
        )


def test_a_renewing_token_reaches_one_agent(scene: Scene) -> None:
    login = token_login(renewing(scene.world, "dock-2"))
    assert login is not None
    ours = f"longshore_agent_{login.role[-8:]}"
    place = scene.world.store.place
    assert isinstance(place, PostgresPlace)
    with connected(place.for_user(*login)) as sql:
        attempt = Scene(scene.world, scene.mallory, scene.other, scene.foreign, scene.claims, sql)
        assert attempt.rows("SELECT name FROM agent") == [("dock-2",)]
        attempt.refused(f"UPDATE agent SET db_role = '{scene.mallory.role}x'")
        attempt.refused(f"UPDATE agent SET mover_id = 2, db_role = '{ours}'")
        attempt.refused(f"UPDATE agent SET name = 'x', db_role = '{ours}'")
        attempt.in_vain(f"UPDATE agent SET db_role = '{ours}' WHERE name = 'mallory'")


def test_admins_cannot_become_more_through_the_functions(scene: Scene) -> None:
    """The functions run as a role that makes roles: hostile names and verifiers make none."""
    admin = scene.world.store.place
    assert isinstance(admin, PostgresPlace)
    verifier = "SCRAM-SHA-256$4096:aaaa$bbbb:cccc"
    with connected(admin) as sql:
        attempt = Scene(scene.world, scene.mallory, scene.other, scene.foreign, scene.claims, sql)
        for suffix in ("", "0123456", "0123456g", "01234567 SUPERUSER", "'; CREATE ROLE x; --"):
            attempt.refused(
                f"SELECT longshore_trust.issue($${suffix}$$, '{verifier}', 1000, NULL)", errors.InvalidParameterValue
            )
        for bad in ("", "x", f"{verifier}'' SUPERUSER", f"x{verifier}", "md5" + "0" * 32):
            attempt.refused(f"SELECT longshore_trust.issue('01234567', '{bad}', 1, NULL)", errors.InvalidParameterValue)
        for role in ("postgres", "ann", "longshore_admin", "longshore_trust"):
            attempt.refused(f"SELECT longshore_trust.admit_by('{role}', '{verifier}')")
            sql.execute(f"SELECT longshore_trust.revoke('{role}')".encode())
        attempt.refused("SELECT longshore_trust.make('x', 'agent', 'x', NULL)")
        attempt.refused("SELECT longshore_trust.end_login('postgres')")
        attempt.refused("UPDATE longshore_trust.login SET role = 'postgres'")
        attempt.refused("CREATE TRIGGER t BEFORE UPDATE ON longshore_trust.login EXECUTE FUNCTION longshore.feed()")
        attempt.refused("SET ROLE longshore_trust")
        attempt.refused("CREATE ROLE x")
        assert attempt.rows("SELECT rolcanlogin FROM pg_roles WHERE rolname IN ('postgres', 'ann')") == [(True,)] * 2


def test_an_agent_that_owns_something_is_still_put_out(scene: Scene, cluster: Cluster) -> None:
    """A role that owns an object cannot be dropped: it may not log in all the same, and tokens are made as before."""
    scene.sql.execute("SELECT lo_create(0)")
    scene.sql.close()
    scene.world.sql(f"SELECT longshore_trust.revoke('{scene.mallory.role}')")
    with pytest.raises(psycopg.OperationalError), connected(scene.mallory.place):
        pass
    scene.world.token("nas")
    assert cluster.psql(f"SELECT rolcanlogin FROM pg_roles WHERE rolname = '{scene.mallory.role}'") == [(False,)]


def claimed(agent: AgentLogin) -> Claim:
    with log_in(agent) as (store, identity), store.write(f"agent/{agent.name}", serial=False) as tx:
        claim = claims.claim_run(tx, identity, [])
    assert claim is not None
    return claim


def finish(scene: Scene, name: str = "mallory", *, chunk: bytes = b"") -> None:
    from store.vocabulary import JobRunStatus

    agent = {"mallory": scene.mallory, "dock-2": scene.other}[name]
    with log_in(agent) as (store, identity):
        if chunk:
            with store.write(f"agent/{name}", serial=False) as tx:
                claims.report_chunk(tx, identity, scene.claims[name], 1, chunk)
        with store.write(f"agent/{name}", serial=False) as tx:
            claims.finish_run(tx, identity, scene.claims[name], JobRunStatus.SUCCEEDED, code="", message="", target="")


def first_runs(scene: Scene, name: str) -> set[int]:
    """The runs of an agent that have ended well."""
    return {
        id_
        for (id_,) in scene.world.sql(f"SELECT id FROM job_run WHERE agent_name = '{name}' AND status = 'Succeeded'")
    }
