"""What every command needs: the store that was named, who is asking, and read-only mode."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from store.errors import InvalidInput, StoreUnavailable
from store.place import StorePlace, locate
from store.reader import Reader

if TYPE_CHECKING:
    from store.db import Store


def place(options: argparse.Namespace) -> StorePlace:
    """Where the store is that this command is about."""
    return locate(options.store)


def reader(options: argparse.Namespace) -> Reader:
    """A reader of the store; one with an older schema is upgraded first, unless ``--read-only`` was given.

    Raises:
        StoreUnavailable: there is none, or it cannot be used. It is never made here.
    """
    where = place(options)
    try:
        return Reader(where)
    except StoreUnavailable as error:
        if error.code != "StoreOutdated" or options.read_only:
            raise
    from store.db import open_store

    open_store(where).close()
    return Reader(where)


@contextmanager
def existing_store(options: argparse.Namespace, *, writes: bool = False) -> Iterator[Store]:
    """The store, open; only ``apply`` makes one, so that a mistyped place leaves nothing behind.

    Raises:
        InvalidInput: the command writes and ``--read-only`` was given.
        StoreUnavailable: there is none, or it cannot be used.
    """
    if writes:
        refuse_read_only(options)
    reader(options).close()
    from store.db import open_store

    store = open_store(place(options))
    try:
        yield store
    finally:
        store.close()


def refuse_read_only(options: argparse.Namespace) -> None:
    """Stop a command that writes when ``--read-only`` was given."""
    if options.read_only:
        raise InvalidInput(
            "This command changes the store, and --read-only was given: leave that out.", code="ReadOnly"
        )


def confirm(options: argparse.Namespace, what: str, name: str) -> None:
    """Let a destructive command go on only after ``--yes`` or the typed name; :func:`ask` says what it raises."""
    ask(options, f"{what} for good", name)


def ask(options: argparse.Namespace, what: str, name: str) -> None:
    """Let a command with consequences go on only after ``--yes`` or the typed name.

    Raises:
        InvalidInput: another text was typed, or there is no terminal to ask on.
    """
    from tui.cli.output import say

    if options.yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise InvalidInput(f"{what}, and there is no terminal to confirm it on: add --yes.", code="NotConfirmed")
    say(f"{what}. Type '{name}' to confirm:")
    if sys.stdin.readline().strip() != name:
        raise InvalidInput("That is not its name: nothing was changed.", code="NotConfirmed")
