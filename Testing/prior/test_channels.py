"""Features of pixels and channels of voxels: where they lie, and that order and number of views do not matter."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from IXGSLib.errors import SettingsError
from IXGSLib.formats import Case
from IXGSLib.geometry import Grid
from IXGSLib.geometry.rigid import apply
from IXGSLib.geometry.trajectory import CArm, arc, trajectory
from IXGSLib.prior.channels import (
    ALGEBRAIC,
    ATTENUATION_UNIT,
    CHANNELS,
    COARSE,
    PARTS,
    TOTAL,
    gathered,
    lattice_channels,
    mirrored,
    parted,
    spread_out,
)
from IXGSLib.prior.features import (
    FEATURES,
    LINE_INTEGRAL_UNIT,
    STANDARDIZED,
    FeatureView,
    feature_views,
    square_view,
)
from IXGSLib.standardization import StandardizationSettings, standardize
from IXGSLib.standardization.fitting import Fit
from IXGSLib.xray import XRay

pytestmark = pytest.mark.usefixtures("one_torch_thread")
CENTER = np.array([12.0, -40.0, 300.0])
POINT = CENTER + (21.0, -13.0, 8.0)
LATTICE = Grid.centered(CENTER, np.full(3, 80.0), 5.0, np.eye(3))
SIZE = 96
FIRST = CHANNELS - COARSE
"""The first of the channels with one value a voxel."""


@pytest.fixture(scope="module")
def views():
    """Views of a ball of bone at POINT, whose shadow is both the standardised image and the coarse detail."""
    found = []
    for view in trajectory(CArm(detector_pixels=(SIZE, SIZE), detector_size=250.0), arc(6, 160, 20), CENTER):
        rows, columns = np.indices((SIZE, SIZE))
        x, y = view.project(POINT)[0]
        shadow = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * 3.0**2)).astype(np.float32)
        features = np.stack([shadow, shadow, 0 * shadow, 0 * shadow, shadow])
        image = XRay(view, 0.5 * shadow, np.ones(shadow.shape, bool), "line_integral")
        found.append(FeatureView(features, image, image))
    return found


def brightest(channel):
    return apply(LATTICE.world_from_index, np.array(np.unravel_index(np.argmax(channel), channel.shape))[::-1])


def test_features_are_sampled_where_they_lie(views):
    channels = lattice_channels(views, LATTICE)
    assert channels.shape == (CHANNELS, *LATTICE.shape)
    for number in (*range(2 * PARTS**3), FIRST + 1, ALGEBRAIC, TOTAL):
        assert np.linalg.norm(brightest(channels[number]) - POINT) < 6.0
    parts = spread_out(torch.from_numpy(channels[None, : PARTS**3]))[0].numpy()
    index = np.array(np.unravel_index(np.argmax(parts), parts.shape))[::-1]
    assert np.linalg.norm(apply(parted(LATTICE).world_from_index, index) - POINT) < 2.5
    assert 0.8 < parts.max() <= 1.0
    assert np.allclose(channels[FIRST], 0)
    assert channels[ALGEBRAIC].max() * ATTENUATION_UNIT > 0.005


def test_the_least_and_the_deviations_tell_where_views_disagree(views):
    channels = lattice_channels(views, LATTICE)
    mean, least = channels[: PARTS**3].mean(axis=0), channels[PARTS**3 : 2 * PARTS**3].mean(axis=0)
    assert (least <= mean + 1e-6).all()
    index = tuple(np.rint(apply(np.linalg.inv(LATTICE.world_from_index), POINT))[::-1].astype(int))
    beside = tuple(np.array(index) + (0, 3, 0))
    assert least[index] > 0.3
    assert least[beside] < 0.1
    deviation = channels[FIRST + 2]
    assert deviation[beside] > deviation[index]


def test_the_order_of_the_views_does_not_matter(views):
    there, back = lattice_channels(views, LATTICE), lattice_channels(views[::-1], LATTICE)
    np.testing.assert_allclose(there[:ALGEBRAIC], back[:ALGEBRAIC], atol=1e-5)


def test_masked_pixels_do_not_count(views):
    blind = np.zeros((SIZE, SIZE), bool)
    blind[:, : SIZE // 2] = True
    half = [replace(view, standardized=replace(view.standardized, mask=blind)) for view in views]
    channels = lattice_channels(half, LATTICE)
    share = channels[FIRST + 5]
    assert share.min() == 0
    assert 0.3 < share.mean() < 0.7
    # A voxel that no view shows has parts beside it that some view may show.
    unseen = share[1:-1, 1:-1, 1:-1] == 0
    assert np.median(channels[0, 1:-1, 1:-1, 1:-1][unseen]) == 0


def test_parts_of_voxels_and_channels_are_the_same_numbers():
    fine = np.random.default_rng(0).normal(size=(3, 8, 12, 4)).astype(np.float32)
    channels = gathered(fine)
    assert channels.shape == (3 * PARTS**3, 4, 6, 2)
    for n in range(3):
        back = spread_out(torch.from_numpy(channels[None, n * PARTS**3 : (n + 1) * PARTS**3]))[0].numpy()
        np.testing.assert_array_equal(back, fine[n])
    grid = parted(LATTICE)
    np.testing.assert_allclose(grid.corners(), LATTICE.corners())


def test_mirrored_channels_are_those_of_a_mirrored_patient(views):
    """Every view and the images are mirrored about the plane through the centre."""
    flip = np.diag([-1.0, 1.0, 1.0])
    mirror = np.eye(4)
    mirror[:3, :3], mirror[:3, 3] = flip, CENTER - flip @ CENTER
    seen = []
    for each in views:
        view = each.standardized.view
        K = view.K.copy()
        K[0, 2] = SIZE - 1 - K[0, 2]
        pose = mirror @ view.world_from_camera @ np.diag([-1.0, 1.0, 1.0, 1.0])
        posed = replace(view, K=K, world_from_camera=pose)
        found = each.posed(posed)
        turned = [replace(x, image=x.image[:, ::-1], mask=x.mask[:, ::-1]) for x in (found.standardized, found.xray)]
        seen.append(FeatureView(found.features[..., ::-1].copy(), *turned))
    moments = slice(0, ALGEBRAIC)
    there, back = lattice_channels(views, LATTICE), lattice_channels(seen, LATTICE)
    np.testing.assert_allclose(mirrored(there)[moments], back[moments], atol=2e-4)


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


@pytest.fixture
def case(tiny_standardizer, views):
    """Standardised X-rays, wider than high, with a masked column."""
    generator = np.random.default_rng(0)
    xrays = []
    for each in views[:3]:
        view = replace(each.standardized.view, size=(SIZE, 64))
        lines = (2 + generator.normal(0, 0.2, (64, SIZE))).astype(np.float32)
        mask = np.ones(lines.shape, bool)
        mask[:, :20] = False
        xrays.append(XRay(view, lines, mask, "intensity"))
    settings = StandardizationSettings(method="pix2pix", weights=tiny_standardizer)
    return standardize(Case(tuple(xrays), Grid.centered(CENTER, np.full(3, 80.0), 2.5, np.eye(3))), settings)


def test_features_of_a_case_have_the_size_of_the_network(case):
    found = feature_views(case, 64)
    assert len(found) == 3
    for each, xray in zip(found, case.xrays, strict=True):
        assert each.features.shape == (len(FEATURES), 64, 64)
        assert each.standardized.view.size == each.xray.view.size == (64, 64)
        assert not each.standardized.mask[:, :13].any()
        assert np.allclose(each.features[:, ~each.standardized.mask], 0)
        peak = each.features[STANDARDIZED].max() * LINE_INTEGRAL_UNIT
        assert 0.5 * xray.image.max() < peak <= xray.image.max()
        assert each.xray.image.max() == pytest.approx(2.4, abs=0.4)


def test_images_stored_as_negatives_have_no_unit(case):
    record = replace(case.standardization, record={**case.standardization.record, "inverted": True})
    raw = {id: replace(xray, image=-xray.image) for id, xray in record.raw.items()}
    found = feature_views(replace(case, standardization=replace(record, raw=raw)), 64)
    for each, known in zip(found, feature_views(case, 64), strict=True):
        np.testing.assert_array_equal(each.features, known.features)
        assert each.xray is None
    assert np.ptp(lattice_channels(found, LATTICE)[TOTAL]) == 0


def test_a_case_without_its_original_xrays_is_refused(case):
    with pytest.raises(SettingsError, match="standardise the X-rays again"):
        feature_views(replace(case, standardization=None), 64)
    with pytest.raises(SettingsError, match="no original"):
        feature_views(replace(case, standardization=replace(case.standardization, raw={})), 64)
