"""What passes between an agent and its worker about plans, reports and the source: with a worker that only listens.

The agent is real; in the worker's place stands a script that writes down what it is told, so that a
worker can be as slow, or die, as a test wants it.
"""

from __future__ import annotations

import hashlib
import json
import random
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from store import codes
from store.execution.claims import claim_run, finish_run, report_chunk, report_started
from store.execution.trust import AgentIdentity
from store.models import Agent, JobRun
from store.queries.reports import report_chunks
from store.vocabulary import Guard, JobRunStatus, RunKind
from tests.agent.migration import LIMIT, ROOT, Migration

LISTENER = """#!{python}
import hashlib, json, os, socket, sys, time
sys.path.insert(0, {root!r})
from agentsim.engine.channel import Channel
os.set_inheritable(int(sys.argv[-1]), False)
agent = Channel.from_fd(int(sys.argv[-1]))
heard = {{"order": None, "chunks": 0, "bytes": 0, "ended": False, "others": []}}
digest = hashlib.sha256()
{before}
while True:
    message = agent.recv()
    if message is None:
        sys.exit(75)
    if message[0] == "order":
        heard["order"] = {{k: v for k, v in message[1].items() if not isinstance(v, bytes)}}
        {started}
        if not message[1]["planned"]:
            break
    elif message[0] == "plan":
        digest.update(message[1])
        heard["chunks"] += 1
        heard["bytes"] += len(message[1])
        {each}
    elif message[0] == "plan_end":
        break
    else:
        heard["others"].append(message[0])
heard["digest"] = digest.hexdigest()
with open({file!r}, "w") as file:
    json.dump(heard, file)
{after}
agent.send(("done", {{"status": "Succeeded", "code": "AZSM0000", "message": "", "target": ""}}))
"""
STARTED = 'agent.send(("started", {"source_identity": "ext4/1/2"}))'


class Listening:
    """A migration whose agent's workers only listen."""

    def __init__(self, migration: Migration, directory: Path) -> None:
        self.migration = migration
        self.script = directory / "worker"
        self.file = directory / "heard.json"

    def worker(self, *, before: str = "", started: str = STARTED, each: str = "", after: str = "") -> None:
        """Say what the next worker does at its moments."""
        parts = {"before": before, "started": started or "pass", "each": each or "pass", "after": after}
        self.script.write_text(LISTENER.format(python=sys.executable, root=str(ROOT), file=str(self.file), **parts))
        self.script.chmod(0o700)

    def start_agent(self) -> Any:
        # The agent's own interpreter is what it starts its workers with.
        program = f"import sys; sys.executable = {str(self.script)!r}; from agentsim.cli import main; sys.exit(main())"
        return self.migration.start_agent(program=(sys.executable, "-c", program))

    def heard(self) -> dict[str, Any]:
        return dict(json.loads(self.file.read_text()))

    def previewed(self, chunks: list[bytes], earlier: list[bytes] = []) -> int:  # noqa: B006 - read only
        """A preview that succeeded with these chunks, and some of an attempt before its last."""
        run_id = self.migration.start_run(kind=RunKind.PREVIEW)
        store = self.migration.store
        with store.write("agent/dock-1") as tx:
            agent = tx.session.get_one(Agent, 1)
            agent.instance_id = "past"
            identity = AgentIdentity(agent.id, agent.mover_id, agent.name, "past", 5_000)
            tx.session.add(agent)
            for data in (earlier, chunks):
                claim = claim_run(tx, identity, [])
                assert claim is not None
                for chunk in data:
                    report_chunk(tx, identity, claim, 1, chunk)
                if data is chunks:
                    report_started(tx, identity, claim)
                    finish_run(tx, identity, claim, JobRunStatus.SUCCEEDED, code="", message="", target="")
        return run_id

    def start_plan(self, preview: int) -> int:
        with self.migration.store.read() as session:
            plan = session.get_one(JobRun, preview)
        return self.migration.start_run(plan=plan)


@pytest.fixture
def listening(migration: Migration, tmp_path: Path) -> Listening:
    found = Listening(migration, tmp_path)
    found.worker()
    return found


def test_a_worker_is_told_all_that_its_run_asks_for(listening: Listening) -> None:
    """And what it says of the source is told with the next run's order."""
    migration = listening.migration
    migration.start_run(overrides=[Guard.SOURCE_SHRUNK], report=True)
    listening.start_agent()
    run = migration.ended()
    assert run.status == JobRunStatus.SUCCEEDED, migration.log()
    order = listening.heard()["order"]
    assert (order["kind"], order["report"], order["planned"], order["overrides"]) == (
        "Copy",
        True,
        False,
        ["SourceShrunk"],
    )
    assert (order["attempt"], order["moment"], order["source_identity"]) == (1, run.started, "")
    migration.start_run(kind=RunKind.VERIFY)
    assert migration.until(lambda r: r.number == 2 and not r.active).kind == RunKind.VERIFY
    order = listening.heard()["order"]
    assert (order["kind"], order["source_identity"]) == ("Verify", "ext4/1/2")


def test_a_worker_s_report_is_kept_in_its_order(listening: Listening) -> None:
    listening.worker(after='for n in range(50): agent.send(("report", n, b"%d" % n * 70_000))')
    run_id = listening.migration.start_run(report=True)
    listening.start_agent()
    assert listening.migration.ended().status == JobRunStatus.SUCCEEDED
    with listening.migration.reader() as reader:
        chunks = report_chunks(reader, run_id, 0, 100)
    assert [(chunk.items, chunk.data) for chunk in chunks] == [(n, b"%d" % n * 70_000) for n in range(50)]


@pytest.mark.parametrize("chunks", [0, 1, 4, 9])
def test_a_plan_arrives_whole_and_in_its_order(listening: Listening, chunks: int) -> None:
    """The last attempt's chunks and no other; also of a preview that found nothing."""
    plan = [random.Random(number).randbytes(90_000 * (number % 2) + 10) for number in range(chunks)]
    preview = listening.previewed(plan, earlier=[b"of an attempt whose worker died"])
    listening.start_plan(preview)
    listening.start_agent()
    run = listening.migration.until(lambda r: r.number == 2 and not r.active)
    assert run.status == JobRunStatus.SUCCEEDED, listening.migration.log()
    heard = listening.heard()
    assert heard["order"]["planned"]
    assert (heard["chunks"], heard["digest"]) == (chunks, hashlib.sha256(b"".join(plan)).hexdigest())


def test_a_worker_slow_to_take_its_plan_delays_no_heartbeat_and_fills_no_memory(listening: Listening) -> None:
    """40 MB of plan, taken in more than two seconds: the agent holds a few chunks of it at a time."""
    chance = random.Random(1)
    plan = [chance.randbytes(100_000) for _ in range(400)]
    listening.worker(each="time.sleep(0.006)")
    listening.start_plan(listening.previewed(plan))
    agent = listening.start_agent()
    migration = listening.migration
    migration.until(lambda r: r.number == 2 and r.status == JobRunStatus.RUNNING)
    before = peak_memory(agent.pid)
    beats: set[int] = set()
    with migration.reader() as reader:

        def ended(run: Any) -> bool:
            beats.add(reader.value("SELECT at FROM agent_beat"))
            return not run.active

        run = migration.until(ended, LIMIT)
    assert run.status == JobRunStatus.SUCCEEDED, migration.log()
    assert listening.heard()["digest"] == hashlib.sha256(b"".join(plan)).hexdigest()
    pauses = [later - earlier for earlier, later in zip(sorted(beats)[:-1], sorted(beats)[1:], strict=True)]
    assert len(pauses) > 4, "it took long enough to see"
    # A worker that is waited for would be one pause, as long as the plan takes.
    assert max(pauses) < sum(pauses) / 2
    assert peak_memory(agent.pid) - before < 8_000_000


def peak_memory(pid: int) -> int:
    """The most memory that a process has held, bytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) * 1024


def test_a_cancel_reaches_a_worker_in_the_middle_of_its_plan(listening: Listening) -> None:
    plan = [random.Random(1).randbytes(100_000)] * 200
    listening.worker(
        each="""time.sleep(0.2)
    elif message[0] == "cancel":
        agent.send(("done", {"status": "Canceled", "code": "AZSM0000", "message": "Canceled", "target": ""}))
        sys.exit(0)""",
    )
    listening.start_plan(listening.previewed(plan))
    listening.start_agent()
    listening.migration.until(lambda r: r.number == 2 and r.status == JobRunStatus.RUNNING)
    listening.migration.cancel()
    # The plan itself would take forty seconds.
    run = listening.migration.until(lambda r: not r.active, 30)
    assert run.status == JobRunStatus.CANCELED
    assert run.fence == 1, "the worker itself has ended it"


def test_a_worker_that_dies_in_the_middle_gets_the_whole_plan_again(listening: Listening) -> None:
    plan = [random.Random(number).randbytes(50_000) for number in range(60)]
    flag = listening.file.with_name("died once")
    listening.worker(
        each=f"""if heard["chunks"] == 20 and not os.path.exists({str(flag)!r}):
            open({str(flag)!r}, "w").close()
            os.kill(os.getpid(), {signal.SIGKILL})"""
    )
    listening.start_plan(listening.previewed(plan))
    listening.start_agent()
    run = listening.migration.until(lambda r: r.number == 2 and not r.active)
    assert (run.status, run.fence) == (JobRunStatus.SUCCEEDED, 2), listening.migration.log()
    heard = listening.heard()
    assert (heard["chunks"], heard["digest"]) == (60, hashlib.sha256(b"".join(plan)).hexdigest())
    assert heard["order"]["attempt"] == 2


def test_a_run_whose_plan_is_gone_fails_without_a_worker(listening: Listening) -> None:
    """It must not become a copy without a plan."""
    preview = listening.previewed([b"chunk"])
    listening.start_plan(preview)
    with listening.migration.store.write("test") as tx:
        tx.session.delete(tx.session.get_one(JobRun, preview))
    listening.start_agent()
    run = listening.migration.ended()
    assert (run.status, run.error_code) == (JobRunStatus.FAILED, codes.PLAN_INCOMPLETE)
    assert not listening.file.exists()
