"""Counting detected fiducials, and the part of the page about them."""

import numpy as np
import pytest

from IXGSLib.formats import Case
from IXGSLib.geometry import Grid
from IXGSLib.geometry.trajectory import CArm, trajectory
from IXGSLib.simulation import ImagingSettings
from IXGSLib.simulation.body import body
from IXGSLib.simulation.realistic import Subject, radiograph
from IXGSLib.simulation.solids import Capsule, ball
from IXGSLib.standardization import standardize
from IXGSLib.standardization.settings import StandardizationSettings
from IXGSLib.xray.fiducials import Fiducial
from Testing.benchmarks.fiducials import study as fiducials
from Testing.benchmarks.fiducials.study import Shadow, counted, sentence, shadows, table
from Testing.benchmarks.store import Store

CENTER = np.array([10.0, -20.0, 300.0])
MAX_FALSE_PER_VIEW = {"balls": 0.1, "balls and screws": 0.25, "nothing": 0.0, "screws": 0.0}


def found_at(*places):
    return [Fiducial(x, y, 5.0, 1.0, 0.9) for x, y in places]


def test_found_missed_and_false_fiducials_are_counted():
    balls = [Shadow(50.0, 50.0, 5.0, 0.4, True), Shadow(90.0, 50.0, 5.0, 0.2, True)]
    count = counted(balls, found_at((53, 54), (20, 20), (150, 50)))
    assert (count.visible, count.false) == (2, 2)
    assert count.pixels == (5.0,)
    assert count.millimetres == (2.0,)


def test_detections_and_fiducials_are_matched_one_to_one():
    balls = [Shadow(50.0, 50.0, 5.0, 1.0, True), Shadow(54.0, 50.0, 5.0, 1.0, True)]
    assert counted(balls, found_at((53, 50))).pixels == (1.0,)
    twice = counted(balls[:1], found_at((51, 50), (48, 50)))
    assert (twice.pixels, twice.false) == ((1.0,), 1)
    assert sorted(counted(balls, found_at((53, 50), (50, 50))).pixels) == [0.0, 1.0]


def test_a_hidden_fiducial_is_neither_missed_nor_false():
    hidden = [Shadow(50.0, 50.0, 5.0, 1.0, False)]
    assert counted(hidden, []) == fiducials.Count(0, 0, (), ())
    assert counted(hidden, found_at((50, 50))) == fiducials.Count(0, 0, (), ())


def test_fiducials_behind_screws_or_outside_the_field_are_not_visible():
    view = CArm(detector_pixels=(200, 200)).view(0, 0, CENTER)
    opened = np.ones((200, 200), bool)
    opened[:20] = False
    screw = Capsule(CENTER + (20, 0, -20), CENTER + (20, 0, 20), 3.0)
    places = CENTER + np.array([(0, 0, 0), (20, 30, 10), (0, 0, 85), (120, 0, 0)])
    seen = shadows([ball(place, 2.0) for place in places], [screw], view, opened)
    assert [shadow.visible for shadow in seen] == [True, False, False, False]
    assert (seen[0].x, seen[0].y) == pytest.approx((99.5, 99.5))
    assert seen[0].radius * seen[0].pixel == pytest.approx(2.0)
    assert seen[0].pixel == pytest.approx(300 / 200 * 0.62)


def test_fiducials_are_detected_as_in_a_standardisation():
    grid = Grid.centered(CENTER, (140.0, 140.0, 140.0), 4.0)
    across = np.linalg.norm((grid.points() - grid.center)[..., :2], axis=-1)
    hounsfield = np.where(across < 16, 700.0, np.where(across < 60, 0.0, -1000.0)).astype(np.float32)
    patient = body(hounsfield, grid, 200.0, 30.0)
    views = trajectory(CArm(detector_pixels=(256, 256)), [(0, 0), (40, 10)], CENTER)
    device = [ball(CENTER + place, 2.0) for place in ((40, 0, 20), (-35, 10, 0), (30, -20, -30), (-25, 5, 30))]
    taken = [radiograph(Subject(patient, CENTER, device), view, ImagingSettings(metal="steel")) for view in views]
    xrays = [fiducials.xray(*pair) for pair in zip(views, taken, strict=True)]
    case = standardize(Case(tuple(xrays), grid), StandardizationSettings(method="classical"))
    for view, balls, picture in zip(views, fiducials.find(xrays, grid.center), taken, strict=True):
        recorded = [(found["x"], found["y"]) for found in case.standardization.view(view.id)["fiducials"]]
        assert recorded == [(round(found.x, 3), round(found.y, 3)) for found in balls]
        assert len(counted(shadows(device, [], view, picture.field), balls).pixels) == 4


def test_a_cached_body_is_projected_like_the_body():
    grid = Grid.centered(CENTER, (40.0, 40.0, 40.0), 4.0)
    patient = body(np.full(grid.shape, 300.0, np.float32), grid, 200.0, 30.0)
    again = fiducials.CachedBody(patient.values, patient.grid, patient.back)
    view = CArm(detector_pixels=(20, 20)).view(30, 5, CENTER, "000")
    tissue, target = again.line_integrals(view)
    tissue += 1
    for first, second in zip(patient.line_integrals(view), again.line_integrals(view), strict=True):
        np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(target, patient.line_integrals(view)[1])


def test_the_table_sums_over_patients():
    def run(patient, scene, found, visible, false):
        exposure = next(iter(fiducials.EXPOSURES))
        numbers = {"views": 2, "visible": visible, "false": false}
        lists = {"pixels": [0.5] * found, "millimetres": [0.25] * found}
        return {"case": f"{patient}, {exposure}", "method": scene, "seed": 0, **numbers, **lists}

    runs = [run(p, "balls", 3, 4, 1) for p in fiducials.PATIENTS]
    runs += [run(p, "balls and screws", 1, 2, 0) for p in fiducials.PATIENTS]
    runs += [run(p, scene, 0, 0, 2) for p in fiducials.PATIENTS for scene in ("nothing", "screws")]
    runs += [
        run(p, scene, found, found, 0) | {"case": f"{p}, {fiducials.LINES}"}
        for p in fiducials.PATIENTS
        for scene, found in (("balls", 3), ("nothing", 0))
    ]
    lines = table({"runs": runs}).splitlines()
    assert "| all | balls | 8 | 16 | 75% | 0.50 | 0.50 pixels | 0.25 mm |" in lines
    assert "| all | nothing | 8 | 0 |  | 1.00 |  |  |" in lines
    text = sentence({"runs": runs})
    assert "Of 16 fiducials" in text
    assert "75% are found, with a median error of the centre of 0.25 mm and 4 false detections" in text
    assert (
        "screws 50% are found, with 0 false detections in 8 views; without fiducials there are 16 in 16 views" in text
    )
    assert "100% of 12 are found, with a median error of 0.50 pixels and 0 false detections in 8 views" in text


@pytest.mark.skipif(not fiducials.STORE.exists(), reason="nothing has been measured yet")
def test_the_page_shows_what_is_stored():
    content = Store(fiducials.STORE).content
    cases = {(run["case"], run["method"]) for run in content["runs"]}
    assert cases == {(f"{p}, {e}", s) for p in fiducials.PATIENTS for e, s in fiducials.planned()}
    assert fiducials.PART.read() == fiducials.page_part(content)


@pytest.mark.skipif(not fiducials.STORE.exists(), reason="nothing has been measured yet")
def test_false_detections_and_errors_stay_within_their_bounds():
    runs = Store(fiducials.STORE).content["runs"]
    for scene, limit in MAX_FALSE_PER_VIEW.items():
        chosen = [run for run in runs if run["method"] == scene]
        assert sum(run["false"] for run in chosen) <= limit * sum(run["views"] for run in chosen)
    assert np.median([error for run in runs for error in run["pixels"]]) < 0.1


def test_line_integrals_of_bone_have_no_fiducials_but_their_own():
    grid = Grid.centered(CENTER, (140.0, 140.0, 140.0), 2.0)
    across = np.linalg.norm((grid.points() - grid.center)[..., :2], axis=-1)
    hounsfield = np.where(across < 16, 700.0, np.where(across < 60, 0.0, -1000.0)).astype(np.float32)
    patient = body(hounsfield, grid, 200.0, 30.0)
    views = trajectory(CArm(detector_pixels=(256, 256)), [(0, 0), (40, 10)], CENTER)
    balls = fiducials.lines_counts(patient, views, CENTER, 1, "balls")
    assert sum(len(count.pixels) for count in balls) >= 0.9 * sum(count.visible for count in balls) > 0
    assert not any(count.false for count in balls)
    assert not any(count.false for count in fiducials.lines_counts(patient, views, CENTER, 1, "nothing"))
