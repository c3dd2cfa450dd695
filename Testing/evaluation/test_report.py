"""The report: complete in one file, safe for any names, and true to the data it shows."""

import base64
import io
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from IXGSLib.errors import GeometryError, IXGSError, SettingsError
from IXGSLib.evaluation import Report, compare_views, compare_volumes, write_report
from IXGSLib.evaluation.gantry import gantry_text
from IXGSLib.evaluation.page import DISCLAIMER
from IXGSLib.evaluation.pictures import NOT_MEASURED
from IXGSLib.evaluation.report import report_html
from IXGSLib.geometry import Grid
from IXGSLib.geometry.trajectory import CArm, arc, trajectory
from IXGSLib.volume import Volume
from IXGSLib.xray import XRay

CENTER = np.array([5.0, -10.0, 1200.0])
PER_VIEW, PER_VOLUME, COVERAGE = 3, 6, 3
EVIL = "\"><img src=x onerror=alert(1)><script>alert('x')</script>&amp;'"


class Tags(HTMLParser):
    """What a browser would take for tags and attributes."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.attributes, self.text = set(), [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.text.append(data)


def pictures(page):
    """The pictures of a page by what a screen reader says of them."""
    found = re.findall(r'aria-label="([^"]*)"><image href="data:image/jpeg;base64,([^"]+)"', page)
    return {name: np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")) for name, data in found}


def make_report(count=4, pixels=48, **changes):
    grid = Grid.centered(CENTER, (60, 60, 60), 2.0)
    distance = np.linalg.norm(grid.points() - CENTER, axis=-1)
    volume = Volume(0.04 * np.clip((20 - distance) / 4, 0, 1), grid)
    rng = np.random.default_rng(0)
    row, column = np.mgrid[:pixels, :pixels] / pixels
    smooth = (2 + np.sin(9 * row) + np.cos(7 * column)).astype(np.float32)
    xrays = []
    for view in trajectory(CArm(detector_pixels=(pixels, pixels)), arc(count, 160, 20), CENTER):
        image = smooth + 0.02 * rng.normal(size=smooth.shape).astype(np.float32)
        xrays.append(XRay(view, image, np.ones(image.shape, dtype=bool)))
    return replace(Report("Spine", volume, xrays, [smooth] * count), **changes)


@pytest.fixture(scope="module")
def report():
    return make_report()


@pytest.fixture(scope="module")
def page(report):
    return report_html(report)


def test_page_is_whole_in_one_file(report, page, tmp_path):
    write_report(report, tmp_path / "report.html")
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
    assert (tmp_path / "report.html").read_text("utf-8") == page
    assert page.startswith("<!DOCTYPE html>")
    assert page.endswith("</html>\n")


def test_the_page_loads_no_external_resources(page):
    parsed = Tags(page)
    addresses = [value for name, value in parsed.attributes if name in ("src", "href", "xlink:href", "action")]
    assert addresses
    assert all(address.startswith("data:image/") for address in addresses)
    assert not parsed.tags & {"script", "link", "iframe", "object", "img"}
    without_pictures = re.sub(r"data:image/[^\"]+", "", page)
    assert "//" not in without_pictures
    assert "url(" not in without_pictures
    assert "@import" not in without_pictures


def test_every_picture_exists_and_is_not_blank(report, page):
    found = pictures(page)
    assert len(found) == PER_VIEW * len(report.xrays) + PER_VOLUME + COVERAGE == page.count("<image ")
    assert all(np.ptp(picture) > 50 for name, picture in found.items() if "Difference" not in name)


def test_truth_is_shown_beside_the_volume(report):
    truth = Volume(report.volume.values * 0.8, report.volume.grid)
    found = pictures(report_html(replace(report, truth=truth)))
    assert len(found) == PER_VIEW * len(report.xrays) + 2 * PER_VOLUME + COVERAGE
    assert found["Truth, Axial"].mean() < found["Reconstruction, Axial"].mean()


def test_truth_on_another_grid_is_shown_at_the_same_place(report):
    coarse = Grid.centered(CENTER + (10, 0, 0), (90, 90, 90), 3.0)
    distance = np.linalg.norm(coarse.points() - CENTER, axis=-1)
    truth = Volume(0.04 * np.clip((20 - distance) / 4, 0, 1), coarse)
    found = pictures(report_html(replace(report, truth=truth)))
    for plane in ("Axial", "Coronal", "Sagittal"):
        volume, other = (found[f"{name}, {plane}"].astype(float) for name in ("Reconstruction", "Truth"))
        assert volume.shape == other.shape
        assert np.abs(volume - other).mean() < 6


def test_disclaimer_is_at_top_and_bottom(page):
    body = page[page.index("<body>") :]
    assert body.count(DISCLAIMER) == 2
    assert body.index(DISCLAIMER) < body.index("<h2>")


def test_names_cannot_become_markup(report):
    view = replace(report.xrays[0].view, id=EVIL)
    evil = replace(
        report,
        title=EVIL,
        xrays=[replace(report.xrays[0], view=view), *report.xrays[1:]],
        held_out=[EVIL],
        metrics={EVIL: EVIL},
        settings={EVIL: {EVIL: [EVIL]}},
        warnings=[EVIL],
        durations={EVIL: 1.0},
        versions={EVIL: EVIL},
        credit=EVIL,
    )
    page = report_html(evil)
    parsed = Tags(page)
    assert not parsed.tags & {"script", "img"}
    assert not any(name.startswith("on") for name, _ in parsed.attributes)
    assert sum(EVIL in text for text in parsed.text) >= 8
    assert ("aria-label", f"X-ray of view {EVIL}") in parsed.attributes


def test_unpaired_surrogates_do_not_stop_the_report(report, tmp_path):
    write_report(replace(report, title="a\udcffb"), tmp_path / "report.html")
    assert "<h1>a?b</h1>" in (tmp_path / "report.html").read_text("utf-8")


def test_held_out_views_are_marked_and_come_first(report):
    page = report_html(replace(report, held_out=["002"]))
    cards = re.findall(r'<article class="card"><header><b>([^<]*)</b>(<span class="tag">)?', page)
    assert cards == [("002", '<span class="tag">'), ("000", ""), ("001", ""), ("003", "")]
    assert "of the 3 views used" in page


def test_equal_render_looks_equal_and_its_difference_is_white(report):
    xray = report.xrays[0]
    page = report_html(replace(report, renders=[xray.image, *report.renders[1:]]))
    found = pictures(page)
    assert np.array_equal(found["X-ray of view 000"], found["Render of view 000"])
    assert np.abs(found["Difference of view 000"].astype(int) - 247).max() <= 3
    assert np.ptp(found["Difference of view 001"]) > 50
    assert "equal" in page


def test_difference_is_red_where_the_render_is_higher(report):
    higher, lower = report.xrays[0].image + 0.5, report.xrays[1].image - 0.5
    found = pictures(report_html(replace(report, renders=[higher, lower, *report.renders[2:]])))
    red, blue = found["Difference of view 000"].mean((0, 1)), found["Difference of view 001"].mean((0, 1))
    assert red[0] > red[2] + 50
    assert blue[2] > blue[0] + 50


def test_masked_pixels_are_shown_as_not_measured(report):
    mask = np.ones((48, 48), dtype=bool)
    mask[:, :16] = False
    page = report_html(replace(report, xrays=[replace(report.xrays[0], mask=mask), *report.xrays[1:]]))
    found = pictures(page)
    for name in ("X-ray", "Difference"):
        assert np.abs(found[f"{name} of view 000"][:, :8].astype(int) - NOT_MEASURED).max() < 12
    assert np.abs(found["Render of view 000"][:, :8].astype(int) - NOT_MEASURED).max() > 50
    assert "66.7 %" in page


def test_view_without_a_measured_pixel_does_not_stop_the_report(report):
    blind = replace(report.xrays[0], mask=np.zeros((48, 48), dtype=bool))
    assert "0.0 %" in report_html(replace(report, xrays=[blind, *report.xrays[1:]]))


def test_volume_without_bone_says_so(report):
    empty = Volume(np.zeros(report.volume.grid.shape), report.volume.grid)
    page = report_html(replace(report, volume=empty))
    assert "no voxel reaches 0.0115 1/mm" in page


def test_numbers_given_are_numbers_shown(report):
    truth = Volume(report.volume.values * 0.8, report.volume.grid)
    metrics = compare_volumes(report.volume, truth).as_dict() | compare_views(report.renders, report.xrays).as_dict()
    page = report_html(
        replace(
            report,
            metrics={**metrics, "bone_dice": None},
            settings={"cloud": {"rate": 0.00123, "steps": (1, 2)}},
            warnings=("mind the gap",),
            durations={"reading": 1.25, "fitting": 200},
            versions={"IXGS": "9.8.7"},
            credit="Someone, CC BY",
        )
    )
    for text in (f"{metrics['view_psnr']:.4g} dB", "cloud.rate", "0.00123", "1, 2", "3 min 20 s", "9.8.7", "CC BY"):
        assert f"{text}<" in page
    assert '<td class="number">–</td>' in page
    assert page.index("mind the gap") < page.index("<h2>")


def test_empty_sections_are_left_out(page):
    titles = re.findall(r"<h2>([^<]*)</h2>", page)
    assert titles == ["Slices", "Bone", "X-rays and renders", "Coverage", "Poses"]


def test_thirty_views_stay_below_six_megabytes():
    page = report_html(make_report(30, 256))
    assert len(page) < 6e6


def test_gantry_angles_are_named_as_clinicians_do():
    arm = CArm()
    assert gantry_text(arm.view(35, 10, CENTER)) == "LAO 35°, CRA 10°"
    assert gantry_text(arm.view(-90, -25, CENTER)) == "RAO 90°, CAU 25°"


def test_reports_that_do_not_fit_together_are_refused(report, tmp_path):
    with pytest.raises(SettingsError, match="3 renders for 4"):
        replace(report, renders=report.renders[:3])
    with pytest.raises(SettingsError, match="held-out views 9"):
        replace(report, held_out=["9"])
    with pytest.raises(SettingsError, match="view '001' holds NaN"):
        replace(report, renders=[report.renders[0], report.renders[1] * np.nan, *report.renders[2:]])
    with pytest.raises(GeometryError, match="view '000'"):
        report_html(replace(report, renders=[np.zeros((3, 3), np.float32), *report.renders[1:]]))
    with pytest.raises(IXGSError, match="cannot be written"):
        write_report(report, tmp_path / "none" / "report.html")
