"""The CPU kernels give the values and gradients of the reference."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from IXGSLib.gaussians import Cloud
from IXGSLib.geometry import Grid
from IXGSLib.geometry.rigid import rigid
from IXGSLib.rendering import project, voxelize
from Testing.rendering.scenes import (
    HALF_TURN_QUATERNIONS,
    HALF_TURNS,
    NAMES,
    c_arm,
    differences,
    leaves,
    moved,
    moved_grid,
    needles,
    oblique_grid,
    one,
    random_cloud,
    random_rotation,
    rendered,
)

CLOUDS = {
    "random": random_cloud(),
    "dots": random_cloud(size=(0.02, 0.2)),
    "specks": random_cloud(size=(1e-3, 2e-3)),
    "large": random_cloud(10, (20.0, 40.0)),
    "larger than the image": random_cloud(4, (900.0, 1100.0)),
    "needles": needles(),
    "no density": replace(random_cloud(), density=torch.zeros(40)),
    "negative density": replace(random_cloud(), density=-random_cloud().density),
    "half turns": replace(random_cloud(4), rotation=HALF_TURN_QUATERNIONS.float() * 1e-3),
    "single": random_cloud(1),
}
"""By name: what is special about a cloud."""


def agree(cloud, target, tolerance=1e-4):
    worst = differences(cloud, target)
    assert max(worst.values()) < tolerance, worst


@pytest.mark.parametrize("name", CLOUDS)
@pytest.mark.parametrize("turn", [HALF_TURNS[0], HALF_TURNS[2], random_rotation(5)])
def test_images(name, turn):
    agree(CLOUDS[name], c_arm(R=turn, skew=20.0))


@pytest.mark.parametrize("name", CLOUDS)
@pytest.mark.parametrize("turn", [HALF_TURNS[0], random_rotation(5)])
def test_volumes(name, turn):
    agree(CLOUDS[name], moved_grid(oblique_grid(), rigid(turn, [0.0, 0.0, 0.0])))


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (7, 3), (8, 8), (9, 2), (15, 16), (17, 5)])
def test_images_of_any_size(size):
    agree(random_cloud(size=(2.0, 20.0)), c_arm(size, pitch=120 / max(size)))


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 1, 9), (3, 1, 7), (2, 5, 8), (9, 2, 17)])
def test_volumes_of_any_shape(shape):
    agree(random_cloud(), oblique_grid(shape))


@pytest.mark.parametrize("name", ["large", "needles", "larger than the image"])
def test_gaussians_over_hundreds_of_rows(name):
    agree(CLOUDS[name], c_arm((96, 500), pitch=0.5))


def test_splats_on_the_border_columns_and_rows():
    view = c_arm((20, 18))
    columns, rows = [-3.0, -0.6, 0.0, 0.4, 18.7, 19.0, 19.6, 22.0], [-2.0, 0.0, 8.0, 17.0, 20.0]
    pixels = np.stack(np.meshgrid(columns, rows), axis=-1).reshape(-1, 2)
    count = len(pixels)
    position = torch.tensor(view.backproject(pixels, np.full(count, 600.0))).float()
    agree(replace(random_cloud(count, (0.5, 4.0)), position=position), view)


@pytest.mark.parametrize("position", [(500.0, 0.0, 0.0), (0.0, -400.0, 10.0), (0.0, 0.0, -700.0), (0.0, 0.0, -619.5)])
def test_splats_outside_the_image_contribute_nothing(position):
    found = rendered(one(position), c_arm(), "cpu")
    assert all(torch.equal(values, torch.zeros_like(values)) for values in found.values())


@pytest.mark.parametrize("target", [c_arm(), oblique_grid()])
def test_splats_outside_the_image_beside_ones_inside(target):
    far = random_cloud(12, seed=3)
    shift = torch.tensor([[500.0, 0, 0], [0, 0, -700], [0, 0, -620], [-300, 0, 0]]).repeat(3, 1)
    agree(Cloud.concatenated(random_cloud(), replace(far, position=far.position + shift), random_cloud(seed=9)), target)


@pytest.mark.parametrize("target", [c_arm(), oblique_grid()])
def test_density_zero_has_a_gradient(target):
    assert (rendered(CLOUDS["no density"], target, "cpu")["density"] != 0).any()


@pytest.mark.parametrize("target", [c_arm(), oblique_grid()])
@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_no_gaussians_give_zeros_and_no_gradient(target, backend):
    for name, values in rendered(Cloud.empty(), target, backend).items():
        assert values.shape[0] > 0 if name in ("values", "pose") else values.shape[0] == 0
        assert not values.any()


def test_far_from_the_worlds_origin():
    T = rigid(random_rotation(4), [100.0, -200.0, 1300.0])
    cloud = moved(random_cloud(), T).to(dtype=torch.float32)
    agree(cloud, c_arm().moved(T))
    agree(cloud, moved_grid(oblique_grid(), T))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_pose_gradient_has_the_type_of_the_pose(dtype):
    view, cloud = c_arm(), random_cloud()
    pose = torch.tensor(view.camera_from_world, dtype=dtype)
    found, expected = (rendered(cloud, view, b, pose)["pose"] for b in ("cpu", "reference"))
    assert found.dtype == dtype
    assert found.shape == (4, 4)
    assert torch.allclose(found, expected, atol=1e-4 * float(expected.abs().max()))


@pytest.mark.parametrize("target", [c_arm(), oblique_grid()])
def test_memory_order_does_not_matter(target):
    def render(cloud):
        values = project(cloud, target) if not isinstance(target, Grid) else voxelize(cloud, target)
        # A gradient that is expanded in one axis and turned in the others.
        turned = values.shape[::-1]
        weights = torch.rand(turned, generator=torch.Generator().manual_seed(0))[:1].expand(turned)
        values.backward(weights.permute(*range(values.dim() - 1, -1, -1)))
        assert values.is_contiguous()
        return values.detach()

    plain, strided = leaves(random_cloud(), torch.float32), leaves(random_cloud(), torch.float32)
    every_other = Cloud(*(torch.stack([getattr(strided, n), getattr(strided, n)], dim=-1)[..., 1] for n in NAMES))
    assert not every_other.position.is_contiguous()
    assert torch.equal(render(every_other), render(plain))
    for name in NAMES:
        assert torch.equal(getattr(strided, name).grad, getattr(plain, name).grad)


def test_parameters_changed_before_the_backward_pass_are_noticed():
    cloud = leaves(random_cloud(), torch.float32)
    loss = project(cloud, c_arm()).sum()
    with torch.no_grad():
        cloud.scale.mul_(2)
    with pytest.raises(RuntimeError, match="inplace"):
        loss.backward()
