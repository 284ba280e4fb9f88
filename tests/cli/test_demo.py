"""The demo leaves nothing behind, however it ends."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pexpect  # type: ignore[import-untyped]
import pytest

from .conftest import Site, command, environment, wait_until

Start = Callable[..., subprocess.Popen[bytes]]


def test_one_migration_without_a_screen(tmp_path: Path) -> None:
    done = subprocess.run(
        command("demo", "--headless"),
        check=False,
        capture_output=True,
        text=True,
        env=environment(TMPDIR=str(tmp_path)),
    )
    assert done.returncode == 0, done.stderr
    assert "nas1-migration/project-shares#3 Succeeded" in done.stdout
    assert "Source and target are equal: 2," in done.stdout
    assert "MB/s" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_directory_with_something_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("x")
    answer = Site(tmp_path, tmp_path / "unused.db").run("demo", "--headless", "--dir", str(tmp_path))
    assert answer.code == 2
    assert "is not empty" in answer.err
    assert answer.err.count("\n") == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_puts_everything_away(tmp_path: Path, processes: Start, number: signal.Signals) -> None:
    place = tmp_path / "demo"
    place.mkdir()
    process = processes(command("demo", "--headless", "--dir", str(place)), stderr=subprocess.DEVNULL)
    wait_until((place / "agents" / "dock-2" / "agent.log").exists)
    (place / "mine").write_text("x")
    process.send_signal(number)
    assert process.wait(60) == 128 + number
    assert [entry.name for entry in place.iterdir()] == ["mine"]
    assert agents_below(place) == []


def test_the_screen_opens_and_leaves_nothing(tmp_path: Path) -> None:
    place = tmp_path / "demo"
    arguments = [str(part) for part in command("demo", "--dir", str(place))]
    child = pexpect.spawn(
        arguments[0],
        arguments[1:],
        env=environment(TERM="xterm-256color"),
        dimensions=(40, 140),
        timeout=60,
    )
    child.expect("nas1-migration")
    child.send("q")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert not place.exists()
    assert agents_below(place) == []


def agents_below(place: Path) -> list[str]:
    """The processes whose command line names the demo's directory."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes()
        except OSError:
            continue
        if str(place).encode() in line and b"agentsim" in line:
            found.append(line.replace(b"\0", b" ").decode())
    return found
