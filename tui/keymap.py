"""Which keys do what in this session: the registry's keys, with those that a config file gave instead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tui.actions import ACTIONS, LAUNCH_PLACE, SCREENS, Action, first_key
from tui.keys import shown_key

KEPT = {
    "open": "enter",
    "back": "escape",
    "pane.next": "tab",
    "pane.previous": "shift+tab",
    "help": "question_mark",
    "quit": "ctrl+q",
}
"""Actions that keep a key whatever other ones they are given: without them one cannot get in, out or help."""

MOVING = (
    *("up", "down", "left", "right", "home", "end", "pageup", "pagedown", "ctrl+pageup", "ctrl+pagedown"),
    *("shift+up", "shift+down", "shift+left", "shift+right", "shift+space", "h", "j", "k", "l", "g", "G"),
)
"""What trees and lists do with these keys themselves; an action on one of them would never be reached."""

RESERVED = {
    **dict.fromkeys(MOVING, "moves in trees and lists"),
    **{key: f"is kept for '{identity}'" for identity, key in KEPT.items()},
    "space": "opens and closes branches of the tree",
    "ctrl+c": "is the terminal's own",
}
"""Keys that can be given to no action but their own, and why."""

_PLACES = (*SCREENS, LAUNCH_PLACE)


class Keymap:
    """The actions with the keys that they have now."""

    def __init__(self, changed: Mapping[str, Sequence[str]] | None = None) -> None:
        """Give actions other keys, by Textual's names; an action without any is reached by no key.

        ``clashes`` says whether that can be done.
        """
        self.changed = {identity: _with_kept(identity, keys) for identity, keys in (changed or {}).items()}
        self.actions = tuple(
            one._replace(keys=",".join(self.changed[one.id])) if one.id in self.changed else one for one in ACTIONS
        )
        self._by_id = {one.id: one for one in self.actions}

    def action(self, identity: str) -> Action:
        """The action of that id."""
        return self._by_id[identity]

    def key(self, identity: str) -> str:
        """The first key of an action, as it is shown in a sentence."""
        return first_key(self._by_id[identity]) or "no key"

    def actions_of(self, place: str, *, read_only: bool = False) -> list[Action]:
        """The actions of a screen, in the order of the key bar."""
        return [one for one in self.actions if place in one.places and not (read_only and one.changes)]

    def clashes(self) -> list[tuple[str, str]]:
        """Why these keys cannot be used: the action each is about, and a sentence that begins with the key."""
        found: list[tuple[str, str]] = []
        for identity, keys in self.changed.items():
            own = _keys(next(one for one in ACTIONS if one.id == identity))
            found += [
                (identity, f"'{shown_key(key)}' {RESERVED[key]}: choose another key.")
                for key in keys
                if key in RESERVED and key not in own
            ]
        return found + self._shared()

    def _shared(self) -> list[tuple[str, str]]:
        found: dict[tuple[str, str, str], tuple[str, str]] = {}
        for place in _PLACES:
            holders: dict[str, str] = {}
            for one in self.actions:
                # The launch sheet is left by the key that quits elsewhere.
                if place not in one.places and not (place == LAUNCH_PLACE and one.id == "quit"):
                    continue
                for key in _keys(one):
                    other = holders.setdefault(key, one.id)
                    if other == one.id or key in RESERVED:
                        continue
                    told = one.id if one.id in self.changed else other
                    words = f"'{shown_key(key)}' would do both '{other}' and '{one.id}': give one of them another key."
                    found[key, *sorted((other, one.id))] = (told, words)  # type: ignore[index]
        return list(found.values())


def _keys(one: Action) -> list[str]:
    return [key for key in one.keys.split(",") if key]


def _with_kept(identity: str, keys: Sequence[str]) -> tuple[str, ...]:
    kept = KEPT.get(identity)
    return tuple(dict.fromkeys((*keys, kept) if kept is not None else keys))


DEFAULT = Keymap()
"""The registry's own keys."""


class _Session:
    keymap = DEFAULT


def use(keymap: Keymap) -> None:
    """Make these the keys that sentences name, from now on; like a locale, a process has one."""
    _Session.keymap = keymap


def key(identity: str) -> str:
    """The key of an action, for a sentence: ``r`` in "r starts a run", or what it was given in the config file."""
    return _Session.keymap.key(identity)
