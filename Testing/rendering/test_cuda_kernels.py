"""The Triton kernels give the values and gradients of the reference; on a GPU, or interpreted without one."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from IXGSLib.gaussians import Cloud
from IXGSLib.geometry import Grid, View
from IXGSLib.geometry.rigid import rigid
from Testing.rendering.scenes import (
    NAMES,
    c_arm,
    leaves,
    moved,
    needles,
    oblique_grid,
    one,
    random_cloud,
    random_rotation,
    rendered,
)

pytest.importorskip("triton")
from IXGSLib.rendering.cuda import render, tiles

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def gradients(cloud: Cloud, target: View | Grid, parts: int = 1) -> dict[str, torch.Tensor]:
    """`rendered` by the Triton kernels."""
    cloud = leaves(cloud.to(DEVICE), torch.float32)
    inputs = {name: getattr(cloud, name) for name in NAMES}
    if isinstance(target, View):
        inputs["pose"] = torch.tensor(target.camera_from_world, device=DEVICE).requires_grad_()
        values = render.project(cloud, target, inputs["pose"][:3], parts)
    else:
        values = render.voxelize(cloud, target, parts)
    weights = torch.rand(values.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64) - 0.3
    values.backward(weights.to(values))
    return {"values": values.detach().cpu(), **{name: tensor.grad.cpu() for name, tensor in inputs.items()}}


def agree(cloud: Cloud, target: View | Grid, parts: int = 1) -> None:
    found, expected = gradients(cloud, target, parts), rendered(cloud, target, "reference")
    for name, truth in expected.items():
        assert found[name].shape == truth.shape
        if truth.numel():
            error = float((found[name] - truth).abs().max()) / max(float(truth.abs().max()), 1e-12)
            assert error < 1e-4, name


def off_centre(view: View) -> View:
    """The view with its principal point beyond the image's border."""
    return replace(view, K=view.K + np.array([[0, 0, -40.0], [0, 0, 9.0], [0, 0, 0]]))


CLOUDS = {
    "random": random_cloud(20),
    "dots": random_cloud(20, size=(0.02, 0.2)),
    "large": random_cloud(3, (20.0, 40.0)),
    "needles": needles(),
    "no density": replace(random_cloud(6), density=torch.zeros(6)),
    "single": random_cloud(1),
    "none": Cloud.empty(),
}


@pytest.mark.parametrize("name", CLOUDS)
def test_images(name):
    agree(CLOUDS[name], c_arm((40, 37), R=random_rotation(5), skew=20.0, pitch=3.0))


@pytest.mark.parametrize("name", CLOUDS)
def test_volumes(name):
    agree(CLOUDS[name], oblique_grid((9, 12, 10)))


@pytest.mark.parametrize("size", [(1, 1), (17, 5), (16, 16)])
def test_images_of_any_size(size):
    agree(random_cloud(10, size=(2.0, 20.0)), c_arm(size, pitch=120 / max(size)))


def test_volumes_of_a_single_slice():
    agree(random_cloud(10), oblique_grid((1, 3, 17)))


def test_a_tilted_view_with_its_principal_point_off_centre():
    agree(random_cloud(20), off_centre(c_arm((40, 30), R=random_rotation(2), pitch=3.0)))


def test_splats_across_borders_of_image_and_tiles():
    view = c_arm((36, 34))
    pixels = np.stack(np.meshgrid([-3.0, 0.0, 15.5, 16.0, 35.6, 39.0], [-2.0, 15.0, 33.0]), axis=-1).reshape(-1, 2)
    position = torch.tensor(view.backproject(pixels, np.full(len(pixels), 600.0))).float()
    agree(replace(random_cloud(len(pixels), (0.5, 4.0)), position=position), view)


def test_most_tiles_can_be_empty():
    agree(one((0.0, 0.0, 0.0)), c_arm((150, 70)))


@pytest.mark.parametrize("position", [(500.0, 0.0, 0.0), (0.0, 0.0, -700.0), (0.0, 0.0, -619.5)])
def test_splats_outside_the_image_contribute_nothing(position):
    found = gradients(one(position), c_arm())
    assert all(torch.equal(values, torch.zeros_like(values)) for values in found.values())


def test_far_from_the_worlds_origin():
    T = rigid(random_rotation(4), [100.0, -200.0, 1300.0])
    agree(moved(random_cloud(12), T).to(dtype=torch.float32), c_arm((40, 30), pitch=3.0).moved(T))


@pytest.mark.parametrize("target", [c_arm((20, 20)), oblique_grid((4, 9, 8))])
@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_values_that_are_not_finite_make_the_render_nan(target, wrong):
    cloud = random_cloud(3)
    cloud = replace(cloud, density=torch.tensor([0.01, wrong, 0.02]), position=torch.zeros(3, 3))
    assert gradients(cloud, target)["values"].isnan().all()


@pytest.mark.parametrize(("mean", "radius"), [(math.nan, 1.0), (5.0, math.nan), (math.inf, math.nan)])
def test_a_gaussian_without_a_box_is_in_no_list(mean, radius):
    """The GPU reports an index out of range long after the launch, for every kernel that follows."""
    means, radii = torch.full((3, 2), 5.0), torch.ones(3, 2)
    means[1, 1], radii[1, 1] = mean, radius
    found = tiles.lists(means, radii, (128, 128), 16)
    assert set(found.ids[: found.starts[-1]].tolist()) == {0, 2}


@pytest.mark.parametrize("target", [c_arm((20, 20)), oblique_grid((4, 9, 8))])
def test_work_in_parts_gives_the_same_result(target):
    agree(random_cloud(7), target, parts=2)


@pytest.mark.parametrize(("shape", "side"), [((33, 70), 16), ((1, 1), 16), ((9, 20, 30), 8)])
def test_every_tile_lists_each_gaussian_that_overlaps_it_once(shape, side):
    generator = torch.Generator().manual_seed(0)
    size = torch.tensor(shape[::-1])
    mean = (torch.rand((50, len(shape)), generator=generator) * 1.6 - 0.3) * size
    radius = torch.exp(torch.rand((50, len(shape)), generator=generator) * 5 - 1)
    radius[7] = -1
    found = tiles.lists(mean, radius, shape, side)
    counts = [-(-n // side) for n in shape[::-1]]
    for tile in np.ndindex(*counts):
        listed = []
        for level in range(found.levels):
            cell = 0
            for axis in reversed(range(len(shape))):
                cell = cell * (((counts[axis] - 1) >> level) + 1) + (tile[axis] >> level)
            cell += int(found.bases[level])
            listed += found.ids[found.starts[cell] : found.starts[cell + 1]].tolist()
        assert len(set(listed)) == len(listed)
        low = torch.tensor(tile) * side
        high = torch.minimum(low + side, size) - 1
        first, last = torch.ceil(mean - radius).maximum(low), torch.floor(mean + radius).minimum(high)
        needed = ((first <= last) & (radius >= 0)).all(dim=1).nonzero()[:, 0].tolist()
        assert set(needed) <= set(listed)
        assert 7 not in listed
