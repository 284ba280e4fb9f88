"""Writing a past into a store in bulk: the rows that the calls of its time would have left.

A batch is one transaction. The feed's triggers are off within it, since nobody can have followed the past: a new
epoch tells readers to look afresh. Indexes are made at the end, and definitions learn of their latest run: who kills
the process before throws the store away.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import islice
from random import Random
from typing import Any, Final

from sqlalchemy import insert, text
from sqlalchemy.engine import Connection

from agentsim.engine import board
from agentsim.simulate.hierarchy import Project, tags
from agentsim.simulate.history import (
    SAMPLED,
    History,
    PastRun,
    Place,
    agent_names,
    past_runs,
    tree,
)
from agentsim.simulate.snapshots import SOURCE, Snapshots
from agentsim.simulate.words import VERSIONS
from store import derived
from store.db import open_store
from store.endpoints import LocalPath, to_arm
from store.maintenance import maintain
from store.models import COUNTER_FIELDS, FEED_TABLES, Agent, Endpoint, JobDefinition, StorageMover
from store.models import Project as ProjectRow
from store.place import StorePlace
from store.resources.common import Put
from store.upkeep.retention import set_policy
from store.vocabulary import AgentStatus, CopyMode, EndpointType, GrantPermission, JobRunStatus, RunKind, ScanStatus

BATCH: Final = 20_000
ROWS: Final = 50_000
"""Rows of items that are held at a time."""

SAMPLE_COUNT: Final = 60
RUN_COLUMNS: Final = (
    "id",
    "mover_id",
    "project_id",
    "definition_id",
    "source_id",
    "target_id",
    "number",
    "kind",
    "overrides",
    "report",
    "agent_id",
    "agent_name",
    "copy_mode",
    "target_key",
    "status",
    "scan_status",
    "trigger_type",
    "created_at",
    "created_by",
    "execution_start_time",
    "execution_end_time",
    "last_status_update",
    "cancel_deadline",
    "thinned_at",
    "fence",
    "definition_properties",
    "source_properties",
    "target_properties",
    "error_code",
    "error_message",
    "error_target",
    *COUNTER_FIELDS,
)
ITEM_COLUMNS: Final = ("run_id", "fence", "path", "kind", "outcome", "code", "message", "size", "at")
EVENT_COLUMNS: Final = ("at", "actor", "mover_id", "kind", "resource_id", "resource", "action", "detail")
GRANT_COLUMNS: Final = (
    "run_id",
    "agent_id",
    "endpoint_id",
    "endpoint_name",
    "permission",
    "granted_at",
    "granted_by",
    "ended_at",
)
_WITH_IDS: Final = ("storage_mover", "agent", "endpoint", "project", "job_definition", "job_run")

_GREAT: Final = ("job_run", "run_item", "event", "access_grant")

UPKEEP_INDEX: Final = "ix_job_run_thin"
"""By which whoever keeps up the store finds that there is nothing to thin out."""

Row = tuple[Any, ...]


def write_history(place: StorePlace, history: History, told: Callable[[int], None]) -> int:
    """Write a past into a store that is up to date.

    Args:
        place: the store.
        history: what past.
        told: called after each batch with the number of runs written so far.

    Returns:
        How many items were written.

    Raises:
        StoreUnavailable: what is written so far stays, whole batches of it.
    """
    items = done = 0
    with closing(open_store(place)) as store, store.engine.connect() as plain:
        with store.write("ann") as tx:
            # What was just made is not to be taken away as too old.
            set_policy(tx, items_days=0, reports_days=0, samples_days=0)
        connection = plain.execution_options(longshore_write=True)
        _prepare(connection)
        with _without_feed(connection):
            places = _hierarchy(connection, history)
            first = (connection.exec_driver_sql("SELECT max(id) FROM job_run").scalar() or 0) + 1
        runs = past_runs(history, places, first, {})
        with _without_indexes(connection):
            while batch := list(islice(runs, BATCH)):
                with _without_feed(connection):
                    items += _batch(connection, history, batch, done)
                done += len(batch)
                maintain(store)
                told(done)
        with _without_feed(connection):
            _tell_definitions(connection, first)
        maintain(store)
    return items


def _prepare(connection: Connection) -> None:
    """Settings of this connection alone: what it writes refers to what it has written."""
    if connection.dialect.name == "sqlite":
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.execute("PRAGMA foreign_keys=OFF")
        # Indexes of years do not fit into what suffices for an agent.
        driver.execute("PRAGMA cache_size=-262144")
        driver.execute("PRAGMA threads=2")


@contextmanager
def _without_indexes(connection: Connection) -> Iterator[None]:
    """The great tables are without their indexes: made at the end, each of them costs a tenth."""
    if connection.dialect.name == "sqlite":
        found = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name = '{}'"
    else:
        found = (
            "SELECT i.indexname, i.indexdef FROM pg_indexes i WHERE i.schemaname = current_schema() "
            "AND i.tablename = '{}' AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conname = i.indexname)"
        )
    with connection.begin():
        indexes = [
            (name, statement)
            for table in _GREAT
            for name, statement in connection.exec_driver_sql(found.format(table))
            if name != UPKEEP_INDEX
        ]
        for name, _ in indexes:
            connection.exec_driver_sql(f"DROP INDEX {name}")
    try:
        yield
    finally:
        for _, statement in indexes:
            with connection.begin():
                connection.exec_driver_sql(statement)


@contextmanager
def _without_feed(connection: Connection) -> Iterator[None]:
    """One transaction in which the feed's triggers are off, and after which readers look afresh."""
    server = connection.dialect.name == "postgresql"
    names = [(table, f"feed_{table}_{op}") for table in FEED_TABLES for op in "iud"]
    with connection.begin():
        for table, name in names:
            connection.exec_driver_sql(
                f"ALTER TABLE {table} DISABLE TRIGGER {name}" if server else f"DROP TRIGGER IF EXISTS {name}"
            )
        if not server:
            # It counts run by run; a batch is counted at once. A server's counts so already.
            connection.exec_driver_sql("DROP TRIGGER IF EXISTS totals_job_run_i")
        yield
        if server:
            for table, name in names:
                connection.exec_driver_sql(f"ALTER TABLE {table} ENABLE TRIGGER {name}")
            for table in _WITH_IDS:
                sequence = f"pg_get_serial_sequence('{table}', 'id')"
                connection.exec_driver_sql(
                    f"SELECT setval({sequence}, (SELECT coalesce(max(id), 0) + 1 FROM {table}), false)"
                )
        else:
            # Imports Alembic: a quarter of a second that only a past has to wait for.
            from store.migrate import install_triggers

            install_triggers(connection)
            derived.install(connection)
        connection.execute(text("UPDATE feed_state SET epoch = :epoch"), {"epoch": secrets.token_hex(8)})


def _put(connection: Connection, table: str, columns: Sequence[str], rows: Iterable[Row]) -> int:
    """Insert rows as fast as the database takes them; how many."""
    count = 0
    rows = iter(rows)
    if connection.dialect.name == "postgresql":
        cursor = connection.connection.cursor()
        with cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
                count += 1
        cursor.close()
        return count
    statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
    driver = connection.connection.driver_connection
    assert driver is not None
    while some := list(islice(rows, ROWS)):
        driver.executemany(statement, some)
        count += len(some)
    return count


def _batch(connection: Connection, history: History, batch: Sequence[PastRun], done: int) -> int:
    _put(connection, "job_run", RUN_COLUMNS, map(_run_row, batch))
    _put(connection, "access_grant", GRANT_COLUMNS, (row for run in batch for row in _grant_rows(run)))
    _put(connection, "event", EVENT_COLUMNS, (row for run in batch for row in _event_rows(run)))
    items = _put(connection, "run_item", ITEM_COLUMNS, (row for run in batch for row in _item_rows(run)))
    recent = [run for number, run in enumerate(batch, done) if number >= history.runs - SAMPLED and run.thinned is None]
    _put(
        connection, "progress_sample", ("run_id", "at", "items", "bytes"), (r for run in recent for r in _samples(run))
    )
    span = {"first": batch[0].id, "last": batch[-1].id}
    counters = ", ".join(COUNTER_FIELDS)
    if connection.dialect.name == "sqlite":
        sums = ", ".join(f"sum({name})" for name in COUNTER_FIELDS)
        added = ", ".join(f"{name} = run_totals.{name} + excluded.{name}" for name in ("runs", *COUNTER_FIELDS))
        connection.execute(
            text(
                f"INSERT INTO run_totals (mover_id, kind, status, runs, {counters}) "
                f"SELECT mover_id, kind, status, count(*), {sums} FROM job_run WHERE id BETWEEN :first AND :last "
                f"GROUP BY mover_id, kind, status ON CONFLICT (mover_id, kind, status) DO UPDATE SET {added}"
            ),
            span,
        )
    connection.execute(
        text(
            f"INSERT INTO run_progress (run_id, at, phase, total_items, total_bytes, bytes_in_flight, "
            f"items_deleted_before, bytes_deleted_before, current, {counters}) "
            f"SELECT id, execution_end_time, 'finish', items_scanned, bytes_scanned, 0, 0, 0, '[]', {counters} "
            "FROM job_run WHERE id BETWEEN :first AND :last AND fence > 0"
        ),
        span,
    )
    return items


def _tell_definitions(connection: Connection, first: int) -> None:
    """Each definition's count and latest run: once, since each costs what a list of definitions is sorted by."""
    connection.execute(
        text(
            "UPDATE job_definition SET run_count = latest.number, latest_run_id = latest.id FROM "
            "(SELECT definition_id, max(id) AS id, max(number) AS number FROM job_run WHERE id >= :first "
            "GROUP BY definition_id) AS latest WHERE job_definition.id = latest.definition_id"
        ),
        {"first": first},
    )


def _run_row(run: PastRun) -> Row:
    place, shape = run.place, run.shape
    scan = ScanStatus.COMPLETED if shape.totals[board.SCANNED] else ScanStatus.NOT_STARTED
    canceled = shape.status == JobRunStatus.CANCELED
    return (
        run.id,
        place.mover_id,
        place.project_id,
        place.definition_id,
        place.source_id,
        place.target_id,
        run.number,
        shape.kind.value,
        "[]",
        False,
        place.agent_id,
        place.agent,
        place.mode.value,
        place.target_key,
        shape.status.value,
        scan.value,
        "Manual",
        run.created,
        run.admin,
        run.started,
        run.ended,
        run.ended,
        run.ended + 28_000 if canceled else None,
        run.thinned,
        shape.fence,
        *place.snapshot,
        *shape.error,
        *shape.totals,
    )


def _grant_rows(run: PastRun) -> Iterator[Row]:
    place = run.place
    target = GrantPermission.WRITE if run.shape.kind == RunKind.COPY else GrantPermission.READ
    for endpoint_id, name, permission in (
        (place.source_id, place.source, GrantPermission.READ),
        (place.target_id, place.target, target),
    ):
        yield run.id, place.agent_id, endpoint_id, name, permission.value, run.created, run.admin, run.ended


def _event_rows(run: PastRun) -> Iterator[Row]:
    place, shape, label = run.place, run.shape, run.label
    agent = f"agent/{place.agent}"
    what = place.mode if shape.kind == RunKind.COPY else f"{shape.kind} of {place.mode}"
    verb = "write" if shape.kind == RunKind.COPY else "read"
    words = f"{what} on {place.agent}; read {place.source}, {verb} {place.target}"
    moves: list[tuple[int, str, str, str]] = [(run.created, run.admin, "queued", words)]
    canceled = shape.status == JobRunStatus.CANCELED
    if run.started is not None:
        moves.append((run.started, agent, "Started", f"by {place.agent}"))
        # Preflight did not pass where nothing was scanned.
        if shape.totals[board.SCANNED] or canceled:
            moves.append((run.started, agent, "Running", ""))
        if shape.fence > 1:
            moves.append((run.started, agent, "resumed", "the agent had restarted"))
    if canceled:
        moves.append((run.ended, run.admin, "CancelRequested", ""))
        if run.started is not None:
            moves.append((run.ended, agent, "Canceling", ""))
    by = run.admin if shape.waited else agent
    moves.append((run.ended, by, shape.status.value, shape.message))
    for at, actor, action, detail in moves:
        yield at, actor, place.mover_id, "job_run", run.id, label, action, detail


def _item_rows(run: PastRun) -> Iterator[Row]:
    head, end = (run.id, run.shape.fence), (run.ended,)
    return (head + item + end for item in run.shape.items)


def _samples(run: PastRun) -> Iterator[Row]:
    if run.started is None:
        return
    step = max(1_000, (run.ended - run.started) // SAMPLE_COUNT)
    items, bytes_ = run.shape.totals[board.SCANNED], run.shape.totals[board.BYTES + board.TRANSFERRED]
    for number in range(min(SAMPLE_COUNT, (run.ended - run.started) // step)):
        share = (number + 1) / SAMPLE_COUNT
        yield run.id, run.started + step * number, int(items * share), int(bytes_ * share)


# The hierarchy of the past.


def _hierarchy(connection: Connection, history: History) -> list[Place]:
    """Everything that the runs refer to; the definitions, the one that runs all the time first."""
    ids = {table: (connection.exec_driver_sql(f"SELECT max(id) FROM {table}").scalar() or 0) + 1 for table in _WITH_IDS}
    random = Random(f"longshore hosts {history.seed}")
    made = {
        "created_at": history.begin,
        "created_by": "ann",
        "last_modified_at": history.begin,
        "last_modified_by": "ann",
        "version": 1,
    }
    movers = tree(history)
    mover_ids = {name: ids["storage_mover"] + number for number, (name, _) in enumerate(movers)}
    connection.execute(
        insert(StorageMover),
        [
            {**made, "id": mover_ids[name], "name": name, "description": "Simulated", "tags": tags(history.seed)}
            for name, _ in movers
        ],
    )
    agents: dict[str, list[tuple[int, str]]] = {}
    rows = []
    for number, (mover, name) in enumerate(agent_names(history)):
        agents.setdefault(mover, []).append((ids["agent"] + number, name))
        rows.append({**made, **_agent_row(random, number, name), "id": ids["agent"] + number})
        rows[-1]["mover_id"] = mover_ids[mover]
    connection.execute(insert(Agent), rows)
    events: list[Row] = [
        (history.begin, "ann", mover_ids[name], "storage_mover", mover_ids[name], name, "created", "")
        for name, _ in movers
    ]
    for mover, found in agents.items():
        events += [
            (history.begin, f"agent/{name}", mover_ids[mover], "agent", n, f"{mover}/agents/{name}", "registered", "")
            for n, name in found
        ]
    places: list[Place] = []
    for mover, projects in movers:
        branch = _Branch(mover, mover_ids[mover], agents[mover], made, ids)
        for project in projects:
            branch.add(project)
        branch.write(connection)
        events += branch.events
        places += branch.places
    _put(connection, "event", EVENT_COLUMNS, events)
    return places


def _agent_row(random: Random, number: int, name: str) -> dict[str, Any]:
    return {
        "name": name,
        "agent_version": random.choice(VERSIONS),
        "host": f"{name}.example.net",
        "local_ip_address": f"10.128.{number >> 8}.{number & 255}",
        "time_zone": "UTC",
        "memory_in_mb": random.choice((4_096, 8_192, 16_384)),
        "number_of_cores": random.choice((2, 4, 8)),
        "status": AgentStatus.ONLINE,
        # Nobody knows what this is the hash of: no process can be this agent.
        "credential_hash": secrets.token_hex(32),
        "host_key": f"simulated:{name}",
    }


class _Branch:
    """The rows of one mover's projects, endpoints and definitions."""

    def __init__(
        self, mover: str, mover_id: int, agents: list[tuple[int, str]], made: dict[str, Any], ids: dict[str, int]
    ) -> None:
        self._mover, self._mover_id, self._agents, self._ids = mover, mover_id, agents, ids
        self._base = {**made, "mover_id": mover_id, "description": ""}
        # One of each as the store's own models have it: a hundred thousand of them would take half a minute.
        endpoint = Endpoint(
            **self._base,
            name=SOURCE,
            endpoint_type=EndpointType.LOCAL_PATH,
            place="",
            location_key="",
            properties=to_arm(LocalPath(path=f"/{SOURCE}")),
        )
        definition = JobDefinition(**self._base, name="", copy_mode=CopyMode.MIRROR)
        self._snapshots = Snapshots(endpoint, definition)
        self._endpoint_base = endpoint.model_dump()
        self._definition_base = definition.model_dump()
        self._projects: list[dict[str, Any]] = []
        self._endpoints: list[dict[str, Any]] = []
        self._definitions: list[dict[str, Any]] = []
        self.events: list[Row] = []
        self.places: list[Place] = []

    def add(self, project: Project) -> None:
        project_id = self._next("project")
        self._projects.append({**self._base, "id": project_id, "name": project.name})
        self._event("project", project_id, f"{self._mover}/{project.name}", "")
        source_id = self._endpoint(project.source, project.source_path)
        target_id = self._endpoint(project.target, project.target_path)
        for one in project.definitions:
            agent_id, agent = self._agents[len(self.places) % len(self._agents)]
            definition_id = self._next("job_definition")
            self._definitions.append(
                {
                    **self._definition_base,
                    "id": definition_id,
                    "project_id": project_id,
                    "project_name": project.name,
                    "name": one.name,
                    "copy_mode": one.copy_mode,
                    "source_id": source_id,
                    "source_subpath": one.sub_path,
                    "target_id": target_id,
                    "target_subpath": one.sub_path,
                    "agent_name": agent,
                }
            )
            self._event("job_definition", definition_id, f"{self._mover}/{project.name}/{one.name}", "")
            self.places.append(
                Place(
                    mover_id=self._mover_id,
                    project_id=project_id,
                    definition_id=definition_id,
                    source_id=source_id,
                    target_id=target_id,
                    agent_id=agent_id,
                    agent=agent,
                    label=f"{project.name}/{one.name}",
                    source=project.source,
                    target=project.target,
                    mode=one.copy_mode,
                    target_key=f"{LocalPath(path=project.target_path).location_key()}/{one.sub_path}",
                    snapshot=self._snapshots.of(project, one, agent),
                )
            )

    def write(self, connection: Connection) -> None:
        connection.execute(insert(Endpoint), self._endpoints)
        connection.execute(insert(ProjectRow), self._projects)
        connection.execute(insert(JobDefinition), self._definitions)

    def _endpoint(self, name: str, path: str) -> int:
        place = LocalPath(path=path)
        number = self._next("endpoint")
        self._endpoints.append(
            {
                **self._endpoint_base,
                "id": number,
                "name": name,
                "place": place.place(),
                "location_key": place.location_key(),
                "properties": to_arm(place),
            }
        )
        self._event("endpoint", number, f"{self._mover}/endpoints/{name}", place.place())
        return number

    def _next(self, table: str) -> int:
        self._ids[table] += 1
        return self._ids[table] - 1

    def _event(self, kind: str, number: int, path: str, detail: str) -> None:
        self.events.append(
            (self._base["created_at"], "ann", self._mover_id, kind, number, path, Put.CREATED.value, detail)
        )
