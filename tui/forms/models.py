"""Fields from the store's pydantic models: a property that a model gets is in its form, without a second list."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from datetime import datetime
from enum import StrEnum
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from store.bodies import LimitRecurrence
from tui.forms.field import NO, YES, Field, FieldKind, text_of
from tui.forms.words import COMPLETES, HINTS, LABELS

_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z]|$)|[A-Z]?[a-z0-9]+|[A-Z]+")


def fields_of(model: type[BaseModel], without: Collection[str] = ()) -> list[Field]:
    """The properties of one of the store's bodies in its order, but for those named as in Python."""
    return list(_fields(model, "", "", optional=False, without=without))


def _fields(
    model: type[BaseModel], prefix: str, group: str, *, optional: bool, without: Collection[str] = ()
) -> Iterator[Field]:
    """The same for a model within another.

    Args:
        model: the model.
        prefix: its path in the body, with a dot at its end.
        group: the heading that its fields stand under.
        optional: it need not be there at all: its own required properties are required only with others.
        without: properties to leave out.
    """
    for name, info in model.model_fields.items():
        if name in without:
            continue
        key = prefix + (info.alias or name)
        annotation, nullable = _plain(info.annotation)
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield from _fields(annotation, f"{key}.", group or label_of(key), optional=optional or nullable)
            continue
        kind, choices = _kind(annotation)
        if kind == FieldKind.CHOICE and len(choices) == 1:
            continue  # a discriminator: it is not chosen here
        yield _of_info(key, group, kind, choices, info, nullable=nullable, optional=optional)


def _of_info(
    key: str, group: str, kind: FieldKind, choices: tuple[str, ...], info: FieldInfo, *, nullable: bool, optional: bool
) -> Field:
    required = info.is_required()
    default = "" if required or info.default is None or info.default_factory else info.default
    text = text_of(Field(key, "", kind), default) if default != "" else ""
    if kind == FieldKind.CHOICE and (nullable or (optional and required)):
        choices = ("", *choices)
    elif kind == FieldKind.CHOICE and not text:
        text = choices[0]
    return _field(key, group, kind).but(choices=choices, default=text, required=required and not optional)


def _field(key: str, group: str, kind: FieldKind) -> Field:
    label = label_of(key)
    return Field(
        key,
        label,
        kind,
        hint=HINTS.get(key, HINTS.get(key.rpartition(".")[2], "")),
        completes=COMPLETES.get(key, ""),
        group=group if group != label else "",
    )


def label_of(key: str) -> str:
    """``sourceSubpath`` as ``Source subpath``."""
    if key in LABELS:
        return LABELS[key]
    words = " ".join(_WORD.findall(key.rpartition(".")[2]))
    return words[:1].upper() + words[1:].lower()


def option_of(key: str) -> str:
    """``filters.minSize`` as a command's option: ``--min-size``."""
    return "--" + "-".join(_WORD.findall(key.rpartition(".")[2])).lower()


def _plain(annotation: Any) -> tuple[Any, bool]:
    """A type without its rules, and whether it may be None."""
    nullable = False
    while True:
        origin = get_origin(annotation)
        if origin is Annotated:
            annotation = get_args(annotation)[0]
        elif origin in (Union, UnionType) and NoneType in get_args(annotation):
            nullable = True
            (annotation,) = (one for one in get_args(annotation) if one is not NoneType)
        else:
            return annotation, nullable


def _kind(annotation: Any) -> tuple[FieldKind, tuple[str, ...]]:
    """How a value of a type is typed, and what may be chosen."""
    origin = get_origin(annotation)
    if origin is Literal:
        return FieldKind.CHOICE, tuple(str(one) for one in get_args(annotation))
    if origin is list:
        inner, _ = _plain(get_args(annotation)[0])
        if inner is LimitRecurrence:
            return FieldKind.LIMITS, ()
        return (FieldKind.NUMBERS if inner is int else FieldKind.WORDS), ()
    if origin is dict:
        return FieldKind.PAIRS, ()
    if isinstance(annotation, type):
        if issubclass(annotation, StrEnum):
            return FieldKind.CHOICE, tuple(str(one) for one in annotation)
        if annotation is bool:
            return FieldKind.FLAG, (NO, YES)
        if annotation is int:
            return FieldKind.NUMBER, ()
        if annotation in (str, datetime):
            return FieldKind.TEXT, ()
    raise TypeError(f"no way to type a {annotation} was written: add it here")
