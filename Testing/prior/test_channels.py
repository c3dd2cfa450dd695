"""Features of pixels and channels of voxels: where they lie, and that order and number of views do not matter."""

from dataclasses import replace

import numpy as np
import pytest

from IXGSLib.geometry import Grid
from IXGSLib.geometry.rigid import apply
from IXGSLib.geometry.trajectory import CArm, arc, trajectory
from IXGSLib.prior.channels import ALGEBRAIC, ATTENUATION_UNIT, CHANNELS, WITH_UNITS, lattice_channels
from IXGSLib.prior.features import FEATURES, FeatureView, feature_view, feature_views, square_view
from IXGSLib.standardization.fitting import Fit
from IXGSLib.standardization.network import load_network
from IXGSLib.standardization.preparation import PreparedView
from IXGSLib.xray import XRay

pytestmark = pytest.mark.usefixtures("one_torch_thread")
CENTER = np.array([12.0, -40.0, 300.0])
POINT = CENTER + (21.0, -13.0, 8.0)
LATTICE = Grid.centered(CENTER, np.full(3, 80.0), 5.0, np.eye(3))
SIZE = 96


@pytest.fixture(scope="module")
def views():
    """Views of a ball of bone at POINT, whose shadow is both the standardised image and the coarse detail."""
    found = []
    for view in trajectory(CArm(detector_pixels=(SIZE, SIZE), detector_size=250.0), arc(6, 160, 20), CENTER):
        rows, columns = np.indices((SIZE, SIZE))
        x, y = view.project(POINT)[0]
        shadow = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * 3.0**2)).astype(np.float32)
        features = np.stack([shadow, 0 * shadow, shadow, 0 * shadow])
        found.append(FeatureView(features, XRay(view, 0.5 * shadow, np.ones(shadow.shape, bool), "line_integral")))
    return found


def brightest(channel):
    return apply(LATTICE.world_from_index, np.array(np.unravel_index(np.argmax(channel), channel.shape))[::-1])


def test_features_are_sampled_where_they_lie(views):
    channels = lattice_channels(views, LATTICE)
    assert channels.shape == (CHANNELS, *LATTICE.shape)
    for number in (FEATURES.index("standardized"), FEATURES.index("coarse detail"), ALGEBRAIC):
        assert np.linalg.norm(brightest(channels[number]) - POINT) < 5.0
    nearest = channels[0].max()
    assert 0.7 < nearest <= 1.0
    assert np.allclose(channels[1], 0)
    assert channels[ALGEBRAIC].max() * ATTENUATION_UNIT > 0.005


def test_deviations_are_large_where_views_disagree(views):
    deviation = lattice_channels(views, LATTICE)[len(FEATURES)]
    index = tuple(np.rint(apply(np.linalg.inv(LATTICE.world_from_index), POINT))[::-1].astype(int))
    beside = np.array(index) + (0, 3, 0)
    assert deviation[index] < 0.25
    assert deviation[tuple(beside)] > deviation[index]


def test_the_order_of_the_views_does_not_matter(views):
    there, back = lattice_channels(views, LATTICE), lattice_channels(views[::-1], LATTICE)
    np.testing.assert_allclose(there[:ALGEBRAIC], back[:ALGEBRAIC], atol=1e-5)


def test_masked_pixels_do_not_count(views):
    blind = np.zeros((SIZE, SIZE), bool)
    blind[:, : SIZE // 2] = True
    half = [replace(view, standardized=replace(view.standardized, mask=blind)) for view in views]
    channels = lattice_channels(half, LATTICE)
    share = channels[2 * len(FEATURES)]
    assert share.min() == 0
    assert 0.3 < share.mean() < 0.7
    unseen = share == 0
    assert np.allclose(channels[0][unseen], 0)


def test_a_square_view_shows_points_where_the_resampled_image_has_them(views):
    view = replace(
        views[1].standardized.view, size=(SIZE, 60), K=views[1].standardized.view.K - [[0, 0, 0], [0, 0, 18], [0, 0, 0]]
    )
    fit = Fit(60, SIZE, 48)
    x, y = view.project(POINT)[0]
    rows, columns = np.indices((60, SIZE))
    shadow = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * 4.0**2))
    square, _ = fit.square(shadow, np.ones(shadow.shape, bool))
    found = np.array([np.average(axis, weights=square) for axis in np.indices(square.shape)[::-1]])
    np.testing.assert_allclose(found, square_view(view, fit).project(POINT)[0], atol=0.05)


def test_features_have_the_size_of_the_network_and_no_unit_unless_given(tiny_standardizer, views):
    network = load_network(tiny_standardizer)
    generator = np.random.default_rng(0)
    lines = (2 + generator.normal(0, 0.2, (SIZE, SIZE))).astype(np.float32)
    field = np.ones(lines.shape, bool)
    view = views[0].standardized.view
    prepared = PreparedView(XRay(view, lines, field, "intensity"), lines, field, 1.0, [])
    (found,) = feature_views([prepared], network)
    assert found.features.shape == (len(FEATURES), network.size, network.size)
    assert found.standardized.view.size == (network.size, network.size)
    square, inside = Fit(SIZE, SIZE, network.size).square(lines, field)
    with_units = feature_view(square.astype(np.float32), inside, found.standardized.view, network)
    np.testing.assert_array_equal(with_units.features, found.features)
    without = feature_view(square.astype(np.float32), inside, found.standardized.view, network, units=False)
    assert np.allclose(without.features[FEATURES.index("contrast")], 0)
    assert np.abs(with_units.features[FEATURES.index("contrast")]).max() > 0.1
    channels = lattice_channels([without, without], LATTICE)
    assert np.ptp(channels[WITH_UNITS[0]]) == 0
