"""Plan files: strict reading that says file, line and field; applying all or nothing; export gives it back."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

import pytest
import yaml

from store.errors import InvalidInput, LongshoreError
from store.plan import parse_plan, read_plan
from store.resources.common import Put
from tests.store.world import World, refusal

FIXTURES = Path(__file__).parent / "fixtures"

PLAN = """\
storageMovers:
  - name: nas-exit
    location: rack-4
    tags: {team: files}
    properties: {description: Everything off NAS 1}
    connections:
      - {name: pe-1, properties: {privateLinkServiceId: /subscriptions/s/pls, description: link}}
    endpoints:
      - {name: hr-from, properties: {endpointType: LocalPath, path: /srv/hr, endpointKind: Source}}
      - {name: hr-to, properties: {endpointType: LocalPath, path: /mnt/hr, description: "new home \\U0001F3E0"}}
      - name: nas1
        properties:
          endpointType: SmbMount
          host: nas1
          shareName: hr
          credentials: {type: AzureKeyVaultSmb, usernameUri: env:U, passwordUri: file:/run/pw}
    projects:
      - name: hr-shares
        properties: {description: all HR}
        jobDefinitions:
          - name: hr-home
            properties:
              copyMode: Mirror
              sourceName: hr-from
              sourceSubpath: /home/
              targetName: hr-to
              agentName: dock-1
              connections: [pe-1]
              schedule: {frequency: Weekly, daysOfWeek: [Monday], executionTime: {hour: 3}}
      - name: empty
"""
"""A plan with one of everything."""


def plan(endpoint: str = "", definition: str = "") -> str:
    """A small plan in block style with one odd line in it."""
    text = textwrap.dedent(
        """\
        storageMovers:
          - name: nas2
            location: rack-4
            endpoints:
              - name: a
                properties:
                  endpointType: LocalPath
                  ENDPOINT
              - name: b
                properties: {endpointType: LocalPath, path: /b}
            projects:
              - name: hr
                jobDefinitions:
                  - name: home
                    properties:
                      copyMode: Mirror
                      sourceName: a
                      targetName: b
                      DEFINITION
        """
    )
    return text.replace("ENDPOINT", endpoint or "path: /a").replace("DEFINITION", definition or "agentName: dock-1")


BAD: list[tuple[str, str | bytes, list[str]]] = [
    ("relative path", plan(endpoint="path: srv"), ["line 8", "storageMovers[0].endpoints[0].properties.path"]),
    (
        "unknown property",
        plan(endpoint="path: /a\n          pth: /b"),
        ["line 9", "endpoints[0].properties.pth", "spelling"],
    ),
    ("unknown mover property", plan() + "    colour: red\n", ["line 20", "storageMovers[0].colour", "spelling"]),
    ("copy mode", plan().replace("Mirror", "Miror"), ["line 16", "jobDefinitions[0].properties.copyMode"]),
    ("missing copy mode", plan().replace("copyMode: Mirror", "description: x"), ["line 1", "'copyMode' is missing"]),
    ("sub-path", plan(definition="sourceSubpath: ../x"), ["line 19", "properties.sourceSubpath", "'..'"]),
    ("name", plan().replace("name: hr\n", "name: h r\n"), ["line 12", "storageMovers[0].projects[0].name"]),
    ("number as name", plan().replace("name: hr\n", "name: 12\n"), ["line 12", "projects[0].name"]),
    (
        "no type",
        plan().replace("endpointType: LocalPath\n", "host: x\n"),
        ["line", "endpoints[0]", "'endpointType' must be one of LocalPath, NfsMount"],
    ),
    (
        "odd type",
        plan().replace("endpointType: LocalPath\n", "endpointType: Floppy\n"),
        ["endpoints[0]", "'endpointType' must be"],
    ),
    ("unknown endpoint", plan().replace("targetName: b", "targetName: bb"), ["line 14", "jobDefinitions[0]", "'bb'"]),
    ("overlap", plan().replace("path: /b", "path: /a/x"), ["line 14", "jobDefinitions[0]", "overlap"]),
    ("written twice", plan(endpoint="path: /a\n          path: /b"), ["line 9", "'path' stands twice"]),
    ("syntax", plan() + "  - [\n", ["line", "not valid YAML or JSON"]),
    ("not a plan", "- 1\n", ["storageMovers"]),
    ("empty", "", ["storageMovers"]),
    ("text", "hello\n", ["storageMovers"]),
    ("null movers", "storageMovers:\n", ["line 1", "storageMovers"]),
    ("not UTF-8", plan().encode() + b"# caf\xe9\n", ["line 20", "UTF-8"]),
    ("UTF-16", plan().encode("utf-16"), ["line 1", "UTF-8"]),
    ("control", plan() + "# \0\n", ["line 20"]),
    ("python object", plan() + "    tags: !!python/object/apply:os.system [ls]\n", ["line 20", "not valid YAML"]),
    ("lone surrogate", plan().replace("rack-4", r'"\ud800"'), ["line 3", "UTF-8"]),
    ("secret", plan(definition="password: hunter2"), ["line 19", "'password' is not a property here"]),
    ("hour", plan(definition="schedule: {frequency: Daily, executionTime: {hour: 25}}"), ["line 19", "hour"]),
    ("long description", plan(definition=f"description: {'x' * 1025}"), ["line 19", "1,025"]),
    ("json", json.dumps({"storageMovers": [{"name": "a b"}]}, indent=1), ["line 4", "storageMovers[0].name"]),
    ("json, tabs", json.dumps({"storageMovers": [{"name": "a b"}]}, indent="\t"), ["line 4", "storageMovers[0].name"]),
    ("json, twice", '{\n\t"storageMovers": [],\n\t"storageMovers": []\n}', ["line 3", "stands twice"]),
    ("json, cut", '{"storageMovers": [', ["line 1", "not valid YAML or JSON"]),
    ("deep", "[" * 5_000, ["nested"]),
    ("deep json", "[" * 5_000 + "]" * 5_000, ["nested"]),
    ("itself", "storageMovers: &a [*a]\n", ["nested"]),
]


@pytest.mark.parametrize(("text", "words"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_a_bad_plan_says_where_and_what_and_changes_nothing(world: World, text: str | bytes, words: list[str]) -> None:
    """One sentence with the file, the line and the field; every table is as it was before."""
    world.define()
    before = world.dump()
    error = refusal(LongshoreError, lambda: world.apply(text, "exit.yaml"))
    assert error.exit_code == 2
    assert error.sentence.startswith("exit.yaml")
    for word in words:
        assert word in error.sentence, error.sentence
    assert "hunter2" not in str(error)
    assert world.dump() == before


def test_the_line_is_the_one_of_the_wrong_value(world: World) -> None:
    """Also for a property deep in an endpoint, of a mover that has a ``location`` of its own."""
    error = refusal(InvalidInput, lambda: parse_plan(plan(endpoint="path: srv").encode(), "p"))
    assert error.sentence.startswith("p, line 8, storageMovers[0].endpoints[0].properties.path: ")


def test_several_errors_are_counted(world: World) -> None:
    text = plan(endpoint="path: srv", definition="sourceSubpath: ..")
    assert "(1 more after it)" in refusal(InvalidInput, lambda: world.apply(text)).sentence


def test_a_plan_is_applied_whole_or_not_at_all(world: World) -> None:
    """The last of its resources is refused: none of those before it is kept."""
    text = PLAN + "  - name: other\n    projects:\n      - name: p\n        jobDefinitions:\n"
    text += "          - {name: d, properties: {copyMode: Mirror, sourceName: nope, targetName: nope}}\n"
    before = world.dump()
    error = refusal(LongshoreError, lambda: world.apply(text))
    assert error.code == "NotFound"
    assert "storageMovers[1].projects[0].jobDefinitions[0]" in error.sentence
    assert world.dump() == before


def test_a_plan_applied_twice_is_unchanged(world: World) -> None:
    """The second time nothing is written at all: no event, no feed row, no new time."""
    assert {one.put for one in world.apply(PLAN)} == {Put.CREATED}
    world.clock.advance(60_000)
    before = world.dump()
    assert {one.put for one in world.apply(PLAN)} == {Put.UNCHANGED}
    assert world.dump() == before


def test_what_changed_is_told_and_only_that_is_written(world: World) -> None:
    world.apply(PLAN)
    changed = [one for one in world.apply(PLAN.replace("all HR", "some HR")) if one.put != Put.UNCHANGED]
    assert [(one.put, one.kind, one.resource) for one in changed] == [(Put.CHANGED, "project", "nas-exit/hr-shares")]


def test_nothing_that_a_plan_does_not_name_is_touched(world: World) -> None:
    world.apply(PLAN)
    before = world.export()
    world.apply("storageMovers: [{name: second}]")
    assert world.export()["storageMovers"][0] == before["storageMovers"][0]


@pytest.mark.parametrize("form", ["yaml", "json", "json with tabs", "json in ASCII"])
def test_an_export_applied_to_an_empty_store_gives_the_same_export(
    world: World, empty_store: Path, tmp_path: Path, form: str
) -> None:
    """What ``apply`` made, ``export`` gives back: in each form, emoji and all."""
    from store.db import open_store

    world.apply(PLAN)
    exported = world.export()
    dumpers = {
        "yaml": lambda: yaml.safe_dump(exported, allow_unicode=True),
        "json": lambda: json.dumps(exported, ensure_ascii=False, indent=2),
        "json with tabs": lambda: json.dumps(exported, ensure_ascii=False, indent="\t"),
        "json in ASCII": lambda: json.dumps(exported),
    }
    second = open_store(str(tmp_path / "second.db"), clock=world.clock)
    other = World(second, world.clock)
    other.apply(dumpers[form]())
    assert other.export() == exported
    assert "\U0001f3e0" in str(exported)
    second.close()


def test_an_export_says_all_that_the_plan_said(world: World) -> None:
    """Property by property: nothing of the plan is lost on the way through the store."""
    world.apply(PLAN)
    mover = world.export()["storageMovers"][0]
    assert mover["location"] == "rack-4"
    assert mover["tags"] == {"team": "files"}
    assert mover["connections"] == [
        {"name": "pe-1", "properties": {"description": "link", "privateLinkServiceId": "/subscriptions/s/pls"}}
    ]
    assert [e["name"] for e in mover["endpoints"]] == ["hr-from", "hr-to", "nas1"]
    assert mover["endpoints"][0]["properties"]["endpointKind"] == "Source"
    assert mover["endpoints"][2]["properties"]["credentials"] == {
        "type": "AzureKeyVaultSmb",
        "usernameUri": "env:U",
        "passwordUri": "file:/run/pw",
    }
    definition = mover["projects"][1]["jobDefinitions"][0]
    assert definition["properties"] == {
        "jobType": "OnPremToCloud",
        "copyMode": "Mirror",
        "sourceName": "hr-from",
        "sourceSubpath": "home",
        "targetName": "hr-to",
        "agentName": "dock-1",
        "connections": ["pe-1"],
        "schedule": {"frequency": "Weekly", "isActive": False, "executionTime": {"hour": 3, "minute": 0}}
        | {"daysOfWeek": ["Monday"]},
        "dataIntegrityValidation": "None",
        "preservePermissions": True,
    }


def test_an_empty_tag_survives_the_round_trip(world: World) -> None:
    world.apply({"storageMovers": [{"name": "nas", "tags": {"cost-centre": ""}}]})
    assert world.export()["storageMovers"][0]["tags"] == {"cost-centre": ""}


def test_a_few_lines_of_aliases_do_not_fill_the_memory(world: World) -> None:
    """Nine lines that stand for a billion parts are refused, at once and by name."""
    lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x,x]"]
    lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    error = refusal(InvalidInput, lambda: world.apply("\n".join(lines)))
    assert "more than 1,000,000 parts" in error.sentence


def body(name: str, side: str) -> dict[str, Any]:
    published = json.loads((FIXTURES / f"{name}_CreateOrUpdate.json").read_text())
    if side == "answer":
        return dict(published["responses"]["200"]["body"])
    kind = {"JobDefinitions": "jobDefinition", "Projects": "project", "StorageMovers": "storageMover"}[name]
    return {"name": f"examples-{kind}", **published["parameters"][kind]}


@pytest.mark.parametrize("side", ["request", "answer"])
def test_resources_copied_out_of_arm_fit_into_a_plan(world: World, side: str) -> None:
    """A mover, project and definition as ARM publishes them, with what it adds to each, make a plan."""
    definition = body("JobDefinitions", side)
    project = body("Projects", side)
    mover = body("StorageMovers", side)
    for resource in (definition, project, mover):
        resource |= {"apiVersion": "2025-12-01", "dependsOn": ["[resourceId('x')]"]}
        resource["properties"]["provisioningState"] = "Succeeded"
    project["jobDefinitions"] = [definition]
    mover["projects"] = [project]
    mover["endpoints"] = [
        {"name": f"examples-{end}EndpointName", "properties": {"endpointType": "LocalPath", "path": f"/{end}"}}
        for end in ("source", "target")
    ]
    mover["connections"] = [
        {
            "name": "example-connection",
            "properties": {
                "privateLinkServiceId": "/subscriptions/s/pls",
                "connectionStatus": "Approved",
                "privateEndpointName": "pe",
                "privateEndpointResourceId": "/subscriptions/s/pe",
                "provisioningState": "Succeeded",
            },
        }
    ]
    assert {one.put for one in world.apply({"storageMovers": [mover]})} == {Put.CREATED}
    given = world.export()["storageMovers"][0]
    assert given["tags"] == {"key1": "value1", "key2": "value2"}
    properties = given["projects"][0]["jobDefinitions"][0]["properties"]
    assert properties["copyMode"] == "Additive"
    assert properties["agentName"] == "migration-agent"
    assert properties["preservePermissions"] is (side == "request")
    assert "sourceSubpath" not in properties


def test_a_plan_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """No such file, a directory, or one that is too large: a sentence, and no traceback."""
    for path in (tmp_path / "no.yaml", tmp_path):
        error = refusal(InvalidInput, lambda path=path: read_plan(path))  # type: ignore[misc]
        assert error.code == "PlanUnreadable"
        assert str(path) in error.sentence
    large = tmp_path / "large.yaml"
    with large.open("wb") as file:
        file.truncate((16 << 20) + 1)
    assert "16 MiB" in refusal(InvalidInput, lambda: read_plan(large)).sentence
