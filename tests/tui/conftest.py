"""Stores for the screen's tests: made by the store's own operations, under a clock that stands still."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable, Iterator
from difflib import unified_diff
from pathlib import Path
from typing import Any

import pytest
from pytest_textual_snapshot import node_to_report_path, normalize_svg

from store.sqlite.place import SqlitePlace
from tests.driven import keys_wait_for_no_time
from tests.tui.plan_store import FinanceStore
from tests.tui.sample_store import SampleStore

__all__ = ["keys_wait_for_no_time"]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def snap_compare(snap_compare: Callable[..., bool], request: pytest.FixtureRequest) -> Callable[..., bool]:
    """The plugin's own, which also prints what differs: a report in HTML is out of reach where CI ran."""

    def compare(*values: Any, **named: Any) -> bool:
        same = snap_compare(*values, **named)
        if not same:
            _, wanted, shown, *_ = pickle.loads(node_to_report_path(request.node).read_bytes())
            # One line of it has the backgrounds of all cells.
            old, new = (normalize_svg(svg).replace("<rect", "\n<rect").splitlines() for svg in (wanted, shown))
            sys.stdout.write("\n".join(unified_diff(old, new, "wanted", "shown", lineterm="", n=0)))
        return same

    return compare


@pytest.fixture(autouse=True)
def plain_terminal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What would change a picture: colours, themes and settings of whoever runs the tests."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in (
        "NO_COLOR",
        "TEXTUAL_THEME",
        "TEXTUAL_COLOR_SYSTEM",
        "TEXTUAL_FPS",
        "LONGSHORE_STORE",
        "LONGSHORE_CONFIG",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TEXTUAL_ANIMATIONS", "none")


@pytest.fixture
def place(tmp_path: Path) -> SqlitePlace:
    return SqlitePlace((tmp_path / "longshore.db").resolve())


@pytest.fixture
def sample(place: SqlitePlace) -> Iterator[SampleStore]:
    """A mover with a history, one run in progress, and two agents."""
    found = SampleStore.make(place)
    yield found
    found.store.close()


@pytest.fixture
def finance(place: SqlitePlace) -> Iterator[FinanceStore]:
    """The same with a definition of many passes."""
    found = FinanceStore.make(place)
    yield found
    found.store.close()
