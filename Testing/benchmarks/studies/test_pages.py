"""The pages of studies are those of their stored records."""

import json

import pytest

from IXGSLib.studies.plan_files import ready_plans
from Testing.benchmarks.pages import ROOT
from Testing.benchmarks.store import rounded
from Testing.benchmarks.studies import growth, hard, publish, trust
from Testing.benchmarks.studies.readings import READINGS
from Testing.markdown import anchors, links

STORED = sorted(path.stem for path in publish.RESULTS.glob("*.json"))


def test_every_ready_plan_has_a_page():
    assert set(STORED) == (set(ready_plans()) - {"hard-cases"}) | {hard.NAME}
    assert {path.stem for path in publish.PAGES.glob("*.md")} == set(STORED) == set(READINGS)
    guide = set(links(ROOT / "docs" / "studies.md"))
    assert {f"studies/{name}.md" for name in STORED} <= guide


@pytest.mark.parametrize("name", STORED)
def test_a_page_is_that_of_its_records(name):
    content = json.loads((publish.RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    page = publish.PAGES / f"{name}.md"
    assert page.read_text(encoding="utf-8") == publish.page(name, content)
    for target in links(page):
        file, _, anchor = target.partition("#")
        found = (page.parent / file).resolve()
        assert found.exists()
        assert not anchor or anchor in anchors(found)
    drawn = publish.curves_svg(publish.plan_of(name, content["size"] == "small"), content["records"])
    picture = publish.PICTURES / f"study_{name}.svg"
    assert (picture.read_text(encoding="utf-8") if picture.exists() else "") == drawn


@pytest.mark.parametrize("name", STORED)
def test_stored_records_are_those_of_the_plan(name):
    """A plan that was changed since has another page to be measured."""
    content = json.loads((publish.RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    plan = publish.plan_of(name, content["size"] == "small")
    planned = {(run.subject.name, _text(run.condition.as_dict())) for run in plan.runs()}
    assert planned == {(each["subject"], _text(each["condition"])) for each in content["records"]}


def _text(condition):
    return json.dumps(rounded(condition), sort_keys=True)


def test_the_limits_of_verdicts_are_those_of_the_library():
    assert publish.LIMITS.read() == publish.markdown(trust.limits_table())


def test_the_table_of_growth_is_the_measured_one():
    assert growth.PART.read() == growth.table(json.loads(growth.STORE.read_text()))
