"""What must hold of a store on a server: its schema, who owns what, row-level security, roles and TLS."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sqlmodel import SQLModel

import store.models
from store.errors import StoreUnavailable
from store.postgres.place import SCHEMA
from store.reader import Reader
from store.upkeep.check.invariant import SHOWN, Finding, Invariant

GROUPS: Final = ("admin", "agent", "registrar", "trust")
_OTHER_COLUMNS: Final = {("alembic_version", "version_num"), ("change", "xid")}
"""What the schema has on a server beside the models."""

_OTHER_INDEXES: Final = {"ix_change_xid"}
_OTHER_TRIGGERS: Final = {("job_run", f"totals_job_run_{op}") for op in "iud"} | {
    ("job_definition", "latest_job_definition_u")
}
"""Those of ``store.derived``."""

_INIT = "run 'longshore store init --apply' as the database's owner"


def refuse_others(reader: Reader) -> None:
    """Stop whom row-level security lets see only a part: to them a store looks sound that is not.

    Raises:
        StoreUnavailable: StoreForbidden.
    """
    if not reader.value(f"SELECT pg_has_role(nspowner, 'USAGE') FROM pg_namespace WHERE nspname = '{SCHEMA}'"):
        raise StoreUnavailable(
            f"The store '{reader.place.url}' shows this login only a part of it: use the login of an admin.",
            code="StoreForbidden",
        )


def _columns(reader: Reader) -> Iterator[Finding]:
    tables = SQLModel.metadata.tables.values()
    expected = {(table.name, column.name) for table in tables for column in table.columns} | _OTHER_COLUMNS
    rows = reader.rows(
        f"""SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
            WHERE c.relnamespace = '{SCHEMA}'::regnamespace AND c.relkind IN ('r', 'p') AND a.attnum > 0
            AND NOT a.attisdropped"""
    )
    found = {(str(row[0]), str(row[1])) for row in rows}
    for table, column in sorted(expected - found):
        yield Finding(f"The column '{table}.{column}' is missing: restore your last backup.")
    for table, column in sorted(found - expected):
        yield Finding(f"The column '{table}.{column}' is none of Longshore's: drop it.")


def _indexes(reader: Reader) -> Iterator[Finding]:
    expected = {str(index.name) for table in SQLModel.metadata.tables.values() for index in table.indexes}
    rows = reader.rows(
        f"""SELECT i.relname, x.indisvalid, EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = i.oid) AS backs
            FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
            WHERE i.relnamespace = '{SCHEMA}'::regnamespace"""
    )
    for name in sorted((expected | _OTHER_INDEXES) - {row[0] for row in rows}):
        yield Finding(f"The index '{name}' is missing: restore your last backup, or make it anew by hand.")
    for row in rows:
        if not row[1]:
            yield Finding(f"The index '{row[0]}' is not valid: run 'REINDEX INDEX {SCHEMA}.{row[0]}'.")
        elif not row[2] and row[0] not in expected | _OTHER_INDEXES:
            yield Finding(f"The index '{row[0]}' is none of Longshore's: it costs every write.", note=True)


def _triggers(reader: Reader) -> Iterator[Finding]:
    expected = {(table, f"feed_{table}_{op}") for table in store.models.FEED_TABLES for op in "iud"} | _OTHER_TRIGGERS
    rows = reader.rows(
        f"""SELECT c.relname, t.tgname, t.tgenabled <> 'D' AS works
            FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
            WHERE c.relnamespace = '{SCHEMA}'::regnamespace AND NOT t.tgisinternal"""
    )
    working = {(str(row[0]), str(row[1])) for row in rows if row[2]}
    for table, name in sorted(expected - working):
        yield Finding(
            f"The trigger '{name}' of '{table}' is missing or switched off, and screens miss what changes: restore "
            "your last backup."
        )


def _constraints(reader: Reader) -> Iterator[Finding]:
    rows = reader.rows(
        f"""SELECT conrelid::regclass::text, conname FROM pg_constraint
            WHERE connamespace = '{SCHEMA}'::regnamespace AND NOT convalidated"""
    )
    for row in rows:
        yield Finding(f"The constraint '{row[1]}' of {row[0]} was never validated: run 'ALTER TABLE … VALIDATE'.")


def _security(reader: Reader) -> Iterator[Finding]:
    rows = reader.rows(
        f"""SELECT relname FROM pg_class WHERE relnamespace = '{SCHEMA}'::regnamespace AND relkind = 'r'
            AND NOT relrowsecurity ORDER BY relname"""
    )
    for row in rows:
        yield Finding(
            f"Row-level security of '{row[0]}' is off, and agents are not confined: run "
            f"'ALTER TABLE {SCHEMA}.{row[0]} ENABLE ROW LEVEL SECURITY'."
        )


def _owned(reader: Reader) -> Iterator[Finding]:
    rows = reader.rows(
        f"""SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = '{SCHEMA}' AND c.relkind IN ('r', 'S', 'v') AND c.relowner <> n.nspowner ORDER BY 1"""
    )
    for row in rows:
        yield Finding(f"'{row[0]}' does not belong to the admins' role: run 'ALTER TABLE … OWNER TO' that role.")


def _roles(reader: Reader) -> Iterator[Finding]:
    prefix = _prefix(reader)
    there = {str(row[0]) for row in reader.rows("SELECT rolname FROM pg_roles WHERE NOT rolcanlogin")}
    for group in GROUPS:
        if f"{prefix}_{group}" not in there:
            yield Finding(f"The role '{prefix}_{group}' is missing: {_INIT}.")


def _logins(reader: Reader) -> Iterator[Finding]:
    group = f"{_prefix(reader)}_agent"
    rows = reader.rows(
        f"""SELECT a.name FROM agent a LEFT JOIN pg_roles r ON r.rolname = a.db_role
            WHERE a.db_role <> '' AND (r.oid IS NULL OR NOT r.rolcanlogin OR NOT EXISTS
              (SELECT 1 FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid
               WHERE m.member = r.oid AND g.rolname = :group)) LIMIT {SHOWN}""",
        {"group": group},
    )
    for row in rows:
        yield Finding(f"The agent '{row[0]}' cannot log in: 'longshore agent token MOVER --agent {row[0]}' renews it.")
    others = reader.value("SELECT count(*) FROM agent WHERE db_role = ''")
    if others:
        yield Finding(
            f"{others} of the agents have no login on this server yet: 'longshore agent token MOVER --agent NAME' "
            "makes one.",
            note=True,
        )


def _private(reader: Reader) -> Iterator[Finding]:
    safe = reader.value(
        """SELECT s.ssl OR inet_client_addr() IS NULL OR inet_client_addr() << inet '127.0.0.0/8'
                  OR inet_client_addr() = inet '::1' FROM pg_stat_ssl s WHERE s.pid = pg_backend_pid()"""
    )
    if not safe:
        yield Finding(
            "This connection is not encrypted: put sslmode=verify-full into the URL, and only hostssl lines into the "
            "server's pg_hba.conf."
        )


def _feed_in_order(reader: Reader) -> Iterator[Finding]:
    newest = "pg_snapshot_xmax(pg_current_snapshot())"
    ahead = reader.value(
        f"""SELECT s.floor >= CAST(CAST({newest} AS text) AS bigint)
            OR EXISTS (SELECT 1 FROM change WHERE xid >= {newest}) FROM feed_state s"""
    )
    if ahead:
        yield Finding(
            "The feed holds transactions that this server has not had, as after a restore from another one, so that "
            f"screens read everything anew each time: run 'TRUNCATE {SCHEMA}.change; UPDATE {SCHEMA}.feed_state SET "
            "floor = 0'."
        )


def _prefix(reader: Reader) -> str:
    owner = reader.value(f"SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = '{SCHEMA}'")
    return str(owner).removesuffix("_admin")


SERVER: Final = (
    Invariant("columns", "Tables and columns are exactly those of this version.", _columns),
    Invariant("indexes", "The indexes of this version are there and valid.", _indexes),
    Invariant("triggers", "Every change of a row is told by the feed, and counted in the totals.", _triggers),
    Invariant("references", "Every row that refers to another refers to one that is there.", _constraints),
    Invariant("row-level-security", "Every table confines agents to what is theirs.", _security),
    Invariant("owner", "Everything belongs to the admins' role.", _owned),
    Invariant("roles", "The roles of 'longshore store init' are there.", _roles),
    Invariant("logins", "Every agent has its login.", _logins),
    Invariant("feed-floor", "The feed is of this server.", _feed_in_order),
    Invariant("tls", "Nobody on the way can read or change what is said.", _private),
)
