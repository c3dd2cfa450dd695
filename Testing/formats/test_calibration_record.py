"""The record of a calibration from fiducials in a case.json: what it must hold, and images that were resized."""

import json
from dataclasses import replace

import numpy as np
import pytest

from IXGSLib.errors import FormatError
from IXGSLib.formats import load_case, save_case
from IXGSLib.formats.calibration_record import CalibrationRecord
from IXGSLib.formats.fiducial_findings import FIDUCIALS, FiducialFinding, ViewRecord, view_record
from Testing.formats.cases import a_case, edit

SEEN = ViewRecord(
    (
        FiducialFinding("1", (10.0, 8.0), (10.3, 8.4), 2.5, True),
        FiducialFinding("2", (30.0, 20.0), (30.0, 20.1), 2.0, True),
        FiducialFinding("3", (5.0, 25.0), None, 2.0, False),
    ),
    rms=0.3606,
    rotation_sd=0.31,
    translation_sd=4.7,
)


def record():
    """As `ixgs calibrate` writes it, with one view that was left out of the case."""
    views = {"000": {"state": "calibrated", **SEEN.as_dict()}, "elsewhere": {"state": "left out: no fiducials"}}
    return {"method": "fiducials", "phantom": "plate", "scale": "from the plate", "rms_px": 0.36, "views": views}


@pytest.fixture
def folder(tmp_path):
    case = replace(a_case(), calibration=CalibrationRecord(record()), provenance={"000": FIDUCIALS})
    save_case(case, tmp_path / "case")
    return tmp_path / "case"


def test_a_record_is_read_as_it_was_written(folder):
    calibration = load_case(folder).calibration
    assert calibration.view_record("000") == SEEN
    assert calibration.view_record("001") == ViewRecord()
    assert (calibration.view_record("000").used, calibration.phantom) == (2, "plate")
    assert view_record({"state": "calibrated", "new": 1}, "view") == ViewRecord()


def in_fiducial(number, **values):
    def change(data):
        data["calibration"]["views"]["000"]["fiducials"][number] |= values

    return change


def in_record(**values):
    def change(data):
        data["calibration"]["views"]["000"] |= values

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (in_record(fiducials="many"), '"fiducials" is not a list of objects'),
        (in_record(fiducials=[3]), '"fiducials" is not a list of objects'),
        (in_record(fiducials=[{}] * 1001), "1001 fiducials, expected at most 1000"),
        (in_record(rms_px="0.1"), '"rms_px" has something other than numbers'),
        (in_record(rms_px=0.5), '"rms_px" is 0.5, but its fiducials are off by 0.3606 px'),
        (in_record(rotation_sd_deg=-1), '"rotation_sd_deg" is -1, expected 0 or more'),
        (in_fiducial(0, label=1), 'fiducial 1: "label" is 1, expected text'),
        (in_fiducial(0, label="2"), "more than one fiducial is named 2"),
        (in_fiducial(1, used=1), r"fiducial 2 \('2'\): \"used\" is 1, expected true or false"),
        (in_fiducial(2, used=True), r"fiducial 3 \('3'\): it was used though it was not found"),
        (in_fiducial(0, expected=None), '"expected" has something other than numbers'),
        (in_fiducial(0, found=[1, 2, 3]), '"found" has shape'),
        (in_fiducial(0, radius_px=None), '"radius_px" has something other than numbers'),
        (in_fiducial(2, expected=[90.0, 8.0]), r"'3' is at \(90, 8\) px, expected it inside the image of 40 x 30"),
        (lambda data: data["calibration"].update(views={"000": 3}), '"views" is not an object by view ids'),
    ],
)
def test_a_record_that_no_calibration_writes_is_refused_by_name(folder, change, message):
    with pytest.raises(FormatError, match=message) as refused:
        edit(folder, change)
    assert str(refused.value).startswith('case.json: "calibration"')
    assert str(refused.value).endswith(("again", "correct it"))


def test_the_fiducials_of_a_resized_image_are_in_its_pixels(folder, tmp_path):
    """Half the size: the centre of the first pixel was between those of the first two, at (0.5, 0.5)."""

    def twice_as_large(data):
        view = data["views"][0]
        view["size"] = [2 * side for side in view["size"]]
        view["K"] = load_case(folder).views[0].resized(view["size"]).K.tolist()
        for one in data["calibration"]["views"]["000"]["fiducials"]:
            for place in filter(None, (one["expected"], one["found"])):
                place[:] = [2 * x + 0.5 for x in place]
            one["radius_px"] *= 2
        data["calibration"]["views"]["000"]["rms_px"] *= 2

    case = edit(folder, twice_as_large)
    found = case.calibration.view_record("000")
    for one, expected in zip(found.fiducials, SEEN.fiducials, strict=True):
        np.testing.assert_allclose(one.expected, expected.expected, atol=1e-3)
        assert one.radius == pytest.approx(expected.radius, abs=1e-3)
    assert found.rms == pytest.approx(SEEN.rms, abs=1e-3)
    assert found.rotation_sd == SEEN.rotation_sd
    again = load_case(save_case(case, tmp_path / "again").parent)
    assert again.calibration.view_record("000") == found
    stored = json.loads((tmp_path / "again" / "case.json").read_text())["calibration"]["views"]["000"]
    assert stored["state"] == "calibrated"
