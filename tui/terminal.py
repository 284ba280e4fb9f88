"""What the environment says about a terminal, and what Textual is to be told of it. Before Textual is imported."""

from __future__ import annotations

import locale
import re
import sys
from collections.abc import Mapping, MutableMapping

DEFAULTS = {
    # Smooth scrolling costs 200 ms a page; an escape key should not wait 100 ms (reference terminal §2).
    "TEXTUAL_ANIMATIONS": "none",
    "ESCDELAY": "25",
}

_COLOR_SYSTEMS = ("auto", "standard", "256", "truecolor")
"""What Textual can draw with; it falls over any other word."""

_MONOCHROME = re.compile(r"vt\d|.*-m$|.*-mono$|sun$|ansi-m", re.IGNORECASE)
"""Terminals that know no colours."""

_PLAIN_LOCALES = ("C", "POSIX")


def prepare(environment: MutableMapping[str, str]) -> None:
    """Set what the user has left open, and put right what Textual cannot bear."""
    for name, value in DEFAULTS.items():
        environment.setdefault(name, value)
    system = environment.get("TEXTUAL_COLOR_SYSTEM", "auto").lower()
    if system == "none" or _MONOCHROME.match(environment.get("TERM", "")):
        environment["NO_COLOR"] = "1"
    if system not in _COLOR_SYSTEMS:
        environment["TEXTUAL_COLOR_SYSTEM"] = "auto"
    if environment.get("NO_COLOR") == "":
        # By its own rule (no-color.org) it counts when it is not empty; Textual looks only if it is there.
        del environment["NO_COLOR"]


def encoding(environment: Mapping[str, str]) -> str:
    """The encoding that the user's locale names.

    In the C locale Python takes UTF-8 all the same, and sets ``LC_CTYPE`` so: the user has asked for ASCII.
    """
    for name in ("LC_ALL", "LC_CTYPE", "LANG"):
        value = environment.get(name, "")
        if value in _PLAIN_LOCALES:
            return "ascii"
        made_by_python = name == "LC_CTYPE" and value in ("C.UTF-8", "C.utf8", "UTF-8")
        if value and not made_by_python:
            break
    return "utf-8" if sys.flags.utf8_mode else locale.getencoding()
