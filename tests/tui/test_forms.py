"""Forms, by keys alone: making, changing and copying everything but job definitions."""

from __future__ import annotations

import pytest
from textual import events
from textual.pilot import Pilot

from store.bodies import EndpointBody, ProjectProperties
from store.plan import apply_plan, parse_plan
from store.queries import hierarchy
from store.queries.scope import Scope
from store.queries.window import Page
from store.reader import Reader
from store.resources.common import find_mover
from store.resources.endpoints import put_endpoint
from store.resources.projects import delete_project, put_project
from store.sqlite.place import SqlitePlace
from store.vocabulary import EndpointType
from tests.tui.driving import app_of, painted, seen, until
from tests.tui.sample_store import SampleStore
from tui.app import LongshoreApp
from tui.forms.words import TYPES
from tui.presentation.glyphs import ASCII
from tui.widgets.key_bar import KeyBar
from tui.widgets.text_field import TextField

pytestmark = pytest.mark.anyio

ACCOUNT = "/subscriptions/s/storageAccounts/a"
TYPED: dict[EndpointType, list[str]] = {
    EndpointType.LOCAL_PATH: ["/srv/made"],
    EndpointType.NFS_MOUNT: ["nas7.example", "/export/made"],
    EndpointType.SMB_MOUNT: ["nas7", "made"],
    EndpointType.AZURE_STORAGE_BLOB_CONTAINER: [ACCOUNT, "made"],
    EndpointType.AZURE_STORAGE_SMB_FILE_SHARE: [ACCOUNT, "made"],
    EndpointType.AZURE_STORAGE_NFS_FILE_SHARE: [ACCOUNT, "made"],
    EndpointType.S3_WITH_HMAC: ["https://s3.example.com/made"],
    EndpointType.AZURE_MULTI_CLOUD_CONNECTOR: ["/subscriptions/s/c", "/subscriptions/s/b"],
}
"""What is typed for the required properties of each type, in the order of its form."""


async def opened(pilot: Pilot[int]) -> None:
    await until(pilot, "Runs of engineering")


async def at_endpoints(pilot: Pilot[int]) -> None:
    """Put the cursor on nas1-eng, the first of the definition's endpoints."""
    await opened(pilot)
    await pilot.press("2")
    await until(pilot, "nas2-eng")


async def in_tree(pilot: Pilot[int], project: str) -> None:
    """Put the tree's cursor on a project."""
    await opened(pilot)
    await pilot.press("g")
    for _ in range(20):
        if "nas-exit" in seen_path(pilot) and seen_path(pilot)[-1] == project:
            return
        await pilot.press("j")
        await pilot.pause()
    raise AssertionError(f"{project} is not in the tree")


def seen_path(pilot: Pilot[int]) -> list[str]:
    """The names above the node under the cursor, and its own."""
    assert isinstance(pilot.app, LongshoreApp)
    return seen(pilot.app).splitlines()[0].partition("  ")[2].partition("  ")[0].split(" › ")  # noqa: RUF001


def endpoint(sample: SampleStore, name: str) -> tuple[str, str, str]:
    """Type, place and description of an endpoint."""
    with Reader(sample.place, sample.clock) as reader:
        rows = hierarchy.endpoints(reader, Scope("mover", 1), Page(limit=100), text=name).rows
    return next((row.endpoint_type, row.place, row.description) for row in rows if row.name == name)


def value(sample: SampleStore, sql: str) -> object:
    with Reader(sample.place, sample.clock) as reader:
        return reader.value(sql)


@pytest.mark.parametrize("kind", TYPED, ids=str)
async def test_an_endpoint_of_every_type(sample: SampleStore, kind: EndpointType) -> None:
    app = app_of(sample)
    async with app.run_test(size=(80, 24)) as pilot:
        await at_endpoints(pilot)
        await pilot.press("n")
        await until(pilot, "A new endpoint of nas-exit: which type?")
        await pilot.press(*["down"] * list(TYPES).index(kind), "enter")
        await until(pilot, f"A new {kind} endpoint of nas-exit")
        await pilot.press(*"made-1")
        for text in TYPED[kind]:
            await pilot.press("enter", *text)
        await pilot.press("ctrl+s")
        await until(pilot, "Created the endpoint 'made-1'.")
    found, place, _ = endpoint(sample, "made-1")
    assert found == kind
    assert place.endswith(TYPED[kind][-1].rpartition("/")[2])


async def test_the_stores_rules_speak_while_one_types(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=(80, 24)) as pilot:
        await at_endpoints(pilot)
        await pilot.press("n", "enter")
        await until(pilot, "A new LocalPath endpoint")
        assert "is missing" not in seen(app)
        await pilot.press(*"-x")
        await until(pilot, "The endpoint name '-x' is not allowed")
        await pilot.press("home", "delete")
        await until(pilot, "is not allowed", absent=True)
        await pilot.press("down", *"srv")
        await until(pilot, "The path 'srv' must be absolute")
        await pilot.press("ctrl+s")
        await until(pilot, "Nothing was saved: correct what is marked first.")
        await pilot.press("ctrl+u", *"/srv/a/../b")
        await until(pilot, "must not hold '..'")
        await pilot.press("ctrl+u")
        await until(pilot, "'path' is missing: add it.")


async def test_what_the_store_refuses_stays_in_the_form(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=(80, 24)) as pilot:
        await at_endpoints(pilot)
        await pilot.press("n", "enter")
        await until(pilot, "A new LocalPath endpoint")
        await pilot.press(*"nas1-hr", "tab", *"/srv/x", "ctrl+s")
        text = await until(pilot, "There is an endpoint 'nas1-hr' already: choose another name.")
        assert "/srv/x" in text
        await pilot.press("shift+tab", *"2", "ctrl+s")
        await until(pilot, "Created the endpoint 'nas1-hr2'.")
    assert endpoint(sample, "nas1-hr2") == ("LocalPath", "/srv/x", "")


async def test_the_keys_go_through_the_fields_both_ways(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=(80, 24)) as pilot:
        await at_endpoints(pilot)
        await pilot.press("n", "enter")
        await until(pilot, "▶ Name")
        for key, label in (("down", "Path"), ("tab", "Description"), ("enter", "Endpoint kind"), ("down", "Name")):
            await pilot.press(key)
            await until(pilot, f"▶ {label}")
        for key, label in (("up", "Endpoint kind"), ("shift+tab", "Description")):
            await pilot.press(key)
            await until(pilot, f"▶ {label}")


async def test_choices_are_made_by_arrows_blanks_and_letters(sample: SampleStore) -> None:
    app = app_of(sample, glyphs=ASCII)
    async with app.run_test(size=(80, 24)) as pilot:
        await at_endpoints(pilot)
        await pilot.press("n", "enter")
        await until(pilot, "> Name")
        await pilot.press("up")
        for key, word in (("right", "Source"), ("space", "Target"), ("left", "Source"), ("t", "Target"), ("n", "none")):
            await pilot.press(key)
            await until(pilot, f"< {word} >")
        assert seen(app).isascii()


async def test_the_location_of_an_endpoint_is_fixed_and_its_credentials_are_not(sample: SampleStore) -> None:
    body = {"endpointType": "SmbMount", "host": "nas1", "shareName": "hr", "credentials": {"usernameUri": "env:U"}}
    with sample.store.write("user/ana") as tx:
        put_endpoint(tx, find_mover(tx.session, None), "smb-hr", EndpointBody.model_validate(body))
    app = app_of(sample)
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot)
        await pilot.press("g", "2", "slash", *"smb", "enter")
        await until(pilot, "/smb")
        await until(pilot, "smb-hr")
        await pilot.press("e")
        text = await until(pilot, "Change the endpoint 'smb-hr'")
        assert "names never change" in text
        assert "a location is fixed: a clone" in text
        await pilot.press("tab", "tab", *"hunter2")
        await until(pilot, "A credential must be a reference, never the secret")
        await pilot.press("ctrl+u", *"file:/run/secret", "ctrl+s")
        await until(pilot, "Changed the endpoint 'smb-hr'.")
    with Reader(sample.place) as reader:
        properties = hierarchy.endpoint_properties(
            reader, int(reader.value("SELECT id FROM endpoint WHERE name = 'smb-hr'"))
        )
    assert properties["credentials"]["passwordUri"] == "file:/run/secret"
    assert properties["shareName"] == "hr"


async def test_a_clone_may_lie_elsewhere(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=(80, 24)) as pilot:
        await at_endpoints(pilot)
        await pilot.press("c")
        await until(pilot, "A copy of the endpoint 'nas1-eng'")
        await pilot.press(*"nas1-cad", "tab", *"/cad", "ctrl+s")
        await until(pilot, "Created the endpoint 'nas1-cad'.")
    assert endpoint(sample, "nas1-cad") == ("LocalPath", "/mnt/nas1/engineering/cad", "")


async def test_esc_asks_only_when_something_was_typed(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=(80, 24)) as pilot:
        await at_endpoints(pilot)
        await pilot.press("e")
        await until(pilot, "Change the endpoint")
        await pilot.press("escape")
        await until(pilot, "Change the endpoint", absent=True)
        await pilot.press("e")
        await until(pilot, "Change the endpoint")
        await pilot.press(*"abc", "escape")
        await until(pilot, "Leave without saving?")
        await pilot.press("enter")
        assert "abc" in await until(pilot, "Leave without saving?", absent=True)
        await pilot.press("escape")
        await until(pilot, "Leave without saving?")
        await pilot.press("y")
        await until(pilot, "Change the endpoint", absent=True)
    assert endpoint(sample, "nas1-eng")[2] == ""


async def test_the_first_mover_of_an_empty_store(place: SqlitePlace) -> None:
    from store.db import open_store

    open_store(place).close()
    app = LongshoreApp(place)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, "Nothing here yet")
        await pilot.press("n")
        await until(pilot, "A new storage mover")
        await pilot.press(*"nas", "tab", *"By June", "tab", "tab", *"team=hr 'cost centre=7'", "ctrl+s")
        await until(pilot, "Created the storage mover 'nas'.")
        await until(pilot, "▾ nas")
    with Reader(place) as reader:
        found = reader.row("SELECT name, description, location, tags FROM storage_mover")
    assert found is not None
    assert tuple(found) == ("nas", "By June", "local", '{"team": "hr", "cost centre": "7"}')


async def test_n_asks_where_the_place_does_not_say(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot)
        await pilot.press("g", "n")
        await until(pilot, "Make a new ...")
        await pilot.press("G", "enter")
        await until(pilot, "A new connection of nas-exit")
        await pilot.press(*"link", "up", *"/subscriptions/s/pls", "ctrl+s")
        await until(pilot, "Created the connection 'link'.")
        await pilot.press("n")
        await until(pilot, "Make a new ...")
        await pilot.press("down", "down", "enter")
        await until(pilot, "A new project of nas-exit")
        await pilot.press(*"found", "ctrl+s")
        await until(pilot, lambda: seen_path(pilot)[-1] == "found")
        await pilot.press("g")
        await pilot.press("n")
        await until(pilot, "Make a new ...")
        await pilot.press("escape")
        await until(pilot, "Make a new ...", absent=True)
    assert value(sample, "SELECT private_link_service_id FROM connection") == "/subscriptions/s/pls"


async def test_with_several_movers_n_asks_which(sample: SampleStore) -> None:
    sample.apply("storageMovers: [{name: other, properties: {description: '[/red]'}}]")
    app = app_of(sample)
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot)
        await pilot.press("g", "n")
        await until(pilot, "Make a new ...")
        await pilot.press("down", "down", "enter")
        await until(pilot, "A new project of nas-exit")


async def test_a_project_is_made_changed_and_copied(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=(80, 24)) as pilot:
        await in_tree(pilot, "hr-shares")
        await pilot.press("e")
        await until(pilot, "Change the project 'hr-shares'")
        await pilot.press(*", all of them", "enter")
        await until(pilot, "Changed the project 'hr-shares'.")
        await pilot.press("c")
        await until(pilot, "A copy of the project 'hr-shares'")
        await pilot.press(*"wave-2", "enter", "enter")
        await until(pilot, "2 job definitions: the same sources, targets and settings")
        await pilot.press("enter")
        await until(pilot, "Created the project 'wave-2' with 2 job definitions.")
    assert value(sample, "SELECT description FROM project WHERE name = 'wave-2'") == "HR shares, all of them"
    assert value(sample, "SELECT count(*) FROM job_definition WHERE project_name = 'wave-2'") == 2
    assert value(sample, "SELECT count(*) FROM job_run") == 3


async def test_an_agent_is_described_and_limited(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot)
        await pilot.press("g", "j", "j", "e")
        await until(pilot, "Change the agent 'dock-1'")
        await pilot.press(*"In the basement", "tab", *"Mon-Fri 8:00-18:15 50")
        await until(pilot, "multiple of 30")
        await pilot.press(*["backspace"] * 5, *"30 50", "ctrl+s")
        await until(pilot, "Changed the agent 'dock-1'.")
        await pilot.press("e")
        await until(pilot, "Mon-Fri 08:00-18:30 50")
    assert value(sample, "SELECT description FROM agent WHERE name = 'dock-1'") == "In the basement"


async def test_another_admins_change_is_shown_beside_ones_own(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=(80, 24)) as pilot:
        await in_tree(pilot, "hr-shares")
        await pilot.press("e")
        await until(pilot, "Change the project 'hr-shares'")
        await pilot.press("ctrl+u", *"mine")
        with sample.store.write("user/ben") as tx:
            put_project(tx, find_mover(tx.session, None), "hr-shares", ProjectProperties(description="theirs"))
        await pilot.press("ctrl+s")
        text = await until(pilot, "user/ben changed it meanwhile")
        assert "user/ben set it to 'theirs' meanwhile: ctrl+s writes" in text
        assert "mine" in text
        assert value(sample, "SELECT description FROM project WHERE name = 'hr-shares'") == "theirs"
        await pilot.press("ctrl+s")
        await until(pilot, "Changed the project 'hr-shares'.")
    assert value(sample, "SELECT description FROM project WHERE name = 'hr-shares'") == "mine"


async def test_what_was_deleted_meanwhile_is_said(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=(80, 24)) as pilot:
        await in_tree(pilot, "payroll-app")
        await pilot.press("e")
        await until(pilot, "Change the project 'payroll-app'")
        with sample.store.write("user/ben") as tx:
            from store.models import Project
            from store.resources.common import find_in_mover

            mover = find_mover(tx.session, None)
            delete_project(tx, mover, find_in_mover(tx.session, Project, "project", mover, "payroll-app"))
        await pilot.press(*"more", "ctrl+s")
        text = await until(pilot, "There is no project 'payroll-app'")
        assert "Payroll appmore" in text
        await pilot.press("escape", "y")
        await until(pilot, "Change the project", absent=True)


async def test_hostile_text_is_shown_inert_and_kept_as_it_is(sample: SampleStore) -> None:
    hostile = "[/red]\x1b]0;owned\x07\u202eabc\u200b e\u0301\u4e16" + "\u0300" * 50 + "\n" + "x" * 300
    with sample.store.write("user/ana") as tx:
        put_project(tx, find_mover(tx.session, None), "hr-shares", ProjectProperties(description=hostile))
    app = app_of(sample)
    async with app.run_test(size=(80, 24)) as pilot:
        await in_tree(pilot, "hr-shares")
        await pilot.press("e")
        await until(pilot, "Change the project 'hr-shares'")
        await pilot.press("home")
        text = await until(pilot, "[/red]\ufffd]0;owned\ufffd\ufffdabc")
        assert not set(text) & set("\x1b\x07\u202e\u200b")
        widths = {strip.cell_length for strip in painted(app)}
        assert widths == {80}
        await pilot.press("end", *"[/b]", "ctrl+s")
        await until(pilot, "Changed the project 'hr-shares'.")
    assert value(sample, "SELECT description FROM project WHERE name = 'hr-shares'") == hostile + "[/b]"


async def test_pasted_lines_become_one(sample: SampleStore) -> None:
    app = app_of(sample)
    async with app.run_test(size=(80, 24)) as pilot:
        await in_tree(pilot, "payroll-app")
        await pilot.press("e")
        await until(pilot, "Change the project")
        app.screen.query_one(TextField).post_message(events.Paste(", first\nsecond\r\nthird"))
        await until(pilot, "Payroll app, first second third")


async def test_directories_of_this_machine_are_completed(sample: SampleStore, place: SqlitePlace) -> None:
    root = place.path.parent / "trees"
    for name in ("alpha/inner", "alps", "beta", ".hidden", "\x1b[31m"):
        (root / name).mkdir(parents=True)
    (root / "alone.txt").touch()
    app = app_of(sample)
    async with app.run_test(size=(160, 45)) as pilot:
        await at_endpoints(pilot)
        await pilot.press("n", "enter")
        await until(pilot, "A new LocalPath endpoint")
        await pilot.press(*"made", "tab", *f"{root}/al")
        text = await until(pilot, "alpha/  alps/  right takes it, ctrl+n the next")
        assert "alone.txt" not in text
        assert "as seen from this machine" in text
        await pilot.press("ctrl+n", "ctrl+n")
        await until(pilot, lambda: app.screen.query_one(TextField).value == f"{root}/alps/")
        await pilot.press("ctrl+n")
        await until(pilot, lambda: app.screen.query_one(TextField).value == f"{root}/al")
        await pilot.press("p", "h")
        await until(pilot, lambda: app.screen.query_one(TextField)._suggestion == f"{root}/alpha/")
        await pilot.press("right")
        await until(pilot, lambda: app.screen.query_one(TextField)._suggestion == f"{root}/alpha/inner/")
        await pilot.press("right", "ctrl+s")
        await until(pilot, "Created the endpoint 'made'.")
    assert endpoint(sample, "made")[1] == f"{root}/alpha/inner"


async def test_read_only_has_no_forms(sample: SampleStore) -> None:
    app = app_of(sample, read_only=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await at_endpoints(pilot)
        for key in ("n", "e", "c"):
            await pilot.press(key)
            await until(pilot, "opened with --read-only")
            app.screen.query_one(KeyBar).clear_message()
            await until(pilot, "opened with --read-only", absent=True)


def test_every_type_can_be_typed() -> None:
    assert set(TYPED) == set(EndpointType) == set(TYPES)


def test_a_plan_and_a_form_say_the_same(sample: SampleStore) -> None:
    """The words of a refusal come from one place."""
    from store.errors import InvalidInput
    from tui.forms.resources import EndpointForm

    plan = "storageMovers: [{name: m, endpoints: [{name: e, properties: {endpointType: LocalPath, path: srv}}]}]"
    with pytest.raises(InvalidInput) as refusal, sample.store.write("user/ana") as tx:
        apply_plan(tx, parse_plan(plan.encode(), "plan"))
    form = EndpointForm("m", EndpointType.LOCAL_PATH)
    assert refusal.value.sentence.endswith(form.check({**form.start, "name": "e", "path": "srv"})["path"])
