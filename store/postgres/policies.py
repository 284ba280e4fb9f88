"""Row-level security: what a registered agent, and the holder of a registration token, may see and change.

The server itself confines them, whatever program they log in with. An agent is found by its login: the row of
``agent`` whose ``db_role`` is the session's user. Every such look-up stands in a sub-select of its own, which the
server evaluates once for a statement. Tables that are not named here are closed to both.

Admins own the tables and are not confined.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlmodel import SQLModel

from store.models import COUNTER_FIELDS
from store.postgres.place import SCHEMA
from store.postgres.roles import store_prefix
from store.vocabulary import AgentStatus, JobRunStatus, Outcome, ScanStatus

_LOGIN = 'session_user::text COLLATE "default"'
"""Who logged in, whatever role was set since; in the collation of ``db_role``, so that its index is used."""

_MINE = f"db_role = {_LOGIN}"


def _of_me(what: str) -> str:
    """Something of the caller's own row; the second condition is what lets the partial index find it."""
    return f"(SELECT {what} FROM {SCHEMA}.agent me WHERE me.{_MINE} AND me.db_role <> '')"


_ME = _of_me("me.id")
_MY_MOVER = _of_me("me.mover_id")
_MY_NAME = _of_me("'agent/' || me.name")
_ACTIVE = "status NOT IN ('Canceled', 'Failed', 'Succeeded')"
_MY_DEFINITIONS = f"ANY ((SELECT {SCHEMA}.definitions_at_work())::bigint[])"

_MY_RUN = f"EXISTS (SELECT 1 FROM {SCHEMA}.job_run r WHERE r.id = run_id AND r.agent_id = {_ME})"
_MY_ACTIVE_RUN = f"EXISTS (SELECT 1 FROM {SCHEMA}.job_run r WHERE r.id = run_id AND r.agent_id = {_ME} AND r.{_ACTIVE})"
_MY_ATTEMPT = (
    f"EXISTS (SELECT 1 FROM {SCHEMA}.job_run r WHERE r.id = run_id AND r.agent_id = {_ME} AND r.fence = {{table}}.fence"
    f" AND r.{_ACTIVE})"
)
_MY_PLANS = (
    f"(SELECT p.plan_run_id FROM {SCHEMA}.job_run p WHERE p.agent_id = {_ME} AND p.{_ACTIVE} "
    "AND p.plan_run_id IS NOT NULL)"
)

_TESTED = "status IN ('Running', 'Succeeded', 'Failed')"
"""What an agent may make of a test that an admin asked for."""

_TOKEN = f"(SELECT t.{{column}} FROM {SCHEMA}.registration_token t WHERE t.{_MINE})"
_TOKEN_MOVER = _TOKEN.format(column="mover_id")
_TOKEN_AGENT = _TOKEN.format(column="agent_id")
_TOKEN_OPEN = (
    f"EXISTS (SELECT 1 FROM {SCHEMA}.registration_token t WHERE t.{_MINE} AND t.used_at IS NULL "
    "AND t.expires_at > (SELECT extract(epoch FROM clock_timestamp()) * 1000))"
)
_ADMITTED = f"overlay({_LOGIN} placing 'agent' from length({_LOGIN}) - 13 for 5)"
"""The login that this token turns into: PREFIX_token_… becomes PREFIX_agent_…, with the same suffix."""

_FACTS = ("agent_version", "host", "local_ip_address", "time_zone", "memory_in_mb", "number_of_cores")
_STATE = ("status", "error_code", "error_message", "instance_id", "host_key", "heartbeat_ms")
_RUN_COLUMNS = (
    "status",
    "scan_status",
    "fence",
    "last_status_update",
    "execution_start_time",
    "execution_end_time",
    "error_code",
    "error_message",
    "error_target",
    *COUNTER_FIELDS,
)


def _insert(table: str) -> str:
    """The right to insert a row whose id the server chooses: one of one's own choice could stand in others' way."""
    return f"INSERT ({', '.join(c.name for c in SQLModel.metadata.tables[table].columns if c.name != 'id')})"


def _one_of(column: str, values: Iterable[str]) -> str:
    listed = ", ".join(f"'{value}'" for value in values)
    return f"{column} IN ({listed})"


def _times(*columns: str) -> str:
    """Times that are dates: up to the year 2603."""
    return " AND ".join(f"coalesce({column}, 0) BETWEEN 0 AND 20000000000000" for column in columns)


def _numbers(*columns: str) -> str:
    """Numbers that can be summed up over many runs."""
    every = ", ".join(columns)
    return f"least({every}) >= -1 AND greatest({every}) <= 100000000000000000"


_DEFINITIONS_AT_WORK = f"""
CREATE OR REPLACE FUNCTION {SCHEMA}.definitions_at_work() RETURNS bigint[]
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
BEGIN
  RETURN (
    SELECT array_agg(r.definition_id) FROM {SCHEMA}.job_run r
    WHERE r.agent_id = {_ME}
      AND r.{_ACTIVE}
  );
END $body$"""
"""A policy of ``job_run`` cannot look into ``job_run``: this does, and tells only what the caller is to work on."""

_AGENT_RIGHTS: dict[str, tuple[str, ...]] = {
    "alembic_version": ("SELECT",),
    "feed_state": ("SELECT",),
    "storage_mover": ("SELECT",),
    "project": ("SELECT",),
    "endpoint": ("SELECT",),
    "job_definition": ("SELECT", "UPDATE (source_identity)"),
    "agent": ("SELECT", f"UPDATE ({', '.join((*_FACTS, *_STATE))})"),
    "agent_beat": ("SELECT", "INSERT", "UPDATE (at, uptime_in_seconds)", "DELETE"),
    "job_run": ("SELECT", f"UPDATE ({', '.join(_RUN_COLUMNS)})"),
    "run_lease": ("SELECT", "INSERT", "UPDATE (agent_id, fence, lease_until)", "DELETE"),
    "run_progress": ("SELECT", "INSERT", "UPDATE"),
    "progress_sample": ("SELECT", "INSERT", "UPDATE (items, bytes)"),
    "run_item": ("SELECT", _insert("run_item")),
    "run_report": ("SELECT", _insert("run_report")),
    "access_grant": ("SELECT", "UPDATE (ended_at)"),
    "endpoint_test": ("SELECT", "UPDATE (status, steps, started_at, ended_at)"),
    "event": ("SELECT", _insert("event")),
}
_AGENT_SEQUENCES = ("run_item_id_seq", "run_report_id_seq", "event_id_seq")

_REGISTRAR_RIGHTS: dict[str, tuple[str, ...]] = {
    "alembic_version": ("SELECT",),
    "feed_state": ("SELECT",),
    "registration_token": ("SELECT", "UPDATE (used_at, used_by)"),
    "storage_mover": ("SELECT",),
    "agent": (
        "SELECT",
        _insert("agent"),
        f"UPDATE (credential_hash, db_role, instance_id, {', '.join(_FACTS)})",
    ),
    "event": ("SELECT", _insert("event")),
}
_REGISTRAR_SEQUENCES = ("agent_id_seq", "event_id_seq")

# (table, what for, whose rows, what they must be afterwards); None where there is no such thing.
_AGENT_POLICIES: tuple[tuple[str, str, str | None, str | None], ...] = (
    ("alembic_version", "SELECT", "true", None),
    ("feed_state", "SELECT", "true", None),
    ("storage_mover", "SELECT", f"id = {_MY_MOVER}", None),
    ("agent", "SELECT", _MINE, None),
    ("agent", "UPDATE", _MINE, _MINE),
    ("agent_beat", "ALL", f"agent_id = {_ME}", f"agent_id = {_ME}"),
    # Its own runs, and the passes that went well of the definitions that it is to work on: how much was there last
    # time is what a guard compares with, and a preview may be the plan.
    ("job_run", "SELECT", f"agent_id = {_ME} OR (status = 'Succeeded' AND definition_id = {_MY_DEFINITIONS})", None),
    ("job_run", "UPDATE", f"agent_id = {_ME} AND {_ACTIVE}", f"agent_id = {_ME}"),
    ("job_definition", "SELECT", f"id = {_MY_DEFINITIONS}", None),
    ("job_definition", "UPDATE", f"id = {_MY_DEFINITIONS}", f"id = {_MY_DEFINITIONS}"),
    ("project", "SELECT", f"id IN (SELECT d.project_id FROM {SCHEMA}.job_definition d)", None),
    (
        "endpoint",
        "SELECT",
        f"id IN (SELECT g.endpoint_id FROM {SCHEMA}.access_grant g WHERE g.agent_id = {_ME} AND g.ended_at IS NULL)",
        None,
    ),
    ("access_grant", "SELECT", f"agent_id = {_ME}", None),
    ("access_grant", "UPDATE", f"agent_id = {_ME} AND ended_at IS NULL", f"agent_id = {_ME} AND ended_at IS NOT NULL"),
    ("endpoint_test", "SELECT", f"agent_id = {_ME}", None),
    ("endpoint_test", "UPDATE", f"agent_id = {_ME} AND ended_at IS NULL", f"agent_id = {_ME} AND {_TESTED}"),
    ("run_lease", "SELECT", _MY_RUN, None),
    ("run_lease", "INSERT", None, f"agent_id = {_ME} AND {_MY_ATTEMPT.format(table='run_lease')}"),
    ("run_lease", "UPDATE", _MY_RUN, f"agent_id = {_ME} AND {_MY_ATTEMPT.format(table='run_lease')}"),
    ("run_lease", "DELETE", _MY_RUN, None),
    ("run_progress", "SELECT", _MY_RUN, None),
    ("run_progress", "INSERT", None, _MY_ACTIVE_RUN),
    ("run_progress", "UPDATE", _MY_RUN, _MY_ACTIVE_RUN),
    ("progress_sample", "SELECT", _MY_RUN, None),
    ("progress_sample", "INSERT", None, _MY_ACTIVE_RUN),
    ("progress_sample", "UPDATE", _MY_RUN, _MY_ACTIVE_RUN),
    ("run_item", "SELECT", _MY_RUN, None),
    ("run_item", "INSERT", None, _MY_ATTEMPT.format(table="run_item")),
    ("run_report", "SELECT", f"run_id IN {_MY_PLANS} OR {_MY_RUN}", None),
    ("run_report", "INSERT", None, _MY_ATTEMPT.format(table="run_report")),
    ("event", "SELECT", f"mover_id = {_MY_MOVER} AND actor = {_MY_NAME}", None),
    (
        "event",
        "INSERT",
        None,
        f"mover_id = {_MY_MOVER} AND actor = {_MY_NAME} AND kind IN ('agent', 'job_run', 'job_definition', 'endpoint')",
    ),
)

# What an agent says of itself and of its work must not break what others read and sum up.
_AGENT_BOUNDS: dict[str, str] = {
    "agent": f"{_one_of('status', AgentStatus)} AND heartbeat_ms BETWEEN 1 AND 3600000",
    "agent_beat": _times("at"),
    "job_run": f"{_one_of('status', JobRunStatus)} AND {_one_of('scan_status', ScanStatus)} "
    f"AND fence BETWEEN 0 AND 1000000000 AND {_numbers(*COUNTER_FIELDS)} "
    f"AND {_times('last_status_update', 'execution_start_time', 'execution_end_time')}",
    "run_lease": _times("lease_until"),
    "run_progress": f"{_times('at')} AND {_numbers(*COUNTER_FIELDS, 'total_items', 'total_bytes', 'bytes_in_flight')} "
    "AND json_typeof(current) = 'array'",
    "progress_sample": f"{_times('at')} AND {_numbers('items', 'bytes')}",
    "run_item": f"{_times('at')} AND {_numbers('size')} AND {_one_of('outcome', Outcome)}",
    "run_report": f"{_times('at')} AND {_numbers('items')}",
    "access_grant": _times("ended_at"),
    "endpoint_test": f"{_times('started_at', 'ended_at')} AND json_typeof(steps) = 'array' "
    "AND json_array_length(steps) <= 20 AND length(steps::text) <= 20000",
    "event": _times("at"),
}

_REGISTERED = (
    f"(SELECT 'agent/' || a.name FROM {SCHEMA}.agent a WHERE a.db_role = {_ADMITTED} AND a.mover_id = {_TOKEN_MOVER})"
)
_REGISTRAR_POLICIES: tuple[tuple[str, str, str | None, str | None], ...] = (
    ("alembic_version", "SELECT", "true", None),
    ("feed_state", "SELECT", "true", None),
    ("registration_token", "SELECT", _MINE, None),
    (
        "registration_token",
        "UPDATE",
        f"{_MINE} AND used_at IS NULL",
        f"{_MINE} AND used_at IS NOT NULL",
    ),
    ("storage_mover", "SELECT", f"id = {_TOKEN_MOVER}", None),
    ("agent", "SELECT", f"id = {_TOKEN_AGENT} OR db_role = {_ADMITTED}", None),
    (
        "agent",
        "INSERT",
        None,
        f"mover_id = {_TOKEN_MOVER} AND db_role = {_ADMITTED} AND {_TOKEN_AGENT} IS NULL AND {_TOKEN_OPEN}",
    ),
    ("agent", "UPDATE", f"id = {_TOKEN_AGENT} AND {_TOKEN_OPEN}", f"id = {_TOKEN_AGENT} AND db_role = {_ADMITTED}"),
    ("event", "SELECT", f"mover_id = {_TOKEN_MOVER} AND actor = {_REGISTERED}", None),
    ("event", "INSERT", None, f"mover_id = {_TOKEN_MOVER} AND actor = {_REGISTERED} AND kind = 'agent'"),
)


def install_policies(connection: Any) -> None:
    """Make rights and policies what they are to be, whatever they were; called after every upgrade.

    Args:
        connection: an SQLAlchemy connection in a transaction, as the role that owns the schema.
    """
    prefix = store_prefix(connection)
    agents, registrars = f"{prefix}_agent", f"{prefix}_registrar"
    run = connection.exec_driver_sql
    for function in _functions(connection):
        run(f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC")
    run(_DEFINITIONS_AT_WORK)
    run(f"REVOKE ALL ON FUNCTION {SCHEMA}.definitions_at_work() FROM PUBLIC")
    run(f"GRANT EXECUTE ON FUNCTION {SCHEMA}.definitions_at_work() TO {agents}")
    for role in ("PUBLIC", agents, registrars):
        run(f"REVOKE ALL ON ALL TABLES IN SCHEMA {SCHEMA} FROM {role}")
        run(f"REVOKE ALL ON ALL SEQUENCES IN SCHEMA {SCHEMA} FROM {role}")
    _remove_policies(connection)
    for table in _tables(connection):
        run(f"ALTER TABLE {SCHEMA}.{table} ENABLE ROW LEVEL SECURITY")
    for table, bounds in _AGENT_BOUNDS.items():
        run(f"CREATE POLICY bounds ON {SCHEMA}.{table} AS RESTRICTIVE TO {agents} USING (true) WITH CHECK ({bounds})")
    for role, rights, sequences, policies in (
        (agents, _AGENT_RIGHTS, _AGENT_SEQUENCES, _AGENT_POLICIES),
        (registrars, _REGISTRAR_RIGHTS, _REGISTRAR_SEQUENCES, _REGISTRAR_POLICIES),
    ):
        for table, held in rights.items():
            run(f"GRANT {', '.join(held)} ON {SCHEMA}.{table} TO {role}")
        for sequence in sequences:
            run(f"GRANT USAGE ON SEQUENCE {SCHEMA}.{sequence} TO {role}")
        for table, what, using, check in policies:
            name = f"{role.removeprefix(prefix + '_')}_{what.lower()}"
            text = f"CREATE POLICY {name} ON {SCHEMA}.{table} FOR {what} TO {role}"
            text += f" USING ({using})" if using else ""
            text += f" WITH CHECK ({check})" if check else ""
            run(text)


def _tables(connection: Any) -> list[str]:
    return _names(connection, f"SELECT tablename FROM pg_tables WHERE schemaname = '{SCHEMA}' ORDER BY tablename")


def _functions(connection: Any) -> list[str]:
    """The functions of the schema, with the types of what they take."""
    return _names(
        connection, f"SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = '{SCHEMA}'::regnamespace"
    )


def _remove_policies(connection: Any) -> None:
    for text in _names(
        connection,
        "SELECT 'DROP POLICY ' || quote_ident(policyname) || ' ON ' || quote_ident(schemaname) || '.' "
        f"|| quote_ident(tablename) FROM pg_policies WHERE schemaname = '{SCHEMA}'",
    ):
        connection.exec_driver_sql(text)


def _names(connection: Any, sql: str) -> list[str]:
    return [str(row[0]) for row in connection.exec_driver_sql(sql)]
