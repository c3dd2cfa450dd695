"""What is read back from the folder of a registration: its record, its views and their outlines."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from IXGSLib import register, save_registration
from IXGSLib.errors import FormatError
from IXGSLib.geometry.rigid import apply
from IXGSLib.registration.record import checked_file, parse_record, read_record
from IXGSLib.registration.views import parse_views, read_views
from IXGSLib.xray import XRay
from Testing.registration import phantom


@pytest.fixture(scope="module")
def result():
    values, labels = phantom.ct()
    return register((values, phantom.GRID), phantom.case(2), (labels, phantom.GRID), vertebrae=["L2", "L3"])


@pytest.fixture(scope="module")
def folder(result, tmp_path_factory):
    return save_registration(result, tmp_path_factory.mktemp("saved") / "run", {"case": {"name": "phantom"}})


@pytest.fixture
def content(folder):
    return json.loads((folder / "registration.json").read_text())


def parsed(content):
    return parse_record(json.dumps(content).encode(), "registration.json")


def test_the_record_holds_the_result(folder, result):
    record = read_record(folder)
    assert record.case == "phantom"
    for entry, vertebra in zip(record.vertebrae, result.vertebrae, strict=True):
        assert (entry.name, entry.verified, entry.doubts) == (vertebra.name, vertebra.verified, vertebra.doubts)
        assert np.array_equal(entry.world_from_ct, vertebra.world_from_ct)
        assert entry.center_in_world == pytest.approx(apply(entry.world_from_ct, entry.center_in_ct))
        assert (entry.edges, entry.spread) == (vertebra.edges, vertebra.spread)
    assert record.motion("L2").rotation == result.motions[0].rotation
    assert record.motion("L3") is None


def test_numbers_that_do_not_exist_are_none(content):
    content["vertebrae"][0]["edge_distance_mm"] = content["margin"] = None
    record = parsed(content)
    assert record.vertebrae[0].edges is None
    assert record.margin is None


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda c: c.update(format="ixgs-run"), "not the record of a registration"),
        (lambda c: c.update(version=2), "version 2, expected 1"),
        (lambda c: c.update(vertebrae=[]), "damaged"),
        (lambda c: c.update(vertebrae=c["vertebrae"][:1] * 2), "damaged"),
        (lambda c: c["vertebrae"][0].update(name="../L3"), "damaged"),
        (lambda c: c["vertebrae"][0]["world_from_ct"][0].reverse(), "not a rotation|damaged"),
        (lambda c: c["vertebrae"][0]["world_from_ct"][3].reverse(), "no rigid transform"),
        (lambda c: c.pop("motions"), "damaged"),
        (lambda c: c.update(outputs=[]), "damaged"),
        (lambda c: c.update(case="phantom"), "damaged"),
    ],
)
def test_other_records_are_refused(content, change, told):
    change(content)
    with pytest.raises(FormatError, match=told):
        parsed(content)


def test_other_folders_are_refused(tmp_path):
    with pytest.raises(FormatError, match=r"no registration \(no registration\.json\)"):
        read_record(tmp_path)


def test_a_changed_file_is_refused(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    record = read_record(copy)
    assert checked_file(copy, record, "models/L3.stl").is_file()
    (copy / "models" / "L3.stl").write_bytes(b"solid")
    with pytest.raises(FormatError, match="changed since the registration"):
        checked_file(copy, record, "models/L3.stl")


def test_outlines_lie_around_the_vertebrae_in_the_pictures(folder, result):
    for view, xray in zip(read_views(folder, read_record(folder)), result.case.xrays, strict=True):
        assert view.id == xray.view.id
        assert view.compared is None
        assert Image.open(view.xray).size == xray.view.size
        vertebra = result["L2"]
        pixels, _ = xray.view.project(apply(vertebra.world_from_ct, phantom.points(phantom.LABELS[1])))
        longest = max(view.outlines["L2"], key=len)
        assert np.abs(longest.min(axis=0) - pixels.min(axis=0)).max() < 4
        assert np.abs(longest.max(axis=0) - pixels.max(axis=0)).max() < 4


def test_large_x_rays_are_made_smaller_and_compared_ones_kept(result, tmp_path):
    """Outlines keep their places in the smaller picture."""
    from IXGSLib.registration.layers import save_layers

    view = replace(result.case.views[0].resized((2100, 2100)), id="large")
    image = np.zeros((2100, 2100), np.float32)
    image[1050:, 1050:] = 1
    xray = XRay(view, image, np.ones(image.shape, bool))
    edge = np.array([[1049.5, 1049.5], [2099.5, 2099.5]])
    other = replace(xray, image=image + 1)
    save_layers(tmp_path, [xray], [other], {"large": {"L2": [edge]}})
    outputs = {"xrays/000.png": "", "compared/000.png": ""}
    record = replace(parsed(json.loads(json.dumps(_record()))), outputs=outputs)
    (found,) = parse_views((tmp_path / "outlines.json").read_bytes(), tmp_path, record)
    picture = np.asarray(Image.open(found.xray))
    assert picture.shape == (700, 700)
    assert found.compared == tmp_path / "compared" / "000.png"
    corner = found.outlines["L2"][0][0]
    assert corner == pytest.approx((349.5, 349.5))
    assert picture[349, 349] == 0
    assert picture[350, 350] == 255


def _record():
    vertebra = {
        "name": "L2", "verified": True, "doubts": [], "world_from_ct": np.eye(4).tolist(), "center_in_ct": [0, 0, 0],
        "center_in_world": [0, 0, 0], "residual": 0.1, "edge_distance_mm": 0.5, "spread_mm": 0.1,
    }  # fmt: skip
    empty = {"outputs": {}, "motions": [], "margin": None, "alternative": ""}
    return {"format": "ixgs-registration", "version": 1, "vertebrae": [vertebra], **empty}


@pytest.mark.parametrize(
    "content",
    [
        {"views": [{"id": "a", "xray": "../x.png", "compared": None, "outlines": {}}]},
        {"views": [{"id": "a", "xray": "xrays/000.png", "compared": None, "outlines": {"L2": [[1, 2]]}}]},
        {"views": [{"id": "a", "xray": "xrays/000.png", "compared": None, "outlines": []}]},
        {"views": [{"id": "a"}]},
        [],
    ],
)
def test_other_outlines_are_refused(content, tmp_path):
    record = replace(parsed(_record()), outputs={"xrays/000.png": ""})
    with pytest.raises(FormatError, match=r"outlines\.json: damaged"):
        parse_views(json.dumps(content).encode(), tmp_path, record)
