"""The mouse: off, the terminal selects text with it as usual; on, clicks and the wheel reach lists and the tree."""

from __future__ import annotations

from typing import Any

from textual.app import App


def toggle_mouse(app: App[Any]) -> str:
    """Turn the mouse on or off; the sentence to say.

    Textual decides this at its start only. What it does then is done now, through attributes of its own: without
    them nothing changes, and that is said.
    """
    driver = getattr(app, "_driver", None)
    enable = getattr(driver, "_enable_mouse_support", None)
    disable = getattr(driver, "_disable_mouse_support", None)
    if enable is None or disable is None or not hasattr(driver, "_mouse"):
        return "The mouse cannot be turned on in this terminal."
    if mouse_is_on(app):
        disable()
        driver._mouse = False  # type: ignore[union-attr]
        return "The mouse is off: the terminal selects text with it as usual."
    driver._mouse = True  # type: ignore[union-attr]
    enable()
    report_less(app)
    return "The mouse is on; with shift held down it selects text as usual."


def report_less(app: App[Any]) -> None:
    """Of a mouse that is on, want clicks and the wheel alone: Textual also asks for every move, each a few bytes
    that a slow link has to carry."""
    driver = getattr(app, "_driver", None)
    if mouse_is_on(app) and hasattr(driver, "_enable_mouse_support"):
        driver.write("\x1b[?1003l\x1b[?1000h")  # type: ignore[union-attr]


def mouse_is_on(app: App[Any]) -> bool:
    """Whether clicks reach the screen."""
    return bool(getattr(getattr(app, "_driver", None), "_mouse", False))
