"""The entry point: what it imports, what it refuses, and that every verb leads somewhere."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module

import pytest

from tui.cli import parser as grammar

from .conftest import Site, command, environment

HEAVY = ("sqlalchemy", "sqlmodel", "textual", "pydantic", "alembic", "yaml", "watchfiles")


def verbs(parser: grammar.Parser) -> Iterator[grammar.Parser]:
    parser.add_rest()
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                yield from verbs(inner)


@pytest.mark.parametrize("argument", ["--help", "--version"])
def test_a_quick_answer_imports_nothing_heavy(argument: str) -> None:
    script = (
        "import sys\nfrom tui.__main__ import main\n"
        f"try:\n    main([{argument!r}])\nexcept SystemExit as end:\n    assert not end.code\n"
        f"sys.exit(repr(sorted(set(sys.modules) & set({HEAVY!r})) or ''))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=False, capture_output=True, text=True, env=environment()
    )
    assert done.stderr.strip() == "''"
    assert done.stdout


def test_every_verb_leads_to_a_function_and_has_help() -> None:
    found = list(verbs(grammar.build()))
    commands = {parser.get_default("command") for parser in found} - {None}
    assert len(commands) >= 20
    for name in commands:
        module, _, function = name.partition(":")
        assert callable(getattr(import_module(module), function))
    for parser in found:
        assert parser.format_help()
        assert parser.allow_abbrev is False


def test_options_stand_before_or_after_the_verb() -> None:
    parse = grammar.build().parse_args
    assert parse(["--store", "a", "--read-only", "mover", "list"]).store == "a"
    after = parse(["mover", "list", "--store", "b", "--read-only"])
    assert (after.store, after.read_only) == ("b", True)
    assert parse(["mover", "list"]).store is None
    assert parse(["--read-only", "mover", "list"]).read_only is True


@pytest.mark.parametrize(
    ("text", "milliseconds"), [("90s", 90_000), ("30m", 1_800_000), ("1h", 3_600_000), ("2d", 172_800_000)]
)
def test_a_time_to_live(text: str, milliseconds: int) -> None:
    assert grammar.build().parse_args(["agent", "token", "m", "--ttl", text]).ttl_ms == milliseconds


@pytest.mark.parametrize(
    "arguments",
    [
        ["run"],
        ["rnu"],
        ["run", "start"],
        ["run", "start", "a/b", "--mode", "mirror"],
        ["run", "list", "--limit", "0"],
        ["run", "items", "a/b", "--outcome", "Lost"],
        ["agent", "token", "m", "--ttl", "0h"],
        ["agent", "token", "m", "--ttl", "1w"],
        ["agent", "token", "m", "--ttl", "9999999999999d"],
        ["mover", "list", "--bogus"],
        ["mover", "list", "\x1b[31m\u202e"],
        ["mover", "--st", "x", "list"],
    ],
)
def test_bad_usage_is_one_sentence(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        grammar.build().parse_args(arguments)
    assert end.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("longshore: ")
    assert err.count("\n") == 1
    assert "\x1b" not in err
    assert "\u202e" not in err


def test_no_terminal_names_the_twin(site: Site) -> None:
    answer = site.run(stdin=subprocess.DEVNULL)
    assert answer.code == 2
    assert "longshore run list" in answer.err
    assert answer.err.count("\n") == 1


def test_a_closed_pipe_is_quiet(site: Site) -> None:
    words = " ".join(str(part) for part in command("mover", "list", "--json", store=site.store))
    done = subprocess.run(
        ["bash", "-c", f"({words}; echo $? >code) | true; cat code"],
        check=False,
        capture_output=True,
        text=True,
        cwd=site.root,
        env=environment(),
    )
    assert done.stderr == ""
    assert done.stdout.strip() in ("0", "141")


def test_the_environment_names_the_store(site: Site) -> None:
    done = subprocess.run(
        command("mover", "list"),
        check=False,
        capture_output=True,
        text=True,
        env=environment(LONGSHORE_STORE=str(site.store)),
    )
    assert done.returncode == 0
    assert "nas-exit" in done.stdout
