"""The wizard of a job definition, and its form, by keys alone."""

from __future__ import annotations

from typing import Any

import pytest
from textual.pilot import Pilot

from store.arm_reads import definitions
from store.bodies import DefinitionProperties, EndpointBody
from store.resources.common import find_definition, find_mover
from store.resources.definitions import put_definition
from store.resources.endpoints import put_endpoint
from tests.tui.driving import app_of, until
from tests.tui.sample_store import SampleStore
from tui.widgets.form_lines import FormLines
from tui.widgets.text_field import TextField

pytestmark = pytest.mark.anyio


async def at_definitions(pilot: Pilot[int]) -> None:
    """Put the cursor on nas1-migration/engineering."""
    await until(pilot, "Runs of engineering")
    await pilot.press("3")
    await until(pilot, "Running #1")


def properties(sample: SampleStore, path: str) -> dict[str, Any]:
    with sample.store.read() as session:
        mover = find_mover(session, None)
        found: dict[str, Any] = next(definitions(session, mover, *find_definition(session, mover, path)))["properties"]
        return found


async def test_the_wizard_from_basics_to_review(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=(80, 24)) as pilot:
        await at_definitions(pilot)
        await pilot.press("n")
        text = await until(pilot, "[1 Basics] › 2 Source › 3 Target › 4 Settings › 5 Review")  # noqa: RUF001
        assert "nas1-migration" in text
        await pilot.press(*"hr-new", "enter", *"All of it", "enter", "enter")
        await until(pilot, "[2 Source]")
        await until(pilot, "archive  nas1-eng  nas1-hr")
        await pilot.press(*"nas1-h")
        await until(pilot, lambda: app.screen.query_one(TextField)._suggestion == "nas1-hr")
        await pilot.press("right", "enter", *"/home/")
        await until(pilot, "That is  LocalPath /mnt/nas1/hr/home")
        await pilot.press("enter")
        await until(pilot, "[3 Target]")
        await pilot.press(*"nas2-hr", "enter", *"new", "enter")
        text = await until(pilot, "[4 Settings]")
        assert "only in the target      kept          DELETED" in text
        assert "[Additive]" in text
        await pilot.press("m", "down", *"dock-9")
        await until(pilot, "No agent of that name is registered with 'nas-exit'")
        await pilot.press(*["backspace"], *"2")
        await until(pilot, "No agent of that name", absent=True)
        await pilot.press("ctrl+s")
        text = await until(pilot, "[5 Review]")
        assert "nas1-hr/home   LocalPath /mnt/nas1/hr/home" in text
        assert "Mirror: it DELETES from the target what the source has not" in text
        assert "Nothing is deleted if more than 25 % or 10,000 of the target's" in text
        assert "'Trash' keeps it on the target" in text
        await pilot.press("enter")
        await until(pilot, "Created the job definition 'nas1-migration/hr-new'.")
    found = properties(sample, "nas1-migration/hr-new")
    assert (found["sourceName"], found["sourceSubpath"]) == ("nas1-hr", "home")
    assert (found["targetName"], found["targetSubpath"]) == ("nas2-hr", "new")
    assert (found["copyMode"], found["agentName"], found["description"]) == ("Mirror", "dock-2", "All of it")


async def test_back_and_forth_loses_nothing(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=(80, 24)) as pilot:
        await at_definitions(pilot)
        await pilot.press("n")
        await until(pilot, "[1 Basics]")
        await pilot.press(*"keep-me", "pagedown", *"nas1-hr", "pagedown", "pagedown")
        text = await until(pilot, "[4 Settings]")
        assert "3 Target ✗" in text
        await pilot.press("pageup", "pageup")
        assert "nas1-hr" in await until(pilot, "[2 Source]")
        await pilot.press("pageup")
        assert "keep-me" in await until(pilot, "[1 Basics]")
        await pilot.press("pageup", "pagedown", "pagedown", *"nas2-hr", "pagedown", "pagedown", "pagedown")
        assert "nas1-migration/keep-me" in await until(pilot, "[5 Review]")


async def test_what_is_missing_is_gone_to(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=(80, 24)) as pilot:
        await at_definitions(pilot)
        await pilot.press("n")
        await until(pilot, "[1 Basics]")
        await pilot.press(*"hr-new", "pagedown", *"nas1-hr", "ctrl+s")
        text = await until(pilot, "[3 Target]")
        assert "'targetName' is missing: add it." in text
        assert "correct what is marked first" in text


async def test_places_inside_one_another_are_refused_while_one_types(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=(80, 24)) as pilot:
        await at_definitions(pilot)
        await pilot.press("n")
        await until(pilot, "[1 Basics]")
        await pilot.press(*"x", "pagedown", *"nas1-hr", "pagedown", *"nas1-hr")
        await until(pilot, "overlap: choose places that are not")
        await pilot.press("tab", *"..")
        await until(pilot, "must not hold '..'")
        await pilot.press("shift+tab", "ctrl+u", *"nas3", "tab")
        await until(pilot, "There is no endpoint 'nas3' in 'nas-exit'")


async def test_an_endpoint_of_the_wrong_kind_is_refused_while_one_types(sample: SampleStore) -> None:
    with sample.store.write("user/ana") as tx:
        body = {"endpointType": "LocalPath", "path": "/ro", "endpointKind": "Source"}
        put_endpoint(tx, find_mover(tx.session, None), "only-read", EndpointBody.model_validate(body))
    app = app_of(sample)
    async with app.run_test(size=(80, 24)) as pilot:
        await at_definitions(pilot)
        await pilot.press("n")
        await until(pilot, "[1 Basics]")
        await pilot.press("pagedown", "pagedown", *"only-read")
        await until(pilot, "is of kind Source: choose")


async def test_the_review_warns_of_what_a_mirror_would_undo(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=(80, 24)) as pilot:
        await at_definitions(pilot)
        await pilot.press("n")
        await until(pilot, "[1 Basics]")
        await pilot.press(*"x", "pagedown", *"archive", "pagedown", *"nas2-hr", "pagedown", "m", "pagedown")
        text = await until(pilot, "[5 Review]")
        assert "'hr-shares/hr-archive' writes there, too: this Mirror would delete what" in text
        await pilot.press("pageup", "pageup", "ctrl+u", *"payroll-blob", "pagedown", "pagedown")
        await until(pilot, "Permissions and owners become metadata that nothing")


async def test_a_long_review_scrolls(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=(80, 16)) as pilot:
        await at_definitions(pilot)
        await pilot.press("n")
        await until(pilot, "[1 Basics]")
        await pilot.press(*"x", "pagedown", *"archive", "pagedown", *"payroll-blob", "pagedown", "m", "pagedown")
        await until(pilot, "[5 Review]")
        await pilot.press(*["down"] * 14)
        await until(pilot, lambda: app.screen.query_one(FormLines).top > 3)
        await until(pilot, "on the target.")
        await pilot.press(*["up"] * 14)
        await until(pilot, "Makes")


async def test_a_definition_changes_its_settings_and_not_its_places(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=(80, 24)) as pilot:
        await at_definitions(pilot)
        await pilot.press("e")
        text = await until(pilot, "Change the job definition 'nas1-migration/engineering'")
        assert "fixed: a clone of it may have another" in text
        await pilot.press("down", "right")
        await until(pilot, "[Mirror]")
        await pilot.press("down", "ctrl+u", *"dock-2", "ctrl+s")
        await until(pilot, "Changed the job definition 'nas1-migration/engineering'.")
    found = properties(sample, "nas1-migration/engineering")
    assert (found["copyMode"], found["agentName"], found["sourceName"]) == ("Mirror", "dock-2", "nas1-eng")


async def test_every_setting_can_be_typed_and_comes_back(sample: SampleStore) -> None:
    body = {
        "copyMode": "Additive", "sourceName": "nas1-eng", "targetName": "nas2-eng", "agentName": "dock-1",
        "filters": {"include": ["*.a b", "c'd"], "exclude": ["\\!x"], "minSize": 1, "maxSize": 9, "minAge": "1h",
                    "maxAge": "5w"},
        "compare": "checksum", "durability": "everyFile", "trash": True, "preservePermissions": False,
        "dataIntegrityValidation": "SaveFileMD5", "connections": ["one", "two"],
        "guards": {"maxDeletePercent": 5, "maxDeletes": 6, "minSourcePercent": 7},
        "schedule": {"frequency": "Weekly", "isActive": True, "executionTime": {"hour": 2, "minute": 30},
                     "startDate": "2026-12-01T20:00:00Z", "daysOfWeek": ["Monday", "Friday"], "daysOfMonth": [1, 31]},
    }  # fmt: skip
    with sample.store.write("user/ana") as tx:
        mover = find_mover(tx.session, None)
        project, _ = find_definition(tx.session, mover, "nas1-migration/engineering")
        put_definition(tx, mover, project, "engineering", DefinitionProperties.model_validate(body))
    before = properties(sample, "nas1-migration/engineering")
    app = app_of(sample)
    async with app.run_test(size=(160, 45)) as pilot:
        await at_definitions(pilot)
        await pilot.press("e")
        text = await until(pilot, "Change the job definition")
        assert """'*.a b' 'c'"'"'d'""" in text
        await pilot.press(*"!", "ctrl+s")
        await until(pilot, "Changed the job definition")
    assert properties(sample, "nas1-migration/engineering") == {**before, "description": "!"}


async def test_a_copy_may_differ_in_everything(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=(80, 24)) as pilot:
        await at_definitions(pilot)
        await pilot.press("c")
        await until(pilot, "A copy of the job definition 'engineering'")
        await pilot.press(*"eng-2", "pagedown", "tab", *"cad", "pagedown", "ctrl+u", *"nas2-hr", "ctrl+s")
        await until(pilot, "[5 Review]")
        await pilot.press("ctrl+s")
        await until(pilot, "Created the job definition 'nas1-migration/eng-2'.")
    found = properties(sample, "nas1-migration/eng-2")
    assert (found["sourceName"], found["sourceSubpath"], found["targetName"]) == ("nas1-eng", "cad", "nas2-hr")
    assert found["agentName"] == "dock-1"


async def test_another_admins_setting_is_taken_where_nothing_was_typed(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=(80, 24)) as pilot:
        await at_definitions(pilot)
        await pilot.press("e")
        await until(pilot, "Change the job definition")
        await pilot.press(*"mine")
        with sample.store.write("user/ben") as tx:
            mover = find_mover(tx.session, None)
            project, _ = find_definition(tx.session, mover, "nas1-migration/engineering")
            body = {"copyMode": "Mirror", "sourceName": "nas1-eng", "targetName": "nas2-eng", "agentName": "dock-1"}
            put_definition(tx, mover, project, "engineering", DefinitionProperties.model_validate(body))
        await pilot.press("ctrl+s")
        text = await until(pilot, "user/ben set it to 'Mirror' meanwhile.")
        assert "[Mirror]" in text
        await pilot.press("ctrl+s")
        await until(pilot, "Changed the job definition")
    found = properties(sample, "nas1-migration/engineering")
    assert (found["copyMode"], found["description"]) == ("Mirror", "mine")


async def test_directories_below_an_endpoint_are_completed(sample: SampleStore) -> None:
    root = sample.place.path.parent / "tree"
    (root / "home" / "ana").mkdir(parents=True)
    with sample.store.write("user/ana") as tx:
        body = {"endpointType": "LocalPath", "path": str(root)}
        put_endpoint(tx, find_mover(tx.session, None), "here", EndpointBody.model_validate(body))
    app = app_of(sample)
    async with app.run_test(size=(80, 24)) as pilot:
        await at_definitions(pilot)
        await pilot.press("n")
        await until(pilot, "[1 Basics]")
        await pilot.press(*"x", "pagedown", *"here", "tab")
        await until(pilot, "home/  right takes it")
        await pilot.press("h")
        await until(pilot, lambda: app.screen.query_one(TextField)._suggestion == "home/")
        await pilot.press("right")
        await until(pilot, "ana/  right takes it")


async def test_an_agent_is_completed(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=(80, 24)) as pilot:
        await at_definitions(pilot)
        await pilot.press("e")
        await until(pilot, "Change the job definition")
        await pilot.press("down", "down", "ctrl+u", "d")
        await until(pilot, "dock-1  dock-2  right takes it, ctrl+n the next")
        await pilot.press("ctrl+n", "ctrl+n", "ctrl+s")
        await until(pilot, "Changed the job definition")
    assert properties(sample, "nas1-migration/engineering")["agentName"] == "dock-2"


async def test_a_run_that_goes_on_does_not_count_as_a_change(sample: SampleStore) -> None:
    """What the database keeps of a definition's runs is none of an admin's."""
    app = app_of(sample)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, "Runs of engineering")
        await pilot.press("3")
        await until(pilot, "Running #1")
        await pilot.press("e")
        await until(pilot, "Change the job definition")
        sample.cancel("nas1-migration/engineering#1")
        await pilot.press(*"mine", "ctrl+s")
        await until(pilot, "Changed the job definition")


async def test_the_store_out_of_reach_is_said_in_the_form(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=(80, 24)) as pilot:
        await at_definitions(pilot)
        await pilot.press("e")
        await until(pilot, "Change the job definition")
        away = sample.place.path.rename(sample.place.path.with_suffix(".away"))
        await pilot.press(*"mine", "ctrl+s")
        text = await until(pilot, "nothing was changed.")
        assert "mine" in text
        away.rename(sample.place.path)
        await pilot.press("ctrl+s")
        await until(pilot, "Change the job definition", absent=True)
    assert properties(sample, "nas1-migration/engineering")["description"] == "mine"
