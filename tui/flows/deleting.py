"""Deleting: what would go is counted first, the worst is confirmed by typing, and what is in the way is said before
anything is asked."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from typing import TYPE_CHECKING

from store.display import display
from tui.deeds import Doomed
from tui.presentation import deletion_view as view
from tui.subjects import Subject

if TYPE_CHECKING:
    from tui.deed_commands import DeedCommands
    from tui.screens.base import LongshoreScreen


async def delete(screen: LongshoreScreen, subjects: Sequence[Subject]) -> None:
    """Ask, and delete one thing or several; an agent is unregistered."""
    from tui.deed_commands import DeedCommands

    deeds = DeedCommands(screen.longshore.commands)
    if len(subjects) > 1:
        screen.say(f"Looking what {len(subjects):,} deletions would take along{screen.longshore.glyphs.ellipsis}")
    doomed = await screen.command(deeds.doomed, list(subjects))
    if doomed is None:
        return
    screen.key_bar.clear_message()
    if len(doomed) == 1:
        await _delete_one(screen, deeds, doomed[0])
    else:
        await _delete_several(screen, deeds, doomed)


async def _delete_one(screen: LongshoreScreen, deeds: DeedCommands, doomed: Doomed) -> None:
    if doomed.refusal:
        screen.refuse(doomed.refusal, "warn")
        return
    if not await _confirmed(screen, doomed):
        return
    if view.takes_much(doomed):
        from tui.screens.doing import DoingScreen, Job

        job = Job(display(doomed.subject.words), partial(deeds.delete, doomed))
        (outcome,) = await screen.app.push_screen_wait(DoingScreen("Deleting", [job], screen.longshore.glyphs))
        if outcome.refusal:
            screen.refuse(outcome.refusal)
            return
    elif await screen.command(deeds.delete, doomed) is None:
        return
    screen.drop_marks()
    _say_and_leave(screen, {doomed.subject.key}, view.gone_words(doomed))


async def _confirmed(screen: LongshoreScreen, doomed: Doomed) -> bool:
    lines, glyphs = view.question(doomed), screen.longshore.glyphs
    if view.takes_much(doomed):
        from tui.screens.typed_confirm import TypedConfirmScreen

        name = view.name_of(doomed)
        return await screen.app.push_screen_wait(TypedConfirmScreen(lines, name, view.enter_words(doomed), glyphs))
    from tui.screens.confirm import ConfirmScreen

    return await screen.app.push_screen_wait(ConfirmScreen(lines, "Delete it", glyphs))


async def _delete_several(screen: LongshoreScreen, deeds: DeedCommands, doomed: Sequence[Doomed]) -> None:
    from tui.flows.several import do_each
    from tui.screens.confirm import ConfirmScreen
    from tui.screens.doing import Job
    from tui.screens.typed_confirm import TypedConfirmScreen

    glyphs = screen.longshore.glyphs
    listed = view.doomed_listed(doomed, glyphs)
    going = [one for one in doomed if not one.refusal]
    if not going:
        await screen.app.push_screen_wait(ConfirmScreen(view.none_can_go(len(doomed)), "", glyphs, listed=listed))
        return
    lines, word = view.question_of_several(going, len(doomed)), view.word_for(len(going))
    if not await screen.app.push_screen_wait(TypedConfirmScreen(lines, word, "delete them", glyphs, listed=listed)):
        return
    jobs = [Job(one.subject.path, partial(deeds.delete, one)) for one in going]
    outcomes = await do_each(screen, jobs, "Deleting", "deleted")
    gone = {one.subject.key for one, outcome in zip(going, outcomes, strict=False) if not outcome.refusal}
    _say_and_leave(screen, gone, "")


def _say_and_leave(screen: LongshoreScreen, gone: Collection[tuple[str, int]], words: str) -> None:
    """Say it; the screen of something that is gone is left, and the one below says it."""
    told = screen
    if screen.own is not None and screen.own.key in gone:
        stack = screen.app.screen_stack
        told = _longshore_screen_below(screen)
        # Last: leaving a screen ends the flow that runs on it.
        if stack[-1] is screen:
            screen.app.pop_screen()
    if words:
        told.say(words, "ok")


def _longshore_screen_below(screen: LongshoreScreen) -> LongshoreScreen:
    from tui.screens.base import LongshoreScreen as Full

    below = [one for one in screen.app.screen_stack if isinstance(one, Full) and one is not screen]
    return below[-1] if below else screen
