"""The lines of a full report: reversible, one a line, and harmless wherever they are opened."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as some

from store.display import undisplay
from store.report_lines import CSV_HEADER, Facts, csv_row, facts_of, line, lines, pack, read, tally
from store.vocabulary import ItemKind, Outcome, PlannedAction

HOSTILE_NAMES = (
    b"line one\nline two.txt",
    b"\x1b[2J\x1b[31mred alert\x1b[0m",
    b"caf\xe9 latin-1.txt",
    b"\xff\xfe not text",
    "invoice\u202egnp.exe".encode(),
    b"--delete",
    b"back\\slash.txt",
    b"quotes \" and ' both, and commas",
    b"=1+2",
    b"'quoted",
)
FACTS = Facts(ItemKind.FILE, 12, 4_096, 1_790_000_000_123_456_789, -1, 0o100644, 1000, 100)


def test_a_line_says_what_became_of_an_item() -> None:
    written = line(b"a/b", "F", "Failed", 7, 2, code="AZSM2062", message='No "entry"')
    assert json.loads(written) == {
        "path": "a/b",
        "kind": "F",
        "outcome": "Failed",
        "size": 7,
        "code": "AZSM2062",
        "message": 'No "entry"',
        "attempt": 2,
    }
    assert json.loads(line(b"a", ItemKind.FILE, Outcome.TRANSFERRED, 1, 1, md5="d41d8cd9"))["md5"] == "d41d8cd9"


def test_a_line_of_a_preview_says_what_was_seen_on_both_sides() -> None:
    found = json.loads(line(b"a", "F", "Transferred", 7, 1, action=PlannedAction.COPY, source=FACTS))
    assert (found["action"], found["target"]) == ("copy", None)
    assert facts_of(found["source"]) == FACTS
    assert facts_of(found["target"]) is None
    with pytest.raises(ValueError, match="not the facts"):
        facts_of([1, 2])


@given(some.binary(min_size=1, max_size=60), some.text(max_size=30))
def test_any_name_and_any_words_come_back(path: bytes, message: str) -> None:
    """Each line is ASCII without a control character, and its path has the bytes of the name."""
    written = line(path, "F", "Failed", 0, 1, message=message)
    assert written.count(b"\n") == 1
    assert all(32 <= byte < 127 for byte in written[:-1])
    (item,) = read(pack([written]))
    assert undisplay(item["path"]) == path
    assert item["message"] == message


def test_a_chunk_gives_back_its_lines() -> None:
    written = [line(b"%d" % number, "F", "Transferred", number, 1) for number in range(1_000)]
    chunk = pack(written)
    assert [one + b"\n" for one in lines(chunk)] == written
    assert len(chunk) < len(b"".join(written)) / 5
    with pytest.raises(ValueError, match="damaged"):
        list(read(chunk[:-9]))


def test_actions_are_counted_whatever_the_names_say() -> None:
    """A name or message that looks like an action is none."""
    forged = b'x","action":"delete","y":"'
    chunk = pack(
        [
            line(forged, "F", "Transferred", 1, 1, action="copy", message=forged.decode(), source=FACTS),
            line(b"b", "F", "Transferred", 1, 1, action="repair", source=FACTS, target=FACTS),
            line(b"c", "F", "Transferred", 1, 1, action="copy", source=FACTS),
        ]
    )
    assert +tally(chunk) == Counter({PlannedAction.COPY: 2, PlannedAction.REPAIR: 1})
    assert Counter(item["action"] for item in read(chunk)) == Counter({"copy": 2, "repair": 1})


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])  # noqa: RUF001
def test_no_cell_is_a_formula_for_a_spreadsheet(start: str) -> None:
    name = f'{start}HYPERLINK("http://x","y")'
    (item,) = read(pack([line(name.encode(), "F", "Failed", 0, 1, message=name)]))
    row = csv_row(item)
    assert len(row) == len(CSV_HEADER)
    for cell in (row[0], row[CSV_HEADER.index("message")]):
        assert cell[0] in "'\\", "a name that begins with a control character is shown escaped"


def test_the_apostrophe_can_be_taken_away_again() -> None:
    for name in (b"=1", b"'=1", b"'", b"plain"):
        (item,) = read(pack([line(name, "F", "Failed", 0, 1)]))
        cell = csv_row(item)[0]
        assert (cell[1:] if cell.startswith("'") else cell).encode() == name


def test_hostile_names_survive_the_way_through_csv() -> None:
    """One row for each item, whatever stands in it, and the path's bytes can be had again."""
    chunk = pack([line(name, "F", "Transferred", 1, 1, message="a\x1b[31mb\nc") for name in HOSTILE_NAMES])
    out = io.StringIO()
    csv.writer(out).writerows(csv_row(item) for item in read(chunk))
    assert "\x1b" not in out.getvalue()
    rows = list(csv.reader(io.StringIO(out.getvalue())))
    assert [undisplay(row[0].removeprefix("'")) for row in rows] == list(HOSTILE_NAMES)


def test_both_sides_have_columns_of_their_own() -> None:
    (item,) = read(pack([line(b"a", "F", "Transferred", 7, 1, action="copy", source=FACTS)]))
    row = dict(zip(CSV_HEADER, csv_row(item), strict=True))
    assert (row["action"], row["source_inode"], row["source_mtime_ns"]) == ("copy", "12", "1790000000123456789")
    assert row["target_inode"] == ""


def test_a_line_that_another_program_wrote_is_harmless_as_well() -> None:
    """A report is what an agent says; one that was taken over need not say it in our form."""
    forged = {"path": "\x1b]0;owned\x07", "kind": "\x9b2J", "outcome": "=1+2", "message": "\u202e"}
    row = csv_row({**forged, "source": ["=cmd", -1, "\x1bc", 0, 0, 0, 0, 0]})
    assert row[0] == "\\x1b]0;owned\\x07"
    assert all(cell.isascii() and cell.isprintable() for cell in row)
    assert [row[2], row[9], row[10]] == ["'=1+2", "'=cmd", "-1"]
