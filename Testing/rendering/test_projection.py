from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from IXGSLib.errors import GeometryError, SettingsError
from IXGSLib.gaussians import Cloud
from IXGSLib.geometry import View
from IXGSLib.geometry.rigid import Array, rigid
from IXGSLib.rendering import project
from IXGSLib.rendering.reference import rotation_matrices
from Testing.rendering.scenes import (
    HALF_TURN_QUATERNIONS,
    HALF_TURNS,
    NAMES,
    c_arm,
    leaves,
    moved,
    one,
    random_cloud,
    random_rotation,
)

BACKENDS = ["reference", "cpu"]


def exact_image(cloud: Cloud, view: View, samples: int = 4) -> Array:
    """(height, width) line integrals of a single Gaussian, averaged over samples x samples rays in each pixel."""
    cloud = cloud.to(dtype=torch.float64)
    R = rotation_matrices(cloud.rotation)[0].numpy()
    P = R @ np.diag(cloud.scale[0].numpy() ** -2.0) @ R.T
    steps = (np.arange(samples) + 0.5) / samples - 0.5
    v, u = np.meshgrid(np.arange(view.size[1]), np.arange(view.size[0]), indexing="ij")
    total = np.zeros((view.size[1], view.size[0]))
    for dy in steps:
        for dx in steps:
            origin, d = view.ray(np.stack([u + dx, v + dy], axis=-1))
            offset = origin - cloud.position[0].numpy()
            along, length = d @ P @ offset, np.einsum("...i,ij,...j", d, P, d)
            exponent = offset @ P @ offset - along**2 / length
            total += np.sqrt(2 * math.pi / length) * np.exp(-exponent / 2)
    return float(cloud.density[0]) * total / samples**2


def projected_mass(cloud: Cloud, view: View) -> float:
    """The mass of a single Gaussian times the pixels that a mm^2 across its ray covers."""
    x, y, z = view.camera_from_world[:3, :3] @ cloud.position[0].double().numpy() + view.camera_from_world[:3, 3]
    return float(cloud.mass[0]) * view.K[0, 0] * view.K[1, 1] * math.sqrt(x * x + y * y + z * z) / z**3


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("turn", [*HALF_TURNS, *(random_rotation(seed) for seed in range(4))])
@pytest.mark.parametrize(
    ("position", "scale", "pitch"),
    [
        ((0, 0, 0), (5, 5, 5), 2.0),
        ((35, -20, 25), (4, 4, 4), 2.0),
        ((-30, 25, -10), (5, 1, 2.5), 2.0),
        ((6, 5, 0), (0.6, 0.4, 0.8), 0.4),
    ],
)
def test_image_is_the_line_integral_of_the_gaussian(backend, turn, position, scale, pitch):
    view = c_arm((96, 80), turn, pitch)
    cloud = one(turn @ position, scale, rotation=(0.9, 0.3, -0.2, 0.5))
    exact = exact_image(cloud, view)
    assert exact[5:-5, 5:-5].max() == exact.max() > 0
    assert np.abs(project(cloud, view, backend=backend).numpy() - exact).max() < 0.005 * exact.max()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("size", [(0.7, 1.0), (2.0, 6.0)])
def test_image_holds_the_mass_of_the_gaussian(backend, size):
    view, clouds = c_arm((240, 240), random_rotation(1), pitch=1.0), random_cloud(8, size, extent=40, seed=4)
    for n in range(len(clouds)):
        cloud = clouds[torch.tensor([n])]
        total = float(project(cloud, view, backend=backend).sum(dtype=torch.float64))
        assert total == pytest.approx(projected_mass(cloud, view), rel=2e-3)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("scale", [(1e-3, 1e-3, 1e-3), (0.1, 0.2, 0.02)])
def test_gaussians_smaller_than_a_pixel_keep_their_mass_on_average(backend, scale):
    view = c_arm((12, 11), random_rotation(1))
    steps = np.arange(8) / 8
    pixels = 5 + np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
    clouds = [one(position, scale, (0.9, 0.3, -0.2, 0.5)) for position in view.backproject(pixels, np.full(64, 640.0))]
    total = float(project(Cloud.concatenated(*clouds), view, backend=backend).sum(dtype=torch.float64))
    assert total == pytest.approx(sum(projected_mass(cloud, view) for cloud in clouds), rel=1.2e-3)


@pytest.mark.parametrize("backend", BACKENDS)
def test_image_is_additive_and_linear_in_the_density(backend):
    view = c_arm()
    first, second = random_cloud(seed=1), random_cloud(seed=2)
    both = project(Cloud.concatenated(first, second), view, backend=backend)
    assert torch.allclose(both, project(first, view, backend=backend) + project(second, view, backend=backend))
    scaled = replace(first, density=-3 * first.density)
    assert torch.allclose(project(scaled, view, backend=backend), -3 * project(first, view, backend=backend))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("turn", [*HALF_TURNS[1:], random_rotation(7)])
def test_rigid_motion_of_everything_changes_nothing(backend, turn):
    T = rigid(turn, [30.0, -250.0, 1300.0])
    cloud, view = random_cloud(dtype=torch.float64), c_arm(skew=15.0)
    there = moved(cloud, T)
    if backend == "cpu":
        cloud, there = cloud.to(dtype=torch.float32), there.to(dtype=torch.float32)
    here, image = project(cloud, view, backend=backend), project(there, view.moved(T), backend=backend)
    # float32 positions 1300 mm from the origin are rounded by 6e-5 mm.
    assert (image - here).abs().max() < (1e-9 if backend == "reference" else 2e-4) * here.max()


@pytest.mark.parametrize("turn", [*HALF_TURNS, random_rotation(2)])
def test_reference_gradients_are_those_of_the_image(turn):
    K = np.array([[30.0, 6.0, 2.2], [0.0, 40.0, 1.4], [0, 0, 1]])
    view = View(K, rigid(turn, -60 * turn[:, 2]), (5, 4))
    cloud = random_cloud(5, (1.0, 4.0), extent=8.0, dtype=torch.float64)
    cloud = leaves(replace(cloud, rotation=torch.cat([HALF_TURN_QUATERNIONS, cloud.rotation[:1]])), torch.float64)
    pose = torch.tensor(view.camera_from_world[:3]).requires_grad_()

    def image(*values):
        return project(Cloud(*values[:4]), view, values[4], backend="reference")

    assert torch.autograd.gradcheck(image, (*(getattr(cloud, name) for name in NAMES), pose), atol=1e-7, rtol=1e-4)


def test_a_given_pose_replaces_that_of_the_view():
    cloud, view, other = random_cloud(), c_arm(), c_arm(R=random_rotation(3))
    pose = torch.tensor(other.camera_from_world)
    expected = project(cloud, other)
    assert not torch.allclose(expected, project(cloud, view))
    for given in (pose, pose[:3], pose[:3].T.contiguous().T):
        assert torch.equal(project(cloud, view, given), expected)
        assert torch.allclose(project(cloud, view, given, backend="reference"), expected, atol=1e-4 * expected.max())
    with pytest.raises(GeometryError, match=r"\(3, 3\)"):
        project(cloud, view, pose[:3, :3])


@pytest.mark.parametrize("backend", BACKENDS)
def test_gaussians_behind_the_source_are_not_drawn(backend):
    view = c_arm()
    cloud = one(view.source - 100 * view.axis, (30.0, 30.0, 30.0))
    assert torch.equal(project(cloud, view, backend=backend), torch.zeros(48, 64))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", NAMES)
def test_a_value_that_is_not_finite_makes_the_render_nan(backend, name):
    cloud = random_cloud()
    getattr(cloud, name)[7] = math.nan
    assert project(cloud, c_arm(), backend=backend).isnan().all()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("size", [1e-3, 1e3, 1e10, 1e30])
def test_extreme_sizes_stay_inside_the_image(backend, size):
    image = project(one((0, 0, 0), (size, 1.0, size), (1.0, 0.2, 0.4, 0.3)), c_arm(), backend=backend)
    assert image.shape == (48, 64)
    assert size > 1e3 or (image.isfinite().all() and image.max() > 0)


def test_kernels_refuse_what_they_are_not_compiled_for():
    with pytest.raises(SettingsError, match="float64"):
        project(random_cloud(dtype=torch.float64), c_arm(), backend="cpu")
