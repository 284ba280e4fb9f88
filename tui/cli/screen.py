"""``longshore`` without a command: the screen."""

from __future__ import annotations

import argparse


def open_screen(options: argparse.Namespace) -> int:
    """Open the screen on the named store."""
    from tui.launch import run_screen
    from tui.threads import leave

    return leave(run_screen(options.store, options.read_only, options.ascii, options.config))
