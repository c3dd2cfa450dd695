"""Markers at unknown positions: approximate poses become precise ones, or are refused."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from IXGSLib.calibration.fiducials import FiducialSettings, Phantom
from IXGSLib.calibration.fiducials.with_markers import calibrate_with_markers
from IXGSLib.errors import GeometryError
from IXGSLib.geometry.rigid import rigid
from Testing.calibration.fiducials import scene as draw

MARKERS = Phantom(
    np.array(
        [
            *[(-62.0, -41, -52), (55, -50, -31), (-20, 48, -58), (61, 38, 12), (-58, 20, 33)],
            *[(12, -61, 55), (-33, -8, 61), (35, 9, 49), (4, 33, -14)],
        ]
    ),
    diameters=np.full(9, 3.0),
    name="markers",
)
SETTINGS = FiducialSettings(diameter_mm=3.0)


@pytest.fixture(scope="module")
def taken():
    return draw.scene(MARKERS, 5, seed=3, tilt=40)


def rough(views, degrees, millimetres, seed=0):
    """The views with random errors of rotation about the markers and of translation."""
    rng = np.random.default_rng(seed)
    moved = []
    for view in views:
        R = Rotation.from_rotvec(np.deg2rad(degrees) * rng.normal(size=3) / np.sqrt(3)).as_matrix()
        moved.append(view.moved(rigid(R, millimetres * rng.normal(size=3) / np.sqrt(3))))
    return moved


def similarity(source, target):
    """Scale and residuals (n, 3) of the best similarity between two sets of points (Umeyama)."""
    a, b = source - source.mean(axis=0), target - target.mean(axis=0)
    U, S, Vt = np.linalg.svd(b.T @ a)
    signs = np.array([1, 1, np.linalg.det(U @ Vt)])
    scale = float((S * signs).sum() / (a**2).sum())
    return scale, b - scale * a @ (U @ np.diag(signs) @ Vt).T


def assert_relative_poses(found, views, tolerance_mm=3.0):
    """Up to a similarity, which approximate poses cannot tell, the sources and the points in front of them agree."""
    kept = [(f.view, view) for f, view in zip(found.findings, views, strict=True) if f.view is not None]
    assert len(kept) >= len(views) - 1
    sets = [np.concatenate([[v.source, v.source + 650 * v.axis] for v in some]) for some in zip(*kept, strict=True)]
    scale, left = similarity(*sets)
    assert scale == pytest.approx(1, abs=0.02)
    assert np.sqrt((left**2).sum(axis=1).mean()) < tolerance_mm


def test_rough_poses_become_precise(taken):
    found = calibrate_with_markers(taken.shots, rough(taken.views, 2, 8), SETTINGS)
    assert_relative_poses(found, taken.views)
    assert found.rms < 0.3
    assert found.scale.startswith("from the approximate poses")


def test_a_known_distance_sets_the_scale(taken):
    gaps = np.linalg.norm(MARKERS.positions[:, None] - MARKERS.positions, axis=-1)
    known = FiducialSettings(diameter_mm=3.0, known_distance_mm=1.1 * float(gaps.max()))
    found = calibrate_with_markers(taken.shots, rough(taken.views, 1, 5), known)
    spread = np.linalg.norm(found.positions[:, None] - found.positions, axis=-1).max()
    assert spread == pytest.approx(1.1 * gaps.max())
    assert "known distance" in found.scale
    for finding in found.findings:
        if finding.view is not None:
            assert finding.rms < 0.5


def test_x_rays_without_markers_are_refused(taken):
    shots = [draw.shot(view, [], n) for n, view in enumerate(taken.views)]
    with pytest.raises(GeometryError, match=r"no positions of markers explain 3 of 5 X-rays.*--phantom"):
        calibrate_with_markers(shots, taken.views, SETTINGS)
