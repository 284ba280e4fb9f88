"""Commands as subprocesses against a real SQLite file."""

from __future__ import annotations

import io
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from store.db import open_store
from store.execution.trust import AgentFacts, connect_agent, make_token, register_agent
from store.plan import apply_plan, parse_plan
from store.resources.common import find_mover
from store.sqlite.place import SqlitePlace
from tui.__main__ import main

PLAN = """\
storageMovers:
  - name: nas-exit
    properties: {{description: Everything off NAS 1 by June}}
    endpoints:
      - {{name: nas1-hr, properties: {{endpointType: NfsMount, host: nas1, export: /export/hr}}}}
      - {{name: hr-old, properties: {{endpointType: LocalPath, path: {root}/old, description: Über "alles"}}}}
      - {{name: hr-new, properties: {{endpointType: LocalPath, path: {root}/new}}}}
      - {{name: unused, properties: {{endpointType: LocalPath, path: {root}/unused}}}}
    projects:
      - name: hr-shares
        properties: {{description: All HR shares}}
        jobDefinitions:
          - {{name: hr-home, properties: {{copyMode: Mirror, sourceName: hr-old, targetName: hr-new}}}}
          - {{name: hr-nfs, properties: {{copyMode: Additive, sourceName: nas1-hr, targetName: hr-new}}}}
"""
OTHER = "storageMovers: [{name: other}]\n"
FACTS = AgentFacts("0.1.0", "host-1", "192.0.2.1", "UTC", 1024, 2)
PLACEHOLDER = "/srv/longshore-test"
A_YEAR_MS = 365 * 86_400_000
TIMEOUT = 60


@dataclass(frozen=True)
class Answer:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def environment(**changes: str) -> dict[str, str]:
    """A plain environment: nothing of the caller's store or terminal."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("LONGSHORE", "XDG"))}
    return {**kept, "LC_ALL": "C.UTF-8", "TERM": "dumb", **changes}


def command(*arguments: str | bytes, store: Path | str | None = None) -> list[str | bytes]:
    """The argument list of a command on a store."""
    where: list[str | bytes] = [] if store is None else ["--store", str(store)]
    return [sys.executable, "-m", "tui", *where, *arguments]


@dataclass
class Site:
    """A store with a plan and two agents in it, and the directories that the plan names."""

    root: Path
    store: Path
    credentials: dict[str, str] = field(default_factory=dict)

    def run(self, *arguments: str | bytes, **options: Any) -> Answer:
        """Run a command on this store to its end."""
        done = subprocess.run(
            command(*arguments, store=self.store),
            check=False,
            capture_output=True,
            timeout=TIMEOUT,
            env=environment(),
            cwd=self.root,
            **options,
        )
        return Answer(done.returncode, done.stdout.decode(), done.stderr.decode())

    def call(self, *arguments: str | bytes) -> Answer:
        """The same within this process: an import of the ORM less, for the many cases of one thing."""
        out, err = io.StringIO(), io.StringIO()
        before = Path.cwd()
        os.chdir(self.root)
        try:
            with redirect_stdout(out), redirect_stderr(err):
                code = main(["--store", str(self.store), *map(os.fsdecode, arguments)])
        finally:
            os.chdir(before)
        return Answer(code, out.getvalue(), err.getvalue())

    def dump(self) -> list[str]:
        """Everything that the store holds."""
        return dump(self.store)


def dump(store: Path) -> list[str]:
    """Every row of every table of a store."""
    connection = sqlite3.connect(store)
    try:
        return list(connection.iterdump())
    finally:
        connection.close()


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A site to copy: making a store anew takes half a second."""
    root = tmp_path_factory.mktemp("template")
    site = Site(root, root / "longshore.db")
    store = open_store(SqlitePlace(site.store))
    with store.write("user/test") as tx:
        apply_plan(tx, parse_plan(PLAN.format(root=PLACEHOLDER).encode(), "plan"))
        apply_plan(tx, parse_plan(OTHER.encode(), "plan"))
    for mover, name in (("nas-exit", "dock-1"), ("nas-exit", "fresh"), ("other", "dock-9")):
        with store.write("user/test") as tx:
            token = make_token(tx, find_mover(tx.session, mover))
            _, _, site.credentials[name] = register_agent(tx, token, name, FACTS)
        if name != "fresh":
            connect_agent(store, mover, name, site.credentials[name], host_key="k", heartbeat_ms=A_YEAR_MS, facts=FACTS)
    store.close()
    return site


@pytest.fixture
def site(template: Site, tmp_path: Path) -> Site:
    """A store of one's own; its agents count as Online, and none of them runs."""
    copied = Site(tmp_path, tmp_path / "longshore.db", template.credentials)
    shutil.copy(template.store, copied.store)
    connection = sqlite3.connect(copied.store)
    # The plan's paths are fixed once it is applied: here they become this test's.
    for column in ("place", "location_key", "properties"):
        connection.execute(f"UPDATE endpoint SET {column} = replace({column}, ?, ?)", (PLACEHOLDER, str(tmp_path)))
    connection.commit()
    connection.close()
    for name in ("old", "new", "unused"):
        (tmp_path / name).mkdir()
    return copied


@pytest.fixture
def processes() -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts processes that do not outlive the test."""
    started: list[subprocess.Popen[bytes]] = []

    def start(arguments: list[str | bytes], **options: Any) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(arguments, env=environment(**options.pop("env", {})), **options)
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def wait_until(condition: Callable[[], object], seconds: float = TIMEOUT) -> None:
    """Wait for something that another process does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
