"""``config``: what the screen's config file says, and what is wrong with it."""

from __future__ import annotations

import argparse
import os

from tui.cli import output
from tui.config import THEME, Config, read_config
from tui.keys import shown_key


def check(options: argparse.Namespace) -> int:
    """Say that the file is fine; what is wrong with it is raised, every bit with its line."""
    config = read_config(options.config)
    if config.found:
        output.say(f"The config file '{config.path}' is fine.")
    else:
        output.say(f"There is no config file '{config.path}': the defaults hold, 'longshore config show' prints them.")
    return 0


def show(options: argparse.Namespace) -> int:
    """Print what is in force, in the form of a config file that says all of it."""
    config = read_config(options.config)
    screen = _screen(config)
    keys = {one.id: [shown_key(key) for key in one.keys.split(",") if key] for one in config.keymap.actions}
    if options.json:
        output.json_data({"file": str(config.path), "found": config.found, "screen": screen, "keys": keys})
        return 0
    output.data(f"# {config.path}{'' if config.found else ' (not there: these are the defaults)'}")
    output.data("[screen]")
    for name, value in screen.items():
        output.verbatim(f"{name} = {output.json_text(value)}\n")
    output.data("")
    output.data("[keys]")
    for one in config.keymap.actions:
        output.verbatim(f"{output.json_text(one.id)} = {output.json_text(keys[one.id], indent=None)}\n")
    return 0


def _screen(config: Config) -> dict[str, object]:
    theme = config.theme or os.environ.get("TEXTUAL_THEME") or THEME
    return {"refresh": config.refresh, "theme": theme, "ascii": config.ascii, "mouse": config.mouse}
