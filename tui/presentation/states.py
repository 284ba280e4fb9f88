"""States as cells: always a glyph and a word, so that colour is never the only sign."""

from __future__ import annotations

from store.display import display
from store.vocabulary import AgentStatus, JobRunStatus, ScanStatus
from tui.presentation.cells import Cell
from tui.presentation.glyphs import Glyphs

# status → (name of its glyph, word, style)
_AGENT: dict[str, tuple[str, str, str]] = {
    AgentStatus.REGISTERING: ("waiting", "Registering", "busy"),
    AgentStatus.OFFLINE: ("offline", "Offline", "warn"),
    AgentStatus.ONLINE: ("online", "Online", "ok"),
    AgentStatus.EXECUTING: ("busy", "Executing", "busy"),
    AgentStatus.REQUIRES_ATTENTION: ("attention", "Requires attention", "bad"),
    AgentStatus.UNREGISTERING: ("stopping", "Unregistering", "dim"),
}
_RUN: dict[str, tuple[str, str, str]] = {
    JobRunStatus.QUEUED: ("waiting", "Queued", "dim"),
    JobRunStatus.STARTED: ("waiting", "Started", "busy"),
    JobRunStatus.RUNNING: ("busy", "Running", "busy"),
    JobRunStatus.PAUSED_BY_BANDWIDTH_MANAGEMENT: ("paused", "Paused by bandwidth", "warn"),
    JobRunStatus.CANCEL_REQUESTED: ("stopping", "Cancel requested", "warn"),
    JobRunStatus.CANCELING: ("stopping", "Canceling", "warn"),
    JobRunStatus.CANCELED: ("canceled", "Canceled", "dim"),
    JobRunStatus.FAILED: ("failed", "Failed", "bad"),
    JobRunStatus.SUCCEEDED: ("done", "Succeeded", "ok"),
}
_SCAN: dict[str, tuple[str, str, str]] = {
    ScanStatus.NOT_STARTED: ("waiting", "Scan not started", "dim"),
    ScanStatus.SCANNING: ("busy", "Scanning", "busy"),
    ScanStatus.COMPLETED: ("done", "Scan completed", "ok"),
}


def agent_state(status: str, glyphs: Glyphs) -> Cell:
    """Return an agent's status as glyph and word: ``● Online``."""
    return _state(_AGENT.get(status), status, glyphs)


def run_state(status: str, glyphs: Glyphs, to_look_at: int = 0) -> Cell:
    """Return a job run's status as glyph and word: ``✓ Succeeded``.

    Args:
        status: the run's.
        glyphs: the set to draw with.
        to_look_at: how many of its items are not as they should be: a success with any is not told as a plain one.
    """
    if status == JobRunStatus.SUCCEEDED and to_look_at:
        return Cell(f"{glyphs.attention} {status}", "warn")
    return _state(_RUN.get(status), status, glyphs)


def scan_state(status: str, glyphs: Glyphs) -> Cell:
    """Return a run's scan status as glyph and word: ``▶ Scanning``."""
    return _state(_SCAN.get(status), status, glyphs)


def agent_dot(status: str, glyphs: Glyphs) -> Cell:
    """Return only the glyph of an agent's status, for a place where its word stands beside it."""
    cell = agent_state(status, glyphs)
    return Cell(cell.text[:1], cell.style)


def run_dot(status: str, glyphs: Glyphs, to_look_at: int = 0) -> Cell:
    """Return only the glyph of a run's status, for a place where its word stands beside it."""
    cell = run_state(status, glyphs, to_look_at)
    return Cell(cell.text[:1], cell.style)


def _state(known: tuple[str, str, str] | None, status: str, glyphs: Glyphs) -> Cell:
    if known is None:  # a word from a newer store than this program
        return Cell(f"{glyphs.unknown} {display(status)}", "warn")
    glyph, word, style = known
    return Cell(f"{getattr(glyphs, glyph)} {word}", style)
