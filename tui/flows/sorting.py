"""Choosing the order of a list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tui.screens.base import LongshoreScreen
    from tui.screens.list_pane import ListPane


async def sort(screen: LongshoreScreen, pane: ListPane[Any]) -> None:
    """Offer the orders of a list, the present one marked, and show it in the one that is chosen."""
    from tui.screens.choice import Choice, ChoiceScreen

    options = [Choice(order.value, order.words) for order in pane.spec.orders]
    title = f"Order of {pane.title[:1].lower()}{pane.title[1:]}"
    chosen = await screen.app.push_screen_wait(ChoiceScreen(title, options, screen.longshore.glyphs, pane.order))
    if chosen is not None and chosen != pane.order:
        pane.sort(chosen)
