"""Doing the same to several things: one after the other, and what came of each is told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tui.presentation.outcomes import Outcome, outcome_words, outcomes_listed

if TYPE_CHECKING:
    from tui.screens.base import LongshoreScreen
    from tui.screens.doing import Job


async def do_each(screen: LongshoreScreen, jobs: Sequence[Job], doing: str, done: str) -> list[Outcome]:
    """Do them all, drop the marks, and tell; what was refused is listed with its reasons.

    Args:
        screen: where it was asked for.
        jobs: each is one operation of the store.
        doing: what is told meanwhile: ``Deleting``.
        done: the participle: ``deleted``.
    """
    from store.display import display
    from tui.screens.confirm import ConfirmScreen
    from tui.screens.doing import DoingScreen

    glyphs = screen.longshore.glyphs
    outcomes = await screen.app.push_screen_wait(DoingScreen(doing, jobs, glyphs))
    screen.drop_marks()
    words = outcome_words(outcomes, done, len(jobs))
    refused = any(one.refusal for one in outcomes)
    if refused:
        # One sentence of a refusal is longer than the key bar of most terminals.
        head = display(words.partition(":")[0].rstrip(".") + ".")
        listed = outcomes_listed(outcomes, done, glyphs)
        await screen.app.push_screen_wait(ConfirmScreen([head], "", glyphs, listed=listed))
    screen.say(words, "bad" if refused else "warn" if len(outcomes) < len(jobs) else "ok")
    return outcomes
