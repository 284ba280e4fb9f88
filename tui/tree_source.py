"""What the tree shows below each node: the store's rows as branches. Runs on the reader thread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from store.display import display
from store.queries import definitions as definition_queries
from store.queries import hierarchy, runs
from store.queries.definitions import DefinitionRow
from store.queries.hierarchy import AgentRow, MoverRow, ProjectRow
from store.queries.runs import RunRow
from store.queries.scope import Scope
from store.queries.window import Page, complete
from store.reader import Reader
from store.vocabulary import JobRunStatus, RunKind
from tui.keymap import key
from tui.presentation import format as figures
from tui.presentation import progress
from tui.presentation.cells import Cell
from tui.presentation.glyphs import Glyphs
from tui.presentation.kinds import kind_words, needs_look, numbered
from tui.presentation.rows import ago
from tui.presentation.states import agent_dot, run_dot, run_state
from tui.subjects import Subject
from tui.widgets.resource_tree import Branch, NodeKey

MOST_CHILDREN = 500
"""Children shown below a node; a longer list is what the panes are for."""

LATEST_RUNS = 10
"""Runs shown below a definition."""

SMALL_STORE = 40
"""Definitions up to which the first screen shows every project open."""

FEW_AGENTS = 20
"""Agents up to which the first screen shows them all: more would push the projects off it."""


def children(reader: Reader, key: NodeKey | None, text: str, glyphs: Glyphs) -> list[Branch]:
    """The branches below a node (None: the movers), only those that contain the filter's text."""
    now = reader.now()
    match key:
        case None:
            return [_mover(row) for row in hierarchy.movers(reader)]
        case NodeKey("mover", mover_id):
            found = next((row for row in hierarchy.movers(reader) if row.id == mover_id), None)
            return [] if found is None else _groups(found, glyphs)
        case NodeKey("agents", mover_id):
            rows = hierarchy.agents(reader, mover_id, text=text, limit=MOST_CHILDREN)
            return [_agent(row, glyphs) for row in rows] + _more(len(rows), mover_id, glyphs)
        case NodeKey("endpoints", mover_id):
            scope = Scope("mover", mover_id)
            window = complete(lambda p: hierarchy.endpoints(reader, scope, p, text=text), Page(limit=MOST_CHILDREN))
            return [
                Branch(NodeKey("endpoint", e.id), e.name, (Cell(e.name), Cell(f" {display(e.place)}", "dim")), False)
                for e in window.rows
            ] + _more(len(window.rows), mover_id, glyphs)
        case NodeKey("projects", mover_id):
            # A project is shown for its definitions' names too.
            rows_ = hierarchy.projects(reader, mover_id, limit=MOST_CHILDREN)
            named = [p.id for p in rows_ if not text or text.lower() in p.name.lower()]
            shown = {*named, *hierarchy.projects_with(reader, [p.id for p in rows_] if text else [], text)}
            kept = [p for p in rows_ if p.id in shown]
            return [_project(row, glyphs) for row in kept] + _more(len(rows_), mover_id, glyphs)
        case NodeKey("project", project_id):
            scope = Scope("project", project_id)
            everything = Page(limit=MOST_CHILDREN)
            definitions = complete(
                lambda p: definition_queries.definitions(reader, scope, p, text=text), everything
            ).rows
            if text and not definitions:
                definitions = definition_queries.definitions(reader, scope, everything).rows
            active = {
                run.id: run
                for run in runs.runs_by_id(reader, [d.run_id for d in definitions if d.run_id and d.run_ended is None])
            }
            branches = [definition_branch(d, active.get(d.run_id or 0), now, glyphs) for d in definitions]
            return branches + _more(len(definitions), project_id, glyphs)
        case NodeKey("definition", definition_id):
            found_runs = runs.runs(reader, Scope("definition", definition_id), Page(limit=LATEST_RUNS)).rows
            return [run_branch(run, now, glyphs) for run in found_runs]
        case _:
            return []


class FirstPage(NamedTuple):
    """What the tree shows first."""

    opened: list[tuple[NodeKey | None, list[Branch]]]
    """The nodes that are open, each after the one above it, with what is below them; first the movers."""
    cursor: NodeKey | None


def first_page(reader: Reader, glyphs: Glyphs) -> FirstPage:
    """Read it all at once."""
    opened, cursor = first_definition(reader)
    return FirstPage(several(reader, [None, *opened], "", glyphs), cursor)


def several(
    reader: Reader, keys: Sequence[NodeKey | None], text: str, glyphs: Glyphs
) -> list[tuple[NodeKey | None, list[Branch]]]:
    """The branches below each of these nodes."""
    return [(key, children(reader, key, text, glyphs)) for key in keys]


def first_definition(reader: Reader) -> tuple[list[NodeKey], NodeKey | None]:
    """What the first screen opens, and where it puts the cursor: the definition that ran last, or else its mover.

    In a store of years that definition may be of a project that is not among those shown.
    """
    latest = definition_queries.last_run_definition(reader)
    movers = hierarchy.movers(reader)
    if latest is None:
        first = [NodeKey("mover", row.id) for row in movers[:1]]
        return first, first[0] if first else None
    mover = latest.mover_id
    opened = [NodeKey("mover", mover)]
    if any(row.id == mover and row.agents <= FEW_AGENTS for row in movers):
        opened.append(NodeKey("agents", mover))
    opened.append(NodeKey("projects", mover))
    projects = hierarchy.projects(reader, mover, limit=MOST_CHILDREN)
    if all(project.id != latest.project_id for project in projects):
        return opened, opened[0]
    if sum(project.definitions for project in projects) <= SMALL_STORE:
        opened += [NodeKey("project", project.id) for project in projects]
    else:
        opened.append(NodeKey("project", latest.project_id))
    return opened, NodeKey("definition", latest.id)


def way_to(reader: Reader, subject: Subject) -> list[NodeKey]:
    """The nodes from the mover down to a resource; empty when it is gone."""
    mover = next((row.id for row in hierarchy.movers(reader) if row.name == subject.mover), None)
    if mover is None:
        return []
    above = [NodeKey("mover", mover)]
    match subject.kind:
        case "agent" | "endpoint" | "project":
            return [*above, NodeKey(f"{subject.kind}s", mover), NodeKey(subject.kind, subject.id)]
        case "definition" | "run":
            run = runs.run(reader, subject.id) if subject.kind == "run" else None
            found = definition_queries.definition(reader, subject.id if run is None else run.definition_id)
            if found is None:
                return []
            above += [NodeKey("projects", mover), NodeKey("project", found.project_id)]
            below = [NodeKey("run", run.id)] if run is not None else []
            return [*above, NodeKey("definition", found.id), *below]
        case _:
            return above


def definition_branch(definition: DefinitionRow, run: RunRow | None, now: int, glyphs: Glyphs) -> Branch:
    """A definition with its latest run's state, or the live figure of the run that is on."""
    label: tuple[Cell, ...] = (Cell(definition.name),)
    if run is not None and run.active:
        label = live_definition(run, glyphs)
    elif definition.run_status:
        label += (Cell(" "), run_dot(definition.run_status, glyphs, definition.to_look_at))
        if definition.run_kind != RunKind.COPY:
            # Its success is not the copy's.
            label += (Cell(f" {display(definition.run_kind.lower())}", "dim"),)
    key = NodeKey("definition", definition.id)
    return Branch(key, definition.name, label, definition.run_number > 0)


def run_branch(run: RunRow, now: int, glyphs: Glyphs) -> Branch:
    """A run below its definition."""
    name = f"#{run.number}"
    if run.active:
        label = live_run(run, glyphs)
    else:
        label = (
            Cell(f"{numbered(run)} "),
            run_state(run.status, glyphs, needs_look(run)),
            Cell(f" {ago(now, run.ended)}", "dim"),
        )
    return Branch(NodeKey("run", run.id), name, label, False)


def live_definition(run: RunRow, glyphs: Glyphs) -> tuple[Cell, ...]:
    """The label of a definition while this run of it is on."""
    label = (Cell(run.definition), Cell(" "), live_cell(run, glyphs))
    return label if run.kind == RunKind.COPY else (*label, Cell(f" {kind_words(run)}", "dim"))


def live_run(run: RunRow, glyphs: Glyphs) -> tuple[Cell, ...]:
    """The label of a run while it is on."""
    return (Cell(f"{numbered(run)} "), live_cell(run, glyphs))


def live_cell(run: RunRow, glyphs: Glyphs) -> Cell:
    """A running run in a few cells: ``▶ 74%``."""
    if run.lost_since is not None:
        return Cell(f"{glyphs.attention} agent lost", "bad")
    done = progress.fraction(run)
    if run.status == JobRunStatus.RUNNING and done is not None:
        return Cell(f"{glyphs.busy} {figures.percentage(done)}", "busy")
    return run_state(run.status, glyphs)


def _mover(row: MoverRow) -> Branch:
    return Branch(NodeKey("mover", row.id), row.name, (Cell(row.name, "strong"),), True)


def _groups(row: MoverRow, glyphs: Glyphs) -> list[Branch]:
    return [
        Branch(NodeKey(word.lower(), row.id), word, (Cell(word), Cell(f" {number}", "dim")), True)
        for word, number in (("Agents", row.agents), ("Endpoints", row.endpoints), ("Projects", row.projects))
    ]


def _agent(row: AgentRow, glyphs: Glyphs) -> Branch:
    label = (agent_dot(row.status, glyphs), Cell(f" {row.name} "), Cell(str(row.status), "dim"))
    return Branch(NodeKey("agent", row.id), row.name, label, False)


def _project(row: ProjectRow, glyphs: Glyphs) -> Branch:
    label: tuple[Cell, ...] = (Cell(row.name), Cell(f" {row.definitions}", "dim"))
    if row.active_runs:
        label += (Cell(f" {glyphs.busy} {row.active_runs}", "busy"),)
    return Branch(NodeKey("project", row.id), row.name, label, True)


def _more(shown: int, parent: int, glyphs: Glyphs) -> list[Branch]:
    if shown < MOST_CHILDREN:
        return []
    text = f"{glyphs.ellipsis} more: filter with {key('filter')}"
    return [Branch(NodeKey("more", parent), text, (Cell(text, "dim"),), False)]
