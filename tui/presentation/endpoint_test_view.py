"""The words of trying an endpoint from an agent: who is to do it, the steps as they come, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence

from store.codes import CATALOGUE
from store.display import display
from store.queries.endpoint_tests import EndpointTestRow, StepRow
from store.queries.hierarchy import AgentRow
from store.vocabulary import AgentStatus, EndpointTestStatus
from tui.presentation import format as figures
from tui.presentation.cells import Cell
from tui.presentation.facts import Fact
from tui.presentation.glyphs import Glyphs
from tui.presentation.listed import Listed
from tui.presentation.rows import AGENT_COLUMNS, agent_row, ago
from tui.presentation.wrapping import wrap

Line = list[Cell]
MOST_TOLD = 3
"""Tests that an endpoint's screen tells of."""

_STEPS = {
    "reach": ("find it", "found"),
    "authenticate": ("be let in", "let in"),
    "list": ("list it", "listed"),
    "write": ("write a probe", "a probe was written"),
    "read": ("read the probe", "the probe was read and compared"),
    "delete": ("delete the probe", "the probe was deleted"),
}
"""What each step is to do, and what it has done."""

_NAME_CELLS = 13


def choice_lines(endpoint: str, place: str) -> list[str]:
    """What is asked first: which agent."""
    return [f"Try the endpoint {endpoint} from which agent?", f"It is {display(place)}."]


def agents_listed(agents: Sequence[AgentRow], now: int, glyphs: Glyphs) -> Listed:
    """The mover's agents, with what is to be known of each."""
    rows = tuple(agent_row(agent, now, glyphs) for agent in agents)
    return Listed(AGENT_COLUMNS, rows, {agent.name: _warning(agent) for agent in agents})


def _warning(agent: AgentRow) -> str:
    match agent.status:
        case AgentStatus.OFFLINE:
            return f"{agent.name} is Offline: it answers when it is started within two minutes."
        case AgentStatus.REQUIRES_ATTENTION:
            return f"{agent.name} requires attention: {display(agent.error_message)}"
        case _:
            return ""


def sheet_lines(test: EndpointTestRow | None, now: int, width: int, glyphs: Glyphs) -> list[Line]:
    """Everything of the sheet above its keys."""
    if test is None:
        return [[Cell("The endpoint or the agent was deleted, and the test with it.", "warn")]]
    may = "read it, write a probe and delete that" if test.writes else "read it"
    head = f"'{test.agent}' may {may} until this ends, {figures.duration((test.until - now) / 1000)} at most."
    lines: list[Line] = []
    if test.active:
        lines += [[Cell(line, "dim")] for line in wrap(head, width)]
    lines.append([])
    for step in test.steps:
        lines += _step_lines(step, width, glyphs)
    lines += [[], *_end_lines(test, width, glyphs)] if not test.active else [_waiting(test, glyphs)]
    return lines


def _step_lines(step: StepRow, width: int, glyphs: Glyphs) -> list[Line]:
    name = display(step.name)
    took = f"{step.milliseconds:,} ms"
    if step.ok:
        done = _STEPS.get(step.name, ("", "done"))[1]
        return [[Cell(f"{glyphs.done} ", "ok"), Cell(f"{name:<{_NAME_CELLS}}"), Cell(f"{done}, {took}", "dim")]]
    known = CATALOGUE.get(step.code)
    title = f"{display(step.code)} {known.title}" if known else display(step.code)
    lines: list[Line] = [
        [Cell(f"{glyphs.failed} ", "bad"), Cell(f"{name:<{_NAME_CELLS}}", "strong"), Cell(title, "bad")]
    ]
    told = [(display(step.message), ""), (known.advice if known else "", "strong")]
    indent = " " * (_NAME_CELLS + 2)
    for words, style in told:
        lines += [[Cell(indent), Cell(line, style)] for line in wrap(words, max(20, width - len(indent))) if words]
    return lines


def _waiting(test: EndpointTestRow, glyphs: Glyphs) -> Line:
    if test.status == EndpointTestStatus.QUEUED:
        return [Cell(f"{glyphs.waiting} Waiting for {test.agent} to take it{glyphs.ellipsis}", "busy")]
    return [Cell(f"{glyphs.busy} {test.agent} is trying it{glyphs.ellipsis}", "busy")]


def _end_lines(test: EndpointTestRow, width: int, glyphs: Glyphs) -> list[Line]:
    words, style = _result(test)
    sign = {"ok": glyphs.done, "bad": glyphs.failed}.get(style, glyphs.attention)
    return [[Cell(line, style)] for line in wrap(f"{sign} {words}", width)]


def _result(test: EndpointTestRow) -> tuple[str, str]:
    """What came of a test that has ended, or how far it is; and its style."""
    failed = test.failed
    match test.status:
        case EndpointTestStatus.SUCCEEDED:
            what = "be read and written" if test.writes else "be read; nothing was written"
            return f"It can {what} from '{test.agent}'.", "ok"
        case EndpointTestStatus.EXPIRED:
            return f"'{test.agent}' did not answer in time: see whether it runs, then try again.", "warn"
        case EndpointTestStatus.FAILED if failed is not None:
            doing = _STEPS.get(failed.name, (display(failed.name), ""))[0]
            return f"'{test.agent}' could not {doing}: {display(failed.code)}.", "bad"
        case EndpointTestStatus.FAILED:
            return f"'{test.agent}' could not try it.", "bad"
        case _:
            return f"'{test.agent}' is to try it.", "busy"


def keys_line(test: EndpointTestRow | None) -> Line:
    """The keys that do something now."""
    if test is not None and test.active:
        return [Cell("esc", "accent"), Cell(" leave; the test goes on")]
    return [Cell("enter", "accent"), Cell(" leave   "), Cell("t", "accent"), Cell(" try again")]


def leaving_words(test: EndpointTestRow | None) -> tuple[str, str]:
    """What is said when the sheet is left, and its style."""
    if test is None:
        return "The endpoint or the agent was deleted, and the test with it.", "warn"
    words, style = _result(test)
    return f"{test.endpoint}: {words}", style


def test_facts(tests: Sequence[EndpointTestRow], now: int) -> list[Fact]:
    """The newest tests of an endpoint, a line each."""
    found = []
    for number, test in enumerate(tests[:MOST_TOLD]):
        words, style = _result(test)
        when = ago(now, test.ended_at or test.requested_at)
        found.append(Fact("" if number else "Tried", f"{when}: {words}", "" if style == "ok" else style))
    return found
