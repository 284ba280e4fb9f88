"""A key vault for the tests: HTTPS on loopback, as much of its REST interface as reading a secret needs."""

from __future__ import annotations

import datetime
import ipaddress
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from azure.core.credentials import AccessToken
from azure.core.pipeline.transport import RequestsTransport
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

TOKEN = "token-of-the-agents-identity"


class Vault:
    """The server.

    Attributes:
        secrets: values by ``name`` and by ``name/version``.
        answer: a status and an error code to give instead, while it is set.
        asked: paths and bearer tokens of all requests.
    """

    def __init__(self, directory: Path) -> None:
        self.secrets: dict[str, str] = {}
        self.answer: tuple[int, str] | None = None
        self.asked: list[tuple[str, str]] = []
        self.certificate = directory / "vault.pem"
        vault = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                vault._get(self)

            def log_message(self, *arguments: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(_certificate(self.certificate))
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _get(self, request: BaseHTTPRequestHandler) -> None:
        path, token = urlsplit(request.path).path, request.headers.get("Authorization", "").removeprefix("Bearer ")
        self.asked.append((path, token))
        if token != TOKEN:
            challenge = 'Bearer authorization="https://login.invalid/tenant", resource="https://vault.azure.net"'
            return _send(request, 401, {"error": {"code": "Unauthorized", "message": "Who is it?"}}, challenge)
        if self.answer is not None:
            status, code = self.answer
            return _send(request, status, {"error": {"code": code, "message": f"The vault says {code}."}})
        name = path.removeprefix("/secrets/").rstrip("/")
        if name not in self.secrets:
            return _send(request, 404, {"error": {"code": "SecretNotFound", "message": f"No secret {name}."}})
        identifier = f"https://nas-exit.vault.azure.net/secrets/{name.split('/')[0]}/1"
        return _send(request, 200, {"value": self.secrets[name], "id": identifier, "attributes": {"enabled": True}})


class Identity:
    """A credential that always has a token; an agent's is found by ``DefaultAzureCredential``."""

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        assert scopes == ("https://vault.azure.net/.default",)
        return AccessToken(TOKEN, 2**40)

    def __enter__(self) -> Identity:
        return self

    def __exit__(self, *error: object) -> None:
        pass


class ToLoopback(RequestsTransport):  # type: ignore[misc]
    """The SDK's own transport, with one server behind every name."""

    def __init__(self, vault: Vault) -> None:
        super().__init__(connection_verify=str(vault.certificate))
        self._port = vault.port

    def send(self, request: Any, **options: Any) -> Any:
        asked, parts = request.url, urlsplit(request.url)
        request.headers["Host"] = parts.netloc
        request.url = parts._replace(netloc=f"127.0.0.1:{self._port}").geturl()
        try:
            return super().send(request, **options)
        finally:
            request.url = asked


@contextmanager
def running(directory: Path) -> Iterator[Vault]:
    """A vault for as long as the block lasts."""
    vault = Vault(directory)
    try:
        yield vault
    finally:
        vault.close()


def _send(request: BaseHTTPRequestHandler, status: int, body: dict[str, Any], challenge: str = "") -> None:
    data = json.dumps(body).encode()
    request.send_response(status)
    request.send_header("Content-Type", "application/json; charset=utf-8")
    request.send_header("Content-Length", str(len(data)))
    if challenge:
        request.send_header("WWW-Authenticate", challenge)
    request.end_headers()
    request.wfile.write(data)


def _certificate(path: Path) -> Path:
    """A key and a certificate of its own for 127.0.0.1, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "vault of the tests")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(secret + certificate.public_bytes(pem))
    return path
