"""``store.display``: nothing that a terminal would act on gets through, and nothing is lost."""

from __future__ import annotations

import unicodedata
from pathlib import PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from store.display import ELLIPSIS, MAX_MARKS, display, undisplay

TRICKY = (
    "\x00\x07\x08\t\n\r\x1b\x7f\x80\x85\x9b\xad\\[]/@x1e9u"
    "\u0301\u0323\u034f\u061c\u0600\u115f\u1160\u11a8\u1100\u180e\u180b\u200b\u200d\u200e\u202e\u2028\u2029"
    "\u2066\u2069\u2800\u3000\u3164\ufe0f\ufeff\ufffc\ufffd\u4dc0\u2630\ue000\uffff"
    "\udc80\udcff\ud800\udbff\U0001f468\U0001f3fd\U0001f1e9\U000e0001\U000e0100\U0010ffff日한e"
)
texts = st.text(st.one_of(st.sampled_from(TRICKY), st.characters(categories=None)))


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain name.txt", "plain name.txt"),
        ("", ""),
        ("Übersicht.pdf", "Übersicht.pdf"),
        ("日本語.txt", "日本語.txt"),
        ("mail\u00a0merge", "mail\u00a0merge"),
        ("a[/]b.txt", "a[/]b.txt"),
        ("[@click=app.quit]x[/]", "[@click=app.quit]x[/]"),
        ("back\\slash", "back\\\\slash"),
        ("fake\\x1b", "fake\\\\x1b"),
        ("inv\x1b]0;PWNED\x1b\\oice.pdf", "inv\\x1b]0;PWNED\\x1b\\\\oice.pdf"),
        ("\x1b]52;c;aGk=\x07", "\\x1b]52;c;aGk=\\x07"),
        ("csi\u009b2J", "csi\\u009b2J"),
        ("two\nlines\r", "two\\x0alines\\x0d"),
        ("tab\there", "tab\\x09here"),
        ("nul\x00del\x7f", "nul\\x00del\\x7f"),
        ("annual\u202efdp.exe", "annual\\u202efdp.exe"),
        ("\u2066iso\u2069", "\\u2066iso\\u2069"),
        ("\u061carabic mark", "\\u061carabic mark"),
        ("zero\u200bwidth\ufeff", "zero\\u200bwidth\\ufeff"),
        ("line\u2028para\u2029", "line\\u2028para\\u2029"),
        ("tag\U000e0041", "tag\\U000e0041"),
        ("heart\u2764\ufe0f", "heart\u2764\\ufe0f"),
        ("soft\u00adhyphen", "soft\\u00adhyphen"),
        ("private\ue000", "private\\ue000"),
        ("unassigned\u0378", "unassigned\\u0378"),
        ("filler\u3164", "filler\\u3164"),
        (b"caf\xe9", "caf\\xe9"),
        (b"c1 as a byte \x85", "c1 as a byte \\x85"),
        (b"caf\xc3\xa9", "café"),
        ("caf\udce9", "caf\\xe9"),
        ("lone\ud800", "lone\\ud800"),
        ("e\u0301\u0323ok", "e\u0301\u0323ok"),
        ("z\u0301\u0302\u0303\u0304", "z\u0301\u0302\\u0303\\u0304"),
        ("\u0301starts with a mark", "\\u0301starts with a mark"),
        ("\x1b\u0301", "\\x1b\\u0301"),
        (PurePosixPath("dir/\udcff"), "dir/\\xff"),
    ],
    ids=ascii,
)
def test_hostile_names(raw: str | bytes | PurePosixPath, shown: str) -> None:
    assert display(raw) == shown


@settings(deadline=None)
@given(st.binary())
def test_bytes_come_back(raw: bytes) -> None:
    assert undisplay(display(raw)) == raw


@settings(deadline=None)
@given(texts)
def test_text_comes_back_as_its_bytes(text: str) -> None:
    raw = text.encode("utf-8", "surrogateescape") if _escapes_only(text) else None
    if raw is not None:
        assert undisplay(display(text)) == raw


def _escapes_only(text: str) -> bool:
    """Other surrogates come from no decoder of ours, and have no bytes to come back to."""
    return not any("\ud800" <= c <= "\udc7f" or "\udd00" <= c <= "\udfff" for c in text)


@settings(deadline=None)
@given(texts, st.none() | st.integers(0, 40))
def test_nothing_unsafe_gets_through(text: str, limit: int | None) -> None:
    shown = display(text, limit)
    marks = MAX_MARKS
    for character in shown:
        category = unicodedata.category(character)
        assert category[0] != "C"
        assert category not in ("Zl", "Zp")
        assert cell_len(character) or category[0] == "M" or unicodedata.name(character).startswith("HANGUL")
        marks = 0 if cell_len(character) else marks + 1
        assert marks <= MAX_MARKS
    assert len(shown.splitlines()) <= 1


@settings(deadline=None)
@given(texts, st.integers(0, 40))
def test_width_stays_in_its_limit(text: str, limit: int) -> None:
    full, cut = display(text), display(text, limit)
    if cell_len(full) <= limit:
        assert cut == full
    else:
        assert cell_len(cut) <= limit
        assert cut == "" if limit == 0 else cut.endswith(ELLIPSIS)
        assert full.startswith(cut[:-1])


@settings(deadline=None)
@given(texts)
def test_showing_what_is_safe_changes_only_backslashes(text: str) -> None:
    shown = display(text)
    assert display(shown) == shown.replace("\\", "\\\\")


def test_a_cut_never_divides_an_escape_or_a_wide_character() -> None:
    assert display("ab\x1bcd", 6) == "ab…"
    assert display("ab\x1bcd", 7) == "ab\\x1b…"
    assert display("日本語", 4) == "日…"
    assert display("日本語", 6) == "日本語"
    assert display("abcdef", 5) == "abcd…"
    assert display("abcdef", 6) == "abcdef"


@pytest.mark.parametrize("text", ["\\", "a\\q", "\\x1", "\\x1G", "\\u12", "\\U00110000"])
def test_undisplay_refuses_what_display_never_made(text: str) -> None:
    with pytest.raises(ValueError, match=r"stray backslash|chr\(\)"):
        undisplay(text)
