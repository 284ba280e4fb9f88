"""A simulated store to look into: its contents as a digest, and the rules that must hold in any store."""

from __future__ import annotations

import hashlib
from contextlib import closing

from sqlmodel import SQLModel

from store.reader import Reader

SECRET = {
    "agent": {"credential_hash", "instance_id", "db_role"},
    "registration_token": {"token_hash", "db_role"},
    "feed_state": {"epoch"},
    "change": {"xid"},
}
"""Random by design, or of one server."""

RULES = {
    "a definition's latest run is its newest, and it has as many as it counts": """
        SELECT d.id FROM job_definition d LEFT JOIN job_run r ON r.definition_id = d.id
        GROUP BY d.id, d.run_count, d.latest_run_id
        HAVING d.run_count <> count(r.id) OR coalesce(d.latest_run_id, 0) <> coalesce(max(r.id), 0)""",
    "the numbers of a definition's runs are unbroken": """
        SELECT definition_id FROM job_run GROUP BY definition_id
        HAVING min(number) <> 1 OR max(number) <> count(*) OR count(DISTINCT number) <> count(*)""",
    "every run has two grants, ended when it ended, on the endpoints of its definition": """
        SELECT r.id FROM job_run r JOIN job_definition d ON d.id = r.definition_id LEFT JOIN access_grant g
            ON g.run_id = r.id AND (g.endpoint_id = d.source_id OR g.endpoint_id = d.target_id)
            AND g.agent_id = r.agent_id AND g.ended_at = r.execution_end_time
        WHERE r.agent_id IS NOT NULL AND r.status IN ('Succeeded', 'Failed', 'Canceled')
        GROUP BY r.id HAVING count(g.id) <> 2""",
    "no lease outlives its run": """
        SELECT l.run_id FROM run_lease l JOIN job_run r ON r.id = l.run_id
        WHERE r.status IN ('Succeeded', 'Failed', 'Canceled') OR r.fence <> l.fence""",
    "what was scanned is the sum of its outcomes": """
        SELECT id FROM job_run WHERE status IN ('Succeeded', 'Failed', 'Canceled') AND (
            items_scanned <> items_transferred + items_no_transfer_needed + items_excluded + items_unsupported
                + items_failed + items_changed
            OR bytes_scanned <> bytes_transferred + bytes_no_transfer_needed + bytes_excluded + bytes_unsupported
                + bytes_failed + bytes_changed)""",
    "every failed item of a run that came to its end is kept with its code": """
        SELECT r.id FROM job_run r LEFT JOIN run_item i ON i.run_id = r.id AND i.fence = r.fence
            AND i.outcome = 'Failed' AND i.code <> ''
        WHERE r.status IN ('Succeeded', 'Failed') AND r.error_code IN ('', 'LSM1010', 'LSM1201')
        GROUP BY r.id, r.items_failed HAVING r.items_failed <> count(i.id)""",
    "times go forward": """
        SELECT id FROM job_run WHERE execution_start_time < created_at OR execution_end_time < execution_start_time
            OR last_status_update < created_at""",
    "what has ended has an end, and an event that says so": """
        SELECT r.id FROM job_run r LEFT JOIN event e ON e.kind = 'job_run' AND e.resource_id = r.id
            AND e.action = r.status AND e.at = r.execution_end_time
        WHERE r.status IN ('Succeeded', 'Failed', 'Canceled') AND (r.execution_end_time IS NULL OR e.id IS NULL)""",
    "every run was queued, once": """
        SELECT r.id FROM job_run r LEFT JOIN event e ON e.kind = 'job_run' AND e.resource_id = r.id
            AND e.action = 'queued' AND e.at = r.created_at GROUP BY r.id HAVING count(e.id) <> 1""",
    "live numbers of an ended run are its final ones": """
        SELECT r.id FROM job_run r JOIN run_progress g ON g.run_id = r.id
        WHERE r.status IN ('Succeeded', 'Failed') AND (r.items_scanned <> g.items_scanned
            OR r.items_deleted <> g.items_deleted + g.items_deleted_before)""",
    "who ran it is registered with its mover": """
        SELECT r.id FROM job_run r JOIN agent a ON a.id = r.agent_id
        WHERE a.mover_id <> r.mover_id OR a.name <> r.agent_name""",
}
"""Statements that find what breaks a rule: none may find anything."""


def broken_rules(url: str) -> dict[str, list[int]]:
    """The rules that a store breaks, and where."""
    with closing(Reader(url)) as reader:
        found = {rule: [row[0] for row in reader.rows(sql)] for rule, sql in RULES.items()}
    return {rule: rows for rule, rows in found.items() if rows}


def digest(url: str) -> str:
    """A digest of all that a store holds, apart from what is random by design."""
    answer = hashlib.sha256()
    with closing(Reader(url)) as reader:
        for name, table in sorted(SQLModel.metadata.tables.items()):
            columns = sorted(column.name for column in table.columns if column.name not in SECRET.get(name, ()))
            keys = ", ".join(column.name for column in table.primary_key)
            for row in reader.rows(f"SELECT {', '.join(columns)} FROM {name} ORDER BY {keys}"):
                answer.update(repr((name, [_plain(value) for value in row])).encode())
    return answer.hexdigest()


def _plain(value: object) -> object:
    return int(value) if isinstance(value, bool) else value


def counts(url: str) -> dict[str, int]:
    """How often each kind of event happened."""
    with closing(Reader(url)) as reader:
        rows = reader.rows("SELECT kind, action, count(*) AS times FROM event GROUP BY kind, action")
        return {f"{row['kind']} {row['action']}": row["times"] for row in rows}
