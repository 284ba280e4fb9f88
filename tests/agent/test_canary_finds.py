"""The search for secrets finds them: a canary that nobody could find would prove nothing."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.agent.canary import Canaries, Watch

SECRET = "Ka/na+rien=vogel%7"


@pytest.mark.parametrize(
    "told",
    [
        SECRET.encode(),
        b"user:" + SECRET.encode() + b"@host",
        base64.b64encode(b"user:" + SECRET.encode()),
        base64.b64encode(b"users:" + SECRET.encode() + b"!"),
        base64.b64encode(b"user-1:" + SECRET.encode()),
        quote(SECRET, safe="").encode(),
        SECRET.encode().hex().encode(),
        SECRET.encode("utf-16-le"),
    ],
)
def test_in_every_form(told: bytes, tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"before " + told + b" after")
    assert Canaries([SECRET]).found_below(tmp_path) == [f"{tmp_path / 'log'} holds ['Ka/n…']"]
    assert Canaries([SECRET]).found_below(tmp_path, but=[tmp_path / "log"]) == []


def test_a_key_by_what_it_is_the_base64_of() -> None:
    key = base64.b64encode(b"canary of thirty-two good bytes.").decode()
    assert Canaries([key]).found_in(b"key=canary of thirty-two good bytes.")


@pytest.mark.parametrize("where", ["argument", "environment", "file"])
def test_in_processes(where: str) -> None:
    code = "import sys; sys.stdin.read()"
    arguments = [sys.executable, "-c", code, "agentsim.worker" if where == "file" else "another"]
    with tempfile.TemporaryFile() as file:
        file.write(SECRET.encode())
        file.flush()
        process = subprocess.Popen(
            [*arguments, SECRET] if where == "argument" else arguments,
            env={**os.environ, "KNOWS": SECRET if where == "environment" else ""},
            pass_fds=[file.fileno()] if where == "file" else [],
            stdin=subprocess.PIPE,
        )
        try:
            with Watch(Canaries([SECRET])) as watch:
                end = time.monotonic() + 20
                while not watch.leaks and time.monotonic() < end:
                    time.sleep(0.01)
        finally:
            process.communicate()
    assert len(watch.leaks) == 1
