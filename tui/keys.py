"""The names of keys: what Textual calls them, what an admin may write for them, and how they are shown."""

from __future__ import annotations

import string
import unicodedata

_OTHER_NAMES = {
    "solidus": "slash",
    "reverse_solidus": "backslash",
    "commercial_at": "at",
    "hyphen_minus": "minus",
    "plus_sign": "plus",
    "low_line": "underscore",
}
"""Where Textual departs from a character's Unicode name."""

_NAMED = (
    *("enter", "escape", "tab", "space", "backspace", "delete", "insert"),
    *("home", "end", "pageup", "pagedown", "up", "down", "left", "right"),
    *(f"f{number}" for number in range(1, 25)),
)
_ALIASES = {"esc": "escape", "return": "enter", "del": "delete", "ins": "insert", "pgup": "pageup", "pgdn": "pagedown"}
_MODIFIERS = ("alt", "ctrl", "hyper", "meta", "shift", "super")
_NEVER_SENT = {"ctrl+i": "tab", "ctrl+m": "enter", "ctrl+h": "backspace", "ctrl+left_square_bracket": "escape"}
"""What terminals send for other keys."""


def name_of(character: str) -> str:
    """What Textual calls the key of a character: ``question_mark`` for ``?``, letters and digits by themselves."""
    if character.isalnum():
        return character
    name = unicodedata.name(character, character).lower().replace("-", "_").replace(" ", "_")
    return _OTHER_NAMES.get(name, name)


_CHARACTERS = {name_of(character): character for character in string.punctuation}

KNOWN = (*_NAMED, *_CHARACTERS)
"""Every key that has a name of more than one character."""


def shown_key(key: str) -> str:
    """A key as an admin reads it: ``?``, ``esc``, ``ctrl+d``."""
    *modifiers, name = key.split("+")
    return "+".join((*modifiers, "esc" if name == "escape" else _CHARACTERS.get(name, name)))


def read_key(text: str) -> str:
    """Textual's name of a key as an admin wrote it: a character, or a name with its modifiers.

    Raises:
        ValueError: there is no such key, or no terminal sends it; its text is one sentence that says what to write.
    """
    text = text.strip() if text != " " else "space"
    if len(text) == 1 and text.isprintable():
        return name_of(text)
    # What follows the last plus is the key, unless that is the plus itself.
    head, _, last = (text[:-1], "+", "plus") if text.endswith("++") else text.rpartition("+")
    modifiers = sorted({part.strip().lower() for part in head.rstrip("+").split("+") if part})
    name = last.strip()
    if len(name) > 1:
        name = _ALIASES.get(name.lower(), name.lower())
    elif name:
        name = name_of(name)
    _check(text, modifiers, name)
    if modifiers and name.isalpha() and len(name) == 1:
        name = name.lower()
    key = "+".join((*modifiers, name))
    if (instead := _NEVER_SENT.get(key)) is not None:
        raise ValueError(f"terminals send {shown_key(instead)} for '{shown_key(key)}': choose another key.")
    if modifiers == ["shift"] and len(name) == 1:
        raise ValueError(f"write '{name.upper()}' for '{shown_key(key)}'.")
    return key


def _check(text: str, modifiers: list[str], name: str) -> None:
    from difflib import get_close_matches

    strange = [modifier for modifier in modifiers if modifier not in _MODIFIERS]
    if strange:
        raise ValueError(f"'{text}' is no key: before the last + may stand {', '.join(_MODIFIERS)}.")
    if not (len(name) == 1 and name.isprintable()) and name not in KNOWN:
        near = get_close_matches(name, KNOWN, 1)
        told = f"perhaps '{near[0]}'" if near else "write a character, or a name such as f5, ctrl+r, pageup"
        raise ValueError(f"'{text}' is no key: {told}.")
