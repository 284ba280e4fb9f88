"""The words of the launch sheet: what will be done, in which mode, and what the last pass did."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from store.display import display
from store.lifecycle import target_permission
from store.losses import losses
from store.queries.definitions import DefinitionRow
from store.queries.details import DefinitionDetail
from store.queries.hierarchy import AgentRow
from store.queries.passes import Passes
from store.queries.runs import RunRow
from store.settings import CopySettings
from store.vocabulary import AgentStatus, CopyMode, Guard, RunKind
from tui.keymap import key
from tui.presentation import format as figures
from tui.presentation import progress
from tui.presentation.cells import Cell
from tui.presentation.convergence import planned_seconds, scan_seconds
from tui.presentation.convergence_view import forecast_line, rounded
from tui.presentation.glyphs import Glyphs
from tui.presentation.kinds import needs_look
from tui.presentation.rows import ago
from tui.presentation.states import run_state

Line = list[Cell]
HEAD_LINES = 6
TAIL_LINES = 6

COPIES = {
    CopyMode.ADDITIVE: "copies what is new or differs; deletes nothing",
    CopyMode.MIRROR: "also DELETES from the target what the source has not",
}
_MODES = {
    RunKind.COPY: COPIES,
    RunKind.PREVIEW: COPIES,
    RunKind.VERIFY: {
        CopyMode.ADDITIVE: "does not look for what only the target has",
        CopyMode.MIRROR: "what only the target has is a difference, too",
    },
}
_TITLES = {
    RunKind.COPY: "Start a run of ",
    RunKind.PREVIEW: "Start a preview of ",
    RunKind.VERIFY: "Start a verify of ",
}
_WORDS = {
    RunKind.COPY: "",
    RunKind.PREVIEW: "The preview compares and says what a copy would do; it touches nothing",
    RunKind.VERIFY: "The verify reads and compares both sides fully; it changes nothing",
}
_KINDS = {
    RunKind.COPY: ("run.start", "copy"),
    RunKind.PREVIEW: ("run.preview", "preview"),
    RunKind.VERIFY: ("run.verify", "verify"),
}


class Choice(NamedTuple):
    """What the sheet would start now. A plan fixes kind and mode."""

    kind: RunKind
    mode: CopyMode
    plan: RunRow | None
    overrides: tuple[Guard, ...]


def head_lines(
    definition: DefinitionRow, detail: DefinitionDetail | None, choice: Choice, glyphs: Glyphs
) -> list[Line]:
    """What will run, what of the source will not arrive, and what is granted for it."""
    source = _place(definition.source, definition.source_subpath)
    target = _place(definition.target, definition.target_subpath)
    words, style = _WORDS[choice.kind], "dim"
    if choice.plan is not None:
        words = f"Exactly what preview #{choice.plan.number} listed; what has changed since is left alone"
        style = "strong"
    elif choice.kind == RunKind.COPY and detail is not None:
        words, style = _left_behind(detail, glyphs)
    permission = str(target_permission(choice.kind)).lower()
    return [
        [Cell(_TITLES[choice.kind], "dim"), Cell(f"{definition.project}/{definition.name}", "strong")],
        [],
        [Cell("From  ", "dim"), Cell(source), Cell(f"  {glyphs.arrow_right}  ", "dim"), Cell(target)],
        _mode(definition, choice),
        [Cell(words, style)],
        [Cell(f"The agent may read the source and {permission} the target until the run ends", "dim")],
    ]


def tail_lines(
    last: RunRow | None,
    found: Passes,
    detail: DefinitionDetail | None,
    agent: AgentRow | None,
    choice: Choice,
    now: int,
    glyphs: Glyphs,
    *,
    guarded: bool,
    typing: bool,
    refusal: str,
) -> list[Line]:
    """What the last pass did and this one will take, what stands in its way, why a key did nothing, and the keys.

    Args:
        last: the definition's latest copy.
        found: its latest runs by their kinds.
        detail: its settings and both ends; None when it is gone.
        agent: the chosen one.
        choice: what would be started.
        now: store time.
        glyphs: the set to draw with.
        guarded: whether there is a guard to override.
        typing: whether the names of guards are being typed.
        refusal: why the last key did nothing, or empty.
    """
    return [
        [],
        _last_pass(last, now, glyphs),
        _this_run(found, choice, now),
        _warning(agent, found.active, glyphs),
        [Cell(refusal, "warn")],
        _keys(choice, guarded, typing),
    ]


def started_words(label: str, agent: str, kind: RunKind, plan: RunRow | None, overrides: Sequence[Guard]) -> str:
    """What was started, in one sentence."""
    what = f"the {kind.lower()} {label}" if kind != RunKind.COPY else label
    of_plan = f", the plan of #{plan.number}" if plan is not None else ""
    without = f", without {' and '.join(overrides)}" if overrides else ""
    return f"Started {what}{of_plan} on {agent}{without}."


def why_fixed(choice: Choice) -> str:
    """Why kind and mode cannot be changed; empty when they can."""
    if choice.plan is None:
        return ""
    return f"This carries out preview #{choice.plan.number} as it is: esc leaves, {key('run.preview')} makes another."


def _mode(definition: DefinitionRow, choice: Choice) -> Line:
    other = " (for this run only)" if choice.mode != definition.copy_mode and choice.plan is None else ""
    deletes = choice.mode == CopyMode.MIRROR and choice.kind == RunKind.COPY
    return [
        Cell("Mode  ", "dim"),
        Cell(choice.mode + other, "warn" if deletes else "strong"),
        Cell(f"  {_MODES[choice.kind][choice.mode]}", "dim"),
    ]


def _keys(choice: Choice, guarded: bool, typing: bool) -> Line:
    """The keys that do something now; a narrow sheet has room for no others."""
    style = ""
    if typing:
        keys = [("enter", "override what is typed"), ("esc", "leave every guard on")]
    elif choice.overrides:
        keys = [
            ("enter", f"start WITHOUT {', '.join(choice.overrides)}"),
            (key("launch.override"), "change"),
            ("esc", "leave"),
        ]
        style = "bad"
    else:
        keys = [("enter", "start")]
        if choice.plan is None:
            keys += [
                *((key(act), word) for kind, (act, word) in _KINDS.items() if kind != choice.kind),
                (key("launch.mode"), "mode"),
            ]
        if guarded and choice.kind != RunKind.VERIFY:
            keys.append((key("launch.override"), "override"))
        keys.append(("esc", "leave"))
    line: Line = []
    for shown, label in keys:
        line += [Cell(shown, "accent"), Cell(f" {label}", style if shown == "enter" else ""), Cell("   ")]
    return line[:-1]


def _last_pass(last: RunRow | None, now: int, glyphs: Glyphs) -> Line:
    if last is None:
        return [Cell("Last pass  ", "dim"), Cell("none yet: this is the first")]
    state = run_state(last.status, glyphs, needs_look(last))
    counters = last.counters
    told = f"  {figures.compact(counters['items_transferred'])} copied, {figures.size(counters['bytes_transferred'])}"
    if counters["items_failed"]:
        told += f", {figures.compact(counters['items_failed'])} failed"
    if counters["items_unsupported"]:
        told += f", {figures.compact(counters['items_unsupported'])} unsupported"
    return [Cell(f"Last pass  #{last.number} ", "dim"), state, Cell(told), Cell(f"  {ago(now, last.ended)}", "dim")]


def _this_run(found: Passes, choice: Choice, now: int) -> Line:
    """How long it will take, as far as the runs before tell."""
    label = Cell("This run   ", "dim")
    ended = [run for run in found.copies if not run.active]
    if choice.kind == RunKind.COPY and choice.plan is None:
        return [label, *forecast_line(found, now)]
    if choice.kind == RunKind.COPY and choice.plan is not None:
        seconds = planned_seconds(ended, choice.plan)
    elif choice.kind == RunKind.PREVIEW:
        seconds = scan_seconds(ended)
    else:
        verify = found.verify
        seconds = progress.elapsed_seconds(verify, now) if verify is not None and not verify.active else None
    if seconds is None:
        return [label, Cell("nothing before it tells how long it takes", "dim")]
    return [label, Cell(f"about {rounded(seconds)}", "strong")]


def _warning(agent: AgentRow | None, active: RunRow | None, glyphs: Glyphs) -> Line:
    """What the store would refuse, and what the agent makes of it; the gravest alone."""
    if active is not None:
        text = f"#{active.number} is {active.status}: one run of a definition at a time"
        return [Cell(f"{glyphs.attention} {text}", "warn")]
    if agent is None:
        return []
    if agent.status == AgentStatus.OFFLINE:
        return [
            Cell(f"{glyphs.attention} {agent.name} is Offline: the run waits in Queued until it is started", "warn")
        ]
    if agent.status == AgentStatus.REQUIRES_ATTENTION:
        return [Cell(f"{glyphs.attention} {agent.name} requires attention: {display(agent.error_message)}", "bad")]
    if agent.active_runs:
        others = "1 other run" if agent.active_runs == 1 else f"{agent.active_runs} other runs"
        return [Cell(f"{glyphs.busy} {agent.name} has {others}: they share its disks and its link", "busy")]
    return []


def _left_behind(detail: DefinitionDetail, glyphs: Glyphs) -> Cell:
    """What of the source a copy with these settings leaves behind; empty for nothing."""
    properties = detail.properties
    kept = properties.get("preservePermissions", True)
    parts = [
        *(() if kept else ("mode, owner and access control lists",)),
        *(("what the filters leave out",) if properties.get("filters") else ()),
    ]
    found = losses(detail.source.type, detail.target.type, CopySettings.from_properties(properties))
    sentences = [f"Not copied: {'; '.join(parts)}"] if parts else []
    if found:
        many = f"{len(found)} losses, the gravest: " if len(found) > 1 else "One loss: "
        sentences.append(many + found[0])
    warned = f"{glyphs.attention} " if found or not kept else ""
    return Cell(f"{warned}{'. '.join(sentences)}" if sentences else "", "warn" if warned else "dim")


def _place(name: str, sub_path: str) -> str:
    return f"{name}/{display(sub_path)}" if sub_path else name
