"""What a credential reference leads to, and what it is refused for."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import keyring
import pytest
from azure.core.credentials import AccessToken
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked

from agentsim.child_environment import clean_environment, worker_environment
from agentsim.engine.errors import RunStopped, Side
from agentsim.places import key_vault
from agentsim.places.secrets import Secrets
from store import codes
from tests.places import vault as vaults
from tests.places.vault import Vault

SECRET = "hunter2-Geheimnis-7Q"
VAULT_URI = "https://nas-exit.vault.azure.net/secrets/nas1-password"


@pytest.fixture
def secret_file(tmp_path: Path) -> Path:
    path = tmp_path / "kept" / "secret"
    path.parent.mkdir(mode=0o700)
    path.write_text(SECRET + "\n")
    path.chmod(0o600)
    return path


def refusal(reference: str, secrets: Secrets | None = None, side: Side = Side.SOURCE) -> RunStopped:
    """The error of a reference that cannot be used; the secret is nowhere in it, nor in what it came from."""
    with pytest.raises(RunStopped) as stopped:
        (secrets or Secrets()).resolve(reference, side)
    error = stopped.value
    assert error.__cause__ is None
    assert error.__context__ is None
    assert SECRET not in "".join(traceback.format_exception(error))
    assert error.target == side.value
    return error


# Variables.


def test_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAS1_PASSWORD", SECRET)
    assert Secrets().resolve("env:NAS1_PASSWORD", Side.SOURCE) == SECRET


@pytest.mark.parametrize("value", [None, "", " \n"])
def test_a_variable_that_holds_nothing(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    if value is None:
        monkeypatch.delenv("NAS1_PASSWORD", raising=False)
    else:
        monkeypatch.setenv("NAS1_PASSWORD", value)
    error = refusal("env:NAS1_PASSWORD", side=Side.TARGET)
    assert error.code == codes.CREDENTIAL_UNRESOLVED
    assert error.message.startswith("env:NAS1_PASSWORD: ")


def test_a_variable_that_is_not_utf8(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "NAS1_PASSWORD", os.fsdecode(b"\xff" + SECRET.encode()))
    assert "not UTF-8" in refusal("env:NAS1_PASSWORD").message


def test_what_is_no_reference_is_not_shown() -> None:
    with pytest.raises(RunStopped) as stopped:
        Secrets().resolve(SECRET, Side.SOURCE)
    assert stopped.value.message == "A credential: this is no reference to a secret"


def test_children_do_not_inherit_what_was_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAS1_KEY", SECRET)
    monkeypatch.setenv("ANOTHER", "stays")
    endpoint = {
        "endpointType": "S3WithHMAC",
        "credentials": {"accessKeyUri": "env:NO_SUCH", "secretKeyUri": "env:NAS1_KEY"},
    }
    secrets = Secrets.taken_for(endpoint, {"endpointType": "LocalPath", "path": "env:ANOTHER thing"})
    printed = subprocess.run(
        [sys.executable, "-c", "import os; print(dict(os.environ))"], capture_output=True, text=True, check=True
    ).stdout
    assert SECRET not in printed
    assert "stays" in printed
    assert secrets.resolve("env:NAS1_KEY", Side.SOURCE) == SECRET


@pytest.mark.parametrize(
    ("endpoint_type", "expected"),
    [
        ("LocalPath", {"HOME", "NAS1_KEY"}),
        ("AzureStorageBlobContainer", {"HOME", "NAS1_KEY", "AZURE_CLIENT_SECRET"}),
        ("S3WithHMAC", {"HOME", "NAS1_KEY", "AWS_SECRET_ACCESS_KEY"}),
    ],
)
def test_a_worker_gets_what_its_own_run_needs(
    monkeypatch: pytest.MonkeyPatch, endpoint_type: str, expected: set[str]
) -> None:
    names = ("LONGSHORE_TOKEN", "LONGSHORE_STORE", "PGPASSWORD", "NAS1_KEY", "NAS2_KEY", "HOME")
    for name in (*names, "AZURE_CLIENT_SECRET", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, SECRET)
    target = {"endpointType": endpoint_type, "credentials": {"accountKeyUri": "env:NAS1_KEY"}}
    errand = ("order", {"source": {"endpointType": "LocalPath", "path": "/srv"}, "target": target, "helpers": 2})
    assert {name for name, value in worker_environment(errand).items() if value == SECRET} == expected


def test_a_vault_is_asked_by_the_hosts_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_CLIENT_SECRET", SECRET)
    share = {"endpointType": "SmbMount", "credentials": {"passwordUri": VAULT_URI}}
    assert "AZURE_CLIENT_SECRET" in worker_environment(("test", {"properties": share}))
    assert "AZURE_CLIENT_SECRET" not in worker_environment(("test", {"properties": {"endpointType": "SmbMount"}}))


def test_a_program_that_mounts_gets_no_secret_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NAS1_KEY", "AWS_SECRET_ACCESS_KEY", "LD_PRELOAD"):
        monkeypatch.setenv(name, SECRET)
    assert SECRET not in clean_environment().values()
    assert subprocess.run(["true"], env=clean_environment(), check=False).returncode == 0


# Files.


def test_a_file_less_its_last_line_feed(secret_file: Path) -> None:
    assert Secrets().resolve(f"file:{secret_file}", Side.SOURCE) == SECRET
    secret_file.write_text(f"{SECRET}\n\n")
    assert Secrets().resolve(f"file:{secret_file}", Side.SOURCE) == SECRET + "\n"


@pytest.mark.parametrize("mode", [0o640, 0o620, 0o604, 0o602, 0o601, 0o666])
def test_a_file_that_others_can_open_is_refused(secret_file: Path, mode: int) -> None:
    secret_file.chmod(mode)
    error = refusal(f"file:{secret_file}")
    assert error.code == codes.CREDENTIAL_UNRESOLVED
    assert "others can read or write the file" in error.message


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777])
def test_a_directory_that_others_can_write_to_is_refused(secret_file: Path, mode: int) -> None:
    secret_file.parent.chmod(mode)
    assert "others can write to its directory" in refusal(f"file:{secret_file}").message
    secret_file.parent.chmod(mode | 0o1000)
    assert Secrets().resolve(f"file:{secret_file}", Side.SOURCE) == SECRET, "nobody can replace it in a sticky one"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_file_or_directory_of_another_user_is_refused(secret_file: Path) -> None:
    os.chown(secret_file, 12345, 0)
    assert "the file belongs to another user" in refusal(f"file:{secret_file}").message
    os.chown(secret_file, 0, 0)
    os.chown(secret_file.parent, 12345, 0)
    assert "its directory belongs to another user" in refusal(f"file:{secret_file}").message


def _link(path: Path) -> None:
    path.rename(path.with_name("real"))
    path.symlink_to("real")


def _fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)


def _directory(path: Path) -> None:
    path.unlink()
    path.mkdir(0o700)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (_link, "symbolic link"),
        (_fifo, "not a regular file"),
        (_directory, "not a regular file"),
        (Path.unlink, "No such file"),
        (partial(Path.write_bytes, data=b"\xff" + SECRET.encode()), "not UTF-8"),
        (partial(Path.write_text, data=""), "empty"),
        (partial(Path.write_text, data=SECRET * 4000), "larger than 64 KiB"),
    ],
)
def test_a_file_that_cannot_be_used(secret_file: Path, make: Callable[[Path], object], words: str) -> None:
    make(secret_file)
    error = refusal(f"file:{secret_file}")
    assert error.code == codes.CREDENTIAL_UNRESOLVED
    assert words in error.message


@pytest.mark.parametrize("name", ["", ".", "..", "\0"])
def test_a_name_that_no_file_has(secret_file: Path, name: str) -> None:
    assert refusal(f"file:{secret_file.parent}/{name}").code == codes.CREDENTIAL_UNRESOLVED


# Keyrings.


class Ring(KeyringBackend):
    """A keyring in memory."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.entries: dict[tuple[str, str], str] = {}
        self.fails: Exception | None = None

    def get_password(self, service: str, username: str) -> str | None:
        if self.fails:
            raise self.fails
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.entries[service, username] = password


@pytest.fixture
def ring() -> Iterator[Ring]:
    before = keyring.get_keyring()
    found = Ring()
    keyring.set_keyring(found)
    yield found
    keyring.set_keyring(before)


def test_a_keyring(ring: Ring) -> None:
    ring.set_password("nas1", "svc/migration", SECRET)
    assert Secrets().resolve("keyring:nas1/svc/migration", Side.SOURCE) == SECRET
    assert "no such entry" in refusal("keyring:nas1/nobody").message


def test_a_keyring_that_does_not_open(ring: Ring) -> None:
    ring.fails = KeyringLocked(SECRET)
    assert "the keyring is locked" in refusal("keyring:nas1/svc").message
    ring.fails = RuntimeError(SECRET)
    assert "RuntimeError" in refusal("keyring:nas1/svc").message


def test_a_host_without_a_keyring(ring: Ring) -> None:
    from keyring.backends.fail import Keyring

    keyring.set_keyring(Keyring())  # type: ignore[no-untyped-call]
    error = refusal("keyring:nas1/svc")
    assert error.code == codes.CREDENTIAL_UNRESOLVED
    assert "no keyring" in error.message


@pytest.mark.parametrize(
    ("module", "reference", "extra"),
    [("keyring", "keyring:nas1/svc", "keyring"), ("azure.keyvault.secrets", VAULT_URI, "azure")],
)
def test_without_the_library(monkeypatch: pytest.MonkeyPatch, module: str, reference: str, extra: str) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    error = refusal(reference)
    assert error.code == codes.LIBRARY_MISSING
    assert f"pip install 'longshore[{extra}]'" in error.message


# Key vaults.


@pytest.fixture
def vault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Vault]:
    """A vault of the tests' behind every vault's name; SDK, TLS and HTTP are real, the identity is not."""
    with vaults.running(tmp_path) as found:
        found.secrets = {"nas1-password": SECRET, "nas1-password/0123abcd": "an older one"}
        read = key_vault.read_secret

        def led(uri: str, **options: Any) -> str:
            return read(uri, credential=vaults.Identity(), transport=vaults.ToLoopback(found), retry_total=0, **options)

        monkeypatch.setattr(key_vault, "read_secret", led)
        yield found


def test_a_key_vault(vault: Vault) -> None:
    secrets = Secrets()
    assert secrets.resolve(VAULT_URI, Side.TARGET) == SECRET
    assert secrets.resolve(f"{VAULT_URI}/0123abcd", Side.TARGET) == "an older one"
    assert [path.rstrip("/") for path, token in vault.asked if token] == [
        "/secrets/nas1-password",
        "/secrets/nas1-password/0123abcd",
    ]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((403, "Forbidden"), "the agent's identity may not read the secret (Forbidden: "),
        ((404, "SecretNotFound"), "the vault has no such secret (SecretNotFound: "),
        ((429, "Throttled"), "the vault is too busy (Throttled: "),
        ((500, "Broken"), "the vault answered 500 (Broken: "),
    ],
)
def test_a_key_vault_that_gives_nothing(vault: Vault, answer: tuple[int, str], words: str) -> None:
    vault.answer = answer
    error = refusal(VAULT_URI, side=Side.TARGET)
    assert error.code == codes.KEY_VAULT
    assert error.message.startswith(f"{VAULT_URI}: {words}")


def test_a_key_vault_that_does_not_know_the_agent(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vaults.Identity, "get_token", lambda *scopes, **options: AccessToken("stale", 2**40))
    error = refusal(VAULT_URI)
    assert error.code == codes.KEY_VAULT
    assert "does not accept the agent's identity" in error.message


def test_a_key_vault_that_is_not_there(vault: Vault) -> None:
    vault.close()
    error = refusal(VAULT_URI)
    assert error.code == codes.KEY_VAULT
    assert "the vault gave no answer" in error.message


def test_an_empty_secret_of_a_key_vault(vault: Vault) -> None:
    vault.secrets["nas1-password"] = ""
    assert "the secret is empty" in refusal(VAULT_URI).message


def test_a_vault_of_another_cloud_is_never_asked(vault: Vault) -> None:
    refusal("https://nas-exit.vault.example.com/secrets/nas1-password")
    assert vault.asked == []


def test_a_librarys_words_are_one_bounded_line_without_a_query() -> None:
    said = key_vault.plain("Failed\n\tto GET https://x.invalid/a?sig=abc%3D&x=1 " + "again " * 100)
    assert said.startswith("Failed to GET https://x.invalid/a again ")
    assert len(said) == 300


# What is kept.


def test_a_secret_is_read_once_and_forgotten(secret_file: Path) -> None:
    secrets = Secrets()
    reference = f"file:{secret_file}"
    assert secrets.resolve(reference, Side.SOURCE) == SECRET
    secret_file.write_text("changed")
    assert secrets.resolve(reference, Side.SOURCE) == SECRET
    secrets.forget()
    assert SECRET not in str(vars(secrets))
    assert secrets.resolve(reference, Side.SOURCE) == "changed"


def test_what_was_taken_is_forgotten_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAS1_KEY", SECRET)
    secrets = Secrets.taken_for({"credentials": {"passwordUri": "env:NAS1_KEY"}})
    secrets.resolve("env:NAS1_KEY", Side.SOURCE)
    secrets.forget()
    assert SECRET not in str(vars(secrets))


def test_secrets_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAS1_KEY", SECRET)
    secrets = Secrets()
    secrets.resolve("env:NAS1_KEY", Side.SOURCE)
    assert SECRET not in f"{secrets!r} {secrets!s}"
    with pytest.raises(TypeError):
        pickle.dumps(secrets)
