"""The demo's agents: real processes, whose identities the demo made together with their past."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

HEARTBEAT_SECONDS = "2"
HELPERS = "1"
"""Copying processes for each run: with one, a run of a small sample lasts long enough to be watched."""

STOP_SECONDS = 3.0


class Agents:
    """The agents' processes, each with its state directory and a log in it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, store: Path, mover: str, credentials: Mapping[str, str]) -> None:
        """Start one process for each agent.

        Its identity is written as ``longshore-agent register`` would: the credential is the agent's own
        and nobody else's to read. Registering here, with the past of the agent, saves a second of start.
        """
        for name, credential in credentials.items():
            state = self._directory / name
            state.mkdir(mode=0o700, parents=True)
            identity = {"store": str(store), "mover": mover, "agent": name, "credential": credential}
            with open(state / "identity.json", "w", opener=_private) as file:
                json.dump(identity, file)
            with open(self.log(name), "wb", opener=_private) as log:
                self._processes[name] = subprocess.Popen(
                    [
                        sys.executable,
                        "-m",
                        "agentsim",
                        "run",
                        "--state",
                        str(state),
                        "--heartbeat",
                        HEARTBEAT_SECONDS,
                        "--helpers",
                        HELPERS,
                    ],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    # A key meant for the screen must not reach them.
                    start_new_session=True,
                )

    def log(self, name: str) -> Path:
        """Where an agent writes."""
        return self._directory / name / "agent.log"

    def ended(self) -> list[str]:
        """The agents whose process is gone."""
        return [name for name, process in self._processes.items() if process.poll() is not None]

    def stop(self) -> None:
        """Ask all to stop, wait a moment, and kill those that do not."""
        for process in self._processes.values():
            if process.poll() is None:
                process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for process in self._processes.values():
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)
