"""Random anatomies: what varies, and what stays the same."""

import numpy as np
import pytest

from IXGSLib.geometry import Grid
from IXGSLib.simulation import anatomy
from IXGSLib.simulation.anatomy import draw_anatomy
from IXGSLib.simulation.body import Body, body
from IXGSLib.simulation.spine import spine
from Testing.simulation.phantom import GRID, hounsfield

SHAPE = (50, 50, 60)
LARGE = Grid(SHAPE, np.array([4.0, 4.5, 5.0]), np.array([-110.0, -100.0, 20.0]), np.eye(3))


@pytest.fixture(scope="module")
def patient():
    return body(hounsfield(), GRID, 200, 30, spacing=0)


@pytest.fixture
def still(monkeypatch):
    for name in ("DISPLACEMENT_FIELDS_MM", "SOFT_DENSITY_FIELDS", "BONE_DENSITY_FIELDS"):
        monkeypatch.setattr(anatomy, name, ((30.0, 0.0),))
    monkeypatch.setattr(anatomy, "MAX_GAS_POCKETS", 0)
    monkeypatch.setattr(anatomy, "MINERAL_FACTORS", (1.0, 1.0))


def column(bend=0.0):
    """Soft tissue with a column of bone that is bent to the left, mm, in the middle of its length."""
    values = np.zeros((*SHAPE, 4), np.float32)
    values[..., 0] = 0.02
    x, y, z = np.moveaxis(LARGE.points(), -1, 0)
    curve = bend * np.cos((z - LARGE.center[2]) / LARGE.size[2] * np.pi)
    bone = np.hypot(x - LARGE.center[0] - curve, y - LARGE.center[1] - 20) < 15
    values[bone] = (0, 0.05, 0, 0.03)
    return Body(values, LARGE, float(LARGE.corners()[:, 1].max()))


def test_without_random_changes_the_body_stays_the_same(patient, still):
    changed = draw_anatomy(np.random.default_rng(0), patient)
    np.testing.assert_allclose(changed.values, patient.values, atol=1e-7)
    assert changed.grid is patient.grid


def test_one_seed_gives_one_anatomy_and_another_seed_another(patient):
    first, again, other = (draw_anatomy(np.random.default_rng(seed), patient).values for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert np.abs(first - other).max() > 0.1 * first.max()


def test_the_target_goes_with_the_bone(monkeypatch):
    monkeypatch.setattr(anatomy, "MINERAL_FACTORS", (1.0, 1.0))
    whole = column()
    changed = draw_anatomy(np.random.default_rng(3), whole).values
    bone = changed[..., 1] > 0
    assert bone.any()
    np.testing.assert_allclose(changed[bone, 3] / changed[bone, 1], 0.6, rtol=1e-4)
    assert not changed[~bone, 3].any()
    assert np.std(changed[..., 1][changed[..., 1] > 0.04]) > 0.002


@pytest.mark.parametrize("factor", [0.5, 0.8, 1.7])
def test_cancellous_bone_of_another_density_is_that_of_a_ct_with_its_hu(factor, monkeypatch, still):
    monkeypatch.setattr(anatomy, "MINERAL_FACTORS", (factor, factor))
    levels = np.array([-1000.0, -100, 40, 130, 180, 250, 300, 1000, 1600])
    values = np.broadcast_to(levels, (5, 4, len(levels)))
    grid = Grid(values.shape, np.full(3, 2.0), np.zeros(3), np.eye(3))
    share = np.clip((900 - levels) / 600, 0, 1)
    wanted = np.where((levels > 40) & (levels < 900), 40 + (levels - 40) * factor**share, levels)
    changed = draw_anatomy(np.random.default_rng(0), body(values, grid, 200, 30, spacing=0))
    expected = body(np.broadcast_to(wanted, values.shape), grid, 200, 30, spacing=0)
    np.testing.assert_allclose(changed.values, expected.values, atol=2e-6)


def test_contrast_agent_does_not_become_bone(monkeypatch, still):
    monkeypatch.setattr(anatomy, "MINERAL_FACTORS", (1.7, 1.7))
    values, grid = np.full((4, 4, 4), 280.0), Grid((4, 4, 4), np.full(3, 2.0), np.zeros(3), np.eye(3))
    person = body(values, grid, 200, 30, spacing=0, bone=np.zeros_like(values))
    changed = draw_anatomy(np.random.default_rng(0), person)
    assert changed.values[..., 3].max() < 1e-3
    assert changed.values[..., 1].min() > person.values[..., 1].max()


def test_bones_move_by_the_displacement_that_is_drawn(monkeypatch, still):
    monkeypatch.setattr(anatomy, "DISPLACEMENT_FIELDS_MM", ((60.0, 7.0),))
    whole = column()
    places = [spine(draw_anatomy(np.random.default_rng(seed), whole)) for seed in range(12)]
    moved = [np.abs(np.median(place[:, :2], axis=0) - spine(whole)[0, :2]).max() for place in places]
    assert 2 < np.median(moved) < 20


def test_stool_holds_gas_in_bubbles(monkeypatch, still):
    monkeypatch.setattr(anatomy, "MAX_GAS_POCKETS", 1)
    monkeypatch.setattr(anatomy, "POCKET_RADII_MM", (25.0, 25.0))
    monkeypatch.setattr(anatomy, "STOOL_GAS_FRACTIONS", (0.3, 0.3))
    whole, parts = column(), []
    for stool in (0.0, 1.0):
        monkeypatch.setattr(anatomy, "STOOL_PROBABILITY", stool)
        drawn = [draw_anatomy(np.random.default_rng(seed), whole).values[..., 0] for seed in range(8)]
        parts.append(sum(int(((one == 0) & (whole.values[..., 0] > 0)).sum()) for one in drawn))
    gas, bubbles = parts
    assert gas > 200
    assert 0.15 * gas < bubbles < 0.45 * gas


def test_gas_takes_the_place_of_soft_tissue_before_the_spine_and_leaves_bone(monkeypatch, still):
    monkeypatch.setattr(anatomy, "MAX_GAS_POCKETS", 30)
    whole = column()
    changed = draw_anatomy(np.random.default_rng(1), whole).values
    gas = (changed[..., 0] == 0) & (whole.values[..., 0] > 0)
    assert gas.sum() > 50
    assert LARGE.points()[gas][:, 1].max() < spine(whole)[:, 1].max() - anatomy.ANTERIOR_DISTANCES_MM[0] + 50
    np.testing.assert_allclose(changed[..., 1:], whole.values[..., 1:], atol=1e-7)


@pytest.mark.parametrize("bend", [0.0, 30.0])
def test_a_spine_is_followed_where_it_bends(bend):
    points = spine(column(bend))
    assert np.all(np.diff(points[:, 2]) > 0)
    expected = LARGE.center[0] + bend * np.cos((points[:, 2] - LARGE.center[2]) / LARGE.size[2] * np.pi)
    assert np.abs(points[:, 0] - expected).max() < 4
    assert np.abs(points[:, 1] - LARGE.center[1] - 20).max() < 5


def test_a_spine_rises_whichever_way_the_slices_are_counted():
    whole = column(30.0)
    turned = np.diag([-1.0, 1.0, -1.0])
    origin = LARGE.origin + LARGE.spacing * (SHAPE[2] - 1, 0, SHAPE[0] - 1)
    other = Body(whole.values[::-1, :, ::-1], Grid(SHAPE, LARGE.spacing, origin, turned), whole.back)
    np.testing.assert_allclose(spine(other), spine(whole), atol=LARGE.spacing.max())
    assert np.all(np.diff(spine(other)[:, 2]) > 0)
