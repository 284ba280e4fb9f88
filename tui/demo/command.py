"""``longshore demo``: put everything up, open the screen or run one migration, and leave nothing behind."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import time
from collections.abc import Iterator
from importlib import resources
from types import FrameType

from tui.cli import output
from tui.demo import place
from tui.demo.agents import Agents
from tui.demo.place import DemoDirectory
from tui.demo.trees import TreeMaker

MOVER = "nas-exit"
HEADLESS_TREE = "nas1/home"
REGISTERED_DAYS_AGO = 23
ENDING_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


class Terminated(BaseException):
    """A signal asked this process to end: everything is put away first."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number


def demo(options: argparse.Namespace) -> int:
    """Run the demo to its end, and remove everything that it made."""
    if not options.headless:
        from tui.launch import check_terminal

        check_terminal()
    try:
        with _ending_signals_raise():
            return _demo(options)
    except Terminated as end:
        return end.exit_code


def _demo(options: argparse.Namespace) -> int:
    directory = place.make(options.dir)
    trees, agents = TreeMaker(directory.path), Agents(directory.path / "agents")
    try:
        # First, so that the other processor has something to do while this one imports.
        trees.start(HEADLESS_TREE if options.headless else "")
        _phase("trees begun")
        credentials = _make_store(directory)
        agents.start(directory.store, MOVER, credentials)
        _phase("agents started")
        if options.headless:
            from tui.demo.headless import migrate

            return migrate(directory, HEADLESS_TREE, trees, agents)
        from tui.launch import run_screen

        _phase("screen imported")
        return run_screen(str(directory.store), options.read_only, options.ascii)
    finally:
        with _ending_signals_ignored():
            output.say(f"Stopping the agents and removing {directory.path} …")
            agents.stop()
            trees.stop()
            directory.remove()
        if trees.trouble:
            output.complain(f"a sample tree could not be made: {trees.trouble}.")


def _make_store(directory: DemoDirectory) -> dict[str, str]:
    """The store with its hierarchy and its past; the agents' credentials."""
    from store.clock import HostClock, VirtualClock
    from store.db import open_store
    from store.place import StorePlace
    from store.plan import apply_plan, parse_plan
    from tui.demo.history import ADMINS, DAY, Past

    _phase("store imported")
    now = HostClock().now()
    clock = VirtualClock(now - REGISTERED_DAYS_AGO * DAY)
    store = open_store(StorePlace(directory.store), clock=clock)
    _phase("store made")
    try:
        template = resources.files("tui.demo").joinpath("plan.yaml").read_text()
        # JSON's escapes are YAML's: a path with a quote in it stays one.
        plan = template.replace("@DIR@", json.dumps(str(directory.path))[1:-1])
        with store.write(ADMINS[0]) as tx:
            apply_plan(tx, parse_plan(plan.encode(), "the demo's plan"))
        _phase("plan applied")
        past = Past(store, clock, MOVER)
        past.register()
        past.tell(now)
        _phase("history told")
        return past.credentials
    finally:
        store.close()


@contextlib.contextmanager
def _ending_signals_raise() -> Iterator[None]:
    """Turn SIGTERM and SIGHUP into an exception, so that what was made is removed."""

    def end(number: int, _frame: FrameType | None) -> None:
        raise Terminated(number)

    before = {number: signal.signal(number, end) for number in ENDING_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _ending_signals_ignored() -> Iterator[None]:
    """Let nothing interrupt the putting away."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (*ENDING_SIGNALS, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


_BEGAN = time.monotonic()


def _phase(name: str) -> None:
    """Where the time of the start goes, for whoever asks with LONGSHORE_DEBUG."""
    if os.environ.get("LONGSHORE_DEBUG"):
        output.say(f"{time.monotonic() - _BEGAN:6.3f} s  {name}")
