"""Opening a resource on a screen of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from store.queries.definitions import definition
from store.queries.runs import run as run_by_id
from tui.subjects import PROJECT, RUN, Subject

if TYPE_CHECKING:
    from tui.screens.base import LongshoreScreen
    from tui.screens.main import MainScreen


async def open_subject(screen: LongshoreScreen, subject: Subject) -> None:
    """Open it; a project, which has no screen of its own, is shown in the tree."""
    if subject.kind == PROJECT:
        await show_in_tree(screen, subject)
    elif screen.own is None or screen.own.key != subject.key:
        screen.app.push_screen(screen_of(subject))


def screen_of(subject: Subject) -> LongshoreScreen:
    """The screen of a resource."""
    match subject.kind:
        case "run":
            from tui.screens.run import RunScreen

            return RunScreen(subject.id)
        case "definition":
            from tui.screens.definition import DefinitionScreen

            return DefinitionScreen(subject)
        case "endpoint":
            from tui.screens.endpoint import EndpointScreen

            return EndpointScreen(subject)
        case "agent":
            from tui.screens.agent import AgentScreen

            return AgentScreen(subject)
        case _:
            from tui.screens.mover import MoverScreen

            return MoverScreen(subject)


async def open_latest_run(screen: LongshoreScreen, subject: Subject) -> None:
    """Open the latest run of a definition, or of the definition of a run."""
    definition_id = subject.id
    if subject.kind == RUN:
        run = await screen.read(run_by_id, subject.id)
        if run is None:
            return
        definition_id = run.definition_id
    row = await screen.read(definition, definition_id)
    if row is None:
        return
    if row.run_id is None:
        screen.say(f"This definition has not run yet: {screen.keymap.key('run.start')} starts a run.", "warn")
        return
    label = f"{row.project}/{row.name}#{row.run_number}"
    await open_subject(screen, Subject(RUN, row.run_id, row.mover, label))


async def open_events(screen: LongshoreScreen, subject: Subject | None) -> None:
    """Open what happened to a resource, or to everything."""
    from tui.screens.events import EventsScreen

    screen.app.push_screen(EventsScreen(subject or screen.own))


async def show_in_tree(screen: LongshoreScreen, subject: Subject) -> None:
    """Leave what lies above the main screen, and put the tree's cursor on a resource."""
    from tui.screens.main import MainScreen

    app = screen.app
    while not isinstance(app.screen, MainScreen):
        # Not awaited: this flow may be one of the screen that goes, which would then wait for itself.
        app.pop_screen()
    main = app.screen
    assert isinstance(main, MainScreen)
    if main is screen:
        await _put_cursor(main, subject)
    else:
        main.run_worker(_put_cursor(main, subject), group="flow", exclusive=True, exit_on_error=True)


async def _put_cursor(main: MainScreen, subject: Subject) -> None:
    if not await main.go_to(subject):
        main.say(f"The tree does not show the {subject.words}: filter it with {main.keymap.key('filter')}.", "warn")
