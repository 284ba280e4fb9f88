"""Registering agents, by keys: with a line that is pasted elsewhere, and with a process that is started here."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from store.clock import HostClock
from store.db import Store, open_store
from store.execution.trust import register_agent
from store.place import locate
from store.plan import apply_plan, parse_plan
from store.queries import hierarchy
from store.reader import Reader
from store.resources.common import find_mover
from store.resources.movers import delete_mover
from store.sqlite.place import SqlitePlace
from store.vocabulary import AgentStatus
from tests.tui.dialogs import asked
from tests.tui.driving import app_of, seen, until
from tests.tui.sample_store import FACTS, SampleStore
from tui import local_agents
from tui.app import LongshoreApp
from tui.presentation.glyphs import ASCII
from tui.screens.main import MainScreen
from tui.screens.pick import PickScreen
from tui.screens.register import RegisterScreen

pytestmark = pytest.mark.anyio
WIDE, NARROW = (160, 45), (80, 24)
ROOT = Path(__file__).parents[2]
MOVERS = "storageMovers: [{name: nas-exit}]"


@pytest.fixture
def bare(place: SqlitePlace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Store]:
    """A store with a mover and nothing else, under the machine's own clock, for agents that are processes."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("LONGSHORE_TOKEN", raising=False)
    store = open_store(place)
    with store.write("user/ana") as tx:
        apply_plan(tx, parse_plan(MOVERS.encode(), "plan"))
    yield store
    store.close()


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The processes that were started on this machine; none outlives the test."""
    pids: list[int] = []
    start = local_agents.start

    def noted(*arguments: object) -> local_agents.LocalAgent:
        agent = start(*arguments)  # type: ignore[arg-type]
        pids.append(agent.pid)
        return agent

    monkeypatch.setattr(local_agents, "start", noted)
    yield pids
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


async def opened(pilot: Pilot[int]) -> RegisterScreen:
    """The sheet."""
    await until(pilot, "nas-exit")
    await pilot.press("A")
    await until(pilot, "Waiting for the agent to register")
    screen = pilot.app.screen
    assert isinstance(screen, RegisterScreen)
    return screen


def agents(place: SqlitePlace) -> dict[str, AgentStatus]:
    with Reader(place) as reader:
        return {row.name: row.status for row in hierarchy.agents(reader, 1)}


def line_of(app: LongshoreApp) -> str:
    """The line to paste, as somebody copies it off the screen: with the shell's sign for broken lines."""
    text = seen(app)
    lines = text[text.index(" LONGSHORE_TOKEN=") :].splitlines()
    end = next(number for number, line in enumerate(lines) if not line.rstrip().endswith("\\"))
    return "\n".join(line.rstrip() for line in lines[: end + 1])


async def test_the_line_registers_an_agent_when_it_is_pasted_and_the_sheet_sees_it(
    bare: Store, place: SqlitePlace, tmp_path: Path
) -> None:
    """A shell runs the very line from the screen; the agent is another process of this machine."""
    home, programs = tmp_path / "home", tmp_path / "bin"
    home.mkdir()
    programs.mkdir()
    script = programs / "longshore-agent"
    script.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m agentsim "$@"\n')
    script.chmod(0o755)
    app = LongshoreApp(place)
    async with app.run_test(size=NARROW) as pilot:
        await opened(pilot)
        await pilot.press("n", *["backspace"] * 10, *"dock-3", "enter")
        await until(pilot, "--name dock-3")
        line = line_of(app)
        assert "lsr_" not in line.partition("longshore-agent")[2], "the token is no argument: ps would show it"
        environment = {
            **os.environ,
            "HOME": str(home),
            "PATH": f"{programs}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
        }
        with open(tmp_path / "shell.log", "wb") as log:
            shell = subprocess.Popen(
                ["sh", "-c", line], env=environment, stdout=log, stderr=log, cwd=tmp_path, start_new_session=True
            )
        try:
            await until(pilot, "dock-3 registered, ● Online")
            assert "lsr_" not in seen(app), "the token was used, and is shown no more"
            await pilot.press("enter")
            await until(pilot, "The agent 'dock-3' of 'nas-exit' is Online.")
        finally:
            os.killpg(shell.pid, signal.SIGTERM)
            shell.wait(60)
    identity = home / ".local/state/longshore/agents/dock-3/identity.json"
    assert identity.stat().st_mode & 0o077 == 0


async def test_an_agent_is_started_here_and_outlives_the_screen(
    bare: Store, place: SqlitePlace, started: list[int], tmp_path: Path
) -> None:
    app = LongshoreApp(place)
    async with app.run_test(size=NARROW) as pilot:
        await opened(pilot)
        await pilot.press("s")
        await until(pilot, "register and start it; its files go there")
        await pilot.press("enter")
        await until(pilot, "agent-1 registered, ● Online")
        (pid,) = started
        assert f"It runs on this machine as process {pid} and goes on when this screen is left." in asked(app)
        await pilot.press("escape")
        await until(pilot, "The agent 'agent-1' of 'nas-exit' is Online.")
        await until(pilot, "agent-1")
        await pilot.press("q")
    os.kill(pid, 0)
    assert os.getsid(pid) == pid, "a session of its own: closing the terminal does not end it"
    arguments = Path(f"/proc/{pid}/cmdline").read_bytes()
    assert b"lsr_" not in arguments
    assert b"LONGSHORE_TOKEN" not in Path(f"/proc/{pid}/environ").read_bytes()
    state = tmp_path / "state" / "longshore" / "agents" / "agent-1"
    assert state.stat().st_mode & 0o077 == 0
    assert (state / "agent.log").stat().st_mode & 0o077 == 0
    assert "is online" in (state / "agent.log").read_text()
    assert agents(place) == {"agent-1": AgentStatus.ONLINE}


async def test_with_a_store_on_a_server_the_token_is_the_login(
    store_url: str, started: list[int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    store = open_store(store_url)
    with store.write("user/ana") as tx:
        apply_plan(tx, parse_plan(MOVERS.encode(), "plan"))
    store.close()
    app = LongshoreApp(locate(store_url))
    async with app.run_test(size=WIDE) as pilot:
        await opened(pilot)
        text = seen(app)
        assert "Only this machine reaches this store" in text, "the tests' server listens on a loopback address"
        assert re.search(r"--store 'postgresql://127.0.0.1[^@]+'|--store postgresql://(localhost|127)[^@ ]+ ", text)
        await pilot.press("s", "enter")
        await until(pilot, "agent-1 registered, ● Online")
    assert len(started) == 1


async def test_a_directory_that_cannot_be_made_is_said_and_the_token_still_works(
    bare: Store, place: SqlitePlace, started: list[int], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    app = LongshoreApp(place)
    async with app.run_test(size=NARROW) as pilot:
        sheet = await opened(pilot)
        await pilot.press("s")
        await until(pilot, "its files go there")
        sheet.query_one(Input).value = f"{tmp_path}/file/state"
        await pilot.press("enter")
        await until(pilot, lambda: "cannot be made (Not a directory): name another with --state." in asked(app))
        await pilot.press("s", "enter")
        await until(pilot, "agent-1 registered, ● Online")
    assert len(started) == 1


async def test_an_agent_that_ends_at_once_says_why(
    bare: Store, place: SqlitePlace, started: list[int], tmp_path: Path
) -> None:
    """Its identity is taken away between registering and starting: the agent's own last words are shown, made safe."""
    start = local_agents.start

    def broken(state: Path, *rest: object) -> local_agents.LocalAgent:
        (state / "identity.json").write_text("no json \x1b]0;owned\x07")
        return start(state, *rest)  # type: ignore[arg-type]

    local_agents.start = broken  # type: ignore[assignment]
    try:
        app = LongshoreApp(place)
        async with app.run_test(size=NARROW) as pilot:
            await opened(pilot)
            await pilot.press("s", "enter")
            await until(pilot, lambda: "It ended with the exit code 2: longshore-agent: The agent's" in asked(app))
            assert "cannot be read" in asked(app)
            assert "Waiting" not in asked(app)
            await pilot.press("escape")
            await until(pilot, lambda: isinstance(app.screen, MainScreen))
    finally:
        local_agents.start = start


async def test_the_name_keeps_the_stores_rule(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=NARROW) as pilot:
        await opened(pilot)
        assert "--name dock-3" in seen(app), "one more than those that there are"
        await pilot.press("n", *"/x", "enter")
        await until(pilot, lambda: "The agent name 'dock-3/x' is not allowed" in asked(app))
        await pilot.press("backspace", "backspace", *"b", "enter")
        await until(pilot, "--name dock-3b")
        await pilot.press("n", *"zzz", "escape")
        await until(pilot, "n name")
        assert "--name dock-3b" in seen(app)


async def test_y_copies_one_line_with_the_token_in_its_environment(
    sample: SampleStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied: list[str] = []

    def to_clipboard(app: LongshoreApp, raw: str) -> str:
        copied.append(raw)
        return f"Copied 200 bytes: {raw}"

    monkeypatch.setattr("tui.flows.copying.to_clipboard", to_clipboard)
    app = app_of(sample)
    async with app.run_test(size=NARROW) as pilot:
        await opened(pilot)
        await pilot.press("y")
        await until(pilot, "Copied 200 bytes.")
    (line,) = copied
    assert re.fullmatch(
        r" LONGSHORE_TOKEN=lsr_\S+ longshore-agent register --store \S+ --mover nas-exit --name dock-3 --state \S+ "
        r"&& longshore-agent run --state \S+",
        line,
    )


async def test_the_sheet_is_never_saved(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=NARROW) as pilot:
        sheet = await opened(pilot)
        assert sheet.HOLDS_SECRET
        await pilot.press("ctrl+s")
        await until(pilot, "This view holds a secret: it is not saved.")


@pytest.mark.parametrize("key", ["escape", "q"])
async def test_leaving_unused_says_how_long_the_token_works(sample: SampleStore, key: str) -> None:
    app = app_of(sample)
    async with app.run_test(size=WIDE) as pilot:
        await opened(pilot)
        await pilot.press("enter")
        await until(pilot, "Waiting for the agent to register")
        await pilot.press(key)
        text = await until(pilot, "The token works for another 1h: the agent appears once it registers.")
        assert "lsr_" not in text


async def test_an_expired_token_is_told(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=NARROW) as pilot:
        await opened(pilot)
        sample.clock.advance(3_600_000)
        app.follower.wake()
        text = await until(pilot, "The token has expired unused: esc leaves, A makes another.")
        assert "lsr_" not in text


async def test_somebody_else_uses_the_token_or_deletes_the_mover(bare: Store, place: SqlitePlace) -> None:
    app = LongshoreApp(place, clock=HostClock())
    async with app.run_test(size=WIDE) as pilot:
        sheet = await opened(pilot)
        with bare.write("agent/elsewhere") as tx:
            register_agent(tx, sheet._token.text, "elsewhere", FACTS)
        await until(pilot, "elsewhere registered, ◌ Registering")
        await until(pilot, "Waiting for it to be Online")
        await pilot.press("escape")
        await until(pilot, "The agent 'elsewhere' of 'nas-exit' is Registering.")
    with bare.write("user/ana") as tx:
        apply_plan(tx, parse_plan(b"storageMovers: [{name: later}]", "plan"))
    app = LongshoreApp(place)
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, "later")
        await pilot.press("1", "g")
        while getattr(app.screen.subject, "path", "") != "later":  # type: ignore[attr-defined]
            await pilot.press("j")
            await pilot.pause()
        await pilot.press("A")
        await until(pilot, "Register an agent with later")
        with bare.write("user/ana") as tx:
            delete_mover(tx, find_mover(tx.session, "later"))
        await until(pilot, "The storage mover was deleted, and the token with it.")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, MainScreen))


async def test_of_several_movers_one_is_chosen_where_none_is_selected(
    sample: SampleStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tui.screens.acts import Creates

    sample.apply("storageMovers: [{name: later}]")
    monkeypatch.setattr(MainScreen, "creates", Creates())
    app = app_of(sample, glyphs=ASCII)
    async with app.run_test(size=NARROW) as pilot:
        await until(pilot, "Runs of engineering")
        await pilot.press("A")
        await until(pilot, "Register an agent with which storage mover?")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, MainScreen))
        await pilot.press("A")
        await until(pilot, lambda: isinstance(app.screen, PickScreen))
        await pilot.press("enter")
        text = await until(pilot, "Register an agent with later")
        assert text.isascii()
        assert "--name agent-1" in text


async def test_without_a_mover_there_is_nothing_to_register_with(place: SqlitePlace) -> None:
    open_store(place).close()
    app = LongshoreApp(place)
    async with app.run_test(size=NARROW) as pilot:
        await until(pilot, "Nothing here yet")
        await pilot.press("A")
        await until(pilot, "There is no storage mover yet: n makes one, and agents are registered with it.")


async def test_a_read_only_screen_makes_no_token(sample: SampleStore) -> None:
    app = app_of(sample, read_only=True)
    async with app.run_test(size=NARROW) as pilot:
        await until(pilot, "Runs of engineering")
        await pilot.press("A")
        await until(pilot, "opened with --read-only")
