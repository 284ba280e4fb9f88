"""Resources: what may change and what may not, what goes along and what is in the way, and who did it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlmodel import Session, select

from store.bodies import MoverProperties
from store.errors import Conflict, InvalidInput, LongshoreError, NotFound
from store.feed import head, since
from store.models import Agent, Connection, Endpoint, JobDefinition, Project
from store.resources.agents import unregister_agent
from store.resources.common import find_definition, find_in_mover, find_mover
from store.resources.definitions import delete_definition
from store.resources.endpoints import delete_endpoint
from store.resources.movers import delete_mover, put_mover
from store.resources.projects import delete_connection, delete_project
from store.resources.runs import find_run
from tests.store.world import World, refusal


def named(session: Session, model: Any, name: str) -> Any:
    return session.exec(select(model).where(model.name == name)).one()


def delete(world: World, what: Callable[..., None], *parts: tuple[Any, str], mover: str = "nas") -> None:
    with world.mover_write(mover) as (tx, parent):
        what(tx, parent, *(named(tx.session, model, name) for model, name in parts))


# What may change.


@pytest.mark.parametrize(
    ("word", "change"),
    [
        ("sourceName", {"sourceName": "home-to", "targetName": "other"}),
        ("targetName", {"targetName": "other"}),
        ("sourceSubpath", {"sourceSubpath": "a"}),
        ("targetSubpath", {"targetSubpath": "a"}),
        ("jobType", {"jobType": "CloudToCloud"}),
    ],
)
def test_where_a_definition_copies_cannot_change(world: World, word: str, change: dict[str, str]) -> None:
    """A Mirror whose source was edited would delete the old source's files."""
    world.define()
    world.endpoint("other", path="/other")
    before = world.dump()
    error = refusal(Conflict, lambda: world.define(**change))
    assert error.code == "LocationFixed"
    assert word in error.sentence
    assert world.dump() == before


@pytest.mark.parametrize(
    ("field", "change", "value"),
    [
        ("description", {"description": "x"}, "x"),
        ("copy_mode", {"copyMode": "Additive"}, "Additive"),
        ("agent_name", {"agentName": "dock-9"}, "dock-9"),
        ("connections", {"connections": ["pe"]}, ["pe"]),
        ("data_integrity_validation", {"dataIntegrityValidation": "SaveFileMD5"}, "SaveFileMD5"),
        ("preserve_permissions", {"preservePermissions": False}, False),
        (
            "schedule",
            {"schedule": {"frequency": "Daily"}},
            {"frequency": "Daily", "isActive": False, "daysOfWeek": [], "daysOfMonth": []},
        ),
    ],
)
def test_how_a_definition_copies_may_change(world: World, field: str, change: dict[str, Any], value: object) -> None:
    """Each change is stamped with who and when, and told as an event that names the property."""
    world.define()
    made = world.definition()
    world.clock.advance(1_000)
    world.define(**change)
    found = world.definition()
    assert getattr(found, field) == value
    assert (found.version, found.last_modified_at) == (made.version + 1, made.created_at + 1_000)
    event = world.events("job_definition")[-1]
    assert (event.action, event.detail, event.actor) == ("changed", field, "ann")
    assert event.at == made.created_at + 1_000


@pytest.mark.parametrize(
    "change",
    [{"path": "/elsewhere"}, {"endpointType": "NfsMount", "host": "h", "export": "/x"}],
)
def test_the_location_of_an_endpoint_cannot_change(world: World, change: dict[str, str]) -> None:
    world.mover()
    world.endpoint("one", path="/x")
    before = world.dump()
    error = refusal(Conflict, lambda: world.endpoint("one", **change))
    assert error.code == "LocationFixed"
    assert "/x" in error.sentence
    assert world.dump() == before


def test_the_kind_of_an_endpoint_cannot_change(world: World) -> None:
    """A Source that became a Target would be written to by nobody's decision; ARM fixes it at creation too."""
    world.mover()
    world.endpoint("one", path="/x", endpointKind="Source")
    assert refusal(Conflict, lambda: world.endpoint("one", path="/x", endpointKind="Target")).code == "KindFixed"
    world.endpoint("one", path="/x", description="still")
    with world.store.read() as session:
        assert named(session, Endpoint, "one").endpoint_kind == "Source"


def test_the_description_and_credential_reference_of_an_endpoint_may_change(world: World) -> None:
    world.mover()
    smb = {"endpointType": "SmbMount", "host": "h", "shareName": "s"}
    world.endpoint("one", **smb)
    world.endpoint("one", **smb, description="d", credentials={"usernameUri": "env:U"})
    with world.store.read() as session:
        found = named(session, Endpoint, "one")
    assert found.description == "d"
    assert found.properties["credentials"]["usernameUri"] == "env:U"


def test_a_bucket_that_changed_is_shown_and_compared_as_what_it_is(world: World) -> None:
    """ARM lets a connector's bucket change: the place in lists and the key for overlaps change with it."""
    world.mover()
    connector = {"endpointType": "AzureMultiCloudConnector", "multiCloudConnectorId": "/c"}
    world.endpoint("one", **connector, awsS3BucketId="/buckets/old")
    world.endpoint("one", **connector, awsS3BucketId="/buckets/new")
    with world.store.read() as session:
        found = named(session, Endpoint, "one")
    assert (found.place, found.location_key) == ("new", "connector:/buckets/new")


def test_a_connection_leads_where_it_led(world: World) -> None:
    world.mover()
    world.connection("pe")
    assert refusal(Conflict, lambda: world.connection("pe", service="/other")).code == "LocationFixed"


def test_a_mover_stays_where_it_is(world: World) -> None:
    """ARM fixes a mover's location when it is made: another one is refused, and not dropped in silence."""
    with world.write() as tx:
        put_mover(tx, "nas", MoverProperties(), location="rack-4", tags={"a": "1", "b": "2"})
        put_mover(tx, "nas", MoverProperties(), tags={"a": "1"})
        assert find_mover(tx.session, "nas").tags == {"a": "1"}
    with world.write() as tx:
        put_mover(tx, "nas", MoverProperties(), location="rack-4")

    def move() -> None:
        with world.write() as tx:
            put_mover(tx, "nas", MoverProperties(), location="rack-5")

    assert refusal(Conflict, move).code == "LocationFixed"


def test_names_are_unique_under_their_parent_only(world: World) -> None:
    """The same names may stand in two movers and two projects."""
    world.define("home")
    world.project("home")
    world.define("home", mover="san")
    assert world.definition("hr/home").id != world.definition("hr/home", "san").id


@pytest.mark.parametrize(
    ("source", "target", "subs"),
    [
        ("/srv/hr", "/srv/hr", {}),
        ("/srv", "/srv/hr", {}),
        ("/srv/hr", "/srv", {}),
        ("/srv", "/srv", {"sourceSubpath": "a", "targetSubpath": "a/b"}),
        ("/srv/a", "/srv", {"targetSubpath": "a/b"}),
        ("/", "/mnt", {}),
    ],
)
def test_source_and_target_may_not_overlap(world: World, source: str, target: str, subs: dict[str, str]) -> None:
    """Neither the same place, nor one inside the other, with their sub-paths."""
    error = refusal(InvalidInput, lambda: world.define(source=source, target=target, **subs))
    assert error.code == "SourceTargetOverlap"


def test_neighbours_do_not_overlap(world: World) -> None:
    world.define(source="/srv", target="/srv", sourceSubpath="a", targetSubpath="ab")


def test_an_endpoint_of_kind_target_is_no_source(world: World) -> None:
    target = {"path": "/x", "endpointKind": "Target"}
    assert "choose another source" in refusal(InvalidInput, lambda: world.define(source=target)).sentence
    source = {"path": "/y", "endpointKind": "Source"}
    assert "choose another target" in refusal(InvalidInput, lambda: world.define("b", target=source)).sentence


# What is in the way.


def test_a_mover_with_children_is_not_deleted(world: World) -> None:
    """The refusal counts what is in the way, a lone private connection too; without children it goes."""
    world.mover()
    world.connection("pe")
    before = world.dump()
    error = refusal(LongshoreError, lambda: delete(world, delete_mover))
    assert (error.code, error.exit_code) == ("HasChildren", 2)
    assert "1 connection" in error.sentence
    assert world.dump() == before
    world.define()
    world.register()
    sentence = refusal(Conflict, lambda: delete(world, delete_mover)).sentence
    assert "1 agent, 1 connection, 2 endpoints, 1 project" in sentence
    delete(world, delete_connection, (Connection, "pe"))
    delete(world, unregister_agent, (Agent, "dock-1"))
    delete(world, delete_project, (Project, "hr"))
    delete(world, delete_endpoint, (Endpoint, "home-from"))
    delete(world, delete_endpoint, (Endpoint, "home-to"))
    delete(world, delete_mover)
    left = {table for table, rows in world.dump().items() if rows}
    assert left - {"sqlite_sequence"} == {"alembic_version", "feed_state", "change", "event", "retention"}


@pytest.mark.parametrize("end", ["from", "to"])
def test_an_endpoint_that_a_definition_uses_is_not_deleted(world: World, end: str) -> None:
    world.define()
    error = refusal(Conflict, lambda: delete(world, delete_endpoint, (Endpoint, f"home-{end}")))
    assert error.code == "EndpointInUse"
    assert "'home'" in error.sentence


def test_what_runs_is_not_deleted_and_history_goes_along(world: World) -> None:
    """Project, definition and agent are refused while the run is active; then they take its history along."""
    identity, claim = world.claimed()
    for what, parts in (
        (delete_project, [(Project, "hr")]),
        (delete_definition, [(Project, "hr"), (JobDefinition, "home")]),
        (unregister_agent, [(Agent, "dock-1")]),
    ):
        before = world.dump()
        assert refusal(Conflict, lambda w=what, p=parts: delete(world, w, *p)).code == "RunsActive"  # type: ignore[misc]
        assert world.dump() == before
    world.cancel(claim.run_id)
    world.clock.advance(31_000)
    world.beat(identity)
    delete(world, delete_project, (Project, "hr"))
    left = world.dump()
    for table in ("project", "job_definition", "job_run", "run_progress", "run_lease", "access_grant", "run_item"):
        assert left[table] == [], table
    assert len(left["endpoint"]) == 2
    assert any(event.kind == "job_run" for event in world.events())


def test_a_run_outlives_its_agent(world: World) -> None:
    """Unregistering ends the trust; the history keeps the agent's name."""
    identity, claim = world.claimed()
    world.cancel(claim.run_id)
    world.clock.advance(31_000)
    world.beat(identity)
    delete(world, unregister_agent, (Agent, "dock-1"))
    run = world.run(claim.run_id)
    assert (run.agent_id, run.agent_name, run.status) == (None, "dock-1", "Canceled")


@pytest.mark.parametrize("reference", ["pe", "/subscriptions/s/storageMovers/nas/connections/pe"])
def test_a_connection_that_a_run_uses_is_not_deleted(world: World, reference: str) -> None:
    """Whether the definition names it, or refers to it by its ARM id as ARM's own definitions do."""
    world.define(connections=[reference])
    world.connection("pe")
    world.agent()
    run_id = world.start()
    assert refusal(Conflict, lambda: delete(world, delete_connection, (Connection, "pe"))).code == "RunsActive"
    world.cancel(run_id)
    delete(world, delete_connection, (Connection, "pe"))


# Names that are asked for.


def test_what_does_not_exist_is_answered_with_what_does(world: World) -> None:
    """Each kind of name is looked up by its own rule and answered with a hint."""
    with world.store.read() as session:
        assert "apply" in refusal(NotFound, lambda: find_mover(session, None)).sentence
    world.define()
    with world.store.read() as session:
        mover = find_mover(session, None)
        for call, hint in (
            (lambda: find_mover(session, "naz"), "did you mean 'nas'?"),
            (lambda: find_mover(session, "\udcff"), "there is nas."),
            (lambda: find_in_mover(session, Endpoint, "endpoint", mover, "home-form"), "'home-from'"),
            (lambda: find_definition(session, mover, "hr/hame"), "'home'"),
            (lambda: find_run(session, mover, "hr/home"), "has not run yet"),
            (lambda: find_run(session, mover, "hr/home#3"), "no run #3"),
            (lambda: find_run(session, mover, "hr/home#99999999999999999999999"), "no run"),
        ):
            assert hint in refusal(NotFound, call).sentence
        for path in ("home", "hr/", "/home", "hr/home/x/y", "hr/home#x", "hr/home#²"):
            refusal(LongshoreError, lambda path=path: find_run(session, mover, path))  # type: ignore[misc]
    world.mover("san")
    with world.store.read() as session:
        assert "--mover" in refusal(InvalidInput, lambda: find_mover(session, None)).sentence


# Who, when, what.


def test_every_change_is_an_event_and_in_the_feed(world: World) -> None:
    """Creating, changing and deleting each resource: who, when and what; and a feed row for the row itself."""
    world.mover()
    smb = {"endpointType": "SmbMount", "host": "h", "shareName": "s"}
    steps: list[tuple[str, str, str, Callable[[], object]]] = [
        ("storage_mover", "U", "changed", lambda: world.mover(description="d")),
        ("project", "I", "created", lambda: world.project("p")),
        ("project", "U", "changed", lambda: world.project("p", description="d")),
        ("project", "D", "deleted", lambda: delete(world, delete_project, (Project, "p"))),
        ("endpoint", "I", "created", lambda: world.endpoint("e", **smb)),
        ("endpoint", "U", "changed", lambda: world.endpoint("e", **smb, description="d")),
        ("endpoint", "D", "deleted", lambda: delete(world, delete_endpoint, (Endpoint, "e"))),
        ("connection", "I", "created", lambda: world.connection("c")),
        ("connection", "D", "deleted", lambda: delete(world, delete_connection, (Connection, "c"))),
        ("agent", "I", "registered", world.register),
        ("agent", "U", "online", world.connect),
        ("agent", "D", "unregistered", lambda: delete(world, unregister_agent, (Agent, "dock-1"))),
        ("registration_token", "I", "token made", world.token),
        ("storage_mover", "I", "created", lambda: world.mover("m2")),
        ("storage_mover", "D", "deleted", lambda: delete(world, delete_mover, mover="m2")),
    ]
    for kind, op, action, step in steps:
        world.clock.advance(1_000)
        known = len(world.events())
        with world.reader() as reader:
            cursor = head(reader)
            step()
            told = {(change.kind, change.op) for change in since(reader, cursor).rows}
        assert (kind, op) in told, action
        assert ("event", "I") in told
        event = world.events()[-1]
        assert len(world.events()) > known
        assert (event.action, event.at) == (action, world.clock.now())
        assert event.actor in ("ann", "agent/dock-1")
        assert event.resource


def test_what_goes_along_is_in_the_feed_too(world: World) -> None:
    """The rows that a deleted project takes with it are told one by one: a screen drops exactly those."""
    world.define()
    world.agent()
    world.cancel(world.start())
    with world.reader() as reader:
        cursor = head(reader)
        delete(world, delete_project, (Project, "hr"))
        told = [(change.kind, change.op) for change in since(reader, cursor).rows if change.op == "D"]
    for expected, count in (("project", 1), ("job_definition", 1), ("job_run", 1), ("access_grant", 2)):
        assert told.count((expected, "D")) == count


def test_a_refused_change_leaves_no_event(world: World) -> None:
    """Event and change are one transaction: neither is there without the other."""
    world.define()
    known = len(world.events())

    def fail() -> None:
        with world.mover_write() as (tx, mover):
            tx.event("storage_mover", mover.id, "nas", "changed", mover_id=mover.id)
            raise Conflict("No.")

    refusal(Conflict, fail)
    assert len(world.events()) == known
