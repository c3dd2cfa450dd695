"""Features gathered over the views of a lattice are those of a plain interpolation, view by view."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from IXGSLib.geometry import Grid, View
from IXGSLib.geometry.trajectory import CArm, arc, trajectory
from IXGSLib.prior.features import FEATURES, FeatureView
from IXGSLib.prior.sampling import MIN_INSIDE, MIN_VARIANCE, moments
from IXGSLib.xray import XRay

CENTER = np.array([12.0, -40.0, 300.0])
GRID = Grid((9, 7, 11), np.array([11.0, 9.0, 10.0]), CENTER - 45.0, np.eye(3))
SIZE = 48
NAMES = (3, 0, 4)


@pytest.fixture(scope="module")
def views():
    """Views with random smooth features, whose field leaves out random pixels."""
    generator, found = np.random.default_rng(0), []
    for view in trajectory(CArm(detector_pixels=(SIZE, SIZE), detector_size=130.0), arc(5, 160, 20), CENTER):
        noise = generator.standard_normal((len(FEATURES), SIZE, SIZE), np.float32)
        features = ndimage.gaussian_filter(noise, (0, 2, 2)).astype(np.float32)
        image = XRay(view, features[0], generator.random((SIZE, SIZE)) > 0.02, "line_integral")
        found.append(FeatureView(features, image, None))
    return found


def plainly(views, names):
    """(features, views, nk, nj, ni): values where a view shows a voxel, elsewhere NaN."""
    whole = np.full((len(names), len(views), *GRID.shape), np.nan)
    for n, view in enumerate(views):
        x, y = view.standardized.view.project(GRID.points().reshape(-1, 3))[0].T
        field = ndimage.map_coordinates(view.standardized.mask.astype(float), [y, x], order=1, mode="constant")
        for m, name in enumerate(names):
            values = ndimage.map_coordinates(view.features[name].astype(float), [y, x], order=1, mode="constant")
            whole[m, n] = np.where(field > MIN_INSIDE, values, np.nan).reshape(GRID.shape)
    return whole


@pytest.mark.parametrize("names", [NAMES, (1,)])
def test_they_are_those_of_a_plain_interpolation(views, names):
    found, wanted = moments(views, names, GRID), plainly(views, names)
    counts = np.isfinite(wanted[0]).sum(axis=0)
    assert set(range(4)) <= set(counts.ravel())
    np.testing.assert_array_equal(found.counts, counts)
    known = np.where(counts > 0, wanted, 0)
    np.testing.assert_allclose(found.means, np.nanmean(known, axis=1), atol=1e-5)
    np.testing.assert_allclose(found.deviations, np.sqrt(np.nanvar(known, axis=1) + MIN_VARIANCE), atol=1e-4)
    np.testing.assert_allclose(found.least, np.nanmin(known[0], axis=0), atol=1e-5)


def test_a_voxel_that_no_view_shows_has_zeros(views):
    nothing = np.zeros((SIZE, SIZE), bool)
    found = moments([replace(e, standardized=replace(e.standardized, mask=nothing)) for e in views], NAMES, GRID)
    assert not found.counts.any()
    assert not found.means.any()
    assert not found.least.any()


def test_voxels_behind_the_source_are_not_shown(views):
    view = views[0].standardized.view
    turned = np.array(view.world_from_camera)
    turned[:3, :3] = turned[:3, :3] @ np.diag([1.0, -1.0, -1.0])
    away = View(view.K, turned, view.size, view.id, view.pixel_spacing)
    found = moments([replace(views[0], standardized=replace(views[0].standardized, view=away))], NAMES, GRID)
    assert not found.counts.any()
