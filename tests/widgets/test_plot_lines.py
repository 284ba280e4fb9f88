"""The place of a plot: painted at once, and then not more often than it is worth."""

from __future__ import annotations

import pytest
from textual.app import App, ComposeResult

from tui.presentation.cells import Cell
from tui.widgets import plot_lines
from tui.widgets.plot_lines import PlotLines

pytestmark = pytest.mark.anyio


class Plotting(App[None]):
    def compose(self) -> ComposeResult:
        yield PlotLines(2)


def seen(app: Plotting) -> str:
    lines = app.screen._compositor.render_strips()
    return "\n".join(strip.text.rstrip() for strip in lines[:2])


async def test_what_comes_too_early_waits_and_only_the_last_of_it_is_painted(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(plot_lines, "monotonic", lambda: clock[0])
    app = Plotting()
    async with app.run_test(size=(20, 4)) as pilot:
        plot = app.query_one(PlotLines)
        plot.show([[Cell("one")], [Cell("axis")]])
        await pilot.pause()
        assert seen(app) == "one\naxis"
        for word in ("two", "three"):
            clock[0] += 0.5
            plot.show([[Cell(word)], [Cell("axis")]])
        await pilot.pause()
        assert seen(app) == "one\naxis"
        # The timer was set for what was left; it paints what was shown last.
        assert plot._timer is not None
        plot._paint()
        await pilot.pause()
        assert seen(app) == "three\naxis"
        clock[0] += 2.0
        plot.show([[Cell("four")], [Cell("axis")]])
        await pilot.pause()
        assert seen(app) == "four\naxis"


async def test_another_size_is_painted_at_once() -> None:
    app = Plotting()
    async with app.run_test(size=(20, 4)) as pilot:
        plot = app.query_one(PlotLines)
        plot.show([[Cell("one")]])
        plot.show([[Cell("wide")]], at_once=True)
        await pilot.pause()
        assert seen(app).startswith("wide")
