"""The report of standardised X-rays: each next to its original, with what was added and removed."""

from dataclasses import replace

import numpy as np
import pytest

from IXGSLib.evaluation.comparison import Change
from IXGSLib.evaluation.report import report_html
from IXGSLib.evaluation.standardized import ADDED, REMOVED, outlined
from IXGSLib.formats.standardization import Standardization
from Testing.evaluation.test_report import EVIL, Tags, make_report, pictures


@pytest.fixture(scope="module")
def report():
    plain = make_report(3, 64)
    raw = {xray.view.id: replace(xray, image=2 * xray.image + 1) for xray in plain.xrays}
    views = {id: {"likeness": 0.4 if id == "001" else 1.3, "fiducials": []} for id in raw}
    record = {"synthetic": True, "method": "pix2pix", "views": views}
    return replace(plain, standardization=Standardization(record, raw))


def test_each_view_is_shown_raw_standardised_and_rendered(report):
    page = report_html(report)
    names = set(pictures(page))
    for id in ("000", "001", "002"):
        assert {f"{kind} of view {id}" for kind in ("X-ray", "Standardised", "Render", "Difference")} <= names
    assert "Synthetic pictures" in page
    assert page.count("unlike the training data of the network") == 2  # in the table and on the card
    assert "X-rays and renders" not in page


def test_views_that_were_not_standardised_are_shown_as_before(report):
    part = Standardization({**report.standardization.record, "views": {}}, {"000": report.standardization.raw["000"]})
    page = report_html(replace(report, standardization=part))
    assert page.count('aria-label="Standardised of view') == 1
    assert "X-rays and renders" in page


def test_the_page_is_complete_without_the_original_xrays(report):
    bare = Standardization(report.standardization.record)
    found = pictures(report_html(replace(report, standardization=bare)))
    assert "Standardised of view 000" in found
    assert "X-ray of view 000" not in found


def test_what_was_added_and_removed_is_outlined():
    added, removed = np.zeros((2, 64, 64), bool)
    added[10:20, 10:20], removed[40:50, 40:50] = True, True
    drawn = outlined(np.zeros((64, 64, 3), np.uint8), Change(np.zeros((64, 64), np.float32), added, removed))
    assert (drawn[15, 15] == 0).all()
    assert (drawn[15, 8] == ADDED).all()
    assert (drawn[45, 38] == REMOVED).all()
    assert (drawn[30] == 0).all()


def test_a_record_cannot_become_markup(report):
    record = {**report.standardization.record, "method": EVIL, "settings": {"change_limit": EVIL}}
    parsed = Tags(report_html(replace(report, standardization=Standardization(record, report.standardization.raw))))
    assert not parsed.tags & {"script", "img"}
    assert any(EVIL in text for text in parsed.text)
