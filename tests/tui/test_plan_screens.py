"""The screens of a definition and of an endpoint, driven by keys as an admin would."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from textual.pilot import Pilot

from store.queries import runs
from store.queries.runs import RunRow
from store.queries.scope import Scope
from store.queries.window import Page
from store.reader import Reader
from store.resources.common import find_definition, find_in_mover, find_mover
from store.vocabulary import JobRunStatus, RunKind
from tests.tui import plan_store
from tests.tui.driving import app_of, seen, until
from tests.tui.sample_store import SampleStore
from tui.app import LongshoreApp
from tui.presentation.glyphs import ASCII
from tui.screens.definition import DefinitionScreen
from tui.screens.definition import _read as read_definition
from tui.screens.endpoint import EndpointScreen
from tui.screens.run import RunScreen
from tui.widgets.virtual_table import VirtualTable

pytestmark = pytest.mark.anyio
WIDE = (160, 45)
NARROW = (80, 24)


async def opened(pilot: Pilot[int], pane: str, name: str) -> None:
    """From the main screen: go to a pane of the whole mover, filter it by a name, and open what is left."""
    await until(pilot, "nas1-migration")
    await pilot.press("1", "g")
    await until(pilot, lambda: "nas-exit" in crumbs(app(pilot)) and "nas1-migration" not in crumbs(app(pilot)))
    await pilot.press(pane, "slash", *name, "enter")
    table = app(pilot).screen.query_one({"2": "#endpoints", "3": "#definitions"}[pane], VirtualTable)
    await until(pilot, lambda: len(table.visible_keys) == 1)
    await pilot.press("enter")


def crumbs(app: LongshoreApp) -> str:
    return seen(app).splitlines()[0]


def app(pilot: Pilot[int]) -> LongshoreApp:
    found = pilot.app
    assert isinstance(found, LongshoreApp)
    return found


async def definition(pilot: Pilot[int], name: str = "finance") -> str:
    await opened(pilot, "3", name)
    await until(pilot, lambda: isinstance(pilot.app.screen, DefinitionScreen))
    return await until(pilot, "Next pass")


async def endpoint(pilot: Pilot[int], name: str) -> str:
    await opened(pilot, "2", name)
    await until(pilot, lambda: isinstance(pilot.app.screen, EndpointScreen))
    return await until(pilot, "Used by")


def newest(sample: SampleStore) -> RunRow:
    with Reader(sample.place, sample.clock) as reader:
        return runs.runs(reader, Scope("mover", 1), Page(limit=1)).rows[0]


def delete_definition(sample: SampleStore, path: str) -> None:
    from store.resources.definitions import delete_definition

    with sample.store.write("user/asha") as tx:
        mover = find_mover(tx.session, None)
        project, found = find_definition(tx.session, mover, path)
        delete_definition(tx, mover, project, found)


# The definition


@pytest.mark.parametrize("size", [NARROW, WIDE], ids=["narrow", "wide"])
async def test_a_definition_tells_what_it_does_and_where_its_passes_lead(
    finance: SampleStore, size: tuple[int, int]
) -> None:
    async with app_of(finance).run_test(size=size) as pilot:
        text = await definition(pilot)
        assert "Mirror  also DELETES from the target what the source has not" in text
        assert "nas1-fin (/mnt/nas1/finance)" in text
        assert "#10 ✓ Succeeded 23h ago  1,100 copied (2.90 GB), 5 deleted" in text
        assert "#8 ✓ Succeeded 2d ago  120k alike (88.0 GB)" in text
        assert "about 22m (17m to 24m) if started now: ~2,120 items, 4.65 GB" in text
        assert "from the last 5 passes (1d0h since #10 began); 9m is the scan" in text
        assert "✗✗✓✓■✓✓✓✓  #1 to #10" in text
        text = await until(pilot, "finance #8 verify")
        assert "finance #10" in text


async def test_with_too_few_passes_there_is_no_forecast_and_it_says_why(sample: SampleStore) -> None:
    async with app_of(sample).run_test(size=NARROW) as pilot:
        text = await definition(pilot, "hr-home")
        assert "not enough passes: one more after #1 tells what changes" in text
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(pilot.app.screen, DefinitionScreen))
        await pilot.press("escape", "escape")
        text = await definition(pilot, "drawings")
        assert "no copy yet: the first one copies everything" in text
        await until(pilot, "It has not run yet: r starts a run, p a preview.")


async def test_the_pass_that_is_on_moves_the_last_column(finance: SampleStore) -> None:
    claim = plan_store.running(finance, share=0.4)
    async with app_of(finance).run_test(size=NARROW) as pilot:
        text = await definition(pilot)
        assert "told again when #11 has ended  40%, ETA 4m30s" in text
        before = items_line(text)
        assert "▶  #1 to #11" in text
        plan_store.moves(finance, claim, 0.9)
        text = await until(pilot, "told again when #11 has ended  90%")
        await until(pilot, lambda: items_line(seen(app(pilot))) != before)
        after = items_line(seen(app(pilot)))
        assert after[:-1] == before[:-1], "the columns of the passes before stand"


def items_line(text: str) -> str:
    """The columns of the items that changed."""
    line = next(line for line in text.splitlines() if "Items changed" in line)
    return line.split()[2]


async def test_on_a_large_terminal_the_passes_are_plotted(finance: SampleStore) -> None:
    claim = plan_store.running(finance, share=0.4)
    async with app_of(finance).run_test(size=WIDE) as pilot:
        text = await definition(pilot)
        assert "Items changed  last 600, before 1,105" in text
        assert "5,000│" in text
        assert "10.0 GB│" in text
        assert "33m│" in text
        plan_store.moves(finance, claim, 0.9)
        await until(pilot, "Items changed  last 1,350, before 1,105")
        await pilot.resize_terminal(*NARROW)
        await until(pilot, "5,000│", absent=True)
        await until(pilot, "Items changed ███")


async def test_a_preview_after_the_last_copy_says_what_the_next_one_would_take(finance: SampleStore) -> None:
    finance.end(
        finance.claim(plan_store.FINANCE, "dock-2", kind=RunKind.PREVIEW),
        JobRunStatus.SUCCEEDED,
        {"items_scanned": 120_400, "items_transferred": 1_204, "bytes_transferred": 3_200_000_000, "items_deleted": 87},
    )
    async with app_of(finance).run_test(size=WIDE) as pilot:
        text = await definition(pilot)
        assert "#11 ✓ Succeeded just now  1,204 to copy (3.20 GB), 87 to delete  about " in text
        assert "finance #11 preview" in await until(pilot, "finance #11")
        await pilot.press("r")
        await until(pilot, "Exactly what preview #11 listed")


async def test_settings_are_in_words_and_their_places_open(finance: SampleStore) -> None:
    async with app_of(finance).run_test(size=NARROW) as pilot:
        text = await definition(pilot)
        assert "tab → [Iterations] Settings" in text
        await pilot.press("tab")
        text = await until(pilot, "Description")
        assert "Iterations [Settings]" in text
        assert "Finance goes first, at the end of June; ask Asha before the" in text
        await pilot.press("slash", *"filters", "enter")
        text = await until(pilot, "copy only files of at most 5.00 GB")
        assert "leave out /cache/" in text
        await pilot.press("escape")
        await until(pilot, "nas1-fin: LocalPath /mnt/nas1/finance")
        await pilot.press("g", "j", "j", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, EndpointScreen))
        await until(pilot, "as the source of 1 definition")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, DefinitionScreen))


async def test_what_is_known_is_copied_whole(finance: SampleStore) -> None:
    async with app_of(finance).run_test(size=WIDE) as pilot:
        await definition(pilot)
        await pilot.press("tab")
        await until(pilot, "Description")
        await pilot.press("g", "j", "y")
        await until(pilot, "Finance goes first, at the end of June; ask Asha before the cut-over")


async def test_keys_act_on_the_definition_or_on_the_run_under_the_cursor(finance: SampleStore) -> None:
    async with app_of(finance).run_test(size=WIDE) as pilot:
        await definition(pilot)
        await until(pilot, "finance #10")
        await pilot.press("x")
        await until(pilot, "The run finance #10 has ended: there is nothing to stop.")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, DefinitionScreen))
        await pilot.press("tab", "r")
        await until(pilot, "Start a run of hr-shares/finance")
        await pilot.press("enter")
        await until(pilot, "Started hr-shares/finance#11")
        await until(pilot, "finance #11")
        assert newest(finance).label == "hr-shares/finance#11"
        await pilot.press("x")
        await until(pilot, "Stop the run hr-shares/finance#11")
        await pilot.press("escape", "o")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))


async def test_a_definition_that_is_deleted_while_it_is_open_is_told_and_keys_say_so(sample: SampleStore) -> None:
    async with app_of(sample).run_test(size=NARROW) as pilot:
        await definition(pilot, "hr-archive")
        await until(pilot, "hr-archive #1")
        delete_definition(sample, "hr-shares/hr-archive")
        await until(pilot, "This job definition is gone: it was deleted meanwhile. esc goes back.")
        await until(pilot, "hr-archive #1", absent=True)
        await pilot.press("r")
        await until(pilot, lambda: seen(app(pilot)).count("This job definition is gone") == 2)
        await pilot.press("tab")
        await until(pilot, "Nothing is left.")
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(pilot.app.screen, DefinitionScreen))


async def test_read_only_shows_all_of_it_and_changes_nothing(finance: SampleStore) -> None:
    async with app_of(finance, read_only=True).run_test(size=NARROW) as pilot:
        await definition(pilot)
        for key in ("r", "p", "v", "c", "ctrl+d", "n"):
            await pilot.press(key)
            await until(pilot, "opened with --read-only")


# The endpoint


async def test_an_endpoint_tells_who_uses_it_and_who_may_touch_it_now(finance: SampleStore) -> None:
    plan_store.running(finance)
    async with app_of(finance).run_test(size=WIDE) as pilot:
        await endpoint(pilot, "nas2-fin")
        text = await until(pilot, "LocalPath  a directory that the agent sees")
        assert "as the source of no definition, as the target of 1 definition" in text
        assert "1 may write it" in text
        text = await until(pilot, "hr-shares/finance#11")
        lines = text.splitlines()
        assert any("finance" in line and "target" in line and "Mirror" in line for line in lines)
        assert any("dock-2" in line and "write" in line and "hr-shares/finance#11" in line for line in lines)
        assert "Running now" in text
        assert await until(pilot, "40%")
        await until(pilot, "finance #8 verify")
        finance.cancel("hr-shares/finance")
        finance.clock.advance(31_000)
        await until(pilot, "no run may touch it")
        await until(pilot, "No run lets an agent touch this endpoint now.")
        await until(pilot, "No run touches this endpoint now.")


async def test_on_a_narrow_terminal_the_panes_of_an_endpoint_come_one_by_one(finance: SampleStore) -> None:
    async with app_of(finance).run_test(size=NARROW) as pilot:
        text = await endpoint(pilot, "nas1-fin")
        assert "[Used by] May touch  Running now  Runs  Properties" in text
        await until(pilot, "Old finance share")
        for title, shown in (
            ("[May touch]", "No run lets an agent touch this endpoint now."),
            ("[Running now]", "No run touches this endpoint now."),
            ("[Runs]", "finance #10"),
            ("[Properties]", "/mnt/nas1/finance"),
        ):
            await pilot.press("tab")
            await until(pilot, title)
            await until(pilot, shown)
        await pilot.press("shift+tab")
        await until(pilot, "[Runs]")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))


async def test_an_endpoint_opens_the_definitions_that_use_it(sample: SampleStore) -> None:
    async with app_of(sample).run_test(size=NARROW) as pilot:
        await endpoint(pilot, "archive")
        text = await until(pilot, "drawings")
        assert "NfsMount  an NFS export" in text
        assert "as the source of 1 definition, as the target of 1 definition" in text
        await pilot.press("G", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, DefinitionScreen))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, EndpointScreen))


async def test_credentials_are_shown_by_reference(sample: SampleStore) -> None:
    sample.apply("""
storageMovers:
  - name: nas-exit
    endpoints:
      - name: smb-hr
        properties:
          endpointType: SmbMount
          host: nas3
          shareName: hr
          endpointKind: Source
          credentials: {type: AzureKeyVaultSmb, usernameUri: "env:HR_USER", passwordUri: "file:/run/hr.pw"}
""")
    async with app_of(sample).run_test(size=WIDE) as pilot:
        await endpoint(pilot, "smb-hr")
        text = await until(pilot, "the agent reads it from env:HR_USER")
        assert "the agent reads it from file:/run/hr.pw" in text
        assert "source only" in text
        assert "by no definition: it can be deleted" in text


async def test_an_endpoint_that_is_deleted_while_it_is_open_is_told(sample: SampleStore) -> None:
    from store.models import Endpoint
    from store.resources.endpoints import delete_endpoint

    sample.apply(
        "storageMovers: [{name: nas-exit, endpoints: [{name: spare, properties: {endpointType: LocalPath, path: /s}}]}]"
    )
    async with app_of(sample).run_test(size=NARROW) as pilot:
        await endpoint(pilot, "spare")
        with sample.store.write("user/asha") as tx:
            mover = find_mover(tx.session, None)
            delete_endpoint(tx, mover, find_in_mover(tx.session, Endpoint, "endpoint", mover, "spare"))
        await until(pilot, "This endpoint is gone: it was deleted meanwhile.")
        await pilot.press("e")
        await until(pilot, lambda: seen(app(pilot)).count("This endpoint is gone") == 2)


async def test_hostile_words_reach_the_screen_escaped(sample: SampleStore) -> None:
    sample.apply(plan_store.HOSTILE)
    async with app_of(sample).run_test(size=WIDE) as pilot:
        await definition(pilot, "bad")
        text = await until(pilot, "leave out *\\x1b[31m[b]")
        assert "\\x1b[2J[/] \\u202e 日本語" in text
        assert "\x1b" not in text
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(pilot.app.screen, DefinitionScreen))
        await pilot.press("escape", "escape")
        await endpoint(pilot, "bad-from")
        text = await until(pilot, "/a\\x1b]0;owned\\x07[/red]")
        assert "[@click=app.quit]x\\u202e" in text


@pytest.mark.parametrize("what", ["definition", "endpoint"])
async def test_ascii_mode_paints_nothing_but_ascii(finance: SampleStore, what: str) -> None:
    plan_store.running(finance)
    async with app_of(finance, glyphs=ASCII).run_test(size=WIDE) as pilot:
        await (definition(pilot) if what == "definition" else endpoint(pilot, "nas1-fin"))
        text = await until(pilot, "finance #8 verify")
        assert text.isascii(), sorted({c for c in text if not c.isascii()})


async def test_a_screen_that_is_resized_wraps_its_settings_anew(finance: SampleStore) -> None:
    async with app_of(finance).run_test(size=WIDE) as pilot:
        await definition(pilot)
        await until(pilot, "Finance goes first, at the end of June; ask")
        await pilot.resize_terminal(*NARROW)
        text = await until(pilot, "tab → [Iterations] Settings")
        assert "Description" not in text
        await pilot.press("tab")
        await until(pilot, "Finance goes first, at the end of June; ask Asha before the")


async def test_a_screen_that_is_left_while_the_store_answers_is_no_crash(
    finance: SampleStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer comes when there is nothing left to show it on."""
    asked, let_go = threading.Event(), threading.Event()

    def slow(reader: Reader, definition_id: int) -> Any:
        asked.set()
        let_go.wait(60)
        return read_definition(reader, definition_id)

    async with app_of(finance).run_test(size=NARROW) as pilot:
        await definition(pilot)
        monkeypatch.setattr("tui.screens.definition._read", slow)
        finance.apply(plan_store.PLAN.replace("Finance goes first", "Finance goes last"))
        await until(pilot, asked.is_set)
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(pilot.app.screen, DefinitionScreen))
        let_go.set()
        await pilot.press("escape")
        await until(pilot, "hr-shares")
        assert pilot.app.is_running
