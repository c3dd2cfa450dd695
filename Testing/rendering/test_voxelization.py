from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from IXGSLib.gaussians import Cloud
from IXGSLib.geometry import Grid
from IXGSLib.geometry.rigid import apply, rigid
from IXGSLib.rendering import voxelize
from IXGSLib.rendering.reference import rotation_matrices
from Testing.rendering.scenes import (
    HALF_TURN_QUATERNIONS,
    HALF_TURNS,
    NAMES,
    leaves,
    moved,
    moved_grid,
    oblique_grid,
    one,
    random_cloud,
    random_rotation,
)

BACKENDS = ["reference", "cpu"]


@pytest.mark.parametrize("backend", BACKENDS)
def test_voxels_are_the_averages_of_the_attenuation(backend):
    grid, cloud = oblique_grid((14, 15, 16)), one((3.0, -2.0, 1.0), (5.0, 3.0, 4.0), (0.9, 0.3, -0.2, 0.5))
    steps = (np.arange(4) + 0.5) / 4 - 0.5
    offsets = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 3) * grid.spacing @ grid.direction.T
    points = torch.tensor(grid.points()[..., None, :] + offsets) - cloud.position[0]
    local = points @ rotation_matrices(cloud.rotation)[0].double() / cloud.scale[0]
    exact = float(cloud.density[0]) * torch.exp(-(local**2).sum(dim=-1) / 2).mean(dim=-1)
    assert (voxelize(cloud, grid, backend) - exact).abs().max() < 0.005 * exact.max()


@pytest.mark.parametrize("backend", BACKENDS)
def test_voxels_hold_the_mass_of_the_cloud(backend):
    grid, clouds = oblique_grid((30, 40, 45)), random_cloud(6, (1.5, 4.0), extent=15)
    for n in range(len(clouds)):
        cloud = clouds[torch.tensor([n])]
        total = float(voxelize(cloud, grid, backend).sum(dtype=torch.float64)) * grid.voxel_volume
        assert total == pytest.approx(float(cloud.mass[0]), rel=2.5e-3)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("scale", [(1e-3, 1e-3, 1e-3), (0.1, 0.3, 0.05)])
def test_gaussians_smaller_than_a_voxel_keep_their_mass_on_average(backend, scale):
    grid, steps = oblique_grid((7, 8, 9)), np.arange(6) / 6
    indices = 3 + np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 3)
    clouds = [one(position, scale, (0.9, 0.3, -0.2, 0.5)) for position in apply(grid.world_from_index, indices)]
    cloud = Cloud.concatenated(*clouds)
    total = float(voxelize(cloud, grid, backend).sum(dtype=torch.float64)) * grid.voxel_volume
    assert total == pytest.approx(float(cloud.mass.sum(dtype=torch.float64)), rel=2e-3)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_part_of_the_lattice_is_voxelized_as_in_the_whole(backend):
    grid, cloud = oblique_grid((12, 13, 21)), random_cloud(extent=40)
    whole = voxelize(cloud, grid, backend)
    start, shape = np.array([5, 3, 4]), (6, 7, 9)  # start: i, j, k
    part = Grid(shape, grid.spacing, apply(grid.world_from_index, start), grid.direction)
    i, j, k = start
    expected = whole[k : k + shape[0], j : j + shape[1], i : i + shape[2]]
    assert torch.allclose(voxelize(cloud, part, backend), expected, atol=1e-4 * float(whole.max()))


@pytest.mark.parametrize("backend", BACKENDS)
def test_voxels_are_additive_and_linear_in_the_density(backend):
    grid, first, second = oblique_grid(), random_cloud(seed=1), random_cloud(seed=2)
    both = voxelize(Cloud.concatenated(first, second), grid, backend)
    assert torch.allclose(both, voxelize(first, grid, backend) + voxelize(second, grid, backend), atol=1e-7)
    scaled = replace(first, density=-3 * first.density)
    assert torch.allclose(voxelize(scaled, grid, backend), -3 * voxelize(first, grid, backend), atol=1e-7)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("turn", [*HALF_TURNS[1:], random_rotation(7)])
def test_rigid_motion_of_everything_changes_nothing(backend, turn):
    T = rigid(turn, [30.0, -250.0, 1300.0])
    cloud, grid = random_cloud(dtype=torch.float64), oblique_grid()
    there = moved(cloud, T)
    if backend == "cpu":
        cloud, there = cloud.to(dtype=torch.float32), there.to(dtype=torch.float32)
    here, values = voxelize(cloud, grid, backend), voxelize(there, moved_grid(grid, T), backend)
    assert (values - here).abs().max() < (1e-9 if backend == "reference" else 3e-4) * here.max()


@pytest.mark.parametrize("turn", [*HALF_TURNS, random_rotation(2)])
def test_reference_gradients_are_those_of_the_voxels(turn):
    grid = Grid((2, 3, 4), np.array([2.0, 3.0, 2.5]), np.array([-3.0, -2.5, -1.0]), turn)
    cloud = random_cloud(5, (1.0, 4.0), extent=6.0, dtype=torch.float64)
    cloud = leaves(replace(cloud, rotation=torch.cat([HALF_TURN_QUATERNIONS, cloud.rotation[:1]])), torch.float64)

    def values(*tensors):
        return voxelize(Cloud(*tensors), grid, "reference")

    assert torch.autograd.gradcheck(values, tuple(getattr(cloud, name) for name in NAMES), atol=1e-7, rtol=1e-4)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", NAMES)
def test_a_value_that_is_not_finite_makes_the_render_nan(backend, name):
    cloud = random_cloud(extent=15)
    getattr(cloud, name)[7] = math.nan
    assert voxelize(cloud, oblique_grid(), backend).isnan().all()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("size", [1e-3, 1e3, 1e10, 1e30])
def test_extreme_sizes_stay_inside_the_lattice(backend, size):
    values = voxelize(one((0, 0, 0), (size, 1.0, size), (1.0, 0.2, 0.4, 0.3)), oblique_grid(), backend)
    assert values.shape == oblique_grid().shape
    assert size > 1e3 or (values.isfinite().all() and values.max() > 0)
