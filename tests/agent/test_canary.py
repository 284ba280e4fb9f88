"""A secret is nowhere but where the admin put it: not in the store, a log, a report, an argument, or on a screen.

The secrets are the real ones of real servers, by every kind of reference that can be had here, in runs that
succeed, are refused, find no server, and crash.
"""

from __future__ import annotations

import base64
import io
import os
import re
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from store.place import locate
from store.plan import apply_plan, parse_plan
from store.queries.runs import RunRow
from store.resources.common import find_mover
from store.resources.runs import start_run
from tests.agent.canary import Canaries, Watch
from tests.agent.migration import AGENT, Migration
from tests.postgres import Cluster, binaries
from tests.servers import azurite, s3, samba
from tests.tui.driving import seen, until
from tui.__main__ import main
from tui.app import LongshoreApp

AZURE_KEY, WRONG_KEY = (base64.b64encode(b"canary:" + secrets.token_bytes(25)).decode() for _ in range(2))
S3_SECRET, SMB_PASSWORD, SMB_WRONG = (f"canary {secrets.token_urlsafe(12)}+/%" for _ in range(3))
SECRETS = (AZURE_KEY, WRONG_KEY, S3_SECRET, SMB_PASSWORD, SMB_WRONG)
"""Of this run of the tests alone: others on this machine may know what the servers' modules name."""

RING = """
from pathlib import Path
from keyring.backend import KeyringBackend

class Ring(KeyringBackend):
    priority = 1

    def get_password(self, service, username):
        path = Path({kept!r}) / f"{{service}}-{{username}}"
        return path.read_text() if path.exists() else None

    def set_password(self, service, username, password):
        raise NotImplementedError
"""
"""A keyring for the worker: none of the desktop's is here."""

LIMIT = 120.0


class Scene:
    """Servers, endpoints that lead to them by several references, and one agent.

    Attributes:
        outputs: everything that was said or shown.
        kept: the one directory that may hold secrets.
    """

    def __init__(self, directory: Path, servers: ExitStack, store: str | None = None) -> None:
        self.directory = directory
        self.kept = directory / "kept"
        self.kept.mkdir(mode=0o700)
        (directory / "tmp").mkdir()
        self.migration = Migration(directory, mode="Additive", server=store)
        servers.callback(self.migration.close)
        self.azurite = azurite.Azurite(base64.b64decode(AZURE_KEY))
        servers.callback(self.azurite.stop)
        self.azurite.start()
        self.s3 = servers.enter_context(_entered(s3.running))
        self.samba = servers.enter_context(_entered(samba.running))
        self.canaries = Canaries(SECRETS)
        self.outputs: list[bytes] = []
        for name, secret in (
            ("azure", AZURE_KEY),
            ("wrong", WRONG_KEY),
            ("s3", S3_SECRET),
            ("smb-wrong", SMB_WRONG),
            ("share-longshore", SMB_PASSWORD),
        ):
            file = self.kept / name
            file.touch(0o600)
            file.write_text(secret)
        (directory / "canary_ring.py").write_text(RING.format(kept=str(self.kept)))
        self._apply()

    def _apply(self) -> None:
        blob, bucket, share = self.azurite.fresh_place(), self.s3.fresh_place(), self.samba.fresh_place()
        bucket |= {
            "sourceUri": re.sub(r"http://127.0.0.1:\d+", "https://s3.example.com", bucket["sourceUri"]),
            "serviceUrl": f"http://127.0.0.1:{self.s3.port}",
        }
        away = {**blob, "serviceUrl": re.sub(r":\d+/", ":9/", blob["serviceUrl"]), "blobContainerName": "away"}
        user = "env:CANARY_SMB_USER"
        endpoints = {
            "blob-env": blob | _credentials(blob, accountKeyUri="env:CANARY_KEY"),
            "blob-file": self.azurite.fresh_place() | _credentials(blob, accountKeyUri=f"file:{self.kept}/azure"),
            "blob-wrong": self.azurite.fresh_place() | _credentials(blob, accountKeyUri=f"file:{self.kept}/wrong"),
            "blob-away": away | _credentials(blob, accountKeyUri="env:CANARY_KEY"),
            "s3-file": bucket | _credentials(bucket, secretKeyUri=f"file:{self.kept}/s3"),
            "smb-ring": share | _credentials(share, usernameUri=user, passwordUri="keyring:share/longshore"),
            "smb-wrong": self.samba.fresh_place()
            | _credentials(share, usernameUri=user, passwordUri=f"file:{self.kept}/smb-wrong"),
        }
        definitions = {name: ("from", name) for name in endpoints} | {"back": ("blob-file", "to")}
        plan = {
            "storageMovers": [
                {
                    "name": "m",
                    "endpoints": [{"name": name, "properties": properties} for name, properties in endpoints.items()],
                    "projects": [
                        {
                            "name": "p",
                            "jobDefinitions": [
                                {
                                    "name": f"d-{name}",
                                    "properties": {
                                        "copyMode": "Additive",
                                        "sourceName": source,
                                        "targetName": target,
                                        "agentName": "dock-1",
                                    },
                                }
                                for name, (source, target) in definitions.items()
                            ],
                        }
                    ],
                }
            ]
        }
        with self.migration.store.write("user/test") as tx:
            apply_plan(tx, parse_plan(yaml.safe_dump(plan).encode(), "plan"))

    def start_agent(self) -> None:
        """The agent, with secrets in its environment as an admin's unit file puts them there."""
        known = {
            **self.s3.environment,
            "CANARY_KEY": AZURE_KEY,
            "CANARY_SMB_USER": self.samba.user,
            "PYTHON_KEYRING_BACKEND": "canary_ring.Ring",
            "PYTHONPATH": os.pathsep.join(filter(None, (str(self.directory), os.getenv("PYTHONPATH")))),
            "PYTHONFAULTHANDLER": "1",
            "TMPDIR": str(self.directory / "tmp"),
        }
        with pytest.MonkeyPatch.context() as patch:
            for name, value in known.items():
                patch.setenv(name, value)
            self.migration.start_agent(program=AGENT)

    def run(self, name: str, **options: Any) -> RunRow:
        """A run of one definition to its end."""
        self.begin(name, **options)
        return self.migration.ended(LIMIT)

    def succeed(self, name: str) -> None:
        run = self.run(name)
        assert run.status == "Succeeded", (run.error_code, run.error_message, self.migration.log())

    def begin(self, name: str, **options: Any) -> None:
        with self.migration.store.write("user/test") as tx:
            start_run(tx, find_mover(tx.session, "m"), f"p/d-{name}", report=True, **options)

    def crash(self) -> None:
        """SIGABRT for a worker that has just used its secret, as a library's assertion would send it."""
        assert self.azurite._process is not None
        self.azurite._process.send_signal(signal.SIGSTOP)
        before = self._connections()
        self.begin("blob-env")
        self.migration.until(lambda run: self._connections() > before or not run.active)
        (worker,) = self.migration.workers()
        limits = Path(f"/proc/{worker}/limits").read_text()
        assert re.search(r"Max core file size +0 +0", limits), "a dump of its memory would hold what it knows"
        os.kill(worker, signal.SIGABRT)
        self.azurite._process.send_signal(signal.SIGCONT)
        assert self.migration.ended(LIMIT).status == "Succeeded", "another worker goes on"
        assert "killed by SIGABRT" in self.migration.log()

    def _connections(self) -> int:
        """How many there are to Azurite."""
        fields = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
        ports = [int(remote.rpartition(":")[2], 16) for _, _, remote, state, *_ in fields if state == "01"]
        return ports.count(self.azurite.port)

    def say(self, *arguments: str) -> None:
        """What a command of ours says, on both streams."""
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            main(["--store", self.migration.url, *arguments])
        assert out.getvalue(), (arguments, err.getvalue())
        self.outputs += [out.getvalue().encode(), err.getvalue().encode()]

    def say_everything(self, names: list[str]) -> None:
        for form in ("yaml", "json", "arm"):
            self.say("export", "--format", form)
        for noun in ("endpoint", "definition", "agent", "event", "run"):
            self.say(noun, "list", "--json")
        for name in names:
            self.say("definition", "show", f"p/d-{name}", "--json")
            self.say("run", "show", f"p/d-{name}", "--json")
            self.say("run", "show", f"p/d-{name}")
            self.say("run", "items", f"p/d-{name}", "--json")
            if name != "back":
                self.say("endpoint", "show", name, "--json")
                self.say("endpoint", "show", name)
        for form in ("jsonl", "csv"):
            self.say("run", "report", "p/d-blob-file", "--format", form)

    def nothing_told(self) -> None:
        """No secret is in a file of the run, but those that the admin made; nor in anything that was said."""
        assert self.canaries.found_below(self.directory, but=[self.kept]) == []
        told = [output[:300] for output in self.outputs if self.canaries.found_in(output)]
        assert told == []


@contextmanager
def _entered(running: Any) -> Iterator[Any]:
    """A server, whether its module has a generator or a context manager."""
    serving = running()
    if hasattr(serving, "__enter__"):
        with serving as server:
            yield server
    else:
        yield from serving


def _credentials(properties: dict[str, Any], **references: str) -> dict[str, Any]:
    return {"credentials": {**properties["credentials"], **references}}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> Iterator[ExitStack]:
    monkeypatch.setattr(s3, "SECRET", S3_SECRET)
    monkeypatch.setattr(samba, "PASSWORD", SMB_PASSWORD)
    with ExitStack() as found:
        yield found


async def look_at_screens(scene: Scene, names: list[str]) -> None:
    """Every screen that tells of an endpoint, a definition, a run or an event; as text and as a picture."""
    app = LongshoreApp(locate(scene.migration.url))
    async with app.run_test(size=(160, 45)) as pilot:
        await until(pilot, "Hierarchy")
        subjects = [f"endpoints {name}" for name in names]
        subjects += [f"{kind} d-{name}" for kind in ("definitions", "runs") for name in names]
        for subject in [*subjects, "events"]:
            before = app.screen
            await pilot.press("colon", *subject, "enter")
            await until(pilot, partial(_left, app, before))
            await pilot.pause(0.3)
            scene.outputs += [seen(app).encode(), app.export_screenshot().encode()]
            await pilot.press("escape")
        assert b"AZSM" in b"".join(scene.outputs)


@pytest.mark.anyio
async def test_a_secret_is_nowhere_on_an_embedded_store(tmp_path: Path, servers: ExitStack) -> None:
    scene = Scene(tmp_path, servers)
    scene.migration.fill(60)
    others = [os.getpid(), *_family(os.getpid())]
    with Watch(scene.canaries, may_know=others) as watch:
        scene.start_agent()
        scene.succeed("blob-file")
        scene.succeed("s3-file")
        scene.succeed("smb-ring")
        scene.succeed("back")
        for name in ("blob-wrong", "smb-wrong", "blob-away"):
            run = scene.run(name)
            assert run.status == "Failed"
            assert run.error_code
        scene.crash()
        scene.azurite.kill()
        scene.run("back")
        scene.nothing_told()
        names = ["blob-env", "blob-file", "blob-wrong", "blob-away", "s3-file", "smb-ring", "smb-wrong", "back"]
        scene.say_everything(names)
        await look_at_screens(scene, ["blob-wrong", "smb-ring"])
    assert watch.leaks == set()
    assert watch.seen
    scene.nothing_told()


def test_a_secret_is_nowhere_on_a_server(tmp_path: Path, servers: ExitStack, cluster: Cluster, store_url: str) -> None:
    scene = Scene(tmp_path, servers, store_url)
    scene.migration.fill(30)
    scene.start_agent()
    scene.succeed("blob-file")
    assert scene.run("blob-wrong").status == "Failed"
    scene.say_everything(["blob-file", "blob-wrong"])
    found = binaries()
    assert found is not None
    dump = shutil.which("pg_dump", path=f"{found}:{os.environ['PATH']}")
    assert dump is not None
    database = store_url.rpartition("/")[2]
    scene.outputs.append(
        subprocess.run(
            [dump, "--host=127.0.0.1", f"--port={cluster.port}", "--username=postgres", database],
            capture_output=True,
            check=True,
        ).stdout
    )
    assert b"CREATE TABLE" in scene.outputs[-1]
    scene.outputs.append(cluster.log.encode())
    scene.nothing_told()


def _family(pid: int) -> list[int]:
    """The processes below one: the servers know their own secrets."""
    children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return [found for child in children for found in (child, *_family(child))]


def _left(app: LongshoreApp, before: object) -> bool:
    return app.screen is not before and "Go to" not in seen(app)
