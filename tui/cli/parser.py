"""The grammar of ``longshore``: nouns, verbs and options. It imports nothing that a command needs to run."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn

from store import __version__
from store.vocabulary import CopyMode, Guard, Outcome, RunKind
from tui.cli.output import complain

if TYPE_CHECKING:
    Verbs = argparse._SubParsersAction["Parser"]

RUN_HELP = "PROJECT/DEFINITION#NUMBER; without a number, the latest run"
PLAN_HELP = "PROJECT/DEFINITION#NUMBER"
EVENT_KINDS = ("mover", "agent", "endpoint", "project", "definition", "run")
_TTL = re.compile(r"([1-9][0-9]{0,5})([smhd])")
_TTL_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


_CHANGES = {
    "mover": {"create": "make a storage mover", "update": "change a storage mover"},
    "agent": {"update": "change what is said about an agent"},
    "endpoint": {
        "create": "make an endpoint",
        "update": "change an endpoint; its location is fixed",
        "clone": "make a changed copy of an endpoint",
    },
    "project": {
        "create": "make a project",
        "update": "change a project",
        "clone": "make a copy of a project, with its job definitions and without their history",
    },
    "definition": {
        "create": "make a job definition",
        "update": "change a job definition; its source and target are fixed",
        "clone": "make a changed copy of a job definition",
    },
}
"""The verbs that make and change, by their nouns."""


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one sentence on stderr and exit code 2."""

    complete: Callable[[Parser], None] | None = None
    """Adds the rest once it is chosen: the screen's first picture waits for this grammar, and needs little of it."""

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        self.add_rest()
        return super().parse_known_args(args, namespace)

    def add_rest(self) -> None:
        """Add what was left until it is chosen, if it is still to be added."""
        complete, self.complete = self.complete, None
        if complete is not None:
            complete(self)

    def error(self, message: str) -> NoReturn:
        complain(f"{message}; see '{self.prog} --help'.")
        self.exit(2)


def build() -> Parser:
    """The parser; what it makes holds ``command``, the ``module:function`` to call."""
    parser = Parser(
        prog="longshore",
        description="A control room for moving file shares. Without a command it opens the screen.",
        epilog="Exit codes: 0 fine, 1 the run ended Failed or with failed items, 2 bad usage or input, 3 a guard "
        "stopped it, 4 no agent or agent lost, 5 the store cannot be used, 130 canceled.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"longshore {__version__}")
    _add_store(parser, root=True)
    parser.add_argument("--ascii", action="store_true", help="draw the screen with ASCII characters only")
    _add_config(parser, default=None)
    parser.set_defaults(command="tui.cli.screen:open_screen")
    nouns = parser.add_subparsers(metavar="COMMAND", parser_class=Parser)
    _demo(nouns)
    _plan(nouns)
    _noun(nouns, "agent", "registered processes that copy", _agent)
    _resource(nouns, "mover", "storage movers", "NAME", in_mover=False)
    _resource(nouns, "endpoint", "storage locations", "NAME")
    _resource(nouns, "project", "groups of job definitions", "NAME")
    _resource(nouns, "definition", "job definitions", "PROJECT/DEFINITION")
    _noun(nouns, "run", "job runs: start, watch and stop them", _run)
    _noun(nouns, "event", "the audit: who did what, when", _event)
    _noun(nouns, "store", "the store itself: its upkeep, and moving it", _store)
    _noun(nouns, "config", "the config file of the screen", _config)
    return parser


def _add_config(parser: argparse.ArgumentParser, default: str | None = argparse.SUPPRESS) -> None:
    """May stand before and after the verb, too."""
    parser.add_argument(
        "--config",
        metavar="FILE",
        default=default,
        help="settings and keys of the screen (or LONGSHORE_CONFIG; default: longshore/config.toml in the XDG config "
        "directory)",
    )


def _add_store(parser: argparse.ArgumentParser, *, root: bool = False) -> None:
    """The options that may stand before and after the verb: a verb's own default must not hide the root's."""
    store = None if root else argparse.SUPPRESS
    read_only = False if root else argparse.SUPPRESS
    parser.add_argument(
        "--store",
        metavar="URL",
        default=store,
        help="the store: a file or postgresql://HOST/DATABASE (or LONGSHORE_STORE; default: the embedded one)",
    )
    parser.add_argument("--read-only", action="store_true", default=read_only, help="refuse whatever changes the store")


def _noun(nouns: Verbs, name: str, summary: str, add_verbs: Callable[[Verbs], None]) -> None:
    def complete(chosen: Parser) -> None:
        _add_store(chosen)
        add_verbs(chosen.add_subparsers(metavar="VERB", required=True, parser_class=Parser))

    parser = nouns.add_parser(name, help=summary, description=_sentence(summary), allow_abbrev=False)
    parser.complete = complete


def _verb(verbs: Verbs, name: str, command: str, summary: str, *, json: bool = False) -> Parser:
    parser = verbs.add_parser(name, help=summary, description=_sentence(summary), allow_abbrev=False)
    parser.set_defaults(command=f"tui.{command}")
    _add_store(parser)
    if json:
        parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


def _sentence(summary: str) -> str:
    return summary[0].upper() + summary[1:] + "."


def _add_mover(parser: Parser) -> None:
    parser.add_argument("--mover", metavar="M", help="the storage mover; not needed when there is only one")


def _demo(nouns: Verbs) -> None:
    parser = _verb(
        nouns, "demo", "demo.command:demo", "a throwaway store, sample trees, two real agents, and the screen"
    )
    parser.add_argument(
        "--headless", action="store_true", help="no screen: run one migration, compare both sides, print the result"
    )
    parser.add_argument("--dir", metavar="DIR", help="where to make it: absent or empty; removed at the end")
    parser.add_argument("--ascii", action="store_true", default=argparse.SUPPRESS, help="draw with ASCII only")
    _add_config(parser)


def _plan(nouns: Verbs) -> None:
    apply = _verb(nouns, "apply", "cli.plan:apply", "make the store hold what a plan file says", json=True)
    apply.add_argument("file", metavar="FILE", help="a plan in YAML or JSON; - reads it from standard input")
    apply.add_argument("--dry-run", action="store_true", help="say what would change, and change nothing")
    export = _verb(nouns, "export", "cli.plan:export", "print the plan that the store holds")
    export.add_argument("mover", metavar="MOVER", nargs="?", help="one storage mover instead of all")
    export.add_argument("--format", choices=("yaml", "json", "arm"), default="yaml", help="default: yaml")


def _agent(verbs: Verbs) -> None:
    token = _verb(verbs, "token", "cli.agent:token", "make a one-time registration token and print it")
    token.add_argument("mover", metavar="MOVER", help="the storage mover that the agent is to work for")
    token.add_argument(
        "--ttl", dest="ttl_ms", metavar="TIME", type=_ttl, default=_TTL_MS["h"], help="30m, 1h, 2d; default: 1h"
    )
    token.add_argument("--agent", metavar="NAME", help="give this agent a new credential instead of adding one")
    listing = _verb(verbs, "list", "cli.agent:list_agents", "list the agents of a storage mover", json=True)
    _add_mover(listing)
    show = _verb(verbs, "show", "cli.agent:show", "show one agent", json=True)
    show.add_argument("name", metavar="NAME")
    _add_mover(show)
    for verb, summary in _CHANGES["agent"].items():
        _add_mover(_change(verbs, "agent", verb, summary, "NAME"))
    unregister = _verb(verbs, "unregister", "cli.agent:unregister", "end an agent's trust; its credential is void")
    unregister.add_argument("name", metavar="NAME")
    _add_mover(unregister)
    _add_yes(unregister)


def _resource(nouns: Verbs, noun: str, words: str, name: str, *, in_mover: bool = True) -> None:
    _noun(nouns, noun, words, lambda verbs: _verbs_of(verbs, noun, words, name, in_mover=in_mover))


def _verbs_of(verbs: Verbs, noun: str, words: str, name: str, *, in_mover: bool) -> None:
    listing = _verb(verbs, "list", f"cli.{noun}:list_{noun}s", f"list {words}", json=True)
    if noun == "definition":
        listing.add_argument("project", metavar="PROJECT", nargs="?", help="only those of one project")
    show = _verb(verbs, "show", f"cli.{noun}:show", f"show one of the {words}", json=True)
    delete = _verb(verbs, "delete", f"cli.{noun}:delete", f"delete one of the {words}")
    _add_yes(delete)
    for parser in (show, delete):
        parser.add_argument("name", metavar=name)
    changes = [_change(verbs, noun, verb, summary, name) for verb, summary in _CHANGES[noun].items()]
    if noun == "endpoint":
        changes.append(_endpoint_test(verbs))
    if in_mover:
        for parser in (listing, show, delete, *changes):
            _add_mover(parser)


def _endpoint_test(verbs: Verbs) -> Parser:
    parser = _verb(
        verbs,
        "test",
        "cli.endpoint_test:test",
        "let an agent reach it, authenticate and list it, and write, read and delete a probe; exit code 1 when a step "
        "fails, 4 when no agent answers",
        json=True,
    )
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("--agent", metavar="A", required=True, help="the agent that is to try it")
    parser.add_argument("--no-probe", action="store_true", help="write nothing; of a Source nothing is written anyway")
    parser.add_argument(
        "--timeout", metavar="TIME", type=_ttl, default=90_000, help="how long to wait for the agent; default: 90s"
    )
    return parser


def _change(verbs: Verbs, noun: str, verb: str, summary: str, name: str) -> Parser:
    """A verb whose options are the properties of its resource: they come from the store's models."""
    parser = _verb(verbs, verb, f"cli.changing:{verb}", summary, json=True)
    parser.set_defaults(noun=noun)
    parser.add_argument("name", metavar=name)
    if verb == "clone":
        parser.add_argument("as_name", metavar="NEW_NAME", help="the copy's; nothing else of it need be said")

    def complete(chosen: Parser) -> None:
        # What a property may be is known by the store's models.
        getattr(import_module("tui.cli.changing"), f"add_{verb}_{noun}")(chosen)

    parser.complete = complete
    return parser


def _run(verbs: Verbs) -> None:
    start = _verb(verbs, "start", "cli.run:start", "start a run of a job definition", json=True)
    start.add_argument("definition", metavar="PROJECT/DEFINITION")
    start.add_argument("--agent", metavar="A", help="the agent that copies; default: the definition's last one")
    start.add_argument("--mode", choices=[str(mode) for mode in CopyMode], help="another copy mode, for this run only")
    kinds = start.add_mutually_exclusive_group()
    kinds.add_argument(
        "--preview",
        dest="kind",
        action="store_const",
        const=str(RunKind.PREVIEW),
        default=str(RunKind.COPY),
        help="change nothing: find out what a copy would do, item by item",
    )
    kinds.add_argument(
        "--verify",
        dest="kind",
        action="store_const",
        const=str(RunKind.VERIFY),
        help="change nothing: compare source and target, content included; exit code 1 when they differ",
    )
    start.add_argument(
        "--plan", metavar="RUN", type=_plan_of, help=f"carry out exactly what a preview found; {PLAN_HELP}"
    )
    start.add_argument(
        "--override",
        metavar="GUARD",
        type=_guard,
        action="append",
        default=[],
        help=f"let a guard not stop this run; may be repeated: {', '.join(Guard)}",
    )
    start.add_argument("--report", action="store_true", help="keep a line for every item, for 'run report'")
    start.add_argument("--wait", action="store_true", help="wait for its end; the exit code is the run's")
    listing = _verb(verbs, "list", "cli.run:list_runs", "list runs, the newest first", json=True)
    listing.add_argument(
        "scope", metavar="PROJECT[/DEFINITION]", nargs="?", help="only those of one project or definition"
    )
    listing.add_argument("--active", action="store_true", help="only those that have not ended")
    _add_limit(listing, 50)
    show = _verb(verbs, "show", "cli.run:show", "show one run and what happened to it", json=True)
    watch = _verb(verbs, "watch", "cli.run:watch", "follow a run to its end; the exit code is the run's", json=True)
    stop = _verb(verbs, "stop", "cli.run:stop", "stop a run; what was copied stays")
    stop.add_argument("--wait", action="store_true", help="wait until it has ended")
    giving = _verb(
        verbs,
        "hand-over",
        "cli.run:hand_over",
        "give a run whose agent is lost, or that waits, to another agent; it goes on where it stands",
    )
    giving.add_argument("--agent", metavar="A", required=True, help="the agent that is to go on with it")
    _add_yes(giving)
    items = _verb(verbs, "items", "cli.run_items:items", "list the items that did not simply transfer", json=True)
    items.add_argument("--outcome", metavar="OUTCOME", choices=[str(outcome) for outcome in Outcome], help="only these")
    _add_limit(items, 100)
    report = _verb(verbs, "report", "cli.run_report:report", "export what became of every item of a run")
    report.add_argument(
        "--format", choices=("jsonl", "csv"), default="jsonl", help="default: jsonl, a JSON object a line"
    )
    report.add_argument("--output", metavar="FILE", help="write a new file, for its owner only, instead of to stdout")
    report.add_argument("--force", action="store_true", help="let --output replace a file")
    report.add_argument(
        "--outcome", metavar="OUTCOME", choices=[str(outcome) for outcome in Outcome], help="only these"
    )
    for parser in (show, watch, stop, giving, items, report):
        parser.add_argument("run", metavar="RUN", help=RUN_HELP)
    for parser in (start, listing, show, watch, stop, giving, items, report):
        _add_mover(parser)


def _event(verbs: Verbs) -> None:
    listing = _verb(verbs, "list", "cli.event:list_events", "list what happened, the newest first", json=True)
    listing.add_argument(
        "--on",
        nargs=2,
        metavar=("KIND", "PATH"),
        action=_On,
        help=f"only to this resource and what is below it; KIND is one of {', '.join(EVENT_KINDS)}",
    )
    listing.add_argument("--text", metavar="T", default="", help="only what contains this text")
    listing.add_argument("--mover", metavar="M", help="only in this storage mover; default: everywhere")
    _add_limit(listing, 100)


def _store(verbs: Verbs) -> None:
    _store_init(verbs)
    _store_upkeep(verbs)


def _config(verbs: Verbs) -> None:
    check = _verb(verbs, "check", "cli.config:check", "say what is wrong with the config file, line by line")
    show = _verb(
        verbs, "show", "cli.config:show", "print the settings that are in force, as a whole config file", json=True
    )
    for parser in (check, show):
        _add_config(parser)


def _store_upkeep(verbs: Verbs) -> None:
    command = "cli.store_upkeep"
    _verb(verbs, "check", f"{command}:check", "look whether all that must hold of the store does", json=True)
    retention = _verb(verbs, "retention", f"{command}:retention", "how long details of runs are kept", json=True)
    for what in ("items", "reports", "samples"):
        retention.add_argument(
            f"--{what}-days", metavar="N", type=_days, help=f"keep {what} for N days after a run's end; 0: for ever"
        )
    prune = _verb(verbs, "prune", f"{command}:prune", "remove at once what retention would remove", json=True)
    prune.add_argument("--dry-run", action="store_true", help="say what would go, and remove nothing")
    backup = _verb(verbs, "backup", f"{command}:backup", "make a backup of the store while it is in use")
    backup.add_argument("file", metavar="FILE", help="a new file; it is a store itself")
    backup.add_argument("--force", action="store_true", help="let it replace a file")
    upgrade = _verb(verbs, "upgrade", f"{command}:upgrade", "bring the store's schema up to date now")
    upgrade.add_argument("--dry-run", action="store_true", help="say what it would do, and do nothing")
    copy = _verb(verbs, "copy", f"{command}:copy", "carry everything into another, empty store", json=True)
    copy.add_argument("origin", metavar="FROM", help="a store's file or URL; it stays as it is")
    copy.add_argument("destination", metavar="TO", help="a new file, or the URL of a database without a storage mover")


def _store_init(verbs: Verbs) -> None:
    init = _verb(
        verbs, "init", "cli.store:init", "print what prepares a PostgreSQL database for a store: roles and a schema"
    )
    init.add_argument("--apply", action="store_true", help="run it on the database that --store names")
    init.add_argument(
        "--prefix", metavar="P", default="longshore", help="what the roles' names begin with (%(default)s)"
    )


def _add_yes(parser: Parser) -> None:
    parser.add_argument("--yes", action="store_true", help="do not ask; needed where there is no terminal")


def _add_limit(parser: Parser, default: int) -> None:
    parser.add_argument(
        "--limit", metavar="N", type=_limit, default=default, help=f"at most N of them, or all; default: {default}"
    )


class _On(argparse.Action):
    """A kind of resource and its path."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, *_: Any) -> None:
        if values[0] not in EVENT_KINDS:
            raise argparse.ArgumentError(self, f"write one of {', '.join(EVENT_KINDS)} before the path")
        setattr(namespace, self.dest, tuple(values))


def _guard(text: str) -> Guard:
    """A guard by its name."""
    if text not in set(Guard):
        raise argparse.ArgumentTypeError(f"there is no guard '{text}': write one of {', '.join(Guard)}")
    return Guard(text)


def _plan_of(text: str) -> str:
    """A run by its number: what is carried out is never just the latest."""
    if not re.fullmatch(r"[^#]+#[0-9]+", text):
        raise argparse.ArgumentTypeError(f"write {PLAN_HELP}")
    return text


def _limit(text: str) -> int | None:
    """A number of rows, or None for all of them."""
    if text == "all":
        return None
    if not re.fullmatch(r"[1-9][0-9]{0,8}", text):
        raise argparse.ArgumentTypeError("write a number from 1, or all")
    return int(text)


def _days(text: str) -> int:
    """A number of days."""
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise argparse.ArgumentTypeError("write a number of days, or 0 for ever")
    return int(text)


def _ttl(text: str) -> int:
    """A length of time in milliseconds."""
    found = _TTL.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError("write a time like 30m, 1h or 2d")
    return int(found[1]) * _TTL_MS[found[2]]
