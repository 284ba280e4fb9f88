"""What coordinator and helpers say to each other: the tags of their messages.

Coordinator to helper, one unit of work each:

- ``(DIRECTORIES, [(path, created), ...])``: go through these directories, not what is below them.
- ``(LARGE, directory, name, listed_size)``: one large file.
- ``(FILES, directory, [name, ...])``: files that the target does not have, of a directory that another
  helper is going through.
- ``(FINISH, directory, changed)``: set a directory's metadata now that all in it is in place.
- ``(LINKS, [[(path, listed_size), ...], ...])``: the names of files that have several, a list for each.
- ``(CENSUS, directory, names)``: count what is below those of these candidates that are directories.
- ``(DEFERRED, directory, candidates, late, final, changed, withheld)``: delete the candidates, then
  copy the late names; ``final`` finishes the directory; ``withheld`` is None or ``(code, message)``.
- ``(GONE,)``: record what the plan has and the source has no longer.
- ``(SYNC,)``: make everything durable.

Helper to coordinator:

- ``(FOUND, [(path, created), ...])``: sub-directories, to be units of their own.
- ``(FOUND_LARGE, directory, name, listed_size)``: a large file, to be a unit of its own.
- ``(FOUND_FILES, directory, [name, ...])``: files to be a unit of their own.
- ``(FOUND_LINKS, [(device, inode, path, size), ...])``: names of files that have several.
- ``(DEFER, directory, candidates, late, final, changed)``: work for after all transfers.
- ``(LISTED, directory, changed)``: the directory's entries are dealt with but for what was found above.
- ``(ITEMS, rows)``: items to be recorded, as the agent gets them.
- ``(REPORT, items, data)``: a part of the full report, as the agent gets it.
- ``(LOG, level, text)``: narration for the agent.
- ``(DONE,)``: the unit is done; the next may come.
- ``(STOPPED, code, message, target)``: the run cannot go on; an empty code means canceled.

Names inside a directory are bytes, like paths.
"""

from __future__ import annotations

from typing import Final

DIRECTORIES: Final = "directories"
LARGE: Final = "large"
FILES: Final = "files"
FINISH: Final = "finish"
LINKS: Final = "links"
CENSUS: Final = "census"
DEFERRED: Final = "deferred"
GONE: Final = "gone"
SYNC: Final = "sync"

FOUND: Final = "found"
FOUND_LARGE: Final = "found_large"
FOUND_FILES: Final = "found_files"
FOUND_LINKS: Final = "found_links"
DEFER: Final = "defer"
LISTED: Final = "listed"
ITEMS: Final = "items"
REPORT: Final = "report"
LOG: Final = "log"
DONE: Final = "done"
STOPPED: Final = "stopped"

Late = tuple[bytes, int, bytes]
"""A name whose place a target directory holds, its listed size, and the path of the file that it is
to be a further name of (empty: it is a file or link of its own)."""

CHUNK_BYTES: Final = 32 * 1024
"""Lists in messages are cut when their names reach this many bytes."""

CHUNK_ENTRIES: Final = 64
"""Sub-directories are handed over after this many, so that the other helpers have work early."""
