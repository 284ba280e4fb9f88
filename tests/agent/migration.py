"""One migration with a real store, real directories and a real agent process, for tests to disturb."""

from __future__ import annotations

import contextlib
import io
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any

import pytest

from agentsim.cli import main as agent_main
from store.db import open_store
from store.errors import Conflict
from store.execution.trust import make_token
from store.plan import apply_plan, parse_plan
from store.queries import runs
from store.queries.runs import RunRow
from store.queries.scope import Scope
from store.queries.window import Page
from store.reader import Reader
from store.resources.common import find_mover
from store.resources.handover import hand_over
from store.resources.runs import find_run, request_cancel, start_run

ROOT = Path(__file__).parents[2]
LIMIT = 60.0
HEARTBEAT = 0.3
AGENT = (sys.executable, "-m", "agentsim")
SLOW_COPIES = """
import sys, time

if "agentsim.worker" in sys.orig_argv:
    from agentsim.engine.copyfile import FileCopier

    copy = FileCopier.copy

    def slowly(*arguments, **options):
        time.sleep(0.004)
        return copy(*arguments, **options)

    FileCopier.copy = slowly
"""
"""Run by the interpreter when it starts; whatever else the environment would run then is not."""

ELSEWHERE = """
if "agentsim.worker" in sys.orig_argv:
    from agentsim.engine import preflight

    preflight.lock = lambda *arguments, **options: None
"""
"""The same for workers as they are on another host, whose locks this one does not see."""


def freeze(pids: Iterable[int]) -> None:
    """Stop processes in whatever they are doing."""
    _signal(pids, signal.SIGSTOP)


def wake(pids: Iterable[int]) -> None:
    """Let them go on. The first to wake may end the others at once: that of them nobody is left is no surprise."""
    _signal(pids, signal.SIGCONT)


def _signal(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


class Migration:
    """Two directories, a definition between them, and an agent named dock-1."""

    def __init__(
        self, directory: Path, mode: str = "Mirror", *, trees: Path | None = None, server: str | None = None
    ) -> None:
        """Store and agent live in ``directory``, the two directories in ``trees`` or there too.

        Args:
            directory: an empty one.
            mode: the definition's.
            trees: where the data is.
            server: URL of a store on a server, in place of an embedded one.
        """
        self.source, self.target = (trees or directory) / "source", (trees or directory) / "target"
        self.state = directory / "agent"
        self.agents: list[subprocess.Popen[bytes]] = []
        self._log = open(directory / "agent.log", "wb")  # noqa: SIM115 - closed with the migration
        self.source.mkdir()
        self.target.mkdir()
        self.path = directory / "longshore.db"
        self._slowing = directory / "slowing"
        self.url = server or str(self.path)
        self.store = open_store(self.url)
        plan = f"""
storageMovers:
  - name: m
    endpoints:
      - {{name: from, properties: {{endpointType: LocalPath, path: "{self.source}"}}}}
      - {{name: to, properties: {{endpointType: LocalPath, path: "{self.target}"}}}}
    projects:
      - name: p
        jobDefinitions:
          - {{name: d, properties: {{copyMode: {mode}, sourceName: from, targetName: to, agentName: dock-1}}}}
"""
        with self.store.write("user/test") as tx:
            apply_plan(tx, parse_plan(plan.encode(), "plan"))
        self.enlist("dock-1", self.state)

    def enlist(self, name: str, state: Path) -> None:
        """Register an agent within this process: the same, and the start of an interpreter less."""
        with pytest.MonkeyPatch.context() as patch, redirect_stderr(io.StringIO()) as said:
            patch.setenv("LONGSHORE_TOKEN", self._token())
            assert agent_main(self._registration(name, state)) == 0, said.getvalue()

    def _token(self) -> str:
        with self.store.write("user/test") as tx:
            return make_token(tx, find_mover(tx.session, "m"))

    def _registration(self, name: str, state: Path) -> list[str]:
        return ["register", "--store", self.url, "--mover", "m", "--name", name, "--state", str(state)]

    def register(self, name: str, state: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*AGENT, *self._registration(name, state)],
            cwd=ROOT,
            env={**os.environ, "LONGSHORE_TOKEN": self._token()},
            capture_output=True,
            text=True,
            check=False,
        )

    def fill(self, files: int, directories: int = 20, seed: int = 1, size: int = 2_000) -> None:
        """Some directories of files with random content and old times."""
        chance = random.Random(seed)
        for number in range(files):
            directory = self.source / f"d{number % directories:03}"
            directory.mkdir(exist_ok=True)
            file = directory / f"f{number:05}"
            file.write_bytes(chance.randbytes(chance.randrange(size)))
            os.utime(file, ns=(10**18, 10**18 + number))

    def start_agent(
        self,
        *options: str,
        state: Path | None = None,
        program: tuple[str, ...] = AGENT,
        slow: bool = False,
        elsewhere: bool = False,
        changed: str = "",
    ) -> subprocess.Popen[bytes]:
        """Start an agent.

        Args:
            options: of ``longshore-agent run``.
            state: its directory, dock-1's if none is given.
            program: what to run as the agent.
            slow: its workers take their time, so that they can be met in mid-run.
            elsewhere: its workers are slow, and as on another host.
            changed: what its processes do at their start, as Python.
        """
        environment = dict(os.environ)
        if slow or elsewhere or changed:
            self._slowing.mkdir(exist_ok=True)
            slowness = SLOW_COPIES + (ELSEWHERE if elsewhere else "") if slow or elsewhere else ""
            (self._slowing / "sitecustomize.py").write_text(slowness + changed)
            environment["PYTHONPATH"] = os.pathsep.join(filter(None, (str(self._slowing), os.getenv("PYTHONPATH"))))
        agent = subprocess.Popen(
            [*program, "run", "--state", str(state or self.state), "--heartbeat", str(HEARTBEAT), *options],
            cwd=ROOT,
            env=environment,
            stdout=self._log,
            stderr=self._log,
        )
        self.agents.append(agent)
        return agent

    def start_run(self, **options: Any) -> int:
        with self.store.write("user/test") as tx:
            return start_run(tx, find_mover(tx.session, "m"), "p/d", **options).id

    def cancel(self) -> None:
        with self.store.write("user/test") as tx:
            request_cancel(tx, find_run(tx.session, find_mover(tx.session, "m"), "p/d")[2])

    def hand_over(self, agent_name: str) -> None:
        """Give the latest run to another agent, as soon as its lease has run out."""
        end = time.monotonic() + LIMIT
        while True:
            try:
                with self.store.write("user/test") as tx:
                    mover = find_mover(tx.session, "m")
                    hand_over(tx, mover, find_run(tx.session, mover, "p/d")[2], agent_name)
                return
            except Conflict as error:
                if error.code != "LeaseRuns" or time.monotonic() > end:
                    raise
            time.sleep(0.05)

    def target_state(self) -> dict[str, tuple[int, int, int]]:
        """Inode, size and time of all that is in the target, but for unfinished files under their temporary names."""
        found = {}
        for path in self.target.rglob("*"):
            if not path.name.startswith(".longshore-"):
                state = path.lstat()
                found[str(path)] = (state.st_ino, state.st_size, state.st_mtime_ns)
        return found

    def reader(self) -> Reader:
        return Reader(self.url)

    def latest(self) -> RunRow:
        with self.reader() as reader:
            return runs.runs(reader, Scope("mover", 1), Page(limit=1)).rows[0]

    def until(self, condition: Callable[[RunRow], bool], limit: float = LIMIT) -> RunRow:
        """Wait until the latest run is as wanted."""
        end = time.monotonic() + limit
        while True:
            run = self.latest()
            if condition(run):
                return run
            assert time.monotonic() < end, f"still {run}\n{self.log()}"
            time.sleep(0.02)

    def ended(self, limit: float = LIMIT) -> RunRow:
        return self.until(lambda run: not run.active, limit)

    def workers(self) -> list[int]:
        """The processes that copy for this migration's agents: coordinators and helpers."""
        agents = {agent.pid for agent in self.agents}
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdecimal():
                continue
            with contextlib.suppress(OSError, ValueError):
                line = (entry / "cmdline").read_bytes()
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                if b"agentsim.worker" in line and (parent in agents or parent in found):
                    found.append(int(entry.name))
        return found

    def log(self) -> str:
        self._log.flush()
        return Path(self._log.name).read_text(errors="replace")[-3_000:]

    def differences(self) -> str:
        """What rsync would still do: empty when the target is the source."""
        assert shutil.which("rsync"), "these tests need rsync: apt-get install rsync"
        return subprocess.run(
            ["rsync", "-aHAX", "--dry-run", "--itemize-changes", "--delete", f"{self.source}/", f"{self.target}/"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    def leftovers(self) -> list[Path]:
        return list(self.target.rglob(".longshore-*"))

    def close(self) -> None:
        for agent in self.agents:
            if agent.poll() is None:
                agent.send_signal(signal.SIGTERM)
        for agent in self.agents:
            with contextlib.suppress(subprocess.TimeoutExpired):
                agent.wait(5)
            if agent.poll() is None:
                agent.kill()
                agent.wait()
        self.store.close()
        self._log.close()
