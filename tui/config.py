"""The config file: how the screen looks and which keys do what. It is checked whole before the screen opens."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from store.errors import InvalidInput
from tui.config_keys import read_keys
from tui.following import TICK_SECONDS
from tui.keymap import DEFAULT, Keymap

LEAST_REFRESH, MOST_REFRESH = 0.1, 60.0
"""Seconds; more than ten times a second no link and no eye follows, and what is older than a minute is not live."""

MOST_BYTES = 100_000
"""A longer file is no config file."""

THEME = "textual-dark"
"""The theme where nothing else is said."""


class Config(NamedTuple):
    """What the config file says, and for the rest what holds without one."""

    path: Path
    """Where it is, or would be."""
    found: bool = False
    refresh: float = TICK_SECONDS
    """The shortest time between two changes of what is shown, in seconds."""
    theme: str = ""
    """One of Textual's themes; empty: Textual's own choice."""
    ascii: bool = False
    """Draw with ASCII characters only, whatever the terminal can show."""
    mouse: bool = False
    """Whether the mouse is on at the start."""
    keymap: Keymap = DEFAULT


class Problem(NamedTuple):
    """Something in the file that is wrong."""

    path: tuple[str, ...]
    """The table and the key it is about."""
    sentence: str


class ConfigInvalid(InvalidInput):
    """The file breaks a rule; ``sentences`` says all that is wrong with it, each with file and line."""

    code = "ConfigInvalid"

    def __init__(self, sentences: list[str]) -> None:
        super().__init__(sentences[0])
        self.sentences = sentences


def config_path(named: str | None = None) -> tuple[Path, bool]:
    """Where the config file is, and whether it was named, by an option or ``LONGSHORE_CONFIG``: then it must exist."""
    asked = named or os.environ.get("LONGSHORE_CONFIG")
    if asked:
        return Path(os.path.expanduser(asked)), True
    home = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    return Path(home) / "longshore" / "config.toml", False


def read_config(named: str | None = None) -> Config:
    """The settings of this session.

    Raises:
        ConfigInvalid: the file cannot be read, or says what cannot be.
    """
    path, asked = config_path(named)
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        if asked:
            raise ConfigInvalid([f"There is no config file '{path}': write one, or name another."]) from None
        return Config(path)
    except OSError as error:
        raise ConfigInvalid([f"The config file '{path}' cannot be read ({error.strerror}): mend that."]) from error
    if len(raw) > MOST_BYTES:
        raise ConfigInvalid([f"The config file '{path}' is longer than {MOST_BYTES:,} bytes: name another one."])
    return parse_config(path, raw)


def parse_config(path: Path, raw: bytes) -> Config:
    """The settings that the text of a config file asks for.

    Raises:
        ConfigInvalid: it breaks a rule.
    """
    # Only who has a config file pays for its parser.
    import tomllib

    try:
        text = raw.decode()
        document = tomllib.loads(text)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigInvalid([f"{path}:{line}: this is not UTF-8: save the file as UTF-8."]) from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigInvalid([_syntax(path, text, str(error))]) from error
    config, problems = _settings(Config(path, True), document)
    if problems:
        lines = _lines(text, [problem.path for problem in problems])
        told = sorted((lines[problem.path], problem.sentence) for problem in problems)
        raise ConfigInvalid([f"{path}:{line}: {sentence}" for line, sentence in told])
    return config


def _settings(config: Config, document: Mapping[str, Any]) -> tuple[Config, list[Problem]]:
    problems: list[Problem] = []
    for name in document:
        if name not in ("screen", "keys"):
            problems.append(Problem((name,), _unknown("table", f"[{name}]", name, ("screen", "keys"))))
    screen = document.get("screen", {})
    if not isinstance(screen, dict):
        problems.append(Problem(("screen",), "'screen' is a table: write [screen], and settings below it."))
        screen = {}
    for name, value in screen.items():
        check = _CHECKS.get(name)
        if check is None:
            problems.append(Problem(("screen", name), _unknown("setting", f"'{name}'", name, tuple(_CHECKS))))
            continue
        try:
            config = config._replace(**{name: check(value)})
        except ValueError as error:
            problems.append(Problem(("screen", name), f"{name}: {error}"))
    keys = document.get("keys", {})
    if not isinstance(keys, dict):
        problems.append(Problem(("keys",), "'keys' is a table: write [keys], and actions below it."))
        return config, problems
    keymap, wrong = read_keys(keys)
    problems += [Problem(("keys", *parts), sentence) for parts, sentence in wrong]
    return config._replace(keymap=keymap), problems


def _refresh(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not LEAST_REFRESH <= value <= MOST_REFRESH:
        raise ValueError(f"write seconds from {LEAST_REFRESH:g} to {MOST_REFRESH:g}, such as {TICK_SECONDS:g}.")
    return float(value)


def _theme(value: object) -> str:
    themes = themes_known()
    if not isinstance(value, str):
        raise ValueError(f'write the name of a theme in quotes, such as "{THEME}".')
    if value not in themes:
        from difflib import get_close_matches

        near = get_close_matches(value, themes, 1)
        raise ValueError(f"there is no theme '{value}': {_perhaps(near) or 'there are ' + ', '.join(themes)}.")
    return value


def themes_known() -> list[str]:
    """The themes that there are."""
    from textual.theme import BUILTIN_THEMES

    return sorted(BUILTIN_THEMES)


def _switch(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("write true or false, without quotes.")
    return value


_CHECKS: dict[str, Callable[[object], Any]] = {
    "refresh": _refresh,
    "theme": _theme,
    "ascii": _switch,
    "mouse": _switch,
}
"""The settings of [screen]: each takes what was written, or says what to write."""


def _unknown(what: str, shown: str, name: str, known: tuple[str, ...]) -> str:
    from difflib import get_close_matches

    near = _perhaps(get_close_matches(name, known, 1))
    return f"There is no {what} {shown}: {near or 'there are ' + ', '.join(known)}."


def _perhaps(near: list[str]) -> str:
    return f"perhaps you mean '{near[0]}'" if near else ""


def _syntax(path: Path, text: str, words: str) -> str:
    """What the parser said, with its place in front."""
    import re

    place = re.search(r" \(at line (\d+), column (\d+)\)$", words)
    if place is None:
        # At the end of the document.
        return f"{path}:{len(text.splitlines()) or 1}: this is no TOML ({words}): mend that."
    return f"{path}:{place[1]}: this is no TOML ({words[: place.start()]}, column {place[2]}): mend that."


def _lines(text: str, paths: list[tuple[str, ...]]) -> dict[tuple[str, ...], int]:
    """The lines on which what stands at some places of a valid document begins.

    The parser does not tell. What the first lines of the file say grows with each of them that completes a statement;
    config files are short.
    """
    import tomllib

    found: dict[tuple[str, ...], int] = {}
    lines = text.splitlines(keepends=True)
    begins = 1
    for number in range(1, len(lines) + 1):
        try:
            document = tomllib.loads("".join(lines[:number]))
        except tomllib.TOMLDecodeError:
            continue
        for path in paths:
            if path not in found and _at(document, path):
                found[path] = begins
        begins = number + 1
    return {path: found.get(path, 1) for path in paths}


def _at(document: Mapping[str, Any], path: tuple[str, ...]) -> bool:
    here: Any = document
    for part in path:
        if not isinstance(here, dict) or part not in here:
            return False
        here = here[part]
    return True
