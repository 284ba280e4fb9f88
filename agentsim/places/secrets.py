"""Credential references, resolved where they are used and nowhere else (DESIGN §3)."""

from __future__ import annotations

from agentsim.engine.errors import Side


class Secrets:
    """Resolves references for one run, in its worker, and forgets them with it.

    No method shows a secret in an exception, a log or a repr.
    """

    def resolve(self, reference: str, side: Side) -> str:
        """The secret behind a reference (``env:NAME``, ``file:/path``, ``keyring:service/user``, a Key Vault URI).

        Args:
            reference: as ``store.rules.valid_credential_reference`` accepts it; not empty.
            side: words the errors.

        Raises:
            RunStopped: it leads nowhere, others could read it, or the vault refuses.
        """
        raise NotImplementedError

    def forget(self) -> None:
        """Drop what was resolved."""
