"""Writing a past into a store in bulk: the rows that the calls of its time would have left.

A batch is one transaction. The feed's triggers are off within it, since nobody can have followed the past: a new
epoch tells readers to look afresh. Indexes are made at the end, and definitions learn of their latest run: who kills
the process before throws the store away.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from itertools import islice
from random import Random
from typing import Any, Final

from sqlalchemy import insert
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
from store.db import open_store
from store.endpoints import LocalPath, to_arm
from store.maintenance import maintain
from store.models import COUNTER_FIELDS, Agent, Endpoint, JobDefinition, StorageMover
from store.models import Project as ProjectRow
from store.place import StorePlace
from store.resources.common import Put
from store.upkeep.filling import (
    Row,
    derive_from_runs,
    next_ids,
    prepare,
    put,
    tell_definitions,
    without_feed,
    without_indexes,
)
from store.upkeep.retention import set_policy
from store.vocabulary import AgentStatus, CopyMode, EndpointType, GrantPermission, JobRunStatus, RunKind, ScanStatus

BATCH: Final = 20_000
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
    with closing(open_store(place)) as store, store.connect() as plain:
        with store.write("ann") as tx:
            # What was just made is not to be taken away as too old.
            set_policy(tx, items_days=0, reports_days=0, samples_days=0)
        connection = plain.execution_options(longshore_write=True)
        prepare(connection)
        with without_feed(connection):
            places = _hierarchy(connection, history)
            first = next_ids(connection)["job_run"]
        runs = past_runs(history, places, first, {})
        with without_indexes(connection):
            while batch := list(islice(runs, BATCH)):
                with without_feed(connection):
                    items += _batch(connection, history, batch, done)
                done += len(batch)
                maintain(store)
                told(done)
        with without_feed(connection):
            tell_definitions(connection, first)
        maintain(store)
    return items


def _batch(connection: Connection, history: History, batch: Sequence[PastRun], done: int) -> int:
    put(connection, "job_run", RUN_COLUMNS, map(_run_row, batch))
    put(connection, "access_grant", GRANT_COLUMNS, (row for run in batch for row in _grant_rows(run)))
    put(connection, "event", EVENT_COLUMNS, (row for run in batch for row in _event_rows(run)))
    items = put(connection, "run_item", ITEM_COLUMNS, (row for run in batch for row in _item_rows(run)))
    recent = [run for number, run in enumerate(batch, done) if number >= history.runs - SAMPLED and run.thinned is None]
    put(connection, "progress_sample", ("run_id", "at", "items", "bytes"), (r for run in recent for r in _samples(run)))
    derive_from_runs(connection, batch[0].id, batch[-1].id)
    return items


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
    ids = next_ids(connection)
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
    put(connection, "event", EVENT_COLUMNS, events)
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
