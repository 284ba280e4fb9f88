"""A store in which every text that the rules leave free is an attack on the terminal or on the layout.

It is made by the store's own operations: whatever they refuse cannot stand there. Names have a strict rule
and are harmless; the resources are called so that tests find them.
"""

from __future__ import annotations

import contextlib
import json
from typing import Any, Self

from store.clock import VirtualClock
from store.db import open_store
from store.errors import TrustRefused
from store.execution import claims
from store.execution.trust import AgentFacts, connect_agent, make_token, register_agent
from store.plan import apply_plan, parse_plan
from store.resources.common import find_mover
from store.rules import MAX_DESCRIPTION
from store.sqlite.place import SqlitePlace
from store.vocabulary import JobRunStatus
from tests.tui.sample_store import HOUR, NOON, STOPPED, SampleStore

HOSTILE_LOOK = "\x1b[31;5m"
CONTROLS = f"\x1b]0;PWNED\x07\x1b]52;c;UFdORUQ=\x1b\\{HOSTILE_LOOK}\x1b[2J\x9b3;3H\x90q\x9c\x07\x08\x7f\x0b\r\n\t"
MARKUP = "[/red][@click=app.quit]PWNED[/][b"
INVISIBLE = "\u202egpj.exe\u2066\u200b\u200d\ufeff\xad\u034f\u3164\ufe0f\U000e0041\U000e0100\ue000\uffff"
WIDE = "日本語\uff21\U0001f468\u200d\U0001f469\U0001f44d\U0001f3fd\U0001f1e9\U0001f1ea\U0001f4c1"
REORDERED = "שלום-العربية"
PILED = "e" + "\u0301" * 40
EVIL = f"{WIDE}{CONTROLS}{MARKUP}{INVISIBLE}{REORDERED}{PILED}\\x1b %s {{}}"
"""All of it in one text, what is wide first: in a narrow column, that is where it is cut."""

EVIL_PATH = f"{WIDE}/{CONTROLS}{MARKUP}{INVISIBLE}{REORDERED}{PILED}".encode() + b"/\xff\xfe\x9b2J\xe9"
"""The same as a file system may have it, with bytes that are no text."""

LONG = ("\x1b[2J日" * 1_000)[:4_000]
FACTS = AgentFacts(EVIL, EVIL, EVIL, EVIL, 16_384, 8)
DESCRIPTION = (EVIL + LONG)[:MAX_DESCRIPTION]


def _plan() -> dict[str, Any]:
    endpoints = {
        "evil-src": {"endpointType": "LocalPath", "path": f"/{EVIL}"},
        "evil-dst": {"endpointType": "LocalPath", "path": f"/{LONG}"},
        "evil-nfs": {"endpointType": "NfsMount", "host": "nas9", "export": f"/{EVIL}"},
        "evil-smb": {"endpointType": "SmbMount", "host": "nas9", "shareName": "日\u202e\x9b2J[red]\U0001f1e9"},
    }
    definitions = {
        "evil-copy": ("evil-src", EVIL, "evil-dst", EVIL, "Additive"),
        "evil-long": ("evil-src", LONG, "evil-dst", LONG, "Mirror"),
        "evil-mirror": ("evil-src", EVIL, "evil-dst", EVIL, "Mirror"),
        "evil-remote": ("evil-nfs", EVIL, "evil-smb", EVIL, "Mirror"),
    }
    return {
        "storageMovers": [
            {
                "name": "evil",
                "properties": {"description": DESCRIPTION},
                "endpoints": [
                    {"name": name, "properties": {"description": DESCRIPTION, **properties}}
                    for name, properties in endpoints.items()
                ],
                "projects": [
                    {
                        "name": "evil-project",
                        "properties": {"description": DESCRIPTION},
                        "jobDefinitions": [
                            {
                                "name": name,
                                "properties": {
                                    "description": DESCRIPTION,
                                    "copyMode": mode,
                                    "sourceName": source,
                                    "sourceSubpath": f"{number}{below}",
                                    "targetName": target,
                                    "targetSubpath": f"{number}{into}",
                                    "agentName": "evil-1",
                                    "filters": {"exclude": [EVIL.replace("\n", "").replace("[", "")]},
                                },
                            }
                            for number, (name, (source, below, target, into, mode)) in enumerate(definitions.items())
                        ],
                    }
                ],
            }
        ]
    }


class HostileStore(SampleStore):
    """A mover with an ended run, one that a guard stopped, one that is on, and an agent that needs a person."""

    @classmethod
    def tell(cls, place: SqlitePlace) -> Self:
        clock = VirtualClock(NOON - 2 * HOUR)
        sample = cls(place, open_store(place, clock=clock), clock, {})
        with sample.store.write("user/ana") as tx:
            apply_plan(tx, parse_plan(json.dumps(_plan()).encode(), "hostile.json"))
        sample.connect("evil-1")
        sample.connect("evil-2")
        sample.rename_actor_of_a_token()
        failed = sample.claim("evil-project/evil-long", "evil-2")
        sample.evil_end(failed, "AZSM2062", EVIL, EVIL_PATH)
        guarded = sample.claim("evil-project/evil-mirror", "evil-2")
        sample.evil_end(guarded, "LSM1105", STOPPED + EVIL, LONG.encode())
        sample.duplicate("evil-2")
        clock.time = NOON - 10_000
        live = sample.claim("evil-project/evil-copy", "evil-1")
        sample.started(live)
        sample.items(live, [(EVIL_PATH, EVIL, EVIL), (LONG.encode(), "AZSM2063", LONG)])
        sample.evil_progress(live)
        clock.time = NOON
        sample.beat("evil-1", [live])
        return sample

    def connect(self, name: str) -> None:
        with self.store.write("user/ana") as tx:
            token = make_token(tx, find_mover(tx.session, None))
        with self.store.write(f"agent/{name}") as tx:
            mover, _, credential = register_agent(tx, token, name, FACTS)
        self._credentials = {**getattr(self, "_credentials", {}), name: credential}
        self.agents[name] = connect_agent(
            self.store, mover.name, name, credential, host_key=name, heartbeat_ms=5_000, facts=FACTS
        )

    def duplicate(self, name: str) -> None:
        """A second process with an agent's identity, on a host with an evil name: the agent is flagged."""
        self.beat(name, [])
        with contextlib.suppress(TrustRefused):
            connect_agent(
                self.store, "evil", name, self._credentials[name], host_key="other", heartbeat_ms=5_000, facts=FACTS
            )

    def rename_actor_of_a_token(self) -> None:
        """An event by somebody with an evil login."""
        with self.store.write(f"user/{EVIL}") as tx:
            make_token(tx, find_mover(tx.session, None))

    def evil_end(self, claim: claims.Claim, code: str, message: str, path: bytes) -> None:
        with self.store.write("agent") as tx:
            holder = self._holder(claim)
            claims.report_started(tx, holder, claim)
            rows = [(path, "F", outcome, EVIL, EVIL, 1) for outcome in ("Failed", "Changed", EVIL[:60], "Excluded")]
            claims.report_items(tx, holder, claim, rows)
            claims.report_progress(tx, holder, claim, {"items_scanned": 4, "items_failed": 4})
            claims.finish_run(tx, holder, claim, JobRunStatus.FAILED, code=code, message=message, target=message)

    def evil_progress(self, claim: claims.Claim) -> None:
        """What each helper is on, from an agent that does not make it displayable."""
        numbers = {"items_scanned": 3, "items_transferred": 2, "items_failed": 1, "total_items": 4, "total_bytes": 400}
        with self.store.write("agent") as tx:
            claims.report_progress(
                tx, self._holder(claim), claim, {**numbers, "phase": EVIL[:40], "current": [EVIL, LONG, MARKUP]}
            )
