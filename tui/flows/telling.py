"""Saying why something was not done: in the key bar where it fits, else in a dialog that is read and left."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from rich.cells import cell_len

from store.display import display
from store.errors import LongshoreError

if TYPE_CHECKING:
    from tui.screens.base import LongshoreScreen

Result = TypeVar("Result")


async def refuse(screen: LongshoreScreen, sentence: str, style: str = "warn") -> None:
    """Say it, to its end: what to do stands at the end of a sentence, and a key bar of 80 cells cuts it off."""
    told = display(sentence)
    if cell_len(told) + 2 <= screen.size.width:
        screen.say(sentence, style)
        return
    from tui.screens.confirm import ConfirmScreen

    await screen.app.push_screen_wait(ConfirmScreen([told], "", screen.longshore.glyphs))


async def command(screen: LongshoreScreen, call: Callable[..., Result], *arguments: object) -> Result | None:
    """Run one of the store's operations in a thread; a refusal is said to its end, and None comes back."""
    import asyncio

    try:
        return await asyncio.to_thread(call, *arguments)
    except LongshoreError as error:
        await refuse(screen, error.sentence, "bad")
        return None
