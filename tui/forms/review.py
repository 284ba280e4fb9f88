"""A job definition in words: what each mode does to files, what both ends are, and what is worth a second thought."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from store.display import display
from store.losses import losses
from store.queries.completion import EndpointPlace, Writer
from store.rules import location_overlaps
from store.settings import MAX_DELETE_PERCENT, MAX_DELETES, MIN_SOURCE_PERCENT, CopySettings
from store.vocabulary import Compare, CopyMode
from tui.forms.field import NO, YES, Field
from tui.presentation.cells import Cell
from tui.presentation.glyphs import Glyphs

Line = list[Cell]
Texts = Mapping[str, str]

SIDES = (
    ("only in the source", "copied", "copied"),
    ("only in the target", "kept", "DELETED"),
    ("in both, different", "replaced", "replaced"),
    ("in both, alike", "left alone", "left alone"),
    ("left out by a filter", "left alone", "left alone"),
)
"""What becomes of a file of the target, in each mode."""

LABEL_CELLS = 13
_WIDTHS = (24, 14)


class Facts(NamedTuple):
    """What the store knows of what was typed."""

    source: EndpointPlace | None
    target: EndpointPlace | None
    writers: Sequence[Writer]
    """Other definitions that write to the target endpoint."""
    agent_known: bool


def mode_table(mode: CopyMode) -> list[Line]:
    """What each mode does to a file that is on one side only, or on both; the chosen mode stands out."""
    first, second = _WIDTHS
    lines: list[Line] = [
        [Cell("A file that is ...".ljust(first), "dim"), *_columns(CopyMode.ADDITIVE, CopyMode.MIRROR, mode, second)]
    ]
    for what, additive, mirror in SIDES:
        lines.append([Cell(what.ljust(first), "dim"), *_columns(additive, mirror, mode, second)])
    return lines


def _columns(additive: str, mirror: str, mode: CopyMode, width: int) -> list[Cell]:
    cells = []
    for word, its in ((additive, CopyMode.ADDITIVE), (mirror, CopyMode.MIRROR)):
        chosen = its == mode
        style = "bad" if chosen and word == "DELETED" else "strong" if chosen else "dim"
        shown = f"[{word}]" if chosen and word == its else word
        cells.append(Cell(shown.ljust(width), style))
    return cells


def end_lines(place: EndpointPlace | None, sub_path: str) -> list[Line]:
    """What a source or target is, once it is known."""
    if place is None:
        return []
    lines: list[Line] = [[Cell("That is  ", "dim"), Cell(f"{place.endpoint_type} {_whole(place, sub_path)}")]]
    if place.description:
        lines.append([Cell(" " * 9), Cell(display(place.description), "dim")])
    return lines


def review_lines(fields: Sequence[Field], texts: Texts, facts: Facts, glyphs: Glyphs) -> list[Line]:
    """Everything in words, then what is worth a second thought."""
    mode = CopyMode(texts["copyMode"])
    name = f"{texts['project']}/{texts['name']}"
    lines: list[Line] = [
        _fact("Makes", display(name), "strong"),
        _fact("From", _end(facts.source, texts["sourceName"], texts["sourceSubpath"])),
        _fact("To", _end(facts.target, texts["targetName"], texts["targetSubpath"])),
    ]
    if mode == CopyMode.MIRROR:
        lines.append(_fact("Mode", "Mirror: it DELETES from the target what the source has not", "bad"))
        lines += [_fact("", words) for words in _guards(texts)]
    else:
        lines.append(_fact("Mode", "Additive: what is new or differs is copied; nothing is deleted"))
    if texts["description"]:
        lines.append(_fact("Description", display(texts["description"])))
    lines.append(_fact("Agent", display(texts["agentName"]) or "chosen when a run is started"))
    lines += [_fact(label, words) for label, words in _settings(fields, texts)]
    warnings = list(warning_words(texts, facts))
    if warnings:
        lines.append([])
        lines += [[Cell(f"{glyphs.attention} {words}", "warn")] for words in warnings]
    return lines


def warning_words(texts: Texts, facts: Facts) -> Iterator[str]:
    """What is allowed and may not be what was meant, each in one sentence that is safe to show."""
    mirror = texts["copyMode"] == CopyMode.MIRROR
    yield from lost(texts, facts)
    if texts.get("preservePermissions") == NO:
        yield "Mode, owner and access control lists stay behind: 'Preserve permissions' is no."
    yield from _shared(texts, facts, mirror=mirror)
    if mirror and texts.get("trash") == NO:
        yield "What is deleted or replaced is gone: 'Trash' keeps it on the target."
    if texts.get("filters.include"):
        yield "Only files that match 'Include' are copied."
    if not facts.agent_known:
        yield f"No agent '{display(texts['agentName'])}' is registered yet: a run needs one."
    if texts.get("schedule.frequency"):
        yield "The schedule is kept, but this version starts no run by itself."


def lost(texts: Texts, facts: Facts) -> tuple[str, ...]:
    """What of this source this target cannot hold, a sentence each; nothing until both are known."""
    if facts.source is None or facts.target is None:
        return ()
    settings = CopySettings(preserve_permissions=texts.get("preservePermissions") != NO)
    return losses(facts.source.endpoint_type, facts.target.endpoint_type, settings)


def lost_lines(texts: Texts, facts: Facts, glyphs: Glyphs) -> list[Line]:
    """The same where the target is chosen."""
    found = lost(texts, facts)
    return [[], *([Cell(f"{glyphs.attention} {words}", "warn")] for words in found)] if found else []


def _shared(texts: Texts, facts: Facts, *, mirror: bool) -> Iterator[str]:
    """Definitions that write to the same place: each Mirror would delete what the others copied."""
    mine = "/" + texts["targetSubpath"].strip("/")
    for other in facts.writers:
        if location_overlaps(mine, "/" + other.target_subpath):
            if mirror:
                yield f"'{other.path}' writes there, too: this Mirror would delete what only it has copied."
            elif other.copy_mode == CopyMode.MIRROR:
                yield f"'{other.path}' is a Mirror into the same place: it would delete what this one copies."
            else:
                yield f"'{other.path}' writes there, too: only one of them can run at a time."
            return


def _guards(texts: Texts) -> list[str]:
    percent = texts.get("guards.maxDeletePercent") or str(MAX_DELETE_PERCENT)
    count = texts.get("guards.maxDeletes") or str(MAX_DELETES)
    least = texts.get("guards.minSourcePercent") or str(MIN_SOURCE_PERCENT)
    return [
        f"Nothing is deleted if more than {percent} % or {_thousands(count)} of the target's items would go, or the "
        f"source is empty, another one, or holds below {least} % of last time: the run then says so",
    ]


def _settings(fields: Sequence[Field], texts: Texts) -> Iterator[tuple[str, str]]:
    """The settings that are not as they are by themselves."""
    told = {"name", "project", "description", "sourceName", "sourceSubpath", "targetName", "targetSubpath", "copyMode"}
    told |= {"agentName", "guards.maxDeletePercent", "guards.maxDeletes", "guards.minSourcePercent"}
    for field in fields:
        text = texts.get(field.key, "")
        if field.key in told or not text or text == field.default:
            continue
        words = {YES: "yes", NO: "no", Compare.CHECKSUM: "checksum: both files are read whole"}.get(text, text)
        label = f"{field.group}: {field.label.lower()}" if field.group and len(field.group) < 9 else field.label
        yield label, display(words)


def _fact(label: str, words: str, style: str = "") -> Line:
    return [Cell(f"{label:<{LABEL_CELLS}} ", "dim"), Cell(words, style)]


def _end(place: EndpointPlace | None, name: str, sub_path: str) -> str:
    named = display(f"{name}/{sub_path.strip('/')}" if sub_path.strip("/") else name)
    return named if place is None else f"{named}   {place.endpoint_type} {_whole(place, sub_path)}"


def _whole(place: EndpointPlace, sub_path: str) -> str:
    below = sub_path.strip("/")
    return display(f"{place.place.rstrip('/')}/{below}" if below else place.place)


def _thousands(text: str) -> str:
    return f"{int(text):,}" if text.isascii() and text.isdecimal() else display(text)
