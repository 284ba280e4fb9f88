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
from getpass import getuser
from pathlib import Path

import pytest

from tests.bench.screen_cases import Fleet, fleet, small_store
from tests.bench.screen_terminal import BenchTerminal
from tests.tui.test_terminal import ROOT, restored

LIMIT = 30.0
FROZEN_SECONDS = 10.0
LIVE = 8

MOST_AFTER_THE_THAW = 16_000
"""Bytes that may lie on the way of a link that was frozen: a few pictures of eight runs, not those of ten seconds."""


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


def test_after_a_frozen_link_keys_are_answered_and_numbers_are_current(ssh: Ssh, store: Path, live: Fleet) -> None:
    session = Session(ssh, store)
    terminal = session.terminal
    terminal.until("share-7")
    terminal.send("g")
    terminal.until(f"share-0 #1{' ' * 3}")
    live.say("go")
    terminal.until("/20M")
    os.kill(terminal.pid, signal.SIGSTOP)
    time.sleep(FROZEN_SECONDS)
    live.say("pause")
    items = live.say("step 0")["items"]
    terminal.feed()
    thawed = time.monotonic()
    os.kill(terminal.pid, signal.SIGCONT)
    terminal.send("4")
    answered = terminal.until(lambda at: "Runs" in at.text and _is_focused(at))
    assert terminal.bytes_between(thawed, answered) < MOST_AFTER_THE_THAW
    shown = f"{items // 1000}k/20M" if items < 1_000_000 else f"{items / 1e6:.1f}M/20M"
    terminal.until(lambda at: any("share-0 #1 " in line and shown in line for line in at.screen.display))
    terminal.send("q")
    terminal._reader.join(LIMIT)
    assert terminal.close() == 0
    assert session.gone()


def _is_focused(terminal: BenchTerminal) -> bool:
    """Whether the pane of the runs has the focus: its frame is drawn in another colour than the tree's."""
    for y in range(terminal.lines):
        x = terminal.line(y).find("─ Runs")
        if x > 0:
            row = terminal.screen.buffer[y]
            return bool(row[x].fg != row[1].fg)
    return False


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
