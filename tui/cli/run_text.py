"""How a run looks in lines of text: pure functions of its row. Callers print them through ``output``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from store.codes import CATALOGUE
from store.queries.grants import GrantRow
from store.queries.retention import Expired
from store.queries.runs import EventRow, RunRow
from store.vocabulary import JobRunStatus, Outcome, PlannedAction, RunKind
from tui.cli.shown import since
from tui.presentation import format as figures
from tui.presentation import progress as how_far

HEADINGS = ("RUN", "STATUS", "AGENT", "MODE", "STARTED", "TOOK", "ITEMS", "COPIED", "FAILED")
_WORDS = {
    Outcome.TRANSFERRED: "copied",
    Outcome.NO_TRANSFER_NEEDED: "unchanged",
    Outcome.EXCLUDED: "excluded",
    Outcome.UNSUPPORTED: "unsupported",
    Outcome.FAILED: "failed",
    Outcome.CHANGED: "changed while read",
    Outcome.DELETED: "deleted",
    Outcome.DELETE_WITHHELD: "deletes withheld",
}
_PREVIEW_WORDS = {
    Outcome.TRANSFERRED: "to transfer",
    Outcome.CHANGED: "changed while looked at",
    Outcome.DELETED: "to delete",
    Outcome.DELETE_WITHHELD: "to keep",
}
_VERIFY_WORDS = {
    Outcome.NO_TRANSFER_NEEDED: "alike",
    Outcome.FAILED: "differ",
}
_FIELDS = {
    Outcome.TRANSFERRED: "transferred",
    Outcome.NO_TRANSFER_NEEDED: "no_transfer_needed",
    Outcome.EXCLUDED: "excluded",
    Outcome.UNSUPPORTED: "unsupported",
    Outcome.FAILED: "failed",
    Outcome.CHANGED: "changed",
    Outcome.DELETED: "deleted",
    Outcome.DELETE_WITHHELD: "delete_withheld",
}
_ALWAYS = (Outcome.TRANSFERRED, Outcome.NO_TRANSFER_NEEDED, Outcome.FAILED)
_NO_ACTIONS: Mapping[PlannedAction, int] = {}
_NOTHING_GONE = Expired()


def duration(milliseconds: int) -> str:
    """A length of time; below ten seconds with its tenths."""
    seconds = milliseconds / 1000
    return f"{seconds:.1f}s" if 0 <= seconds < 10 else figures.duration(seconds)


def columns(row: RunRow, now: int) -> tuple[str, ...]:
    """A run as a line of the table under ``HEADINGS``."""
    return (
        row.label,
        _status(row, now),
        row.agent_name,
        what(row),
        since(row.started) or "-",
        _took(row, now) or "-",
        figures.compact(row.counters["items_scanned"]),
        figures.size(row.counters["bytes_transferred"]) if row.kind == RunKind.COPY else "-",
        figures.count(row.counters["items_failed"]),
    )


def what(row: RunRow) -> str:
    """Mode and kind of a run: ``Mirror``, ``Mirror, preview``, ``Mirror, plan of #3``."""
    if row.kind != RunKind.COPY:
        return f"{row.copy_mode}, {row.kind.lower()}"
    return row.copy_mode if row.plan_number is None else f"{row.copy_mode}, plan of #{row.plan_number}"


def progress(row: RunRow, rate: float, now: int) -> str:
    """A run that is active, on one line."""
    kind = "" if row.kind == RunKind.COPY else f" {row.kind.lower()}"
    parts = [f"{row.label}{kind}  {_status(row, now)}"]
    if row.status != JobRunStatus.QUEUED:
        share = how_far.fraction(row)
        if share is not None:
            parts.append(f"{figures.bar(share, 16)} {figures.percentage(share)}")
        done = row.counters["bytes_scanned"] + row.bytes_in_flight
        parts.append(f"{_of(row.counters['items_scanned'], row.total_items, figures.compact)} items")
        parts.append(_of(done, row.total_bytes, figures.size))
        if rate > 0:
            parts.append(figures.rate(rate))
        seconds = how_far.eta_seconds(row, now)
        if seconds is not None:
            parts.append(f"ETA {figures.eta(seconds)}")
        if row.counters["items_failed"]:
            parts.append(f"{figures.count(row.counters['items_failed'])} failed")
    return "  ".join(parts)


def result(row: RunRow, actions: Mapping[PlannedAction, int] = _NO_ACTIONS) -> str:
    """A run that has ended, on one line.

    Args:
        row: the run.
        actions: for a preview, how many items it would do what with.
    """
    took = f" in {_took(row, row.ended or 0)}" if row.started and row.ended else ""
    kind = "" if row.kind == RunKind.COPY else f" {row.kind.lower()}"
    return f"{row.label}{kind} {row.status}{took}: {_sum(row, actions)}"


def advice(row: RunRow) -> str:
    """What an admin can do next: about a run that did not end well, or with a preview."""
    parts = []
    if row.error_code:
        known = CATALOGUE.get(row.error_code)
        what = row.error_message or (known.title if known else "")
        parts.append(f"{row.error_code}: {what.rstrip('.')}.")
        if known is not None and known.advice:
            parts.append(known.advice)
    if row.kind == RunKind.PREVIEW:
        parts.append(f"'longshore run report {row.label}' says it item by item.")
        if row.status == JobRunStatus.SUCCEEDED:
            definition = f"{row.project}/{row.definition}"
            parts.append(f"'longshore run start {definition} --plan {row.label}' carries it out.")
    if row.counters["items_failed"]:
        parts.append(f"See 'longshore run items {row.label} --outcome Failed'.")
    return " ".join(parts)


def hand_over(row: RunRow) -> str:
    """The command that gives a run to another agent."""
    return f"longshore run hand-over {row.label} --agent NAME"


def lost(row: RunRow) -> str:
    """What an admin can do about a run whose agent is lost."""
    return (
        f"start it with 'longshore-agent run' on its host, give the run to another agent with '{hand_over(row)}', "
        f"or stop the run with 'longshore run stop {row.label}'."
    )


def facts(
    row: RunRow, now: int, actions: Mapping[PlannedAction, int] = _NO_ACTIONS, gone: Expired = _NOTHING_GONE
) -> Iterator[tuple[str, str]]:
    """A run as pairs of word and value; ``actions`` as in :func:`result`, ``gone`` is what retention removed."""
    yield "run", row.label
    yield "mover", row.mover
    yield "status", _status(row, now)
    yield "scan", row.scan_status
    yield "agent", row.agent_name
    yield "kind", row.kind
    yield "mode", row.copy_mode
    yield "plan", "" if row.plan_number is None else f"of the preview #{row.plan_number}"
    yield "overridden", ", ".join(row.overrides)
    yield "full report", "kept" if row.report and gone.report is None else ""
    yield "created", since(row.created_at)
    yield "started", since(row.started)
    yield "ended", since(row.ended)
    yield "took", _took(row, now)
    if row.active and row.total_items >= 0:
        yield "to do", f"{figures.count(row.total_items)} items, {figures.size(row.total_bytes)}"
    yield "scanned", _pair(row, "scanned")
    if actions:
        yield "would", _planned(actions)
    for outcome, word in _words(row):
        yield word, _pair(row, _FIELDS[outcome])
    yield "now on", "; ".join(row.current)
    yield (
        "removed",
        "; ".join(f"{what} by retention on {since(at)}" for what, at in gone._asdict().items() if at is not None),
    )
    # What there is to read or to carry out is gone with the details.
    yield "what to do", _to_do(row) if gone == _NOTHING_GONE else ""


def grant_line(grant: GrantRow) -> str:
    """What an agent may or might touch for a run, from when and until when."""
    if grant.ended_at is not None:
        until = f"until {since(grant.ended_at)}"
    elif grant.until is not None:
        until = f"until {since(grant.until)}, and on with every heartbeat"
    else:
        until = "until the run's end"
    may = "might" if grant.ended_at is not None else "may"
    what = f"{grant.agent} {may} {grant.permission.lower()} {grant.endpoint} ({grant.place})"
    return f"{what} from {since(grant.granted_at)} {until}"


def event_line(event: EventRow) -> str:
    """One thing that happened."""
    detail = f": {event.detail}" if event.detail else ""
    return f"{since(event.at)}  {event.actor}  {event.action}{detail}"


def _to_do(row: RunRow) -> str:
    if not row.active:
        return advice(row)
    silent = row.lost_since is not None or (row.status == JobRunStatus.QUEUED and row.agent_offline)
    if not silent or row.cancel_deadline is not None:
        return ""
    return f"The agent '{row.agent_name}' is silent: {lost(row)}"


def _status(row: RunRow, now: int) -> str:
    if row.lost_since is not None:
        return f"{row.status}, agent lost {figures.age((now - row.lost_since) / 1000)}"
    if row.status == JobRunStatus.QUEUED and row.agent_offline:
        return f"{row.status}, agent not running"
    return str(row.status)


def _took(row: RunRow, now: int) -> str:
    if row.started is None:
        return ""
    return duration((now if row.ended is None else row.ended) - row.started)


def _of(done: int, total: int, figure: Callable[[int], str]) -> str:
    """``412 MB/1.20 GB``; without the total while it is not known."""
    return f"{figure(done)}/{figure(total)}" if total >= 0 else figure(done)


def _pair(row: RunRow, field: str) -> str:
    return f"{figures.count(row.counters[f'items_{field}'])} items, {figures.size(row.counters[f'bytes_{field}'])}"


def _sum(row: RunRow, actions: Mapping[PlannedAction, int]) -> str:
    parts = [f"{_pair(row, 'scanned')} scanned"]
    told: tuple[Outcome, ...] = (Outcome.TRANSFERRED,)
    if row.kind == RunKind.COPY:
        parts.append(f"{_pair(row, 'transferred')} copied")
    elif row.kind == RunKind.PREVIEW:
        told = (Outcome.TRANSFERRED, Outcome.DELETED)
        parts.append(f"would {_planned(actions) if actions else _unplanned(row)}")
    else:
        told = (Outcome.TRANSFERRED, *_VERIFY_WORDS)
        alike, differ = (figures.count(row.counters[f"items_{_FIELDS[outcome]}"]) for outcome in _VERIFY_WORDS)
        parts.append(f"{alike} items alike, {differ} differ")
    for outcome, word in _words(row):
        if outcome not in told:
            parts.append(f"{figures.count(row.counters[f'items_{_FIELDS[outcome]}'])} {word}")
    return "; ".join(parts)


def _words(row: RunRow) -> Iterator[tuple[Outcome, str]]:
    """The outcomes that say something of a run, and what they mean in one of its kind."""
    words = dict(_WORDS)
    if row.kind == RunKind.PREVIEW:
        words |= _PREVIEW_WORDS
    elif row.kind == RunKind.VERIFY:
        words |= _VERIFY_WORDS
    for outcome, word in words.items():
        always = outcome in _ALWAYS and (row.kind != RunKind.VERIFY or outcome != Outcome.TRANSFERRED)
        if always or row.counters[f"items_{_FIELDS[outcome]}"]:
            yield outcome, word


def _planned(actions: Mapping[PlannedAction, int]) -> str:
    """What a preview would do: ``copy 3, replace 2, repair 1, delete 0``."""
    # A further name of a file is made as a file is: what is new in the target.
    number = {**actions, PlannedAction.COPY: actions.get(PlannedAction.COPY, 0) + actions.get(PlannedAction.LINK, 0)}
    shown = (PlannedAction.COPY, PlannedAction.REPLACE, PlannedAction.REPAIR, PlannedAction.DELETE)
    return ", ".join(f"{action} {figures.count(number.get(action, 0))}" for action in shown)


def _unplanned(row: RunRow) -> str:
    """The same where no report is left to tell the actions apart."""
    transfer, delete = (figures.count(row.counters[f"items_{word}"]) for word in ("transferred", "deleted"))
    return f"transfer {transfer}, delete {delete}"
