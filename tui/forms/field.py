"""One property of a resource as an admin types it: text on the screen, a value in ARM's body."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from tui.forms.limits import limits_of, limits_text

YES, NO = "yes", "no"


class FieldKind(StrEnum):
    """How a value is typed."""

    TEXT = "text"
    NUMBER = "number"
    CHOICE = "choice"
    FLAG = "flag"
    WORDS = "words"
    """Several texts with blanks between them; one that holds a blank is quoted, as in a shell."""
    NUMBERS = "numbers"
    PAIRS = "pairs"
    """``key=value`` words."""
    LIMITS = "limits"
    """An agent's upload limits: see ``tui.forms.limits``."""


@dataclass(frozen=True, slots=True)
class Field:
    """A property: its path in the body, and how it is typed and told.

    Attributes:
        key: the path in ARM's body with dots: ``filters.minSize``.
        label: a few words.
        kind: how it is typed.
        choices: what may be chosen, for a choice; an empty one stands for nothing.
        default: the text of the value that holds when nothing is said.
        required: whether the store refuses a body without it.
        hint: one line about it.
        completes: what its text is completed with: a kind of resource, ``directory``, ``source`` or ``target``.
        fixed: why it cannot be changed here; empty when it can.
        group: the heading it stands under; empty for none.
    """

    key: str
    label: str
    kind: FieldKind = FieldKind.TEXT
    choices: tuple[str, ...] = ()
    default: str = ""
    required: bool = False
    hint: str = ""
    completes: str = ""
    fixed: str = ""
    group: str = ""

    @property
    def typed(self) -> bool:
        """Whether it is typed, not chosen."""
        return self.kind not in (FieldKind.CHOICE, FieldKind.FLAG)

    def but(self, **changes: Any) -> Field:
        """The same field, changed in a few of its attributes."""
        return replace(self, **changes)


def value_of(field: Field, text: str) -> Any:
    """The value that a text stands for; a text that stands for none is handed over as it is, for the store to refuse.

    Raises:
        ValueError: the text cannot be split into its parts; the words say what to do.
    """
    match field.kind:
        case FieldKind.NUMBER:
            return _number(text)
        case FieldKind.FLAG:
            return {YES: True, NO: False}.get(text, text)
        case FieldKind.WORDS:
            return _words(text)
        case FieldKind.NUMBERS:
            return [_number(word) for word in _words(text)]
        case FieldKind.PAIRS:
            return _pairs(text)
        case FieldKind.LIMITS:
            return limits_of(text)
        case _:
            return text


def text_of(field: Field, value: Any) -> str:
    """The text that stands for a value; empty for None."""
    match value:
        case None:
            return ""
        case bool():
            return YES if value else NO
        case Mapping() if field.kind == FieldKind.PAIRS:
            return shlex.join(f"{key}={one}" for key, one in value.items())
        case list() if field.kind == FieldKind.LIMITS:
            return limits_text(value)
        case list() | tuple():
            return shlex.join(str(one) for one in value)
        case _:
            return str(value)


def unreadable(fields: Sequence[Field], texts: Mapping[str, str]) -> dict[str, str]:
    """The texts that cannot be read, and why, by the fields' keys."""
    found = {}
    for field in fields:
        try:
            value_of(field, texts.get(field.key, ""))
        except ValueError as error:
            found[field.key] = sentence(str(error))
    return found


def texts_of(fields: Sequence[Field], body: Mapping[str, Any]) -> dict[str, str]:
    """The texts of a body's values, with the defaults where it says nothing."""
    texts = {}
    for field in fields:
        value: Any = body
        for part in field.key.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        texts[field.key] = field.default if value is None else text_of(field, value)
    return texts


def _number(text: str) -> int | str:
    return int(text) if re.fullmatch(r"-?[0-9]{1,19}", text) else text


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise ValueError("a quote is not closed: close it, or put a backslash before it") from error


def _pairs(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for word in _words(text):
        key, equals, value = word.partition("=")
        if not key or not equals:
            raise ValueError(f"'{word}' is no pair: write key=value")
        if key in found:
            raise ValueError(f"'{key}' stands twice: remove one")
        found[key] = value
    return found


def sentence(words: str) -> str:
    """Words as a sentence: a capital at the start, a full stop at the end."""
    return words[:1].upper() + words[1:].rstrip(".") + "."
