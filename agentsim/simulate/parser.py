"""The options of ``longshore-agent simulate``. Standard library only: every command of the agent imports this."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]
else:
    Commands = Any

_DESCRIPTION = """\
Try a store at your own scale before you trust it: a fleet of agents and some admins that make their real
calls (register, heartbeat, claim, progress, items, cancel, finish), without any data. No file is read or
copied, and no directory is looked at.

The story comes from the seed: the same one has the same agents, runs, failures, lost hosts, duplicates,
crashes and cancels. What the story has refused is counted as refused; anything else that fails is an error.

It needs a store of its own and refuses one that holds anything else; several simulations can follow one
another in one store. On PostgreSQL the agents share the few connections of the login in the URL, which has to be
an admin's; each leaves a login of its own on the server, as real ones do: use a server for trying."""

_EXAMPLES = """\
examples:
  longshore-agent simulate --store ./fleet.db --agents 1000 --runs 200 --seed 7
  longshore-agent simulate --store ./fleet.db --virtual --minutes 60     an hour's story at once
  longshore-agent simulate --store ./years.db --history 1000000          three years of history, for the screens
  longshore --store ./fleet.db --read-only                               watch it meanwhile

exit codes: 0 fine, 1 a call failed that should not have, 2 bad usage or a store that is not for this,
5 the store cannot be used, 130 interrupted"""


def add_simulate(commands: Commands) -> None:
    """Add the command to a parser's."""
    parser = commands.add_parser(
        "simulate",
        help="a fleet without data, to try a store at your own scale",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--store",
        metavar="URL",
        help="a file that need not exist yet, or postgresql://…; always to be named: neither LONGSHORE_STORE nor "
        "your own store is taken",
    )
    parser.add_argument("--agents", metavar="N", type=_number(1, 100_000), help="how many agents (20)")
    parser.add_argument("--runs", metavar="M", type=_number(0, 1_000_000), help="how many runs are started (40)")
    parser.add_argument("--seed", metavar="S", type=int, default=1, help="which story (%(default)s)")
    parser.add_argument(
        "--minutes",
        metavar="M",
        type=_real(0.05, 1_000_000),
        default=2.0,
        help="the story's length, not counting what it takes to stop (%(default)s)",
    )
    parser.add_argument(
        "--speed",
        metavar="X",
        type=_real(0.01, 100),
        help="let the story pass X times as fast (1): heartbeats, leases and runs are that much shorter; the store's "
        "cancel deadline is not",
    )
    parser.add_argument(
        "--virtual",
        action="store_true",
        help="take no time: one thread and a clock that jumps; the same seed leaves the same contents, secrets apart",
    )
    parser.add_argument(
        "--history",
        metavar="N",
        type=_number(10, 100_000_000),
        help="first fill in N runs of the past, in bulk; alone, without --agents and --runs, that is all",
    )
    parser.add_argument(
        "--years", metavar="Y", type=_real(0.01, 50), default=3.0, help="how long that past is (%(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="the figures as JSON")


def _number(least: int, most: int) -> Any:
    def number(text: str) -> int:
        value = int(text)
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"must be between {least:,} and {most:,}")
        return value

    return number


def _real(least: float, most: float) -> Any:
    def number(text: str) -> float:
        value = float(text)
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"must be between {least:g} and {most:,g}")
        return value

    return number
