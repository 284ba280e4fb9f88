"""A small agent for tests: starts a real worker, gives it an order, keeps what it says."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from agentsim.engine.channel import Channel, Message
from agentsim.engine.decide import TEMPORARY
from agentsim.engine.lease import now
from agentsim.engine.order import Order
from store.display import undisplay
from store.report_lines import read
from store.settings import CopySettings
from store.vocabulary import CopyMode, RunKind

REPOSITORY = Path(__file__).resolve().parents[2]
LEASE_SECONDS = 60.0
LIMIT_SECONDS = 60.0

Row = tuple[bytes, str, str, str, str, int]


def order(source: Path | str, target: Path | str, mode: CopyMode = CopyMode.ADDITIVE, **changes: Any) -> Order:
    """An order with what a test does not care about filled in."""
    values: dict[str, Any] = {
        "run": "test",
        "mode": mode,
        "source_root": os.fsencode(source),
        "source_subpath": b"",
        "target_root": os.fsencode(target),
        "target_subpath": b"",
        "helpers": 2,
        "deadline": now() + LEASE_SECONDS,
        "expected_items": -1,
        "expected_bytes": -1,
        "last_source_items": -1,
        "kind": RunKind.COPY,
        "source_identity": "",
        "settings": CopySettings(),
        "overrides": frozenset(),
        "report": False,
        "planned": False,
        "attempt": 1,
        "moment": time.time_ns() // 1_000_000,
    }
    values.update(changes)
    for side in ("source", "target"):
        values.setdefault(side, local(values[f"{side}_root"]))
    return Order(**values)


def local(path: bytes) -> dict[str, Any]:
    """Properties of an endpoint that is this directory."""
    return {"name": "local", "endpointType": "LocalPath", "path": os.fsdecode(path)}


class Agent:
    """The agent's side of one worker.

    Attributes:
        rows: all items rows so far.
        report: all parts of the full report so far.
        identity: what the worker says of the source root.
        logs: all log lines so far.
        reports: all progress dicts so far.
        done: the last message's dict, once it came.
        finish_seconds: from the first word of the phase "finish" to ``done``: the cost of ``syncfs``.
    """

    def __init__(
        self, task: Order, wrapper: tuple[str, ...] = (), *, script: str = "", plan: Sequence[bytes] = ()
    ) -> None:
        """Start a worker under a wrapping command, or a script of Python in the worker's place.

        Args:
            task: the order.
            wrapper: command and arguments before the interpreter's.
            script: Python source to run in the worker's place.
            plan: the report of a preview, for an order that has one to follow.
        """
        self.channel, theirs = Channel.pair()
        program = ["-c", script] if script else ["-m", "agentsim.worker"]
        command = [*wrapper, sys.executable, *program, str(theirs.fileno())]
        self.process = subprocess.Popen(
            command,
            pass_fds=[theirs.fileno()],
            cwd=REPOSITORY,
            start_new_session=True,
            stderr=subprocess.PIPE,
        )
        theirs.close()
        self.rows: list[Row] = []
        self.report: list[bytes] = []
        self.identity = ""
        self.logs: list[tuple[str, str]] = []
        self.reports: list[dict[str, Any]] = []
        self.started = False
        self.done: dict[str, str] | None = None
        self.finish_seconds = 0.0
        self._finishing = 0.0
        self.channel.send(("order", task.to_message()))
        if task.planned:
            for chunk in plan:
                self.channel.send(("plan", chunk))
            self.channel.send(("plan_end",))

    def step(self, seconds: float) -> Message | None:
        """Take in one message, waiting at most so long; None when none came or the worker is gone."""
        if not select.select([self.channel], [], [], seconds)[0]:
            return None
        message = self.channel.recv()
        if message is None:
            return None
        tag, *values = message
        if tag == "items":
            self.rows += values[0]
        elif tag == "log":
            self.logs.append((values[0], values[1]))
        elif tag == "progress":
            self.reports.append(values[0])
            if values[0]["phase"] == "finish" and not self._finishing:
                self._finishing = time.monotonic()
        elif tag == "report":
            self.report.append(values[1])
        elif tag == "started":
            self.started = True
            self.identity = values[0]["source_identity"]
        elif tag == "done":
            self.done = values[0]
            self.finish_seconds = time.monotonic() - self._finishing
        return message

    def until(self, condition: Callable[[], bool], limit: float = LIMIT_SECONDS) -> None:
        """Take in messages until something is so."""
        end = time.monotonic() + limit
        while not condition():
            assert time.monotonic() < end, "the condition did not come true in time"
            self.step(0.01)

    def finish(self, limit: float = LIMIT_SECONDS) -> dict[str, str]:
        """Go on to the end; returns the done dict."""
        end = time.monotonic() + limit
        while self.done is None:
            if self.step(0.1) is None and self.process.poll() is not None and self.done is None:
                raise AssertionError(f"worker ended with {self.process.returncode}: {self.errors()}")
            assert time.monotonic() < end, "the worker did not end in time"
        assert self.process.wait(LIMIT_SECONDS) == 0, self.errors()
        self.errors()
        self.channel.close()
        return self.done

    def errors(self) -> str:
        """What the worker wrote to stderr; call it when the worker has ended."""
        if self.process.stderr is None or self.process.stderr.closed:
            return ""
        with self.process.stderr as stream:
            return stream.read().decode(errors="replace")

    def signal_all(self, number: int) -> None:
        """Send a signal to the worker and its helpers."""
        os.killpg(self.process.pid, number)

    def kill(self) -> None:
        """Kill worker and helpers and forget them."""
        with contextlib.suppress(ProcessLookupError):
            self.signal_all(signal.SIGKILL)
        self.process.wait(LIMIT_SECONDS)
        self.errors()
        self.channel.close()

    def row(self, path: bytes) -> Row:
        """The one row of an item."""
        (found,) = [row for row in self.rows if row[0] == path]
        return found

    def lines(self) -> dict[bytes, dict[str, Any]]:
        """The full report: the last line of each path."""
        return {undisplay(line["path"]): line for chunk in self.report for line in read(chunk)}

    @property
    def counters(self) -> dict[str, Any]:
        """The last progress dict."""
        return self.reports[-1]


def run(task: Order, wrapper: tuple[str, ...] = (), *, script: str = "", plan: Sequence[bytes] = ()) -> Agent:
    """Carry out an order to its end."""
    agent = Agent(task, wrapper, script=script, plan=plan)
    try:
        agent.finish()
    except BaseException:
        agent.kill()
        raise
    return agent


def copied(source: Path, target: Path, mode: CopyMode = CopyMode.ADDITIVE, **changes: Any) -> Agent:
    """As :func:`run`, and it must succeed."""
    agent = run(order(source, target, mode, **changes))
    assert agent.done is not None
    assert agent.done["status"] == "Succeeded", (agent.done, agent.rows[:5])
    assert_sums(agent.counters)
    return agent


def assert_sums(counters: dict[str, Any]) -> None:
    """Every scanned item and byte has exactly one outcome."""
    for what in ("items", "bytes"):
        parts = ("transferred", "no_transfer_needed", "excluded", "unsupported", "failed", "changed")
        assert counters[f"{what}_scanned"] == sum(counters[f"{what}_{part}"] for part in parts), counters


def differences(source: Path, target: Path, *, delete: bool = True, content: bool = True) -> str:
    """What rsync would change to make the target like the source: the judge of every copy.

    It reads every file unless told not to: the wrong bytes with the right size and time are the worst of all.
    """
    command = ["rsync", "-aHAX", "--dry-run", "--itemize-changes", "--no-devices", "--no-specials"]
    if delete:
        command.append("--delete")
    if content:
        command.append("--checksum")
    result = subprocess.run(
        [*command, f"{source}/", f"{target}/"], capture_output=True, check=False, text=True, errors="replace"
    )
    return result.stdout + result.stderr


def temporaries(target: Path) -> list[bytes]:
    """Names of temporaries anywhere below a directory."""
    found = []
    for _, _, files, _ in os.fwalk(os.fsencode(target)):
        found += [name for name in files if TEMPORARY.fullmatch(os.fsdecode(name))]
    return found
