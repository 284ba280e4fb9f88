"""Agents that are registered and started on this machine, as processes of their own that outlive the screen."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import tui
from store.errors import InvalidInput

REGISTER_SECONDS = 60.0
"""How long a registration may take before it is given up."""

LOG = "agent.log"
TAIL_BYTES = 4_096
"""So much of a log is read for its last line."""


class LocalAgent(NamedTuple):
    """An agent's process, and where it writes."""

    pid: int
    log: Path


def default_state(name: str) -> Path:
    """Where an agent of this machine keeps its identity, unless the admin says otherwise."""
    home = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    return Path(home) / "longshore" / "agents" / name


def register(store_url: str, mover: str, name: str, state: Path, token: str) -> None:
    """Turn a token into an agent whose identity is in ``state``, by the agent's own program.

    Raises:
        InvalidInput: it was refused; the sentence is the agent's own.
    """
    arguments = ["register", "--store", store_url, "--mover", mover, "--name", name, "--state", str(state)]
    try:
        done = subprocess.run(
            [*_program(), *arguments],
            cwd=_home(),
            # By the environment, where no other user sees it; an argument would show in ps.
            env={**os.environ, "LONGSHORE_TOKEN": token},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=REGISTER_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise InvalidInput(
            f"Registering '{name}' took longer than {REGISTER_SECONDS:.0f} s and was given up: is the store busy?"
        ) from error
    except OSError as error:
        raise InvalidInput(
            f"The agent's program cannot be started ({error.strerror}): install Longshore anew."
        ) from error
    if done.returncode:
        said = _last_line(done.stderr).removeprefix("longshore-agent: ")
        raise InvalidInput(said or f"Registering '{name}' failed with the exit code {done.returncode}.")


def start(state: Path, ended: Callable[[int], None]) -> LocalAgent:
    """Start the agent of a state directory in a session of its own: it goes on when the terminal is closed.

    Args:
        state: where its identity is.
        ended: called from another thread, with the exit code, if it ends while this process lives.

    Raises:
        InvalidInput: it cannot be started.
    """
    log = state / LOG
    environment = {key: value for key, value in os.environ.items() if key != "LONGSHORE_TOKEN"}
    try:
        with open(log, "ab", opener=_private) as output:
            process = subprocess.Popen(
                [*_program(), "run", "--state", str(state)],
                cwd=_home(),
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
    except OSError as error:
        raise InvalidInput(f"The agent in '{state}' cannot be started ({error.strerror}): start it by hand.") from error
    threading.Thread(target=lambda: ended(process.wait()), name="local-agent", daemon=True).start()
    return LocalAgent(process.pid, log)


def last_words(log: Path) -> str:
    """The last line of a log as it was written, empty when there is none."""
    try:
        with open(log, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL_BYTES))
            return _last_line(file.read())
    except OSError:
        return ""


def _last_line(output: bytes) -> str:
    lines = [line for line in output.decode("utf-8", "surrogateescape").splitlines() if line.strip()]
    return lines[-1].strip() if lines else ""


def _program() -> list[str]:
    return [sys.executable, "-m", "agentsim"]


def _home() -> Path:
    """Where the packages are, so that the program is found from any directory; and none that somebody unmounts."""
    return Path(tui.__file__).parents[1]


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)
