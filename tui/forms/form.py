"""A form: its pages of fields, what is wrong with what was typed, and the change that it comes to.

Texts are what was typed, by the fields' keys. A form keeps none of them: the screen does.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from copy import deepcopy
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError

from store.complaints import Complaint, complaints
from store.errors import InvalidInput
from store.reader import Reader
from store.rules import valid_name
from store.vocabulary import EndpointType
from tui.forms.change import Change, Loaded
from tui.forms.field import Field, sentence, texts_of, unreadable, value_of
from tui.forms.words import HINTS
from tui.presentation.cells import Cell
from tui.presentation.glyphs import Glyphs
from tui.subjects import WORDS

Texts = Mapping[str, str]
Asked = frozenset[tuple[str, str]]
"""What a form wants to know of the store: kinds and names."""

NAME_FIXED = "names never change"
FORM = ""
"""The key of what is wrong with no field alone."""

_UNIONS = frozenset({"location", *EndpointType})
"""What pydantic names on the way to a property, and no body has."""


class Page(NamedTuple):
    """A step of a form: the keys of its fields, in order; none for a page that only tells."""

    title: str
    keys: tuple[str, ...]


class Form:
    """What one resource is made or changed by. Subclasses say which fields it has, and which body checks them."""

    kind = ""
    model: type[BaseModel]

    def __init__(self, mover: str, fields: Sequence[Field], loaded: Loaded | None, *, new: bool) -> None:
        """Begin.

        Args:
            mover: the mover that it belongs to.
            fields: of the body, in order.
            loaded: what is edited, or copied.
            new: whether another resource is made.
        """
        self.mover = mover
        self.new = new
        self.loaded = loaded
        self.name_field = Field("name", "Name", required=new, hint=HINTS["name"], fixed="" if new else NAME_FIXED)
        self.fields = [self.name_field, *fields]
        self.pages: tuple[Page, ...] = (Page("", tuple(field.key for field in self.fields)),)
        self.start = self.texts_now()
        """What the fields hold when the form opens."""

    @property
    def title(self) -> str:
        """What is done: ``Change the endpoint 'nas1-hr'``."""
        what = WORDS.get(self.kind, self.kind)
        if self.loaded is None:
            return f"A new {what}{f' of {self.mover}' if self.mover else ''}"
        return f"A copy of the {what} '{self.loaded.name}'" if self.new else f"Change the {what} '{self.loaded.name}'"

    @property
    def done(self) -> str:
        """What the last key does: ``make it``."""
        return "make it" if self.new else "save"

    def field(self, key: str) -> Field:
        """The field of that key."""
        return next(field for field in self.fields if field.key == key)

    def texts_now(self) -> dict[str, str]:
        """The texts of the resource as it was loaded; the defaults where there is none."""
        texts = texts_of(self.fields, {} if self.loaded is None else self.loaded.properties)
        texts["name"] = "" if self.loaded is None or self.new else self.loaded.name
        return texts

    # What is wrong

    def check(self, texts: Texts) -> dict[str, str]:
        """What is wrong, a sentence by the key of its field; the store's own rules say it."""
        wrong = unreadable(self.fields, texts)
        if self.new and "name" not in wrong:
            wrong |= ruled("name", lambda: valid_name(WORDS.get(self.kind, self.kind), texts["name"]))
        try:
            self.model.model_validate(self.body(texts, wrong))
        except ValidationError as error:
            for one in complaints(error):
                wrong.setdefault(self._key_of(one), sentence(one.words))
        return wrong

    def unfinished(self, texts: Texts) -> Collection[str]:
        """The fields that hold no name yet: what is said against them can wait while there are completions."""
        return ()

    def doubts(self, texts: Texts, glyphs: Glyphs) -> dict[str, str]:
        """What is allowed and worth a look, by the key of its field."""
        return {}

    def _key_of(self, complaint: Complaint) -> str:
        """The field that a complaint is about; of a group, one that it names."""
        path = [part for part in complaint.path if isinstance(part, str) and part not in _UNIONS]
        for length in range(len(path), 0, -1):
            key = ".".join(path[:length])
            found = [field.key for field in self.fields if field.key == key or field.key.startswith(f"{key}.")]
            named = [one for one in found if f"'{one.rpartition('.')[2]}'" in complaint.words]
            if found:
                return (named or found)[0]
        return FORM

    # What it comes to

    def body(self, texts: Texts, without: Collection[str] = ()) -> dict[str, Any]:
        """ARM's body: what was loaded, with what was typed in its place; fields in ``without`` are left out."""
        body = deepcopy(dict(self.loaded.properties)) if self.loaded is not None else {}
        for field in self.body_fields:
            if field.fixed:
                continue
            text = texts.get(field.key, "")
            keeps = bool(text) and (text != field.default or field.required) and field.key not in without
            _set(body, field.key.split("."), value_of(field, text) if keeps else None)
        return body

    @property
    def body_fields(self) -> list[Field]:
        """The fields that stand in the body."""
        return self.fields[1:]

    def change(self, texts: Texts) -> Change:
        """What the store is asked to do."""
        return Change(
            self.kind,
            self.mover,
            texts["name"],
            self.body(texts),
            new=self.new,
            version=None if self.loaded is None or self.new else self.loaded.version,
        )

    def rebase(self, loaded: Loaded, texts: Texts) -> tuple[dict[str, str], dict[str, str]]:
        """Somebody else changed it meanwhile: go on from what it is now.

        Returns:
            The texts, with the other's where nothing was typed here; and what the other did, by the fields' keys.
        """
        before, self.loaded = self.start, loaded
        self.start = self.texts_now()
        merged, told = dict(texts), {}
        for field in self.fields:
            theirs, mine = self.start[field.key], texts[field.key]
            if theirs == before[field.key] or theirs == mine:
                continue
            value = f"'{theirs}'" if theirs else "nothing"
            if mine == before[field.key]:
                merged[field.key] = theirs
                told[field.key] = f"{loaded.changed_by} set it to {value} meanwhile."
            else:
                told[field.key] = f"{loaded.changed_by} set it to {value} meanwhile: ctrl+s writes yours over it."
        return merged, told

    # What is told beside the fields

    def block(self, key: str, texts: Texts, glyphs: Glyphs) -> list[list[Cell]]:
        """Lines under a field."""
        return []

    def review(self, texts: Texts, glyphs: Glyphs) -> list[list[Cell]]:
        """The lines of a page without fields."""
        return []

    # What it wants to know of the store

    def asks(self, texts: Texts) -> Asked:
        """What it must look up for these texts, and does not know."""
        return frozenset()

    def look_up(self, reader: Reader, asked: Asked) -> Mapping[tuple[str, str], Any]:
        """Look it up; on the reader thread."""
        return {}

    def learn(self, found: Mapping[tuple[str, str], Any]) -> None:
        """Keep what was looked up."""


def ruled(key: str, rule: Callable[[], object]) -> dict[str, str]:
    """What one of the store's rules says against a value, under its field's key."""
    try:
        rule()
    except InvalidInput as error:
        return {key: error.sentence}
    return {}


def _set(body: dict[str, Any], path: list[str], value: Any) -> None:
    """Put a value at a path of a body; None takes away what is there, and what is empty then."""
    part, *rest = path
    if rest:
        inner = body.get(part)
        inner = inner if isinstance(inner, dict) else {}
        _set(inner, rest, value)
        value = inner or None
    if value is None:
        body.pop(part, None)
    else:
        body[part] = value
