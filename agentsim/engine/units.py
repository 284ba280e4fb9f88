"""What coordinator and helpers say to each other: the tags of their messages.

Coordinator to helper, one unit of work each:

- ``(DIRECTORIES, [(path, created), ...])``: copy these directories, not what is below them.
- ``(LARGE, directory, name, listed_size)``: copy one large file.
- ``(FINISH, directory, changed)``: set a directory's metadata now that all in it is in place.
- ``(CENSUS, directory, names)``: count what is below those of these candidates that are directories.
- ``(DEFERRED, directory, candidates, late, final, changed, withheld)``: delete the candidates, then
  copy the late names; ``final`` finishes the directory; ``withheld`` is None or ``(code, message)``.
- ``(SYNC,)``: make everything durable.

Helper to coordinator:

- ``(FOUND, [(path, created), ...])``: sub-directories, to be units of their own.
- ``(FOUND_LARGE, directory, name, listed_size)``: a large file, to be a unit of its own.
- ``(DEFER, directory, candidates, late, final, changed)``: work for after all transfers.
- ``(LISTED, directory, changed)``: the directory's entries are dealt with but for its large files.
- ``(ITEMS, rows)``: items to be recorded, as the agent gets them.
- ``(LOG, level, text)``: narration for the agent.
- ``(DONE,)``: the unit is done; the next may come.
- ``(STOPPED, code, message, target)``: the run cannot go on; an empty code means canceled.

Names inside a directory are bytes, like paths.
"""

from __future__ import annotations

from typing import Final

DIRECTORIES: Final = "directories"
LARGE: Final = "large"
FINISH: Final = "finish"
CENSUS: Final = "census"
DEFERRED: Final = "deferred"
SYNC: Final = "sync"

FOUND: Final = "found"
FOUND_LARGE: Final = "found_large"
DEFER: Final = "defer"
LISTED: Final = "listed"
ITEMS: Final = "items"
LOG: Final = "log"
DONE: Final = "done"
STOPPED: Final = "stopped"

CHUNK_BYTES: Final = 32 * 1024
"""Lists in messages are cut when their names reach this many bytes."""

CHUNK_ENTRIES: Final = 64
"""Sub-directories are handed over after this many, so that the other helpers have work early."""
