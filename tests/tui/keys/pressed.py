"""Which keys are bound, and which of them were pressed and did something."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from textual.binding import BindingsMap
from textual.dom import DOMNode

import tui.screens
import tui.widgets
from tui.app import LongshoreApp
from tui.screens.base import LongshoreScreen


class Bound(NamedTuple):
    """A key of a class, and what it does."""

    owner: type
    key: str
    action: str


def bound_by(owner: type) -> set[Bound]:
    """What a class binds itself, each key of a comma list by itself."""
    keys = BindingsMap(vars(owner).get("BINDINGS", ())).key_to_bindings
    return {Bound(owner, key, binding.action) for key, bindings in keys.items() for binding in bindings}


def bindings_everywhere() -> list[type]:
    """The application, and every class of the screens and the widgets, that binds keys itself."""
    found: set[type] = {LongshoreApp}
    for package in (tui.screens, tui.widgets):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            classes = vars(importlib.import_module(module.name)).values()
            found.update(one for one in classes if inspect.isclass(one) and one.__module__ == module.name)
    return sorted((one for one in found if bound_by(one)), key=lambda one: one.__name__)


class Pressed:
    """Notes each key that ran an action, for all classes whose action it may be.

    What a full screen refuses to do, with a reason, was not done: such a press does not count as one.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.done: set[Bound] = set()
        self.refused: dict[Bound, str] = {}
        """Keys of full screens, with the reason that was given."""
        self._key = ""
        self._watch_bindings(monkeypatch)
        self._watch_acts(monkeypatch)

    def missing(self, owner: type, *, or_refused: bool = False) -> list[str]:
        """The keys of a class that ran nothing, or were not even refused."""
        answered = self.done | self.refused.keys() if or_refused else self.done
        return sorted(one.key for one in bound_by(owner) - answered)

    def _watch_bindings(self, monkeypatch: pytest.MonkeyPatch) -> None:
        # Textual's own, for want of an event that tells which binding was run.
        check, run = LongshoreApp._check_bindings, LongshoreApp.run_action

        async def checked(app: LongshoreApp, key: str, priority: bool = False) -> bool:
            self._key = key
            return await check(app, key, priority)

        async def ran(app: LongshoreApp, action: Any, default_namespace: DOMNode | None = None, *more: Any) -> bool:
            key = self._key
            handled = await run(app, action, default_namespace, *more)
            if handled and isinstance(action, str) and not isinstance(default_namespace, LongshoreScreen):
                self.done.update(_owned(default_namespace, key, action))
            return handled

        monkeypatch.setattr(LongshoreApp, "_check_bindings", checked)
        monkeypatch.setattr(LongshoreApp, "run_action", ran)

    def _watch_acts(self, monkeypatch: pytest.MonkeyPatch) -> None:
        # A full screen's ``enter`` comes by way of a list or the tree, which bind it themselves.
        act = LongshoreScreen.action_act

        async def acted(screen: LongshoreScreen, identity: str) -> None:
            owned, reason = set(_owned(screen, self._key, f"act('{identity}')")), screen.reason(identity)
            await act(screen, identity)
            if reason:
                self.refused.update(dict.fromkeys(owned, reason))
            else:
                self.done |= owned

        monkeypatch.setattr(LongshoreScreen, "action_act", acted)


def _owned(node: DOMNode | None, key: str, action: str) -> Iterator[Bound]:
    return (Bound(one, key, action) for one in type(node).__mro__)
