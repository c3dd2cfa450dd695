"""Fractures and lytic lesions: their volumes, where they are drawn, and what they replace."""

from dataclasses import replace

import numpy as np
import pytest

from IXGSLib.geometry import Grid
from IXGSLib.geometry.trajectory import CArm
from IXGSLib.simulation.body import Body, materials
from IXGSLib.simulation.lesions import (
    COUNTS,
    LESION_HU,
    Ellipsoid,
    Plate,
    changes,
    draw_lesions,
    share,
    upright_plate,
    with_lesions,
)
from IXGSLib.volume.bone import WATER

GRID = Grid.centered(np.array([5.0, -3.0, 100.0]), np.full(3, 80.0), 2.0, np.eye(3))


def patient() -> Body:
    """Bone of 400 HU in a ball of 25 mm, soft tissue of 0 HU in one of 35 mm, air around them."""
    k, j, i = np.indices(GRID.shape)
    points = GRID.origin + GRID.spacing * np.stack([i, j, k], axis=-1)
    distance = np.linalg.norm(points - GRID.center, axis=-1)
    hounsfield = np.where(distance < 25, 400.0, np.where(distance < 35, 0.0, -1000.0))
    water, bone, metal = materials(hounsfield)
    enhanced = np.where(hounsfield > 200, water + bone, 0)
    return Body(np.stack([water, bone, metal, enhanced], axis=-1).astype(np.float32), GRID, 40.0)


@pytest.mark.parametrize(
    ("solid", "volume"),
    [
        (Ellipsoid(GRID.center, np.array([12.0, 9.0, 6.0])), 4 / 3 * np.pi * 12 * 9 * 6),
        (upright_plate(GRID.center, (0.8, 0.6), np.array([1.5, 30.0, 20.0])), 1.5 * 30 * 20),
        (
            Plate(GRID.center, np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0], np.array([3.0, 20, 30])),
            1800,
        ),
    ],
)
def test_the_shares_of_voxels_add_up_to_the_volume_of_a_solid(solid, volume):
    assert share([solid], GRID).sum() * 8 == pytest.approx(volume, rel=0.03)


@pytest.mark.parametrize("seed", range(3))
def test_the_surface_of_a_solid_is_at_least_as_far_as_its_clearance(seed):
    generator = np.random.default_rng(seed)
    frame = np.linalg.qr(generator.normal(size=(3, 3)))[0]
    points = generator.normal(0, 15, (4000, 3))
    nearby = generator.normal(size=(4000, 3))
    nearby /= np.linalg.norm(nearby, axis=1)[:, None]
    for solid in (
        Ellipsoid(np.zeros(3), np.array([12.0, 9.0, 6.0])),
        Plate(np.zeros(3), frame, np.array([3.0, 20, 30])),
    ):
        clearance = solid.clearance(points)
        np.testing.assert_array_equal(clearance <= 0, solid.holds(points))
        moved = points + 0.999 * np.abs(clearance)[:, None] * nearby
        np.testing.assert_array_equal(solid.holds(moved), solid.holds(points))


def test_a_solid_outside_the_grid_has_no_share():
    assert share([Ellipsoid(GRID.center + 500, np.full(3, 5.0))], GRID).sum() == 0


def test_lesions_are_drawn_in_bone_within_the_box():
    person, generator = patient(), np.random.default_rng(0)
    along = GRID.center + np.array([(0, 0, z) for z in (-30.0, 0.0, 30.0)])
    for _ in range(10):
        solids = draw_lesions(generator, person, GRID.center, 30.0, along)
        assert COUNTS[0] <= len(solids) <= COUNTS[1]
        for solid in solids:
            assert np.abs(solid.center - GRID.center).max() < 15
            assert np.linalg.norm(solid.center - GRID.center) < 26
            assert solid.holds(solid.center)
    assert draw_lesions(generator, person, GRID.center + 300, 30.0, along) == []


def test_a_lesion_is_as_dense_as_blood_and_changes_neither_soft_tissue_nor_air():
    person = patient()
    solid = Ellipsoid(GRID.center + (24.0, 0, 0), np.full(3, 14.0))
    changed = with_lesions(person, [solid])
    inside = share([solid], GRID) == 1
    bone = inside & (person.values[..., 3] > 0)
    assert bone.sum() > 100
    np.testing.assert_allclose(changed.values[bone][:, 0], WATER * (1 + LESION_HU / 1000), rtol=1e-5)
    np.testing.assert_array_equal(changed.values[bone][:, [1, 3]], 0)
    np.testing.assert_array_equal(changed.values[~bone & inside], person.values[~bone & inside])
    outside = share([solid], GRID) == 0
    np.testing.assert_array_equal(changed.values[outside], person.values[outside])


def test_line_integrals_of_the_changes_are_what_lesions_add():
    person = replace(patient(), density=(0.9, 1.4))
    solids = [Ellipsoid(GRID.center + (20.0, 0, 5.0), np.full(3, 9.0)), Ellipsoid(GRID.center - 8, np.full(3, 6.0))]
    added = changes(person, solids)
    assert added.values[..., 0].size < GRID.points()[..., 0].size / 4
    for angle in (0.0, 35.0, 90.0):
        view = CArm(600.0, 1000.0, (40, 40), 160.0).view(angle, 10.0, GRID.center, "0")
        before, after, found = (each.line_integrals(view) for each in (person, with_lesions(person, solids), added))
        for one, other, difference in zip(before, after, found, strict=True):
            np.testing.assert_allclose(one + difference, other, atol=1e-5)
        assert found[1].min() < -0.05


def test_without_lesions_nothing_changes():
    far = Ellipsoid(GRID.center + 500, np.full(3, 5.0))
    for solids in ([], [far]):
        assert not changes(patient(), solids).values.any()
        np.testing.assert_array_equal(with_lesions(patient(), solids).values, patient().values)
