"""What keys do on every full screen: each act is a flow of its own, imported when it is asked for."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from store.vocabulary import RunKind
from tui.subjects import RUN, Subject

if TYPE_CHECKING:
    from tui.screens.base import LongshoreScreen


class Creates(NamedTuple):
    """What ``n`` makes here: a kind (empty: ask), in which mover and project (empty: ask)."""

    kind: str = ""
    mover: str = ""
    project: str = ""


class Acts:
    """Mixed into screens. A flow gets the screen: it reads, asks, commands, and says what happened on it."""

    def _flow(self, work: Coroutine[Any, Any, None]) -> None:
        """Go on in the background: a flow waits for answers, and keys must not, but for its question."""
        typing_ahead = self._me.longshore.typing_ahead
        began = typing_ahead.flow_began()

        async def whole() -> None:
            try:
                await work
            finally:
                typing_ahead.flow_ended(began)

        self._me.run_worker(whole(), group="flow", exclusive=True, exit_on_error=True)

    @property
    def _me(self) -> LongshoreScreen:
        return cast("LongshoreScreen", self)

    def _chosen(self, identity: str) -> Subject:
        found = self._me.subject_of(identity)
        assert found is not None, f"{identity} was not refused"
        return found

    # Runs

    def do_run_start(self) -> None:
        self._launch("run.start", RunKind.COPY)

    def do_run_preview(self) -> None:
        self._launch("run.preview", RunKind.PREVIEW)

    def do_run_verify(self) -> None:
        self._launch("run.verify", RunKind.VERIFY)

    def _launch(self, identity: str, kind: RunKind) -> None:
        from tui.flows.launching import launch

        self._flow(launch(self._me, self._me.subjects_of(identity), kind))

    def do_run_stop(self) -> None:
        from tui.flows.stopping import stop

        self._flow(stop(self._me, self._me.subjects_of("run.stop")))

    def do_run_hand_over(self) -> None:
        from tui.flows.handing_over import hand_over

        self._flow(hand_over(self._me, self._chosen("run.hand_over")))

    # Resources

    def do_open(self) -> None:
        from tui.flows.opening import open_subject

        self._flow(open_subject(self._me, self._chosen("open")))

    def do_run_open_latest(self) -> None:
        from tui.flows.opening import open_latest_run

        self._flow(open_latest_run(self._me, self._chosen("run.open_latest")))

    def do_resource_new(self) -> None:
        from tui.flows.editing import new

        self._flow(new(self._me, self._me.creates))

    def do_resource_edit(self) -> None:
        subject = self._chosen("resource.edit")
        if subject.kind == RUN:
            from tui.flows.exporting import export_report

            self._flow(export_report(self._me, subject))
        else:
            from tui.flows.editing import edit

            self._flow(edit(self._me, subject))

    def do_resource_clone(self) -> None:
        from tui.flows.editing import clone

        self._flow(clone(self._me, self._chosen("resource.clone")))

    def do_resource_delete(self) -> None:
        from tui.flows.deleting import delete

        self._flow(delete(self._me, self._me.subjects_of("resource.delete")))

    def do_agent_register(self) -> None:
        from tui.flows.registering import register

        self._flow(register(self._me, self._me.creates.mover))

    def do_endpoint_test(self) -> None:
        from tui.flows.trying_endpoint import try_endpoint

        self._flow(try_endpoint(self._me, self._chosen("endpoint.test")))

    # Getting around, and taking things along

    def do_find(self) -> None:
        from tui.flows.finding import find

        self._flow(find(self._me))

    def do_events(self) -> None:
        from tui.flows.opening import open_events

        self._flow(open_events(self._me, self._me.subject))

    def do_copy(self) -> None:
        from tui.flows.copying import copy

        self._flow(copy(self._me))

    def do_save(self) -> None:
        from tui.flows.saving import save

        self._flow(save(self._me))

    def do_help(self) -> None:
        from tui.flows.helping import show_help

        show_help(self._me)

    def do_mouse(self) -> None:
        from tui.flows.mouse import toggle_mouse

        self._me.say(toggle_mouse(self._me.longshore))

    def do_redraw(self) -> None:
        """After another program wrote over the screen."""
        self._me.longshore.painter.forget()
        self._me.refresh(layout=True, repaint=True)
        self._me.app.refresh(repaint=True, layout=True)

    def do_quit(self) -> None:
        self._me.app.exit(0)
