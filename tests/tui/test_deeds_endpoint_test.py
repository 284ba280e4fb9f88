"""Trying an endpoint from an agent, by keys; the agent is one of the test's own, with the agents' real calls."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot

from store.execution.endpoint_tests import report_steps, take_test
from store.queries.endpoint_tests import open_tests
from store.reader import Reader
from store.resources.endpoint_tests import give_up_test
from store.vocabulary import EndpointTestStatus
from tests.tui.driving import app_of, seen, until
from tests.tui.sample_store import SampleStore
from tui.screens.endpoint_test import EndpointTestScreen

pytestmark = pytest.mark.anyio
WIDE, NARROW = (160, 45), (80, 24)
REACHED = {"name": "reach", "ok": True, "code": "", "message": "", "milliseconds": 3}
LET_IN = {"name": "authenticate", "ok": True, "code": "", "message": "", "milliseconds": 1200}
REFUSED = {
    "name": "authenticate",
    "ok": False,
    "code": "LSM1023",
    "message": "The server says [/red] \x1b[31mno\u202e",
    "milliseconds": 12,
}
LISTED = {"name": "list", "ok": True, "code": "", "message": "", "milliseconds": 7}


class PretendAgent:
    """An agent of the sample store that takes the one test that waits for it."""

    def __init__(self, sample: SampleStore, name: str) -> None:
        self._sample = sample
        self._identity = sample.agents[name]
        with Reader(sample.place, sample.clock) as reader:
            (self._test,) = open_tests(reader, self._identity.agent_id)

    def take(self) -> None:
        with self._sample.store.write("agent/it") as tx:
            trial = take_test(tx, self._identity, self._test)
        assert trial is not None
        self.writes = trial.writes

    def tell(self, *steps: dict[str, object], ended: EndpointTestStatus | None = None) -> None:
        with self._sample.store.write("agent/it") as tx:
            report_steps(tx, self._identity, self._test, steps, ended)

    def give_up(self) -> None:
        with self._sample.store.write("admin") as tx:
            give_up_test(tx, self._test)


async def asked_for(pilot: Pilot[int], *, write: bool) -> None:
    """From the endpoints' list to the sheet, with the agent that is offered first."""
    await until(pilot, "Runs of engineering")
    await pilot.press("2", "g")
    await until(pilot, lambda: pilot.app.focused is not None and pilot.app.focused.id == "endpoints")
    await pilot.press("t")
    await until(pilot, "from which agent?")
    await pilot.press("enter")
    await until(pilot, "What may the agent do?")
    await pilot.press("2" if write else "1")
    await until(pilot, "Try the endpoint")


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_the_steps_are_shown_as_they_come(sample: SampleStore, size: tuple[int, int]) -> None:
    app = app_of(sample)
    async with app.run_test(size=size) as pilot:
        await asked_for(pilot, write=False)
        await until(pilot, "Waiting for dock-1 to take it")
        agent = PretendAgent(sample, "dock-1")
        agent.take()
        assert not agent.writes
        await until(pilot, "dock-1 is trying it")
        agent.tell(REACHED)
        await until(pilot, "found, 3 ms")
        agent.tell(REACHED, LET_IN, LISTED, ended=EndpointTestStatus.SUCCEEDED)
        text = await until(pilot, "It can be read; nothing was written from 'dock-1'.")
        assert "let in, 1,200 ms" in text
        await pilot.press("enter")
        await until(pilot, lambda: not isinstance(app.screen, EndpointTestScreen))


async def test_a_step_that_fails_has_its_code_the_servers_words_and_what_to_do(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=NARROW) as pilot:
        await asked_for(pilot, write=True)
        agent = PretendAgent(sample, "dock-1")
        agent.take()
        assert agent.writes
        agent.tell(REACHED, REFUSED, ended=EndpointTestStatus.FAILED)
        text = await until(pilot, "'dock-1' could not be let in: LSM1023.")
        assert "The target refuses the credential" in text
        assert "\\x1b[31mno" in text
        assert "[/red]" in text
        assert "Check the endpoint's credential reference" in text
        await pilot.press("t")
        await until(pilot, "Waiting for dock-1 to take it")


async def test_a_test_that_nobody_answers_says_so(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=NARROW) as pilot:
        await asked_for(pilot, write=False)
        PretendAgent(sample, "dock-1").give_up()
        await until(pilot, "'dock-1' did not answer in time")


async def test_a_sheet_that_is_left_leaves_the_test_going_and_the_endpoints_screen_tells_of_it(
    sample: SampleStore,
) -> None:
    app = app_of(sample)
    async with app.run_test(size=WIDE) as pilot:
        await asked_for(pilot, write=False)
        agent = PretendAgent(sample, "dock-1")
        await pilot.press("escape")
        await until(pilot, "'dock-1' is to try it.")
        await pilot.press("enter")
        await until(pilot, "Tried")
        agent.take()
        agent.tell(REACHED, LET_IN, LISTED, ended=EndpointTestStatus.SUCCEEDED)
        await until(pilot, "It can be read; nothing was written")


async def test_a_screen_that_may_only_read_does_not_try(sample: SampleStore) -> None:
    app = app_of(sample, read_only=True)
    async with app.run_test(size=NARROW) as pilot:
        await until(pilot, "Runs of engineering")
        await pilot.press("2", "t")
        await pilot.pause()
        assert "from which agent?" not in seen(app)
