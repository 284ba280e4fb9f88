"""The config file: what it may say, what is wrong with it and where, and the keys that it changes."""

from __future__ import annotations

import base64
import string
import subprocess
import sys
from pathlib import Path

import pytest
from textual.keys import Keys, _character_to_key

from tests.tui.driving import app_of, until
from tests.tui.sample_store import SampleStore
from tests.tui.test_terminal import ROOT, Terminal, restored
from tui.actions import ACTIONS, LAUNCH_PLACE, SCREENS
from tui.app import LongshoreApp
from tui.config import Config, ConfigInvalid, config_path, parse_config, read_config
from tui.keymap import KEPT, RESERVED, Keymap
from tui.keys import KNOWN, name_of, read_key, shown_key
from tui.screens.launch import LaunchScreen
from tui.screens.run import RunScreen

PATH = Path("config.toml")


def parsed(text: str) -> Config:
    return parse_config(PATH, text.encode())


def problems(text: str | bytes) -> list[str]:
    """All that is wrong with a text."""
    with pytest.raises(ConfigInvalid) as caught:
        parse_config(PATH, text if isinstance(text, bytes) else text.encode())
    return caught.value.sentences


# Keys


def test_keys_are_called_as_textual_calls_them() -> None:
    for character in string.printable.strip() + "öß€":
        assert name_of(character) == _character_to_key(character), character
    named = {key.value for key in Keys} | {_character_to_key(character) for character in string.punctuation}
    assert set(KNOWN) <= named


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("?", "question_mark"),
        ("question_mark", "question_mark"),
        ("r", "r"),
        ("R", "R"),
        ("ö", "ö"),
        ("F5", "f5"),
        (" ", "space"),
        ("+", "plus"),
        ("ctrl++", "ctrl+plus"),
        ("Ctrl+R", "ctrl+r"),
        ("shift+ctrl+f5", "ctrl+shift+f5"),
        ("alt+/", "alt+slash"),
        ("Esc", "escape"),
        ("PgUp", "pageup"),
    ],
)
def test_a_key_may_be_written_in_the_usual_ways(written: str, key: str) -> None:
    assert read_key(written) == key


@pytest.mark.parametrize("key", ["question_mark", "escape", "ctrl+d", "f5", "alt+slash", "space"])
def test_what_is_shown_of_a_key_can_be_written(key: str) -> None:
    assert read_key(shown_key(key)) == key


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("", "'' is no key"),
        ("pagup", "'pagup' is no key: perhaps 'pageup'"),
        ("zz", "write a character, or a name"),
        ("strg+r", "before the last + may stand alt, ctrl"),
        ("ctrl+i", "terminals send tab for 'ctrl+i'"),
        ("ctrl+m", "terminals send enter"),
        ("ctrl+[", "terminals send esc"),
        ("shift+a", "write 'A' for 'shift+a'"),
    ],
)
def test_what_no_key_is_or_no_terminal_sends_is_refused(written: str, words: str) -> None:
    with pytest.raises(ValueError, match=r"\.$") as caught:
        read_key(written)
    assert words in str(caught.value)


def test_the_registrys_own_keys_do_not_clash() -> None:
    assert Keymap({action.id: action.keys.split(",") for action in ACTIONS}).clashes() == []
    for identity, key in KEPT.items():
        assert key in Keymap().action(identity).keys.split(",")
        assert key in RESERVED


# What a file may say


def test_a_file_changes_what_it_says_and_nothing_else() -> None:
    config = parsed(
        '[screen]\nrefresh = 2\ntheme = "ansi-dark"\nascii = true\nmouse = true\n'
        '[keys]\nrun.start = "f5"\n"back" = ["-"]\nevents = []\n'
    )
    assert (config.refresh, config.theme, config.ascii, config.mouse) == (2.0, "ansi-dark", True, True)
    assert config.keymap.action("run.start").keys == "f5"
    assert config.keymap.action("back").keys == "minus,escape"
    assert config.keymap.action("events").keys == ""
    assert config.keymap.action("run.stop").keys == "x"
    assert parsed("") == Config(PATH, True)


def test_every_error_is_told_with_its_line() -> None:
    text = """\
[screen]
refresh = 0
theme = "nrod"
mosue = true
ascii = "yes"

[keys]
"run.start" = "x"   # the other's
"run.stpo" = "f5"
events = [
  # a comment
  "ctrl+i",
  "j",
]
run.verify = 7
quit = "enter"
run.preview = "V"
"run.preview" = "W"

[colors]
"""
    assert problems(text) == [
        "config.toml:2: refresh: write seconds from 0.1 to 60, such as 0.5.",
        "config.toml:3: theme: there is no theme 'nrod': perhaps you mean 'nord'.",
        "config.toml:4: There is no setting 'mosue': perhaps you mean 'mouse'.",
        "config.toml:5: ascii: write true or false, without quotes.",
        "config.toml:8: 'x' would do both 'run.start' and 'run.stop': give one of them another key.",
        "config.toml:9: There is no action 'run.stpo': perhaps you mean 'run.stop'.",
        "config.toml:10: 'j' moves in trees and lists: choose another key.",
        "config.toml:10: events: terminals send tab for 'ctrl+i': choose another key.",
        'config.toml:15: run.verify: write a key in quotes, or several: ["f5", "ctrl+r"].',
        "config.toml:16: 'enter' is kept for 'open': choose another key.",
        "config.toml:18: 'run.preview' stands here twice: leave one of them out.",
        "config.toml:20: There is no table [colors]: there are screen, keys.",
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a = [\n\n", "config.toml:2: this is no TOML"),
        (b"[screen]\n# caf\xe9\n", "config.toml:2: this is not UTF-8: save the file as UTF-8."),
        ("screen = 1", "config.toml:1: 'screen' is a table: write [screen], and settings below it."),
        ("\nkeys = 1", "config.toml:2: 'keys' is a table: write [keys], and actions below it."),
        ("[screen]\nrefresh = true", "config.toml:2: refresh: write seconds"),
        ("[screen]\nrefresh = nan", "config.toml:2: refresh: write seconds"),
        ("[keys]\n'sort' = 'h'", "config.toml:2: 'h' moves in trees and lists: choose another key."),
        ("[keys]\n'sort' = 'space'", "config.toml:2: 'space' opens and closes branches of the tree"),
        ("[keys]\n'launch.mode' = 'q'", "config.toml:2: 'q' would do both 'quit' and 'launch.mode'"),
    ],
)
def test_what_is_wrong_is_one_sentence(text: str | bytes, sentence: str) -> None:
    (told,) = problems(text)
    assert told.startswith(sentence)


def test_a_quoted_and_a_dotted_name_are_one_action() -> None:
    assert problems('[keys]\nrun.start = "f5"\n"run.start" = "f6"\n') == [
        "config.toml:3: 'run.start' stands here twice: leave one of them out."
    ]


# Where it is


def test_the_file_is_found_where_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("LONGSHORE_CONFIG", raising=False)
    usual = tmp_path / "longshore" / "config.toml"
    assert config_path() == (usual, False)
    assert read_config() == Config(usual)
    monkeypatch.setenv("LONGSHORE_CONFIG", str(tmp_path / "other.toml"))
    with pytest.raises(ConfigInvalid, match=r"There is no config file '.*other\.toml'"):
        read_config()
    (tmp_path / "third.toml").write_text("[screen]\nrefresh = 3\n")
    assert read_config(str(tmp_path / "third.toml")).refresh == 3
    with pytest.raises(ConfigInvalid, match="Is a directory"):
        read_config(str(tmp_path))
    (tmp_path / "long.toml").write_bytes(b"#" * 200_000)
    with pytest.raises(ConfigInvalid, match="longer than"):
        read_config(str(tmp_path / "long.toml"))


def longshore(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tui", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_check_and_show_are_the_twin(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.toml", tmp_path / "bad.toml"
    good.write_text('[keys]\n"run.start" = ["f5", "?r"]\n'.replace('"?r"', '"ctrl+r"'))
    bad.write_text("[screen]\nrefresh = 0\n\n[keys]\nfoo = 1\n")
    done = longshore("config", "check", "--config", str(good))
    assert (done.returncode, done.stdout, done.stderr) == (
        0,
        "",
        f"longshore: The config file '{good}' is fine.\n"[11:],
    )
    done = longshore("--config", str(bad), "config", "check")
    assert done.returncode == 2
    assert [line.split(": ")[:2] for line in done.stderr.splitlines()] == [
        ["longshore", f"{bad}:2"],
        ["longshore", f"{bad}:5"],
    ]
    shown = longshore("config", "show", "--config", str(good))
    assert '"run.start" = ["f5", "ctrl+r"]' in shown.stdout
    assert "refresh = 0.5" in shown.stdout
    # What it prints is a config file that says the same.
    again = parse_config(PATH, shown.stdout.encode())
    assert again.keymap.actions == read_config(str(good)).keymap.actions
    as_json = longshore("config", "show", "--json", "--config", str(good))
    assert '"run.start"' in as_json.stdout


def test_a_bad_file_ends_the_start_before_the_screen_opens(sample: SampleStore, tmp_path: Path) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text("[screen]\nrefresh = 0\nmosue = true\n")
    terminal = Terminal(["-m", "tui", "--store", str(sample.place.path), "--config", str(bad)])
    assert terminal.end() == 2
    assert b"\x1b" not in terminal.raw
    assert f"{bad}:2: refresh".encode() in terminal.raw.replace(b"\r\n", b"")
    assert f"{bad}:3: There is no setting".encode() in terminal.raw.replace(b"\r\n", b"")


# The keys that it changes


def app_with(sample: SampleStore, text: str) -> LongshoreApp:
    return LongshoreApp(sample.place, clock=sample.clock, config=parsed(text))


@pytest.mark.anyio
async def test_two_keys_can_be_swapped(sample: SampleStore) -> None:
    app = app_with(sample, '[keys]\nrun.start = "x"\nrun.stop = "r"\n')
    async with app.run_test(size=(160, 45)) as pilot:
        await until(pilot, "Runs of engineering")
        await until(pilot, "x run  r stop")
        await pilot.press("r")
        await until(pilot, "Stop the run nas1-migration/engineering#1")
        await pilot.press("escape", "x")
        await until(pilot, "Start a run of nas1-migration/engineering")
        await pilot.press("escape")
        await pilot.press("2", "x")
        await until(pilot, "Select a job definition or a run first: x starts a run of it.")


@pytest.mark.anyio
async def test_other_keys_hold_on_every_screen_and_the_old_ones_do_nothing(sample: SampleStore) -> None:
    app = app_with(sample, '[keys]\nback = "-"\nlaunch.mode = "f2"\nopen = "f3"\n"pane.runs" = "f4"\nquit = "Q"\n')
    async with app.run_test(size=(160, 45)) as pilot:
        await until(pilot, "Runs of engineering")
        await pilot.press("4", "f4", "f3")
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        await pilot.press("q", "minus")
        await until(pilot, "Runs of engineering")
        await pilot.press("1", "r")
        await until(pilot, "Start a run of")
        await pilot.press("m", "q", "f2")
        await until(pilot, "(for this run only)")
        await pilot.press("Q")
        await until(pilot, lambda: not isinstance(app.screen, LaunchScreen))
        await pilot.press("Q")
        await until(pilot, lambda: not app.is_running)


@pytest.mark.anyio
async def test_an_action_may_be_left_without_a_key(sample: SampleStore) -> None:
    app = app_with(sample, "[keys]\nresource.delete = []\n")
    async with app.run_test(size=(160, 45)) as pilot:
        await until(pilot, "c clone")
        await until(pilot, "ctrl+d delete", absent=True)
        await pilot.press("question_mark", *"delete it")
        await until(pilot, "(no key)")


@pytest.mark.anyio
async def test_every_action_of_every_place_can_have_another_key(sample: SampleStore) -> None:
    """All of them at once: nothing is reached by its old key any more."""
    free = [f"alt+{letter}" for letter in string.ascii_lowercase] + [f"ctrl+f{number}" for number in range(1, 25)]
    changed = {action.id: [key] for action, key in zip(ACTIONS, free, strict=False)}
    keymap = Keymap(changed)
    assert keymap.clashes() == []
    app = LongshoreApp(sample.place, clock=sample.clock, config=Config(PATH, keymap=keymap))
    async with app.run_test(size=(160, 45)) as pilot:
        await until(pilot, "Runs of engineering")
        bound = {binding.id: key for key, binding in app.screen._bindings if binding.id in changed}
        kept = {action.id for action in ACTIONS if SCREENS[0] in action.places}
        assert set(bound) == kept
        keys = {key for key, binding in app.screen._bindings if binding.id in changed}
        assert keys == {key for identity in kept for key in keymap.action(identity).keys.split(",")}
    assert LAUNCH_PLACE not in SCREENS


@pytest.mark.anyio
async def test_theme_and_refresh_are_taken(sample: SampleStore) -> None:
    app = app_with(sample, '[screen]\ntheme = "nord"\nrefresh = 1.5\n')
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, "Runs of engineering")
        assert app.theme == "nord"
        assert app.follower.tick_seconds == 1.5
    assert app_of(sample).theme == "textual-dark"


# The mouse


def test_the_mouse_is_turned_on_and_off_by_a_key(sample: SampleStore) -> None:
    """A click chooses a row, a double click opens it; off, nothing is reported, and the terminal is left as it was."""
    terminal = Terminal(["-m", "tui", "--store", str(sample.place.path)], columns=160, lines=45)
    try:
        terminal.until("Runs of engineering")
        assert b"\x1b[?1000h" not in terminal.raw
        terminal.child.send("gM")
        terminal.until("The mouse is on")
        assert (
            terminal.raw.rfind(b"\x1b[?1000h")
            > terminal.raw.rfind(b"\x1b[?1003l")
            > terminal.raw.rfind(b"\x1b[?1003h")
            > 0
        )
        terminal.until("hr-home #1")
        row = next(
            y for y, line in enumerate(terminal.screen.display) if "hr-home #1" in line and "hr-archive" not in line
        )
        column = terminal.screen.display[row].index("hr-home #1")
        for _ in range(2):
            terminal.child.send(f"\x1b[<0;{column + 2};{row + 1}M\x1b[<0;{column + 2};{row + 1}m")
        terminal.until("What did not simply transfer")
        terminal.child.send("\x1b")
        terminal.until("Runs ")
        terminal.child.send("M")
        terminal.until("The mouse is off")
        assert terminal.raw.rfind(b"\x1b[?1000l") > terminal.raw.rfind(b"\x1b[?1000h")
        terminal.child.send("q")
        assert terminal.end() == 0
        assert restored(terminal.raw)
    finally:
        terminal.child.close(force=True)


def test_a_mouse_that_is_on_at_the_start_is_off_at_the_end(sample: SampleStore, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("[screen]\nmouse = true\n")
    terminal = Terminal(["-m", "tui", "--store", str(sample.place.path), "--config", str(config)])
    try:
        terminal.until("Runs of engineering")
        assert terminal.raw.rfind(b"\x1b[?1000h") > terminal.raw.rfind(b"\x1b[?1003l") > 0
        terminal.child.send("q")
        assert terminal.end() == 0
        assert terminal.raw.rfind(b"\x1b[?1000l") > terminal.raw.rfind(b"\x1b[?1000h")
    finally:
        terminal.child.close(force=True)


def test_ctrl_l_paints_the_whole_screen_anew(sample: SampleStore) -> None:
    """Whatever another program wrote over it."""
    terminal = Terminal(["-m", "tui", "--store", str(sample.place.path)])
    try:
        terminal.until("Runs of engineering")
        terminal.until("1 running")
        terminal.read(1)
        terminal.screen.reset()
        terminal.child.send("\x0c")
        for text in ("Hierarchy", "Runs of engineering", "1 running", "keys"):
            terminal.until(text)
    finally:
        terminal.child.close(force=True)


def test_y_writes_nothing_but_an_osc_52_to_the_terminal(sample: SampleStore) -> None:
    arguments = ["-m", "tui", "--store", str(sample.place.path)]
    terminal = Terminal(arguments, TMUX="", STY="")
    try:
        terminal.until("Runs of engineering")
        terminal.child.send("y")
        terminal.until("Copied 26 bytes: nas1-migration/engineering")
        asked = base64.b64encode(b"nas1-migration/engineering")
        assert terminal.raw.count(b"\x1b]52;c;" + asked + b"\x1b\\") == terminal.raw.count(b"\x1b]52") == 1
    finally:
        terminal.child.close(force=True)
