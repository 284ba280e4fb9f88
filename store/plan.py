"""Plan files: the hierarchy as YAML or JSON with ARM's property names (DESIGN §8).

Reading is strict: an error names the file, the line and the field. Applying is one transaction:
a plan that is refused changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import Field, ValidationError, model_validator

from store.bodies import (
    ConnectionProperties,
    DefinitionProperties,
    EndpointBody,
    MoverProperties,
    ProjectProperties,
    name_of,
)
from store.complaints import complaints
from store.db import Write
from store.endpoints import ArmModel
from store.errors import InvalidInput, LongshoreError
from store.resources.common import Put
from store.resources.definitions import put_definition
from store.resources.endpoints import put_endpoint
from store.resources.movers import put_mover
from store.resources.projects import put_connection, put_project

MAX_BYTES = 16 << 20
MAX_NODES = 1_000_000
"""Parts of a plan, aliases followed: a few lines of nested aliases could stand for more than fits in memory."""
_IGNORED = frozenset({"id", "type", "systemData", "apiVersion", "dependsOn"})


class _Named(ArmModel):
    """A resource with a name; what ARM adds to every resource is accepted and dropped."""

    @model_validator(mode="before")
    @classmethod
    def _drop_ignored(cls, value: Any) -> Any:
        return {k: v for k, v in value.items() if k not in _IGNORED} if isinstance(value, dict) else value


class PlanEndpoint(_Named):
    name: Annotated[str, name_of("endpoint")]
    properties: EndpointBody


class PlanConnection(_Named):
    name: Annotated[str, name_of("connection")]
    properties: ConnectionProperties


class PlanDefinition(_Named):
    name: Annotated[str, name_of("job definition")]
    properties: DefinitionProperties


class PlanProject(_Named):
    name: Annotated[str, name_of("project")]
    properties: ProjectProperties = ProjectProperties()
    job_definitions: list[PlanDefinition] = Field(default_factory=list)


class PlanMover(_Named):
    name: Annotated[str, name_of("storage mover")]
    location: str | None = None
    tags: dict[str, str] | None = None
    properties: MoverProperties = MoverProperties()
    endpoints: list[PlanEndpoint] = Field(default_factory=list)
    connections: list[PlanConnection] = Field(default_factory=list)
    projects: list[PlanProject] = Field(default_factory=list)


class Plan(ArmModel):
    """A whole plan file."""

    storage_movers: list[PlanMover]


@dataclass
class PlanFile:
    """A plan that was read and is well formed, and where each part of it stands in its file."""

    name: str
    plan: Plan
    lines: Mapping[tuple[str | int, ...], int] = field(default_factory=dict)

    def where(self, path: tuple[str | int, ...]) -> str:
        """``file, line 7, storageMovers[0].endpoints[1].name`` for a part of the plan."""
        line = next((self.lines[path[:n]] for n in range(len(path), -1, -1) if path[:n] in self.lines), None)
        place = f", line {line}" if line else ""
        return f"{self.name}{place}, {_dotted(path)}" if path else f"{self.name}{place}"


@dataclass(frozen=True)
class Applied:
    """What applying did to one resource."""

    put: Put
    kind: str
    resource: str


def read_plan(path: str | Path) -> PlanFile:
    """Read a plan file.

    Raises:
        InvalidInput: unreadable, not YAML or JSON, or not a plan; the sentence has file, line and field.
    """
    try:
        with open(path, "rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InvalidInput(
            f"The plan file '{path}' cannot be read: {error.strerror}.", code="PlanUnreadable"
        ) from error
    if len(raw) > MAX_BYTES:
        raise InvalidInput(f"The plan file '{path}' is larger than 16 MiB: split it.", code="PlanUnreadable")
    return parse_plan(raw, str(path))


def parse_plan(raw: bytes, name: str) -> PlanFile:
    """Parse a plan's bytes; ``name`` stands for it in errors."""
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise InvalidInput(
            f"{name}, line {line}: the text is not UTF-8; save it as UTF-8.", code="PlanSyntax"
        ) from error
    try:
        document, lines = _parse_text(text, name)
    except RecursionError as error:
        raise InvalidInput(f"{name}: the plan is nested too deeply: flatten it.", code="PlanInvalid") from error
    file = PlanFile(name, Plan(storage_movers=[]), lines)
    if not isinstance(document, dict):
        raise InvalidInput(f"{name} is not a plan: start it with 'storageMovers:'.", code="PlanSyntax")
    try:
        file.plan = Plan.model_validate(document)
    except ValidationError as error:
        first = complaints(error)[0]
        where = _located(document, first.path)
        more = error.error_count() - 1
        rest = f" ({more} more after it)" if more else ""
        raise InvalidInput(f"{file.where(where)}: {first.words}{rest}.", code="PlanInvalid") from error
    return file


def apply_plan(tx: Write, file: PlanFile) -> list[Applied]:
    """Make the store hold what a plan says; nothing that the plan does not name is touched.

    Raises:
        LongshoreError: the first refusal, with the plan's place in front; the caller's transaction
            rolls everything back.
    """
    done: list[Applied] = []
    for m, mover_plan in enumerate(file.plan.storage_movers):
        here: tuple[str | int, ...] = ("storageMovers", m)
        with _Placed(file, here):
            put, mover = put_mover(
                tx, mover_plan.name, mover_plan.properties, location=mover_plan.location, tags=mover_plan.tags
            )
        done.append(Applied(put, "storage mover", mover.name))
        for i, connection in enumerate(mover_plan.connections):
            with _Placed(file, (*here, "connections", i)):
                put, _ = put_connection(tx, mover, connection.name, connection.properties)
            done.append(Applied(put, "connection", f"{mover.name}/{connection.name}"))
        for i, endpoint in enumerate(mover_plan.endpoints):
            with _Placed(file, (*here, "endpoints", i)):
                put, _ = put_endpoint(tx, mover, endpoint.name, endpoint.properties)
            done.append(Applied(put, "endpoint", f"{mover.name}/{endpoint.name}"))
        for p, project_plan in enumerate(mover_plan.projects):
            with _Placed(file, (*here, "projects", p)):
                put, project = put_project(tx, mover, project_plan.name, project_plan.properties)
            done.append(Applied(put, "project", f"{mover.name}/{project.name}"))
            for d, definition in enumerate(project_plan.job_definitions):
                with _Placed(file, (*here, "projects", p, "jobDefinitions", d)):
                    put, _ = put_definition(tx, mover, project, definition.name, definition.properties)
                done.append(Applied(put, "job definition", f"{mover.name}/{project.name}/{definition.name}"))
    return done


class _Placed:
    """Puts the plan's file, line and field before the sentence of a refusal."""

    def __init__(self, file: PlanFile, path: tuple[str | int, ...]) -> None:
        self.file, self.path = file, path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, LongshoreError):
            raise type(error)(f"{self.file.where(self.path)}: {error.sentence}", code=error.code) from error


def _parse_text(text: str, name: str) -> tuple[Any, dict[tuple[str | int, ...], int]]:
    """What a plan's text says, and the line of each of its parts."""
    try:
        # JSON first: YAML takes neither its tabs nor a character escaped as two surrogates.
        document, is_json = json.loads(text), True
        # Between the parts of a JSON text a tab is a space, and within them there is none.
        text = text.replace("\t", " ")
    except ValueError:
        document, is_json = None, False
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        if node is None:
            return None, {}
        for count, part in enumerate(_check_node(node, name)):
            if count > MAX_NODES:
                raise InvalidInput(f"{name}: the plan has more than {MAX_NODES:,} parts: split it.", code="PlanInvalid")
            if not is_json and isinstance(part, yaml.ScalarNode) and not _storable(part.value):
                raise InvalidInput(
                    f"{name}, line {part.start_mark.line + 1}: a text is not valid UTF-8: correct its escapes.",
                    code="PlanInvalid",
                )
        if not is_json:
            document = yaml.safe_load(text)
        elif not _storable(json.dumps(document, ensure_ascii=False)):
            raise InvalidInput(f"{name}: a text is not valid UTF-8: correct its escapes.", code="PlanInvalid")
        return document, dict(_lines(node))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        number = mark.line if mark is not None else text.count("\n", 0, getattr(error, "position", 0) or 0)
        what = getattr(error, "problem", None) or "it cannot be read"
        raise InvalidInput(
            f"{name}, line {number + 1}: not valid YAML or JSON ({what}): correct the syntax.", code="PlanSyntax"
        ) from error


def _storable(text: str) -> bool:
    """Whether a text can be written as UTF-8: escapes can make half a character."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _check_node(node: yaml.Node, name: str) -> Iterator[yaml.Node]:
    """Every part of a document; refuses what YAML would take in silence: a key written twice, the second winning."""
    yield node
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            word = str(getattr(key, "value", ""))
            if word in seen:
                raise InvalidInput(
                    f"{name}, line {key.start_mark.line + 1}: '{word}' stands twice: remove one.", code="PlanInvalid"
                )
            seen.add(word)
            yield from _check_node(value, name)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _check_node(value, name)


def _lines(node: yaml.Node, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], int]]:
    yield path, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _lines(value, (*path, str(key.value)))
            yield (*path, str(key.value)), key.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _lines(value, (*path, index))


def _located(document: Any, location: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """The part of a document that a location of pydantic's means: it also names union members, which are none."""
    path: list[str | int] = []
    for part in location:
        if (isinstance(document, dict) and part in document) or (
            isinstance(document, list) and isinstance(part, int) and part < len(document)
        ):
            document = document[part]  # type: ignore[index]
            path.append(part)
    return tuple(path)


def _dotted(path: tuple[str | int, ...]) -> str:
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text
