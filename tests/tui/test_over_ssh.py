"""The screen over real ssh: a server on this machine, on a port of its own, with keys of its own."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from getpass import getuser
from pathlib import Path

import pytest

from tests.bench.screen_cases import Fleet, fleet, small_store
from tests.bench.screen_terminal import BenchTerminal
from tests.tui.test_terminal import ROOT, restored
from tui.presentation.format import short

LIMIT = 60.0
FROZEN_SECONDS = 10.0
TICKS = 20
"""What a link brings in these seconds while it carries all."""

LIVE = 8
PANES = {"1": "Hierarchy", "2": "Endpoints", "3": "Definitions", "4": "Runs"}


class Ssh:
    """A server, and how to reach it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        server = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
        if server is None or shutil.which("ssh") is None or shutil.which("ssh-keygen") is None:
            pytest.skip("there is no sshd on this machine: apt-get install openssh-server")
        for name in ("host", "user"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", directory / name], check=True)
        if os.geteuid() == 0:
            # Where the server of a system that has never started one separates its privileges.
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        settings = directory / "sshd_config"
        settings.write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {directory / 'host'}\nPidFile none\n"
            f"AuthorizedKeysFile {directory / 'user.pub'}\nStrictModes no\nUsePAM no\nPermitRootLogin yes\n"
            "PasswordAuthentication no\nKbdInteractiveAuthentication no\nPrintMotd no\n"
        )
        self._log = directory / "sshd.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen([server, "-D", "-e", "-f", str(settings)], stderr=log)
        self._wait()

    def _wait(self) -> None:
        end = time.monotonic() + LIMIT
        while time.monotonic() < end and self._process.poll() is None:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1.0):
                return
            time.sleep(0.05)
        pytest.skip(f"sshd does not start here: {self._log.read_text()}")

    def command(self, remote: str) -> list[str]:
        """An ssh client that runs a command of the remote shell in a terminal."""
        known = ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "IdentitiesOnly=yes")
        options = [word for setting in known for word in ("-o", setting)]
        where = ["-i", str(self._directory / "user"), "-p", str(self.port), f"{getuser()}@127.0.0.1"]
        return ["ssh", "-F", "none", "-tt", *options, *where, remote]

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(LIMIT)


@pytest.fixture(scope="module")
def ssh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ssh]:
    server = Ssh(tmp_path_factory.mktemp("ssh"))
    try:
        yield server
    finally:
        server.close()


class Session:
    """The screen on the other side of ssh. ``pid``: that of the program there."""

    def __init__(self, ssh: Ssh, store: Path) -> None:
        told = store.with_suffix(".pid")
        program = shlex.join([sys.executable, "-m", "tui", "--store", str(store)])
        remote = f"echo $$ > {shlex.quote(str(told))}; cd {shlex.quote(str(ROOT))}; exec env LANG=C.UTF-8 {program}"
        self.terminal = BenchTerminal(ssh.command(remote), 100, 30)
        self.terminal.until("Hierarchy", LIMIT)
        self.pid = int(told.read_text())

    @property
    def raw(self) -> bytes:
        return b"".join(data for _, data in self.terminal.chunks)

    def gone(self) -> bool:
        """Whether the program on the other side has ended, within the time that a test has."""
        end = time.monotonic() + LIMIT
        while time.monotonic() < end:
            if not _alive(self.pid):
                return True
            time.sleep(0.1)
        return False


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return small_store(tmp_path)


@pytest.fixture
def live(store: Path) -> Iterator[Fleet]:
    with fleet(store, LIVE) as found:
        yield found


def test_start_launch_and_quit(ssh: Ssh, store: Path, live: Fleet) -> None:
    live.say("finish 0")
    session = Session(ssh, store)
    terminal = session.terminal
    terminal.until("share-0")
    name = live.labels[0].partition("/")[2].partition("#")[0]
    terminal.send(f"/{name}\r")
    terminal.until(f"/{name}")
    terminal.send("1G")
    terminal.until("1 queued" if False else name)
    terminal.send("r")
    terminal.until("Start")
    terminal.send("\r")
    terminal.until(f"{name} #2")
    terminal.send("q")
    terminal._reader.join(LIMIT)
    assert terminal.close() == 0
    assert restored(session.raw)
    assert session.gone()


def shows(number: int, items: int, terminal: BenchTerminal) -> bool:
    """Whether the line of a run tells so many items."""
    return any(f"share-{number} #1 " in line and f"{short(items)}/20M" in line for line in terminal.screen.display)


def bytes_of_ticks(terminal: BenchTerminal, live: Fleet, ticks: int) -> int:
    """What ticks bring in each of which every run has moved, and which are all seen."""
    for tick in range(1 + ticks):
        if tick == 1:  # the first is wider: it turns states into numbers
            began = time.monotonic()
        items = [live.say(f"step {number}")["items"] for number in range(LIVE)]
        terminal.until(lambda at, items=items: all(shows(number, items[number], at) for number in range(LIVE)))  # type: ignore[misc]
    return terminal.bytes_between(began, time.monotonic())


def test_after_a_frozen_link_keys_are_answered_and_numbers_are_current(ssh: Ssh, store: Path, live: Fleet) -> None:
    session = Session(ssh, store)
    terminal = session.terminal
    terminal.until("share-7")
    terminal.send("g")
    terminal.until(f"share-0 #1{' ' * 3}")
    of_a_link_that_carries_all = TICKS / 4 * bytes_of_ticks(terminal, live, 4)
    live.say("go")
    os.kill(terminal.pid, signal.SIGSTOP)
    time.sleep(FROZEN_SECONDS)
    live.say("pause")
    items = live.say("step 0")["items"]
    terminal.feed()
    thawed = time.monotonic()
    os.kill(terminal.pid, signal.SIGCONT)
    terminal.send("4")
    answered = terminal.until(partial(stands_out, "4"))
    came = terminal.bytes_between(thawed, answered)
    # Some lay on the way before the program knew, and a few pictures are tried in vain.
    assert came < of_a_link_that_carries_all
    terminal.until(partial(shows, 0, items))
    terminal.send("q")
    terminal._reader.join(LIMIT)
    assert terminal.close() == 0
    assert session.gone()


def stands_out(pane: str, terminal: BenchTerminal) -> bool:
    """Whether the frame of a pane, and of no other, is drawn in the colour of the focus."""
    colours = {}
    for number, title in PANES.items():
        y = next((y for y, line in enumerate(terminal.screen.display) if f"─ {title}" in line), None)
        if y is None:
            return False
        colours[number] = terminal.screen.buffer[y][terminal.line(y).index(f"─ {title}")].fg
    return list(colours.values()).count(colours[pane]) == 1


@pytest.mark.parametrize("frozen", [False, True], ids=["live link", "frozen link"])
def test_when_the_client_is_killed_the_program_ends(ssh: Ssh, store: Path, live: Fleet, frozen: bool) -> None:
    session = Session(ssh, store)
    terminal = session.terminal
    terminal.until("share-7")
    live.say("go")
    terminal.until("%")
    if frozen:
        os.kill(terminal.pid, signal.SIGSTOP)
        time.sleep(2.0)
    os.kill(terminal.pid, signal.SIGKILL)
    assert session.gone()
    terminal.close()
