"""How a definition says that its runs are to copy: filters, comparison, durability, trash, guards."""

from __future__ import annotations

from typing import Any

import pytest

from store import arm_reads
from store.errors import InvalidInput
from store.export import export_resources
from store.resources.common import Put, find_definition, find_mover
from store.settings import CopySettings, seconds_of
from store.vocabulary import Compare, DataIntegrityValidation, Durability
from tests.store.world import World, refusal

EVERYTHING: dict[str, Any] = {
    "filters": {
        "include": ["*.docx", "!draft*"],
        "exclude": ["/cache/", "~$*"],
        "minSize": 1,
        "maxSize": 5_000_000_000,
        "minAge": "2h",
        "maxAge": "30d",
    },
    "compare": "checksum",
    "durability": "everyFile",
    "trash": True,
    "guards": {"maxDeletePercent": 0, "maxDeletes": 0, "minSourcePercent": 90},
}


def plan(**properties: Any) -> dict[str, Any]:
    definition = {"copyMode": "Mirror", "sourceName": "from", "targetName": "to", **properties}
    ends = [{"name": end, "properties": {"endpointType": "LocalPath", "path": f"/{end}"}} for end in ("from", "to")]
    project = {"name": "hr", "jobDefinitions": [{"name": "home", "properties": definition}]}
    return {"storageMovers": [{"name": "nas", "endpoints": ends, "projects": [project]}]}


def exported(world: World) -> dict[str, Any]:
    return dict(world.export()["storageMovers"][0]["projects"][0]["jobDefinitions"][0]["properties"])


def shown(world: World) -> dict[str, Any]:
    with world.store.read() as session:
        mover = find_mover(session, "nas")
        project, definition = find_definition(session, mover, "hr/home")
        (resource,) = arm_reads.definitions(session, mover, project, definition)
    return dict(resource["properties"])


def test_every_setting_survives_apply_and_export(world: World) -> None:
    """What is applied is exported, shown and applied again without a change."""
    world.apply(plan(**EVERYTHING))
    for properties in (exported(world), shown(world)):
        assert {key: properties[key] for key in EVERYTHING} == EVERYTHING
    document = world.export()
    assert {one.put for one in world.apply(document)} == {Put.UNCHANGED}
    assert world.export() == document


def test_settings_go_with_a_definition_as_an_arm_resource(world: World) -> None:
    """What ``export --format arm`` says of a definition can be copied into a plan."""
    world.apply(plan(**EVERYTHING))
    with world.store.read() as session:
        resources = export_resources(session, [find_mover(session, "nas")])["value"]
    (definition,) = [one for one in resources if one["type"].endswith("jobDefinitions")]
    document = world.export()
    document["storageMovers"][0]["projects"][0]["jobDefinitions"] = [definition]
    assert {one.put for one in world.apply(document)} == {Put.UNCHANGED}


def test_what_is_the_default_is_not_said(world: World) -> None:
    """A definition without settings, and one that spells all the defaults, are the same."""
    world.apply(plan())
    spelled = plan(
        filters={"include": [], "minSize": None},
        compare="sizeAndTime",
        durability="endOfRun",
        trash=False,
        guards={"maxDeletePercent": 25, "maxDeletes": 10_000, "minSourcePercent": 50},
    )
    assert {one.put for one in world.apply(spelled)} == {Put.UNCHANGED}
    assert not set(EVERYTHING) & set(exported(world))


def test_settings_may_change_later_and_go_back(world: World) -> None:
    world.apply(plan(**EVERYTHING))
    assert world.apply(plan(trash=True))[-1].put == Put.CHANGED
    assert {key: value for key, value in exported(world).items() if key in EVERYTHING} == {"trash": True}
    assert "settings" in world.events("job_definition")[-1].detail
    world.apply(plan())
    assert world.definition().settings == {}


def test_a_run_keeps_the_settings_that_it_was_started_with(world: World) -> None:
    """A worker is told what held when the run was started, whatever is changed while it waits."""
    world.define(**EVERYTHING, dataIntegrityValidation="SaveVerifyFileMD5", preservePermissions=False)
    identity = world.agent()
    world.start()
    world.define()
    claim = world.claim(identity)
    assert claim is not None
    assert claim.settings == CopySettings(
        include=("*.docx", "!draft*"),
        exclude=("/cache/", "~$*"),
        min_size=1,
        max_size=5_000_000_000,
        min_age=7_200,
        max_age=2_592_000,
        compare=Compare.CHECKSUM,
        validation=DataIntegrityValidation.SAVE_VERIFY_FILE_MD5,
        preserve_permissions=False,
        durability=Durability.EVERY_FILE,
        trash=True,
        max_delete_percent=0,
        max_deletes=0,
        min_source_percent=90,
    )


@pytest.mark.parametrize(
    ("properties", "place", "words"),
    [
        ({"filters": {"exclude": ["[z-a]"]}}, "filters.exclude[0]", "matches nothing"),
        ({"filters": {"exclude": ["ok", ""]}}, "filters.exclude[1]", "matches nothing"),
        ({"filters": {"include": ["# a comment"]}}, "filters.include[0]", "matches nothing"),
        ({"filters": {"include": ["a\nb"]}}, "filters.include[0]", "cannot hold a line feed"),
        ({"filters": {"include": ["!*.tmp"]}}, "filters", "nothing would be copied"),
        ({"filters": {"minSize": 2, "maxSize": 1}}, "filters", "no file is both"),
        ({"filters": {"minAge": "2d", "maxAge": "47h"}}, "filters", "no file is both"),
        ({"filters": {"minSize": -1}}, "filters.minSize", "greater than or equal to 0"),
        ({"filters": {"maxSize": "5G"}}, "filters.maxSize", "valid integer"),
        ({"filters": {"minAge": "yesterday"}}, "filters.minAge", "no age: write a number"),
        ({"filters": {"minAge": "-3d"}}, "filters.minAge", "no age: write a number"),
        ({"filters": {"maxAge": "9" * 30 + "w"}}, "filters.maxAge", "too long"),
        ({"filters": {"size": 3}}, "filters", "is not a property here"),
        ({"compare": "mtime"}, "compare", "'sizeAndTime' or 'checksum'"),
        ({"durability": "never"}, "durability", "'endOfRun' or 'everyFile'"),
        ({"trash": "where?"}, "trash", "valid boolean"),
        ({"guards": {"maxDeletePercent": 101}}, "guards.maxDeletePercent", "less than or equal to 100"),
        ({"guards": {"maxDeletes": True}}, "guards.maxDeletes", "valid integer"),
        ({"guards": {"minSourcePercent": -1}}, "guards.minSourcePercent", "greater than or equal to 0"),
    ],
)
def test_a_setting_that_means_nothing_is_refused_at_its_place(
    world: World, properties: dict[str, Any], place: str, words: str
) -> None:
    before = world.dump()
    error = refusal(InvalidInput, lambda: world.apply(plan(**properties)))
    assert f"jobDefinitions[0].properties.{place}" in error.sentence
    assert words in error.sentence
    assert world.dump() == before


def test_an_age_is_a_number_and_a_unit() -> None:
    ages = {
        "0s": 0,
        "90s": 90,
        "5m": 300,
        "2h": 7_200,
        "30d": 2_592_000,
        "1w": 604_800,
        "99999999w": 99_999_999 * 604_800,
    }
    assert {age: seconds_of(age) for age in ages} == ages
