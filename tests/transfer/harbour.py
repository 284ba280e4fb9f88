"""Servers for a module of tests, started when they are first asked for, and runs between what is on them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from importlib import import_module
from inspect import isgeneratorfunction
from itertools import count
from pathlib import Path
from typing import Any

from agentsim.engine.order import Order
from store import codes
from store.vocabulary import CopyMode, RunKind
from tests.engine.driver import Agent, assert_sums, order, run
from tests.servers import Server
from tests.transfer.grounds import Ground, digest, ground_of, parents
from tests.transfer.trees import Tree

KINDS = ("POSIX", "SMB", "Blob", "S3")
PAIRS = [(one, other) for one in KINDS for other in KINDS if (one, other) != ("POSIX", "POSIX")]
"""Two directories are the other engine's."""

MODULES = {"SMB": "samba", "Blob": "azurite", "S3": "s3"}

LEFT_BEHIND = {
    codes.ITEM_NAME_UNSUPPORTED,
    codes.ITEM_NAME_TOO_LONG,
    codes.ITEM_NAME_COLLIDES,
    codes.ITEM_NAME_TAKEN,
    codes.ITEM_TYPE_UNSUPPORTED,
    codes.ITEM_LINK_UNSUPPORTED,
    codes.ITEM_TOO_LARGE,
}
"""Codes of items that the target has nothing of."""

CLOSE_NS = 100
"""SMB's step."""


class Harbour:
    """The servers of a module."""

    def __init__(self, directory: Path, servers: ExitStack) -> None:
        self._directory = directory
        self._stack = servers
        self._servers: dict[str, Server] = {}
        self._numbers = count()

    def server(self, kind: str) -> Any:
        """The server of a kind, running; skips the test where it is missing."""
        if kind not in self._servers:
            running = import_module(f"tests.servers.{MODULES[kind]}").running
            if isgeneratorfunction(running):
                running = contextmanager(running)
            server = self._stack.enter_context(running())
            self._servers[kind] = server
            os.environ.update(server.environment)
            for name in server.environment:
                self._stack.callback(os.environ.pop, name, None)
        return self._servers[kind]

    def ground(self, kind: str) -> Ground:
        """A fresh place."""
        server = None if kind == "POSIX" else self.server(kind)
        return ground_of(kind, server, self._directory / f"tree-{next(self._numbers)}")


@contextmanager
def harbour(directory: Path) -> Iterator[Harbour]:
    """Servers for as long as the block lasts."""
    with ExitStack() as servers:
        yield Harbour(directory, servers)


def task(source: Ground, target: Ground, mode: CopyMode = CopyMode.ADDITIVE, /, **changes: Any) -> Order:
    """The order of a run between two places; ``source`` and ``target`` may be other properties of them."""
    properties = {
        "source": changes.pop("source", source.properties),
        "target": changes.pop("target", target.properties),
    }
    return replace(order("", "", mode, **changes), **properties)


def copied(source: Ground, target: Ground, mode: CopyMode = CopyMode.ADDITIVE, **changes: Any) -> Agent:
    """Carry out a run; nothing in it may have failed."""
    plan: Sequence[bytes] = changes.pop("plan", ())
    agent = run(task(source, target, mode, planned=bool(plan), **changes), plan=plan)
    assert agent.done is not None
    trouble = [row for row in agent.rows if row[2] not in ("Unsupported", "Deleted")]
    assert agent.done["status"] == "Succeeded", (agent.done, trouble[:5], agent.logs)
    assert not trouble
    assert_sums(agent.counters)
    return agent


def left_behind(agent: Agent) -> set[bytes]:
    """What the target has nothing of, as the run reported it."""
    return {path for path, _, outcome, code, _, _ in agent.rows if outcome == "Unsupported" and code in LEFT_BEHIND}


def is_left(path: bytes, left: set[bytes]) -> bool:
    return path in left or any(parent in left for parent in parents(path))


def unlike(source: Tree, target: Tree, left: set[bytes], *, exact: bool) -> list[str]:
    """What in the target is not as in the source.

    Args:
        source: what the source holds.
        target: what the target holds.
        left: what it cannot hold, as was reported.
        exact: it must hold nothing else, either.
    """
    found = []
    for path, node in source.items():
        there = target.get(path)
        if is_left(path, left):
            continue
        if there is None:
            found.append(f"{path!r} is missing")
        elif (node.kind, node.content, node.text) != (there.kind, there.content, there.text):
            found.append(f"{path!r} is {digest(there)}, not {digest(node)}")
        elif (
            node.mtime_ns is not None
            and there.mtime_ns is not None
            and node.kind == "file"
            and abs(node.mtime_ns - there.mtime_ns) >= CLOSE_NS
        ):
            found.append(f"{path!r} is of {there.mtime_ns}, not {node.mtime_ns}")
    if exact:
        found += [f"{path!r} is too much" for path in target if path not in source or is_left(path, left)]
    return found


def idle(source: Ground, target: Ground, mode: CopyMode) -> None:
    """One more pass finds nothing to do."""
    before = target.count()
    again = copied(source, target, mode, report=True)
    idle = ("NoTransferNeeded", "Unsupported")
    busy = {path: line for path, line in again.lines().items() if line["outcome"] not in idle}
    assert not busy
    assert target.count() == before


def previewed(source: Ground, target: Ground, mode: CopyMode, there: Tree) -> Agent:
    """A preview, which must leave alone what is in the target."""
    agent = run(task(source, target, mode, kind=RunKind.PREVIEW, report=True))
    assert agent.done is not None
    assert agent.done["status"] == "Succeeded", agent.done
    assert target.look() == there
    return agent
