"""The form of a job definition: a wizard when one is made, its settings on one page when one is changed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

from store.bodies import DefinitionProperties
from store.errors import InvalidInput, NotFound
from store.pairs import check_pair, check_source, check_target
from store.queries.completion import EndpointPlace, Writer, endpoint_places, names_from, writers
from store.reader import Reader
from store.rules import not_found, valid_name, valid_sub_path
from store.vocabulary import CopyMode
from tui.forms.change import Change, Loaded
from tui.forms.field import Field
from tui.forms.form import Asked, Form, Page, Texts, ruled
from tui.forms.models import fields_of
from tui.forms.review import Facts, end_lines, lost_lines, mode_table, review_lines
from tui.forms.words import COMPLETES, HINTS
from tui.presentation.cells import Cell
from tui.presentation.glyphs import Glyphs
from tui.subjects import DEFINITION, ENDPOINT, PROJECT

PLACE_FIXED = "fixed: a clone of it may have another"
SOURCE, TARGET = ("sourceName", "sourceSubpath"), ("targetName", "targetSubpath")
BASICS = ("project", "name", "description", "jobType")
FIXED = frozenset({*SOURCE, *TARGET, "jobType"})
"""What never changes once a definition is made."""
_FIRST = ("copyMode", "agentName")
_LOOKED_UP = {"sourceName": ENDPOINT, "targetName": ENDPOINT, "project": PROJECT, "agentName": "agent"}
NAMES_NEAR = 200
"""Names that a refusal offers what is near from."""
WRITERS = 50
"""Definitions that are looked at for whether they write to the same place."""


class Answer(NamedTuple):
    """What was looked up of a name."""

    found: bool
    names: Sequence[str]
    """Some that there are, when there is none of that name."""
    place: EndpointPlace | None = None
    writers: Sequence[Writer] = ()


class DefinitionForm(Form):
    """``new`` with something loaded makes a changed copy: everything may differ."""

    kind = DEFINITION
    model = DefinitionProperties

    def __init__(self, mover: str, mover_id: int, project: str, loaded: Loaded | None = None, *, new: bool = True):
        self._project = project
        self.mover_id = mover_id
        self._known: dict[tuple[str, str], Answer] = {}
        fields = {field.key: field for field in fields_of(DefinitionProperties)}
        if not new:
            fields |= {key: fields[key].but(fixed=PLACE_FIXED) for key in FIXED}
        ordered = [fields[key] for key in (*SOURCE, *TARGET, "description", *_FIRST)]
        # What the model has and nobody placed is a setting: those with a heading last.
        rest = [field for field in fields.values() if field not in ordered]
        rest.sort(key=lambda field: (bool(field.group), field.group == "Schedule"))
        in_project = Field(
            "project",
            "Project",
            required=new,
            hint=HINTS["project"],
            completes=COMPLETES["project"],
            fixed="" if new else PLACE_FIXED,
        )
        super().__init__(mover, [in_project, *ordered, *rest], loaded, new=new)
        settings = tuple(f.key for f in self.fields if f.key not in (*BASICS, *SOURCE, *TARGET))
        if new:
            self.pages = (
                Page("Basics", BASICS),
                Page("Source", SOURCE),
                Page("Target", TARGET),
                Page("Settings", settings),
                Page("Review", ()),
            )
        else:
            self.pages = (Page("", ("name", *SOURCE, *TARGET, "description", *settings, "jobType")),)

    @property
    def title(self) -> str:
        if self.loaded is None or self.new:
            return super().title
        return f"Change the job definition '{self.loaded.project}/{self.loaded.name}'"

    def texts_now(self) -> dict[str, str]:
        return {**super().texts_now(), "project": self._project}

    @property
    def body_fields(self) -> list[Field]:
        return [field for field in self.fields if field.key not in ("name", "project")]

    def change(self, texts: Texts) -> Change:
        return super().change(texts)._replace(project=texts["project"])

    # What is wrong

    def check(self, texts: Texts) -> dict[str, str]:
        wrong = super().check(texts)
        if not self.new:
            return wrong
        wrong = {**ruled("project", lambda: valid_name("project", texts["project"])), **wrong}
        for key in self.unfinished(texts):
            answer = self._answer(key, texts)
            if key not in wrong and answer is not None:
                words = {"project": "project"}.get(key, "endpoint")
                wrong[key] = not_found(words, texts[key], answer.names, f" in '{self.mover}'").sentence
        source, target = self._place("sourceName", texts), self._place("targetName", texts)
        for key, place, rule in (("sourceName", source, check_source), ("targetName", target, check_target)):
            if place is not None and key not in wrong:
                wrong |= _refused(key, rule, place)
        if source is not None and target is not None and not wrong.keys() & {*SOURCE, *TARGET}:
            below = [valid_sub_path(texts[key]) for key in ("sourceSubpath", "targetSubpath")]
            wrong |= ruled("targetName", lambda: check_pair(source, below[0], target, below[1]))
        return wrong

    def unfinished(self, texts: Texts) -> Collection[str]:
        answers = {key: self._answer(key, texts) for key in ("sourceName", "targetName", "project")}
        return [key for key, answer in answers.items() if answer is not None and not answer.found]

    def doubts(self, texts: Texts, glyphs: Glyphs) -> dict[str, str]:
        found = {}
        agent = self._answer("agentName", texts)
        if agent is not None and not agent.found:
            found["agentName"] = f"No agent of that name is registered with '{self.mover}' yet."
        return found

    # What is told

    def facts(self, texts: Texts) -> Facts:
        """What is known of both ends."""
        target = self._answer("targetName", texts)
        mine = f"{texts['project']}/{texts['name']}"
        others = [one for one in (target.writers if target is not None else ()) if one.path != mine]
        agent = self._answer("agentName", texts)
        return Facts(
            self._place("sourceName", texts),
            self._place("targetName", texts),
            tuple(others),
            agent is None or agent.found,
        )

    def block(self, key: str, texts: Texts, glyphs: Glyphs) -> list[list[Cell]]:
        if key == "copyMode":
            return mode_table(CopyMode(texts["copyMode"]))
        if key in ("sourceSubpath", "targetSubpath"):
            lines = end_lines(self._place(key.replace("Subpath", "Name"), texts), texts[key])
            return [*lines, *lost_lines(texts, self.facts(texts), glyphs)] if key == "targetSubpath" else lines
        return []

    def review(self, texts: Texts, glyphs: Glyphs) -> list[list[Cell]]:
        return review_lines(self.fields, texts, self.facts(texts), glyphs)

    # What it wants to know of the store

    def asks(self, texts: Texts) -> Asked:
        wanted = {(kind, texts[key]) for key, kind in _LOOKED_UP.items() if texts[key]}
        return frozenset(wanted - self._known.keys())

    def look_up(self, reader: Reader, asked: Asked) -> Mapping[tuple[str, str], Any]:
        found = {}
        for kind, name in asked:
            names = [name] if name in names_from(reader, kind, self.mover_id, name, 1) else []
            if not names:
                near = names_from(reader, kind, self.mover_id, "", NAMES_NEAR)
                found[kind, name] = Answer(False, near)
            elif kind == ENDPOINT:
                place = endpoint_places(reader, self.mover_id, names).get(name)
                others = writers(reader, self.mover_id, name, WRITERS)
                found[kind, name] = Answer(place is not None, (), place, others)
            else:
                found[kind, name] = Answer(True, ())
        return found

    def learn(self, found: Mapping[tuple[str, str], Any]) -> None:
        self._known.update(found)

    def _answer(self, key: str, texts: Texts) -> Answer | None:
        return self._known.get((_LOOKED_UP[key], texts[key]))

    def _place(self, key: str, texts: Texts) -> EndpointPlace | None:
        answer = self._answer(key, texts)
        return None if answer is None else answer.place


def _refused(key: str, rule: Callable[[EndpointPlace], None], place: EndpointPlace) -> dict[str, str]:
    try:
        rule(place)
    except (InvalidInput, NotFound) as error:
        return {key: error.sentence}
    return {}
