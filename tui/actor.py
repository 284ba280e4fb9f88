"""Who acts, for the events of the store."""

from __future__ import annotations

import os
import pwd


def actor() -> str:
    """The login of the process, not what its environment says."""
    try:
        return f"user/{pwd.getpwuid(os.getuid()).pw_name}"
    except KeyError:
        return f"user/{os.getuid()}"
