"""The command line of ``longshore-agent``: register this host as an agent, and run it."""

from __future__ import annotations

import argparse
import getpass
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from agentsim.simulate.parser import add_simulate
from store import __version__
from store.display import display
from store.errors import InvalidInput, LongshoreError, StoreUnavailable, TrustRefused

if TYPE_CHECKING:
    from store.db import Store

DEFAULT_HEARTBEAT_SECONDS = 5.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; every error of ours is one sentence on stderr and its exit code."""
    options = _parser().parse_args(arguments)
    try:
        if options.command == "register":
            return _register(options)
        if options.command == "simulate":
            from agentsim.simulate.command import simulate

            return simulate(options)
        return _run(options)
    except LongshoreError as error:
        sys.stderr.write(f"longshore-agent: {display(error.sentence)}\n")
        return error.exit_code
    except KeyboardInterrupt:
        return 130


def _register(options: argparse.Namespace) -> int:
    token = _token(options.token_file)
    from agentsim.identity import Identity, StateDirectory, host_facts
    from store.execution.trust import register_agent

    state = StateDirectory(Path(options.state))
    state.prepare()
    store = _open_to_register(options.store, token)
    saved = False
    try:
        with store.write(f"agent/{options.name}", serial=False) as tx:
            mover, agent, credential = register_agent(tx, token, options.name, host_facts(), mover_name=options.mover)
            place = store.place
            url = place.for_user(agent.db_role).url if place.dialect == "postgresql" else place.url
            state.save(Identity(url, mover.name, agent.name, credential))
            saved = True
    except BaseException:
        if saved:
            state.forget()
        raise
    finally:
        store.close()
    sys.stderr.write(
        f"Registered '{options.name}' with the storage mover '{mover.name}'. "
        f"Start it: longshore-agent run --state {display(str(state.path))}\n"
    )
    return 0


def _open_to_register(url: str | None, token: str) -> Store:
    """The store; one on a server by the login that the token carries."""
    from store.db import open_store
    from store.place import locate

    place = locate(url)
    if place.dialect == "sqlite":
        return open_store(place)
    from store.postgres.logins import token_login

    login = token_login(token)
    if login is None:
        raise TrustRefused(
            f"This registration token is not one of the store '{place.url}': make one with 'longshore agent token'.",
            code="TokenUnknown",
        )
    try:
        return open_store(place.for_user(*login))
    except StoreUnavailable as error:
        if error.code != "StoreLoginRefused":
            raise
        raise TrustRefused(
            f"The store '{place.url}' does not know this registration token, or it has expired or was used: make a "
            "new one with 'longshore agent token'.",
            code="TokenUnknown",
        ) from error


def _run(options: argparse.Namespace) -> int:
    from agentsim.agent import Agent, default_helpers
    from agentsim.identity import StateDirectory, host_facts
    from store.db import open_store
    from store.execution.trust import connect_agent
    from store.place import locate

    logging.basicConfig(
        stream=sys.stderr,
        level=logging.WARNING if options.quiet else logging.INFO,
        format="%(asctime)s %(levelname)s %(message)s",
    )
    logging.getLogger("watchfiles").setLevel(logging.WARNING)
    state = StateDirectory(Path(options.state))
    identity = state.load()
    with state.locked():
        # The credential is what a server lets the agent in by, too; for a file it says nothing.
        store = open_store(locate(identity.store, password=identity.credential))
        try:
            live = connect_agent(
                store,
                identity.mover,
                identity.agent,
                identity.credential,
                host_key=state.host_key(),
                heartbeat_ms=round(options.heartbeat * 1000),
                facts=host_facts(),
            )
            logging.getLogger("longshore.agent").info("%s is online", identity.agent)
            agent = Agent(store, live, state.path, helpers=options.helpers or default_helpers())
            agent.run(once=options.once)
        finally:
            store.close()
    return 0


def _token(path: str | None) -> str:
    """The registration token: a file's, the environment's, or asked for; never an argument (it would show in ps)."""
    if path is not None:
        try:
            token = Path(path).read_text()
        except (OSError, ValueError) as error:
            raise InvalidInput(f"The token file '{path}' cannot be read ({error}): name another.") from error
    elif "LONGSHORE_TOKEN" in os.environ:
        token = os.environ["LONGSHORE_TOKEN"]
    elif sys.stdin.isatty():
        token = getpass.getpass("Registration token: ")
    else:
        raise InvalidInput("No registration token: set LONGSHORE_TOKEN or name a file with --token-file.")
    if not token.strip():
        raise InvalidInput("The registration token is empty: make one with 'longshore agent token'.")
    return token.strip()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="longshore-agent", description="An agent of Longshore: it copies what the store gives it to copy."
    )
    parser.add_argument("--version", action="version", version=f"longshore-agent {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    register = commands.add_parser(
        "register",
        help="make this host an agent of a storage mover",
        description="Turn a one-time registration token into an agent. The token comes from LONGSHORE_TOKEN, "
        "--token-file or a prompt, never from an argument, where ps would show it.",
    )
    register.add_argument(
        "--store",
        metavar="URL",
        help="the store (or LONGSHORE_STORE); on a server postgresql://HOST/DATABASE: the token logs in",
    )
    register.add_argument("--mover", metavar="M", help="the storage mover that the token must be for")
    register.add_argument("--name", metavar="A", required=True, help="the agent's name")
    register.add_argument(
        "--state", metavar="DIR", default=_default_state(), help="where its identity is kept (%(default)s)"
    )
    register.add_argument("--token-file", metavar="FILE", help="read the token from a file")

    run = commands.add_parser(
        "run",
        help="the control loop, in the foreground",
        description="Send heartbeats, take the runs that wait for this agent, and copy. SIGTERM stops it; a run that "
        "it leaves goes on at its next start.",
    )
    run.add_argument(
        "--state", metavar="DIR", default=_default_state(), help="where its identity is kept (%(default)s)"
    )
    run.add_argument("--once", action="store_true", help="end when no run is waiting")
    run.add_argument(
        "--heartbeat",
        metavar="SECONDS",
        type=_seconds,
        default=DEFAULT_HEARTBEAT_SECONDS,
        help="the interval (%(default)s); three missed ones are Offline, a lease lasts six",
    )
    run.add_argument("--helpers", metavar="N", type=_helpers, help="copying processes for each run (one for each core)")
    run.add_argument("--quiet", action="store_true", help="say only what goes wrong")
    add_simulate(commands)
    return parser


def _add_state(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--state", metavar="DIR", default=_default_state(), help="where its identity is kept (%(default)s)"
    )


def _default_state() -> str:
    from store.place import data_directory

    return str(data_directory() / "agent")


def _seconds(text: str) -> float:
    value = float(text)
    if not 0.1 <= value <= 300:
        raise argparse.ArgumentTypeError("must be between 0.1 and 300 seconds")
    return value


def _helpers(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 64:
        raise argparse.ArgumentTypeError("must be between 1 and 64")
    return value
