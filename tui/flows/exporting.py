"""Writing a run's report to a file: asked where to, written in the background, told how far it is."""

from __future__ import annotations

import asyncio
import stat
import threading
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from store.errors import LongshoreError
from store.place import StorePlace
from store.queries import runs
from store.queries.runs import RunRow
from store.reader import Reader
from tui.presentation.export_view import removed_words, replace_lines, written_words
from tui.reports import Removed, lines_to_write, removed, report_file, write_report
from tui.subjects import Subject

if TYPE_CHECKING:
    from tui.screens.base import LongshoreScreen
    from tui.screens.export import Export

SOON_SECONDS = 0.4
"""What takes no longer is not worth a sheet that tells how far it is."""

TELLING_SECONDS = 0.5


class _Stopped(Exception):
    """The admin stopped the export."""


class _Facts(NamedTuple):
    run: RunRow
    gone: Removed | None
    lines: int
    now: int


async def export_report(screen: LongshoreScreen, subject: Subject) -> None:
    """Ask for a format and a file, and write the report of a run there."""
    from tui.screens.export import ExportScreen

    facts = await screen.read(_facts, subject.id)
    if facts is None:
        return
    if not facts:
        screen.say(f"The {subject.words} is gone.", "warn")
        return
    found = facts[0]
    if found.gone is not None:
        screen.say(removed_words(found.run, found.gone.what, found.gone.at, found.now), "warn")
        return
    asked = ExportScreen(found.run, found.lines, _here(), screen.longshore.glyphs)
    export = await screen.app.push_screen_wait(asked)
    if export is None:
        return
    replace = _is_file(export.path)
    if replace and not await _replaces(screen, export.path):
        screen.say("Nothing was written.")
        return
    await _write(screen, found, export, replace)


def _is_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except (OSError, ValueError):
        return False


async def _replaces(screen: LongshoreScreen, path: Path) -> bool:
    from tui.screens.confirm import ConfirmScreen

    question = ConfirmScreen(replace_lines(path), "Replace it", screen.longshore.glyphs)
    return await screen.app.push_screen_wait(question)


async def _write(screen: LongshoreScreen, facts: _Facts, export: Export, replace: bool) -> None:
    """Write in a thread; if that takes longer than a moment, tell how far it is until it is done or stopped."""
    writing = _Writing(screen.longshore.place, facts.run, export, replace=replace)
    task = asyncio.ensure_future(asyncio.to_thread(writing.run))
    try:
        await asyncio.wait({task}, timeout=SOON_SECONDS)
        if not task.done():
            await _tell(screen, facts, export, writing, task)
        count = await task
    except _Stopped:
        screen.say("Stopped: no file was written.", "warn")
    except LongshoreError as error:
        screen.say(error.sentence, "bad")
    else:
        screen.say(written_words(facts.run, count, export.path), "ok")
    finally:
        # Whoever leaves the screen leaves no thread behind that goes on writing.
        writing.stop()


async def _tell(
    screen: LongshoreScreen, facts: _Facts, export: Export, writing: _Writing, task: asyncio.Future[int]
) -> None:
    from tui.screens.export import WritingScreen

    sheet = WritingScreen(str(export.path), facts.lines, writing.stop, screen.longshore.glyphs)
    await screen.app.push_screen(sheet)
    try:
        while not task.done():
            await asyncio.wait({task}, timeout=TELLING_SECONDS)
            sheet.tell(writing.lines)
    finally:
        if sheet.is_current:
            sheet.dismiss()


class _Writing:
    """One export, in a thread of its own with a reader of its own."""

    def __init__(self, place: StorePlace, run: RunRow, export: Export, *, replace: bool) -> None:
        self.lines = 0
        """Written so far."""
        self._place = place
        self._run = run
        self._export = export
        self._replace = replace
        self._ending = threading.Event()

    def run(self) -> int:
        """Write it all; how many lines that are.

        Raises:
            LongshoreError: the file cannot be written, or the report not be read.
            _Stopped: ``stop`` was called.
        """
        with Reader(self._place) as reader, report_file(self._export.path, replace=self._replace) as file:
            return write_report(reader, self._run, self._export.form, file, told=self._told)

    def stop(self) -> None:
        """End it soon; the file is not there then."""
        self._ending.set()

    def _told(self, lines: int) -> None:
        self.lines = lines
        if self._ending.is_set():
            raise _Stopped


def _facts(reader: Reader, run_id: int) -> list[_Facts]:
    """What is known of a run; nothing for one that is gone."""
    run = runs.run(reader, run_id)
    return [] if run is None else [_Facts(run, removed(reader, run), lines_to_write(reader, run), reader.now())]


def _here() -> str:
    try:
        return str(Path.cwd())
    except OSError:
        return "a directory that is gone"
