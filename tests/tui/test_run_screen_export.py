"""``e`` on a run writes its report: asked as what and where to, whole or not at all, and never over another file."""

from __future__ import annotations

import asyncio
import csv
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from store import report_lines
from store.execution import claims
from store.execution.claims import Claim
from store.vocabulary import JobRunStatus, RunKind
from tests.tui.driving import app_of, seen, until
from tests.tui.sample_store import SampleStore
from tests.tui.test_run_screen import FAILED, at_run, ended
from tui import reports
from tui.app import LongshoreApp
from tui.screens.run import RunScreen

pytestmark = pytest.mark.anyio
SIZE = (80, 24)
NAME = "hr-shares-hr-home-2"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    place = tmp_path / "here"
    place.mkdir()
    monkeypatch.chdir(place)
    return place


def reported(sample: SampleStore, lines: int, chunks: int = 1) -> int:
    """A preview with a full report of so many lines; its id."""
    claim = sample.claim("hr-shares/hr-home", "dock-2", kind=RunKind.PREVIEW)
    with sample.store.write("agent") as tx:
        holder = sample.agents["dock-2"]
        claims.report_started(tx, holder, claim)
        each = lines // chunks
        for chunk in range(chunks):
            numbers = range(chunk * each, (chunk + 1) * each)
            data = report_lines.pack(
                report_lines.line(f"a/{n}\x1b[2J".encode(), "F", "Transferred", n, claim.fence) for n in numbers
            )
            claims.report_chunk(tx, holder, claim, each, data)
        finish(tx, sample, claim)
    return claim.run_id


def finish(tx: Any, sample: SampleStore, claim: Claim) -> None:
    claims.finish_run(tx, sample.agents["dock-2"], claim, JobRunStatus.SUCCEEDED, code="", message="", target="")


async def asked(pilot: Pilot[int], run: int) -> str:
    """The sheet that e opens."""
    await at_run(pilot, run)
    await pilot.press("e")
    return await until(pilot, "Write the report of")


async def typed(pilot: Pilot[int], name: str) -> None:
    """Another name in place of the one that is offered."""
    await pilot.press("end", *["backspace"] * 80, *[{"/": "slash", ".": "full_stop"}.get(c, c) for c in name])


async def test_the_key_bar_says_what_e_does_to_what_is_selected(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=(160, 45)) as pilot:
        await until(pilot, "Runs of ")
        await pilot.press("3")
        await until(pilot, lambda: "e edit" in key_line(app))
        await pilot.press("4")
        await until(pilot, lambda: "e report" in key_line(app))


def key_line(app: LongshoreApp) -> str:
    return seen(app).splitlines()[-1]


async def test_e_writes_the_items_of_a_run_that_kept_no_full_report(sample: SampleStore, here: Path) -> None:
    run = ended(sample, JobRunStatus.FAILED, FAILED, items_failed=3, code="LSM1010")
    async with app_of(sample).run_test(size=SIZE) as pilot:
        text = await asked(pilot, run)
        assert "About 3 lines: what did not simply transfer; it kept no full report." in text
        assert f"{NAME}.jsonl" in text
        await pilot.press("enter")
        await until(pilot, "3 items that did not simply transfer written to")
    file = here / f"{NAME}.jsonl"
    items = [json.loads(line) for line in file.read_text().splitlines()]
    assert [item["code"] for item in items] == ["AZSM2062", "AZSM2062", "AZSM2063"]
    assert items[2]["path"] == "2020/caf\\xe9\\x1b]0;owned\\x07.txt"
    assert file.stat().st_mode & 0o777 == 0o600
    assert os.listdir(here) == [file.name]


async def test_tab_takes_the_other_format_and_the_name_goes_along(sample: SampleStore, here: Path) -> None:
    run = reported(sample, 40, chunks=4)
    async with app_of(sample).run_test(size=SIZE) as pilot:
        text = await asked(pilot, run)
        assert "[jsonl]" in text
        assert "About 40 lines: what became of every item." in text
        await pilot.press("tab")
        text = await until(pilot, "[csv]")
        assert f"{NAME}.csv" in text
        await pilot.press("tab")
        await until(pilot, f"{NAME}.jsonl")
        await pilot.press("shift+tab", "enter")
        await until(pilot, "40 items written to")
    rows = list(csv.DictReader((here / f"{NAME}.csv").read_text().splitlines()))
    assert [row["size"] for row in rows] == [str(n) for n in range(40)]
    assert rows[1]["path"] == "a/1\\x1b[2J"


async def test_a_file_that_is_there_is_replaced_only_when_that_is_wanted(sample: SampleStore, here: Path) -> None:
    file = here / f"{NAME}.jsonl"
    file.write_text("mine\n")
    run = reported(sample, 5)
    async with app_of(sample).run_test(size=SIZE) as pilot:
        await asked(pilot, run)
        await pilot.press("enter")
        await until(pilot, "Replace the file")
        await pilot.press("enter")
        await until(pilot, "Nothing was written.")
        assert file.read_text() == "mine\n", "the default answer is no"
        await pilot.press("e")
        await until(pilot, "Write the report of")
        await pilot.press("enter")
        await until(pilot, "Replace the file")
        await pilot.press("y")
        await until(pilot, "5 items written to")
    assert len(file.read_text().splitlines()) == 5


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nowhere/report.jsonl", "No such file or directory"),
        ("taken", "is no plain file: name another one"),
        ("x" * 300, "The file 'xxx"),
        ("~nobody-of-that-name/x", "write the directory in full"),
        ("   ", "Type the name of a file."),
    ],
)
async def test_a_place_that_cannot_be_written_is_told_in_a_sentence(
    sample: SampleStore, here: Path, name: str, words: str
) -> None:
    (here / "taken").mkdir()
    run = reported(sample, 5)
    app = app_of(sample)
    async with app.run_test(size=(160, 24)) as pilot:
        await asked(pilot, run)
        await typed(pilot, name)
        await pilot.press("enter")
        await until(pilot, lambda: words in " ".join(seen(app).split()))
    assert os.listdir(here) == ["taken"]


async def test_a_full_disk_leaves_no_half_file(
    sample: SampleStore, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The device that is always full stands for the disk."""
    run = reported(sample, 20_000, chunks=4)
    opened = Path.open

    def full(path: Path, *arguments: Any, **options: Any) -> Any:
        return opened(Path("/dev/full") if path.suffix == ".part" else path, *arguments, **options)

    monkeypatch.setattr(Path, "open", full)
    async with app_of(sample).run_test(size=(160, 24)) as pilot:
        await asked(pilot, run)
        await pilot.press("enter")
        await until(pilot, "No space left on device")
    assert os.listdir(here) == []


async def test_a_long_export_tells_how_far_it_is_and_esc_stops_it(
    sample: SampleStore, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits in its middle until the test has seen it."""
    run = reported(sample, 4_000, chunks=4)
    reached, go_on = threading.Event(), threading.Event()
    unpacked = report_lines.lines

    def slowly(chunk: bytes) -> Iterator[bytes]:
        yield from unpacked(chunk)
        reached.set()
        assert go_on.wait(60)

    monkeypatch.setattr(report_lines, "lines", slowly)
    app = app_of(sample)
    async with app.run_test(size=SIZE) as pilot:
        await asked(pilot, run)
        await pilot.press("enter")
        text = await until(pilot, "of about 4,000 lines")
        assert "esc stops it" in text
        assert reached.is_set()
        assert [name for name in os.listdir(here) if not name.startswith(".")] == []
        await pilot.press("escape")
        go_on.set()
        await until(pilot, "Stopped: no file was written.")
        assert isinstance(app.screen, RunScreen)
    assert os.listdir(here) == []


async def test_a_long_export_that_is_left_alone_is_finished(
    sample: SampleStore, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = reported(sample, 4_000, chunks=4)
    go_on = threading.Event()
    write = reports.write_report

    def late(*arguments: Any, **options: Any) -> int:
        assert go_on.wait(60)
        return write(*arguments, **options)

    monkeypatch.setattr("tui.flows.exporting.write_report", late)
    app = app_of(sample)
    async with app.run_test(size=SIZE) as pilot:
        await asked(pilot, run)
        await pilot.press("enter")
        await until(pilot, "0 of about 4,000 lines")
        go_on.set()
        await until(pilot, "4,000 items written to")
        assert isinstance(app.screen, RunScreen)
    assert len((here / f"{NAME}.jsonl").read_text().splitlines()) == 4_000


async def test_quitting_breaks_an_export_off(sample: SampleStore, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = reported(sample, 4_000, chunks=4)
    go_on = threading.Event()
    unpacked = report_lines.lines

    def slowly(chunk: bytes) -> Iterator[bytes]:
        assert go_on.wait(60)
        yield from unpacked(chunk)

    monkeypatch.setattr(report_lines, "lines", slowly)
    app = app_of(sample)
    async with app.run_test(size=SIZE) as pilot:
        await asked(pilot, run)
        await pilot.press("enter")
        await until(pilot, "of about 4,000 lines")
        app.exit(0)
    go_on.set()
    deadline = asyncio.get_running_loop().time() + 60
    while os.listdir(here):
        assert asyncio.get_running_loop().time() < deadline, os.listdir(here)
        await asyncio.sleep(0.02)


async def test_what_retention_removed_is_said_instead_of_an_empty_file(sample: SampleStore, here: Path) -> None:
    from store.upkeep.retention import DAY_MS, prune_details

    run = ended(sample, JobRunStatus.FAILED, FAILED, items_failed=3, code="LSM1010")
    sample.clock.advance(91 * DAY_MS)
    assert prune_details(sample.store).items > 0
    async with app_of(sample).run_test(size=SIZE) as pilot:
        await at_run(pilot, run)
        await pilot.press("e")
        await until(pilot, "Retention removed the items of hr-shares/hr-home#2")
    assert os.listdir(here) == []


async def test_esc_leaves_the_sheet_and_read_only_may_export(sample: SampleStore, here: Path) -> None:
    run = reported(sample, 5)
    app = app_of(sample, read_only=True)
    async with app.run_test(size=SIZE) as pilot:
        await asked(pilot, run)
        await pilot.press("escape")
        await until(pilot, "Write the report of", absent=True)
        assert os.listdir(here) == []
        await pilot.press("e", "enter")
        await until(pilot, "5 items written to")
    assert os.listdir(here) == [f"{NAME}.jsonl"]
