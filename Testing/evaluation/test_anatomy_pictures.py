"""Slices and bone pictures show the right side of the patient at the right edge."""

import numpy as np
import pytest

from IXGSLib.evaluation.bone_picture import BACKGROUND, MAX_PIXELS, MAX_STEPS, _first_crossing, bone_picture, smoothed
from IXGSLib.evaluation.planes import (
    AXIAL,
    CORONAL,
    SAGITTAL,
    SLICES,
    VIEWING_DIRECTIONS,
    cut,
    edge_letters,
    focus,
    slice_grid,
)
from IXGSLib.geometry import Grid
from IXGSLib.geometry.trajectory import CArm
from IXGSLib.volume import Volume

CENTER = np.array([5.0, -10.0, 1200.0])
LEFT, POSTERIOR, SUPERIOR = np.eye(3)


def oblique():
    Q, _ = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))
    return Q * np.sign(np.linalg.det(Q))


def sphere(center, radius, direction=None, size=64.0, spacing=1.0):
    grid = Grid.centered(CENTER, (size,) * 3, spacing, direction)
    distance = np.linalg.norm(grid.points() - center, axis=-1)
    return Volume(0.05 * np.clip(0.5 + (radius - distance) / 2, 0, 1), grid)


def bright(picture):
    """(right, down) of the bright part from the middle of the picture, in parts of its half side."""
    grey = np.atleast_3d(picture).max(axis=2).astype(float)
    place = np.argwhere(grey > grey.max() / 2).mean(axis=0)
    half = (np.array(grey.shape) - 1) / 2
    return ((place - half) / half)[::-1]


@pytest.mark.parametrize("direction", [None, oblique()], ids=["upright", "oblique"])
@pytest.mark.parametrize(
    ("plane", "sides"),
    [(AXIAL, (LEFT, POSTERIOR)), (CORONAL, (LEFT, -SUPERIOR)), (SAGITTAL, (POSTERIOR, -SUPERIOR))],
    ids=lambda value: getattr(value, "name", ""),
)
def test_slices_follow_the_radiological_convention(plane, sides, direction):
    for sign in (1, -1):
        for n, side in enumerate(sides):
            center = CENTER + sign * 15 * side
            volume = sphere(center, 6, direction)
            place = bright(cut(volume, slice_grid(volume.grid, plane, center)))
            assert sign * place[n] > 0.2
            assert abs(place[1 - n]) < 0.05


def test_slice_pixels_are_square_and_in_mm():
    grid = Grid((20, 60, 40), [0.5, 0.8, 3.0], CENTER, np.eye(3))
    for plane, (width, height) in zip(SLICES, [(20, 48), (20, 60), (48, 60)], strict=True):
        lattice = slice_grid(grid, plane, grid.center)
        assert lattice.spacing[0] == lattice.spacing[1] == 0.5
        assert lattice.size[:2] == pytest.approx((width, height), abs=0.5)
        assert (np.abs((lattice.center - grid.center) @ plane.direction) < 1e-9).all()


@pytest.mark.parametrize("plane", VIEWING_DIRECTIONS, ids=lambda plane: plane.name)
def test_bone_is_seen_from_the_side_that_is_named(plane):
    toward = {"From the front": -POSTERIOR, "From the left": LEFT, "From behind": POSTERIOR}[plane.name]
    assert np.allclose(plane.direction[:, 2], -toward)
    assert np.linalg.det(plane.direction) == pytest.approx(1)
    center = CENTER + 12 * np.array(plane.right) - 8 * np.array(plane.down)
    right, down = bright(bone_picture(sphere(center, 9), plane)[0])
    assert right == pytest.approx(12 / 32, abs=0.08)
    assert down == pytest.approx(-8 / 32, abs=0.08)


def test_letters_name_the_edges():
    assert edge_letters(AXIAL.right, AXIAL.down) == ("R", "L", "A", "P")
    assert edge_letters(CORONAL.right, CORONAL.down) == ("R", "L", "S", "I")
    assert edge_letters(SAGITTAL.right, SAGITTAL.down) == ("A", "P", "S", "I")
    assert edge_letters(VIEWING_DIRECTIONS[2].right, VIEWING_DIRECTIONS[2].down) == ("L", "R", "S", "I")


def test_letters_of_an_xray_are_those_of_its_pose():
    def edges(orbital, angular):
        rotation = CArm().view(orbital, angular, CENTER).world_from_camera
        return edge_letters(rotation[:3, 0], rotation[:3, 1])

    assert edges(0, 0) == ("L", "R", "S", "I")
    assert edges(90, 0) == ("P", "A", "S", "I")
    assert edges(40, 0)[0] == "LP"


def test_the_silhouette_has_the_size_of_the_sphere():
    picture, grid = bone_picture(sphere(CENTER, 20), VIEWING_DIRECTIONS[0])
    area = (picture != BACKGROUND).any(axis=2).sum() * grid.spacing[0] * grid.spacing[1]
    assert area == pytest.approx(np.pi * 20**2, rel=0.02)


def test_light_falls_from_the_upper_left_and_front():
    picture, _ = bone_picture(sphere(CENTER, 20), VIEWING_DIRECTIONS[0])
    grey, middle = picture.mean(axis=2), picture.shape[0] // 2
    upper_left, lower_right = grey[middle - 16, middle - 16], grey[middle + 16, middle + 16]
    assert upper_left > lower_right + 30


def test_rays_stop_between_voxels_where_the_threshold_is_crossed():
    values = np.zeros((6, 1, 3), dtype=np.float32)
    values[:, 0, 0] = [0.0, 0.01, 0.02, 0.04, 0.01, 0.09]
    values[:, 0, 1] = 0.03
    hit, depth = _first_crossing(values, 0.025)
    assert hit.tolist() == [[True, True, False]]
    assert depth[0, :2] == pytest.approx([2.25, 0.0])


def test_near_bone_hides_far_bone():
    near, far = CENTER - 18 * POSTERIOR, CENTER + 18 * POSTERIOR
    both = Volume(np.maximum(sphere(near, 10).values, sphere(far, 10).values), sphere(near, 10).grid)
    front, left, _ = VIEWING_DIRECTIONS
    seen, alone = (bone_picture(volume, front)[0] for volume in (both, sphere(near, 10)))
    assert np.abs(seen.astype(int) - alone).max() <= 1
    right, _ = bright(bone_picture(both, left)[0])
    assert abs(right) < 0.1


def test_bone_that_fills_the_region_is_shaded():
    volume = Volume(np.full((12, 12, 12), 0.05), Grid.centered(CENTER, (12, 12, 12), 1.0))
    picture, _ = bone_picture(smoothed(volume), VIEWING_DIRECTIONS[0])
    assert picture.min() > BACKGROUND.max()


def test_focus_is_on_the_bone_and_else_in_the_centre():
    center = CENTER + (9, -7, 4)
    for direction in (None, oblique()):
        assert np.allclose(focus(sphere(center, 8, direction)), center, atol=1.0)
    empty = sphere(CENTER + 500, 1)
    assert np.allclose(focus(empty), CENTER)


@pytest.mark.parametrize("plane", VIEWING_DIRECTIONS, ids=lambda plane: plane.name)
def test_pictures_of_fine_volumes_have_a_limited_number_of_pixels_and_steps(plane):
    fine = Grid.centered(CENTER, (60, 20, 300), 1.0)
    empty = Volume(np.zeros(fine.shape), fine)
    picture, grid = bone_picture(empty, plane)
    assert max(picture.shape[:2]) <= MAX_PIXELS
    assert grid.shape[0] <= MAX_STEPS
