"""Where poses come from, in the report."""

import re
from dataclasses import replace

from IXGSLib.evaluation.poses import origins_html
from IXGSLib.evaluation.report import report_html
from IXGSLib.formats.calibration_record import CalibrationRecord
from Testing.evaluation.test_report import make_report
from Testing.formats.test_calibration_record import record


def cells(page):
    return [re.findall(r"<td[^>]*>([^<]*)</td>", row) for row in re.findall(r"<tr>(.*?)</tr>", page)[1:]]


def test_a_calibrated_case_states_its_residuals_and_its_scale():
    page = origins_html(["000", "001"], {"000": "fiducials", "001": "fiducials"}, CalibrationRecord(record()))
    assert "Poses of all views: from fiducials that the X-rays show." in page
    assert "Residuals: 0.36 px root mean square. Scale: from the plate." in page
    assert cells(page) == [["000", "2 of 3", "0.36 px", "± 0.31°", "± 4.7 mm"], ["001", "0 of 0", "–", "–", "–"]]


def test_every_origin_is_counted():
    ids = ["a", "b", "c", "d", "e"]
    origins = {"a": "tags (half-turn)", "b": "tags (half-turn)", "c": "refined", "d": "<somebody>"}
    page = origins_html(ids, origins, CalibrationRecord(record()))
    assert "Poses of 2 of 5 views: approximate, from DICOM tags (half-turn)." in page
    assert "Poses of 1 of 5 views: refined by the X-rays themselves." in page
    assert "Poses of 1 of 5 views: &lt;somebody&gt;." in page
    assert "Poses of 1 of 5 views: as the case or its calibration gives them." in page
    assert "<table>" not in page


def test_views_that_only_test_the_volume_are_not_counted():
    report = make_report(4)
    ids = [xray.view.id for xray in report.xrays]
    page = report_html(replace(report, held_out=ids[3:], test_views=ids[3:], provenance={ids[0]: "refined"}))
    assert "Poses of 2 of 3 views: as the case" in page
