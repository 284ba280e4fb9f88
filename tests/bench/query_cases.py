"""Every query of the screens, with random arguments, and what some of them would cost as they are often written."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from store import feed
from store.queries import (
    attention,
    definitions,
    events,
    find,
    fleet,
    grants,
    hierarchy,
    items,
    overview,
    reports,
    runs,
    throughput,
)
from store.queries.scope import Scope
from store.queries.window import Direction, Page, Window
from store.reader import Reader
from store.vocabulary import AgentStatus, DefinitionState, EndpointType, JobRunStatus, Outcome
from tests.bench.big_store import NOW, Sizes

Case = Callable[[Reader, Random, Sizes], object]

LIMIT = 50
DIRECTIONS: tuple[Direction, ...] = ("start", "end", "after", "before", "around")
TEXTS = ("home", "nas", "zzqx", "7", "cad-web-1", "a", "LEGAL", "99", "payroll-payroll", "no such thing", "%", "-1-")
"""What people look for: much of it, some of it, one of it, and nothing of it is there."""


def _scope(chance: Random, sizes: Sizes, *kinds: str) -> Scope:
    kind = chance.choice(kinds or ("mover", "project", "definition", "agent", "endpoint"))
    most = {
        "mover": 1,
        "project": sizes.projects,
        "definition": sizes.definitions,
        "agent": sizes.agents,
        "endpoint": sizes.endpoints,
    }[kind]
    number = chance.randint(1, most)
    if kind == "endpoint" and chance.random() < 0.2:
        number = sizes.endpoints // 2 + chance.randint(1, 5)  # the big shares
    return Scope(kind, number)


def _page(chance: Random, key: Callable[[], str]) -> Page:
    direction = chance.choice(DIRECTIONS)
    return Page(direction, None if direction in ("start", "end") else key(), LIMIT)


def _word(chance: Random) -> str:
    return f"{chance.choice('abcdefghijklmnopqrstuvwxyz')}{chance.choice('aeiou')}"


def _definitions(reader: Reader, chance: Random, sizes: Sizes, text: str = "") -> Window[definitions.DefinitionRow]:
    sort = chance.choice(list(definitions.DefinitionSort))
    number = chance.randint(1, sizes.definitions)
    keys = {
        "name": lambda: f"{_word(chance)}/{_word(chance)}",
        "state": lambda: f"{chance.randrange(5)}/{_word(chance)}/{_word(chance)}",
    }
    age = lambda: f"{1_790_000_000_000 - chance.randrange(10**11)}/{number}"  # noqa: E731 (one of three)
    states = chance.choice(((), (), (DefinitionState.FAILED,), (DefinitionState.ACTIVE, DefinitionState.NEVER)))
    page = _page(chance, keys.get(sort.value, age))
    return definitions.definitions(reader, _scope(chance, sizes), page, text=text, sort=sort, states=states)


def _runs(reader: Reader, chance: Random, sizes: Sizes, text: str = "") -> Window[runs.RunRow]:
    sort = chance.choice(list(runs.RunSort))
    number = chance.randint(1, sizes.runs)
    keys = {
        "bytes": lambda: f"{int(chance.lognormvariate(20, 3))}/{number}",
        "failed": lambda: f"{chance.randrange(200)}/{number}",
    }
    statuses = chance.choice(
        (
            (),
            (),
            (JobRunStatus.FAILED,),
            (JobRunStatus.CANCELED, JobRunStatus.FAILED),
            (JobRunStatus.QUEUED, JobRunStatus.RUNNING),
        )
    )
    page = _page(chance, keys.get(sort.value, lambda: str(number)))
    return runs.runs(reader, _scope(chance, sizes), page, text=text, sort=sort, statuses=statuses)


def _items(reader: Reader, chance: Random, sizes: Sizes, text: str = "") -> Window[items.ItemRow]:
    run = sizes.large_run if chance.random() < 0.7 else chance.randrange(1, sizes.runs, 10)
    outcome = chance.choice(("", "", Outcome.FAILED, Outcome.DELETED, Outcome.CHANGED))
    sort = chance.choice(list(items.ItemSort))
    number = chance.randint(1, sizes.items)
    size = chance.randrange(1_000_000)
    page = _page(chance, lambda: str(number) if sort == items.ItemSort.RECORDED else f"{size}/{number}")
    return items.items(reader, run, page, outcome=outcome, text=text, sort=sort)


def _endpoints(reader: Reader, chance: Random, sizes: Sizes, text: str = "") -> Window[hierarchy.EndpointRow]:
    sort = chance.choice(list(hierarchy.EndpointSort))
    types = chance.choice(((), (), (EndpointType.SMB_MOUNT,), (EndpointType.NFS_MOUNT, EndpointType.LOCAL_PATH)))
    page = _page(chance, lambda: _word(chance) if sort == hierarchy.EndpointSort.NAME else f"NfsMount/{_word(chance)}")
    return hierarchy.endpoints(reader, _scope(chance, sizes), page, text=text, sort=sort, types=types)


def _agents(reader: Reader, chance: Random, sizes: Sizes) -> object:
    sort = chance.choice(list(hierarchy.AgentSort))
    states = chance.choice(((), (), (AgentStatus.OFFLINE,), (AgentStatus.REQUIRES_ATTENTION,)))
    page = _page(chance, lambda: "dock-5" if sort == hierarchy.AgentSort.NAME else f"{chance.randrange(6)}/dock-5")
    text = chance.choice(("", "", "1", "zz"))
    return hierarchy.agent_window(reader, 1, page, text=text, sort=sort, states=states)


def _events(reader: Reader, chance: Random, sizes: Sizes, text: str = "") -> object:
    kind = chance.choice(("", "mover", "agent", "endpoint", "project", "definition", "run"))
    most = {
        "agent": sizes.agents,
        "endpoint": sizes.endpoints,
        "project": sizes.projects,
        "mover": 1,
        "run": sizes.runs,
    }
    scope = Scope(kind, chance.randint(1, most.get(kind, sizes.definitions))) if kind else None
    return events.events(reader, scope, _page(chance, lambda: str(chance.randint(1, sizes.runs))), text=text)


def _grants(reader: Reader, chance: Random, sizes: Sizes) -> object:
    scope = _scope(chance, sizes, "agent", "endpoint") if chance.random() < 0.7 else Scope("run", sizes.runs)
    return grants.grants(reader, scope, _page(chance, lambda: "1" if scope.kind == "run" else "1/1"))


def _throughput(reader: Reader, chance: Random, sizes: Sizes, span: int) -> object:
    scope = chance.choice((Scope("mover", 1), Scope("agent", chance.randint(1, sizes.agents))))
    runs = throughput.copying(reader, scope, NOW - span)
    return throughput.copied(reader, runs, NOW - span, NOW, 5_000)


def _projects(reader: Reader, chance: Random, sizes: Sizes) -> object:
    text = chance.choice(("", "", *TEXTS))
    return hierarchy.project_window(
        reader, 1, _page(chance, lambda: _word(chance)), text=text, active=chance.random() < 0.3
    )


def _active(chance: Random, sizes: Sizes) -> list[int]:
    return [sizes.runs - chance.randrange(sizes.active) for _ in range(40)]


CASES: dict[str, Case] = {
    "movers": lambda r, c, s: hierarchy.movers(r),
    "agents": _agents,
    "agent": lambda r, c, s: hierarchy.agent(r, c.randint(1, s.agents)),
    "projects": _projects,
    "endpoints": _endpoints,
    "endpoints, text": lambda r, c, s: _endpoints(r, c, s, c.choice(TEXTS)),
    "endpoint's properties": lambda r, c, s: hierarchy.endpoint_properties(r, c.randint(1, s.endpoints)),
    "definitions": _definitions,
    "definitions, text": lambda r, c, s: _definitions(r, c, s, c.choice(TEXTS)),
    "definition": lambda r, c, s: definitions.definition(r, c.randint(1, s.definitions)),
    "last run definition": lambda r, c, s: definitions.last_run_definition(r),
    "runs": _runs,
    "runs, text": lambda r, c, s: _runs(r, c, s, c.choice(TEXTS)),
    "run": lambda r, c, s: runs.run(r, c.randint(1, s.runs)),
    "last copy": lambda r, c, s: runs.last_copy(r, c.randint(1, s.definitions)),
    "runs of a tick": lambda r, c, s: runs.runs_by_id(r, _active(c, s)),
    "active runs": lambda r, c, s: runs.active_run_ids(r),
    "cancels overdue": lambda r, c, s: runs.cancel_overdue(r),
    "work of an agent": lambda r, c, s: runs.work_of(r, c.randint(1, s.agents)),
    "events of a run": lambda r, c, s: runs.run_events(
        r, c.randint(1, s.runs), _page(c, lambda: str(c.randint(1, s.runs)))
    ),
    "events": _events,
    "events, text": lambda r, c, s: _events(r, c, s, c.choice(("queued", "ann", "home-wave", "zzqx"))),
    "grants": _grants,
    "attention": lambda r, c, s: attention.attention(
        r, 1, _page(c, lambda: f"{c.choice((1, 3, 6))}/{NOW - c.randrange(10**11)}/{c.randint(1, s.definitions)}")
    ),
    "mover's head": lambda r, c, s: overview.mover_overview(r, 1),
    "agent's head": lambda r, c, s: overview.agent_overview(r, c.randint(1, s.agents)),
    "throughput, ten minutes": lambda r, c, s: _throughput(r, c, s, 600_000),
    "throughput, five seconds": lambda r, c, s: _throughput(r, c, s, 5_000),
    "samples": lambda r, c, s: runs.samples(r, s.runs - c.randrange(1_000)),
    "items": _items,
    "items, text": lambda r, c, s: _items(r, c, s, c.choice(("bin", "zzqx", "AZSM2061", "home/web", "\udcff", "%"))),
    "report's lines": lambda r, c, s: reports.reported_items(r, c.randint(1, s.runs)),
    "report's chunks": lambda r, c, s: reports.report_chunks(r, c.randint(1, s.runs), 0, 10),
    "rates": lambda r, c, s: fleet.rates(r, _active(c, s)),
    "fleet": lambda r, c, s: fleet.fleet(r),
    "totals of ended runs": lambda r, c, s: fleet.run_totals(r),
    "find": lambda r, c, s: find.find(r, c.choice((*TEXTS, "hom", "do", "cad-w", "home-wave-37/cad", "x#12", "a/b#1"))),
    "feed": lambda r, c, s: feed.since(r, feed.head(r)),
}

_ROWS = "SELECT r.*, d.name FROM job_run r JOIN job_definition d ON d.id = r.definition_id WHERE r.mover_id = 1 "
PEERS: dict[str, tuple[str, Case, Case]] = {
    "a window in the middle of all runs": (
        "OFFSET",
        lambda r, c, s: runs.runs(r, Scope("mover", 1), Page("after", str(s.runs // 2), LIMIT)),
        lambda r, c, s: r.rows(f"{_ROWS}ORDER BY r.id DESC LIMIT {LIMIT} OFFSET {s.runs // 2}"),
    ),
    "failed runs by bytes moved": (
        "a sort",
        lambda r, c, s: runs.runs(
            r, Scope("mover", 1), Page(limit=LIMIT), sort=runs.RunSort.BYTES, statuses=[JobRunStatus.FAILED]
        ),
        lambda r, c, s: r.rows(
            f"{_ROWS}AND +r.bytes_transferred >= 0 AND r.status = 'Failed' "
            f"ORDER BY +r.bytes_transferred DESC, r.id LIMIT {LIMIT}"
        ),
    ),
    "definitions with their latest runs": (
        "row_number",
        lambda r, c, s: definitions.definitions(r, Scope("mover", 1), Page(limit=LIMIT)),
        lambda r, c, s: r.rows(
            "SELECT d.name, l.status FROM job_definition d LEFT JOIN (SELECT definition_id, status, row_number() OVER "
            "(PARTITION BY definition_id ORDER BY id DESC) AS place FROM job_run) AS l ON l.definition_id = d.id "
            f"AND l.place = 1 ORDER BY d.project_name, d.name LIMIT {LIMIT}"
        ),
    ),
    "what all runs came to": (
        "sums",
        lambda r, c, s: fleet.run_totals(r),
        lambda r, c, s: r.rows(
            "SELECT mover_id, kind, status, count(*), sum(items_transferred), sum(bytes_transferred), "
            "sum(items_failed) FROM job_run GROUP BY mover_id, kind, status"
        ),
    ),
}
"""A query of ours, and the same as it is often written."""
