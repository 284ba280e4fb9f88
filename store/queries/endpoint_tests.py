"""Tests of endpoints: what an agent is to try, and what came of it."""

from __future__ import annotations

import json
from typing import NamedTuple

from store.reader import Reader, Row
from store.vocabulary import EndpointTestStatus, GrantPermission


class StepRow(NamedTuple):
    """One step of a test: "reach", "authenticate", "list", "write", "read" or "delete"."""

    name: str
    ok: bool
    code: str
    """A status code of ``store.codes``, empty when it went well."""
    message: str
    milliseconds: int


class EndpointTestRow(NamedTuple):
    """A test as it is now: one whose time is over is Expired, whether or not anybody has noted it."""

    id: int
    mover: str
    endpoint_id: int
    endpoint: str
    agent_id: int
    agent: str
    permission: GrantPermission
    status: EndpointTestStatus
    steps: tuple[StepRow, ...]
    requested_at: int
    requested_by: str
    until: int
    started_at: int | None
    ended_at: int | None

    @property
    def active(self) -> bool:
        return self.status in (EndpointTestStatus.QUEUED, EndpointTestStatus.RUNNING)

    @property
    def writes(self) -> bool:
        """Whether a probe is written."""
        return self.permission == GrantPermission.WRITE

    @property
    def failed(self) -> StepRow | None:
        """The step that failed; the steps end with it."""
        return next((step for step in self.steps if not step.ok), None)


_COLUMNS = """t.id, m.name AS mover, t.endpoint_id, e.name AS endpoint, t.agent_id, a.name AS agent, t.permission,
    t.status, t.steps, t.requested_at, t.requested_by, t.until, t.started_at, t.ended_at"""
_JOINED = """endpoint_test t CROSS JOIN storage_mover m CROSS JOIN endpoint e CROSS JOIN agent a
    WHERE m.id = t.mover_id AND e.id = t.endpoint_id AND a.id = t.agent_id"""


def endpoint_test(reader: Reader, test_id: int) -> EndpointTestRow | None:
    """One test; None when it is gone."""
    row = reader.row(f"SELECT {_COLUMNS} FROM {_JOINED} AND t.id = :id", {"id": test_id})
    return None if row is None else _test(row, reader.now())


def endpoint_tests(reader: Reader, endpoint_id: int, limit: int = 20) -> list[EndpointTestRow]:
    """The newest tests of an endpoint, the newest first; no more than twenty are ever kept."""
    sql = f"SELECT {_COLUMNS} FROM {_JOINED} AND t.endpoint_id = :id ORDER BY t.id DESC LIMIT {int(limit)}"
    rows = reader.rows(sql, {"id": endpoint_id})
    now = reader.now() if rows else 0
    return [_test(row, now) for row in rows]


def open_tests(reader: Reader, agent_id: int) -> dict[int, EndpointTestStatus]:
    """The tests that an agent is to make or makes: what it looks at when it is told that something changed."""
    rows = reader.rows(
        "SELECT id, status FROM endpoint_test WHERE agent_id = :id AND ended_at IS NULL ORDER BY id", {"id": agent_id}
    )
    return {row["id"]: EndpointTestStatus(row["status"]) for row in rows}


def _test(row: Row, now: int) -> EndpointTestRow:
    found = EndpointTestRow(*row)
    status = EndpointTestStatus(found.status)
    if found.ended_at is None and found.until <= now:
        status = EndpointTestStatus.EXPIRED
    steps = tuple(
        StepRow(str(one["name"]), bool(one["ok"]), str(one["code"]), str(one["message"]), int(one["milliseconds"]))
        for one in json.loads(row["steps"])
    )
    return found._replace(permission=GrantPermission(found.permission), status=status, steps=steps)
