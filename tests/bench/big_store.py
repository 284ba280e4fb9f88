"""A store of years: filled in bulk, without the operations, for measuring what reading it costs.

Made once in a directory and kept there. At scale 1: 10,000 projects, 100,000 definitions, 20,000 endpoints, 1,000
agents, 1,000,000 runs of which 200 have not ended, 5,000,000 items of which one run has a tenth.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from sqlmodel import SQLModel

from store.db import open_store
from store.migrate import install_triggers
from store.models import (
    COUNTER_FIELDS,
    AccessGrant,
    Agent,
    AgentBeat,
    Endpoint,
    Event,
    JobDefinition,
    JobRun,
    ProgressSample,
    Project,
    RunItem,
    RunLease,
    RunProgress,
    StorageMover,
)
from store.place import StorePlace, locate
from store.sqlite.place import SqlitePlace
from store.vocabulary import Outcome
from tests import postgres

NOW = 1_790_000_000_000
DAY = 86_400_000
YEARS = 3 * 365 * DAY
_WORDS = tuple(
    "home arch data share finance payroll legal media backup "  # noqa: SIM905 (words read better so)
    "scans project team dept user profile lab cad web".split()
)
_CODES = ("AZSM2080", "AZSM2061", "AZSM2069", "AZSM2021")
_BATCH = 20_000

Filler = tuple[type[SQLModel], Iterable[dict[str, Any]]]


class Sizes:
    """How many of each there are at a scale."""

    def __init__(self, scale: float) -> None:
        self.projects = max(3, int(10_000 * scale))
        self.definitions = max(12, int(100_000 * scale))
        self.endpoints = max(6, int(20_000 * scale))
        self.agents = max(2, int(1_000 * scale))
        self.runs = max(60, int(1_000_000 * scale))
        self.active = max(4, int(200 * scale))
        self.items = max(300, int(5_000_000 * scale))
        self.scale = scale

    @property
    def large_run(self) -> int:
        """The run with a tenth of all items."""
        return self.runs // 2


class History:
    """The rows of a store, table by table in the order of their references. One seed gives one store."""

    def __init__(self, sizes: Sizes) -> None:
        self.sizes = sizes
        self.chance = random.Random(7)
        words = self.chance.choices(_WORDS, k=sizes.definitions)
        self.names = [
            f"{words[n]}-{words[n * 7 % len(words)]}-{n % 1000}-{n // 1000}" for n in range(sizes.definitions)
        ]
        self.projects = [f"{_WORDS[n % len(_WORDS)]}-wave-{n * 37 % sizes.projects}" for n in range(sizes.projects)]
        self.ends = [self._pair(n) for n in range(sizes.definitions)]
        self.run_definition: list[int] = []
        self.active_definitions = set(range(1, sizes.definitions, max(2, sizes.definitions // sizes.active)))

    def _pair(self, n: int) -> tuple[int, int]:
        half = self.sizes.endpoints // 2
        # A few targets serve very many definitions, as one big share does.
        target = n % 5 if n % 10 == 0 else n % half
        return n % half + 1, half + target + 1

    def tables(self) -> Iterator[Filler]:
        yield StorageMover, [{"id": 1, "name": "nas-exit", "tags": {}}]
        yield Agent, self._agents()
        yield AgentBeat, [{"agent_id": n + 1, "at": NOW - n % 40_000} for n in range(self.sizes.agents)]
        yield Endpoint, self._endpoints()
        yield Project, [{"id": n + 1, "mover_id": 1, "name": name} for n, name in enumerate(self.projects)]
        yield JobDefinition, self._definitions()
        yield JobRun, self._runs()
        yield AccessGrant, self._grants()
        yield RunLease, self._leases()
        yield RunProgress, self._progress()
        yield ProgressSample, self._samples()
        yield Event, self._events()
        yield RunItem, self._items()

    def _agents(self) -> Iterator[dict[str, Any]]:
        states = ("Online", "Executing", "Online", "RequiresAttention", "Registering")
        for n in range(self.sizes.agents):
            yield {
                "id": n + 1,
                "mover_id": 1,
                "name": f"dock-{n}",
                "status": states[n % 5] if n % 40 < 5 else "Online",
                "credential_hash": "x",
                "host": f"host-{n}",
            }

    def _endpoints(self) -> Iterator[dict[str, Any]]:
        kinds = ("LocalPath", "LocalPath", "NfsMount", "SmbMount", "AzureStorageBlobContainer")
        for n in range(self.sizes.endpoints):
            path = f"/srv/{_WORDS[n % len(_WORDS)]}/{_WORDS[n * 5 % len(_WORDS)]}/{n}"
            yield {
                "id": n + 1,
                "mover_id": 1,
                "name": f"{_WORDS[n * 3 % len(_WORDS)]}-{'from' if n < self.sizes.endpoints // 2 else 'to'}-{n}",
                "endpoint_type": kinds[n % 5],
                "place": path,
                "location_key": f"local:{path}",
                "properties": {"endpointType": "LocalPath", "path": path},
            }

    def _definitions(self) -> Iterator[dict[str, Any]]:
        for n, name in enumerate(self.names):
            project = n % self.sizes.projects
            yield {
                "id": n + 1,
                "mover_id": 1,
                "project_id": project + 1,
                "project_name": self.projects[project],
                "name": name,
                "copy_mode": "Mirror",
                "source_id": self.ends[n][0],
                "source_subpath": name,
                "target_id": self.ends[n][1],
                "target_subpath": name,
                "agent_name": f"dock-{n % self.sizes.agents}",
            }

    def _runs(self) -> Iterator[dict[str, Any]]:
        sizes, chance = self.sizes, self.chance
        counts = [0] * sizes.definitions
        # One in twenty has never run; some run each night, most now and then.
        ready = [n for n in range(sizes.definitions) if n % 20]
        often = ready[: max(1, len(ready) // 50)]
        active = iter(sorted(self.active_definitions & set(ready)))
        taken = dict.fromkeys(islice(active, sizes.active))
        ended = [n for n in ready if n not in taken]
        for number in range(1, sizes.runs + 1):
            waits = sizes.runs - number < len(taken)
            definition = taken_one(taken) if waits else chance.choice(often if number % 4 == 0 else ended)
            counts[definition] += 1
            self.run_definition.append(definition)
            yield self._run(number, definition, counts[definition], waits)

    def _run(self, number: int, definition: int, count: int, waits: bool) -> dict[str, Any]:
        chance = self.chance
        began = NOW - YEARS + number * YEARS // self.sizes.runs
        draw = chance.random()
        status = "Succeeded" if draw < 0.85 else "Failed" if draw < 0.95 else "Canceled"
        failed = 0 if draw < 0.8 else int(chance.expovariate(0.02))
        if waits:
            status, failed = ("Running", "Queued", "Started", "CancelRequested")[number % 4], 0
        items = int(chance.lognormvariate(9, 2)) + failed
        source, target = self.ends[definition]
        return {
            "id": number,
            "mover_id": 1,
            "project_id": definition % self.sizes.projects + 1,
            "definition_id": definition + 1,
            "source_id": source,
            "target_id": target,
            "number": count,
            "kind": "Preview" if number % 10 == 0 else "Copy",
            "agent_id": definition % self.sizes.agents + 1,
            "agent_name": f"dock-{definition % self.sizes.agents}",
            "copy_mode": "Mirror",
            "target_key": f"local:/srv/{target}/{definition}",
            "status": status,
            "created_at": began,
            "created_by": "ann",
            "execution_start_time": began + 1_000,
            "execution_end_time": None if waits else began + 600_000,
            "last_status_update": began + 600_000,
            "fence": 1,
            "items_scanned": items,
            "items_transferred": 0 if waits else items - failed,
            "items_failed": failed,
            "bytes_scanned": items * 100_000,
            "bytes_transferred": 0 if waits else (items - failed) * chance.randrange(1_000, 200_000),
            "definition_properties": {
                "copyMode": "Mirror",
                "jobType": "OnPremToCloud",
                "sourceName": f"home-from-{source}",
                "sourceSubpath": self.names[definition],
                "targetName": f"home-to-{target}",
                "targetSubpath": self.names[definition],
            },
            "source_properties": {"name": f"home-from-{source}", "endpointType": "LocalPath", "path": f"/srv/{source}"},
            "target_properties": {"name": f"home-to-{target}", "endpointType": "LocalPath", "path": f"/srv/{target}"},
        }

    def _active_runs(self) -> range:
        return range(self.sizes.runs - self.sizes.active + 1, self.sizes.runs + 1)

    def _grants(self) -> Iterator[dict[str, Any]]:
        first = self._active_runs().start
        for run, definition in enumerate(self.run_definition, 1):
            for endpoint, permission in zip(self.ends[definition], ("Read", "Write"), strict=True):
                yield {
                    "run_id": run,
                    "agent_id": definition % self.sizes.agents + 1,
                    "endpoint_id": endpoint,
                    "endpoint_name": f"home-{endpoint}",
                    "permission": permission,
                    "granted_at": NOW - YEARS,
                    "granted_by": "ann",
                    "ended_at": None if run >= first else NOW,
                }

    def _leases(self) -> Iterator[dict[str, Any]]:
        for run in self._active_runs():
            agent = self.run_definition[run - 1] % self.sizes.agents + 1
            yield {"run_id": run, "agent_id": agent, "fence": 1, "lease_until": NOW + 30_000}

    def _progress(self) -> Iterator[dict[str, Any]]:
        for run in range(1, self.sizes.runs + 1, 1 if self.sizes.scale < 0.01 else 10):
            yield {"run_id": run, "at": NOW, "items_scanned": run % 1000, "current": []}
        for run in self._active_runs():
            if self.sizes.scale >= 0.01 and run % 10 != 1:
                yield {"run_id": run, "at": NOW, "items_scanned": run % 1000, "current": []}

    def _samples(self) -> Iterator[dict[str, Any]]:
        for run in range(max(1, self.sizes.runs - 2_000), self.sizes.runs + 1):
            for second in range(60):
                yield {
                    "run_id": run,
                    "at": NOW - (60 - second) * 1000,
                    "items": second * 10,
                    "bytes": second * 1_000_000,
                }

    def _events(self) -> Iterator[dict[str, Any]]:
        for run, definition in enumerate(self.run_definition, 1):
            yield {
                "at": NOW,
                "actor": "ann",
                "mover_id": 1,
                "kind": "job_run",
                "resource_id": run,
                "resource": f"nas-exit/{self.projects[definition % self.sizes.projects]}/{self.names[definition]}",
                "action": "queued",
            }

    def _items(self) -> Iterator[dict[str, Any]]:
        sizes, chance = self.sizes, self.chance
        outcomes = [str(outcome) for outcome in Outcome if outcome not in ("Transferred", "NoTransferNeeded")]
        large = sizes.items // 10
        each = max(1, (sizes.items - large) // max(1, sizes.runs // 10))
        for run in range(1, sizes.runs + 1):
            count = large if run == sizes.large_run else each if run % 10 == 1 else 0
            for n in range(count):
                # In the large run deletes are rare: two among half a million.
                rare = run == sizes.large_run and n % (large // 2 or 1) == 1
                outcome = "Deleted" if rare else outcomes[n % 3]
                words = chance.choices(_WORDS, k=3)
                yield {
                    "run_id": run,
                    "fence": 1,
                    "path": f"{words[0]}/{words[1]}/{words[2]}-{n}.bin".encode(),
                    "kind": "F",
                    "outcome": outcome,
                    "code": _CODES[n % 4],
                    "message": "Permission denied: let the agent's user read it, or exclude it.",
                    "size": chance.randrange(1_000_000),
                    "at": NOW,
                }


def taken_one(taken: dict[int, None]) -> int:
    """Take a definition out of those that are to run."""
    definition = next(iter(taken))
    del taken[definition]
    return definition


def _columns(model: type[SQLModel], rows: Iterable[dict[str, Any]]) -> tuple[list[str], Iterator[tuple[Any, ...]]]:
    """The columns that are filled, and the rows as tuples: what is not said is the model's default."""
    rows = iter(rows)
    first = next(rows)
    blank = model.model_construct(**first).model_dump(warnings=False)
    table: Any = SQLModel.metadata.tables[str(model.__tablename__)]
    names = [column.name for column in table.columns if column.name != "id" or "id" in first]
    defaults = tuple(_plain(blank.get(name)) for name in names)
    places = {name: place for place, name in enumerate(names)}

    def filled() -> Iterator[tuple[Any, ...]]:
        for row in (first, *()):
            yield tuple(_plain(row.get(name, defaults[places[name]])) for name in names)
        for row in rows:
            values = list(defaults)
            for name, value in row.items():
                values[places[name]] = json.dumps(value) if isinstance(value, (dict, list)) else value
            yield tuple(values)

    return names, filled()


def _plain(value: Any) -> Any:
    if isinstance(value, (dict, list)):
        return json.dumps(value)
    return str(value) if isinstance(value, str) else value


LATEST = (
    "UPDATE job_definition SET run_count = (SELECT count(*) FROM job_run r WHERE r.definition_id = job_definition.id), "
    "latest_run_id = (SELECT max(r.id) FROM job_run r WHERE r.definition_id = job_definition.id)"
)


def make_sqlite(path: Path, sizes: Sizes) -> SqlitePlace:
    """The store in a file; made if it is not there."""
    place = locate(str(path))
    assert isinstance(place, SqlitePlace)
    if path.exists():
        return place
    making = path.with_name(path.name + ".making")
    making.unlink(missing_ok=True)
    open_store(str(making)).close()
    with closing(sqlite3.connect(making, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=OFF")
        connection.execute("PRAGMA synchronous=OFF")
        indexes = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
        kept = indexes.fetchall()
        for name, _ in kept:
            connection.execute(f"DROP INDEX {name}")
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute("BEGIN")
        for model, rows in History(sizes).tables():
            names, values = _columns(model, rows)
            places = ", ".join("?" * len(names))
            connection.executemany(f"INSERT INTO {model.__tablename__} ({', '.join(names)}) VALUES ({places})", values)
        for _, text in kept:
            connection.execute(text)
        connection.execute("COMMIT")
        connection.execute("PRAGMA journal_mode=WAL")
    _finish(locate(str(making)))
    making.rename(path)
    return place


def make_postgres(cluster: postgres.Cluster, sizes: Sizes) -> StorePlace:
    """The store in a database of a server; made if it is not there."""
    name = f"big_{sizes.runs}"
    if cluster.psql(f"SELECT 1 FROM pg_database WHERE datname = '{name}'"):
        return locate(cluster.url(name), password=cluster.password(postgres.ADMIN))
    making = cluster.store_database()
    with cluster.connect(making, autocommit=False) as connection:
        connection.execute("SET search_path TO longshore")
        connection.execute("SET session_replication_role TO replica")
        kept = connection.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'longshore' AND indexname NOT IN "
            "(SELECT conname FROM pg_constraint)"
        ).fetchall()
        for index, _ in kept:
            connection.execute(f"DROP INDEX {index}".encode())
        for model, rows in History(sizes).tables():
            names, values = _columns(model, rows)
            statement = f"COPY {model.__tablename__} ({', '.join(names)}) FROM STDIN".encode()
            with connection.cursor().copy(statement) as copy:
                booleans = _booleans(model, names)
                for row in values:
                    copy.write_row([bool(v) if n in booleans else v for n, v in enumerate(row)] if booleans else row)
        connection.execute("SET maintenance_work_mem TO '256MB'")
        for _, text in kept:
            connection.execute(text.encode())
    _finish(locate(cluster.url(making), password=cluster.password(postgres.ADMIN)))
    cluster.psql("VACUUM ANALYZE", db=making)
    cluster.psql(f"ALTER DATABASE {making} RENAME TO {name}")
    return locate(cluster.url(name), password=cluster.password(postgres.ADMIN))


def _booleans(model: type[SQLModel], names: list[str]) -> set[int]:
    table: Any = SQLModel.metadata.tables[str(model.__tablename__)]
    return {place for place, name in enumerate(names) if table.columns[name].type.python_type is bool}


def _finish(place: StorePlace) -> None:
    """What follows from the runs, made by the database's own means."""
    store = open_store(place)
    with store.engine.connect().execution_options(longshore_write=True) as connection, connection.begin():
        if place.dialect == "sqlite":
            install_triggers(connection)
        connection.exec_driver_sql(LATEST)
        totals = ", ".join(COUNTER_FIELDS)
        sums = ", ".join(f"sum({name})" for name in COUNTER_FIELDS)
        connection.exec_driver_sql(
            f"INSERT INTO run_totals (mover_id, kind, status, runs, {totals}) SELECT mover_id, kind, status, count(*), "
            f"{sums} FROM job_run WHERE status IN ('Canceled', 'Failed', 'Succeeded') GROUP BY mover_id, kind, status"
        )
    store.close()


@contextmanager
def kept_cluster(directory: Path) -> Iterator[postgres.Cluster]:
    """A server whose databases stay in a directory; it ends with the block."""
    programs, user = postgres.require(), postgres._unprivileged()
    secrets_file = directory / "logins.json"
    directory.mkdir(parents=True, exist_ok=True)
    if user is not None:
        os.chown(directory, user.pw_uid, user.pw_gid)
    if not secrets_file.exists():
        password = os.urandom(12).hex()
        postgres._initdb(programs, directory, user, password)
        secrets_file.touch(0o600)
        secrets_file.write_text(json.dumps({postgres.SUPERUSER: password}))
    passwords = json.loads(secrets_file.read_text())
    settings = {**postgres.SETTINGS, "shared_buffers": "1GB", "max_wal_size": "4GB"}
    port, process = postgres._launch(programs, directory, user, settings)
    cluster = postgres.Cluster(directory, port, process, passwords)
    os.environ["PGPASSFILE"] = str(cluster.pgpass)
    try:
        yield cluster
    finally:
        secrets_file.write_text(json.dumps(passwords))
        process.send_signal(signal.SIGINT)
        process.wait(60)
