"""Exit codes and lines of text, as functions of a run's row."""

from __future__ import annotations

import io
from collections import Counter
from typing import Any

import pytest

from store import codes
from store.errors import AgentUnavailable
from store.queries.fleet import COUNTERS
from store.queries.runs import RunRow
from store.vocabulary import JobRunStatus, PlannedAction, RunKind, ScanStatus
from tui.cli import exit_codes, output, run_text, waiting

NOW = 1_800_000_000_000


def row(status: JobRunStatus = JobRunStatus.RUNNING, **changes: object) -> RunRow:
    counters = dict.fromkeys(COUNTERS, 0)
    for name in list(changes):
        if name in counters:
            counters[name] = int(str(changes.pop(name)))
    made = RunRow(
        id=1, mover_id=1, project_id=1, definition_id=1, mover="m", project="p", definition="d", number=3,
        kind=RunKind.COPY, plan_number=None, overrides=[], report=False,
        agent_name="dock-1", copy_mode="Mirror", status=status, scan_status=ScanStatus.SCANNING,
        created_at=NOW - 20_000, started=NOW - 10_000, ended=None, cancel_deadline=None, fence=1, error_code="",
        error_message="", counters=counters, phase="", total_items=-1, total_bytes=-1, bytes_in_flight=0, current=[],
        progress_at=NOW, agent_beat=NOW, agent_offline=False, lost_since=None,
    )  # fmt: skip
    return made._replace(**changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("status", "code", "failed", "expected"),
    [
        (JobRunStatus.SUCCEEDED, "", 0, 0),
        (JobRunStatus.SUCCEEDED, "", 2, 1),
        (JobRunStatus.FAILED, codes.SOME_ITEMS_FAILED, 2, 1),
        (JobRunStatus.FAILED, codes.SOURCE_PATH_INVALID, 0, 1),
        (JobRunStatus.FAILED, codes.SOURCE_EMPTY, 0, 3),
        (JobRunStatus.FAILED, codes.SOURCE_REPLACED, 7, 3),
        (JobRunStatus.CANCELED, "", 0, 130),
        (JobRunStatus.CANCELED, "", 3, 130),
    ],
)
def test_the_exit_code_of_a_run(status: JobRunStatus, code: str, failed: int, expected: int) -> None:
    assert exit_codes.of_run(row(status, error_code=code, items_failed=failed)) == expected


@pytest.mark.parametrize(
    ("kind", "changes", "expected"),
    [
        (RunKind.PREVIEW, {}, 0),
        (RunKind.PREVIEW, {"items_failed": 2, "items_deleted": 7}, 0),
        (RunKind.PREVIEW, {"error_code": codes.TOO_MANY_DELETES}, 3),
        (RunKind.PREVIEW, {"error_code": codes.TOO_MANY_DELETES, "status": JobRunStatus.FAILED}, 3),
        (RunKind.PREVIEW, {"error_code": codes.SOURCE_PATH_INVALID, "status": JobRunStatus.FAILED}, 1),
        (RunKind.VERIFY, {"items_no_transfer_needed": 9}, 0),
        (RunKind.VERIFY, {"items_failed": 1}, 1),
        (RunKind.VERIFY, {"error_code": codes.VERIFY_DIFFERENCES, "status": JobRunStatus.FAILED}, 1),
        (RunKind.VERIFY, {"items_changed": 1}, 1),
        (RunKind.COPY, {"items_changed": 1}, 0),
    ],
)
def test_the_exit_code_of_a_kind_of_run(kind: RunKind, changes: dict[str, Any], expected: int) -> None:
    ended = row(**{"status": JobRunStatus.SUCCEEDED, "kind": kind, **changes})
    assert exit_codes.of_run(ended) == expected


def test_a_preview_tells_what_it_would_do() -> None:
    ended = row(
        JobRunStatus.SUCCEEDED, kind=RunKind.PREVIEW, ended=NOW, items_scanned=1_000, items_transferred=7,
        items_no_transfer_needed=993, items_deleted=4, items_delete_withheld=2,
    )  # fmt: skip
    actions = Counter(
        {PlannedAction.COPY: 2, PlannedAction.LINK: 1, PlannedAction.REPLACE: 3, PlannedAction.REPAIR: 1}
        | {PlannedAction.DELETE: 4, PlannedAction.KEEP: 2, PlannedAction.SKIP: 993}
    )
    line = run_text.result(ended, actions)
    assert line.startswith("p/d#3 preview Succeeded in 10s: 1,000 items, 0 B scanned; ")
    assert "would copy 3, replace 3, repair 1, delete 4; 993 unchanged; 0 failed; 2 to keep" in line
    assert "copied" not in line
    assert "would transfer 7, delete 4" in run_text.result(ended)
    assert "longshore run start p/d --plan p/d#3" in run_text.advice(ended)
    stopped = ended._replace(status=JobRunStatus.FAILED, error_code=codes.TOO_MANY_DELETES)
    assert "--plan" not in run_text.advice(stopped)
    assert "--override DeleteCount" in run_text.advice(stopped)


def test_a_verify_tells_what_is_alike() -> None:
    ended = row(
        JobRunStatus.FAILED, kind=RunKind.VERIFY, ended=NOW, items_scanned=12, items_no_transfer_needed=9,
        items_failed=2, items_changed=1, error_code=codes.VERIFY_DIFFERENCES,
    )  # fmt: skip
    line = run_text.result(ended)
    assert line == "p/d#3 verify Failed in 10s: 12 items, 0 B scanned; 9 items alike, 2 differ; 1 changed while read"
    assert "copied" not in dict(run_text.facts(ended, NOW))


def test_a_run_says_its_kind_and_its_plan() -> None:
    assert [run_text.what(one) for one in (row(), row(kind=RunKind.VERIFY), row(plan_number=2))] == [
        "Mirror",
        "Mirror, verify",
        "Mirror, plan of #2",
    ]
    facts = dict(run_text.facts(row(plan_number=2, overrides=["DeleteCount"], report=True), NOW))
    assert (facts["kind"], facts["plan"], facts["overridden"]) == ("Copy", "of the preview #2", "DeleteCount")


def test_progress_says_what_is_known_and_no_more() -> None:
    scanning = run_text.progress(row(items_scanned=12_345), 0, NOW)
    assert scanning.startswith("p/d#3  Running")
    assert "12.3k items" in scanning
    assert "%" not in scanning
    assert "ETA" not in scanning
    half = row(items_scanned=500, bytes_scanned=50_000_000, total_items=1_000, total_bytes=100_000_000)
    line = run_text.progress(half, 5_000_000, NOW)
    assert "50%" in line
    assert "500/1,000 items" in line
    assert "50.0 MB/100 MB" in line
    assert "5.00 MB/s" in line
    assert "ETA 10s" in line


def test_a_silent_agent_is_said() -> None:
    lost = row(agent_offline=True, lost_since=NOW - 90_000)
    assert "agent lost 1m ago" in run_text.progress(lost, 0, NOW)
    queued = row(JobRunStatus.QUEUED, agent_offline=True, started=None)
    assert run_text.progress(queued, 0, NOW) == "p/d#3  Queued, agent not running"


@pytest.mark.parametrize(
    ("changes", "waited", "code"),
    [
        ({"status": JobRunStatus.QUEUED, "agent_offline": True}, 0.0, ""),
        ({"status": JobRunStatus.QUEUED, "agent_offline": True}, 4.0, "AgentOffline"),
        ({"status": JobRunStatus.QUEUED}, 1_000.0, ""),
        ({"agent_offline": True, "lost_since": NOW - 30_000}, 1_000.0, ""),
        ({"agent_offline": True, "lost_since": NOW - 61_000}, 1_000.0, "AgentLost"),
        ({"agent_offline": True, "lost_since": NOW - 61_000, "cancel_deadline": NOW}, 1_000.0, ""),
    ],
)
def test_waiting_ends_for_an_agent_that_is_not_there(changes: dict[str, object], waited: float, code: str) -> None:
    if not code:
        waiting.refuse_silence(row(**changes), NOW, waited)  # type: ignore[arg-type]
        return
    with pytest.raises(AgentUnavailable, match="longshore-agent run") as refused:
        waiting.refuse_silence(row(**changes), NOW, waited)  # type: ignore[arg-type]
    assert (refused.value.code, refused.value.exit_code) == (code, exit_codes.NO_AGENT)


def test_the_result_counts_everything() -> None:
    ended = row(
        JobRunStatus.FAILED, ended=NOW, items_scanned=10, items_transferred=7, bytes_transferred=1_000,
        items_no_transfer_needed=1, items_failed=2, items_deleted=4, error_code=codes.SOME_ITEMS_FAILED,
    )  # fmt: skip
    line = run_text.result(ended)
    assert line.startswith("p/d#3 Failed in 10s: 10 items")
    for part in ("7 items, 1.00 kB copied", "1 unchanged", "2 failed", "4 deleted"):
        assert part in line
    assert "longshore run items p/d#3 --outcome Failed" in run_text.advice(ended)


def test_a_line_without_a_terminal_is_a_line() -> None:
    stream = io.StringIO()
    line = output.LiveLine(stream, term="xterm")
    line.show("one \x1b[31m")
    line.clear()
    assert stream.getvalue() == "one \\x1b[31m\n"


def test_json_is_printable_ascii() -> None:
    text = output.json_text({"a": "é\x7f\x9b\udcff\u202e"}, indent=None)
    assert text.isascii()
    assert text.isprintable()
