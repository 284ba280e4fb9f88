"""Previews, verifies, plans, guards and reports from the command line; an agent's part is played by the test."""

from __future__ import annotations

import csv
import io
import json
import os
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from store import codes, report_lines
from store.db import Store, open_store
from store.display import undisplay
from store.execution import claims
from store.execution.claims import Claim
from store.execution.trust import AgentIdentity
from store.models import Agent
from store.report_lines import Facts
from store.sqlite.place import SqlitePlace
from store.vocabulary import ItemKind, JobRunStatus
from tests.cli.conftest import A_YEAR_MS, Site, command, environment

M = ("--mover", "nas-exit")
HOME = "hr-shares/hr-home"
START = ("run", "start", HOME, *M, "--agent", "dock-1")
SEEN = Facts(ItemKind.FILE, 1, 2, 3, 4, 0o100644, 0, 0)


@dataclass
class Acted:
    """The agent ``dock-1``, played by a test, and the run that it has taken."""

    site: Site
    store: Store
    identity: AgentIdentity
    claim: Claim | None = None

    def call(self, function: Any, *arguments: Any, **options: Any) -> Any:
        with self.store.write("agent/dock-1") as tx:
            return function(tx, self.identity, self.claim, *arguments, **options)

    def take(self) -> None:
        with self.store.write("agent/dock-1") as tx:
            self.claim = claims.claim_run(tx, self.identity, [])
        assert self.claim is not None
        self.call(claims.report_started)

    def report(self, *written: bytes) -> None:
        self.call(claims.report_chunk, len(written), report_lines.pack(written))

    def die(self) -> None:
        """The worker is gone, and another one begins anew."""
        self.claim = self.call(claims.reclaim_run, "its worker died")

    def end(self, status: JobRunStatus = JobRunStatus.SUCCEEDED, code: str = "", **counters: int) -> None:
        self.call(claims.report_progress, counters)
        self.call(claims.finish_run, status, code=code, message="", target="")

    def line(self, path: bytes, outcome: str = "Transferred", **more: Any) -> bytes:
        assert self.claim is not None
        return report_lines.line(path, "F", outcome, len(path), self.claim.fence, **more)


@pytest.fixture
def acted(site: Site) -> Iterator[Acted]:
    store = open_store(SqlitePlace(site.store))
    with store.write("agent/dock-1") as tx:
        from sqlmodel import select

        agent = tx.session.exec(select(Agent).where(Agent.name == "dock-1")).one()
        identity = AgentIdentity(agent.id, agent.mover_id, agent.name, agent.instance_id, A_YEAR_MS)
    yield Acted(site, store, identity)
    store.close()


def preview(acted: Acted, *, code: str = "", status: JobRunStatus = JobRunStatus.SUCCEEDED) -> None:
    """A preview from its start to its end: two to copy, one to repair, one to delete."""
    assert acted.site.call(*START, "--preview").code == 0
    acted.take()
    acted.report(
        acted.line(b"new", action="copy", message="not in the target", source=SEEN),
        acted.line(b"linked", action="link", message="not in the target", source=SEEN),
        acted.line(b"shut", action="repair", message="mode differs", source=SEEN, target=SEEN),
    )
    acted.report(
        acted.line(b"gone", "Deleted", action="delete", target=SEEN),
        acted.line(b"same", "NoTransferNeeded", action="skip", source=SEEN, target=SEEN),
    )
    acted.end(status, code, items_scanned=4, items_transferred=3, items_no_transfer_needed=1, items_deleted=1)


# Starting.


def test_a_preview_says_what_a_copy_would_do(acted: Acted) -> None:
    started = acted.site.call(*START, "--preview")
    assert "Started hr-shares/hr-home#1 (Mirror, preview) on the agent 'dock-1'." in started.err
    acted.take()
    acted.end()
    preview(acted)
    watched = acted.site.run("run", "watch", HOME, *M)
    assert watched.code == 0
    assert watched.out.startswith(f"{HOME}#2 preview Succeeded in ")
    assert "would copy 2, replace 0, repair 1, delete 1; 1 unchanged" in watched.out
    assert f"longshore run start {HOME} --plan {HOME}#2" in watched.err
    shown = acted.site.call("run", "show", HOME, *M).out
    assert "would        copy 2, replace 0, repair 1, delete 1" in shown
    assert "full report  kept" in shown
    assert "Mirror, preview" in acted.site.call("run", "list", *M).out


def test_the_list_of_definitions_tells_a_success_that_left_something_undone(acted: Acted) -> None:
    def latest() -> str:
        lines = acted.site.call("definition", "list", *M).out.splitlines()
        return next(line for line in lines if line.startswith(HOME))

    preview(acted)
    assert "#1 Succeeded" in latest()
    assert "to look at" not in latest()
    acted.site.call(*START, "--verify")
    acted.take()
    acted.end(items_scanned=9, items_failed=2, items_delete_withheld=1)
    assert "#2 Succeeded, 3 to look at" in latest()


def test_a_preview_that_a_guard_would_stop_has_the_guards_exit_code(acted: Acted) -> None:
    preview(acted, code=codes.TOO_MANY_DELETES)
    watched = acted.site.call("run", "watch", HOME, *M)
    assert (watched.code, "--override DeleteCount" in watched.err) == (3, True)


def test_a_plan_is_carried_out_and_says_whose_it_is(acted: Acted) -> None:
    preview(acted)
    started = acted.site.call(*START, "--plan", f"{HOME}#1", "--override", "DeleteCount", "--override", "SourceShrunk")
    assert "(Mirror, plan of #1)" in started.err, started
    properties = acted.site.call("run", "show", HOME, *M, "--json").json["properties"]
    assert (properties["kind"], properties["planJobRunName"]) == ("Copy", "1")
    assert properties["overrides"] == ["DeleteCount", "SourceShrunk"]
    assert "Mirror, plan of #1" in acted.site.call("run", "list", *M).out
    shown = acted.site.call("run", "show", HOME, *M).out
    assert "plan        of the preview #1" in shown
    assert "overridden  DeleteCount, SourceShrunk" in shown
    acted.take()
    assert acted.claim is not None
    assert acted.claim.planned


def test_a_verify_says_what_is_alike(acted: Acted) -> None:
    for failed, code, status in ((0, 0, JobRunStatus.SUCCEEDED), (2, 1, JobRunStatus.FAILED)):
        assert acted.site.call(*START, "--verify").code == 0
        acted.take()
        found = codes.VERIFY_DIFFERENCES if failed else ""
        acted.end(status, found, items_scanned=9, items_no_transfer_needed=9 - failed, items_failed=failed)
        watched = acted.site.call("run", "watch", HOME, *M)
        assert (watched.code, f"{9 - failed} items alike, {failed} differ" in watched.out) == (code, True), watched


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--preview", "--verify"), "not allowed with"),
        (("--override", "deletecount"), "there is no guard 'deletecount': write one of SourceIdentity, SourceReplaced"),
        (("--plan", "latest"), "write PROJECT/DEFINITION#NUMBER"),
        (("--plan", HOME), "write PROJECT/DEFINITION#NUMBER"),
        (("--plan", f"{HOME}#9"), "has no run #9"),
        (("--plan", f"{HOME}#1"), "'hr-shares/hr-home#1' is no preview"),
        (("--plan", f"{HOME}#1", "--preview"), "carries out no plan"),
        (("--verify", "--override", "SourceEmpty"), "no guard to override"),
    ],
)
def test_what_does_not_go_together_is_one_sentence(acted: Acted, arguments: tuple[str, ...], words: str) -> None:
    assert acted.site.call(*START).code == 0
    acted.take()
    acted.end()
    before = acted.site.dump()
    answer = acted.site.run(*START, *arguments)
    assert (answer.code, answer.out, answer.err.count("\n")) == (2, "", 1), answer
    assert words in answer.err
    assert acted.site.dump() == before


def test_a_plan_of_changed_settings_is_refused(acted: Acted) -> None:
    preview(acted)
    plan = acted.site.root / "plan.yaml"
    plan.write_text(
        acted.site.call("export", "nas-exit").out.replace("copyMode: Mirror", "copyMode: Mirror\n        trash: true")
    )
    assert acted.site.call("apply", str(plan)).code == 0
    assert "trash" in acted.site.call("definition", "show", HOME, *M).out
    answer = acted.site.call(*START, "--plan", f"{HOME}#1")
    assert (answer.code, "make a new preview" in answer.err) == (2, True)


# The report.


def reported(answer: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in answer.out.splitlines()]


def test_a_report_has_a_line_for_every_item(acted: Acted) -> None:
    preview(acted)
    answer = acted.site.run("run", "report", HOME, *M)
    assert (answer.code, answer.err) == (0, "5 lines.\n")
    items = reported(answer)
    assert [(item["path"], item["action"]) for item in items] == [
        ("new", "copy"),
        ("linked", "link"),
        ("shut", "repair"),
        ("gone", "delete"),
        ("same", "skip"),
    ]
    assert items[0]["source"] == list(SEEN)
    only = acted.site.call("run", "report", HOME, *M, "--outcome", "Deleted")
    assert [item["path"] for item in reported(only)] == ["gone"]


def test_a_report_can_be_read_while_the_run_goes_on(acted: Acted) -> None:
    acted.site.call(*START, "--report")
    acted.take()
    answer = acted.site.call("run", "report", HOME, *M)
    assert (answer.code, answer.out) == (0, "")
    acted.report(acted.line(b"first"))
    answer = acted.site.call("run", "report", HOME, *M)
    assert [item["path"] for item in reported(answer)] == ["first"]
    assert "goes on" in answer.err


def test_a_run_without_a_full_report_gives_the_items_that_it_has(acted: Acted) -> None:
    acted.site.call(*START)
    acted.take()
    acted.call(claims.report_items, [(b"caf\xe9", "F", "Failed", "AZSM2062", "Permission denied", 7)])
    acted.end(JobRunStatus.FAILED, codes.SOME_ITEMS_FAILED, items_failed=1)
    answer = acted.site.call("run", "report", HOME, *M)
    assert "kept no full report" in answer.err
    (item,) = reported(answer)
    assert undisplay(item["path"]) == b"caf\xe9"
    assert (item["outcome"], item["code"], item["message"], item["attempt"]) == (
        "Failed",
        "AZSM2062",
        "Permission denied",
        1,
    )


def test_an_attempt_that_was_broken_off_counts_only_for_what_is_not_found_again(acted: Acted) -> None:
    """Its deletes and its digests; all else the next attempt looked at anew."""
    acted.site.call(*START, "--report")
    acted.take()
    acted.report(
        acted.line(b"copied", md5="d41d8cd98f00b204e9800998ecf8427e"),
        acted.line(b"plain"),
        acted.line(b"gone", "Deleted"),
        acted.line(b"broken", "Failed"),
    )
    acted.die()
    acted.report(acted.line(b"copied", "NoTransferNeeded"), acted.line(b"broken"))
    acted.end()
    items = reported(acted.site.call("run", "report", HOME, *M))
    assert [(item["path"], item["outcome"], item["attempt"]) for item in items] == [
        ("copied", "Transferred", 1),
        ("gone", "Deleted", 1),
        ("copied", "NoTransferNeeded", 2),
        ("broken", "Transferred", 2),
    ]


def test_a_csv_has_a_header_and_no_formula(acted: Acted) -> None:
    acted.site.call(*START, "--report")
    acted.take()
    names = [b'=HYPERLINK("http://x")', b"@cmd", b"a,b\nc", b"\x1b[31m\xff", b"plain"]
    acted.report(*(acted.line(name, message="+1") for name in names))
    acted.end()
    answer = acted.site.run("run", "report", HOME, *M, "--format", "csv")
    assert answer.code == 0
    assert "\x1b" not in answer.out
    header, *rows = csv.reader(io.StringIO(answer.out, newline=""))
    assert tuple(header) == report_lines.CSV_HEADER
    assert [undisplay(row[0].removeprefix("'")) for row in rows] == names
    assert [row[0][0] for row in rows[:2]] == ["'", "'"]
    assert {row[header.index("message")] for row in rows} == {"'+1"}


def test_a_file_is_private_whole_and_never_replaced_by_mistake(acted: Acted) -> None:
    preview(acted)
    file = acted.site.root / "report.jsonl"
    ask = ("run", "report", HOME, *M, "--output", str(file))
    written = acted.site.run(*ask)
    assert (written.code, written.out) == (0, "")
    assert f"5 lines in '{file}'." in written.err
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text() == acted.site.call("run", "report", HOME, *M).out
    file.write_text("precious")
    refused = acted.site.run(*ask)
    assert (refused.code, "--force" in refused.err, file.read_text()) == (2, True, "precious")
    assert acted.site.run(*ask, "--force", "--format", "csv").code == 0
    assert file.read_bytes().count(b"\r\n") == 6
    assert [path.name for path in acted.site.root.glob(".longshore-report-*")] == []


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("no/such/place", "No such file or directory"),
        ("old", "no plain file"),
        ("link", "no plain file"),
        ("fifo", "no plain file"),
        ("a\0b", "cannot be written"),
    ],
)
def test_an_output_that_cannot_be_is_one_sentence(acted: Acted, output: str, words: str) -> None:
    """Also with --force a directory, a link or a device stays what it is."""
    preview(acted)
    (acted.site.root / "kept").write_text("precious")
    (acted.site.root / "link").symlink_to("kept")
    os.mkfifo(acted.site.root / "fifo")
    answer = acted.site.call("run", "report", HOME, *M, "--output", output, "--force")
    assert (answer.code, answer.err.count("\n")) == (2, 1), answer
    assert words in answer.err
    assert (acted.site.root / "kept").read_text() == "precious"


def test_a_damaged_report_is_said_and_leaves_no_file(acted: Acted) -> None:
    acted.site.call(*START, "--report")
    acted.take()
    acted.report(acted.line(b"fine"))
    acted.call(claims.report_chunk, 1, b"not zlib")
    acted.end()
    answer = acted.site.run("run", "report", HOME, *M, "--output", "out")
    assert (answer.code, "restore your last backup" in answer.err) == (5, True)
    assert not (acted.site.root / "out").exists()
    assert list(acted.site.root.glob(".longshore-report-*")) == []


def test_a_report_of_any_length_fits_into_memory(acted: Acted) -> None:
    """400,000 lines pass through a process that holds a few chunks of them."""
    acted.site.call(*START, "--report")
    acted.take()
    for chunk in range(200):
        acted.report(*(acted.line(b"directory %d/file %d" % (chunk, number)) for number in range(2_000)))
    acted.end()
    peaks = []
    for ask in (("mover", "list"), ("run", "report", HOME, *M, "--outcome", "Failed"), ("run", "report", HOME, *M)):
        done = subprocess.Popen(
            command(*ask, store=acted.site.store), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment()
        )
        assert done.stdout is not None
        counted = sum(1 for _ in done.stdout)
        _, status, usage = os.wait4(done.pid, 0)
        done.returncode = os.waitstatus_to_exitcode(status)
        done.stdout.close()
        assert done.returncode == 0
        peaks.append(usage.ru_maxrss * 1024)
    assert counted == 400_000
    assert max(peaks) - peaks[0] < 12_000_000, peaks


def test_a_reader_that_goes_away_ends_a_report_quietly(acted: Acted) -> None:
    acted.site.call(*START, "--report")
    acted.take()
    acted.report(*(acted.line(b"%d" % number) for number in range(20_000)))
    acted.end()
    words = " ".join(f"'{part!s}'" for part in command("run", "report", HOME, *M, store=acted.site.store))
    done = subprocess.run(
        ["bash", "-c", f"{words} | head -1"], capture_output=True, check=True, text=True, env=environment()
    )
    assert (done.stdout.count("\n"), done.stderr) == (1, "")


# A store of the program before.


def test_read_only_does_not_upgrade_an_older_store(site: Site) -> None:
    import gzip

    fixture = Path(__file__).parents[1] / "store" / "fixtures" / "store-0001.db.gz"
    site.store.write_bytes(gzip.decompress(fixture.read_bytes()))
    for path in site.root.glob("longshore.db-*"):
        path.unlink()
    before = site.dump()
    answer = site.call("--read-only", "run", "list")
    assert (answer.code, "older schema" in answer.err) == (5, True), answer
    assert site.dump() == before
    assert site.call("run", "list").code == 0
    assert (site.root / "longshore.db.schema-0001").exists()


def test_what_a_broken_preview_would_have_deleted_is_not_told_twice(acted: Acted) -> None:
    acted.site.call(*START, "--preview")
    acted.take()
    acted.report(acted.line(b"gone", "Deleted", action="delete", target=SEEN))
    acted.die()
    acted.report(acted.line(b"gone", "Deleted", action="delete", target=SEEN))
    acted.end(items_deleted=1)
    assert len(reported(acted.site.call("run", "report", HOME, *M))) == 1
    assert "delete 1;" in acted.site.call("run", "watch", HOME, *M).out
