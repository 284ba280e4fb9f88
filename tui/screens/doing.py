"""Several operations of the store, one after the other, with what came of each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from store.errors import LongshoreError, StoreUnavailable
from tui.presentation.cells import Cell
from tui.presentation.glyphs import Glyphs
from tui.presentation.outcomes import Outcome
from tui.widgets.text_lines import TextLines


class Job(NamedTuple):
    """One operation. The call is made in a thread, and refuses with a ``LongshoreError``."""

    what: str
    """Safe to show."""
    call: Callable[[], object]


class DoingScreen(ModalScreen[list[Outcome]]):
    """Dismisses with the outcomes of what was tried: all, unless esc or trouble with the store ended it earlier.

    It takes the keys while it works: another act would otherwise end the one that nobody sees any more.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "stop", "Leave the rest as it is", show=False, id="doing.stop")
    ]

    DEFAULT_CSS = """
    DoingScreen {
        align: center middle;
        & > Vertical {
            width: 70; max-width: 96%; height: auto; padding: 0 1;
            background: $surface; border: solid $border;
        }
        & > Vertical.-ascii { border: ascii $border; }
    }
    """

    def __init__(self, doing: str, jobs: Sequence[Job], glyphs: Glyphs) -> None:
        """Begin at once; ``doing`` is what is told meanwhile: ``Deleting``."""
        super().__init__()
        self._doing = doing
        self._jobs = list(jobs)
        self._glyphs = glyphs
        self._stopped = False

    def compose(self) -> ComposeResult:
        with Vertical(classes="" if self._glyphs.unicode else "-ascii"):
            yield TextLines(2, glyphs=self._glyphs)

    def on_mount(self) -> None:
        self.run_worker(self._work(), exit_on_error=True)

    async def _work(self) -> None:
        outcomes: list[Outcome] = []
        for number, job in enumerate(self._jobs, 1):
            if self._stopped:
                break
            self._tell(number, job)
            try:
                await asyncio.to_thread(job.call)
            except StoreUnavailable as error:
                # The others would meet the same.
                outcomes.append(Outcome(job.what, error.sentence))
                break
            except LongshoreError as error:
                outcomes.append(Outcome(job.what, error.sentence))
            else:
                outcomes.append(Outcome(job.what))
        self.dismiss(outcomes)

    def _tell(self, number: int, job: Job) -> None:
        lines = self.query_one(TextLines)
        lines.set_line(0, [Cell(f"{self._doing} {number:,} of {len(self._jobs):,}: "), Cell(job.what, "strong")])
        if self._stopped:
            lines.set_line(1, [Cell("The rest is left as it is.", "warn")])
        else:
            lines.set_line(1, [Cell("esc", "accent"), Cell(" leaves the rest as it is", "dim")])

    def action_stop(self) -> None:
        self._stopped = True
        self.query_one(TextLines).set_line(1, [Cell("The rest is left as it is.", "warn")])
