"""The terminal's clipboard: what a program may write to reach it, and what text it may hold."""

from __future__ import annotations

import base64
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Mapping

from store.display import display

MOST_BYTES = 50_000
"""A longer text is refused: terminals drop what is longer without a word, each from another length on."""

_DEAF = re.compile(r"(?:linux|vt\d|dumb|ansi|cons\d|sun)", re.IGNORECASE)
"""Terminals without a clipboard, some of which would show the request as text."""

_SCREEN_PIECE = 240
"""GNU screen passes on at most this much at once."""


def clean(raw: str | bytes) -> tuple[str, bool]:
    """A text as it may be pasted anywhere, and whether that is not the text itself.

    Of a harmless text not even the backslashes are escaped: a path is to be pasted as it is. A line end in a name,
    pasted into a shell, would run what stands before it.
    """
    text = raw.decode("utf-8", "surrogateescape") if isinstance(raw, bytes) else raw
    shown = display(text)
    return (text, False) if shown.replace("\\\\", "\\") == text else (shown, True)


def request(text: str, environment: Mapping[str, str]) -> str:
    """What asks the terminal to take a text (OSC 52), wrapped for what lies between; empty where nothing would."""
    term = environment.get("TERM", "")
    encoded = base64.b64encode(text.encode()).decode()
    if not environment.get("TMUX") and (environment.get("STY") or term.startswith("screen")):
        body = f"\x1b]52;c;{encoded}\a"
        pieces = [body[at : at + _SCREEN_PIECE] for at in range(0, len(body), _SCREEN_PIECE)]
        return "".join(f"\x1bP{piece}\x1b\\" for piece in pieces)
    return "" if _DEAF.match(term) else f"\x1b]52;c;{encoded}\x1b\\"


def tell_tmux(text: str, environment: Mapping[str, str]) -> None:
    """Inside tmux, hand the text to it as well: by default it drops what programs ask for, and takes this."""
    program = shutil.which("tmux") if environment.get("TMUX") else None
    if program is not None:
        threading.Thread(target=_load_buffer, args=(program, text, environment), name="tmux", daemon=True).start()


def _load_buffer(program: str, text: str, environment: Mapping[str, str]) -> None:
    try:
        subprocess.run(
            [program, "load-buffer", "-w", "-"],
            env=dict(environment),
            input=text.encode(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=5,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        # Nobody can know whether a clipboard took anything; what was copied is said either way.
        return


def environment() -> Mapping[str, str]:
    """What the session says of its terminal."""
    return os.environ
