"""What reaches the clipboard, and how: through tmux and GNU screen as well."""

from __future__ import annotations

import base64
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tui import clipboard

LIMIT = 60


@pytest.mark.parametrize(
    ("raw", "text", "escaped"),
    [
        ("hr-shares/hr-home#3", "hr-shares/hr-home#3", False),
        (b"a/caf\xc3\xa9.txt", "a/café.txt", False),
        (b"a\\b", "a\\b", False),
        (b"a\nrm -rf b", "a\\x0arm -rf b", True),
        (b"caf\xe9", "caf\\xe9", True),
        ("\x1b]0;owned\x07", "\\x1b]0;owned\\x07", True),
        ("a\u202eb", "a\\u202eb", True),
    ],
)
def test_what_is_harmless_is_copied_as_it_is(raw: str | bytes, text: str, escaped: bool) -> None:
    assert clipboard.clean(raw) == (text, escaped)


def test_a_terminal_is_asked_with_osc_52() -> None:
    assert clipboard.request("hé", {"TERM": "xterm-256color"}) == "\x1b]52;c;aMOp\x1b\\"
    assert clipboard.request("hé", {"TERM": "screen-256color", "TMUX": "/tmp/x,1,0"}) == "\x1b]52;c;aMOp\x1b\\"


@pytest.mark.parametrize("environment", [{"TERM": "screen"}, {"TERM": "xterm", "STY": "12.pts"}])
def test_gnu_screen_passes_on_what_is_wrapped_in_pieces(environment: dict[str, str]) -> None:
    text = "path/" * 200
    asked = clipboard.request(text, environment)
    pieces = re.findall("\x1bP([^\x1b]*(?:\x1b][^\x1b]*)?)\x1b\\\\", asked)
    assert "".join(f"\x1bP{piece}\x1b\\" for piece in pieces) == asked
    assert all(len(piece) <= 256 for piece in pieces)
    inner = re.fullmatch("\x1b]52;c;([^\a]*)\a", "".join(pieces))
    assert inner is not None
    assert base64.b64decode(inner[1]).decode() == text


@pytest.mark.parametrize("term", ["linux", "vt100", "dumb", "ansi"])
def test_a_terminal_without_a_clipboard_is_asked_nothing(term: str) -> None:
    assert clipboard.request("x", {"TERM": term}) == ""


@pytest.fixture
def tmux(tmp_path: Path) -> Iterator[list[str]]:
    """A tmux server of its own; the command that talks to it."""
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed: apt-get install tmux")
    command = ["tmux", "-S", str(tmp_path / "socket")]
    subprocess.run([*command, "-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24", "cat"], check=True)
    yield command
    subprocess.run([*command, "kill-server"], check=False)


def test_tmux_gets_it_with_its_default_settings(tmux: list[str]) -> None:
    said = subprocess.run(
        [*tmux, "display", "-p", "#{socket_path},#{pid},0"], capture_output=True, text=True, check=True
    )
    clipboard.tell_tmux("hr-shares/hr-home", {"TMUX": said.stdout.strip()})
    end = time.monotonic() + LIMIT
    shown = subprocess.CompletedProcess([], 1, "", "")
    while shown.returncode and time.monotonic() < end:
        shown = subprocess.run([*tmux, "show-buffer"], capture_output=True, text=True, check=False)
    assert shown.stdout == "hr-shares/hr-home"
