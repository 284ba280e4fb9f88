"""The first frame needs no ORM: what reads imports neither SQLAlchemy nor pydantic."""

from __future__ import annotations

import pkgutil
import sys

import pytest

import store.queries
from tests.store.world import outputs, python

LIGHT = [
    "store",
    "store.clock",
    "store.codes",
    "store.display",
    "store.errors",
    "store.feed",
    "store.lifecycle",
    "store.place",
    "store.reader",
    "store.report_lines",
    "store.rules",
    "store.settings",
    "store.vocabulary",
    "store.watch",
    *(f"store.queries.{module.name}" for module in pkgutil.iter_modules(store.queries.__path__)),
]


@pytest.mark.parametrize("module", LIGHT)
def test_what_reads_is_light(module: str) -> None:
    """In a process of its own, module by module, so that none hides behind another."""
    script = f"import {module}, sys; print(*{{m.partition('.')[0] for m in sys.modules}})"
    (out,) = outputs([python(script)])
    loaded = set(out.split())
    assert not loaded & {"sqlalchemy", "sqlmodel", "pydantic", "alembic", "textual", "watchfiles", "yaml", "tui"}


def test_opening_a_current_store_needs_no_alembic(tmp_path_factory: pytest.TempPathFactory, store_path: object) -> None:
    """It takes a quarter of a second to import: only when there is work for it."""
    script = (
        f"import sys; from store.db import open_store; open_store({str(store_path)!r}).close(); print(*sys.modules)"
    )
    (out,) = outputs([python(script)])
    assert "sqlalchemy" in out.split()
    assert "alembic" not in out.split()


def test_the_store_knows_neither_screen_nor_agent() -> None:
    """One direction: tui and agentsim know the store, never the reverse."""
    script = (
        "import pkgutil, importlib, store, sys\n"
        "for m in pkgutil.walk_packages(store.__path__, 'store.'):\n"
        "    if '.migrations.' not in m.name: importlib.import_module(m.name)\n"
        "print(*{m.partition('.')[0] for m in sys.modules})"
    )
    (out,) = outputs([python(script)])
    assert not set(out.split()) & {"tui", "agentsim", "textual"}
    assert sys.version_info >= (3, 11)
