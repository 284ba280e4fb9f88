"""A Blob service that has only listings, made up page by page, and a process that walks them."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

ROOT = Path(__file__).resolve().parents[2]

WALKER = """
import json, resource, sys
from agentsim.engine.errors import Side
from agentsim.engine.lease import Lease, now
from agentsim.places.blob import BlobPlace
from agentsim.places.place import Opening
from agentsim.places.secrets import Secrets

class Known(Secrets):
    def resolve(self, reference, side):
        return "a2V5"

opening = Opening(side=Side.SOURCE, writes=False, sub_path=b"", lease=Lease(now() + 3600))
place = BlobPlace(opening, json.loads(sys.argv[1]), Known())
count = sum(1 for _ in place.walk(lambda _: True))
print(json.dumps([count, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss]))
"""


def peak_of_walk(count: int) -> tuple[int, float]:
    """The peak resident size, in KiB, of a process that walks so many blobs, and its seconds."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(count))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    properties = {
        "storageAccountResourceId": "/subscriptions/x/storageAccounts/acct",
        "blobContainerName": "made-up",
        "serviceUrl": f"http://127.0.0.1:{server.server_address[1]}/acct",
        "credentials": {"accountKeyUri": "env:KEY"},
    }
    begin = time.perf_counter()
    try:
        result = subprocess.run(
            [sys.executable, "-c", WALKER, json.dumps(properties)], cwd=ROOT, check=True, capture_output=True, text=True
        )
    finally:
        server.shutdown()
        server.server_close()
    seen, peak = json.loads(result.stdout)
    if seen != count:
        raise RuntimeError(f"the walk saw {seen} of {count} blobs")
    return peak, time.perf_counter() - begin


def _handler(count: int) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked = parse_qs(urlsplit(self.path).query)
            start, most = int(asked.get("marker", ["0"])[0]), int(asked["maxresults"][0])
            body = _page(start, min(count, start + most), count, most)
            self.send_response(200)
            self.send_header("Content-Type", "application/xml")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
            pass

    return Handler


def _page(start: int, end: int, count: int, most: int) -> bytes:
    blobs = "".join(_blob(number) for number in range(start, end))
    marker = str(end) if end < count else ""
    return (
        '<?xml version="1.0" encoding="utf-8"?><EnumerationResults ServiceEndpoint="http://127.0.0.1/" '
        f'ContainerName="made-up"><MaxResults>{most}</MaxResults><Blobs>{blobs}</Blobs><NextMarker>{marker}</NextMarker></EnumerationResults>'
    ).encode()


def _blob(number: int) -> str:
    return (
        f"<Blob><Name>file-{number:09d}</Name><Properties><Creation-Time>Thu, 01 Jan 2026 00:00:00 GMT</Creation-Time>"
        f"<Last-Modified>Thu, 01 Jan 2026 00:00:00 GMT</Last-Modified><Etag>0x{number:015X}</Etag>"
        "<Content-Length>4096</Content-Length><Content-Type>application/octet-stream</Content-Type>"
        "<Content-MD5>AAAAAAAAAAAAAAAAAAAAAA==</Content-MD5><BlobType>BlockBlob</BlobType><AccessTier>Hot</AccessTier>"
        "<LeaseStatus>unlocked</LeaseStatus><LeaseState>available</LeaseState></Properties><Metadata>"
        f"<modtime>{number}</modtime><permissions>33188</permissions></Metadata></Blob>"
    )
