"""``apply`` and ``export``."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from .conftest import PLAN, Answer, Site


@pytest.fixture
def empty(tmp_path: Path) -> Site:
    """A place without a store, and a plan file beside it."""
    site = Site(tmp_path, tmp_path / "new.db")
    (tmp_path / "plan.yaml").write_text(PLAN.format(root=tmp_path))
    return site


def actions(answer: Answer) -> set[str]:
    return {one["action"] for one in answer.json["value"]}


def test_apply_makes_a_store_and_says_what_it_made(empty: Site) -> None:
    answer = empty.run("apply", "plan.yaml")
    assert answer.code == 0
    assert "created endpoint nas-exit/hr-old\n" in answer.out
    assert "created job definition nas-exit/hr-shares/hr-home\n" in answer.out
    assert answer.err == "8 created.\n"
    again = empty.call("apply", "plan.yaml")
    assert (again.code, again.out, again.err) == (0, "", "8 unchanged.\n")
    assert empty.store.stat().st_mode & 0o777 == 0o600


def test_a_dry_run_leaves_no_store_behind(empty: Site) -> None:
    answer = empty.call("apply", "plan.yaml", "--dry-run")
    assert answer.code == 0
    assert "created endpoint nas-exit/hr-old\n" in answer.out
    assert "nothing was changed" in answer.err
    assert not empty.store.exists()


def test_a_dry_run_changes_no_store(site: Site) -> None:
    (site.root / "plan.yaml").write_text(PLAN.format(root=site.root).replace("All HR shares", "Some HR shares"))
    before = site.dump()
    answer = site.call("apply", "plan.yaml", "--dry-run", "--json")
    assert answer.code == 0
    assert {"action": "changed", "kind": "project", "resource": "nas-exit/hr-shares"} in answer.json["value"]
    assert answer.json["dryRun"] is True
    assert site.dump() == before


def test_read_only_refuses_to_apply_but_rehearses(site: Site) -> None:
    (site.root / "plan.yaml").write_text(PLAN.format(root=site.root))
    refused = site.call("apply", "plan.yaml", "--read-only")
    assert refused.code == 2
    assert "--read-only" in refused.err
    assert site.call("--read-only", "apply", "plan.yaml", "--dry-run").code == 0


def test_a_refused_plan_leaves_no_store_behind(empty: Site) -> None:
    (empty.root / "plan.yaml").write_text(
        PLAN.format(root=empty.root).replace("sourceName: hr-old", "sourceName: hr-odl")
    )
    answer = empty.call("apply", "plan.yaml")
    assert answer.code == 2
    assert "did you mean 'hr-old'?" in answer.err
    assert not empty.store.exists()


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_an_export_applies_unchanged(site: Site, form: str) -> None:
    exported = site.call("export", "--format", form)
    assert exported.code == 0
    (site.root / "exported").write_text(exported.out)
    answer = site.call("apply", "exported", "--json")
    assert answer.code == 0
    assert actions(answer) == {"unchanged"}
    assert len(answer.json["value"]) == 9


def test_an_export_of_one_mover_from_standard_input(site: Site) -> None:
    exported = site.call("export", "nas-exit")
    assert "Über" in exported.out
    answer = site.run("apply", "-", "--json", input=exported.out.encode())
    assert actions(answer) == {"unchanged"}
    assert len(answer.json["value"]) == 8


def test_an_arm_export_lists_resources(site: Site) -> None:
    value = site.call("export", "--format", "arm").json["value"]
    assert [one["type"].rpartition("/")[2] for one in value] == (
        ["storageMovers", *["endpoints"] * 4, "projects", *["jobDefinitions"] * 2, "storageMovers"]
    )
    home = next(one for one in value if one["name"] == "hr-home")
    assert home["id"] == "/storageMovers/nas-exit/projects/hr-shares/jobDefinitions/hr-home"
    assert home["properties"]["copyMode"] == "Mirror"


def test_what_is_hostile_is_never_raw(empty: Site) -> None:
    hostile = "\x1b]0;owned\x07 \u202e txt \u009b31m [/red]"
    plan = {"storageMovers": [{"name": "m", "properties": {"description": hostile}}]}
    (empty.root / "plan.json").write_text(json.dumps(plan))
    assert empty.call("apply", "plan.json").code == 0
    for arguments in (["mover", "list"], ["mover", "show", "m"], ["mover", "list", "--json"], ["export"]):
        answer = empty.call(*arguments)
        assert answer.code == 0
        assert not set(answer.out + answer.err) & {"\x1b", "\x07", "\u202e", "\u009b"}
        assert "owned" in answer.out
    assert empty.call("mover", "show", "m", "--json").json["properties"]["description"] == hostile
    (empty.root / "exported").write_text(empty.call("export").out)
    assert actions(empty.call("apply", "exported", "--json")) == {"unchanged"}


def test_the_readmes_settings_can_be_applied(site: Site) -> None:
    """The example is a definition's properties; all of it but the filters is the default."""
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    (example,) = re.findall(r"^```yaml\n(properties:.*?)^```", readme, re.MULTILINE | re.DOTALL)
    document = yaml.safe_load(site.call("export", "nas-exit").out)
    (definition,) = [
        one for one in document["storageMovers"][0]["projects"][0]["jobDefinitions"] if one["name"] == "hr-home"
    ]
    ends = {name: definition["properties"][name] for name in ("sourceName", "targetName")}
    definition["properties"] = {**yaml.safe_load(example)["properties"], **ends}
    plan = site.root / "plan.json"
    plan.write_text(json.dumps(document))
    assert site.call("apply", str(plan)).out == "changed job definition nas-exit/hr-shares/hr-home\n"
    properties = site.call("definition", "show", "hr-shares/hr-home", "--mover", "nas-exit", "--json").json[
        "properties"
    ]
    assert properties["filters"] == definition["properties"]["filters"]
    assert not {"compare", "durability", "trash", "guards"} & set(properties)
    shown = site.call("definition", "show", "hr-shares/hr-home", "--mover", "nas-exit").out
    assert "filters.exclude" in shown
    assert "~$*, /cache/" in shown
