"""The store's rows as the tables' rows: pure functions, and the place where outside text is made safe."""

from __future__ import annotations

from store.codes import VERIFY_CONTENT, VERIFY_EXTRA, VERIFY_METADATA, VERIFY_MISSING, VERIFY_TYPE
from store.display import display
from store.queries.definitions import DefinitionRow, definition_key
from store.queries.hierarchy import AgentRow, EndpointRow
from store.queries.items import ItemRow
from store.queries.runs import EventRow, RunRow
from store.vocabulary import JobRunStatus, Outcome, RunKind
from tui.presentation import format as figures
from tui.presentation import progress
from tui.presentation.cells import Cell, Column, Row
from tui.presentation.glyphs import Glyphs
from tui.presentation.kinds import activity, numbered
from tui.presentation.states import agent_state, run_state
from tui.presentation.verdict import ended_state

ENDPOINT_COLUMNS = (
    Column("Endpoint", None, min_width=10, priority=9),
    Column("Type", 9, priority=5),
    Column("Place", None, min_width=14, priority=7),
)
DEFINITION_COLUMNS = (
    Column("Definition", None, min_width=14, priority=9),
    Column("Mode", 8, priority=5),
    Column("From, to", None, min_width=14, priority=3),
    Column("Latest run", 20, priority=7),
)
RUN_COLUMNS = (
    Column("Run", None, min_width=16, priority=9, keep=" #"),
    Column("Agent", 10, priority=2),
    Column("State", 16, priority=8),
    Column("Items", 9, "right", priority=6),
    Column("Bytes", 9, "right", priority=4),
    Column("Rate", 9, "right", priority=3),
    Column("When", 8, "right", priority=5),
)
AGENT_COLUMNS = (
    Column("Agent", None, min_width=10, priority=9),
    Column("State", 20, priority=8),
    Column("Heartbeat", 10, "right", priority=4),
    Column("Runs", 4, "right", priority=3),
)
ITEM_COLUMNS = (
    Column("Outcome", 14, priority=8),
    Column("Code", 9, priority=6),
    Column("Path", None, min_width=24, priority=9),
    Column("Why", None, min_width=14, priority=5),
)
EVENT_COLUMNS = (
    Column("When", 9, "right", priority=7),
    Column("Who", 14, priority=4),
    Column("What", 16, priority=9),
    Column("Detail", None, min_width=12, priority=6),
)

_TYPES = {
    "LocalPath": "Local",
    "NfsMount": "NFS",
    "SmbMount": "SMB",
    "AzureStorageBlobContainer": "Blob",
    "AzureStorageSmbFileShare": "Files SMB",
    "AzureStorageNfsFileShare": "Files NFS",
    "S3WithHMAC": "S3",
    "AzureMultiCloudConnector": "S3 conn.",
}
_OUTCOME_STYLES: dict[str, str] = {
    Outcome.FAILED: "bad",
    Outcome.CHANGED: "warn",
    Outcome.UNSUPPORTED: "warn",
    Outcome.DELETE_WITHHELD: "warn",
    Outcome.DELETED: "",
    Outcome.EXCLUDED: "dim",
}
_VERIFY_CODES = frozenset({VERIFY_MISSING, VERIFY_TYPE, VERIFY_CONTENT, VERIFY_METADATA, VERIFY_EXTRA})
BAR_CELLS = 11


def endpoint_row(endpoint: EndpointRow) -> Row:
    return Row(
        endpoint.name,
        (
            Cell(endpoint.name, "strong"),
            Cell(_TYPES.get(endpoint.endpoint_type, display(endpoint.endpoint_type))),
            Cell(display(endpoint.place)),
        ),
    )


def definition_row(definition: DefinitionRow, now: int, glyphs: Glyphs) -> Row:
    source = _place(definition.source, definition.source_subpath)
    target = _place(definition.target, definition.target_subpath)
    if not definition.run_status:
        latest = Cell("never run", "dim")
    else:
        state = run_state(definition.run_status, glyphs, definition.to_look_at)
        if definition.run_kind != RunKind.COPY:
            # Its success is not the copy's.
            state = state._replace(text=f"{state.text[:1]} {display(definition.run_kind)}")
        when = f" {ago(now, definition.run_ended)}" if definition.run_ended else f" #{definition.run_number}"
        latest = Cell(state.text + when, state.style)
    return Row(
        definition_key(definition),
        (
            Cell(definition.name, "strong"),
            Cell(definition.copy_mode),
            Cell(f"{source} {glyphs.arrow_right} {target}"),
            latest,
        ),
    )


def run_row(run: RunRow, now: int, glyphs: Glyphs, rate: float | None) -> Row:
    """A run's line: its live numbers while it is active, how it ended after.

    Of an ended copy the items are those that it copied, of a preview those that a copy would touch, of
    a verify run those that were compared. Only a copy has a rate.
    """
    counters = run.counters
    name = Cell(f"{run.definition} {numbered(run)}", "strong")
    agent = Cell(run.agent_name)
    if run.active:
        total = run.total_items if run.total_items >= counters["items_scanned"] else -1
        items = figures.short(counters["items_scanned"])
        if total >= 0:
            items += f"/{figures.short(total)}"
        left = progress.eta_seconds(run, now)
        when = Cell(f"in {figures.eta(left)}" if left is not None else "")
        return Row(
            str(run.id),
            (
                name,
                agent,
                _live_state(run, now, glyphs),
                Cell(items),
                Cell(figures.size(_bytes(run) + run.bytes_in_flight)),
                Cell(figures.rate(rate) if rate is not None and _copies(run) else ""),
                when,
            ),
        )
    return Row(
        str(run.id),
        (
            name,
            agent,
            ended_state(run, glyphs),
            Cell(figures.compact(_items(run))),
            Cell(figures.size(_bytes(run))),
            Cell(figures.rate(progress.mean_rate(run, now)) if run.kind == RunKind.COPY else "", "dim"),
            Cell(ago(now, run.ended), "dim"),
        ),
    )


def agent_row(agent: AgentRow, now: int, glyphs: Glyphs) -> Row:
    return Row(
        agent.name,
        (
            Cell(agent.name, "strong"),
            agent_state(agent.status, glyphs),
            Cell(ago(now, agent.last_beat), "dim"),
            Cell(str(agent.active_runs) if agent.active_runs else "", ""),
        ),
    )


def item_row(item: ItemRow, kind: RunKind) -> Row:
    """An item of a run's list; a preview's and a verify run's outcomes say what they stand for."""
    # An agent of another version may know more outcomes.
    outcome = item.outcome
    word = display(outcome)
    if kind == RunKind.PREVIEW and outcome == Outcome.DELETED:
        word = "Would delete"
    elif kind == RunKind.VERIFY and item.code in _VERIFY_CODES:
        word = "Only in target" if item.code == VERIFY_EXTRA else "Differs"
    return Row(
        str(item.id),
        (
            Cell(word, _OUTCOME_STYLES.get(outcome, "")),
            Cell(display(item.code)),
            Cell(display(item.path) + ("/" if item.kind == "D" else "")),
            Cell(display(item.message)),
        ),
    )


def event_row(event: EventRow, now: int) -> Row:
    return Row(
        str(event.id),
        (
            Cell(ago(now, event.at), "dim"),
            Cell(display(event.actor)),
            Cell(display(event.action), "strong"),
            Cell(display(event.detail)),
        ),
    )


def ago(now: int, then: int | None) -> str:
    """The age of a store time in the fewest cells: ``12m ago``."""
    return figures.UNKNOWN if then is None else figures.age((now - then) / 1000)


def _live_state(run: RunRow, now: int, glyphs: Glyphs) -> Cell:
    if run.lost_since is not None:
        return Cell(f"{glyphs.attention} agent lost {figures.duration((now - run.lost_since) / 1000)}", "bad")
    if run.status == JobRunStatus.QUEUED and run.agent_offline:
        return Cell(f"{glyphs.waiting} agent is Offline", "warn")
    if run.status != JobRunStatus.RUNNING:
        return run_state(run.status, glyphs)
    done = progress.fraction(run)
    if done is None:
        return Cell(f"{glyphs.busy} scanning{glyphs.ellipsis}", "busy")
    if run.kind != RunKind.COPY:
        return Cell(f"{glyphs.busy} {activity(run)} {figures.percentage(done):>4}", "busy")
    if words := activity(run):
        return Cell(f"{glyphs.busy} {words}", "busy")
    return Cell(f"{figures.bar(done, BAR_CELLS, glyphs)} {figures.percentage(done):>4}", "busy")


def _copies(run: RunRow) -> bool:
    return run.kind == RunKind.COPY and run.status == JobRunStatus.RUNNING


def _items(run: RunRow) -> int:
    if run.kind == RunKind.VERIFY:
        return run.counters["items_scanned"]
    return run.counters["items_transferred"] + (run.counters["items_deleted"] if run.kind == RunKind.PREVIEW else 0)


def _bytes(run: RunRow) -> int:
    return run.counters["bytes_scanned" if run.kind == RunKind.VERIFY else "bytes_transferred"]


def _place(name: str, sub_path: str) -> str:
    return f"{name}/{display(sub_path)}" if sub_path else name
