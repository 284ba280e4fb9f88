"""The processes behind ``tests.servers.s3``: moto's S3, made as strict as a real one, and a relay in front of it.

``python -m tests.servers.s3_server moto PORT``: moto keeps objects in memory and believes everybody. Here a
request needs the signature of the key in the environment, and a body must be what its digests say. It has no route
for a key with a newline in it (404), which a real server takes.
``python -m tests.servers.s3_server relay PORT UPSTREAM``: passes bytes on; killing it is what clients see of a server
that is killed, while what was acknowledged stays.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import os
import re
import sys
from collections.abc import Callable, Iterable
from typing import Any, Final

ACCESS_VARIABLE: Final = "LONGSHORE_TEST_S3_ACCESS"
SECRET_VARIABLE: Final = "LONGSHORE_TEST_S3_SECRET"

Start = Callable[..., Any]
Application = Callable[[dict[str, Any], Start], Iterable[bytes]]


def main(arguments: list[str]) -> None:
    """Serve until killed."""
    if arguments[0] == "relay":
        asyncio.run(_relay(int(arguments[1]), int(arguments[2])))
    else:
        _moto(int(arguments[1]))


def _moto(port: int) -> None:
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
    from werkzeug.serving import run_simple

    application = DomainDispatcherApplication(create_backend_app)
    run_simple(
        "127.0.0.1", port, _strict(application), threaded=True, use_reloader=False, request_handler=MotoRequestHandler
    )


def _strict(application: Application) -> Application:
    def answer(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        length = int(environ.get("CONTENT_LENGTH") or 0)
        body = environ["wsgi.input"].read(length)
        # A client that hung up in the middle of a body gets nothing stored.
        refusal = "IncompleteBody" if len(body) != length else _refusal(environ, body)
        if refusal:
            status = (
                "403 Forbidden" if refusal in ("SignatureDoesNotMatch", "InvalidAccessKeyId") else "400 Bad Request"
            )
            text = f"<Error><Code>{refusal}</Code><Message>The request is refused: {refusal}</Message></Error>".encode()
            start(status, [("Content-Type", "application/xml"), ("Content-Length", str(len(text)))])
            return [b"" if environ["REQUEST_METHOD"] == "HEAD" else text]
        environ["wsgi.input"] = io.BytesIO(body)
        return application(environ, start)

    return answer


def _refusal(environ: dict[str, Any], body: bytes) -> str:
    """The code of the error that a real server would answer, or empty."""
    found = re.search(
        r"Credential=([^/]+)/[0-9]+/([^/]+)/s3/aws4_request,\s*SignedHeaders=([^,]+),\s*Signature=([0-9a-f]+)",
        environ.get("HTTP_AUTHORIZATION", ""),
    )
    if found is None or found[1] != os.environ[ACCESS_VARIABLE]:
        return "InvalidAccessKeyId"
    if _signature(environ, found[2], found[3]) != found[4]:
        return "SignatureDoesNotMatch"
    digest = environ.get("HTTP_CONTENT_MD5")
    if digest and base64.b64encode(hashlib.md5(body).digest()).decode() != digest:
        return "BadDigest"
    told = environ.get("HTTP_X_AMZ_CONTENT_SHA256", "")
    if re.fullmatch("[0-9a-f]{64}", told) and hashlib.sha256(body).hexdigest() != told:
        return "XAmzContentSHA256Mismatch"
    return ""


def _signature(environ: dict[str, Any], region: str, signed: str) -> str:
    from botocore.auth import S3SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    special = {"content-type": "CONTENT_TYPE", "content-length": "CONTENT_LENGTH"}
    names = signed.split(";")
    headers = {name: environ.get(special.get(name, f"HTTP_{name.upper().replace('-', '_')}"), "") for name in names}
    url = f"http://{environ['HTTP_HOST']}{environ['RAW_URI']}"
    request = AWSRequest(method=environ["REQUEST_METHOD"], url=url, headers=headers)
    request.context["timestamp"] = headers.get("x-amz-date", "")
    auth = S3SigV4Auth(Credentials(os.environ[ACCESS_VARIABLE], os.environ[SECRET_VARIABLE]), "s3", region)
    return str(auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request))


async def _relay(port: int, upstream: int) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        other_reader, other_writer = await asyncio.open_connection("127.0.0.1", upstream)
        await asyncio.gather(_pump(reader, other_writer), _pump(other_reader, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", port, backlog=256)
    await server.serve_forever()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


if __name__ == "__main__":
    main(sys.argv[1:])
