"""Secrets in Azure Key Vault, by the identity that the agent's host has (azure-identity's default chain)."""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import urlsplit

_MOST_WORDS: Final = 300
_PATIENCE: Final[dict[str, Any]] = {
    "retry_total": 4,
    "retry_backoff_factor": 0.5,
    "connection_timeout": 10,
    "read_timeout": 20,
}
"""Of the client: a vault that is not there ends a run within a minute."""


class Refused(Exception):
    """A vault gave no secret; the text says why and holds none."""


class LibraryMissing(Exception):
    """The agent cannot read such a reference as it is installed; the text says what to install."""


def read_secret(uri: str, **options: Any) -> str:
    """The value of a secret, of its latest version if the URI names none.

    Args:
        uri: as ``store.rules`` accepts it.
        options: for the client; the tests lead it to a server of their own.

    Raises:
        Refused: the vault cannot be reached, does not know the secret or the agent, or the secret is disabled.
        LibraryMissing: the package was installed without what this needs.
    """
    try:
        from azure.core.exceptions import AzureError
        from azure.keyvault.secrets import SecretClient
    except ImportError:
        pass
    else:
        parts = urlsplit(uri)
        _, _, name, *version = parts.path.split("/")
        try:
            credential = options.pop("credential", None) or _credential()
            with (
                credential,
                SecretClient(f"https://{parts.netloc}", credential, **{**_PATIENCE, **options}) as client,
            ):
                value = client.get_secret(name, version[0] if version else None).value
        except (AzureError, ValueError) as error:  # a challenge that is not a vault's is a ValueError
            why = _why(error)
        else:
            if value:
                return value
            why = "the secret is empty"
        raise Refused(why)
    raise LibraryMissing("the agent lacks the libraries for Key Vault: pip install 'longshore[azure]'")


def _credential() -> Any:
    from azure.identity import DefaultAzureCredential

    return DefaultAzureCredential(exclude_interactive_browser_credential=True)


def _why(error: Any) -> str:
    """The server's own words, bounded, with what to make of its status."""
    status, code = getattr(error, "status_code", None), ""
    if getattr(error, "error", None) is not None:
        code = str(error.error.code or "")
    match status:
        case 401:
            words = "the vault does not accept the agent's identity"
        case 403:
            words = "the agent's identity may not read the secret"
        case 404:
            words = "the vault has no such secret"
        case 429:
            words = "the vault is too busy"
        case None:
            words = "the vault gave no answer"
        case _:
            words = f"the vault answered {status}"
    said = plain(str(getattr(error, "message", "") or error))
    return f"{words} ({code}: {said})" if code else f"{words} ({said})"


def plain(text: str) -> str:
    """A library's words on one line, bounded, without the query of any URL."""
    text = re.sub(r"(https?://[^\s?'\"]*)\?[^\s'\"]*", r"\1", " ".join(text.split()))
    return text if len(text) <= _MOST_WORDS else text[: _MOST_WORDS - 1] + "…"
