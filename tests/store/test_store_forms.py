"""What forms and commands ask of the store: to make or to change, not to overwrite another's change, to copy."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlmodel import select

from store.bodies import AgentProperties, DefinitionProperties, EndpointBody, MoverProperties, ProjectProperties
from store.errors import Conflict, InvalidInput, NotFound
from store.models import Agent, Event, Project
from store.pairs import check_pair
from store.queries.completion import (
    Writer,
    definition_count,
    endpoint_places,
    mover_id_of,
    names_from,
    writers,
)
from store.resources.agents import update_agent
from store.resources.cloning import clone_project
from store.resources.common import Expect, Put, find_definition, find_in_mover
from store.resources.definitions import put_definition
from store.resources.endpoints import put_endpoint
from store.resources.movers import put_mover
from store.resources.projects import put_connection, put_project
from store.vocabulary import EndpointKind
from tests.store.world import World

NEW, THERE = Expect(exists=False), Expect(exists=True)
LOCAL = EndpointBody.model_validate({"endpointType": "LocalPath", "path": "/from/nas/hr/home"})


def test_what_is_to_be_made_must_not_be_there(world: World) -> None:
    world.define()
    world.connection("link")
    with world.mover_write() as (tx, mover):
        project = find_in_mover(tx.session, Project, "project", mover, "hr")
        body = {"copyMode": "Mirror", "sourceName": "home-from", "targetName": "home-to"}
        definition = DefinitionProperties.model_validate(body)
        calls: list[Callable[[Expect], tuple[Put, object]]] = [
            lambda expect: put_mover(tx, "nas", MoverProperties(), expect=expect),
            lambda expect: put_project(tx, mover, "hr", ProjectProperties(), expect=expect),
            lambda expect: put_endpoint(tx, mover, "home-from", LOCAL, expect=expect),
            lambda expect: put_definition(tx, mover, project, "home", definition, expect=expect),
        ]
        for call in calls:
            with pytest.raises(Conflict, match="already: choose another name") as refusal:
                call(NEW)
            assert refusal.value.code == "NameTaken"
            assert call(THERE)[0] == Put.UNCHANGED


def test_what_is_to_be_changed_must_be_there(world: World) -> None:
    world.mover()
    with world.mover_write() as (tx, mover):
        from store.bodies import ConnectionProperties

        link = ConnectionProperties(private_link_service_id="/s")
        for call in (
            lambda: put_mover(tx, "other", MoverProperties(), expect=THERE),
            lambda: put_project(tx, mover, "hr", ProjectProperties(), expect=THERE),
            lambda: put_endpoint(tx, mover, "e", LOCAL, expect=THERE),
            lambda: put_connection(tx, mover, "link", link, expect=THERE),
        ):
            with pytest.raises(NotFound, match="it was deleted, or make it first"):
                call()


def test_another_admins_change_is_not_overwritten(world: World) -> None:
    world.mover()
    world.project()
    with world.mover_write() as (tx, mover):
        version = find_in_mover(tx.session, Project, "project", mover, "hr").version
    with world.mover_write(actor="ben") as (tx, mover):
        put_project(tx, mover, "hr", ProjectProperties(description="his"), expect=Expect(True, version))
    with (
        pytest.raises(Conflict, match="was changed by ben meanwhile") as refusal,
        world.mover_write() as (tx, mover),
    ):
        put_project(tx, mover, "hr", ProjectProperties(description="mine"), expect=Expect(True, version))
    assert refusal.value.code == "ChangedMeanwhile"


def test_an_agent_is_described_with_an_event(world: World) -> None:
    world.mover()
    world.register("dock-1")
    recurrence = {"days": ["Monday"], "startTime": {"hour": 8}, "endTime": {"hour": 18}, "limitInMbps": 50}
    body = AgentProperties.model_validate(
        {"description": "In the basement", "uploadLimitSchedule": {"weeklyRecurrences": [recurrence]}}
    )
    with world.mover_write() as (tx, mover):
        agent = find_in_mover(tx.session, Agent, "agent", mover, "dock-1")
        assert update_agent(tx, mover, agent, body) == Put.CHANGED
        assert update_agent(tx, mover, agent, body) == Put.UNCHANGED
        with pytest.raises(Conflict):
            update_agent(tx, mover, agent, AgentProperties(), expect=Expect(True, agent.version - 1))
    with world.store.read() as session:
        agent = session.exec(select(Agent)).one()
        assert agent.upload_limit_schedule is not None
        assert agent.upload_limit_schedule["weeklyRecurrences"][0]["endTime"] == {"hour": 18, "minute": 0}
        event = session.exec(select(Event).where(Event.action == "changed")).one()
        assert (event.kind, event.resource, event.detail) == (
            "agent", "nas/agents/dock-1", "description, upload_limit_schedule")  # fmt: skip
    with world.mover_write() as (tx, mover):
        update_agent(tx, mover, find_in_mover(tx.session, Agent, "agent", mover, "dock-1"), AgentProperties())
    with world.store.read() as session:
        assert session.exec(select(Agent)).one().upload_limit_schedule is None


@pytest.mark.parametrize(
    ("recurrences", "words"),
    [
        ([(["Monday"], 9, 8, 1)], "end later in the day"),
        ([(["Monday", "Monday"], 8, 9, 1)], "names a day twice"),
        ([(["Monday"], 8, 10, 1), (["Sunday", "Monday"], 9, 11, 2)], "overlap on Monday"),
        ([(["Monday"], 8, 25, 1)], "less than or equal to 24"),
        ([([], 8, 9, 1)], "at least 1 item"),
        ([(["Monday"], 8, 9, -1)], "greater than or equal to 0"),
    ],
)
def test_upload_limits_keep_arms_rules(recurrences: list[tuple[list[str], int, int, int]], words: str) -> None:
    body = [
        {"days": days, "startTime": {"hour": start}, "endTime": {"hour": end}, "limitInMbps": limit}
        for days, start, end, limit in recurrences
    ]
    with pytest.raises(ValueError, match=words):
        AgentProperties.model_validate({"uploadLimitSchedule": {"weeklyRecurrences": body}})


def test_a_project_is_copied_with_its_definitions_and_without_their_history(world: World) -> None:
    world.define(filters={"exclude": ["*.tmp"]}, targetSubpath="x")
    world.define("second", copyMode="Additive")
    with world.mover_write() as (tx, mover):
        project = find_in_mover(tx.session, Project, "project", mover, "hr")
        made, count = clone_project(tx, mover, project, "wave-2", ProjectProperties(), definitions=True)
        assert (made.name, count) == ("wave-2", 2)
        _, alone = clone_project(tx, mover, project, "alone", ProjectProperties(), definitions=False)
        assert alone == 0
        with pytest.raises(Conflict):
            clone_project(tx, mover, project, "wave-2", ProjectProperties(), definitions=True)
    with world.mover_write() as (tx, mover):
        _, one = find_definition(tx.session, mover, "hr/home")
        _, other = find_definition(tx.session, mover, "wave-2/home")
        kept = ("source_id", "target_id", "target_subpath", "copy_mode", "settings", "description")
        assert [getattr(one, name) for name in kept] == [getattr(other, name) for name in kept]
        assert (other.run_count, other.source_identity, other.version) == (0, "", 1)


def test_names_are_completed_by_their_beginning(world: World) -> None:
    world.define()
    world.register("dock-1")
    world.mover("other")
    world.endpoint("home-else", mover="other", path="/else")
    with world.reader() as reader:
        nas = mover_id_of(reader, "nas")
        assert nas is not None
        assert mover_id_of(reader, "none") is None
        assert names_from(reader, "endpoint", nas, "home-", 10) == ["home-from", "home-to"]
        assert names_from(reader, "endpoint", nas, "", 1) == ["home-from"]
        assert names_from(reader, "endpoint", nas, "HOME", 10) == []
        assert names_from(reader, "endpoint", nas, "' OR 1 --", 10) == []
        assert names_from(reader, "agent", nas, "d", 10) == ["dock-1"]
        assert names_from(reader, "project", nas, "h", 10) == ["hr"]
        assert names_from(reader, "mover", 0, "", 10) == ["nas", "other"]


def test_what_a_form_asks_of_both_ends(world: World) -> None:
    world.define(targetSubpath="x")
    world.endpoint("out", path="/out", endpointKind="Target", description="[/red]")
    with world.reader() as reader:
        nas = mover_id_of(reader, "nas")
        assert nas is not None
        found = endpoint_places(reader, nas, ["out", "none", "home-to", "a b"])
        assert set(found) == {"out", "home-to"}
        assert found["out"].endpoint_kind == EndpointKind.TARGET
        assert found["home-to"].endpoint_kind is None
        assert writers(reader, nas, "home-to", 10) == [Writer("hr/home", "Mirror", "x")]
        assert writers(reader, nas, "home-from", 10) == []
        assert definition_count(reader, 1) == 1
        with pytest.raises(InvalidInput, match="choose another source"):
            check_pair(found["out"], "", found["home-to"], "")
        with pytest.raises(InvalidInput, match="overlap"):
            check_pair(found["home-to"], "a", found["home-to"], "a/b")
        check_pair(found["home-to"], "a", found["home-to"], "ab")


def test_no_look_up_of_a_form_reads_a_whole_table(world: World) -> None:
    """Beginnings are found by the index of the names, so that a form is as quick in a large store."""
    world.define()
    with world.reader() as reader:
        if reader.dialect != "sqlite":
            return
        for table in ("agent", "endpoint", "project"):
            plan = reader.rows(
                f"EXPLAIN QUERY PLAN SELECT name FROM {table} WHERE mover_id = 1 AND name >= 'a' AND name < 'b' "
                "ORDER BY name LIMIT 20"
            )
            assert all("SEARCH" in row[3] and "USING COVERING INDEX" in row[3] for row in plan), [
                row[3] for row in plan
            ]
        plan = reader.rows(
            "EXPLAIN QUERY PLAN SELECT d.project_name FROM endpoint e CROSS JOIN job_definition d WHERE e.mover_id = 1 "
            "AND e.name = 'x' AND d.target_id = e.id ORDER BY d.project_name, d.name LIMIT 50"
        )
        assert not [row[3] for row in plan if "SCAN" in row[3]]
