"""The rules that names, descriptions and paths must keep: pure functions of text, no I/O.

Sources: Storage Mover's TypeSpec patterns and its resource-hierarchy article (reference §1), DESIGN §3.
Each function returns the accepted (normalised) value or raises :class:`InvalidInput`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

from store.errors import InvalidInput, NotFound

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
MAX_DESCRIPTION = 1024
CREDENTIAL_REFERENCE = re.compile(
    r"""env:[A-Za-z_][A-Za-z0-9_]*
      | file:/\S.*
      | keyring:[^/\s]+/\S+
      | https://[A-Za-z0-9-]+\.(vault\.azure\.(net|cn)|vault\.usgovcloudapi\.net)/secrets/[A-Za-z0-9-]+(/[A-Za-z0-9]+)?""",
    re.VERBOSE,
)


def valid_name(kind: str, name: str) -> str:
    """A resource name as Storage Mover allows it: 1 to 64 of letters, digits, ``-`` and ``_``."""
    if not NAME.fullmatch(name):
        raise InvalidInput(
            f"The {kind} name '{name}' is not allowed: use 1 to 64 letters, digits, '-' or '_', "
            "and start with a letter or digit.",
            code="InvalidName",
        )
    return name


def valid_description(text: str) -> str:
    """A description: at most 1,024 characters, storable as UTF-8."""
    if len(text) > MAX_DESCRIPTION:
        raise InvalidInput(f"The description has {len(text):,} characters: shorten it to at most {MAX_DESCRIPTION:,}.")
    return _storable(text, "description")


def valid_label(text: str, what: str) -> str:
    """A word that an admin chose freely, such as a tag: storable as UTF-8."""
    return _storable(text, what)


def valid_sub_path(text: str) -> str:
    """A path below an endpoint: relative, without ``..`` and NUL; ``""`` and ``/`` mean the root.

    Storage Mover writes a leading slash (``/home``); it is dropped.
    """
    if "\0" in text:
        raise InvalidInput("A sub-path cannot hold a NUL character: remove it.", code="InvalidSubPath")
    parts = [part for part in _storable(text, "sub-path").split("/") if part not in ("", ".")]
    if ".." in parts:
        raise InvalidInput(
            f"The sub-path '{text}' must not hold '..': name a directory below the endpoint.",
            code="InvalidSubPath",
        )
    return "/".join(parts)


def valid_directory(text: str) -> str:
    """An absolute directory path, normalised without touching the disk."""
    if not text.startswith("/") or "\0" in text:
        raise InvalidInput(f"The path '{text}' must be absolute: start it with '/'.", code="InvalidPath")
    parts = [part for part in _storable(text, "path").split("/") if part not in ("", ".")]
    if ".." in parts:
        raise InvalidInput(f"The path '{text}' must not hold '..': write it out.", code="InvalidPath")
    return "/" + "/".join(parts)


def valid_credential_reference(text: str) -> str:
    """A reference to a secret (never the secret itself); the empty string clears it."""
    if text and not CREDENTIAL_REFERENCE.fullmatch(text):
        raise InvalidInput(
            "A credential must be a reference, never the secret: write env:NAME, file:/path, "
            "keyring:service/user or a Key Vault secret URI.",
            code="InvalidCredentialReference",
        )
    return text


def valid_pattern(text: str) -> str:
    """A pattern of a filter, in gitignore's syntax; one that could never match anything is refused."""
    from pathspec import GitIgnoreSpec  # it costs the first frame more than all else here

    if "\n" in text or "\0" in text:
        raise InvalidInput("A pattern cannot hold a line feed or a NUL: remove it.", code="InvalidPattern")
    try:
        (pattern,) = GitIgnoreSpec.from_lines([_storable(text, "pattern")]).patterns
        matches = pattern.include is not None
    except (ValueError, LookupError, re.error):
        matches = False
    if not matches:
        raise InvalidInput(
            f"The pattern '{text}' matches nothing: write it as in a .gitignore file, such as '*.tmp'.",
            code="InvalidPattern",
        )
    return text


def location_overlaps(one: str, other: str) -> bool:
    """Whether two location keys name the same place, or one place inside the other."""
    one, other = one.rstrip("/") + "/", other.rstrip("/") + "/"
    return one.startswith(other) or other.startswith(one)


def not_found(kind: str, name: str, existing: Iterable[str], where: str = "") -> NotFound:
    """The error for an unknown name: it offers what is near, or what there is."""
    names = sorted(existing)
    near = get_close_matches(name, names, n=1)
    if near:
        hint = f"did you mean '{near[0]}'?"
    elif names:
        more = f" and {len(names) - 5} more" if len(names) > 5 else ""
        hint = f"there is {', '.join(names[:5])}{more}."
    else:
        hint = "there is none yet."
    return NotFound(f"There is no {kind} '{name}'{where}: {hint}")


def _storable(text: str, what: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(f"The {what} is not valid UTF-8: rename it, or name its parent.") from error
    return text
