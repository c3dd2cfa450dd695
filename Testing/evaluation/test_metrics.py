"""Metrics against cases whose answers are known."""

import numpy as np
import pytest

from IXGSLib.errors import GeometryError
from IXGSLib.evaluation.metrics import bone_dice, compare_views, compare_volumes, ssim
from IXGSLib.geometry import Grid
from IXGSLib.geometry.trajectory import CArm
from IXGSLib.psnr import psnr
from IXGSLib.volume import Volume
from IXGSLib.xray import XRay

BONE = 0.04
CENTER = np.array([5.0, -10.0, 1200.0])


def sphere(radius, spacing=1.0, side=44.0):
    """A sphere of bone with an edge as soft as a voxel, in water-free air."""
    grid = Grid.centered(CENTER, (side,) * 3, spacing)
    distance = np.linalg.norm(grid.points() - CENTER, axis=-1)
    return Volume(BONE * np.clip(0.625 + (radius - distance) / 2, 0, 1), grid)


def xray(image, mask=None):
    view = CArm(detector_pixels=image.shape[::-1]).view(10, 5, (0, 0, 0), "v")
    return XRay(view, image, np.ones(image.shape, dtype=bool) if mask is None else mask)


@pytest.fixture(scope="module")
def picture():
    return np.random.default_rng(0).uniform(1, 5, (40, 50)).astype(np.float32)


def test_identical_volumes_are_perfect():
    metrics = compare_volumes(sphere(14), sphere(14))
    assert metrics.psnr == np.inf
    assert metrics.ssim == pytest.approx(1, abs=1e-6)
    assert (metrics.dice, metrics.surface_distance, metrics.notes) == (1, 0, ())


def test_a_sphere_grown_by_one_mm_is_one_mm_away():
    metrics = compare_volumes(sphere(15), sphere(14))
    assert metrics.surface_distance == pytest.approx(1, abs=0.06)
    assert metrics.dice == pytest.approx(2 * 14**3 / (15**3 + 14**3), abs=0.01)
    assert metrics.surface_distance == pytest.approx(compare_volumes(sphere(14), sphere(15)).surface_distance, abs=1e-9)


def test_surfaces_end_at_the_border_where_both_volumes_are_cut():
    grid = Grid.centered(CENTER, (40, 20, 20), 1.0)
    height = grid.points()[..., 0] - CENTER[0]
    slab, thicker = (Volume(BONE * np.clip(0.625 + (top - height) / 2, 0, 1), grid) for top in (0, 2))
    assert compare_volumes(thicker, slab).surface_distance == pytest.approx(2, abs=0.02)


def test_distance_is_in_mm_for_any_voxel_size():
    coarse = compare_volumes(sphere(16, 2.0), sphere(14, 2.0))
    assert coarse.surface_distance == pytest.approx(2, abs=0.15)


def test_volume_on_another_grid_is_compared_in_place():
    shifted = sphere(14)
    Q, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))
    grid = Grid.centered(CENTER, (44, 44, 44), 0.8, Q * np.sign(np.linalg.det(Q)))
    distance = np.linalg.norm(grid.points() - CENTER, axis=-1)
    metrics = compare_volumes(Volume(BONE * np.clip(0.625 + (14 - distance) / 2, 0, 1), grid), shifted)
    assert metrics.dice > 0.98
    assert metrics.surface_distance < 0.15
    assert metrics.psnr > 30


def test_psnr_takes_the_maximum_of_the_truth_as_peak():
    truth = np.array([0.0, 2.0, 4.0])
    assert psnr(truth + 0.4, truth) == pytest.approx(20)
    assert psnr(truth + 0.4, truth, data_range=40) == pytest.approx(40)
    assert psnr(truth, truth) == np.inf
    assert np.isnan(psnr(truth, np.zeros(3)))


def test_values_beyond_the_range_of_the_truth_are_clipped():
    truth = sphere(14)
    beyond = Volume(np.where(truth.values == truth.values.max(), 9.0, truth.values), truth.grid)
    assert compare_volumes(beyond, truth).psnr == np.inf


def test_ssim_is_one_for_identical_and_falls_with_noise(picture):
    noise = np.random.default_rng(1).normal(size=picture.shape).astype(np.float32)
    values = [ssim(picture + scale * noise, picture) for scale in (0, 0.2, 1)]
    assert values[0] == pytest.approx(1, abs=1e-6)
    assert values[0] > values[1] > values[2]


def test_ssim_is_that_of_skimage(picture):
    from skimage.metrics import structural_similarity

    other = picture[:, ::-1] * 0.5 + picture * 0.5
    expected = structural_similarity(
        other.astype(float),
        picture.astype(float),
        data_range=float(np.ptp(picture)),
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )
    assert ssim(other, picture) == pytest.approx(expected, abs=1e-5)


def test_ssim_falls_with_the_contrast_of_a_volume():
    truth = np.random.default_rng(0).random((48, 48, 48), dtype=np.float32)
    assert 0 < ssim(truth * 0.5, truth) < ssim(truth * 0.9, truth) < 1


def test_masked_pixels_are_ignored(picture):
    mask = np.ones(picture.shape, dtype=bool)
    mask[10:20, 15:30] = False
    render = picture + 0.3
    clean = compare_views([render], [xray(picture, mask)])
    spoiled_xray, spoiled_render = picture.copy(), render.copy()
    spoiled_render[~mask] = -1e3
    assert compare_views([spoiled_render], [xray(picture, mask)]) == clean
    spoiled_xray[~mask] = 99
    assert compare_views([render], [xray(spoiled_xray, mask)]).psnr == clean.psnr
    assert clean.psnr[0] == pytest.approx(20 * np.log10(float(np.ptp(picture[mask])) / 0.3), abs=1e-3)


def test_views_are_named_and_averaged(picture):
    metrics = compare_views([picture + 0.1, picture + 0.2], [xray(picture), xray(picture)])
    assert metrics.ids == ("v", "v")
    assert metrics.psnr[0] - metrics.psnr[1] == pytest.approx(20 * np.log10(2), abs=1e-3)
    assert metrics.mean_psnr == pytest.approx(np.mean(metrics.psnr))
    assert metrics.as_dict() == {"view_psnr": metrics.mean_psnr, "view_ssim": metrics.mean_ssim}


def test_view_without_a_measured_pixel_has_no_metric(picture):
    blind = xray(picture, np.zeros(picture.shape, dtype=bool))
    metrics = compare_views([picture, picture + 0.1], [blind, xray(picture)])
    assert np.isnan(metrics.psnr[0])
    assert metrics.mean_psnr == metrics.psnr[1]


def test_renders_of_another_number_or_size_are_refused(picture):
    with pytest.raises(GeometryError, match="0 renders for 1 X-rays"):
        compare_views([], [xray(picture)])
    with pytest.raises(GeometryError, match=r"view 'v'.*render at the size"):
        compare_views([picture.T], [xray(picture)])


def test_missing_bone_is_explained_not_raised():
    bone, empty = sphere(14), Volume(np.zeros((44, 44, 44)), sphere(14).grid)
    lost = compare_volumes(empty, bone)
    assert lost.dice == 0
    assert np.isnan(lost.surface_distance)
    assert "reconstruction: no bone surface" in lost.notes[0]
    assert lost.as_dict()["bone_surface_distance"] is None
    nothing = compare_volumes(empty, empty)
    assert np.isnan([nothing.dice, nothing.psnr, nothing.ssim]).all()
    assert len(nothing.notes) == 2


def test_dice_counts_voxels():
    values, truth = np.zeros(10), np.zeros(10)
    values[:4], truth[2:8] = 1, 1
    assert bone_dice(values, truth) == pytest.approx(2 * 2 / (4 + 6))


def test_small_volume_has_no_ssim_and_says_so():
    grid = Grid.centered((0, 0, 0), (8, 8, 8), 1.0)
    truth = Volume(np.random.default_rng(0).random(grid.shape), grid)
    metrics = compare_volumes(truth, truth)
    assert np.isnan(metrics.ssim)
    assert "11 voxels" in metrics.notes[0]
