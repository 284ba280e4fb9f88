"""How resources and times look as text: the same for every noun."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, TypeVar

from store.queries.window import Page, Window
from tui.cli import output

Row = TypeVar("Row")


def since(milliseconds: int | None) -> str:
    """A store time in the terminal's time zone: ``2026-11-22 10:15:00``; empty for none."""
    if milliseconds is None:
        return ""
    return datetime.fromtimestamp(milliseconds / 1000).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def show_resource(resource: dict[str, Any], *, as_json: bool) -> None:
    """A resource in ARM's shape, as JSON or as lines of property and value."""
    if as_json:
        output.json_data(resource)
        return
    rest = {key: value for key, value in resource.items() if key not in ("properties", "systemData")}
    output.properties((*_flat(rest), *_flat(resource["properties"]), *_flat(resource["systemData"])))


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every value that says something, under its dotted path."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        yield path, ", ".join(str(item) for item in value)
    elif isinstance(value, bool):
        yield path, str(value).lower()
    elif value is not None and value != "":
        yield path, str(value)


def windows(
    ask: Callable[[Page], Window[Row]], key: Callable[[Row], str], limit: int | None = None, size: int = 500
) -> Iterator[Row]:
    """The rows of a keyset list, window by window, so that a long one is never held whole.

    Args:
        ask: the query, for one page of it.
        key: the key of a row.
        limit: rows at most, None for all.
        size: rows to read at a time.
    """
    anchor: str | None = None
    given = 0
    while limit is None or given < limit:
        wanted = size if limit is None else min(size, limit - given)
        window = ask(Page("start" if anchor is None else "after", anchor, wanted))
        yield from window.rows
        if window.at_end or not (window.rows or window.more_after):
            return
        given += len(window.rows)
        # A search that was broken off goes on behind all that it has looked at.
        anchor = window.more_after or key(window.rows[-1])
