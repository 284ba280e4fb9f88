"""The environment of programs that a worker starts: ``mount``, and nothing that it does not need."""

from __future__ import annotations

import os
from typing import Final

_KEPT: Final = ("HOME", "LANG", "LC_ALL", "TMPDIR", "TZ")
_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def clean_environment() -> dict[str, str]:
    """A new environment without any credential; programs are looked for where a system keeps them."""
    return {"PATH": _PATH, **{name: os.environ[name] for name in _KEPT if name in os.environ}}
