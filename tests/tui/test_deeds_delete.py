"""Deleting, by keys: what goes is named and counted, the worst is typed, and what is in the way is said."""

from __future__ import annotations

import threading

import pytest
from textual.pilot import Pilot

from store.errors import StoreUnavailable
from store.execution.trust import make_token, register_agent
from store.reader import Reader
from store.resources.common import find_definition, find_mover
from store.resources.runs import start_run
from tests.tui.dialogs import asked
from tests.tui.driving import app_of, until
from tests.tui.sample_store import FACTS, SampleStore
from tui.deed_commands import DeedCommands
from tui.deeds import Doomed
from tui.presentation.glyphs import ASCII
from tui.screens.confirm import ConfirmScreen
from tui.screens.definition import DefinitionScreen
from tui.screens.main import MainScreen
from tui.screens.typed_confirm import TypedConfirmScreen

pytestmark = pytest.mark.anyio
WIDE, NARROW = (160, 45), (80, 24)
SPARE = """
storageMovers:
  - name: nas-exit
    endpoints:
      - {name: spare-1, properties: {endpointType: LocalPath, path: /srv/spare-1}}
      - {name: spare-2, properties: {endpointType: LocalPath, path: /srv/spare-2}}
      - {name: spare-3, properties: {endpointType: LocalPath, path: /srv/spare-3}}
    projects:
      - {name: empty}
"""


@pytest.fixture
def spare(sample: SampleStore) -> SampleStore:
    """The sample with endpoints that nothing uses, and a project without definitions."""
    sample.apply(SPARE)
    return sample


def names(sample: SampleStore, table: str) -> list[str]:
    with Reader(sample.place, sample.clock) as reader:
        return [row[0] for row in reader.rows(f"SELECT name FROM {table} ORDER BY name")]


async def in_tree(pilot: Pilot[int], name: str) -> None:
    """The cursor of the tree on the node of that name, from the top."""
    await until(pilot, "payroll")
    await pilot.press("1", "g")
    for _ in range(40):
        if path_of(pilot) == name:
            return
        await pilot.press("j")
        await pilot.pause()
    raise AssertionError(f"the tree has no {name}")


async def in_list(pilot: Pilot[int], key: str, text: str) -> None:
    """A list of the whole mover with the focus, filtered."""
    await until(pilot, "Runs of engineering")
    await pilot.press("1", "g", key, "slash", *text, "enter")
    await until(pilot, f"/{text}")


def path_of(pilot: Pilot[int]) -> str:
    """What the keys act on."""
    screen = pilot.app.screen
    assert isinstance(screen, MainScreen)
    return "" if screen.subject is None else screen.subject.path


async def at(pilot: Pilot[int], path: str) -> None:
    """Until the keys act on that."""
    await until(pilot, lambda: path_of(pilot) == path)


async def test_an_endpoint_that_nothing_uses_goes_after_a_yes(spare: SampleStore) -> None:
    app = app_of(spare)
    async with app.run_test(size=WIDE) as pilot:
        await in_list(pilot, "2", "spare")
        await at(pilot, "spare-1")
        await pilot.press("j")
        await at(pilot, "spare-2")
        await pilot.press("ctrl+d")
        text = await until(pilot, "Delete the endpoint 'spare-2'?")
        assert "The files there stay as they are." in text
        await pilot.press("enter")
        await until(pilot, "Delete the endpoint", absent=True)
        assert "spare-2" in names(spare, "endpoint"), "the default is no"
        await pilot.press("ctrl+d")
        await until(pilot, "Delete the endpoint 'spare-2'?")
        await pilot.press("y")
        await until(pilot, "Deleted the endpoint 'spare-2'.")
        await at(pilot, "spare-3")
    assert "spare-2" not in names(spare, "endpoint")


async def test_an_endpoint_in_use_is_refused_before_anything_is_asked(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=WIDE) as pilot:
        await in_list(pilot, "2", "nas1-hr")
        await at(pilot, "nas1-hr")
        await pilot.press("ctrl+d")
        await until(pilot, "The endpoint 'nas1-hr' is used by 2 job definitions: delete those first.")
        await pilot.press("escape", "1", "g", "j", "j", "j", "j", "l")
        await in_tree(pilot, "nas1-eng")
        await pilot.press("ctrl+d")
        await until(pilot, "The endpoint 'nas1-eng' is used by the job definition")


async def test_a_definition_with_history_goes_only_after_its_name_was_typed(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=NARROW) as pilot:
        await in_list(pilot, "3", "hr-home")
        await at(pilot, "hr-shares/hr-home")
        await pilot.press("ctrl+d")
        await until(pilot, "To confirm, type  hr-home")
        assert "Delete the job definition 'hr-shares/hr-home' for good, with the history of 1 run?" in asked(app)
        await pilot.press("enter")
        await until(pilot, "That is not 'hr-home': nothing was changed.")
        await pilot.press(*"hr-homes", "enter")
        await until(pilot, "That is not 'hr-home'")
        await pilot.press("backspace", "enter")
        await until(pilot, "Deleted the job definition 'hr-shares/hr-home'")
    assert "hr-home" not in names(sample, "job_definition")


async def test_esc_leaves_what_was_to_be_typed(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=NARROW) as pilot:
        await in_list(pilot, "3", "hr-home")
        await pilot.press("ctrl+d")
        await until(pilot, lambda: isinstance(app.screen, TypedConfirmScreen))
        await pilot.press(*"hr-home", "escape")
        await until(pilot, "To confirm", absent=True)
    assert "hr-home" in names(sample, "job_definition")


async def test_a_definition_that_never_ran_goes_after_a_yes(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=NARROW) as pilot:
        await in_list(pilot, "3", "drawings")
        await pilot.press("ctrl+d")
        await until(pilot, "It has not run yet.")
        await pilot.press("y")
        await until(pilot, "Deleted the job definition 'nas1-migration/drawings'.")
    assert "drawings" not in names(sample, "job_definition")


async def test_a_definition_that_runs_is_refused_with_its_run(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=WIDE) as pilot:
        await in_list(pilot, "3", "engineering")
        await at(pilot, "nas1-migration/engineering")
        await pilot.press("ctrl+d")
        await until(pilot, "'engineering' cannot be deleted while its run #1 is Running: stop it first.")


async def test_a_project_tells_how_much_goes_with_it(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=WIDE) as pilot:
        await in_tree(pilot, "hr-shares")
        await pilot.press("ctrl+d")
        await until(pilot, "To confirm, type  hr-shares")
        assert "with 2 job definitions and the history of 2 runs?" in asked(app)
        await pilot.press(*"hr-shares", "enter")
        await until(pilot, "Deleted the project 'hr-shares' with 2 job definitions and the history of 2 runs.")
        await until(pilot, "hr-home", absent=True)
    assert "hr-shares" not in names(sample, "project")


async def test_a_project_of_which_a_run_is_on_is_refused(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, "Runs of engineering")
        sample_run(sample, "hr-shares/hr-home")
        await in_tree(pilot, "hr-shares")
        await pilot.press("ctrl+d")
        await until(pilot, "The project 'hr-shares' cannot be deleted while 1 run has not ended: stop them first.")


def sample_run(sample: SampleStore, path: str) -> None:
    with sample.store.write("user/ana") as tx:
        start_run(tx, find_mover(tx.session, None), path, agent_name="dock-2")


async def test_an_agent_is_unregistered_by_typing_its_name(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=WIDE) as pilot:
        await in_tree(pilot, "dock-2")
        await pilot.press("ctrl+d")
        text = await until(pilot, "Unregister the agent 'dock-2' of 'nas-exit' for good?")
        assert "1 job definition names it as the agent to run on." in text
        await pilot.press(*"dock-2", "enter")
        await until(pilot, "Unregistered the agent 'dock-2': its credential is worthless from now on.")
    assert names(sample, "agent") == ["dock-1"]


async def test_a_mover_that_holds_something_says_what(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, "Runs of engineering")
        await pilot.press("g")
        await at(pilot, "nas-exit")
        await pilot.press("ctrl+d")
        await until(pilot, "'nas-exit' still has 2 agents, 6 endpoints, 3 projects: delete them first.")


async def test_an_empty_mover_goes_after_a_yes(sample: SampleStore) -> None:
    sample.apply("storageMovers: [{name: later}]")
    app = app_of(sample)
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, "Runs of engineering")
        await until(pilot, "later")
        await in_tree(pilot, "later")
        await pilot.press("ctrl+d")
        await until(pilot, "Delete the storage mover 'later'?")
        await pilot.press("y")
        await until(pilot, "Deleted the storage mover 'later'.")
        await until(pilot, lambda: path_of(pilot) != "")
    assert names(sample, "storage_mover") == ["nas-exit"]


async def test_several_are_listed_and_confirmed_by_typing_how_many(spare: SampleStore) -> None:
    app = app_of(spare)
    async with app.run_test(size=NARROW) as pilot:
        await in_list(pilot, "2", "s")
        await until(pilot, "spare-1")
        await pilot.press("g")
        for _ in range(8):
            await pilot.press("space")
        text = await until(pilot, "8 marked")
        await pilot.press("ctrl+d")
        text = await until(pilot, "To confirm, type  delete 3")
        assert "Delete 3 endpoints for good?" in text
        assert "5 of those marked cannot be deleted and stay: the list says why." in text
        assert "stays: The endpoint" in text
        assert "The endpoint 'archive' is used by the job definition '" in asked(app)
        await pilot.press("down", "down")
        await pilot.press(*"delete 3", "enter")
        await until(pilot, "3 deleted.")
        await until(pilot, "marked", absent=True)
    assert [name for name in names(spare, "endpoint") if name.startswith("spare")] == []
    assert len(names(spare, "endpoint")) == 6


async def test_what_is_refused_among_several_is_told_one_by_one(spare: SampleStore) -> None:
    """Somebody else begins to use two of the three while the question is on the screen."""
    app = app_of(spare)
    async with app.run_test(size=NARROW) as pilot:
        await in_list(pilot, "2", "spare")
        await until(pilot, "spare-3")
        await pilot.press("space", "space", "space")
        await until(pilot, "3 marked")
        await pilot.press("ctrl+d")
        await until(pilot, "To confirm, type  delete 3")
        spare.apply(
            """
storageMovers:
  - name: nas-exit
    projects:
      - name: empty
        jobDefinitions:
          - {name: late, properties: {copyMode: Additive, sourceName: spare-1, targetName: spare-3}}
"""
        )
        await pilot.press(*"delete 3", "enter")
        await until(pilot, "1 deleted, 2 refused.")
        assert "The endpoint 'spare-1' is used by the job definition 'late': delete that first." in asked(app)
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, ConfirmScreen))
        await until(pilot, "1 deleted, 2 refused.")
    assert [name for name in names(spare, "endpoint") if name.startswith("spare")] == ["spare-1", "spare-3"]


async def test_esc_leaves_the_rest_of_several_as_it_is(spare: SampleStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that is being deleted is; and keys go to nothing else meanwhile."""
    entered, go_on = threading.Event(), threading.Event()
    delete = DeedCommands.delete

    def slowly(self: DeedCommands, doomed: Doomed) -> bool:
        entered.set()
        assert go_on.wait(60)
        return delete(self, doomed)

    monkeypatch.setattr(DeedCommands, "delete", slowly)
    app = app_of(spare)
    async with app.run_test(size=NARROW) as pilot:
        await in_list(pilot, "2", "spare")
        await until(pilot, "spare-3")
        await pilot.press("space", "space", "space", "ctrl+d")
        await until(pilot, "To confirm, type  delete 3")
        await pilot.press(*"delete 3", "enter")
        await until(pilot, "Deleting 1 of 3: spare-1")
        await until(pilot, entered.is_set)
        await pilot.press("escape")
        await until(pilot, "The rest is left as it is.")
        go_on.set()
        await until(pilot, "1 deleted, 2 not tried.")
    assert [name for name in names(spare, "endpoint") if name.startswith("spare")] == ["spare-2", "spare-3"]


async def test_trouble_with_the_store_ends_several(spare: SampleStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others would meet the same, each after its time."""

    def locked(self: DeedCommands, doomed: Doomed) -> bool:
        raise StoreUnavailable("The store is locked by another process: try again.", code="StoreBusy")

    monkeypatch.setattr(DeedCommands, "delete", locked)
    app = app_of(spare)
    async with app.run_test(size=NARROW) as pilot:
        await in_list(pilot, "2", "spare")
        await until(pilot, "spare-3")
        await pilot.press("space", "space", "space", "ctrl+d")
        await until(pilot, "To confirm, type  delete 3")
        await pilot.press(*"delete 3", "enter")
        await until(pilot, "0 deleted, 1 refused, 2 not tried.")
        assert "The store is locked by another process: try again." in asked(app)


async def test_none_of_several_can_go(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=NARROW) as pilot:
        await in_list(pilot, "2", "nas")
        await until(pilot, "nas2-hr")
        await pilot.press("space", "space", "ctrl+d")
        await until(pilot, "None of the 2 can be deleted: the list says why.")
        await pilot.press("enter")
        await until(pilot, "None of the 2", absent=True)
        await until(pilot, "2 marked")


async def test_more_history_than_was_confirmed_is_not_deleted(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=NARROW) as pilot:
        await in_list(pilot, "3", "hr-home")
        await pilot.press("ctrl+d")
        await until(pilot, "history of 1 run?")
        sample.preview()
        await pilot.press(*"hr-home", "enter")
        await until(pilot, lambda: "has more to lose than when you were asked: look again" in asked(app))
    assert "hr-home" in names(sample, "job_definition")


async def test_what_another_admin_deleted_meanwhile_is_said(spare: SampleStore) -> None:
    from store.resources.definitions import delete_definition

    app = app_of(spare)
    async with app.run_test(size=NARROW) as pilot:
        await in_list(pilot, "3", "drawings")
        await pilot.press("ctrl+d")
        await until(pilot, "It has not run yet.")
        with spare.store.write("user/ben") as tx:
            mover = find_mover(tx.session, None)
            delete_definition(tx, mover, *find_definition(tx.session, mover, "nas1-migration/drawings"))
        await pilot.press("y")
        await until(pilot, "The job definition 'nas1-migration/drawings' is gone already.")


async def test_the_screen_of_what_was_deleted_is_left_and_the_one_below_says_so(spare: SampleStore) -> None:
    app = app_of(spare)
    async with app.run_test(size=WIDE) as pilot:
        await in_list(pilot, "3", "drawings")
        await at(pilot, "nas1-migration/drawings")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, DefinitionScreen) and app.screen.own is not None)
        await pilot.press("ctrl+d")
        await until(pilot, "Delete the job definition 'nas1-migration/drawings'?")
        await pilot.press("y")
        await until(pilot, lambda: isinstance(app.screen, MainScreen))
        await until(pilot, "Deleted the job definition 'nas1-migration/drawings'.")
    assert "drawings" not in names(spare, "job_definition")


async def test_runs_are_not_deleted_by_hand(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, "Runs of engineering")
        await pilot.press("4", "ctrl+d")
        await until(pilot, "Runs are never deleted by hand")


async def test_many_marks_scroll_inside_the_question_at_80x24(sample: SampleStore) -> None:
    for number in range(30):
        with sample.store.write("user/ana") as tx:
            token = make_token(tx, find_mover(tx.session, None))
        with sample.store.write("agent") as tx:
            register_agent(tx, token, f"spare-{number:02}", FACTS)
    sample.apply(
        "storageMovers:\n  - name: nas-exit\n    endpoints:\n"
        + "".join(
            f"      - {{name: spare-{n:02}, properties: {{endpointType: LocalPath, path: /srv/s{n}}}}}\n"
            for n in range(40)
        )
    )
    app = app_of(sample, glyphs=ASCII)
    async with app.run_test(size=NARROW) as pilot:
        await in_list(pilot, "2", "spare")
        await until(pilot, "spare-05")
        for number in range(1, 41):
            await pilot.press("space")
            await until(pilot, f"{number} marked")
        await pilot.press("ctrl+d")
        text = await until(pilot, "To confirm, type  delete 40")
        assert text.isascii()
        assert "spare-30" not in text
        for _ in range(3):
            await pilot.press("pagedown")
        await until(pilot, "spare-39")
        for _ in range(5):
            await pilot.press("pageup")
        await until(pilot, "spare-00")
        await pilot.press("down", "up", *"delete 40", "enter")
        await until(pilot, "40 deleted.")
    assert len(names(sample, "endpoint")) == 6
