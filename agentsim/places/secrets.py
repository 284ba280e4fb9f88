"""Credential references, resolved where they are used and nowhere else (DESIGN §3)."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from typing import Any, Final

from agentsim.child_environment import variables_of
from agentsim.engine.errors import RunStopped, Side
from agentsim.places import key_vault
from agentsim.places.secret_file import Unusable, read_secret_file
from store import codes
from store.display import display
from store.rules import CREDENTIAL_REFERENCE

_ENVIRONMENT: Final = "env:"
_FILE: Final = "file:"
_KEYRING: Final = "keyring:"


class Secrets:
    """Resolves references for one run, in its worker, and forgets them with it.

    No method shows a secret in an exception, a log or a repr. What an exception says is the reference, which
    anybody may read, and what is wrong with what it leads to.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        """Nothing is read yet.

        Args:
            environment: what ``env:`` looks names up in; None for the process's own.
        """
        self._environment = os.environ if environment is None else environment
        self._found: dict[str, str] = {}
        self._lock = threading.Lock()

    @classmethod
    def taken_for(cls, *endpoints: Mapping[str, Any]) -> Secrets:
        """For these endpoints, with the variables that they name taken out of the process's environment.

        What is started from here on (``az``, a ``credential_process``, ``mount``) does not inherit them.

        Args:
            endpoints: properties, as ARM names them.
        """
        names = {name for properties in endpoints for name in variables_of(properties)}
        return cls({name: value for name in sorted(names) if (value := os.environ.pop(name, None)) is not None})

    def __repr__(self) -> str:
        return "Secrets()"

    def __reduce__(self) -> str:
        raise TypeError("secrets are not handed on")

    def resolve(self, reference: str, side: Side) -> str:
        """The secret behind a reference (``env:NAME``, ``file:/path``, ``keyring:service/user``, a Key Vault URI).

        Args:
            reference: as ``store.rules.valid_credential_reference`` accepts it; not empty.
            side: words the errors.

        Raises:
            RunStopped: it leads nowhere, others could read it, or the vault refuses.
        """
        with self._lock:
            if reference not in self._found:
                self._found[reference] = self._read(reference, side)
            return self._found[reference]

    def forget(self) -> None:
        """Drop what was resolved."""
        with self._lock:
            self._found.clear()
            if isinstance(self._environment, dict):
                self._environment = {}

    def _read(self, reference: str, side: Side) -> str:
        # Raised outside of the handlers: an exception that hangs on another one can hold what was read.
        try:
            return self._look_up(reference)
        except Unusable as error:
            why, code = str(error), codes.CREDENTIAL_UNRESOLVED
        except key_vault.Refused as error:
            why, code = str(error), codes.KEY_VAULT
        except key_vault.LibraryMissing as error:
            why, code = str(error), codes.LIBRARY_MISSING
        raise RunStopped(code, f"{_shown(reference)}: {why}", side.value)

    def _look_up(self, reference: str) -> str:
        if not CREDENTIAL_REFERENCE.fullmatch(reference):
            raise Unusable("this is no reference to a secret")
        if reference.startswith(_ENVIRONMENT):
            return _usable(self._environment.get(reference.removeprefix(_ENVIRONMENT)), "the variable is not set")
        if reference.startswith(_FILE):
            return _usable(read_secret_file(reference.removeprefix(_FILE)), "")
        if reference.startswith(_KEYRING):
            service, _, user = reference.removeprefix(_KEYRING).partition("/")
            return _usable(_from_keyring(service, user), "the keyring has no such entry")
        return _usable(key_vault.read_secret(reference), "")


def _from_keyring(service: str, user: str) -> str | None:
    """The password of an entry, None where there is none."""
    try:
        import keyring
        from keyring import errors
    except ImportError:
        keyring = None  # type: ignore[assignment]
    if keyring is None:
        raise key_vault.LibraryMissing("the agent lacks a library for keyrings: pip install 'longshore[keyring]'")
    try:
        return keyring.get_password(service, user)
    except errors.NoKeyringError:
        why = "this host has no keyring that the agent's user can open: use a file or a variable"
    except errors.KeyringLocked:
        why = "the keyring is locked: unlock it for the agent's user"
    except Exception as error:  # backends raise what their libraries do
        why = f"the keyring does not answer ({type(error).__name__})"
    raise Unusable(why)


def _usable(secret: str | None, missing: str) -> str:
    """The secret, if there is one that can be said to a server."""
    if secret is None:
        raise Unusable(missing)
    if not secret.strip():
        raise Unusable("the secret is empty")
    if any(0xD800 <= ord(letter) <= 0xDFFF for letter in secret):
        raise Unusable("the secret is not UTF-8")
    return secret


def _shown(reference: str) -> str:
    """A reference as an admin wrote it; what is no reference may be a secret that somebody put in its place."""
    return display(reference, 300) if CREDENTIAL_REFERENCE.fullmatch(reference) else "A credential"
