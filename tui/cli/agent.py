"""``agent``: registration tokens, and the agents that there are."""

from __future__ import annotations

import argparse

from tui.actor import actor
from tui.cli import context, output
from tui.cli.shown import show_resource, since


def token(options: argparse.Namespace) -> int:
    """Make a registration token: only it goes to stdout, so that it can be captured."""
    with context.existing_store(options, writes=True) as store:
        from store.execution.trust import make_token
        from store.models import Agent
        from store.resources.common import find_in_mover, find_mover

        with store.write(actor()) as tx:
            mover = find_mover(tx.session, options.mover)
            agent = find_in_mover(tx.session, Agent, "agent", mover, options.agent) if options.agent else None
            made = make_token(tx, mover, options.ttl_ms, agent)
            until = tx.now + options.ttl_ms
    whose = f"one agent of '{mover.name}'" if agent is None else f"a new credential of the agent '{agent.name}'"
    output.data(made)
    output.say(
        f"For {whose}, until {since(until)}: put it in LONGSHORE_TOKEN and run 'longshore-agent register "
        f"--store {store.place.shared_url} --mover {mover.name} --name {options.agent or 'NAME'} --state DIR'."
    )
    return 0


def list_agents(options: argparse.Namespace) -> int:
    """List the agents of a mover."""
    with context.existing_store(options) as store:
        from store import arm_reads
        from store.queries import hierarchy
        from store.resources.common import find_mover

        with store.read() as session:
            mover = find_mover(session, options.mover)
            if options.json:
                output.json_list(arm_reads.agents(session, mover, store.clock.now()))
                return 0
        with context.reader(options) as reader:
            rows = hierarchy.agents(reader, mover.id, limit=100_000)
            now = reader.now()
    output.table(
        ("NAME", "STATUS", "RUNS", "HEARTBEAT", "HOST"),
        [(row.name, row.status, str(row.active_runs), _beat(row.last_beat, now), row.host) for row in rows],
    )
    if not rows:
        output.say(f"'{mover.name}' has no agent yet: 'longshore agent token {mover.name}' makes a token for one.")
    return 0


def show(options: argparse.Namespace) -> int:
    """Show one agent."""
    with context.existing_store(options) as store:
        from store import arm_reads
        from store.models import Agent
        from store.resources.common import find_in_mover, find_mover

        with store.read() as session:
            mover = find_mover(session, options.mover)
            agent = find_in_mover(session, Agent, "agent", mover, options.name)
            (resource,) = arm_reads.agents(session, mover, store.clock.now(), agent)
    show_resource(resource, as_json=options.json)
    return 0


def unregister(options: argparse.Namespace) -> int:
    """End an agent's trust, after a confirmation."""
    with context.existing_store(options, writes=True) as store:
        from store.models import Agent
        from store.resources.agents import unregister_agent
        from store.resources.common import find_in_mover, find_mover

        with store.read() as session:
            mover = find_mover(session, options.mover)
            find_in_mover(session, Agent, "agent", mover, options.name)
        context.confirm(options, f"This unregisters the agent '{options.name}' of '{mover.name}'", options.name)
        with store.write(actor()) as tx:
            mover = find_mover(tx.session, options.mover)
            unregister_agent(tx, mover, find_in_mover(tx.session, Agent, "agent", mover, options.name))
    output.say(f"Unregistered the agent '{options.name}': its credential is worthless from now on.")
    return 0


def _beat(at: int | None, now: int) -> str:
    from tui.presentation.format import age

    return "never" if at is None else age((now - at) / 1000)
