"""``store init``: the script that a database administrator runs, and who may run it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from store.db import open_store
from store.errors import Conflict, InvalidInput, StoreUnavailable
from store.place import locate
from store.postgres.logins import token_login
from store.postgres.place import PostgresPlace
from store.postgres.roles import init_script, prepare_database
from tests.postgres import Cluster, binaries
from tests.store.server import log_in, register, server_world
from tests.store.world import World, refusal

MEMBERS = (
    "SELECT r.rolname, m.rolname, a.admin_option FROM pg_auth_members a JOIN pg_roles r ON r.oid = a.roleid "
    "JOIN pg_roles m ON m.oid = a.member WHERE r.rolname LIKE '{0}\\_%' OR m.rolname LIKE '{0}\\_%' ORDER BY 1, 2, 3"
)
ROLES = (
    "SELECT rolname, rolcanlogin, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolbypassrls FROM pg_roles "
    "WHERE rolname LIKE '{0}\\_%' ORDER BY 1"
)

SCHEMAS = "SELECT nspname, pg_get_userbyid(nspowner), nspacl::text FROM pg_namespace ORDER BY 1"


@pytest.fixture
def database(cluster: Cluster) -> Iterator[str]:
    """An empty database."""
    name = cluster.database()
    yield name
    cluster.drop(name)


def place_of(cluster: Cluster, database: str, user: str = "postgres") -> PostgresPlace:
    place = locate(cluster.url(database, user))
    assert isinstance(place, PostgresPlace)
    return place


def prepared(cluster: Cluster, database: str, prefix: str) -> list[Any]:
    """All that the script has made, for comparing."""
    return [
        cluster.psql(ROLES.format(prefix)),
        cluster.psql(MEMBERS.format(prefix)),
        cluster.psql(
            "SELECT nspname, pg_get_userbyid(nspowner), nspacl::text FROM pg_namespace ORDER BY 1", db=database
        ),
        cluster.psql(
            "SELECT proname, pg_get_userbyid(proowner), prosecdef, proconfig, proacl::text FROM pg_proc "
            "WHERE pronamespace = 'longshore_trust'::regnamespace ORDER BY 1",
            db=database,
        ),
    ]


def test_a_superuser_prepares_a_database_and_again_changes_nothing(cluster: Cluster, database: str) -> None:
    place = place_of(cluster, database)
    assert prepare_database(place, "one") == database
    before = prepared(cluster, database, "one")
    prepare_database(place, "one")
    assert prepared(cluster, database, "one") == before
    assert [row[:2] for row in before[0]] == [
        ("one_admin", False),
        ("one_agent", False),
        ("one_registrar", False),
        ("one_trust", False),
    ]
    # Nobody is an administrator or makes logins by it alone.
    assert before[1] == [("one_agent", "one_trust", True), ("one_registrar", "one_trust", True)]
    for _, owner, definer, settings, rights in before[3]:
        assert (owner, definer, settings) == ("one_trust", True, ["search_path=pg_catalog, pg_temp"])
        assert "{=X" not in rights
        assert ",=X" not in rights


def test_what_is_missing_is_repaired(cluster: Cluster, database: str) -> None:
    place = place_of(cluster, database)
    prepare_database(place, "two")
    before = prepared(cluster, database, "two")
    cluster.psql(
        "REVOKE two_agent FROM two_trust; DROP FUNCTION longshore_trust.revoke(text); "
        "GRANT USAGE ON SCHEMA longshore TO PUBLIC; REVOKE USAGE ON SCHEMA longshore FROM two_agent; "
        "GRANT EXECUTE ON FUNCTION longshore_trust.sweep() TO PUBLIC",
        db=database,
    )
    prepare_database(place, "two")
    after = prepared(cluster, database, "two")
    assert after[:2] == before[:2]
    assert [sorted(str(row)) for row in after[2]] == [sorted(str(row)) for row in before[2]]
    assert after[3] == before[3]


def test_a_role_that_may_create_roles_prepares_it_too(cluster: Cluster, database: str) -> None:
    """It keeps nothing of what it lent itself for that, and a whole store works in what it made."""
    cluster.login("dba", attributes="CREATEROLE")
    cluster.psql(f"GRANT CREATE ON DATABASE {database} TO dba")
    place = place_of(cluster, database, "dba")
    prepare_database(place, "three")
    prepare_database(place, "three")
    assert [row for row in cluster.psql(MEMBERS.format("three")) if row[1] == "dba"] == []
    assert [
        row[1]
        for row in cluster.psql(
            "SELECT nspname, pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname LIKE 'longshore%' ORDER BY 1",
            db=database,
        )
    ] == [
        "three_admin",
        "three_trust",
    ]
    cluster.login("bob", "three_admin")
    with server_world(cluster.url(database, "bob")) as world:
        world.define()
        token = world.token()
        assert token.startswith("lsr_three.")
        agent = register(world, "dock-1", token=token)
        assert agent.role.startswith("three_agent_")
        with log_in(agent):
            pass


def test_an_administrator_stays_one_when_it_is_run_again(cluster: Cluster, database: str) -> None:
    """Who was a member of the admins' role before still is afterwards."""
    cluster.login("carol", attributes="CREATEROLE")
    cluster.psql(f"GRANT CREATE ON DATABASE {database} TO carol")
    place = place_of(cluster, database, "carol")
    prepare_database(place, "four")
    cluster.psql("GRANT four_admin TO carol")
    prepare_database(place, "four")
    assert ("four_admin", "carol", False) in cluster.psql(MEMBERS.format("four"))


def test_the_printed_script_is_what_apply_runs(cluster: Cluster, database: str) -> None:
    """psql takes it as it is."""
    directory = binaries()
    assert directory is not None
    psql = directory / "psql"
    if not psql.exists():
        pytest.skip("psql is not installed beside the server")
    done = subprocess.run(
        [psql, "-X", "-q", "-v", "ON_ERROR_STOP=1", cluster.url(database, "postgres")],
        input=init_script("five"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    before = prepared(cluster, database, "five")
    prepare_database(place_of(cluster, database), "five")
    assert prepared(cluster, database, "five") == before


def test_who_may_not_is_told_what_it_takes(cluster: Cluster, database: str) -> None:
    """And nothing is left of the attempt."""
    cluster.login("nobody_special")
    place = place_of(cluster, database, "nobody_special")
    error = refusal(StoreUnavailable, lambda: prepare_database(place, "six"))
    assert error.code == "StoreForbidden"
    assert "CREATEROLE" in error.sentence
    assert cluster.psql(ROLES.format("six")) == []


def test_roles_and_schemas_of_somebody_else_are_left_alone(cluster: Cluster, database: str) -> None:
    """A login of such a name is a person, and a schema of another prefix another store."""
    cluster.login("seven_agent")
    place = place_of(cluster, database)
    error = refusal(Conflict, lambda: prepare_database(place, "seven"))
    assert "seven_agent" in error.sentence
    assert [row[0] for row in cluster.psql(ROLES.format("seven"))] == ["seven_agent"]
    prepare_database(place, "eight")
    error = refusal(Conflict, lambda: prepare_database(place, "nine"))
    assert "eight_admin" in error.sentence
    assert cluster.psql(ROLES.format("nine")) == []


@pytest.mark.parametrize("prefix", ["", "A", "1a", "a-b", "a b", "a;b", "é", "a" * 41])
def test_a_prefix_is_a_plain_name(prefix: str) -> None:
    refusal(InvalidInput, lambda: init_script(prefix))


def test_two_stores_on_one_server_do_not_share_their_agents(cluster: Cluster, store_url: str) -> None:
    """With one prefix they share the roles: a token or an agent of one opens nothing in the other."""
    other = cluster.store_database()
    try:
        with server_world(store_url) as here, server_world(cluster.url(other)) as there:
            here.define()
            there.define()
            agent = register(here, "dock-1")
            there.sql(f"SELECT longshore_trust.revoke('{agent.role}')")
            with log_in(agent):
                pass
            for stranger in (agent.place, with_token(here)):
                elsewhere = stranger.url.rpartition("/")[0] + "/" + there.store.place.url.rpartition("/")[2]
                with psycopg.connect(elsewhere, password=stranger.password) as sql:
                    for table in ("agent", "storage_mover"):
                        assert sql.execute(f"SELECT * FROM longshore.{table}".encode()).fetchall() == []
                    with pytest.raises(psycopg.errors.InsufficientPrivilege):
                        sql.execute("SELECT longshore_trust.admit('SCRAM-SHA-256$4096:aaaa$bbbb:cccc')")
    finally:
        cluster.drop(other)


def with_token(world: World) -> PostgresPlace:
    """The place of a store for the holder of a new token."""
    login = token_login(world.token())
    assert login is not None
    assert isinstance(world.store.place, PostgresPlace)
    return world.store.place.for_user(*login)


def test_a_database_that_nobody_prepared_says_so(cluster: Cluster, database: str) -> None:
    error = refusal(StoreUnavailable, lambda: open_store(cluster.url(database, "postgres")))
    assert error.code == "StoreNotPrepared"
    assert "store init" in error.sentence
