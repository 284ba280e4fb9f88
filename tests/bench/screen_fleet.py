"""Pretended agents, in a process of their own, that keep runs alive in a store: real calls, no data.

    python tests/bench/screen_fleet.py STORE RUNS

It takes one command a line on stdin and answers each with a line of JSON on stdout:

- ``go``: report the progress of every run twice a second from now on, each in a commit of its own;
- ``pause``: no more, until ``go``;
- ``finish N``: end run N, a command ``start N`` begins the next run of its definition; both answer with when the
  commit returned (``at``, monotonic seconds) and the run's label;
- ``step N``: report one progress of run N; answers with when, and the number of items;
- ``quit``: end all runs.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from typing import Any

sys.path.insert(0, __file__.rpartition("/tests/")[0])

from store.db import Store, open_store
from store.errors import LongshoreError
from store.execution import claims
from store.execution.claims import Claim
from store.execution.trust import AgentFacts, AgentIdentity, connect_agent, make_token, register_agent
from store.queries import definitions as definition_queries
from store.resources.common import find_mover
from store.resources.runs import start_run
from store.vocabulary import JobRunStatus

TICK_SECONDS = 0.5
BEAT_SECONDS = 4.0
RUNS_EACH = 10
TOTAL = 1_000_000_000
FACTS = AgentFacts("0.1.0", "bench", "10.0.0.5", "UTC", 16_384, 8)


class Live:
    """One definition that has a run on."""

    def __init__(self, definition: str, agent: AgentIdentity, agent_name: str, claim: Claim) -> None:
        self.definition = definition
        self.agent = agent
        self.agent_name = agent_name
        self.claim: Claim | None = claim
        self.items = 1_000


class Fleet:
    """The agents and their runs. Calls come from one thread at a time."""

    def __init__(self, url: str, runs: int) -> None:
        self.store: Store = open_store(url)
        self.lock = threading.Lock()
        self.live: list[Live] = []
        self.going = False
        self.ended = threading.Event()
        now = time.time_ns() // 1_000_000 % 100_000_000
        agents = [self._agent(f"live-{now}-{number}") for number in range(-(-runs // RUNS_EACH))]
        for definition in self._free_definitions(runs):
            agent_name, agent = agents[len(self.live) // RUNS_EACH]
            try:
                self.live.append(Live(definition, agent, agent_name, self._start(definition, agent, agent_name)))
            except LongshoreError:
                continue  # An endpoint of a kind that no agent serves.
            if len(self.live) == runs:
                break
        self._beat()

    def _free_definitions(self, wanted: int) -> list[str]:
        from store.queries import hierarchy
        from store.queries.scope import Scope
        from store.queries.window import Page
        from store.reader import Reader

        with Reader(self.store.place) as reader:
            mover = hierarchy.movers(reader)[0].id
            rows = definition_queries.definitions(reader, Scope("mover", mover), Page(limit=wanted * 10)).rows
            return [f"{row.project}/{row.name}" for row in rows if row.run_ended or not row.run_id]

    def _agent(self, name: str) -> tuple[str, AgentIdentity]:
        with self.store.write("user/bench") as tx:
            token = make_token(tx, find_mover(tx.session, None))
        with self.store.write(f"agent/{name}") as tx:
            mover, _, credential = register_agent(tx, token, name, FACTS)
        return name, connect_agent(
            self.store, mover.name, name, credential, host_key=name, heartbeat_ms=5_000, facts=FACTS
        )

    def _start(self, definition: str, agent: AgentIdentity, agent_name: str) -> Claim:
        with self.store.write("user/bench") as tx:
            start_run(tx, find_mover(tx.session, None), definition, agent_name=agent_name)
        with self.store.write("agent") as tx:
            held = [live.claim for live in self.live if live.agent is agent and live.claim is not None]
            claim = claims.claim_run(tx, agent, held)
        assert claim is not None
        with self.store.write("agent") as tx:
            claims.report_started(tx, agent, claim)
        return claim

    # Commands

    def start(self, number: int) -> dict[str, Any]:
        live = self.live[number]
        live.claim = self._start(live.definition, live.agent, live.agent_name)
        live.items = 1_000
        return {"at": time.monotonic(), "label": live.claim.label}

    def finish(self, number: int) -> dict[str, Any]:
        live = self.live[number]
        assert live.claim is not None
        label = live.claim.label
        with self.store.write("agent") as tx:
            claims.finish_run(tx, live.agent, live.claim, JobRunStatus.SUCCEEDED, code="", message="", target="")
        at, live.claim = time.monotonic(), None
        return {"at": at, "label": label}

    def step(self, number: int) -> dict[str, Any]:
        live = self.live[number]
        assert live.claim is not None
        live.items += 7_919
        numbers = {
            "items_scanned": live.items,
            "items_transferred": live.items,
            "bytes_scanned": live.items * 60_000,
            "bytes_transferred": live.items * 60_000,
            "total_items": max(20_000_000, live.items * 2),
            "total_bytes": TOTAL * 1_200,
            "scan_status": "Scanning",
            "phase": "copy",
            "current": [f"projects/bridge/{live.items}.dwg"],
        }
        with self.store.write("agent") as tx:
            claims.report_progress(tx, live.agent, live.claim, numbers)
        return {"at": time.monotonic(), "label": live.claim.label, "items": live.items}

    def quit(self) -> dict[str, Any]:
        self.ended.set()
        for number, live in enumerate(self.live):
            if live.claim is not None:
                self.finish(number)
        return {}

    # By itself

    def _beat(self) -> None:
        for agent in {id(live.agent): live.agent for live in self.live}.values():
            held = [live.claim for live in self.live if live.agent is agent and live.claim is not None]
            with self.store.write("agent") as tx:
                claims.beat(tx, agent, held, uptime_in_seconds=60)

    def play(self) -> None:
        """Progress evenly spread over each half second while going, and heartbeats always."""
        beaten = time.monotonic()
        while not self.ended.is_set():
            began = time.monotonic()
            for number, live in enumerate(self.live):
                with self.lock:
                    if self.going and live.claim is not None and not self.ended.is_set():
                        self.step(number)
                due = began + TICK_SECONDS * (number + 1) / len(self.live)
                self.ended.wait(max(0.0, due - time.monotonic()))
            if time.monotonic() - beaten >= BEAT_SECONDS:
                with self.lock:
                    if not self.ended.is_set():
                        self._beat()
                beaten = time.monotonic()


def main() -> None:
    fleet = Fleet(sys.argv[1], int(sys.argv[2]))
    sys.stdout.write(json.dumps({"labels": [live.claim.label for live in fleet.live if live.claim]}) + "\n")
    sys.stdout.flush()
    player = threading.Thread(target=fleet.play)
    player.start()
    for line in sys.stdin:
        word, *numbers = line.split()
        with fleet.lock:
            if word in ("go", "pause"):
                fleet.going = word == "go"
                answer: dict[str, Any] = {}
            else:
                answer = getattr(fleet, word)(*map(int, numbers))
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
        if word == "quit":
            break
    fleet.ended.set()
    player.join()
    fleet.store.close()


if __name__ == "__main__":
    main()
