"""The [keys] of a config file: which keys are given to which actions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from tui.actions import ACTIONS
from tui.keymap import DEFAULT, Keymap
from tui.keys import read_key

_IDS = tuple(one.id for one in ACTIONS)
Wrong = tuple[tuple[str, ...], str]
"""Where something is wrong below [keys], and a sentence that says what."""


def read_keys(table: Mapping[str, Any]) -> tuple[Keymap, list[Wrong]]:
    """The keymap that a table asks for, and all that is wrong with it."""
    wrong: list[Wrong] = []
    given: dict[str, list[str]] = {}
    places: dict[str, tuple[str, ...]] = {}
    for path, value in _entries(table):
        identity = ".".join(path)
        if identity not in _IDS:
            wrong.append((path, _unknown(identity)))
        elif identity in places:
            wrong.append((path, f"'{identity}' stands here twice: leave one of them out."))
        else:
            places[identity] = path
            given[identity], sentences = _keys(value)
            wrong += [(path, f"{identity}: {sentence}") for sentence in sentences]
    keymap = Keymap(given) if given else DEFAULT
    wrong += [(places[identity], sentence) for identity, sentence in keymap.clashes() if identity in places]
    return keymap, wrong


def _entries(table: Mapping[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """What stands in the table: ``run.start`` without quotes is a table in a table to TOML."""
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _entries(value, (*above, name))
        else:
            yield (*above, name), value


def _keys(value: object) -> tuple[list[str], list[str]]:
    """The keys that were written for an action, and what is wrong with them."""
    written = [value] if isinstance(value, str) else value
    if not isinstance(written, list) or not all(isinstance(one, str) for one in written):
        return [], ['write a key in quotes, or several: ["f5", "ctrl+r"].']
    keys, sentences = [], []
    for one in written:
        try:
            keys.append(read_key(one))
        except ValueError as error:
            sentences.append(str(error))
    return list(dict.fromkeys(keys)), sentences


def _unknown(identity: str) -> str:
    near = get_close_matches(identity, _IDS, 1)
    told = f"perhaps you mean '{near[0]}'" if near else "'longshore config show' lists the actions"
    return f"There is no action '{identity}': {told}."
