"""One worker process for one run, or for one test of an endpoint: ``python -m agentsim.worker FD``.

FD is an inherited end of an AF_UNIX/SOCK_SEQPACKET pair; the agent holds the other. The first
message is the order. Exit codes: 0 after a ``done`` message, 75 when the agent is gone, anything
else is a crash with a traceback on stderr, after which the run can be started again. Where one of
its helpers was killed, the worker ends by the same signal: its agent is to know that it was no crash.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
import threading
from dataclasses import replace
from typing import Any

from agentsim.engine.channel import Channel, Message
from agentsim.engine.coordinator import Coordinator
from agentsim.engine.crew import HelperDied
from agentsim.engine.errors import RunStopped, Side
from agentsim.engine.lease import ORPHANED
from agentsim.engine.order import Order, OrderRefused
from agentsim.engine.verdict import Verdict, ended
from agentsim.places.mounting import OF_THIS_PROCESS
from agentsim.places.opening import directory_of
from store import codes
from store.vocabulary import JobRunStatus


def main(arguments: list[str]) -> int:
    """Carry out one order; returns the exit code.

    Args:
        arguments: the descriptor's number, as the only element.
    """
    fd = int(arguments[0])
    if sys.getfilesystemencoding() != "utf-8":
        # Names must survive the way through str byte for byte, which UTF-8 with surrogates grants.
        os.set_inheritable(fd, True)
        os.execv(sys.executable, [sys.executable, "-X", "utf8", "-m", "agentsim.worker", str(fd)])
    os.set_inheritable(fd, False)
    agent = Channel.from_fd(fd)
    _raise_descriptor_limit()
    message = agent.recv()
    if message is None:
        return ORPHANED
    try:
        agent.send(("done", _tested(agent, message[1]) if message[0] == "test" else _run(agent, message)))
    except OSError:
        return ORPHANED
    if threading.active_count() > 1:
        # A thread that hangs in a server's call, or a library's own, must not keep the process.
        sys.stderr.flush()
        os._exit(0)
    return 0


def _run(agent: Channel, message: Message) -> Verdict:
    try:
        if message[0] != "order":
            raise OrderRefused(f"the first message is {message[0]!r}")
        order = Order.from_message(message[1])
    except OrderRefused as error:
        return ended(JobRunStatus.FAILED, codes.ORDER_REFUSED, f"Order refused: {error}")
    try:
        return _carry_out(agent, order)
    finally:
        OF_THIS_PROCESS.close()


def _tested(agent: Channel, errand: dict[str, Any]) -> Verdict:
    """Its steps are told as they come.

    Raises:
        OSError: the agent is gone.
    """
    # Runs need none of it.
    from agentsim.endpoint_trial import try_endpoint

    try:
        try_endpoint(agent, **errand)
    finally:
        OF_THIS_PROCESS.close()
    return {}


def _carry_out(agent: Channel, order: Order) -> Verdict:
    """One engine works on two directories of this machine, the other between any two places."""
    try:
        source, target = directory_of(order.source, Side.SOURCE), directory_of(order.target, Side.TARGET)
    except RunStopped as stop:
        return ended(JobRunStatus.FAILED, stop.code, stop.message, stop.target)
    order = replace(order, source_root=source or b"", target_root=target or b"")
    if source is not None and target is not None:
        try:
            return Coordinator(agent, order).run()
        except HelperDied as death:
            if death.signal is not None:
                _end_by(death.signal, str(death))
            raise
    # Most runs are between directories; what servers need would slow their start.
    from agentsim.transfer.conductor import Conductor

    # It holds secrets from here on, and a dump of its memory would, too.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    return Conductor(agent, order).run()


def _end_by(number: int, why: str) -> None:
    """End this process as one of its own was ended."""
    sys.stderr.write(f"{why}\n")
    sys.stderr.flush()
    if number != signal.SIGKILL:
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def _raise_descriptor_limit() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
