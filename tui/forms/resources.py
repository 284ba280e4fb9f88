"""The forms of everything but a job definition."""

from __future__ import annotations

import os
from collections.abc import Collection
from typing import Any, get_args

from pydantic.alias_generators import to_camel

from store.bodies import (
    AgentProperties,
    ConnectionProperties,
    EndpointBody,
    MoverProperties,
    ProjectProperties,
)
from store.endpoints import CHANGEABLE, ArmModel, EndpointProperties
from store.vocabulary import EndpointType
from tui.forms.change import CONNECTION, Change, Loaded
from tui.forms.field import NO, YES, Field, FieldKind, text_of, value_of
from tui.forms.form import Form, Texts
from tui.forms.models import fields_of, label_of
from tui.forms.words import HINTS, TYPES
from tui.presentation.cells import Cell
from tui.presentation.glyphs import Glyphs
from tui.subjects import AGENT, ENDPOINT, MOVER, PROJECT

LOCATION_FIXED = "a location is fixed: a clone may have another"


class MoverForm(Form):
    """A storage mover: its location is fixed once it is made."""

    kind = MOVER
    model = MoverProperties

    def __init__(self, loaded: Loaded | None = None) -> None:
        new = loaded is None
        self._tags = Field("tags", label_of("tags"), FieldKind.PAIRS, hint=HINTS["tags"])
        location = Field(
            "location",
            label_of("location"),
            default="local",
            hint=HINTS["location"],
            fixed="" if new else "it was said when the mover was made",
        )
        super().__init__("", [*fields_of(MoverProperties), location, self._tags], loaded, new=new)

    def texts_now(self) -> dict[str, str]:
        texts = super().texts_now()
        if self.loaded is not None:
            texts |= {"location": self.loaded.location, "tags": text_of(self._tags, self.loaded.tags)}
        return texts

    @property
    def body_fields(self) -> list[Field]:
        return [field for field in self.fields if field.key == "description"]

    def change(self, texts: Texts) -> Change:
        tags = value_of(self._tags, texts["tags"])
        found = super().change(texts)._replace(mover=texts["name"], tags=tags)
        return found._replace(location=texts["location"] or None) if self.new else found


class ProjectForm(Form):
    """A project; a copy of one may bring its definitions along."""

    kind = PROJECT
    model = ProjectProperties

    def __init__(self, mover: str, loaded: Loaded | None = None, *, new: bool = True) -> None:
        fields = fields_of(ProjectProperties)
        if new and loaded is not None:
            inside = f"{loaded.inside:,} job definition{'' if loaded.inside == 1 else 's'}"
            hint = f"{inside}: {HINTS['definitions']}"
            fields.append(Field("definitions", "With definitions", FieldKind.FLAG, (NO, YES), YES, hint=hint))
        super().__init__(mover, fields, loaded, new=new)

    @property
    def body_fields(self) -> list[Field]:
        return [field for field in self.fields if field.key == "description"]

    def change(self, texts: Texts) -> Change:
        like = self.loaded.name if self.loaded is not None and texts.get("definitions") == YES else ""
        return super().change(texts)._replace(like=like)


class AgentForm(Form):
    """What an admin may say about a registered agent."""

    kind = AGENT
    model = AgentProperties

    def __init__(self, mover: str, loaded: Loaded) -> None:
        super().__init__(mover, fields_of(AgentProperties), loaded, new=False)


class ConnectionForm(Form):
    """A private connection."""

    kind = CONNECTION
    model = ConnectionProperties

    def __init__(self, mover: str) -> None:
        super().__init__(mover, fields_of(ConnectionProperties), None, new=True)


class EndpointForm(Form):
    """An endpoint of one type: its properties are those of the type's model."""

    kind = ENDPOINT
    model = EndpointBody

    def __init__(self, mover: str, endpoint_type: EndpointType, loaded: Loaded | None = None, *, new: bool = True):
        self.endpoint_type = endpoint_type
        shown = Field("endpointType", "Type", default=endpoint_type, fixed=TYPES.get(endpoint_type, ""))
        fields = [shown, *type_fields(endpoint_type), *fields_of(EndpointBody, {"location"})]
        fields.sort(key=lambda field: bool(field.group))
        if not new:
            fields = [field if changes(field) else field.but(fixed=field.fixed or LOCATION_FIXED) for field in fields]
        super().__init__(mover, fields, loaded, new=new)

    @property
    def title(self) -> str:
        return f"A new {self.endpoint_type} endpoint of {self.mover}" if self.loaded is None else super().title

    def body(self, texts: Texts, without: Collection[str] = ()) -> dict[str, Any]:
        return {**super().body(texts, without), "endpointType": str(self.endpoint_type)}

    def block(self, key: str, texts: Texts, glyphs: Glyphs) -> list[list[Cell]]:
        if key == "path" and os.path.isabs(texts.get("path", "")) and self.new:
            return [[Cell("completed as seen from this machine; the agent may see another", "dim")]]
        return []


def type_fields(endpoint_type: EndpointType) -> list[Field]:
    """The fields of the properties that one type of endpoint has."""
    return fields_of(_model(endpoint_type))


def _model(endpoint_type: EndpointType) -> type[ArmModel]:
    """The member of the union that a type is told by."""
    union, *_ = get_args(EndpointProperties)
    members: tuple[type[ArmModel], ...] = get_args(union)
    return next(one for one in members if one.model_fields["endpoint_type"].default == endpoint_type)


def changes(field: Field) -> bool:
    """Whether the store lets a property of an endpoint change after it was made."""
    return field.key == "description" or field.key.partition(".")[0] in {to_camel(name) for name in CHANGEABLE}
