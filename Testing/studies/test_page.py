"""The page of a study shows its curves, differences, worst runs and failures, and nothing from outside."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest

from IXGSLib.files import write_atomically
from IXGSLib.studies import wording
from IXGSLib.studies.page import study_page
from IXGSLib.studies.plan import Analysis, Plan, Subject
from IXGSLib.xray import png
from Testing.studies.test_statistics import record

EVIL = "<script>alert(1)</script>"


@pytest.fixture
def content(ct, tmp_path):
    """The plan, the records and the folder of a study of four patients."""
    subjects = tuple(Subject(name, ct=ct) for name in ("anna", "ben", "cleo", EVIL))
    plan = Plan(
        f"Toy & {EVIL}",
        subjects,
        description="A toy.",
        settings={"preset": "preview"},
        factors={"views": (5, 10, 40), "standardization": ("raw", "network")},
        analysis=Analysis(curve="views", compare="standardization", reference="raw"),
    )
    records = [
        record(
            subject.name,
            0.9 - 1 / views + 0.01 * n + (0.05 if method == "network" else 0),
            views=views,
            standardization=method,
        )
        for n, subject in enumerate(subjects)
        for views in (5, 10, 40)
        for method in ("raw", "network")
    ]
    records[-1] |= {"status": "failed", "reason": f"no bone {EVIL}", "metrics": {}}
    records[0]["warnings"] = ["view '003': 5 % of the pixels are saturated"]
    records[1]["warnings"] = ["view '001': 7 % of the pixels are saturated"]
    for n, each in enumerate(records):
        each["id"] = f"{n:016d}"
    picture = np.full((20, 30, 3), 77, np.uint8)
    (tmp_path / "runs" / records[0]["id"]).mkdir(parents=True)
    write_atomically(tmp_path / "runs" / records[0]["id"] / "slices.png", png.encode(picture))
    return plan, records, tmp_path


def sections(html):
    return dict(re.findall(r"<h2>(.*?)</h2>(.*?)</section>", html, re.DOTALL))


def test_the_page_has_its_parts(content):
    html = study_page(*content)
    parts = sections(html)
    assert list(parts) == [
        "Curves",
        "Paired differences",
        "All conditions",
        "Worst runs",
        "Failures",
        "Warnings",
        "Plan",
    ]
    assert parts["Curves"].count("<polyline") == 2 * 2
    assert "standardisation network" in parts["Curves"]
    assert parts["Curves"].count('r="8"') >= 2
    assert re.search(
        r"Bone overlap.*?network.*?\+0\.050 \(\+0\.050 to \+0\.050\).*?100 %.*?11", parts["Paired differences"]
    )
    assert "4 patients" in parts["Paired differences"]
    assert parts["All conditions"].count("<tr>") == 1 + 6
    assert "Research use only" in html


def test_the_worst_run_comes_first_with_its_picture(content):
    cards = sections(study_page(*content))["Worst runs"].split("<article")[1:]
    assert len(cards) == 8
    assert "anna" in cards[0]
    assert "views 5" in cards[0]
    assert "data:image/jpeg;base64," in cards[0]
    assert "1 warning<" in cards[0]
    assert "picture of this run is not in the folder" in cards[2]


def test_failures_and_warnings_are_counted_by_their_reasons(content):
    parts = sections(study_page(*content))
    assert "no bone" in parts["Failures"]
    assert ">2<" in re.sub(r"\s|class=\"number\"", "", parts["Warnings"])


def test_texts_are_escaped_and_nothing_comes_from_outside(content):
    html = study_page(*content)

    class Tags(HTMLParser):
        seen, addresses = set(), []

        def handle_starttag(self, tag, attributes):
            self.seen.add(tag)
            self.addresses += [value for name, value in attributes if name in ("src", "href")]

    tags = Tags()
    tags.feed(html)
    assert "script" not in tags.seen
    assert all(address.startswith("data:") for address in tags.addresses)


def test_a_page_without_finished_runs_says_why(content):
    plan, records, folder = content
    failed = [{**each, "status": "failed", "reason": "no bone", "metrics": {}} for each in records]
    parts = sections(study_page(plan, failed, folder))
    assert "Curves" not in parts
    assert ">24<" in re.sub(r"\s|class=\"number\"", "", parts["Failures"])


def test_levels_are_words():
    assert [wording.level(value) for value in (0, 0.0, 1, True, None, "fdk", 2.5)] == [
        *("0", "0", "1", "yes", "all", "FDK", "2.5"),
    ]
