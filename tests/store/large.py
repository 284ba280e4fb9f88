"""A store with some of everything, in no order: what lists are checked against."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlmodel import select

from store.clock import VirtualClock
from store.db import open_store
from store.lifecycle import ENDED
from store.models import Agent, JobDefinition, JobRun, RunItem
from store.vocabulary import CopyMode, JobRunStatus, Outcome, RunKind
from tests.postgres import Cluster
from tests.store.world import NOON, World

NAMES = ["a", "A", "b", "b1", "B-1", "b_1", "b1-", "c", "hr-home", "HR", "payroll", "x" * 64]
KINDS = ("LocalPath", "NfsMount", "LocalPath", "SmbMount")


@contextmanager
def store_of(dialect: str, directory: Path, cluster: Cluster | None) -> Iterator[World]:
    """An open, filled store of a kind, on the server if it is one."""
    database = cluster.store_database() if cluster and dialect == "postgresql" else ""
    clock = VirtualClock(NOON)
    url = cluster.url(database) if cluster and database else str(directory / "store.db")
    world = World(open_store(url, clock=clock), clock)
    fill(world)
    yield world
    world.store.close()
    if cluster and database:
        cluster.drop(database)


def fill(world: World) -> None:
    """Two movers with projects, endpoints of some types, 64 definitions, 200 runs and 300 items of two runs."""
    chance = random.Random(7)
    names = [f"{name[:50]}{n}" for n in range(4) for name in NAMES]
    for mover in ("nas", "san"):
        world.mover(mover)
        world.register(f"dock-{mover}", mover)
        for place, name in enumerate(chance.sample(names, len(names))):
            kind = KINDS[place % 4]
            where = {
                "LocalPath": {"path": f"/{mover}/{name}"},
                "NfsMount": {"host": f"{mover}.example", "export": f"/{name}"},
                "SmbMount": {"host": f"{mover}.example", "shareName": name},
            }[kind]
            world.endpoint(name, mover=mover, endpointType=kind, **where)
        for project in chance.sample(NAMES[:6], 4):
            for name in chance.sample(names, 8):
                world.define(name, mover=mover, project=project, source=f"/f/{name}", target=f"/t/{name}")
    with world.write() as tx:
        definitions = list(tx.session.exec(select(JobDefinition).order_by(JobDefinition.id)))  # type: ignore[arg-type]
        agents = {agent.mover_id: agent for agent in tx.session.exec(select(Agent))}
        active = chance.sample(definitions, 12)
        for number in range(200):
            waits = number >= 188
            definition = active[number - 188] if waits else chance.choice(definitions[:50])
            definition.run_count += 1
            definition.agent_name = f"dock-{definition.mover_id % 2}"
            status = chance.choice((JobRunStatus.QUEUED, JobRunStatus.RUNNING) if waits else sorted(ENDED))
            run = JobRun(
                mover_id=definition.mover_id,
                project_id=definition.project_id,
                definition_id=definition.id,
                source_id=definition.source_id,
                target_id=definition.target_id,
                number=definition.run_count,
                kind=chance.choice((RunKind.COPY, RunKind.COPY, RunKind.PREVIEW)),
                agent_id=agents[definition.mover_id].id,
                agent_name="dock",
                copy_mode=CopyMode.MIRROR,
                target_key=f"k{number}",
                status=status,
                fence=1,
                execution_end_time=None if waits else NOON + chance.randrange(50),
                items_failed=0 if waits else chance.choice((0, 0, 1, 2, 2**40)),
                items_scanned=chance.randrange(100),
                bytes_transferred=0 if waits else chance.choice((0, 7, 7, 10, 2**45)),
                definition_properties={},
                source_properties={"name": "from"},
                target_properties={"name": "to"},
            )
            tx.session.add(run)
            tx.session.flush()
            definition.latest_run_id = run.id
            tx.session.add(definition)
            tx.session.flush()
        # Of the first run only one attempt is shown, of the second, which was canceled, all of them.
        first, second = tx.session.get_one(JobRun, 1), tx.session.get_one(JobRun, 2)
        first.fence, first.kind, second.fence, second.cancel_deadline = 3, RunKind.COPY, 2, NOON
        tx.session.add_all((first, second))
        tx.session.flush()
        for _ in range(300):
            tx.session.add(
                RunItem(
                    run_id=chance.choice((1, 1, 2)),
                    fence=chance.choice((1, 2, 3, 3)),
                    path=bytes(chance.choices(b"ab/%_\\\xff", k=5)),
                    kind="F",
                    outcome=chance.choice(list(Outcome)),
                    code="AZSM2080",
                    message="m",
                    size=chance.randrange(20),
                    at=1,
                )
            )
