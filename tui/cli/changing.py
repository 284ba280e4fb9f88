"""``create``, ``update`` and ``clone``: the twins of the screen's forms, with the same fields and the same rules.

An option is a property of the store's model; its text means what it means in a form, and an empty one takes it away.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from store.errors import InvalidInput
from store.vocabulary import EndpointType
from tui.actor import actor
from tui.cli import context, output
from tui.cli.shown import show_resource
from tui.forms.change import Change, Changed, Loaded
from tui.forms.field import NO, YES, Field, FieldKind
from tui.forms.form import FORM, Form
from tui.forms.models import option_of

if TYPE_CHECKING:
    from sqlmodel import Session

    from store.db import Store

_PREFIX = "field "
"""Before the keys of fields among the options, so that none meets another option."""


def create(options: argparse.Namespace) -> int:
    """Make a resource; refuses a name that is taken."""
    return _do(options, "")


def update(options: argparse.Namespace) -> int:
    """Change what is named of a resource; all else stays as it is."""
    return _do(options, options.name)


def clone(options: argparse.Namespace) -> int:
    """Make a copy of a resource, changed in what is named."""
    return _do(options, options.name)


def _do(options: argparse.Namespace, like: str) -> int:
    with context.existing_store(options, writes=True) as store:
        form = _form(store, options, like)
        texts = dict(form.start)
        for key, text in _said(options).items():
            _refuse_unknown(form, key)
            texts[key] = text
        if form.new:
            _name(form, texts, options.as_name if like else options.name)
        _refuse_wrong(form, texts)
        changed = _save(store, form.change(texts))
        if options.json:
            show_resource(_resource(store, form.kind, changed), as_json=True)
        output.say(changed.words)
        if form.kind == "definition":
            _say_losses(store, changed)
    return 0


def _say_losses(store: Store, changed: Changed) -> None:
    from store.models import JobDefinition
    from tui.cli.lost import say_losses

    with store.read() as session:
        definition = session.get(JobDefinition, changed.id)
        if definition is not None:
            say_losses(session, definition)


def _save(store: Store, change: Change) -> Changed:
    from tui.resource_commands import save

    with store.write(actor()) as tx:
        return save(tx, change)


# Which form


def _form(store: Store, options: argparse.Namespace, like: str) -> Form:
    """The form of what is made or changed, with what it is now in it."""
    from tui.forms.definition import DefinitionForm
    from tui.forms.resources import AgentForm, EndpointForm, MoverForm, ProjectForm

    noun, new = options.noun, options.command != "tui.cli.changing:update"
    loaded: Loaded | None = None
    with store.read() as session:
        if like:
            loaded = _load(session, options, like)
        mover = "" if noun == "mover" else _mover(session, options)
    match noun:
        case "mover":
            return MoverForm(loaded)
        case "project":
            return ProjectForm(mover, loaded, new=new)
        case "endpoint":
            kind = options.endpoint_type if loaded is None else loaded.properties["endpointType"]
            return EndpointForm(mover, EndpointType(kind), loaded, new=new)
        case "agent":
            assert loaded is not None, "an agent registers itself"
            return AgentForm(mover, loaded)
        case _:
            return DefinitionForm(mover, 0, "" if loaded is None else loaded.project, loaded, new=new)


def _load(session: Session, options: argparse.Namespace, name: str) -> Loaded:
    from tui.resource_commands import load

    return load(session, options.noun, getattr(options, "mover", None) or "", name)


def _mover(session: Session, options: argparse.Namespace) -> str:
    from store.resources.common import find_mover

    return find_mover(session, options.mover).name


def _name(form: Form, texts: dict[str, str], path: str) -> None:
    """Put the new name into the form; a definition's may leave its project to that of what is copied."""
    project, slash, name = path.rpartition("/")
    if form.kind != "definition":
        texts["name"] = path
    elif slash or texts["project"]:
        texts["project"], texts["name"] = project or texts["project"], name
    else:
        raise InvalidInput(f"'{path}' does not name a definition: write PROJECT/DEFINITION.")


def _refuse_unknown(form: Form, key: str) -> None:
    """Refuse what the resource does not have, or cannot change."""
    option = option_of(key)
    field = next((one for one in form.fields if one.key == key), None)
    if field is None:
        raise InvalidInput(f"{form.title} has no {option}: leave it out.")
    if field.fixed:
        raise InvalidInput(f"{option} cannot change: make one with another name, or clone it.", code="LocationFixed")


def _refuse_wrong(form: Form, texts: dict[str, str]) -> None:
    """Refuse what breaks a rule; the first thing is said."""
    wrong = form.check(texts)
    for field in form.fields:
        if field.key in wrong:
            place = "" if field.key in ("name", "project") else f"{option_of(field.key)}: "
            raise InvalidInput(f"{place}{wrong[field.key]}")
    if FORM in wrong:
        raise InvalidInput(wrong[FORM])


def _resource(store: Store, kind: str, changed: Changed) -> dict[str, Any]:
    """What was made or changed, in ARM's shape."""
    from store import arm, arm_reads
    from store.models import Agent, Endpoint, Project
    from store.resources.common import find_definition, find_in_mover, find_mover

    with store.read() as session:
        mover = find_mover(session, changed.mover)
        match kind:
            case "mover":
                return arm.mover(mover)
            case "endpoint":
                return arm.endpoint(mover.name, find_in_mover(session, Endpoint, kind, mover, changed.path))
            case "project":
                return arm.project(mover.name, find_in_mover(session, Project, kind, mover, changed.path))
            case "agent":
                agent = find_in_mover(session, Agent, kind, mover, changed.path)
                return next(arm_reads.agents(session, mover, store.clock.now(), agent))
            case _:
                return next(arm_reads.definitions(session, mover, *find_definition(session, mover, changed.path)))


# The options


def _said(options: argparse.Namespace) -> dict[str, str]:
    """The properties that were named, by the fields' keys."""
    named = vars(options).items()
    return {key.removeprefix(_PREFIX): text for key, text in named if key.startswith(_PREFIX) and text is not None}


def _add(parser: argparse.ArgumentParser, fields: Iterable[Field]) -> None:
    """An option for each field."""
    for field in fields:
        choices = field.choices or ((NO, YES) if field.kind == FieldKind.FLAG else None)
        parser.add_argument(
            option_of(field.key),
            dest=_PREFIX + field.key,
            metavar=None if choices else _metavar(field),
            choices=choices,
            help=_help(field),
        )


def _help(field: Field) -> str:
    words = field.hint or field.label.lower()
    default = f"; default: {field.default}" if field.default and field.kind != FieldKind.TEXT else ""
    return f"{words}{default}".replace("%", "%%")


def _metavar(field: Field) -> str:
    kinds = {FieldKind.NUMBER: "N", FieldKind.WORDS: "WORDS", FieldKind.NUMBERS: "NUMBERS", FieldKind.PAIRS: "PAIRS"}
    return kinds.get(field.kind, "TEXT")


def _mover_options(parser: argparse.ArgumentParser, *, new: bool) -> None:
    from tui.forms.resources import MoverForm

    fields = [field for field in MoverForm().fields[1:] if new or field.key != "location"]
    _add(parser, fields)


def _project_options(parser: argparse.ArgumentParser, *, copied: bool = False) -> None:
    from store.bodies import ProjectProperties
    from tui.forms.models import fields_of

    _add(parser, fields_of(ProjectProperties))
    if copied:
        parser.add_argument(
            "--without-definitions",
            dest=f"{_PREFIX}definitions",
            action="store_const",
            const=NO,
            help="copy the project alone",
        )


def _agent_options(parser: argparse.ArgumentParser) -> None:
    from store.bodies import AgentProperties
    from tui.forms.models import fields_of

    _add(parser, fields_of(AgentProperties))


def _endpoint_options(parser: argparse.ArgumentParser, *, new: bool, copied: bool = False) -> None:
    """The properties of every type: those that a type does not have are refused when it is known."""
    from store.bodies import EndpointBody
    from tui.forms.models import fields_of
    from tui.forms.resources import changes, type_fields

    if new and not copied:
        parser.add_argument("--type", dest="endpoint_type", choices=[str(kind) for kind in EndpointType], required=True)
    every = {field.key: field for kind in EndpointType for field in type_fields(kind)}
    common = fields_of(EndpointBody, {"location"})
    _add(parser, [field for field in (*common, *every.values()) if new or changes(field)])


def _definition_options(parser: argparse.ArgumentParser, *, new: bool) -> None:
    from tui.forms.definition import FIXED, DefinitionForm

    fields = DefinitionForm("", 0, "").fields
    fixed = () if new else FIXED
    _add(parser, [field for field in fields if field.key not in ("name", "project", *fixed)])


add_create_mover = partial(_mover_options, new=True)
add_update_mover = partial(_mover_options, new=False)
add_create_project = add_update_project = _project_options
add_clone_project = partial(_project_options, copied=True)
add_update_agent = _agent_options
add_create_endpoint = partial(_endpoint_options, new=True)
add_update_endpoint = partial(_endpoint_options, new=False)
add_clone_endpoint = partial(_endpoint_options, new=True, copied=True)
add_create_definition = add_clone_definition = partial(_definition_options, new=True)
add_update_definition = partial(_definition_options, new=False)
