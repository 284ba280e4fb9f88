"""The newest schema version that this program knows."""

from __future__ import annotations

from store.errors import StoreUnavailable

HEAD = "0006"
"""An Alembic revision under ``store/migrations``."""


def refuse_newer(version: str, url: str) -> None:
    """Stop before a store that a newer program has changed.

    Raises:
        StoreUnavailable: StoreTooNew.
    """
    if version > HEAD:
        raise StoreUnavailable(
            f"The store '{url}' was written by a newer Longshore (schema {version}, this one knows {HEAD}): upgrade "
            "this program.",
            code="StoreTooNew",
        )


def outdated(url: str) -> StoreUnavailable:
    """The refusal to read a store whose schema is older than this program."""
    return StoreUnavailable(
        f"The store '{url}' has an older schema: 'longshore store upgrade' brings it up to date.",
        code="StoreOutdated",
    )
