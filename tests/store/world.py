"""Shortcuts for the stories of the store's tests: a hierarchy, an agent, a run in a line each."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, col, select

from store.bodies import ConnectionProperties, DefinitionProperties, EndpointBody, MoverProperties, ProjectProperties
from store.clock import VirtualClock
from store.db import Store, Write
from store.errors import LongshoreError
from store.execution.claims import Claim, beat, claim_run
from store.execution.trust import AgentFacts, AgentIdentity, connect_agent, make_token, register_agent
from store.export import export_plan
from store.models import AccessGrant, Agent, Event, JobRun, RunItem, RunLease, RunProgress, StorageMover
from store.plan import Applied, apply_plan, parse_plan
from store.reader import Reader
from store.resources.common import find_definition, find_mover
from store.resources.definitions import put_definition
from store.resources.endpoints import put_endpoint
from store.resources.movers import put_mover
from store.resources.projects import put_connection, put_project
from store.resources.runs import request_cancel, start_run
from store.sqlite.place import SqlitePlace
from store.vocabulary import CopyMode, JobRunStatus

NOON = 1_790_000_000_000
FACTS = AgentFacts("1.0", "dock", "10.0.0.7", "UTC", 4096, 2)
ADMIN = "ann"
LIMIT = 60.0
"""Seconds that anything may take on a busy machine."""


@dataclass
class World:
    """An open store, its clock, and the verbs of the stories."""

    store: Store
    clock: VirtualClock
    credentials: dict[str, str] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        """The file of an embedded store."""
        assert isinstance(self.store.place, SqlitePlace)
        return self.store.place.path

    @contextmanager
    def write(self, actor: str = ADMIN) -> Iterator[Write]:
        with self.store.write(actor, serial=not actor.startswith("agent/")) as tx:
            yield tx

    @contextmanager
    def mover_write(self, mover: str = "nas", actor: str = ADMIN) -> Iterator[tuple[Write, StorageMover]]:
        with self.store.write(actor) as tx:
            yield tx, find_mover(tx.session, mover)

    @contextmanager
    def reader(self) -> Iterator[Reader]:
        with Reader(self.store.place, self.clock) as reader:
            yield reader

    # The hierarchy.

    def mover(self, name: str = "nas", description: str = "") -> None:
        with self.write() as tx:
            put_mover(tx, name, MoverProperties(description=description))

    def project(self, name: str = "hr", *, mover: str = "nas", description: str = "") -> None:
        with self.mover_write(mover) as (tx, parent):
            put_project(tx, parent, name, ProjectProperties(description=description))

    def connection(self, name: str, *, mover: str = "nas", service: str = "/subscriptions/s/pls") -> None:
        with self.mover_write(mover) as (tx, parent):
            put_connection(tx, parent, name, ConnectionProperties(private_link_service_id=service))

    def endpoint(self, name: str, *, mover: str = "nas", **properties: Any) -> None:
        properties.setdefault("endpointType", "LocalPath")
        with self.mover_write(mover) as (tx, parent):
            put_endpoint(tx, parent, name, EndpointBody.model_validate(properties))

    def define(
        self,
        name: str = "home",
        *,
        mover: str = "nas",
        project: str = "hr",
        source: str | dict[str, Any] | None = None,
        target: str | dict[str, Any] | None = None,
        **properties: Any,
    ) -> None:
        """A definition with everything above it: endpoints ``NAME-from`` and ``NAME-to``."""
        self.mover(mover)
        self.project(project, mover=mover)
        for end, place in (("from", source), ("to", target)):
            given = place or f"/{end}/{mover}/{project}/{name}"
            self.endpoint(f"{name}-{end}", mover=mover, **({"path": given} if isinstance(given, str) else given))
        body = {"copyMode": "Mirror", "sourceName": f"{name}-from", "targetName": f"{name}-to", **properties}
        with self.mover_write(mover) as (tx, parent):
            found = next(p for p in _projects(tx.session, parent) if p.name == project)
            put_definition(tx, parent, found, name, DefinitionProperties.model_validate(body))

    # Agents.

    def token(self, mover: str = "nas", **options: Any) -> str:
        with self.mover_write(mover) as (tx, parent):
            return make_token(tx, parent, **options)

    def register(self, name: str = "dock-1", mover: str = "nas") -> str:
        token = self.token(mover)
        with self.write(f"agent/{name}") as tx:
            credential = register_agent(tx, token, name, FACTS)[2]
        self.credentials[name] = credential
        return credential

    def connect(self, name: str = "dock-1", mover: str = "nas", host_key: str = "host-1") -> AgentIdentity:
        return connect_agent(
            self.store, mover, name, self.credentials[name], host_key=host_key, heartbeat_ms=5_000, facts=FACTS
        )

    def agent(self, name: str = "dock-1", mover: str = "nas", host_key: str = "host-1") -> AgentIdentity:
        """A registered agent whose process is alive."""
        self.register(name, mover)
        return self.connect(name, mover, host_key)

    def beat(self, identity: AgentIdentity, *held: Claim) -> tuple[dict[int, JobRunStatus], list[int]]:
        with self.write(f"agent/{identity.name}") as tx:
            return beat(tx, identity, held, uptime_in_seconds=1)

    # Runs.

    def start(
        self,
        definition: str = "hr/home",
        agent: str | None = "dock-1",
        *,
        mover: str = "nas",
        copy_mode: CopyMode | None = None,
        plan: int | None = None,
        **options: Any,
    ) -> int:
        with self.mover_write(mover) as (tx, parent):
            preview = tx.session.get_one(JobRun, plan) if plan else None
            return start_run(tx, parent, definition, agent_name=agent, copy_mode=copy_mode, plan=preview, **options).id

    def claim(self, identity: AgentIdentity, *held: Claim) -> Claim | None:
        with self.write(f"agent/{identity.name}") as tx:
            return claim_run(tx, identity, held)

    def claimed(self, definition: str = "hr/home", agent: str = "dock-1") -> tuple[AgentIdentity, Claim]:
        """A definition of that name, running on a new agent."""
        project, _, name = definition.partition("/")
        self.define(name, project=project)
        identity = self.agent(agent)
        self.start(definition, agent)
        claim = self.claim(identity)
        assert claim is not None
        return identity, claim

    def cancel(self, run_id: int) -> JobRunStatus:
        with self.write() as tx:
            return request_cancel(tx, tx.session.get_one(JobRun, run_id)).status

    def call(self, identity: AgentIdentity, function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """One of the agent's calls in a transaction of its own."""
        with self.write(f"agent/{identity.name}") as tx:
            return function(tx, identity, *arguments, **options)

    # Looking.

    def run(self, run_id: int) -> JobRun:
        with self.store.read() as session:
            return session.get_one(JobRun, run_id)

    def found_agent(self, name: str = "dock-1") -> Agent:
        with self.store.read() as session:
            return session.exec(select(Agent).where(Agent.name == name)).one()

    def lease(self, run_id: int) -> RunLease | None:
        with self.store.read() as session:
            return session.get(RunLease, run_id)

    def progress(self, run_id: int) -> RunProgress:
        with self.store.read() as session:
            return session.get_one(RunProgress, run_id)

    def grants(self, run_id: int) -> list[AccessGrant]:
        with self.store.read() as session:
            query = select(AccessGrant).where(AccessGrant.run_id == run_id).order_by(col(AccessGrant.id))
            return list(session.exec(query))

    def items(self, run_id: int) -> list[RunItem]:
        with self.store.read() as session:
            return list(session.exec(select(RunItem).where(RunItem.run_id == run_id).order_by(col(RunItem.id))))

    def events(self, kind: str | None = None) -> list[Event]:
        with self.store.read() as session:
            found = list(session.exec(select(Event).order_by(col(Event.id))))
        return [event for event in found if kind in (None, event.kind)]

    def definition(self, path: str = "hr/home", mover: str = "nas") -> Any:
        with self.store.read() as session:
            return find_definition(session, find_mover(session, mover), path)[1]

    def sql(self, *statements: str) -> list[tuple[Any, ...]]:
        """Run statements on the store behind its back; the rows of the last one."""
        if isinstance(self.store.place, SqlitePlace):
            return sql(self.store.place.path, *statements)
        rows: list[tuple[Any, ...]] = []
        with self.store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for statement in statements:
                found = connection.exec_driver_sql(statement)
                rows = [tuple(row) for row in found] if found.returns_rows else []
        return rows

    def dump(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every table, for saying that nothing changed."""
        if isinstance(self.store.place, SqlitePlace):
            return dump(self.store.place.path)
        tables = [name for (name,) in self.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'longshore'")]
        return {table: sorted(self.sql(f"SELECT * FROM {table}"), key=repr) for table in tables}

    def raw(self) -> bytes:
        """All that is kept: the bytes of the file and of its log, or the rows of a server."""
        if not isinstance(self.store.place, SqlitePlace):
            return repr(self.dump()).encode()
        return b"".join(p.read_bytes() for p in self.path.parent.iterdir() if p.name.startswith(self.path.name))

    # Plans.

    def apply(self, document: str | bytes | dict[str, Any], name: str = "plan.yaml") -> list[Applied]:
        if isinstance(document, dict):
            document = json.dumps(document)
        raw = document if isinstance(document, bytes) else document.encode()
        with self.write() as tx:
            return apply_plan(tx, parse_plan(raw, name))

    def export(self) -> dict[str, Any]:
        with self.store.read() as session:
            return export_plan(session, list(session.exec(select(StorageMover).order_by(StorageMover.name))))


def _projects(session: Session, mover: StorageMover) -> list[Any]:
    from store.models import Project

    return list(session.exec(select(Project).where(Project.mover_id == mover.id)))


def dump(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, for saying that nothing changed."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {table: sorted(connection.execute(f"SELECT * FROM {table}"), key=repr) for table in tables}


def sql(path: Path, *statements: str) -> list[tuple[Any, ...]]:
    """Run statements on a store behind its back; the rows of the last one."""
    with contextlib.closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as connection:
        rows: list[tuple[Any, ...]] = []
        for statement in statements:
            rows = connection.execute(statement).fetchall()
        return rows


def refusal(kind: type[LongshoreError], call: Callable[[], Any]) -> LongshoreError:
    """The refusal that a call ends in: one sentence, which ends with a full stop."""
    with pytest.raises(kind) as refused:
        call()
    error = refused.value
    assert "\n" not in error.sentence
    assert error.sentence.endswith((".", "?"))
    return error


def eventually(condition: Callable[[], object], seconds: float = LIMIT) -> float:
    """Wait until a condition holds; the seconds that it took."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > seconds:
            raise AssertionError(f"did not become true within {seconds} s")
        time.sleep(0.005)
    return time.monotonic() - began


def python(script: str, *arguments: object, **options: Any) -> subprocess.Popen[str]:
    """A real Python process that runs a script, with pipes."""
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def outputs(processes: Iterable[subprocess.Popen[str]], seconds: float = 60) -> list[str]:
    """What each process printed; each must end well."""
    found = []
    for process in processes:
        out, err = process.communicate(timeout=seconds)
        assert process.returncode == 0, err
        found.append(out)
    return found


def as_nobody(call: Callable[[], object]) -> str:
    """Make a call in a child that has no privileges; what it returned or was refused with, as text.

    A fork, because the interpreter itself may be out of nobody's reach. The parent must not have
    the store open: SQLite's locks do not survive a fork.
    """
    receive, send = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            try:
                answer = repr(call())
            except LongshoreError as error:
                answer = f"{error.code} {error.exit_code} {error.sentence}"
            os.write(send, answer.encode())
        except BaseException as error:
            os.write(send, f"raw {type(error).__name__}: {error}".encode())
        finally:
            os._exit(0)
    os.close(send)
    with os.fdopen(receive) as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    return answer
