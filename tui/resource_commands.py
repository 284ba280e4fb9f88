"""Making and changing resources: what forms and commands ask of the store, each one transaction.

The ORM is imported inside the functions: the screen calls them in a thread, through ``Commands.write`` and ``read``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeVar

from store.errors import InvalidInput
from tui.forms.change import Change, Changed, Loaded
from tui.subjects import AGENT, ENDPOINT, MOVER, PROJECT, WORDS

if TYPE_CHECKING:
    from pydantic import BaseModel
    from sqlmodel import Session

    from store.db import Write
    from store.models import StorageMover
    from store.resources.common import Expect, Put

    Body = TypeVar("Body", bound=BaseModel)


_DONE = {"created": "Created", "changed": "Changed", "unchanged": "Nothing changed of"}


def save(tx: Write, change: Change) -> Changed:
    """Make or change a resource.

    Raises:
        InvalidInput: a property breaks a rule. Conflict: the name is taken, what may not change would, or somebody
            changed it since it was read (code ``ChangedMeanwhile``). NotFound: it is gone, or what it names is.
    """
    from store.resources.common import Expect, find_mover

    expect = Expect(exists=not change.new, version=change.version)
    if change.kind == MOVER:
        return _save_mover(tx, change, expect)
    mover = find_mover(tx.session, change.mover or None)
    more = ""
    if change.kind == PROJECT and change.like:
        put, found_id, more = _clone_project(tx, mover, change)
    else:
        put, found_id = _put(tx, mover, change, expect)
    return Changed(str(put), found_id, mover.name, change.path, f"{_DONE[put]} the {change.words}{more}.")


def load(session: Session, kind: str, mover_name: str, path: str) -> Loaded:
    """A resource as it is now.

    Args:
        session: for reading.
        kind: its kind, one of ``tui.subjects``.
        mover_name: the mover that it belongs to; empty: the only one there is.
        path: its name within its mover, ``PROJECT/DEFINITION`` for a definition.

    Raises:
        NotFound: it is gone.
    """
    from store import arm, arm_reads
    from store.models import Agent, Endpoint, Project
    from store.resources.common import find_definition, find_in_mover, find_mover

    mover = find_mover(session, path if kind == MOVER else mover_name or None)
    if kind == MOVER:
        properties = {"description": mover.description}
        found = _loaded(mover, mover, properties)
        return found._replace(location=mover.location, tags=dict(mover.tags))
    if kind == ENDPOINT:
        endpoint = find_in_mover(session, Endpoint, "endpoint", mover, path)
        return _loaded(mover, endpoint, arm.endpoint_properties(endpoint))
    if kind == AGENT:
        agent = find_in_mover(session, Agent, "agent", mover, path)
        body = {"description": agent.description, "uploadLimitSchedule": agent.upload_limit_schedule or {}}
        return _loaded(mover, agent, body)
    if kind == PROJECT:
        project = find_in_mover(session, Project, "project", mover, path)
        inside = arm_reads.definition_count(session, project)
        return _loaded(mover, project, {"description": project.description})._replace(inside=inside)
    project, definition = find_definition(session, mover, path)
    source, target = session.get_one(Endpoint, definition.source_id), session.get_one(Endpoint, definition.target_id)
    properties = arm.definition_properties(definition, source, target)
    return _loaded(mover, definition, properties)._replace(project=project.name)


def _loaded(mover: StorageMover, found: object, properties: Mapping[str, object]) -> Loaded:
    from store.models import SystemData

    assert isinstance(found, SystemData)
    plain = {key: value for key, value in properties.items() if value is not None}
    name, found_id = getattr(found, "name", ""), getattr(found, "id", 0)
    return Loaded(found_id, mover.id, mover.name, name, plain, found.version, found.last_modified_by)


def _save_mover(tx: Write, change: Change, expect: Expect) -> Changed:
    from store.bodies import MoverProperties
    from store.resources.movers import put_mover

    tags = None if change.tags is None else dict(change.tags)
    body = _body(MoverProperties, change)
    put, mover = put_mover(tx, change.name, body, location=change.location, tags=tags, expect=expect)
    return Changed(str(put), mover.id, mover.name, mover.name, f"{_DONE[put]} the {change.words}.")


def _put(tx: Write, mover: StorageMover, change: Change, expect: Expect) -> tuple[Put, int]:
    """Put one resource of a mover."""
    from store import bodies
    from store.models import Agent, Project
    from store.resources.agents import update_agent
    from store.resources.common import find_in_mover
    from store.resources.definitions import put_definition
    from store.resources.endpoints import put_endpoint
    from store.resources.projects import put_connection, put_project

    match change.kind:
        case "endpoint":
            put, endpoint = put_endpoint(tx, mover, change.name, _body(bodies.EndpointBody, change), expect=expect)
            return put, endpoint.id
        case "project":
            put, project = put_project(tx, mover, change.name, _body(bodies.ProjectProperties, change), expect=expect)
            return put, project.id
        case "agent":
            agent = find_in_mover(tx.session, Agent, "agent", mover, change.name)
            return update_agent(tx, mover, agent, _body(bodies.AgentProperties, change), expect=expect), agent.id
        case "connection":
            body = _body(bodies.ConnectionProperties, change)
            put, connection = put_connection(tx, mover, change.name, body, expect=expect)
            return put, connection.id
        case _:
            project = find_in_mover(tx.session, Project, "project", mover, change.project)
            put, definition = put_definition(
                tx, mover, project, change.name, _body(bodies.DefinitionProperties, change), expect=expect
            )
            return put, definition.id


def _clone_project(tx: Write, mover: StorageMover, change: Change) -> tuple[Put, int, str]:
    """Make a project with the definitions of another."""
    from store.bodies import ProjectProperties
    from store.models import Project
    from store.resources.cloning import clone_project
    from store.resources.common import Put, find_in_mover

    like = find_in_mover(tx.session, Project, "project", mover, change.like)
    body = _body(ProjectProperties, change)
    made, count = clone_project(tx, mover, like, change.name, body, definitions=True)
    return Put.CREATED, made.id, f" with {count:,} job definition{'' if count == 1 else 's'}"


def _body(model: type[Body], change: Change) -> Body:
    """The body that the properties are; the first thing wrong with them is the refusal."""
    from pydantic import ValidationError

    from store.complaints import complaints

    try:
        return model.model_validate(dict(change.properties))
    except ValidationError as error:
        words = complaints(error)[0].words
        raise InvalidInput(f"The {WORDS.get(change.kind, change.kind)} cannot be so: {words}.") from error
