"""``store.display`` against every character there is and what terminals do with it.

What single names look like is told in ``tests/presentation/test_display_text.py``; here is what holds for all.
"""

from __future__ import annotations

import unicodedata

import pyte
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from wcwidth import wcwidth

from store.display import ELLIPSIS, MAX_MARKS, display, displayed, in_ascii, undisplay

DEFAULT_IGNORABLE = (
    (0xAD, 0xAD),
    (0x34F, 0x34F),
    (0x61C, 0x61C),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x200B, 0x200F),
    (0x202A, 0x202E),
    (0x2060, 0x206F),
    (0x3164, 0x3164),
    (0xFE00, 0xFE0F),
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFFB),
    (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A),
    (0xE0000, 0xE0FFF),
)
"""Unicode's Default_Ignorable_Code_Point, and interlinear annotation: what a terminal shows as nothing."""

DISPUTED = (
    (0x1F1E6, 0x1F1FF, "regional indicators: two cells each, one each, or two for a pair"),
    (0x1F3FB, 0x1F3FF, "skin tones: none after a person, two alone"),
    (0x3248, 0x324F, "circled numbers on black squares: two for glibc, one for others"),
    (0x302E, 0x302F, "Hangul tone marks: none, or two"),
    (0x2630, 0x2637, "trigrams: two since Unicode 16"),
    (0x4DC0, 0x4DFF, "hexagrams: two since Unicode 16"),
)
"""Characters on whose width terminals disagree, with who says what."""

HOSTILE = [
    *"\x00\x07\t\n\r\x1b\x7f\x80\x85\x9b\\",
    "\x1b[2J",
    "\x1b]0;owned\x07",
    "\x1b]52;c;aGk=\x1b\\",
    *"\xad\u034f\u061c\u0600\u115f\u1160\u180b\u180e\u200b\u200d\u200e\u202e\u2028\u2029\u2066\u2069\u2800\u3000",
    *"\u3164\ufe0f\ufeff\ufff9\ufffb\ufffc\ufffd\ue000\uffff\u0378\U000e0001\U000e0041\U000e0100\U0010ffff",
    *"\udc80\udc9b\udcff\ud800\udbff",
    *"\u0301\u0323\u20dd\u0903\u093f\u1100\u1161\u11a8\ud55c日\uff57\uff9e",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "\U0001f44d\U0001f3fd",
    "\u2764\ufe0f",
    "1\ufe0f\u20e3",
    "\U0001f1e9\U0001f1ea",
    "\u05d0\u05d1\u05d2",
    "\u0645\u0644\u0641",
    "\u202etxt.exe",
    "e\u0301" + "\u0300" * 40,
    "[/red]",
    "[@click=app.quit]x[/]",
]
texts = st.lists(st.sampled_from(HOSTILE) | st.text(st.characters(categories=None), max_size=8), max_size=12).map(
    "".join
)


@settings(deadline=None)
@given(texts)
@example("\u0301" * 4_000)
@example("\x1b" * 4_000)
@example("日" * 4_000)
@example("e\u0301\u0323" * 1_300)
def test_what_is_shown_is_one_line_of_visible_characters(text: str) -> None:
    shown = display(text)
    marks = MAX_MARKS
    for character in shown:
        assert unicodedata.category(character)[0] != "C", ascii(character)
        assert unicodedata.category(character) not in ("Zl", "Zp")
        assert unicodedata.bidirectional(character) not in (
            "LRE",
            "RLE",
            "LRO",
            "RLO",
            "PDF",
            "LRI",
            "RLI",
            "FSI",
            "PDI",
        )
        assert not any(first <= ord(character) <= last for first, last in DEFAULT_IGNORABLE), ascii(character)
        marks = 0 if wcwidth(character) else marks + 1
        assert marks <= MAX_MARKS
    assert len(shown.splitlines()) <= 1
    shown.encode()  # no surrogate is left


@settings(deadline=None)
@given(texts)
def test_rich_and_terminals_count_the_same_cells(text: str) -> None:
    shown = display(text)
    assert cell_len(shown) == sum(wcwidth(character) for character in shown)


@settings(deadline=None)
@given(texts)
def test_what_comes_after_it_stands_where_it_is_thought_to(text: str) -> None:
    """On a terminal: nothing of the text moves the cursor but by its cells."""
    # pyte stops at a mark that it cannot compose with; those are told apart in the test of every character.
    shown = "".join(c for c in display(text) if wcwidth(c) or unicodedata.combining(c))
    terminal = pyte.Screen(cell_len(shown) + 8, 2)
    terminal.reset_mode(7)
    pyte.Stream(terminal).feed(shown + "|")
    assert terminal.cursor.x == cell_len(shown) + 1
    assert (terminal.cursor.y, terminal.title) == (0, "")
    assert terminal.buffer[0][cell_len(shown)].data == "|"


@settings(deadline=None)
@given(texts)
def test_no_two_texts_look_the_same(text: str) -> None:
    """Every part of what is shown says which character, or which byte, it stands for."""
    assert _read_back(display(text)) == text


def _read_back(shown: str) -> str:
    parts, position = [], 0
    while position < len(shown):
        if shown[position] != "\\":
            parts.append(shown[position])
            position += 1
            continue
        kind = shown[position + 1]
        length = {"\\": 0, "x": 2, "u": 4, "U": 8}[kind]
        code = int(shown[position + 2 : position + 2 + length] or "5c", 16)
        parts.append(chr(code + 0xDC00 if kind == "x" and code >= 0x80 else code))
        position += 2 + length
    return "".join(parts)


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_bytes_are_shown_as_what_a_file_system_calls_them(raw: bytes) -> None:
    shown = display(raw)
    assert shown == display(raw.decode("utf-8", "surrogateescape"))
    assert undisplay(shown) == raw


@settings(deadline=None)
@given(texts)
def test_showing_it_twice_only_doubles_backslashes(text: str) -> None:
    shown = display(text)
    assert display(shown) == shown.replace("\\", "\\\\")


@settings(deadline=None)
@given(texts)
def test_the_second_look_finds_nothing_in_what_was_displayed_and_everything_else(text: str) -> None:
    shown = display(text)
    assert displayed(shown) == shown
    assert displayed(text).replace("\\", "") == shown.replace("\\", "")


@settings(deadline=None)
@given(texts)
def test_in_ascii_it_still_says_the_same(text: str) -> None:
    plain = in_ascii(display(text))
    assert plain.isascii()
    assert plain.isprintable()
    assert _read_back(plain) == text


@settings(deadline=None)
@given(texts, st.integers(1, 60))
def test_a_cut_text_keeps_to_its_cells_and_says_that_it_is_cut(text: str, limit: int) -> None:
    full, cut = display(text), display(text, limit)
    if cell_len(full) <= limit:
        assert cut == full
    else:
        assert cell_len(cut) <= limit
        assert cut.endswith(ELLIPSIS)
        assert full.startswith(cut.removesuffix(ELLIPSIS))


def test_every_character_there_is() -> None:
    """One by one, as a name's second character: it is escaped, or visible with a width that all agree on."""
    for code in range(0x110000):
        character = chr(code)
        shown = display("a" + character)[1:]
        if shown != character:
            assert shown.startswith("\\"), hex(code)
            assert shown.isascii(), hex(code)
            assert shown.isprintable(), hex(code)
            continue
        assert unicodedata.category(character)[0] != "C", hex(code)
        assert cell_len(character) == wcwidth(character), hex(code)
        assert wcwidth(character) or unicodedata.category(character)[0] == "M" or _joins_korean(code), hex(code)


def _joins_korean(code: int) -> bool:
    """Vowels and final consonants that a Mac's file names have one by one."""
    return 0x1161 <= code <= 0x11FF or 0xD7B0 <= code <= 0xD7FB


@pytest.mark.parametrize(("first", "last"), DEFAULT_IGNORABLE, ids=lambda code: f"{code:x}")
def test_what_a_terminal_would_not_show_is_escaped(first: int, last: int) -> None:
    assert all(display("a" + chr(code)).startswith("a\\") for code in range(first, last + 1))


@pytest.mark.parametrize(("first", "last", "_why"), DISPUTED, ids=[why.split(":")[0] for *_, why in DISPUTED])
def test_what_terminals_give_different_widths_is_escaped(first: int, last: int, _why: str) -> None:
    assert all(display("a" + chr(code)).startswith("a\\") for code in range(first, last + 1))


@pytest.mark.parametrize(
    "name",
    ["Übersicht", "отчёт", "Ωμέγα", "報告書", "보고서", "דוח", "تقرير", "รายงาน", "रिपोर्ट", "Báo cáo", "📁 photos"],
)
def test_names_in_the_scripts_of_the_world_stay_readable(name: str) -> None:
    """Right-to-left letters and Indic vowel signs too: the module says what that costs on some terminals."""
    assert display(name) == name
    decomposed = unicodedata.normalize("NFD", name)
    assert display(decomposed) == decomposed
