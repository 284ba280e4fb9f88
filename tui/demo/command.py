"""``longshore demo``: put everything up, open the screen or run one migration, and leave nothing behind."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import time
from importlib import resources

from tui.cli import output
from tui.demo import place
from tui.demo.agents import Agents
from tui.demo.ending import Endings, Terminated
from tui.demo.place import DemoDirectory
from tui.demo.trees import TreeMaker

MOVER = "nas-exit"
HEADLESS_TREE = "nas1/projects"
REGISTERED_DAYS_AGO = 23


def demo(options: argparse.Namespace) -> int:
    """Run the demo to its end, and remove everything that it made."""
    if not options.headless:
        from tui.config import read_config
        from tui.launch import check_terminal

        check_terminal()
        # What is wrong with it is told before anything is made.
        read_config(options.config)
    endings = Endings()
    try:
        with endings.raising():
            return _demo(options, endings)
    except Terminated as end:
        return end.exit_code


def _demo(options: argparse.Namespace, endings: Endings) -> int:
    with contextlib.ExitStack() as at_end:
        with endings.held_back():
            directory = place.make(options.dir)
            trees, agents = TreeMaker(directory.path), Agents(directory.path / "agents")
            at_end.callback(_put_away, endings, directory, trees, agents)
            # First, so that the other processor has something to do while this one imports.
            trees.start(HEADLESS_TREE if options.headless else "")
        _phase("trees begun")
        credentials = _make_store(directory)
        with endings.held_back():
            agents.start(directory.store, MOVER, credentials)
        _phase("agents started")
        if options.headless:
            from tui.demo.headless import migrate

            return migrate(directory, HEADLESS_TREE, trees, agents)
        from tui.launch import run_screen

        return run_screen(str(directory.store), options.read_only, options.ascii, options.config)


def _put_away(endings: Endings, directory: DemoDirectory, trees: TreeMaker, agents: Agents) -> None:
    """Stop what runs and remove what was made, even when the terminal is gone."""
    with endings.ignored():
        with contextlib.suppress(OSError):
            output.say(f"Stopping the agents and removing {directory.path} …")
        agents.stop()
        trees.stop()
        directory.remove()
        if trees.trouble:
            with contextlib.suppress(OSError):
                output.complain(f"a sample tree could not be made: {trees.trouble}.")


def _make_store(directory: DemoDirectory) -> dict[str, str]:
    """The store with its hierarchy and its past; the agents' credentials."""
    from store.clock import HostClock, VirtualClock
    from store.db import open_store
    from store.plan import apply_plan, parse_plan
    from store.sqlite.place import SqlitePlace
    from tui.demo.history import ADMINS, DAY, Past

    _phase("store imported")
    now = HostClock().now()
    clock = VirtualClock(now - REGISTERED_DAYS_AGO * DAY)
    store = open_store(SqlitePlace(directory.store), clock=clock)
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


_BEGAN = time.monotonic()


def _phase(name: str) -> None:
    """Where the time of the start goes, for whoever asks with LONGSHORE_DEBUG."""
    if os.environ.get("LONGSHORE_DEBUG"):
        output.say(f"{time.monotonic() - _BEGAN:6.3f} s  {name}")
