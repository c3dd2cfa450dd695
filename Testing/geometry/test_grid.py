"""Voxel lattices: indices, boxes and voxel sizes, on oblique directions."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
from hypothesis import given

from IXGSLib.errors import GeometryError, IXGSWarning
from IXGSLib.geometry import Grid
from IXGSLib.geometry.rigid import apply, inverse, rigid
from Testing.geometry.strategies import grids, motions, numbers, rotations, vectors


def unit_grid() -> Grid:
    return Grid((2, 3, 4), np.ones(3), np.zeros(3), np.eye(3))


def test_arrays_are_indexed_slowest_axis_first():
    points = unit_grid().points()
    assert points.shape == (2, 3, 4, 3)
    np.testing.assert_array_equal(points[1, 2, 3], (3, 2, 1))


@given(grids())
def test_points_are_the_world_coordinates_of_indices(grid):
    nk, nj, ni = grid.shape
    index = np.array([ni - 1, nj // 2, nk - 1])
    by_hand = grid.origin + sum(index[n] * grid.spacing[n] * grid.direction[:, n] for n in range(3))
    np.testing.assert_allclose(apply(grid.world_from_index, index), by_hand, atol=1e-9)
    np.testing.assert_allclose(grid.points()[nk - 1, nj // 2, ni - 1], by_hand, atol=1e-9)


@given(grids())
def test_the_centre_is_the_mean_of_voxels_and_of_corners(grid):
    np.testing.assert_allclose(grid.points().reshape(-1, 3).mean(axis=0), grid.center, atol=1e-9)
    np.testing.assert_allclose(grid.corners().mean(axis=0), grid.center, atol=1e-9)


@given(grids())
def test_the_box_reaches_half_a_voxel_beyond_the_outer_voxel_centres(grid):
    indices = apply(np.linalg.inv(grid.world_from_index), grid.corners())
    np.testing.assert_allclose(indices.min(axis=0), -0.5, atol=1e-9)
    np.testing.assert_allclose(indices.max(axis=0), np.array(grid.shape[::-1]) - 0.5, atol=1e-9)
    np.testing.assert_allclose(np.prod(grid.size), grid.voxel_volume * np.prod(grid.shape))


@given(grids())
def test_the_box_contains_exactly_the_points_within_its_corners(grid):
    outward = grid.corners() - grid.center
    assert grid.contains(grid.points()).all()
    assert grid.contains(grid.center + 0.999 * outward).all()
    assert not grid.contains(grid.center + 1.001 * outward).any()
    axes = np.concatenate([grid.direction.T, -grid.direction.T]) * np.tile(grid.size, 2)[:, None] / 2
    assert grid.contains(grid.center + 0.999 * axes).all()
    assert not grid.contains(grid.center + 1.001 * axes).any()


@given(grids(), motions())
def test_a_grid_moves_rigidly_with_its_points(grid, T):
    moved = replace(grid, origin=apply(T, grid.origin), direction=T[:3, :3] @ grid.direction)
    np.testing.assert_allclose(apply(inverse(T), moved.points()), grid.points(), atol=1e-8)
    np.testing.assert_allclose(apply(inverse(T), moved.corners()), grid.corners(), atol=1e-8)


@given(vectors(-500, 500), vectors(1, 60), numbers(0.5, 5), rotations())
def test_a_centred_grid_has_its_centre_and_its_size_to_half_a_voxel_on_either_side(center, size, spacing, direction):
    grid = Grid.centered(center, size, spacing, direction)
    np.testing.assert_allclose(grid.center, center, atol=1e-9)
    np.testing.assert_array_equal(grid.direction, direction)
    np.testing.assert_array_equal(grid.spacing, spacing)
    assert (np.abs(grid.size - size) / 2 <= spacing / 2 + 1e-9).all()


@given(grids(), numbers(0.2, 5))
def test_other_voxels_keep_the_box(grid, spacing):
    other = grid.with_spacing(spacing)
    np.testing.assert_allclose(other.center, grid.center, atol=1e-9)
    np.testing.assert_array_equal(other.spacing, spacing)
    assert (np.abs(other.size - grid.size) / 2 <= spacing / 2 + 1e-9).all()


@given(grids())
def test_finer_voxels_that_divide_the_spacing_keep_the_box_exactly(grid):
    cubic = replace(grid, spacing=np.full(3, grid.spacing[0]))
    finer = cubic.with_spacing(grid.spacing[0] / 3)
    assert finer.shape == tuple(3 * n for n in grid.shape)
    np.testing.assert_allclose(finer.corners(), cubic.corners(), atol=1e-9)
    np.testing.assert_allclose(finer.points()[1::3, 1::3, 1::3], cubic.points(), atol=1e-9)


@given(grids(), numbers(0, 20))
def test_padding_keeps_the_voxels_in_place_and_grows_every_side_by_the_margin(grid, margin):
    padded = grid.padded(margin)
    growth = (padded.size - grid.size) / 2
    assert (growth >= margin - 1e-6).all()
    assert (growth < margin + grid.spacing + 1e-6).all()
    k, j, i = (np.array(padded.shape) - grid.shape) // 2
    nk, nj, ni = grid.shape
    np.testing.assert_allclose(padded.points()[k : k + nk, j : j + nj, i : i + ni], grid.points(), atol=1e-8)


def test_padding_by_whole_voxels_adds_no_more():
    grid = replace(unit_grid(), spacing=np.full(3, 0.7))
    assert grid.padded(2.1).shape == (8, 9, 10)  # 2.1 / 0.7 > 3 in floating point
    assert grid.padded(0).shape == grid.shape


def test_a_grid_cannot_be_changed():
    origin = np.zeros(3)
    grid = replace(unit_grid(), origin=origin)
    origin[0] = 7
    assert grid.origin[0] == 0
    for array in (grid.origin, grid.spacing, grid.direction):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    with pytest.raises(FrozenInstanceError):
        grid.shape = (1, 1, 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shape": (0, 3, 4)}, "grid shape is"),
        ({"shape": (2, 3)}, "grid shape has shape"),
        ({"shape": (2, 3, 4.5)}, "grid shape is .* whole numbers"),
        ({"spacing": (1, 0, 1)}, "grid spacing is .* positive lengths"),
        ({"spacing": (1, -1, 1)}, "grid spacing is .* positive lengths"),
        ({"spacing": (1, np.nan, 1)}, "grid spacing holds NaN"),
        ({"origin": (0, np.inf, 0)}, "grid origin holds NaN"),
        ({"direction": np.diag([1, 1, -1])}, "grid direction is a reflection"),
        ({"direction": 2 * np.eye(3)}, "grid direction is not a rotation"),
    ],
)
def test_what_cannot_be_a_lattice_is_refused(change, message):
    with pytest.raises(GeometryError, match=message):
        replace(unit_grid(), **change)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((0, 0), (10, 10, 10), 1.0), "volume centre has shape"),
        (((0, 0, np.nan), (10, 10, 10), 1.0), "volume centre holds NaN"),
        (((0, 0, 0), (10, 0, 10), 1.0), "volume size is .* positive lengths"),
        (((0, 0, 0), (10, 10, 10), 0.0), "volume spacing is 0.0"),
        (((0, 0, 0), (10, 10, 10), np.nan), "volume spacing is nan"),
        (((0, 0, 0), (10, 10, 10), 1.0, np.eye(2)), "grid direction has shape"),
        (((0, 0, 0), (10, 10, 10), 1.0, np.eye(3)[::-1]), "grid direction is a reflection"),
    ],
)
def test_what_cannot_be_a_box_is_refused(arguments, message):
    with pytest.raises(GeometryError, match=message):
        Grid.centered(*arguments)


def test_a_corrected_direction_keeps_the_centre():
    with pytest.warns(IXGSWarning, match="grid direction differed from a rotation") as caught:
        grid = Grid.centered(
            (10, 20, 30), (200, 100, 50), 1.0, np.eye(3) + 1e-3 * rigid(np.ones((3, 3)), (0, 0, 0))[:3, :3]
        )
    assert len(caught) == 1
    np.testing.assert_allclose(grid.center, (10, 20, 30), atol=1e-9)
