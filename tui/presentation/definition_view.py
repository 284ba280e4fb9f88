"""The head of a definition's own screen: what it copies, what its last runs came to, and what the next will take."""

from __future__ import annotations

from collections.abc import Callable

from store.display import display
from store.losses import losses
from store.queries.details import DefinitionDetail, Made, Place
from store.queries.passes import Passes
from store.queries.runs import RunRow
from store.settings import CopySettings
from store.vocabulary import CopyMode, JobRunStatus
from tui.presentation import format as figures
from tui.presentation.cells import Cell
from tui.presentation.convergence import planned_seconds
from tui.presentation.convergence_view import LABEL, forecast_lines, rounded
from tui.presentation.facts import Fact
from tui.presentation.glyphs import Glyphs
from tui.presentation.kinds import kind_words, needs_look
from tui.presentation.launch_view import COPIES
from tui.presentation.progress import elapsed_seconds
from tui.presentation.rows import ago
from tui.presentation.settings_view import settings_facts
from tui.presentation.states import run_state
from tui.subjects import ENDPOINT, Subject

Line = list[Cell]
HEAD_LINES = 7


def head_lines(detail: DefinitionDetail, found: Passes, now: int, glyphs: Glyphs) -> list[Line]:
    """``HEAD_LINES`` lines."""
    row = detail.row
    mirror = row.copy_mode == CopyMode.MIRROR
    mode = COPIES[CopyMode(row.copy_mode)] if row.copy_mode in set(CopyMode) else ""
    return [
        [_label("Mode"), Cell(display(row.copy_mode), "warn" if mirror else "strong"), Cell(f"  {mode}", "dim")],
        [
            _label("From, to"),
            Cell(_end(detail.source)),
            Cell(f"  {glyphs.arrow_right}  ", "dim"),
            Cell(_end(detail.target)),
        ],
        _last("Last copy", found.copies[-1] if found.copies else None, _copied, now, glyphs),
        _previewed(found, now, glyphs),
        _last("Last verify", found.verify, _verified, now, glyphs),
        *forecast_lines(found, now),
    ]


def definition_facts(detail: DefinitionDetail, now: int) -> list[Fact]:
    """Everything an admin has said of a definition, in words, and what Longshore keeps of it."""
    row = detail.row
    facts = [] if not row.description else [Fact("Description", display(row.description))]
    facts += [
        *place_facts("Source", detail.source, row.mover),
        *place_facts("Target", detail.target, row.mover),
        *loss_facts(detail),
        *settings_facts(detail.properties),
        Fact("Agent", row.agent_name or "none chosen yet: the launch sheet asks"),
    ]
    identity = detail.source_identity
    facts.append(
        Fact(
            "Source root",
            f"the directory that the first copy read ({display(identity)}); another one stops the deletes"
            if identity
            else "whatever directory the first copy will read",
        )
    )
    return [*facts, *made_facts(detail.made, now)]


def loss_facts(detail: DefinitionDetail) -> list[Fact]:
    """What of the source the target cannot hold, a line each."""
    found = losses(detail.source.type, detail.target.type, CopySettings.from_properties(detail.properties))
    return [Fact("" if number else "Lost on the way", words, "warn") for number, words in enumerate(found)]


def place_facts(label: str, end: Place, mover: str) -> list[Fact]:
    """One end of a definition; enter opens its endpoint."""
    subject = Subject(ENDPOINT, end.id, mover, end.name)
    below = f", below it {display(end.subpath)}" if end.subpath else ""
    return [Fact(label, f"{end.name}: {display(end.type)} {display(end.place)}{below}", subject=subject)]


def made_facts(made: Made, now: int) -> list[Fact]:
    """Who made it, and who changed it last."""
    facts = [Fact("Made", f"{ago(now, made.created_at)} by {display(made.created_by)}")]
    if made.changed_at > made.created_at:
        facts.append(Fact("Changed", f"{ago(now, made.changed_at)} by {display(made.changed_by)}"))
    return facts


def _label(words: str) -> Cell:
    return Cell(f"{words:<{LABEL}} ", "dim")


def _end(end: Place) -> str:
    name = f"{end.name}/{display(end.subpath)}" if end.subpath else end.name
    return f"{name} ({display(end.place)})"


def _last(label: str, run: RunRow | None, told: Callable[[RunRow], str], now: int, glyphs: Glyphs) -> Line:
    if run is None:
        return [_label(label), Cell("none yet", "dim")]
    state = run_state(run.status, glyphs, needs_look(run))
    plan = f" {kind_words(run)}" if run.plan_number is not None else ""
    words = f"  {told(run)}" if run.started is not None else ""
    seconds = elapsed_seconds(run, now)
    when, took = f" {ago(now, run.ended)}", f"  took {figures.duration(seconds)}"
    if run.active:
        when, took = "", f"  for {figures.duration(seconds)}" if seconds is not None else ""
    return [_label(label), Cell(f"#{run.number}{plan} "), state, Cell(when, "dim"), Cell(words), Cell(took, "dim")]


def _previewed(found: Passes, now: int, glyphs: Glyphs) -> Line:
    line = _last("Last preview", found.preview, _to_do, now, glyphs)
    run = found.preview
    if run is None or run.status != JobRunStatus.SUCCEEDED:
        return line
    if any(copy.number > run.number for copy in found.copies):
        return [*line[:-1], Cell("  a copy came after it", "dim")]
    seconds = planned_seconds([copy for copy in found.copies if not copy.active], run)
    return [*line[:-1], Cell(f"  about {rounded(seconds)}")] if seconds is not None else line


def _copied(run: RunRow) -> str:
    return _counted(
        run, (("transferred", "copied"), ("deleted", "deleted"), ("failed", "failed"), ("delete_withheld", "withheld"))
    )


def _to_do(run: RunRow) -> str:
    return _counted(run, (("transferred", "to copy"), ("deleted", "to delete"), ("failed", "failed")))


def _verified(run: RunRow) -> str:
    return _counted(
        run,
        (("no_transfer_needed", "alike"), ("failed", "differ or failed"), ("delete_withheld", "only in the target")),
    )


def _counted(run: RunRow, words: tuple[tuple[str, str], ...]) -> str:
    """The first figure, and of the others those that are not 0: ``14 copied (3.20 MB), 2 failed``."""
    (first, said), *others = words
    parts = [
        f"{figures.compact(run.counters[f'items_{first}'])} {said} ({figures.size(run.counters[f'bytes_{first}'])})"
    ]
    parts += [f"{figures.compact(number)} {word}" for key, word in others if (number := run.counters[f"items_{key}"])]
    return ", ".join(parts)
