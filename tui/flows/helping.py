"""The keys of whatever is shown: of a full screen, of the launch sheet, of any dialog."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from textual.screen import Screen
from textual.widgets import Input

from store.display import display
from tui.actions import GROUPS, MOVEMENT, shown_keys
from tui.keys import shown_key
from tui.presentation.help_view import Entry

if TYPE_CHECKING:
    from tui.app import LongshoreApp

_TEXTUALS = ("app.", "screen.", "page_", "scroll_")
"""What Textual binds everywhere, and does nothing for a dialog."""

HERE, TYPING, LISTED, MOVING = "This dialog", "While typing", "In its list", "Movement"


def show_help(screen: Screen[Any]) -> None:
    """List the keys that do something on a screen, with why those do not that do nothing now."""
    from tui.screens.help import HelpScreen

    app = cast("LongshoreApp", screen.app)
    app.push_screen(HelpScreen(entries_of(screen), app.glyphs))


def entries_of(screen: Screen[Any]) -> list[Entry]:
    """The keys of a screen: the registry's for its place, or what a dialog binds and describes itself."""
    place = getattr(screen, "PLACE", "")
    found = _of_place(screen, place) if place else _of_dialog(screen)
    return found + [Entry(keys, text, MOVING) for keys, text in MOVEMENT] if place else found


def _of_place(screen: Screen[Any], place: str) -> list[Entry]:
    app = cast("LongshoreApp", screen.app)
    here = {one.id: one for one in app.keymap.actions_of(place, read_only=app.read_only)}
    # A sheet has only reasons of its own.
    reason: Callable[[str], str] = screen.reason if hasattr(screen, "reason") else getattr(screen, "why_not", _nothing)
    entries = [
        Entry(shown_keys(here[identity]) or "(no key)", here[identity].description, group, display(reason(identity)))
        for group, identities in GROUPS.items()
        for identity in identities
        if identity in here
    ]
    return entries


def _of_dialog(screen: Screen[Any]) -> list[Entry]:
    """What the dialog and what has its focus bind; keys of one action stand together."""
    keys: dict[tuple[str, str], list[str]] = {}
    for key, active in screen.active_bindings.items():
        if active.binding.description and not active.binding.action.startswith(_TEXTUALS):
            group = HERE if active.node is screen else TYPING if isinstance(active.node, Input) else LISTED
            keys.setdefault((group, active.binding.description), []).append(shown_key(key))
    found = [Entry(", ".join(names), does, group) for (group, does), names in keys.items()]
    return sorted(found, key=lambda entry: entry.group != HERE)


def _nothing(identity: str) -> str:
    return ""
