"""Forms without a screen: fields from models, texts and values, layout, words."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from store.bodies import AgentProperties, DefinitionProperties, EndpointBody
from store.errors import InvalidInput
from store.vocabulary import CopyMode, DayOfWeek, EndpointType
from tui.forms.change import Loaded
from tui.forms.completer import MOST, directories
from tui.forms.definition import DefinitionForm
from tui.forms.field import Field, FieldKind, text_of, value_of
from tui.forms.layout import MOST_LINES, State, draw, wrapped
from tui.forms.limits import limits_of, limits_text
from tui.forms.models import fields_of, label_of, option_of
from tui.forms.resources import EndpointForm, ProjectForm, type_fields
from tui.forms.review import mode_table
from tui.forms.words import HINTS, LABELS
from tui.presentation.cells import STYLES, Cell
from tui.presentation.glyphs import ASCII, UNICODE
from tui.widgets.line_input import inert_line

WORDS = Field("w", "W", FieldKind.WORDS)
DAYS = st.lists(st.sampled_from([str(day) for day in DayOfWeek]), min_size=1, max_size=7, unique=True)
TIMES = st.builds(lambda hour, minute: {"hour": hour, "minute": minute}, st.integers(0, 23), st.sampled_from([0, 30]))
LIMITS = st.builds(
    lambda days, start, end, limit: {"days": days, "startTime": start, "endTime": end, "limitInMbps": limit},
    DAYS,
    TIMES,
    TIMES,
    st.integers(0, 2**31 - 1),
)


def keys(fields: list[Field]) -> set[str]:
    return {field.key for field in fields}


@given(st.lists(st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1)))
def test_words_come_back_as_they_were(words: list[str]) -> None:
    assert value_of(WORDS, text_of(WORDS, words)) == words


@given(st.lists(LIMITS, max_size=4))
def test_limits_come_back_as_they_were(limits: list[dict[str, object]]) -> None:
    assert limits_of(limits_text(limits)) == limits


@pytest.mark.parametrize("text", ["Mon", "Mon 8-9 1", "Mon-Foo 08:00-09:00 1", "Mon 08:00-09:00 x", "Mon 08:00 1"])
def test_what_is_no_limit_is_said(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no (limit|day)"):
        limits_of(text)


def test_a_range_of_days_may_go_over_the_weekend() -> None:
    assert limits_of("Sat-Mon 08:00-09:00 1")[0]["days"] == ["Saturday", "Sunday", "Monday"]


def test_every_property_of_every_body_has_its_field() -> None:
    """A property that a model gets is in its form: nothing lists them a second time."""
    for kind in EndpointType:
        aliases = {key.partition(".")[0] for key in keys(type_fields(kind))}
        body = EndpointForm("m", kind).model
        assert body is EndpointBody
        assert aliases
    shown = {key.partition(".")[0] for key in keys(fields_of(DefinitionProperties))}
    assert shown == {info.alias for info in DefinitionProperties.model_fields.values()}
    pages = DefinitionForm("m", 1, "p").pages
    assert {key for page in pages for key in page.keys} == keys(fields_of(DefinitionProperties)) | {"name", "project"}
    loaded = Loaded(1, 1, "m", "d", {"copyMode": "Mirror"}, 1, "ana", project="p")
    (page,) = DefinitionForm("m", 1, "p", loaded, new=False).pages
    assert set(page.keys) == keys(fields_of(DefinitionProperties)) | {"name"}


def test_the_words_are_of_properties_that_there_are() -> None:
    """A label or hint of a property that is gone would mislead whoever reads the code."""
    every = [*fields_of(DefinitionProperties), *fields_of(AgentProperties), *fields_of(EndpointBody, {"location"})]
    every += [field for kind in EndpointType for field in type_fields(kind)]
    known = keys(every) | {field.key.rpartition(".")[2] for field in every}
    known |= {"name", "tags", "location", "project", "mover", "definitions", "privateLinkServiceId"}
    groups = {"guards", "uploadLimitSchedule"}
    assert set(HINTS) <= known
    assert set(LABELS) <= known | groups


@pytest.mark.parametrize(
    ("key", "label", "option"),
    [
        ("sourceUri", "Source URI", "--source-uri"),
        ("storageAccountResourceId", "Storage account id", "--storage-account-resource-id"),
        ("filters.minSize", "Min size", "--min-size"),
        ("awsS3BucketId", "S3 bucket id", "--aws-s3-bucket-id"),
        ("sourceType", "Source type", "--source-type"),
    ],
)
def test_labels_and_options_are_made_of_names(key: str, label: str, option: str) -> None:
    assert (label_of(key), option_of(key)) == (label, option)


def test_no_two_options_of_a_command_are_alike() -> None:
    for fields in (fields_of(DefinitionProperties), fields_of(AgentProperties)):
        options = [option_of(field.key) for field in fields]
        assert len(options) == len(set(options))


def test_what_was_not_shown_is_kept() -> None:
    """A property that no field has, such as one of a later version, is not lost by an edit."""
    loaded = Loaded(1, 1, "m", "e", {"endpointType": "LocalPath", "path": "/x", "later": 1}, 1, "ana")
    form = EndpointForm("m", EndpointType.LOCAL_PATH, loaded, new=False)
    assert form.body({**form.start, "description": "d"}) == {**loaded.properties, "description": "d"}


def test_an_emptied_group_is_taken_away() -> None:
    properties = {"copyMode": "Mirror", "schedule": {"frequency": "Daily", "executionTime": {"hour": 2, "minute": 0}}}
    loaded = Loaded(1, 1, "m", "d", properties, 1, "ana", project="p")
    form = DefinitionForm("m", 1, "p", loaded, new=False)
    texts = {**form.start, "schedule.frequency": "", "schedule.executionTime.hour": ""}
    assert "schedule" not in form.body(texts)
    assert form.check({**form.start, "schedule.frequency": ""}) == {
        "sourceName": "'sourceName' is missing: add it.",
        "targetName": "'targetName' is missing: add it.",
        "schedule.frequency": "'frequency' is missing: add it.",
    }


def test_what_is_wrong_stands_at_the_field_that_it_names() -> None:
    loaded = Loaded(1, 1, "m", "d", {"copyMode": "Mirror", "sourceName": "a", "targetName": "b"}, 1, "ana", project="p")
    form = DefinitionForm("m", 1, "p", loaded, new=False)
    for change, key in (
        ({"filters.minSize": "9", "filters.maxSize": "1"}, "filters.minSize"),
        ({"filters.minAge": "9d", "filters.maxAge": "1d"}, "filters.minAge"),
        ({"filters.exclude": "ok ''"}, "filters.exclude"),
        ({"filters.include": "'open"}, "filters.include"),
        ({"guards.maxDeletePercent": "101"}, "guards.maxDeletePercent"),
        ({"guards.maxDeletes": "many"}, "guards.maxDeletes"),
        ({"agentName": "a b"}, "agentName"),
        ({"schedule.frequency": "Daily", "schedule.executionTime.hour": "25"}, "schedule.executionTime.hour"),
        ({"schedule.frequency": "Daily", "schedule.startDate": "soon"}, "schedule.startDate"),
        ({"schedule.frequency": "Daily", "schedule.daysOfWeek": "Mon"}, "schedule.daysOfWeek"),
        ({"description": "x" * 1025}, "description"),
    ):
        assert list(form.check({**form.start, **change})) == [key], change


def test_a_page_is_drawn_within_its_width() -> None:
    form = DefinitionForm("m", 1, "p")
    texts = {**form.start, "name": "[/red]\x1b" * 30, "sourceName": "x" * 300, "copyMode": "Mirror"}
    for glyphs in (UNICODE, ASCII):
        for page in form.pages:
            state = State(texts, form.check(texts), form.doubts(texts, glyphs), {}, "name")
            drawn = draw(form, page, state, 60, glyphs)
            cells = [cell for line in drawn.lines for cell in line]
            assert all(cell.style in STYLES and "\x1b" not in cell.text for cell in cells)
            if glyphs is ASCII:
                assert all(cell.text.isascii() for cell in cells)
            assert set(drawn.at) == set(page.keys)


def test_what_is_too_long_goes_on_below() -> None:
    lines = wrapped([[Cell("Mode  "), Cell("one two three four five six seven")], [], [Cell("short")]], 30, UNICODE)
    assert ["".join(cell.text for cell in line) for line in lines] == [
        "Mode  one two three four five", "      six seven", "", "short"]  # fmt: skip


def test_a_very_long_text_keeps_its_beginning_and_its_end() -> None:
    lines = wrapped([[Cell("Path  "), Cell("/" + "日本" * 2_000 + " another one")]], 30, UNICODE)
    shown = ["".join(cell.text for cell in line) for line in lines]
    assert len(shown) == MOST_LINES
    assert all(cell_len(line) <= 30 for line in shown)
    assert shown[0].startswith("Path  /日本")
    assert shown[-1].endswith("another one")


def test_the_chosen_mode_is_told_without_colour() -> None:
    for mode in CopyMode:
        text = "\n".join("".join(cell.text for cell in line) for line in mode_table(mode))
        assert f"[{mode}]" in text
        assert text.isascii()


def test_directories_are_those_that_begin_so(tmp_path: Path) -> None:
    for name in ("alpha", "alps", "beta", ".git", "caf\u00e9"):
        (tmp_path / name).mkdir()
    (tmp_path / "alone").touch()
    (tmp_path / "also").symlink_to(tmp_path / "beta")
    bytes_name = bytes(tmp_path) + b"/al\xff"
    Path(bytes_name.decode(errors="surrogateescape")).mkdir()
    assert directories(f"{tmp_path}/al") == [f"{tmp_path}/{name}/" for name in ("alpha", "alps", "also")]
    assert directories(f"{tmp_path}/.") == [f"{tmp_path}/.git/"]
    assert directories("", str(tmp_path)) == ["alpha/", "alps/", "also/", "beta/", "caf\u00e9/"]
    assert directories("alpha/", str(tmp_path)) == []
    for odd in ("", "relative", f"{tmp_path}/none/x", f"{tmp_path}/alone/x", "/\0", "\udcff/"):
        assert directories(odd) == []
    for number in range(MOST + 5):
        (tmp_path / f"many-{number:02}").mkdir()
    assert len(directories(f"{tmp_path}/many")) == MOST


@given(st.text())
def test_an_inert_line_is_as_long_as_the_text(text: str) -> None:
    shown = inert_line(text, UNICODE)
    assert len(shown) == len(text)
    assert inert_line(text, ASCII).isascii()
    assert not any(ord(character) < 32 or 0x7F <= ord(character) < 0xA0 for character in shown)


def test_a_copied_project_says_whether_its_definitions_come_along() -> None:
    loaded = Loaded(1, 1, "m", "p", {"description": "d"}, 1, "ana", inside=3)
    form = ProjectForm("m", loaded)
    assert form.change({**form.start, "name": "q"}).like == "p"
    assert form.change({**form.start, "name": "q", "definitions": "no"}).like == ""
    assert "definitions" not in keys(ProjectForm("m", loaded, new=False).fields)


def test_a_rule_is_asked_and_not_written_again() -> None:
    form = EndpointForm("m", EndpointType.NFS_MOUNT)
    from store.rules import valid_name

    with pytest.raises(InvalidInput) as refusal:
        valid_name("endpoint", "a b")
    assert form.check({**form.start, "name": "a b"})["name"] == refusal.value.sentence


def test_forms_load_neither_the_toolkit_nor_the_orm() -> None:
    modules = ("change", "completer", "definition", "field", "form", "layout", "models", "resources", "review", "tail")
    imports = "".join(f"import tui.forms.{name}\n" for name in modules)
    heavy = "{'textual', 'sqlmodel', 'sqlalchemy'}"
    subprocess.run([sys.executable, "-c", f"{imports}import sys\nassert not {heavy} & set(sys.modules)"], check=True)
