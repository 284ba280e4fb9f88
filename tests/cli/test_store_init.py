"""From an empty database to a copy: ``store init``, a plan, a token, and an agent that logs in as itself."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import TIMEOUT, Answer, Site, command, environment
from tests.postgres import Cluster

# cluster.database() copies template1, and roles are the whole server's: this prefix is this file's own.
PREFIX = "cli"
PLAN = """
storageMovers:
  - name: nas
    endpoints:
      - {{name: old, properties: {{endpointType: LocalPath, path: "{0}/old"}}}}
      - {{name: new, properties: {{endpointType: LocalPath, path: "{0}/new"}}}}
    projects:
      - name: hr
        jobDefinitions:
          - {{name: home, properties: {{copyMode: Additive, sourceName: old, targetName: new, agentName: dock-1}}}}
"""


@dataclass
class Server:
    """A database, and who works with it: ``dora``, its admin."""

    cluster: Cluster
    database: str
    directory: Path

    def longshore(self, *arguments: str, user: str = "dora") -> Answer:
        return self._run(command(*arguments, store=self.cluster.url(self.database, user)))

    def register(self, token: str, state: str = "state", name: str = "dock-1") -> Answer:
        """As on a host that knows nothing but where the database is, and the token."""
        url = f"postgresql://{self.cluster.host}:{self.cluster.port}/{self.database}"
        register = ["register", "--store", url, "--name", name, "--state", str(self.directory / state)]
        return self.agent(*register, LONGSHORE_TOKEN=token, PGPASSFILE="/dev/null")

    def agent(self, *arguments: str, **changes: str) -> Answer:
        return self._run([sys.executable, "-m", "agentsim", *arguments], **changes)

    def identity(self, state: str = "state") -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.directory / state / "identity.json").read_text())
        return found

    def _run(self, arguments: list[Any], **changes: str) -> Answer:
        done = subprocess.run(
            arguments, check=False, capture_output=True, text=True, timeout=TIMEOUT, env=environment(**changes)
        )
        return Answer(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def server(cluster: Cluster, tmp_path: Path) -> Iterator[Server]:
    name = cluster.database()
    yield Server(cluster, name, tmp_path)
    cluster.drop(name)


@pytest.fixture
def ready(server: Server) -> Server:
    """A store with a plan in it."""
    done = server.longshore("store", "init", "--apply", "--prefix", PREFIX, user="postgres")
    assert done.code == 0, done.err
    if not server.cluster.psql("SELECT 1 FROM pg_roles WHERE rolname = 'dora'"):
        server.cluster.login("dora", f"{PREFIX}_admin")
    for name in ("old", "new"):
        (server.directory / name).mkdir()
    (server.directory / "old" / "file").write_text("content")
    plan = server.directory / "plan.yaml"
    plan.write_text(PLAN.format(server.directory))
    assert server.longshore("apply", str(plan)).code == 0
    return server


def test_init_says_what_comes_next(server: Server) -> None:
    """Who is to be made an admin, and the line that lets agents in over TLS only."""
    done = server.longshore("store", "init", "--apply", "--prefix", PREFIX, user="postgres")
    assert (done.code, done.out) == (0, "")
    assert f"GRANT {PREFIX}_admin TO" in done.err
    assert f"hostssl {server.database} +{PREFIX}_agent,+{PREFIX}_registrar" in done.err


def test_init_prints_a_script_and_touches_nothing(server: Server) -> None:
    done = server.longshore("store", "init", "--prefix", "printed", user="postgres")
    assert done.code == 0
    assert done.out.startswith("--")
    assert "CREATE SCHEMA longshore AUTHORIZATION printed_admin" in done.out
    assert done.out.endswith("COMMIT;\n")
    assert server.cluster.psql("SELECT 1 FROM pg_roles WHERE rolname LIKE 'printed%'") == []


def test_init_is_refused_with_a_reason(server: Server, site: Site) -> None:
    """Read-only, on a file, or with a prefix that is no name."""
    assert server.longshore("--read-only", "store", "init", "--apply", user="postgres").code == 2
    assert server.longshore("store", "init", "--prefix", "No Name", user="postgres").code == 2
    on_file = site.run("store", "init", "--apply")
    assert on_file.code == 2
    assert "needs no preparation" in on_file.err


def test_a_whole_migration_with_the_agents_own_login(ready: Server) -> None:
    """The token alone registers; the identity file has the login and its password apart, for its owner only."""
    token = ready.longshore("agent", "token", "nas")
    assert token.code == 0, token.err
    done = ready.register(token.out.strip())
    assert done.code == 0, done.err
    identity = ready.identity()
    assert identity["store"].startswith(f"postgresql://{PREFIX}_agent_")
    assert identity["credential"] not in identity["store"]
    assert (ready.directory / "state" / "identity.json").stat().st_mode & 0o777 == 0o600
    assert ready.longshore("run", "start", "hr/home").code == 0
    ran = ready.agent("run", "--once", "--state", str(ready.directory / "state"), PGPASSFILE="/dev/null")
    assert ran.code == 0, ran.err
    assert (ready.directory / "new" / "file").read_text() == "content"
    assert ready.longshore("run", "watch", "hr/home").code == 0


def test_a_token_that_is_used_up_registers_nobody(ready: Server) -> None:
    """Nor one that nobody made, nor one of an embedded store; nothing is left in the state directory."""
    token = ready.longshore("agent", "token", "nas").out.strip()
    assert ready.register(token).code == 0
    for wrong in (token, "lsr_cli.01234567_" + "A" * 43, "lsr_" + "A" * 43):
        refused = ready.register(wrong, "other", "dock-2")
        assert refused.code == 2, refused.err
        assert "longshore agent token" in refused.err
        assert wrong not in refused.err
        assert not (ready.directory / "other" / "identity.json").exists()


def test_an_agent_is_given_a_new_credential(ready: Server) -> None:
    """``agent token --agent``: the same agent in a new state directory; the old one is out."""
    assert ready.register(ready.longshore("agent", "token", "nas").out.strip()).code == 0
    unknown = ready.longshore("agent", "token", "nas", "--agent", "dock-7")
    assert unknown.code == 2
    made = ready.longshore("agent", "token", "nas", "--agent", "dock-1")
    assert made.code == 0
    assert "'dock-1'" in made.err
    assert ready.register(made.out.strip(), "renewed").code == 0
    old = ready.agent("run", "--once", "--state", str(ready.directory / "state"), PGPASSFILE="/dev/null")
    assert old.code == 5
    assert "registers again" in old.err
    assert ready.longshore("agent", "list", "--json").json["value"][0]["name"] == "dock-1"
    new = ready.agent("run", "--once", "--state", str(ready.directory / "renewed"), PGPASSFILE="/dev/null")
    assert new.code == 0, new.err


def test_an_agent_of_a_file_gets_a_new_credential_too(site: Site) -> None:
    made = site.run("agent", "token", "nas-exit", "--agent", "dock-1")
    assert made.code == 0
    state = site.root / "state"
    done = subprocess.run(
        [sys.executable, "-m", "agentsim", "register", "--store", site.store, "--name", "dock-1", "--state", state],
        check=False,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        env=environment(LONGSHORE_TOKEN=made.out.strip()),
    )
    assert done.returncode == 0, done.stderr
    assert len(site.run("agent", "list", "--mover", "nas-exit", "--json").json["value"]) == 2
