"""The audit: what happened, to what and by whom, of everything or of one thing, on both kinds of store."""

from __future__ import annotations

import pytest

from store.execution.claims import finish_run
from store.queries import events
from store.queries.events import AuditRow
from store.queries.scope import Scope
from store.queries.window import Page, complete, further
from store.vocabulary import JobRunStatus
from tests.store.world import World


def told(world: World, scope: Scope | None = None, text: str = "", page: Page | None = None) -> list[AuditRow]:
    with world.reader() as reader:
        return complete(lambda one: events.events(reader, scope, one, text=text), page or Page()).rows


def words(world: World, scope: Scope | None = None, text: str = "") -> list[tuple[str, str]]:
    return [(row.path, row.action) for row in told(world, scope, text)]


def number(world: World, table: str, name: str) -> int:
    return int(world.sql(f"SELECT id FROM {table} WHERE name = '{name}'")[0][0])


@pytest.fixture
def story(world: World) -> World:
    """Two projects with a definition each, of which one ran twice and its latest run failed."""
    identity, claim = world.claimed()
    world.define("media", project="HR")
    world.call(identity, finish_run, claim, JobRunStatus.SUCCEEDED, code="", message="", target="")
    world.clock.advance(1_000)
    world.start()
    again = world.claim(identity)
    assert again is not None
    world.call(identity, finish_run, again, JobRunStatus.FAILED, code="AZSM1003", message="it was shut", target="/to")
    return world


def test_everything_is_told_newest_first(story: World) -> None:
    rows = told(story)
    assert [row.id for row in rows] == sorted((row.id for row in rows), reverse=True)
    assert (rows[0].path, rows[0].action, rows[0].actor, rows[0].kind) == (
        "hr/home#2", "Failed", "agent/dock-1", "job_run",
    )  # fmt: skip
    assert rows[0].at == story.clock.now()
    assert "it was shut" in rows[0].detail
    assert [row.path for row in rows][-1] == "nas"
    assert all(row.there for row in rows)
    assert {row.mover for row in rows} == {"nas"}


def test_a_mover_tells_of_all_in_it_and_of_no_other(story: World) -> None:
    before = told(story)
    story.mover("san")
    assert told(story, Scope("mover", number(story, "storage_mover", "nas"))) == before
    assert words(story, Scope("mover", number(story, "storage_mover", "san"))) == [("san", "created")]


def test_a_definition_tells_of_its_runs_too(story: World) -> None:
    found = words(story, Scope("definition", number(story, "job_definition", "home")))
    first = [action for path, action in found if path == "hr/home#1"]
    assert (first[0], first[-1]) == ("Succeeded", "queued")
    assert found[0] == ("hr/home#2", "Failed")
    assert found[-1] == ("hr/home", "created")
    assert {path for path, _ in found} == {"hr/home", "hr/home#1", "hr/home#2"}


def test_a_project_tells_of_what_is_below_it_by_its_very_name(story: World) -> None:
    """``hr`` is another project than ``HR``."""
    assert words(story, Scope("project", number(story, "project", "HR"))) == [
        ("HR/media", "created"),
        ("HR", "created"),
    ]
    assert {path for path, _ in words(story, Scope("project", number(story, "project", "hr")))} == {
        "hr", "hr/home", "hr/home#1", "hr/home#2",
    }  # fmt: skip


def test_an_agent_and_an_endpoint_tell_of_themselves(story: World) -> None:
    assert words(story, Scope("agent", number(story, "agent", "dock-1"))) == [
        ("dock-1", "online"),
        ("dock-1", "registered"),
    ]
    assert words(story, Scope("endpoint", number(story, "endpoint", "home-to"))) == [("home-to", "created")]


def test_what_is_gone_is_still_told_of(story: World) -> None:
    from store.models import Project
    from store.resources.common import find_definition, find_in_mover
    from store.resources.definitions import delete_definition

    gone = number(story, "job_definition", "media")
    with story.mover_write() as (tx, mover):
        project = find_in_mover(tx.session, Project, "project", mover, "HR")
        delete_definition(tx, mover, project, find_definition(tx.session, mover, "HR/media")[1])
    for scope in (Scope("definition", gone), Scope("project", number(story, "project", "HR"))):
        rows = [row for row in told(story, scope) if row.kind == "job_definition"]
        assert [(row.path, row.action, row.there) for row in rows] == [
            ("HR/media", "deleted", False),
            ("HR/media", "created", False),
        ]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("shut", [("hr/home#2", "Failed")]),
        ("SUCCEEDED", [("hr/home#1", "Succeeded")]),
        ("%", []),
        ("_", []),
        ("nothing has this", []),
    ],
)
def test_a_text_is_looked_for_everywhere_in_an_event(story: World, text: str, found: list[tuple[str, str]]) -> None:
    if story.store.dialect == "postgresql" and text.isupper():
        return  # there LIKE heeds case, in every list
    for scope in (None, Scope("mover", 1), Scope("definition", number(story, "job_definition", "home"))):
        assert words(story, scope, text) == found


@pytest.mark.parametrize("kind", ["everything", "mover", "project", "definition", "run"])
@pytest.mark.parametrize("text", ["", "dock-1"])
def test_windows_meet_and_searches_go_on(story: World, kind: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever few rows an answer may look at, and from wherever: never an event twice or missing."""
    scope = {
        "everything": None,
        "mover": Scope("mover", number(story, "storage_mover", "nas")),
        "project": Scope("project", number(story, "project", "hr")),
        "definition": Scope("definition", number(story, "job_definition", "home")),
        "run": Scope("run", 1),
    }[kind]
    full = told(story, scope, text, Page(limit=1_000))
    assert full
    monkeypatch.setattr(events, "EVENTS_AT_ONCE", 3)
    for limit in (1, 2, 5):
        assert told(story, scope, text, Page("start", None, limit)) == full[:limit]
        assert told(story, scope, text, Page("end", None, limit)) == full[-limit:]
        for at, row in enumerate(full):
            key = events.event_key(row)
            assert told(story, scope, text, Page("after", key, limit)) == full[at + 1 : at + 1 + limit]
            assert told(story, scope, text, Page("before", key, limit)) == full[max(0, at - limit) : at]
        around = Page("around", events.event_key(full[len(full) // 2]), 4)
        with story.reader() as reader:
            window = events.events(reader, scope, around, text=text)
        assert full[len(full) // 2] in window.rows
        assert further(window, around) is None or text or kind == "project"
