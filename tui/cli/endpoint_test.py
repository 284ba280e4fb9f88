"""``endpoint test``: an agent tries an endpoint, and each step is said as it comes."""

from __future__ import annotations

import argparse
import threading
import time
from typing import TYPE_CHECKING, Any

from store.codes import CATALOGUE
from store.errors import AgentUnavailable, NotFound
from store.queries import endpoint_tests as queries
from store.queries import hierarchy
from store.queries.endpoint_tests import EndpointTestRow, StepRow
from store.reader import Reader
from store.vocabulary import AgentStatus, EndpointTestStatus
from store.watch import Watch
from tui.actor import actor
from tui.cli import context, exit_codes, output
from tui.cli.waiting import LOOK_SECONDS, QUEUED_GRACE_SECONDS

if TYPE_CHECKING:
    from store.db import Store


def test(options: argparse.Namespace) -> int:
    """Ask an agent to try an endpoint, and wait for what it finds."""
    with context.existing_store(options, writes=True) as store:
        from store.resources.common import find_mover
        from store.resources.endpoint_tests import give_up_test, request_test

        with store.write(actor()) as tx:
            mover = find_mover(tx.session, options.mover)
            asked = request_test(tx, mover, options.name, options.agent, writes=False if options.no_probe else None)
        try:
            row = _until_end(store, asked.id, options.timeout, quiet=options.json)
        except (AgentUnavailable, KeyboardInterrupt) as error:
            with store.write(actor()) as tx:
                give_up_test(tx, asked.id)
            if isinstance(error, KeyboardInterrupt):
                output.say("The test was given up.")
                return exit_codes.CANCELED
            raise
    if options.json:
        output.json_data(_json(row))
    if row.status == EndpointTestStatus.EXPIRED:
        raise AgentUnavailable(f"The agent '{row.agent}' did not answer in time: {_LOOK_AT_AGENT}", code="NoAnswer")
    if row.failed is not None and row.failed.code in CATALOGUE:
        code = CATALOGUE[row.failed.code]
        output.say(f"{code.code} {code.title}: {code.advice}")
    return exit_codes.FINE if row.status == EndpointTestStatus.SUCCEEDED else exit_codes.RUN_FAILED


_LOOK_AT_AGENT = "see that 'longshore-agent run' is up on its host, and try again."


def _until_end(store: Store, test_id: int, timeout_ms: int, *, quiet: bool) -> EndpointTestRow:
    """Wait for the end of a test and say its steps.

    Raises:
        AgentUnavailable: the agent does not run, or does not answer in time.
        NotFound: the endpoint or the agent was deleted.
    """
    changed = threading.Event()
    watch = Watch(store.place, changed.set)
    began = time.monotonic()
    said = 0
    reader = Reader(store.place)
    try:
        watch.start()
        while True:
            changed.clear()
            row = queries.endpoint_test(reader, test_id)
            if row is None:
                raise NotFound("The test is gone: its endpoint or its agent was deleted meanwhile.")
            for step in row.steps[said:] if not quiet else ():
                output.data(_line(step))
            said = len(row.steps)
            if not row.active:
                return row
            _refuse_silence(row, reader, time.monotonic() - began, timeout_ms / 1000)
            changed.wait(LOOK_SECONDS)
    finally:
        watch.stop()
        reader.close()


def _refuse_silence(row: EndpointTestRow, reader: Reader, waited: float, timeout: float) -> None:
    if row.status == EndpointTestStatus.QUEUED and waited >= min(QUEUED_GRACE_SECONDS, timeout):
        agent = hierarchy.agent(reader, row.agent_id)
        if agent is None or agent.status in (AgentStatus.OFFLINE, AgentStatus.REGISTERING):
            raise AgentUnavailable(f"The agent '{row.agent}' is not running: {_LOOK_AT_AGENT}", code="AgentOffline")
    if waited >= timeout:
        raise AgentUnavailable(
            f"The agent '{row.agent}' did not answer within {timeout:.0f} s: {_LOOK_AT_AGENT}", code="NoAnswer"
        )


def _line(step: StepRow) -> str:
    message = f"  {step.message}" if step.message else ""
    return f"{'ok' if step.ok else 'FAILED':<6}  {step.name:<12}  {step.milliseconds:>6} ms{message}"


def _json(row: EndpointTestRow) -> dict[str, Any]:
    from store.clock import rfc3339

    steps = []
    for step in row.steps:
        advice = "" if step.ok or step.code not in CATALOGUE else CATALOGUE[step.code].advice
        steps.append({**step._asdict(), "advice": advice})
    return {
        "endpoint": row.endpoint,
        "agent": row.agent,
        "status": str(row.status),
        "permission": str(row.permission),
        "requestedAt": rfc3339(row.requested_at),
        "startedAt": rfc3339(row.started_at),
        "endedAt": rfc3339(row.ended_at),
        "steps": steps,
    }
