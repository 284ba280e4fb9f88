"""Where a store lives: what ``--store`` names, as a place that says of itself whether it can hold one.

Standard library only: the first frame of the screen opens a store through here.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TypeAlias

from store.errors import InvalidInput, StoreUnavailable
from store.postgres.place import PostgresPlace
from store.sqlite.place import SqlitePlace

StorePlace: TypeAlias = SqlitePlace | PostgresPlace

_SERVER = re.compile(r"(postgresql|postgres)(\+psycopg)?://")


def locate(url: str | None = None, password: str | None = None) -> StorePlace:
    """The place that ``--store``, ``LONGSHORE_STORE`` or the default name, in that order.

    Args:
        url: a path, an ``sqlite:///path`` or a ``postgresql://`` URL; None for the environment's or the default.
        password: what the URL's user logs in with; by default libpq's own places (``~/.pgpass``, PGPASSFILE).

    Raises:
        InvalidInput: for a URL of another kind, one that leads nowhere, or one that holds a password.
        StoreUnavailable: the default directory cannot be made.
    """
    url = url or os.environ.get("LONGSHORE_STORE") or ""
    if _SERVER.match(url):
        return PostgresPlace.parse(_SERVER.sub("postgresql://", url), password)
    if not url:
        return SqlitePlace(_default_file())
    if url.startswith("sqlite://"):
        url = url.removeprefix("sqlite://").removeprefix("/") or ""
    elif re.match(r"[a-z][a-z0-9+.-]*://", url):
        raise InvalidInput(
            f"The store URL '{url.split('://')[0]}://…' is of a kind that Longshore does not know: name a local file "
            "or postgresql://HOST/DATABASE.",
            code="InvalidStoreUrl",
        )
    if not url or "\0" in url:
        raise InvalidInput("The store URL names no file: write --store /path/to/longshore.db.", code="InvalidStoreUrl")
    try:
        return SqlitePlace(Path(url).expanduser().resolve())
    except (OSError, RuntimeError) as error:  # an unknown user's home, a link that leads to itself
        raise InvalidInput(
            f"The store URL '{url}' leads nowhere: write --store /path/to/longshore.db.", code="InvalidStoreUrl"
        ) from error


def data_directory() -> Path:
    """Longshore's directory under the XDG data home."""
    home = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
    return Path(home) / "longshore"


def _default_file() -> Path:
    directory = data_directory()
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnavailable(
            f"The directory '{directory}' of the store cannot be made ({error.strerror}): name another place "
            "with --store.",
            code="StoreCannotOpen",
        ) from error
    return (directory / "longshore.db").resolve()
