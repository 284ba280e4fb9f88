"""What row-level security costs: an agent's statements are index look-ups, however many agents and runs there are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from store.execution import claims
from tests.postgres import Cluster
from tests.store.server import log_in, register, server_world

AGENTS, RUNS = 2_000, 20_000

FILL = """
SET search_path TO longshore;
SET session_replication_role TO replica;
INSERT INTO agent SELECT p.* FROM agent t, generate_series(1000, 1000 + {agents}) n, LATERAL
  jsonb_populate_record(t, jsonb_build_object('id', n, 'name', 'agent-' || n, 'db_role', 'role-' || n)) p
  WHERE t.id = {agent};
INSERT INTO job_definition SELECT p.* FROM job_definition t, generate_series(1000, 1000 + {agents}) n, LATERAL
  jsonb_populate_record(t, jsonb_build_object('id', n, 'name', 'd-' || n)) p WHERE t.id = 1;
INSERT INTO job_run SELECT p.* FROM job_run t, generate_series(1000, 1000 + {runs}) n, LATERAL
  jsonb_populate_record(t, jsonb_build_object('id', n, 'number', n, 'status', 'Succeeded',
    'agent_id', 1000 + n % {agents}, 'definition_id', 1000 + (n * 7) % {agents})) p WHERE t.id = {run};
INSERT INTO access_grant (run_id, agent_id, endpoint_id, endpoint_name, permission, granted_at, granted_by, ended_at)
  SELECT id, agent_id, 1, 'x', 'Read', 1, 'a', 1 FROM job_run WHERE id >= 1000;
INSERT INTO run_item (run_id, fence, path, kind, outcome, code, message, size, at)
  SELECT id, 1, 'x', 'f', 'Failed', 'E', 'm', 1, 1 FROM job_run WHERE id >= 1000;
INSERT INTO run_report (run_id, fence, items, data, at) SELECT id, 1, 1, 'x', 1 FROM job_run WHERE id >= 1000;
INSERT INTO run_progress SELECT p.* FROM run_progress t, generate_series(1000, 1000 + {runs}) n, LATERAL
  jsonb_populate_record(t, jsonb_build_object('run_id', n)) p WHERE t.run_id = {run};
ANALYZE;
"""

STATEMENTS = (
    "SELECT id, status FROM job_run WHERE status NOT IN ('Canceled', 'Failed', 'Succeeded') AND agent_id = {agent}",
    "SELECT * FROM job_run WHERE id = {run} AND fence = 1 FOR NO KEY UPDATE",
    "SELECT items_scanned FROM job_run WHERE definition_id = 1 AND id <> {run} AND kind = 'Copy' "
    "AND status = 'Succeeded' ORDER BY id DESC LIMIT 1",
    "UPDATE job_run SET scan_status = 'Scanning' WHERE id = {run}",
    "UPDATE run_lease SET lease_until = 1 WHERE run_id = {run} AND fence = 1 AND agent_id = {agent}",
    "SELECT endpoint_name FROM access_grant WHERE run_id = {run} AND agent_id = {agent} AND ended_at IS NULL",
    "UPDATE run_progress SET at = 1 WHERE run_id = {run}",
    "SELECT * FROM agent WHERE id = {agent} FOR NO KEY UPDATE",
    "SELECT * FROM job_definition WHERE id = 1",
    "SELECT * FROM endpoint WHERE id = 1",
    "SELECT * FROM storage_mover WHERE id = 1",
    "SELECT c.id FROM run_report c JOIN job_run r ON r.id = c.run_id WHERE c.run_id = {run} AND c.id > 0 ORDER BY c.id",
    "INSERT INTO run_item (run_id, fence, path, kind, outcome, code, message, size, at) "
    "VALUES ({run}, 1, 'x', 'f', 'Failed', 'E', 'm', 1, 1)",
    "INSERT INTO event (at, actor, mover_id, kind, resource_id, resource, action, detail) "
    "VALUES (1, 'agent/dock-1', 1, 'job_run', 1, 'x', 'y', '') RETURNING id",
)
GROWING = ("agent", "job_run", "job_definition", "access_grant", "run_item", "run_report", "run_progress", "event")


@pytest.fixture(scope="module")
def crowd(cluster: Cluster) -> Iterator[tuple[psycopg.Connection[Any], dict[str, int]]]:
    """The connection of an agent among thousands, and its ids."""
    name = cluster.store_database()
    try:
        with server_world(cluster.url(name)) as world:
            world.define()
            agent = register(world, "dock-1")
            run = world.start()
            with log_in(agent) as (store, identity), store.write("agent/dock-1", serial=False) as tx:
                assert claims.claim_run(tx, identity, []) is not None
        cluster.psql(FILL.format(agents=AGENTS, runs=RUNS, run=run, agent=agent.agent_id), db=name)
        with psycopg.connect(agent.place.url, password=agent.credential, autocommit=True) as connection:
            connection.execute("SET search_path TO longshore")
            yield connection, {"agent": agent.agent_id, "run": run}
    finally:
        cluster.drop(name)


@pytest.mark.parametrize("statement", STATEMENTS)
def test_a_policy_does_not_turn_a_look_up_into_a_scan(
    crowd: tuple[psycopg.Connection[Any], dict[str, int]], statement: str
) -> None:
    """Neither on the table itself, nor where a policy looks for whose row it is."""
    connection, ids = crowd
    plan = [row[0] for row in connection.execute(f"EXPLAIN {statement.format(**ids)}".encode())]
    scanned = [line for line in plan if any(f"Seq Scan on {table} " in line for table in GROWING)]
    assert scanned == [], "\n".join(plan)
