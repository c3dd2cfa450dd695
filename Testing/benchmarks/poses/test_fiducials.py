"""The study of calibrations from fiducials: its scores are right, and its page shows what is stored."""

from dataclasses import replace

import numpy as np
import pytest

from IXGSLib.calibration.fiducials import load_phantom
from IXGSLib.calibration.fiducials.camera import Intrinsics
from IXGSLib.calibration.fiducials.grid_shots import measured_grid
from IXGSLib.calibration.fiducials.result import FiducialCalibration, FiducialFinding, ViewFinding
from IXGSLib.geometry.rigid import rigid
from Testing.benchmarks.poses import fiducials as study
from Testing.benchmarks.store import Store
from Testing.calibration.fiducials import scene as draw


@pytest.fixture
def perfect():
    """An examination without images, and the calibration that finds the truth."""
    phantom = load_phantom("plate")
    views = draw.hand_held(4, phantom)
    patient = phantom.positions.mean(axis=0) + (0, 0, -60)
    findings = []
    for view in views:
        places = view.project(phantom.positions)[0].tolist()
        used = tuple(
            FiducialFinding(label, tuple(place), tuple(place), 4.0, True)
            for label, place in zip(phantom.labels, places, strict=True)
        )
        findings.append(ViewFinding(view.id, view, "", 0.0, used))
    lens = Intrinsics(1333.0, (200.0, 200.0), (400, 400))
    found = FiducialCalibration(tuple(findings), lens, phantom.labels, phantom.positions, "", "plate")
    return study.Examination(phantom, views, (), patient, True), found


def test_the_truth_has_no_errors(perfect):
    run = study.scores(*perfect)
    assert (run["views"], run["calibrated"], run["wrong"]) == (4, 4, 0)
    assert run["labels"] == 64
    for name in ("degrees", "plane_mm", "beam_mm"):
        np.testing.assert_allclose(run[name], 0, atol=1e-5)
    assert run["points_mm"] < 1e-6


def test_exchanged_labels_and_moved_views_are_counted(perfect):
    one, found = perfect
    first = found.findings[0]
    a, b, *rest = first.fiducials
    exchanged = replace(first, fiducials=(replace(a, found=b.found), replace(b, found=a.found), *rest))
    view = found.findings[1].view
    nearer = view.moved(rigid(np.eye(3), 5 * view.axis))
    moved = replace(found.findings[1], view=nearer)
    lost = replace(found.findings[2], view=None, reason="two poses")
    run = study.scores(one, replace(found, findings=(exchanged, moved, lost, found.findings[3])))
    assert run["wrong"] == 2
    assert run["calibrated"] == 3
    assert run["beam_mm"][1] == pytest.approx(5)
    assert run["plane_mm"][1] < 1
    assert run["points_mm"] > 0.1
    assert run["reasons"] == ["two poses"]


def test_the_grid_of_the_study_measures_its_distortion():
    rng = np.random.default_rng(0)
    places = study._bent(0.02, 0.01)
    plate = study.ndimage.map_coordinates(study.grid_plate(rng), places, order=3, mode="nearest")
    grid, _ = measured_grid(plate, "grid", "grid")
    assert grid.rms < 0.2
    at = np.array([[100.0, 120], [400, 300], [256, 256]])
    shown = np.array([places[::-1, round(y), round(x)] for x, y in grid.distortion.taken(at)])
    turn = np.linalg.norm(shown - at, axis=1)
    assert turn.max() < 1.5


def test_the_page_shows_what_is_stored():
    content = Store(study.STORE).content
    assert study.PART.read() == study.page_part(content)
    assert sum(run["wrong"] for run in content["runs"]) == 0
    assert {run["method"] for run in content["runs"]} == set(study.IMAGES)
